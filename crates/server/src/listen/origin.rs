//! Who a client is: the socket's address, or what a trusted proxy says.
//!
//! A proxy speaks by a PROXY header at the start of the connection ([`proxy_header`]) or by an
//! HTTP header in each request, and only proxies of the configured networks
//! are listened to: from anybody else both would be a way to announce somebody else's address.

use std::net::{IpAddr, SocketAddr};

use mika_protocol::http::RequestHead;
use thiserror::Error;

use super::context::LiveSettings;
use crate::config::Network;

pub mod proxy_header;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This address, IPv4-mapped IPv6 unwrapped.
    Address(IpAddr),
    /// A proxy that connected on its own behalf (PROXY `LOCAL` or `UNKNOWN`).
    ProxyItself,
}

/// Why it is not known who the client is; the text is meant for the operator of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OriginError {
    /// The proxy sent no header.
    #[error("the proxy did not say who the client is: set its client address header")]
    HeaderMissing,
    /// The header has no address where one should be.
    #[error("the proxy sent an invalid client address: correct its client address header")]
    HeaderInvalid,
    /// The connection was made by the proxy itself.
    #[error("the proxy sent no client address in its PROXY header")]
    ProxyItself,
}

impl Origin {
    pub(super) fn of(address: SocketAddr) -> Self {
        Self::Address(address.ip().to_canonical())
    }

    /// Whether this is a proxy that may say who the client is.
    pub(super) fn is_trusted(self, networks: &[Network]) -> bool {
        match self {
            Self::Address(address) => contains(networks, address),
            Self::ProxyItself => false,
        }
    }

    /// The client's address of one request.
    ///
    /// In a list of addresses (`X-Forwarded-For`, in one line or several) each proxy has added its
    /// peer on the right, so that the rightmost address that is not itself a trusted proxy is the
    /// last one that is known to be true. A list of nothing but trusted proxies means its first.
    pub(super) fn client(
        self,
        head: &RequestHead<'_>,
        live: &LiveSettings,
    ) -> Result<IpAddr, OriginError> {
        let address = match self {
            Self::Address(address) => address,
            Self::ProxyItself => return Err(OriginError::ProxyItself),
        };
        let Some(name) = &live.client_address_header else { return Ok(address) };
        if !contains(&live.trusted_proxies, address) {
            return Ok(address);
        }
        let mut client = Err(OriginError::HeaderMissing);
        // Left to right, so that lines need not be collected: what counts is the last stranger,
        // and what comes before it may be a forgery, in content and in form.
        let mut seen_stranger = false;
        for element in head.headers(name).flat_map(|line| line.split(|&byte| byte == b',')) {
            let listed = parse_address(element).ok_or(OriginError::HeaderInvalid);
            match listed {
                Ok(proxy) if contains(&live.trusted_proxies, proxy) => {
                    if !seen_stranger && client.is_err() {
                        client = Ok(proxy);
                    }
                }
                stranger => {
                    seen_stranger = true;
                    client = stranger;
                }
            }
        }
        client
    }
}

fn contains(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// An address as proxies write it: bare, or with a port, IPv6 with or without brackets.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
