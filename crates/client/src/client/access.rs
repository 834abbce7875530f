//! API tokens and the audit log.

use reqwest::Method;

use super::Client;
use crate::error::Error;
use crate::types::{
    ApiToken, AuditPage, AuditQuery, CreatedApiToken, NewApiToken, Page, PageQuery,
};

impl Client {
    /// All API tokens, by id, without their secrets.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, Error> {
        self.items(&["api", "v1", "api-tokens"], &[]).await
    }

    /// A part of the API tokens, by id, without their secrets.
    pub async fn api_tokens_page(&self, page: PageQuery) -> Result<Page<ApiToken>, Error> {
        self.get(&["api", "v1", "api-tokens"], &super::paging(page)).await
    }

    /// One API token, without its secret.
    pub async fn api_token(&self, id: u32) -> Result<ApiToken, Error> {
        self.get(&["api", "v1", "api-tokens", id.to_string().as_str()], &[]).await
    }

    /// Makes an API token. Only this answer has its secret.
    pub async fn create_api_token(&self, token: &NewApiToken) -> Result<CreatedApiToken, Error> {
        self.call(Method::POST, &["api", "v1", "api-tokens"], Some(token)).await
    }

    /// Revokes an API token: it is refused from now on.
    pub async fn revoke_api_token(&self, id: u32) -> Result<(), Error> {
        self.delete(&["api", "v1", "api-tokens", id.to_string().as_str()]).await
    }

    /// A part of the audit log, the oldest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        let mut pairs = vec![("after_id", query.after_id.to_string())];
        pairs.extend(query.limit.map(|limit| ("limit", limit.to_string())));
        pairs.extend(query.since.map(|since| ("since", since.to_string())));
        pairs.extend(query.actor.clone().map(|actor| ("actor", actor)));
        pairs.extend(query.path.clone().map(|path| ("path", path)));
        self.get(&["api", "v1", "audit"], &pairs).await
    }
}
