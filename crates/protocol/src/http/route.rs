//! From the target of a request to what it asks for.

use super::query::{Name, Query};
use crate::ids::Passkey;

/// What a target asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// An announce, for [`parse_announce`](super::parse_announce).
    Announce {
        /// The passkey of the path, else of the query.
        passkey: Option<Passkey>,
        /// What follows the `?`.
        query: &'a [u8],
    },
    /// A scrape, for [`parse_scrape`](super::parse_scrape).
    Scrape {
        /// The passkey of the path, else of the query.
        passkey: Option<Passkey>,
        /// What follows the `?`.
        query: &'a [u8],
    },
    /// An announce or a scrape whose passkey is not 1 to 64 bytes of `A-Z a-z 0-9 _ -`.
    InvalidPasskey,
    /// Anything else.
    Other,
}

#[derive(Clone, Copy)]
enum Action {
    Announce,
    Scrape,
}

impl Action {
    fn of(segment: &[u8]) -> Option<Self> {
        match segment {
            b"announce" => Some(Self::Announce),
            b"scrape" => Some(Self::Scrape),
            _ => None,
        }
    }
}

/// Tells announces and scrapes from the rest and finds the passkey.
///
/// `/<passkey>/announce`, `/announce/<passkey>`, `/announce?passkey=<passkey>` and `/announce`
/// are announces; the same goes for `scrape`. Empty segments are ignored, so that a slash too many
/// at either end or between does no harm, and an empty passkey is none. The path may be preceded by
/// a scheme and a host (RFC 9112, section 3.2.2). Upper and lower case differ.
#[inline]
pub fn route(target: &[u8]) -> Route<'_> {
    let (path, query) = match memchr::memchr(b'?', target) {
        Some(at) => {
            let (path, rest) = target.split_at_checked(at).unwrap_or((target, &[]));
            (path, rest.get(1..).unwrap_or_default())
        }
        None => (target, [].as_slice()),
    };
    // Both usual shapes are told without looking for slashes: no passkey has one.
    let usual = match path {
        [b'/', passkey @ .., b'/', b'a', b'n', b'n', b'o', b'u', b'n', b'c', b'e'] => Some(passkey),
        _ => path.strip_prefix(b"/announce/"),
    };
    if let Some(passkey) = usual.and_then(Passkey::new) {
        return Route::Announce { passkey: Some(passkey), query };
    }
    unusual_route(path, query)
}

fn unusual_route<'a>(path: &[u8], query: &'a [u8]) -> Route<'a> {
    let mut segments =
        path_of(path).split(|&byte| byte == b'/').filter(|segment| !segment.is_empty());
    let (action, passkey) = match (segments.next(), segments.next(), segments.next()) {
        (Some(only), None, None) => (Action::of(only), None),
        (Some(first), Some(second), None) => match Action::of(second) {
            Some(action) => (Some(action), Some(first)),
            None => (Action::of(first), Some(second)),
        },
        _ => (None, None),
    };
    let Some(action) = action else { return Route::Other };
    let passkey = match passkey {
        Some(segment) => match Passkey::new(segment) {
            None => decode_passkey(Query::new(segment)),
            passkey => Ok(passkey),
        },
        None => query_passkey(query),
    };
    match (passkey, action) {
        (Ok(passkey), Action::Announce) => Route::Announce { passkey, query },
        (Ok(passkey), Action::Scrape) => Route::Scrape { passkey, query },
        (Err(InvalidPasskey), _) => Route::InvalidPasskey,
    }
}

struct InvalidPasskey;

/// The path of a target in absolute form; other targets as they are.
fn path_of(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let Some(at) = target.windows(3).position(|bytes| bytes == b"://") else { return target };
    let after_scheme = target.get(at + 3..).unwrap_or_default();
    let host_bytes = after_scheme.iter().position(|&byte| byte == b'/');
    host_bytes.and_then(|at| after_scheme.get(at..)).unwrap_or_default()
}

/// The first `passkey` of a query that is not empty.
fn query_passkey(query: &[u8]) -> Result<Option<Passkey>, InvalidPasskey> {
    // A public tracker's announces have none: rule it out at sixteen bytes a step, by two letters.
    let pairs = query.iter().zip(query.get(4..).unwrap_or_default());
    if !pairs.fold(false, |seen, (&p, &k)| seen | ((p == b'p') & (k == b'k'))) {
        return Ok(None);
    }
    let mut query = Query::new(query);
    while let Some(name) = query.name() {
        if name == Name::Passkey
            && let Some(passkey) = decode_passkey(query)?
        {
            return Ok(Some(passkey));
        }
        query.skip_value();
    }
    Ok(None)
}

fn decode_passkey(mut text: Query<'_>) -> Result<Option<Passkey>, InvalidPasskey> {
    let mut buffer = [0; Passkey::BYTES_MAX];
    match text.decode(&mut buffer) {
        Some([]) => Ok(None),
        Some(bytes) => Passkey::new(bytes).map(Some).ok_or(InvalidPasskey),
        None => Err(InvalidPasskey),
    }
}

#[cfg(test)]
mod tests;
