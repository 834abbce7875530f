//! The query of an announce (BEP 3, 7, 21, 23).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::query::{Name, Query, is_hex_info_hash};
use crate::announce::{
    AnnounceError, AnnounceRequest, COUNTER_MAX_BYTES, Event, LEFT_UNKNOWN_BYTES, Parameter,
};
use crate::ids::{InfoHash, Passkey, PeerId};

/// Decodes the query of an announce in one pass, without allocating.
///
/// `passkey` is the one that [`route`](super::route) found. When a parameter occurs more than
/// once, its first valid occurrence counts. Parameters that the tracker does not know, or has no
/// use for (`key`, `trackerid`, `redundant`, `supportcrypto`), are ignored.
///
/// # Errors
///
/// A required parameter is missing or has no valid occurrence. What is optional never fails an
/// announce: an address that cannot be parsed (`ip` may be a host name), an unknown `event` or a
/// negative `numwant` counts as absent, and a `numwant` over `u32::MAX` as `u32::MAX`.
pub fn parse_announce(
    query: &[u8],
    passkey: Option<Passkey>,
) -> Result<AnnounceRequest, AnnounceError> {
    let mut fields = Fields::default();
    let mut query = Query::new(query);
    while let Some(name) = query.name() {
        fields.take(name, &mut query);
        query.skip_value();
    }
    fields.finish(passkey)
}

/// What has been read so far; a required parameter is an error until a valid occurrence is seen.
struct Fields {
    info_hash: Result<[u8; 20], AnnounceError>,
    peer_id: Result<[u8; 20], AnnounceError>,
    port: Result<u16, AnnounceError>,
    uploaded: Result<u64, AnnounceError>,
    downloaded: Result<u64, AnnounceError>,
    left: Result<u64, AnnounceError>,
    corrupt: Option<u64>,
    event: Option<Event>,
    paused: bool,
    numwant: Option<u32>,
    compact: Option<bool>,
    no_peer_id: Option<bool>,
    claimed_v4: Option<Ipv4Addr>,
    claimed_v6: Option<Ipv6Addr>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            info_hash: Err(AnnounceError::Missing(Parameter::InfoHash)),
            peer_id: Err(AnnounceError::Missing(Parameter::PeerId)),
            port: Err(AnnounceError::Missing(Parameter::Port)),
            uploaded: Err(AnnounceError::Missing(Parameter::Uploaded)),
            downloaded: Err(AnnounceError::Missing(Parameter::Downloaded)),
            left: Err(AnnounceError::Missing(Parameter::Left)),
            corrupt: None,
            event: None,
            paused: false,
            numwant: None,
            compact: None,
            no_peer_id: None,
            claimed_v4: None,
            claimed_v6: None,
        }
    }
}

impl Fields {
    #[inline]
    fn take(&mut self, name: Name, value: &mut Query<'_>) {
        match name {
            Name::InfoHash if self.info_hash.is_err() => self.info_hash = info_hash(value),
            Name::PeerId if self.peer_id.is_err() => {
                self.peer_id = value.exactly().ok_or(AnnounceError::PeerIdLength);
            }
            Name::Port if self.port.is_err() => {
                let port = value.number().and_then(|port| u16::try_from(port).ok());
                self.port = port.ok_or(AnnounceError::Port);
            }
            Name::Uploaded if self.uploaded.is_err() => {
                self.uploaded = counter(Parameter::Uploaded, value);
            }
            Name::Downloaded if self.downloaded.is_err() => {
                self.downloaded = counter(Parameter::Downloaded, value);
            }
            Name::Left if self.left.is_err() => self.left = left(value),
            Name::Event if self.event.is_none() => self.take_event(value.raw()),
            Name::Numwant if self.numwant.is_none() => {
                self.numwant =
                    value.number().map(|number| u32::try_from(number).unwrap_or(u32::MAX));
            }
            Name::Compact => self.compact = self.compact.or(flag(value.raw())),
            Name::NoPeerId => self.no_peer_id = self.no_peer_id.or(flag(value.raw())),
            Name::Address => self.take_address(value),
            Name::Corrupt if self.corrupt.is_none() => {
                self.corrupt = value.number().filter(|bytes| *bytes <= COUNTER_MAX_BYTES);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, text: &[u8]) {
        self.event = match text {
            b"started" => Some(Event::Started),
            b"stopped" => Some(Event::Stopped),
            b"completed" => Some(Event::Completed),
            b"paused" => {
                self.paused = true;
                Some(Event::None)
            }
            _ => None,
        };
    }

    fn take_address(&mut self, value: &mut Query<'_>) {
        match value.address() {
            Some(IpAddr::V4(address)) => self.claimed_v4 = self.claimed_v4.or(Some(address)),
            Some(IpAddr::V6(address)) => self.claimed_v6 = self.claimed_v6.or(Some(address)),
            None => {}
        }
    }

    fn finish(self, passkey: Option<Passkey>) -> Result<AnnounceRequest, AnnounceError> {
        Ok(AnnounceRequest {
            info_hash: InfoHash(self.info_hash?),
            peer_id: PeerId(self.peer_id?),
            passkey,
            port: self.port?,
            uploaded: self.uploaded?,
            downloaded: self.downloaded?,
            left: self.left?,
            corrupt: self.corrupt.unwrap_or(0),
            event: self.event.unwrap_or_default(),
            paused: self.paused,
            numwant: self.numwant,
            compact: self.compact.unwrap_or(true),
            compact_given: self.compact.is_some(),
            no_peer_id: self.no_peer_id.unwrap_or(false),
            claimed_v4: self.claimed_v4,
            claimed_v6: self.claimed_v6,
        })
    }
}

fn flag(text: &[u8]) -> Option<bool> {
    match text {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

#[inline]
fn info_hash(value: &mut Query<'_>) -> Result<[u8; 20], AnnounceError> {
    let start = *value;
    value.exactly().ok_or_else(|| match is_hex_info_hash(start.raw()) {
        true => AnnounceError::InfoHashHex,
        false => AnnounceError::InfoHashLength,
    })
}

#[inline]
fn counter(parameter: Parameter, value: &mut Query<'_>) -> Result<u64, AnnounceError> {
    match value.number() {
        Some(bytes) if bytes <= COUNTER_MAX_BYTES => Ok(bytes),
        Some(_) => Err(AnnounceError::CounterTooLarge(parameter)),
        None => Err(AnnounceError::Counter(parameter)),
    }
}

#[inline]
fn left(value: &mut Query<'_>) -> Result<u64, AnnounceError> {
    let start = *value;
    counter(Parameter::Left, value).or_else(|error| match start.raw() {
        b"-1" | b"9223372036854775807" | b"18446744073709551615" => Ok(LEFT_UNKNOWN_BYTES),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests;
