//! Why the control plane did not do something.

use mika_core::registry::RegistryError;
use mika_store::StoreError;
use thiserror::Error;

/// Why a record was not read or changed. Texts are for people, codes for programs.
#[derive(Debug, Error)]
pub enum ControlError {
    /// There is no such record.
    #[error("{detail}")]
    NotFound {
        /// Stable word, such as `user_not_found`.
        code: &'static str,
        /// What was looked for.
        detail: String,
    },
    /// The change collides with another record.
    #[error("{detail}")]
    Conflict {
        /// Stable word, such as `name_taken`.
        code: &'static str,
        /// With what, and what to do.
        detail: String,
    },
    /// The record is not the one that the caller has seen.
    #[error("somebody has changed it since you read it: read it again and decide anew")]
    Changed,
    /// What was asked for is not known any more.
    #[error("{detail}")]
    Gone {
        /// Stable word, such as `cursor_expired`.
        code: &'static str,
        /// What to do.
        detail: String,
    },
    /// A value that is never accepted.
    #[error("{0}")]
    Invalid(String),
    /// The store has it, but the tracker's memory limits do not let it in.
    #[error("stored, but not in force until the server is restarted: {0}")]
    NotInForce(RegistryError),
    /// What the store said.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something of the server's own that may work later, such as a file.
    #[error("{0}")]
    Unavailable(String),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Randomness(String),
    /// The server stopped in the middle.
    #[error("the server is stopping; see whether the change was made after its next start")]
    Interrupted,
}

impl ControlError {
    /// The HTTP status and the stable word for it.
    pub fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::NotFound { code, .. } => (404, code),
            Self::Conflict { code, .. } => (409, code),
            Self::Changed => (412, "changed_meanwhile"),
            Self::Gone { code, .. } => (410, code),
            Self::Invalid(_) | Self::Store(StoreError::Invalid(_)) => (422, "invalid_value"),
            Self::NotInForce(_) => (503, "not_in_force"),
            Self::Randomness(_) => (503, "no_randomness"),
            Self::Interrupted => (503, "interrupted"),
            Self::Unavailable(_) => (503, "unavailable"),
            Self::Store(StoreError::Unavailable(_)) => (503, "store_unavailable"),
            Self::Store(StoreError::Broken(_)) => (503, "store_broken"),
            Self::Store(StoreError::Conflict(_)) => (409, "conflict"),
            Self::Store(StoreError::Unsupported(_)) => (422, "not_offered_by_store"),
        }
    }

    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::NotFound { code, detail: detail.into() }
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }
}

impl From<RegistryError> for ControlError {
    fn from(error: RegistryError) -> Self {
        Self::NotInForce(error)
    }
}
