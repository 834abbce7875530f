//! What can go wrong between the client and the admin API.

use thiserror::Error;

use crate::types::Problem;

/// Why a call failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The address of the server is not an `http://` or `https://` URL.
    #[error("{0:?} is not an http:// or https:// URL, nor unix:/path")]
    Url(String),
    /// The token cannot be sent: it is empty or has characters other than visible ASCII.
    #[error("the token is empty or contains characters other than visible ASCII")]
    Token,
    /// A version or an idempotency key cannot be sent: it has characters other than visible ASCII.
    #[error("a version or an idempotency key has characters other than visible ASCII")]
    Header,
    /// The certificate of the authority is not PEM, or not a certificate.
    #[error("the certificate of the authority cannot be used: {0}")]
    Certificate(String),
    /// No connection, or it broke.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The server answered with a problem document.
    #[error("{}", .0.detail)]
    Problem(Problem),
    /// The answer is not one of mika's: another program listens there, or another version.
    #[error("{url} answers, but not as mika does: {reason}")]
    Protocol {
        /// The address that was tried.
        url: String,
        /// What was unexpected.
        reason: String,
    },
}

impl Error {
    /// The stable code of a problem document, such as `user_not_found`.
    pub fn code(&self) -> Option<&str> {
        self.problem().map(|problem| problem.code.as_str())
    }

    /// The HTTP status of a problem document.
    pub fn status(&self) -> Option<u16> {
        self.problem().map(|problem| problem.status)
    }

    fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}
