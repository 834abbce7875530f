//! Which tracker, and whether it may be one.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Context as _, Result, bail, ensure};

/// What stands for a passkey in a URL.
const PLACEHOLDER: &str = "{passkey}";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Udp,
    Http,
}

/// The URL of a tracker on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) protocol: Protocol,
    /// HTTP within TLS.
    pub(super) is_tls: bool,
    pub(super) address: SocketAddrV4,
    /// As in the URL, for `Host`.
    pub(super) authority: String,
    /// The path before the passkey, or all of it.
    pub(super) path_before: String,
    /// The path after the passkey, if the URL has one.
    pub(super) path_after: Option<String>,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").context("the URL has no scheme")?;
        let protocol = match scheme {
            "udp" => Protocol::Udp,
            "http" | "https" => Protocol::Http,
            _ => bail!("{scheme}: only udp, http and https"),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/announce"),
        };
        let (host, port) = authority.rsplit_once(':').context("the URL names no port")?;
        let port = port.parse().context("the URL's port is no number")?;
        let ip: Ipv4Addr = match host {
            "localhost" => Ipv4Addr::LOCALHOST,
            _ => host.parse().with_context(|| format!("{host}: an IPv4 address or localhost"))?,
        };
        // Whoever measures somebody else's tracker this way attacks it.
        ensure!(ip.is_loopback(), "{ip} is not this machine: only 127.0.0.0/8");
        let (path_before, path_after) = match path.split_once(PLACEHOLDER) {
            Some((before, after)) => (before.to_owned(), Some(after.to_owned())),
            None => (path.to_owned(), None),
        };
        ensure!(!path.contains(['?', ' ', '\r', '\n']), "the URL's path may have no query");
        let address = SocketAddrV4::new(ip, port);
        let (is_tls, authority) = (scheme == "https", authority.to_owned());
        Ok(Self { protocol, is_tls, address, authority, path_before, path_after })
    }

    /// Whether it has a place for a passkey.
    pub(super) fn takes_passkey(&self) -> bool {
        self.path_after.is_some()
    }

    /// Appends the path with the passkey at its place.
    pub(super) fn append_path(&self, passkey: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.path_before.as_bytes());
        if let Some(after) = &self.path_after {
            out.extend_from_slice(passkey);
            out.extend_from_slice(after.as_bytes());
        }
    }
}

/// Fails if something listens on `port`, TCP or UDP, on any address.
pub(super) fn check_free(port: u16) -> Result<()> {
    /// The state of a listening TCP socket in `/proc/net/tcp`.
    const LISTEN: &str = "0A";
    for name in ["tcp", "tcp6", "udp", "udp6"] {
        let Ok(table) = fs::read_to_string(format!("/proc/net/{name}")) else { continue };
        for line in table.lines().skip(1) {
            let mut fields = line.split_whitespace().skip(1);
            let (Some(local), Some(remote), Some(state)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            // A UDP socket that is connected to somebody takes nothing from anybody else.
            let listens = match name {
                "tcp" | "tcp6" => state == LISTEN,
                _ => remote.ends_with(":0000"),
            };
            let local_port = local.rsplit(':').next().map(|hex| u16::from_str_radix(hex, 16));
            if listens && local_port == Some(Ok(port)) {
                bail!("port {port} is in use ({name} {local}): `ss -lntup` shows by whom");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn only_this_machine_may_be_measured() {
        for url in [
            "udp://10.0.0.1:80/announce",
            "http://example.org:80/announce",
            "http://0.0.0.0:80/announce",
            "http://127.0.0.1/announce",
            "wss://127.0.0.1:80/announce",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_passkey_goes_where_the_url_says() {
        let target = Target::parse("http://127.0.0.1:34000/{passkey}/announce").unwrap();
        let mut path = Vec::new();
        target.append_path(b"abc", &mut path);
        assert_eq!(path, b"/abc/announce");
        let target = Target::parse("udp://localhost:34000").unwrap();
        assert!(!target.takes_passkey());
        path.clear();
        target.append_path(b"abc", &mut path);
        assert_eq!(path, b"/announce");
    }

    #[test]
    fn a_port_is_free_until_somebody_listens() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        assert!(check_free(port).is_err());
        drop(tcp);
        check_free(port).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(check_free(udp.local_addr().unwrap().port()).is_err());
    }
}
