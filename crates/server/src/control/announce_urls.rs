//! What users are told to announce to.

use std::net::SocketAddr;

use crate::config::{Config, Mode};

/// Where the placeholder of a form stands, a user's passkey goes.
const PLACEHOLDER: &str = "{passkey}";

/// The announce URLs of a tracker: the first is the one that a user's record shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnnounceUrls {
    forms: Vec<String>,
}

impl AnnounceUrls {
    /// From the addresses that clients reach, such as `https://tracker.example.org` and
    /// `udp://tracker.example.org:34000`, of a tracker where every user has a passkey.
    pub fn private<B: AsRef<str>>(bases: impl IntoIterator<Item = B>) -> Self {
        Self::with_path(bases, "/{passkey}/announce")
    }

    /// The same for a tracker that anybody may use.
    pub fn public<B: AsRef<str>>(bases: impl IntoIterator<Item = B>) -> Self {
        Self::with_path(bases, "/announce")
    }

    /// As configured: `tracker.announce_url_base`, or this machine's name and the first ports that
    /// HTTP, HTTPS and UDP listen on.
    pub fn from_config(config: &Config) -> Self {
        let given = config.tracker.announce_url_base.trim_end_matches('/');
        let host = if given.is_empty() { host_name() } else { host_of(given).to_owned() };
        let on = |scheme: &str, listen: &[SocketAddr]| {
            listen.first().map(|address| format!("{scheme}://{host}:{}", address.port()))
        };
        let web = if given.is_empty() {
            on("http", &config.http.listen).or_else(|| on("https", &config.https.listen))
        } else {
            Some(given.to_owned())
        };
        let bases = web.into_iter().chain(on("udp", &config.udp.listen));
        match config.tracker.mode {
            Mode::Private => Self::private(bases),
            Mode::Public => Self::public(bases),
        }
    }

    fn with_path<B: AsRef<str>>(bases: impl IntoIterator<Item = B>, path: &str) -> Self {
        let form = |base: B| format!("{}{path}", base.as_ref().trim_end_matches('/'));
        Self { forms: bases.into_iter().map(form).collect() }
    }

    /// The URLs, with `{passkey}` where a user's passkey goes.
    pub fn forms(&self) -> &[String] {
        &self.forms
    }

    /// A user's first announce URL; empty if nothing listens.
    pub fn of(&self, passkey: &str) -> String {
        self.forms.first().map(|form| form.replace(PLACEHOLDER, passkey)).unwrap_or_default()
    }
}

/// The host of an address such as `https://tracker.example.org:443/path`.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are within brackets.
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    if host.is_empty() { "localhost" } else { host }
}

/// What this machine calls itself, which others may have to be told how to find.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name == "(none)" { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passkey_goes_where_the_form_says() {
        let urls = AnnounceUrls::private(["https://t.example/", "udp://t.example:34000"]);
        assert_eq!(urls.of("abc"), "https://t.example/abc/announce");
        assert_eq!(urls.forms().last().unwrap(), "udp://t.example:34000/{passkey}/announce");
        assert_eq!(AnnounceUrls::public(["http://t"]).of("abc"), "http://t/announce");
        assert_eq!(AnnounceUrls::default().of("abc"), "");
    }

    #[test]
    fn the_configured_address_also_names_the_udp_host() {
        let mut config = Config::default();
        config.tracker.announce_url_base = "https://[2001:db8::1]:8443/t".to_owned();
        let urls = AnnounceUrls::from_config(&config);
        assert_eq!(urls.of("k"), "https://[2001:db8::1]:8443/t/k/announce");
        assert_eq!(urls.forms().last().unwrap(), "udp://[2001:db8::1]:34000/{passkey}/announce");
    }

    #[test]
    fn without_a_configured_address_the_machine_is_named() {
        let config = Config::default();
        let urls = AnnounceUrls::from_config(&config);
        let url = urls.of("k");
        assert!(url.starts_with("http://") && url.ends_with(":34000/k/announce"), "{url}");
        assert_eq!(urls.forms().len(), 2);
    }

    #[test]
    fn the_host_of_an_address_is_found() {
        assert_eq!(host_of("https://a.example"), "a.example");
        assert_eq!(host_of("https://a.example:8443/x:y"), "a.example");
        assert_eq!(host_of("http://[::1]"), "[::1]");
        assert_eq!(host_of("http://"), "localhost");
    }
}
