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
    /// A value that is never accepted.
    #[error("{0}")]
    Invalid(String),
    /// The store has it, but the tracker's memory limits do not let it in.
    #[error("stored, but not in force until the server is restarted: {0}")]
    NotInForce(RegistryError),
    /// What the store said.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Randomness(String),
    /// The server stopped in the middle.
    #[error("the server is stopping; see whether the change was made after its next start")]
    Interrupted,
}

impl ControlError {
    pub(super) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::NotFound { code, detail: detail.into() }
    }

    pub(super) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }
}

impl From<RegistryError> for ControlError {
    fn from(error: RegistryError) -> Self {
        Self::NotInForce(error)
    }
}
