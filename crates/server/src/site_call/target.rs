//! Where the site is, and the request that it gets.

use std::fmt::{self, Write};
use std::sync::Arc;

use axum::http::Uri;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use thiserror::Error;

use super::Token;

/// Why the site cannot be called at all.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The URL is not of the form that is needed.
    #[error(
        "`site_call.url` must begin with http:// or https://, name a host, and end with its path, \
         without ? and #"
    )]
    Url,
    /// No TLS.
    #[error("`site_call.url`: TLS cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
}

/// The site, as its URL says.
#[derive(Clone)]
pub struct Target {
    /// As it goes into `Host`.
    host: String,
    port: u16,
    /// Without a slash at the end.
    path: String,
    tls: Option<Tls>,
}

#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}{}/tools.php", self.host, self.port, self.path)
    }
}

impl Target {
    /// The target of a URL such as `https://site.example` or `http://10.0.0.2:8080/gazelle`.
    ///
    /// # Errors
    ///
    /// See [`TargetError`].
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let (host, port, path, is_https) = parts(url).ok_or(TargetError::Url)?;
        let tls = if is_https { Some(Tls::of(&host, system_roots()?)?) } else { None };
        Ok(Self { host, port, path, tls })
    }

    /// Whether a URL is one.
    pub(crate) fn is_good(url: &str) -> bool {
        parts(url).is_some_and(|(host, ..)| server_name(&host).is_some())
    }

    #[cfg(test)]
    pub(super) fn with_tls(url: &str, config: ClientConfig) -> Self {
        let (host, port, path, _) = parts(url).unwrap();
        let tls = Some(Tls::of(&host, config).unwrap());
        Self { host, port, path, tls }
    }

    /// What to connect to: a literal IPv6 address without its brackets.
    pub(super) fn address(&self) -> (&str, u16) {
        (bare(&self.host), self.port)
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The whole request: that of Ocelot, byte for byte.
    pub(super) fn request(&self, key: &str, tokens: &[Token]) -> String {
        let mut request = format!("GET {}/tools.php?key=", self.path);
        encode(&mut request, key);
        request.push_str("&type=expiretoken&action=ocelot&tokens=");
        for (at, token) in tokens.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            // A String takes everything.
            let _ = write!(request, "{comma}{token}");
        }
        let _ = write!(
            request,
            " HTTP/1.0\r\nHost: {}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            self.host
        );
        request
    }
}

impl Tls {
    fn of(host: &str, config: ClientConfig) -> Result<Self, TargetError> {
        let name = server_name(host).ok_or(TargetError::Url)?;
        Ok(Self { config: Arc::new(config), name })
    }
}

fn parts(url: &str) -> Option<(String, u16, String, bool)> {
    if url.contains(['#', '?', '@', ' ']) {
        return None;
    }
    let uri: Uri = url.parse().ok()?;
    let is_https = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let host = uri.host().filter(|host| !host.is_empty())?.to_owned();
    let port = match uri.port() {
        Some(port) => port.as_str().parse().ok().filter(|port| *port > 0)?,
        None => {
            if is_https {
                443
            } else {
                80
            }
        }
    };
    Some((host, port, uri.path().trim_end_matches('/').to_owned(), is_https))
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(bare(host).to_owned()).ok()
}

fn system_roots() -> Result<ClientConfig, TargetError> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map(|builder| builder.with_no_client_auth())
        .map_err(TargetError::Tls)
}

/// Letters and digits as they are, which is what Gazelle's keys are made of.
fn encode(into: &mut String, key: &str) {
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // A String takes everything.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_that_of_ocelot() {
        let target = Target::parse("http://site.example/gazelle/").unwrap();
        let tokens = [Token::of(2, 10), Token::of(4_000_000_000, 11)];
        assert_eq!(
            target.request(&"s".repeat(32), &tokens),
            "GET /gazelle/tools.php?key=ssssssssssssssssssssssssssssssss&type=expiretoken\
             &action=ocelot&tokens=2:10,4000000000:11 HTTP/1.0\r\nHost: site.example\r\n\
             Accept: */*\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(target.address(), ("site.example", 80));
    }

    #[test]
    fn a_key_with_odd_characters_is_still_one_value() {
        let target = Target::parse("http://[::1]:8080").unwrap();
        let request = target.request("a&b c#%", &[Token::of(1, 2)]);
        assert!(request.starts_with("GET /tools.php?key=a%26b%20c%23%25&type="), "{request}");
        assert_eq!(target.address(), ("::1", 8080));
    }

    #[test]
    fn a_url_that_is_none_is_refused() {
        let good = ["http://a", "https://a.example:8443/x", "http://[::1]:80/", "http://10.0.0.1"];
        for url in good {
            assert!(Target::is_good(url), "{url}");
        }
        let bad = ["", "a", "ftp://a", "http://", "/x", "http://a/?b", "http://a/#b", "http://a:0"];
        for url in bad.into_iter().chain(["http://u:p@a", "http://a b"]) {
            assert!(!Target::is_good(url), "{url}");
        }
    }
}
