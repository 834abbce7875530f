//! Why a webhook is not changed.

use std::io;

/// Why a webhook is not changed, or not there.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is none with this id.
    #[error("there is no webhook with the id {0}")]
    NotFound(u32),
    /// There are as many as may be.
    #[error("there are {0} webhooks already: remove one of them first")]
    TooMany(usize),
    /// A value that is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// The disk.
    #[error("the webhooks cannot be written to the disk, or read from it: {0}")]
    Io(#[from] io::Error),
}
