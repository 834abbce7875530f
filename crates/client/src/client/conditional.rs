//! Requests that are done only once, or only if nobody else has changed the record.

use mika_protocol::InfoHash;
use reqwest::Method;
use reqwest::header::{ETAG, HeaderName, HeaderValue, IF_MATCH};
use serde::de::DeserializeOwned;

use super::{Client, segment};
use crate::error::Error;
use crate::types::{ClientRule, ConfigKeys, Role, Torrent, User};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A record, and which version of it that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The record.
    pub record: T,
    /// Its version, for [`Client::only_if`].
    pub version: String,
}

impl Client {
    /// A client whose changes are made only to this version of a record: another one is refused
    /// with the status 412.
    ///
    /// # Errors
    ///
    /// [`Error::Header`] if it is no version.
    pub fn only_if(&self, version: &str) -> Result<Self, Error> {
        self.with_header(IF_MATCH, version)
    }

    /// A client whose POST is done once, however often it is sent: if no answer came, send it again
    /// with the same key. A further request needs another key. Keys are kept for 24 hours.
    ///
    /// # Errors
    ///
    /// [`Error::Header`] if it is no key: 1 to 255 visible ASCII characters.
    pub fn once(&self, key: &str) -> Result<Self, Error> {
        self.with_header(IDEMPOTENCY_KEY, key)
    }

    fn with_header(&self, name: HeaderName, value: &str) -> Result<Self, Error> {
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Header);
        }
        let mut client = self.clone();
        client.headers.insert(name, HeaderValue::from_str(value).map_err(|_| Error::Header)?);
        Ok(client)
    }

    /// As [`Client::user`], with its version.
    pub async fn versioned_user(&self, user: &str) -> Result<Versioned<User>, Error> {
        self.versioned(&["api", "v1", "users", segment(user).as_str()]).await
    }

    /// As [`Client::torrent`], with its version.
    pub async fn versioned_torrent(
        &self,
        info_hash: InfoHash,
    ) -> Result<Versioned<Torrent>, Error> {
        self.versioned(&["api", "v1", "torrents", info_hash.to_string().as_str()]).await
    }

    /// As [`Client::role`], with its version.
    pub async fn versioned_role(&self, name: &str) -> Result<Versioned<Role>, Error> {
        self.versioned(&["api", "v1", "roles", name]).await
    }

    /// As [`Client::client_rule`], with its version.
    pub async fn versioned_client_rule(
        &self,
        prefix: &str,
    ) -> Result<Versioned<ClientRule>, Error> {
        self.versioned(&["api", "v1", "client-rules", prefix]).await
    }

    /// As [`Client::config`], with its version.
    pub async fn versioned_config(&self) -> Result<Versioned<ConfigKeys>, Error> {
        self.versioned(&["api", "v1", "config"]).await
    }

    pub(super) async fn versioned<T: DeserializeOwned>(
        &self,
        path: &[&str],
    ) -> Result<Versioned<T>, Error> {
        let (status, headers, bytes) = self.exchange(Method::GET, path, &[], None::<&()>).await?;
        let record = self.success(status, &bytes)?;
        let version = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        let version = version.ok_or_else(|| self.unexpected("the record has no ETag"))?;
        Ok(Versioned { record, version: version.to_owned() })
    }
}
