//! The whole state, the configuration, and rows that the store refused.

use futures_util::Stream;
use reqwest::Method;

use super::listing::pairs;
use super::{Client, cause};
use crate::error::Error;
use crate::types::{
    ConfigChange, ConfigKeys, ConfigPatch, CursorPage, CursorQuery, DeadLetter, DeadLetterAnswer,
    DeadLetterIds, ImportReport,
};

/// An export on its way.
#[derive(Debug)]
pub struct Exported {
    response: reqwest::Response,
    url: String,
}

impl Exported {
    /// The next bytes; `None` at the end. An export whose last line is not of the kind `end` was
    /// cut short.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] when the connection broke.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let chunk = self.response.chunk().await;
        let chunk = chunk.map_err(|error| Error::Unreachable {
            url: self.url.clone(),
            reason: cause(&error.without_url()),
        })?;
        Ok(chunk.map(|bytes| bytes.to_vec()))
    }
}

impl Client {
    /// Everything but peers, as JSON lines. It contains passkeys.
    pub async fn export(&self) -> Result<Exported, Error> {
        self.download(&["api", "v1", "export"]).await
    }

    /// JSON lines that need not fit into memory.
    pub(super) async fn download(&self, path: &[&str]) -> Result<Exported, Error> {
        let request = self.request(Method::GET, path, &[])?;
        // As long as it takes.
        let request = request.timeout(std::time::Duration::from_secs(24 * 3600));
        let url = self.url().to_owned();
        let response = request.send().await.map_err(|error| Error::Unreachable {
            url: url.clone(),
            reason: cause(&error.without_url()),
        })?;
        if response.status().is_success() {
            return Ok(Exported { response, url });
        }
        let status = response.status();
        let bytes = response.bytes().await.unwrap_or_default();
        Err(self.problem(status, &bytes))
    }

    /// Brings an export in that is in memory.
    pub async fn import(&self, lines: Vec<u8>) -> Result<ImportReport, Error> {
        self.import_body(lines.into()).await
    }

    /// Brings an export in part by part, so that it need not fit into memory.
    pub async fn import_stream(
        &self,
        parts: impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static,
    ) -> Result<ImportReport, Error> {
        self.import_body(reqwest::Body::wrap_stream(parts)).await
    }

    async fn import_body(&self, lines: reqwest::Body) -> Result<ImportReport, Error> {
        let request = self.request(Method::POST, &["api", "v1", "import"], &[])?;
        let request = request.header("content-type", "application/x-ndjson").body(lines);
        let request = request.timeout(std::time::Duration::from_secs(24 * 3600));
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            url: self.url().to_owned(),
            reason: cause(&error.without_url()),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        self.success(status, &bytes)
    }

    /// All keys of the configuration, with the values in force.
    pub async fn config(&self) -> Result<ConfigKeys, Error> {
        self.get(&["api", "v1", "config"], &[]).await
    }

    /// Changes keys of the configuration in the running server, for good.
    pub async fn change_config(&self, patch: &ConfigPatch) -> Result<ConfigChange, Error> {
        self.call(Method::PATCH, &["api", "v1", "config"], Some(patch)).await
    }

    /// Rows that the store refused, oldest first.
    pub async fn dead_letters(&self, page: &CursorQuery) -> Result<CursorPage<DeadLetter>, Error> {
        self.get(&["api", "v1", "dead-letters"], &pairs(page)).await
    }

    /// Puts rows that the store refused into the next batch.
    pub async fn retry_dead_letters(&self, ids: &DeadLetterIds) -> Result<DeadLetterAnswer, Error> {
        self.call(Method::POST, &["api", "v1", "dead-letters", "retry"], Some(ids)).await
    }

    /// Forgets rows that the store refused.
    pub async fn drop_dead_letters(&self, ids: &DeadLetterIds) -> Result<DeadLetterAnswer, Error> {
        self.call(Method::POST, &["api", "v1", "dead-letters", "drop"], Some(ids)).await
    }
}
