//! Who makes a request, and from where.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use mika_client::types::Scope;

use super::super::connections::Peer;
use super::super::problem::Failure;
use super::tokens::Entry;
use crate::config::Network;

/// The bearer of a valid token.
#[derive(Clone)]
pub(in crate::admin) struct Caller {
    /// The API token; none for the admin token.
    token: Option<Arc<Entry>>,
    from: Origin,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Origin {
    Address(IpAddr),
    Unix,
}

impl Caller {
    pub(super) fn admin(from: Origin) -> Self {
        Self { token: None, from }
    }

    pub(super) fn token(token: Arc<Entry>, from: Origin) -> Self {
        Self { token: Some(token), from }
    }

    /// Whether the caller may do what needs this scope.
    pub(in crate::admin) fn may(&self, scope: Scope) -> bool {
        let has = |wanted: Scope, token: &Entry| token.scopes.contains(&wanted);
        self.token.as_ref().is_none_or(|token| has(scope, token) || has(Scope::Admin, token))
    }

    /// The name of the token; `admin` for the admin token.
    pub(in crate::admin) fn name(&self) -> &str {
        self.token.as_ref().map_or("admin", |token| &token.name)
    }

    /// The number of the API token.
    pub(in crate::admin) fn token_id(&self) -> Option<u32> {
        self.token.as_ref().map(|token| token.id)
    }

    pub(in crate::admin) fn from(&self) -> Origin {
        self.from
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Failure::unavailable("unavailable", "nobody is known to ask"))
    }
}

impl Origin {
    /// What failures are counted by; callers of the socket share one entry.
    pub(super) fn key(self) -> IpAddr {
        match self {
            Self::Address(address) => address,
            Self::Unix => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl Peer {
    /// The address of the socket, or what a trusted proxy says in `X-Forwarded-For`: each proxy
    /// adds its peer on the right, so the last that is not itself a proxy is the last that is
    /// known to be true.
    pub(super) fn origin(self, headers: &HeaderMap, proxies: &[Network]) -> Origin {
        let Self::Tcp(address) = self else { return Origin::Unix };
        let socket = address.ip().to_canonical();
        let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
        if !is_proxy(socket) {
            return Origin::Address(socket);
        }
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let listed = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
        let mut nearest = socket;
        for text in listed {
            let Ok(address) = text.trim().parse::<IpAddr>() else { break };
            nearest = address.to_canonical();
            if !is_proxy(nearest) {
                break;
            }
        }
        Origin::Address(nearest)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn origin(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let peer = Peer::Tcp(SocketAddr::new(peer.parse().unwrap(), 1));
        peer.origin(&headers, &proxies).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_say_where_a_request_comes_from() {
        assert_eq!(origin("198.51.100.1", &["203.0.113.9"]), "198.51.100.1");
        assert_eq!(origin("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(origin("10.0.0.1", &["1.2.3.4, 203.0.113.9, 10.2.2.2"]), "203.0.113.9");
        assert_eq!(origin("10.0.0.1", &["1.2.3.4", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(origin("10.0.0.1", &["rubbish"]), "10.0.0.1");
        assert_eq!(origin("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(origin("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        let unix = Peer::Unix.origin(&HeaderMap::new(), &[]);
        assert_eq!(unix.to_string(), "unix");
    }
}
