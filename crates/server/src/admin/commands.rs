//! What the API asks of the server itself.

use async_trait::async_trait;
use mika_client::types::{
    ConfigKeys, ConfigPatch, CursorPage, CursorQuery, DeadLetter, DeadLetterAnswer, DeadLetterIds,
    Flushed,
};
use thiserror::Error;

use crate::config::ConfigChange;
use crate::control::{ControlError, Expected};

/// The functions of the running server that the API offers.
#[async_trait]
pub trait AdminCommands: Send + Sync + 'static {
    /// Reads the configuration again and applies what can change in a running server.
    async fn reload_config(&self) -> Result<ConfigChange, CommandError>;

    /// Makes a batch of everything that is pending and waits until the store has it.
    async fn flush(&self) -> Result<Flushed, CommandError>;

    /// All keys of the configuration, with the values in force.
    async fn config(&self) -> Result<ConfigKeys, CommandError> {
        not_offered()
    }

    /// Changes keys of the configuration, for this process and those that follow.
    async fn change_config(
        &self,
        patch: ConfigPatch,
        expected: Expected,
    ) -> Result<ConfigChange, ControlError> {
        let _ = (patch, expected);
        Err(ControlError::Interrupted)
    }

    /// Changes how often clients announce, in seconds, until the configuration is read again:
    /// the interval, and what is added to it at random.
    async fn set_intervals(
        &self,
        interval_seconds: Option<u32>,
        jitter_seconds: Option<u32>,
    ) -> Result<(), CommandError> {
        let _ = (interval_seconds, jitter_seconds);
        not_offered()
    }

    /// Rows that the store refused.
    async fn dead_letters(
        &self,
        page: CursorQuery,
    ) -> Result<CursorPage<DeadLetter>, ControlError> {
        let _ = page;
        Err(ControlError::Interrupted)
    }

    /// Puts rows that the store refused into the journal again.
    async fn retry_dead_letters(
        &self,
        ids: DeadLetterIds,
    ) -> Result<DeadLetterAnswer, ControlError> {
        let _ = ids;
        Err(ControlError::Interrupted)
    }

    /// Forgets rows that the store refused.
    async fn drop_dead_letters(
        &self,
        ids: DeadLetterIds,
    ) -> Result<DeadLetterAnswer, ControlError> {
        let _ = ids;
        Err(ControlError::Interrupted)
    }
}

fn not_offered<T>() -> Result<T, CommandError> {
    Err(CommandError::Unavailable("this server does not offer that".to_owned()))
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
