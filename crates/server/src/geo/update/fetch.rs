//! The requests to a provider.

use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, IF_MODIFIED_SINCE, LAST_MODIFIED};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use tokio::io::AsyncWriteExt;

use super::product::{Packing, base_url};
use super::{Order, Product, UpdateError, disk};
use crate::config::GeoProvider;
use crate::metrics::now_seconds;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Without a byte.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// From the first request to the last byte.
const TIMEOUT: Duration = Duration::from_secs(3600);
const REASON_BYTES_MAX: usize = 300;

/// What a provider had.
#[derive(Debug)]
pub(super) enum Fetched {
    /// Nothing newer.
    Unchanged,
    /// A file, which was written as it came.
    File { packing: Packing, modified: Option<SystemTime> },
}

/// Fetches a product to a file, if the provider has a newer one than of `since`.
pub(super) async fn fetch(
    order: &Order,
    product: Product,
    to: &Path,
    since: Option<SystemTime>,
) -> Result<Fetched, UpdateError> {
    let base = order.base_url.as_deref().unwrap_or(base_url(order.provider)).trim_end_matches('/');
    let (addresses, packing) = product.addresses(order.provider, now_seconds());
    let mut missing = UpdateError::NoProvider;
    for path in addresses {
        let file = path.split('?').next().unwrap_or_default();
        let request = Request { order, product, url: format!("{base}{path}"), file, since };
        match request.fetch(to).await {
            Err(error @ UpdateError::Status { status: 404, .. }) => missing = error,
            Ok(Some(modified)) => return Ok(Fetched::File { packing, modified }),
            Ok(None) => return Ok(Fetched::Unchanged),
            Err(error) => return Err(error),
        }
    }
    Err(missing)
}

/// A file to be fetched.
struct Request<'a> {
    order: &'a Order,
    product: Product,
    url: String,
    /// The file in messages.
    file: &'a str,
    since: Option<SystemTime>,
}

impl Request<'_> {
    /// Fetches it; `Ok(None)` if it is not newer, else the time of its modification.
    async fn fetch(&self, to: &Path) -> Result<Option<Option<SystemTime>>, UpdateError> {
        let is_tls = !self.url.starts_with("http:");
        let client = client(is_tls).map_err(|error| self.network(error))?;
        // MaxMind allows few downloads a day, and does not count questions.
        if self.since.is_some() {
            let head = self.send(&client, Method::HEAD).await?;
            if self.is_unchanged(&head) {
                return Ok(None);
            }
            self.check_refused(&head)?;
        }
        let response = self.send(&client, Method::GET).await?;
        if self.is_unchanged(&response) {
            return Ok(None);
        }
        self.check_refused(&response)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(UpdateError::Status { file: self.file.into(), status: status.as_u16() });
        }
        let modified = last_modified(response.headers());
        self.write(response, to).await?;
        Ok(Some(modified))
    }

    async fn send(&self, client: &Client, method: Method) -> Result<Response, UpdateError> {
        let mut request: RequestBuilder = client.request(method, &self.url);
        if self.order.provider == GeoProvider::Maxmind {
            // A redirect to another host does not get it.
            let key = self.order.license_key.expose();
            request = request.basic_auth(&self.order.account_id, Some(key));
        }
        if let Some(since) = self.since {
            request = request.header(IF_MODIFIED_SINCE, httpdate::fmt_http_date(since));
        }
        request.send().await.map_err(|error| self.network(error))
    }

    fn is_unchanged(&self, response: &Response) -> bool {
        let is_not_newer = |modified| self.since.is_some_and(|since| modified <= since);
        response.status() == StatusCode::NOT_MODIFIED
            || response.status() == StatusCode::OK
                && last_modified(response.headers()).is_some_and(is_not_newer)
    }

    fn check_refused(&self, response: &Response) -> Result<(), UpdateError> {
        let status = response.status();
        let is_refused = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
        if is_refused && self.order.provider == GeoProvider::Maxmind {
            return Err(UpdateError::Refused(status.as_u16()));
        }
        Ok(())
    }

    async fn write(&self, mut response: Response, to: &Path) -> Result<(), UpdateError> {
        let bytes_max = self.order.bytes_max;
        let mut file = tokio::fs::File::create(to).await.map_err(disk(to))?;
        let mut bytes = 0_u64;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.network(error))? {
            bytes = bytes.saturating_add(chunk.len() as u64);
            if bytes > bytes_max {
                return Err(UpdateError::TooLong(bytes_max));
            }
            file.write_all(&chunk).await.map_err(disk(to))?;
        }
        file.flush().await.map_err(disk(to))
    }

    /// What the network or the system says, without the URL, which may hold a password.
    fn network(&self, error: reqwest::Error) -> UpdateError {
        let error = error.without_url();
        let mut deepest: &dyn std::error::Error = &error;
        while let Some(error) = deepest.source() {
            deepest = error;
        }
        let text = deepest.to_string();
        let end = text.floor_char_boundary(REASON_BYTES_MAX);
        let reason = text.get(..end).unwrap_or_default().to_owned();
        let server = Url::parse(&self.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let place = self.order.files.iter().find(|(product, _)| *product == self.product);
        UpdateError::Network {
            file: self.file.to_owned(),
            server: server.unwrap_or_else(|| "the server".to_owned()),
            path: place.map(|(_, path)| path.clone()).unwrap_or_default(),
            reason,
        }
    }
}

/// A machine without root certificates can still reach a server without TLS.
fn client(is_tls: bool) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .user_agent(concat!("mika/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .timeout(TIMEOUT);
    if is_tls { builder.build() } else { builder.tls_certs_only([]).build() }
}

fn last_modified(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(LAST_MODIFIED)?.to_str().ok()?).ok()
}
