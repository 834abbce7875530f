//! The client: one method per route.

mod access;
mod bulk;
mod conditional;
mod detection;
mod geo;
mod listing;
mod notify;
mod state;

pub use conditional::Versioned;
pub use state::Exported;

use std::fmt;
use std::time::Duration;

use mika_protocol::InfoHash;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;
use crate::event_stream::EventStream;
use crate::types::{
    ClientRule, ClientRuleChange, ConfigChange, Event, EventChange, Flushed, Health, NewClientRule,
    NewEvent, NewRole, NewToken, NewTorrent, NewUser, Page, PageQuery, Problem, Readiness, Role,
    RoleChange, Stats, Token, Torrent, TorrentChange, User, UserChange,
};

/// Time within which a connection has to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time within which a call has to be answered; the server gives up after 30 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(40);
/// A longer answer is not mika's.
const REPLY_BYTES_MAX: usize = 8 << 20;

/// A client of one server.
///
/// Proxies of the environment are not used and redirects are not followed, so that the token goes
/// to that server only. The `Debug` form does not show the token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    /// The URL as it was given, for texts.
    shown: String,
    /// Sent with every request, beside the token.
    headers: HeaderMap,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.shown).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at `url` with its admin token or an API token. The URL is such as
    /// `http://127.0.0.1:34001`, or for a unix socket `unix:/run/mika/admin.sock`.
    ///
    /// The token may be empty for [`Client::health`] and [`Client::ready`], which need none.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] and [`Error::Token`] when an argument cannot be used.
    pub fn new(url: &str, token: &str) -> Result<Self, Error> {
        Self::connect(url, token, None)
    }

    /// The same for an `https://` server whose certificate was issued by somebody that this
    /// machine does not know: `authority` is that certificate, or the server's own if it issued
    /// it itself, as PEM. No other is believed then.
    ///
    /// # Errors
    ///
    /// As [`Client::new`], and [`Error::Certificate`].
    pub fn with_authority(url: &str, token: &str, authority: &[u8]) -> Result<Self, Error> {
        Self::connect(url, token, Some(authority))
    }

    fn connect(url: &str, token: &str, authority: Option<&[u8]>) -> Result<Self, Error> {
        let socket = url.strip_prefix("unix:").filter(|path| !path.is_empty());
        let base = Url::parse(if socket.is_some() { "http://localhost" } else { url });
        let base = base.map_err(|_| Error::Url(url.to_owned()))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(Error::Url(url.to_owned()));
        }
        let mut headers = HeaderMap::new();
        if !token.is_empty() {
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Error::Token);
            }
            let mut value =
                HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Error::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .default_headers(headers);
        if let Some(path) = socket {
            builder = builder.unix_socket(path);
        }
        if let Some(authority) = authority {
            let certificates = reqwest::Certificate::from_pem_bundle(authority);
            let certificates = certificates.map_err(|error| Error::Certificate(cause(&error)))?;
            if certificates.is_empty() {
                return Err(Error::Certificate("there is none in it".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        } else if base.scheme() == "http" {
            // A machine without root certificates can still reach a server without TLS.
            builder = builder.tls_certs_only([]);
        }
        let http = builder
            .build()
            .map_err(|error| Error::Unreachable { url: url.to_owned(), reason: cause(&error) })?;
        let shown = url.trim_end_matches('/').to_owned();
        Ok(Self { http, base, shown, headers: HeaderMap::new() })
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.shown
    }

    /// Whether the process runs. Needs no token.
    pub async fn health(&self) -> Result<Health, Error> {
        self.get(&["health"], &[]).await
    }

    /// Whether the server does all of its work. Needs no token.
    pub async fn ready(&self) -> Result<Readiness, Error> {
        let (_, bytes) = self.send(Method::GET, &["ready"], &[], None::<&()>).await?;
        self.decode(&bytes)
    }

    /// The metrics in the text format of Prometheus. Needs no token.
    pub async fn metrics(&self) -> Result<String, Error> {
        let (status, bytes) = self.send(Method::GET, &["metrics"], &[], None::<&()>).await?;
        if !status.is_success() {
            return Err(self.problem(status, &bytes));
        }
        String::from_utf8(bytes).map_err(|_| self.unexpected("the metrics are not UTF-8"))
    }

    /// What the server holds and has done.
    pub async fn stats(&self) -> Result<Stats, Error> {
        self.get(&["api", "v1", "stats"], &[]).await
    }

    /// Reads the configuration again and applies what can change in a running server.
    pub async fn reload_config(&self) -> Result<ConfigChange, Error> {
        self.call(Method::POST, &["api", "v1", "config", "reload"], None::<&()>).await
    }

    /// Writes everything that waits to the store, now.
    pub async fn flush(&self) -> Result<Flushed, Error> {
        self.call(Method::POST, &["api", "v1", "flush"], None::<&()>).await
    }

    /// A part of the users, by id.
    pub async fn users(&self, page: PageQuery) -> Result<Page<User>, Error> {
        self.get(&["api", "v1", "users"], &paging(page)).await
    }

    /// One user, named by id, name or passkey (`id:`, `name:` and `passkey:` in front say which).
    ///
    /// The key becomes part of the URL, which a proxy on the way may log: better not a passkey.
    pub async fn user(&self, user: &str) -> Result<User, Error> {
        self.get(&["api", "v1", "users", segment(user).as_str()], &[]).await
    }

    /// Adds a user.
    pub async fn add_user(&self, user: &NewUser) -> Result<User, Error> {
        self.call(Method::POST, &["api", "v1", "users"], Some(user)).await
    }

    /// Changes a user, named as in [`Client::user`].
    pub async fn update_user(&self, user: &str, change: &UserChange) -> Result<User, Error> {
        self.call(Method::PATCH, &["api", "v1", "users", segment(user).as_str()], Some(change))
            .await
    }

    /// Closes a user's account, named as in [`Client::user`].
    pub async fn delete_user(&self, user: &str) -> Result<User, Error> {
        self.call(Method::DELETE, &["api", "v1", "users", segment(user).as_str()], None::<&()>)
            .await
    }

    /// A part of the torrents, by id.
    pub async fn torrents(&self, page: PageQuery) -> Result<Page<Torrent>, Error> {
        self.get(&["api", "v1", "torrents"], &paging(page)).await
    }

    /// One torrent by either of its hashes.
    pub async fn torrent(&self, info_hash: InfoHash) -> Result<Torrent, Error> {
        self.get(&["api", "v1", "torrents", info_hash.to_string().as_str()], &[]).await
    }

    /// Adds a torrent.
    pub async fn add_torrent(&self, torrent: &NewTorrent) -> Result<Torrent, Error> {
        self.call(Method::POST, &["api", "v1", "torrents"], Some(torrent)).await
    }

    /// Changes a torrent.
    pub async fn update_torrent(
        &self,
        info_hash: InfoHash,
        change: &TorrentChange,
    ) -> Result<Torrent, Error> {
        let hash = info_hash.to_string();
        self.call(Method::PATCH, &["api", "v1", "torrents", hash.as_str()], Some(change)).await
    }

    /// Deletes a torrent; its clients are told the reason, which may be empty.
    pub async fn delete_torrent(
        &self,
        info_hash: InfoHash,
        reason: &str,
    ) -> Result<Torrent, Error> {
        let hash = info_hash.to_string();
        let query: &[(&str, String)] =
            if reason.is_empty() { &[] } else { &[("reason", reason.to_owned())] };
        let path = ["api", "v1", "torrents", hash.as_str()];
        let (status, bytes) = self.send(Method::DELETE, &path, query, None::<&()>).await?;
        self.success(status, &bytes)
    }

    /// All roles, by id.
    pub async fn roles(&self) -> Result<Vec<Role>, Error> {
        self.items(&["api", "v1", "roles"], &[]).await
    }

    /// One role by name.
    pub async fn role(&self, name: &str) -> Result<Role, Error> {
        self.get(&["api", "v1", "roles", name], &[]).await
    }

    /// Adds a role.
    pub async fn add_role(&self, role: &NewRole) -> Result<Role, Error> {
        self.call(Method::POST, &["api", "v1", "roles"], Some(role)).await
    }

    /// Changes a role.
    pub async fn update_role(&self, name: &str, change: &RoleChange) -> Result<Role, Error> {
        self.call(Method::PATCH, &["api", "v1", "roles", name], Some(change)).await
    }

    /// Deletes a role that no user has.
    pub async fn delete_role(&self, name: &str) -> Result<(), Error> {
        self.delete(&["api", "v1", "roles", name]).await
    }

    /// All client rules, by prefix.
    pub async fn client_rules(&self) -> Result<Vec<ClientRule>, Error> {
        self.items(&["api", "v1", "client-rules"], &[]).await
    }

    /// The client rule for a prefix.
    pub async fn client_rule(&self, prefix: &str) -> Result<ClientRule, Error> {
        self.get(&["api", "v1", "client-rules", prefix], &[]).await
    }

    /// Adds a client rule.
    pub async fn add_client_rule(&self, rule: &NewClientRule) -> Result<ClientRule, Error> {
        self.call(Method::POST, &["api", "v1", "client-rules"], Some(rule)).await
    }

    /// Changes a client rule.
    pub async fn update_client_rule(
        &self,
        prefix: &str,
        change: &ClientRuleChange,
    ) -> Result<ClientRule, Error> {
        self.call(Method::PATCH, &["api", "v1", "client-rules", prefix], Some(change)).await
    }

    /// Deletes a client rule.
    pub async fn delete_client_rule(&self, prefix: &str) -> Result<(), Error> {
        self.delete(&["api", "v1", "client-rules", prefix]).await
    }

    /// Tokens of one user, or of all; at most [`PageQuery::LIMIT_MAX`].
    pub async fn tokens(&self, user: Option<&str>) -> Result<Vec<Token>, Error> {
        let query: Vec<_> = user.map(|user| ("user", user.to_owned())).into_iter().collect();
        self.items(&["api", "v1", "tokens"], &query).await
    }

    /// Gives a user a token on a torrent, in place of one that is there.
    pub async fn put_token(
        &self,
        user: &str,
        info_hash: InfoHash,
        token: &NewToken,
    ) -> Result<Token, Error> {
        let (user, hash) = (segment(user), info_hash.to_string());
        let path = ["api", "v1", "tokens", user.as_str(), hash.as_str()];
        self.call(Method::PUT, &path, Some(token)).await
    }

    /// A user's token on a torrent.
    pub async fn token(&self, user: &str, info_hash: InfoHash) -> Result<Token, Error> {
        let (user, hash) = (segment(user), info_hash.to_string());
        self.get(&["api", "v1", "tokens", user.as_str(), hash.as_str()], &[]).await
    }

    /// Takes a user's token on a torrent away.
    pub async fn delete_token(&self, user: &str, info_hash: InfoHash) -> Result<(), Error> {
        let (user, hash) = (segment(user), info_hash.to_string());
        self.delete(&["api", "v1", "tokens", user.as_str(), hash.as_str()]).await
    }

    /// All global events, by name.
    pub async fn events(&self) -> Result<Vec<Event>, Error> {
        self.items(&["api", "v1", "events"], &[]).await
    }

    /// Adds a global event.
    pub async fn add_event(&self, event: &NewEvent) -> Result<Event, Error> {
        self.call(Method::POST, &["api", "v1", "events"], Some(event)).await
    }

    /// One global event.
    pub async fn event(&self, name: &str) -> Result<Event, Error> {
        self.get(&["api", "v1", "events", name], &[]).await
    }

    /// Changes a global event.
    pub async fn update_event(&self, name: &str, change: &EventChange) -> Result<Event, Error> {
        self.call(Method::PATCH, &["api", "v1", "events", name], Some(change)).await
    }

    /// Deletes a global event.
    pub async fn delete_event(&self, name: &str) -> Result<(), Error> {
        self.delete(&["api", "v1", "events", name]).await
    }

    async fn items<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Vec<T>, Error> {
        let list: Page<T> = self.get(path, query).await?;
        Ok(list.items)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Error> {
        let (status, bytes) = self.send(Method::GET, path, query, None::<&()>).await?;
        self.success(status, &bytes)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, Error> {
        let (status, bytes) = self.send(method, path, &[], body).await?;
        self.success(status, &bytes)
    }

    async fn delete(&self, path: &[&str]) -> Result<(), Error> {
        let (status, bytes) = self.send(Method::DELETE, path, &[], None::<&()>).await?;
        if status.is_success() { Ok(()) } else { Err(self.problem(status, &bytes)) }
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(StatusCode, Vec<u8>), Error> {
        let (status, _, bytes) = self.exchange(method, path, query, body).await?;
        Ok((status, bytes))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Error> {
        let mut request = self.request(method, path, query)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            url: self.url().to_owned(),
            reason: cause(&error.without_url()),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len().saturating_add(chunk.len()) > REPLY_BYTES_MAX {
                return Err(self.unexpected("the answer is longer than 8 MiB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((response.status(), std::mem::take(response.headers_mut()), bytes))
    }

    async fn stream<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<EventStream<T>, Error> {
        // It goes on for as long as it is read.
        let request = self.request(Method::GET, path, query)?.timeout(Duration::MAX);
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            url: self.url().to_owned(),
            reason: cause(&error.without_url()),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            let bytes = response.bytes().await.map_err(unreachable)?;
            return Err(self.problem(status, &bytes));
        }
        Ok(EventStream::new(self.url().to_owned(), response))
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<reqwest::RequestBuilder, Error> {
        let mut url = self.address(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.http.request(method, url).headers(self.headers.clone()))
    }

    fn address(&self, path: &[&str]) -> Result<Url, Error> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(Error::Url(self.base.to_string())),
        };
        Ok(url)
    }

    fn success<T: DeserializeOwned>(&self, status: StatusCode, bytes: &[u8]) -> Result<T, Error> {
        if status.is_success() { self.decode(bytes) } else { Err(self.problem(status, bytes)) }
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(bytes).map_err(|error| self.unexpected(&error.to_string()))
    }

    fn problem(&self, status: StatusCode, bytes: &[u8]) -> Error {
        match serde_json::from_slice::<Problem>(bytes) {
            Ok(problem) => Error::Problem(problem),
            Err(_) => self.unexpected(&format!("status {status} without a problem document")),
        }
    }

    fn unexpected(&self, reason: &str) -> Error {
        Error::Protocol { url: self.url().to_owned(), reason: reason.to_owned() }
    }
}

fn paging(page: PageQuery) -> Vec<(&'static str, String)> {
    let mut query = vec![("after_id", page.after_id.to_string())];
    query.extend(page.limit.map(|limit| ("limit", limit.to_string())));
    query
}

/// A user's key as a path segment; URLs have a meaning of their own for `.` and `..`.
fn segment(user: &str) -> String {
    if matches!(user, "." | "..") { format!("name:{user}") } else { user.to_owned() }
}

/// The cause of an error at the bottom of all layers: what the network or the system said.
fn cause(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(error) = deepest.source() {
        deepest = error;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests;
