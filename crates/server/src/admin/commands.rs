//! What the API asks of the server itself.

use async_trait::async_trait;
use mika_client::types::Flushed;
use thiserror::Error;

use crate::config::ConfigChange;

/// The functions of the running server that the API offers.
#[async_trait]
pub trait AdminCommands: Send + Sync + 'static {
    /// Reads the configuration again and applies what can change in a running server.
    async fn reload_config(&self) -> Result<ConfigChange, CommandError>;

    /// Makes a batch of everything that is pending and waits until the store has it.
    async fn flush(&self) -> Result<Flushed, CommandError>;
}

/// Why the server did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The configuration has mistakes, which are listed; the old one stays in force.
    #[error("the configuration has mistakes, the old one stays in force: {0}")]
    Config(String),
    /// It may work later.
    #[error("{0}")]
    Unavailable(String),
}
