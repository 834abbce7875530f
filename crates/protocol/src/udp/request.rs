//! The datagrams of clients (BEP 15, BEP 41).

use std::net::Ipv4Addr;

use thiserror::Error;

use super::action;
use crate::announce::{
    AnnounceError, AnnounceRequest, COUNTER_MAX_BYTES, Event, LEFT_UNKNOWN_BYTES, Parameter,
};
use crate::http::{Route, route};
use crate::ids::{InfoHash, Passkey, PeerId};

/// The most torrents in one scrape (BEP 15); what follows is ignored.
pub const SCRAPE_HASHES_MAX: usize = 74;

/// The most bytes of path and query that BEP 41 options may add up to; what follows is ignored.
pub const URL_DATA_BYTES_MAX: usize = 512;

/// The `connection_id` of a connect (BEP 15).
const PROTOCOL_ID: u64 = 0x0417_2710_1980;

/// What a datagram asks for.
#[derive(Debug, Clone, Copy)]
pub enum UdpRequest<'a> {
    /// A connection id is wanted.
    Connect {
        /// To be sent back.
        transaction_id: u32,
    },
    /// An announce.
    Announce {
        /// To be verified before anything else.
        connection_id: u64,
        /// To be sent back.
        transaction_id: u32,
        /// What was announced, with the passkey of the URL data, if any.
        request: AnnounceRequest,
    },
    /// A scrape.
    Scrape {
        /// To be verified before anything else.
        connection_id: u64,
        /// To be sent back.
        transaction_id: u32,
        /// The torrents asked for.
        info_hashes: InfoHashes<'a>,
    },
}

/// Why a datagram could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UdpError {
    /// Too short, of an unknown action, or not of this protocol: not worth an answer.
    #[error("not a datagram of the UDP tracker protocol")]
    NotTracker,
    /// An announce that is refused; the reason may be sent once the connection id is verified.
    #[error("{reason}")]
    Announce {
        /// To be verified before the reason is sent.
        connection_id: u64,
        /// To be sent back.
        transaction_id: u32,
        /// Why.
        reason: AnnounceError,
    },
}

/// The info-hashes of a scrape, at most [`SCRAPE_HASHES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InfoHashes<'a> {
    rows: &'a [[u8; 20]],
}

impl<'a> InfoHashes<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let (rows, _) = bytes.as_chunks();
        Self { rows: rows.get(..SCRAPE_HASHES_MAX).unwrap_or(rows) }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The info-hashes in the order of the request.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = InfoHash> + use<'a> {
        self.rows.iter().map(|bytes| InfoHash(*bytes))
    }
}

/// Decodes a datagram, without allocating.
///
/// # Errors
///
/// [`UdpError::NotTracker`] is to be met with silence, [`UdpError::Announce`] with the reason,
/// once the connection id is verified.
pub fn parse(datagram: &[u8]) -> Result<UdpRequest<'_>, UdpError> {
    let mut reader = Reader { rest: datagram };
    parse_checked(&mut reader).unwrap_or(Err(UdpError::NotTracker))
}

/// The torrent that a datagram announces, for a look ahead: nothing else of it is checked.
pub fn announced_info_hash(datagram: &[u8]) -> Option<InfoHash> {
    let mut reader = Reader { rest: datagram };
    let _connection_id: [u8; 8] = reader.take()?;
    let action = u32::from_be_bytes(reader.take()?);
    let _transaction_id: [u8; 4] = reader.take()?;
    let info_hash = reader.take()?;
    (action == action::ANNOUNCE).then_some(InfoHash(info_hash))
}

/// `None` when the datagram is too short for its action.
fn parse_checked<'a>(reader: &mut Reader<'a>) -> Option<Result<UdpRequest<'a>, UdpError>> {
    let connection_id = u64::from_be_bytes(reader.take()?);
    let action = u32::from_be_bytes(reader.take()?);
    let transaction_id = u32::from_be_bytes(reader.take()?);
    match action {
        action::CONNECT if connection_id == PROTOCOL_ID => {
            Some(Ok(UdpRequest::Connect { transaction_id }))
        }
        action::ANNOUNCE => {
            let fields = AnnounceFields::read(reader)?;
            let request = match fields.check(reader.rest) {
                Ok(request) => request,
                Err(reason) => {
                    return Some(Err(UdpError::Announce { connection_id, transaction_id, reason }));
                }
            };
            Some(Ok(UdpRequest::Announce { connection_id, transaction_id, request }))
        }
        action::SCRAPE => {
            let info_hashes = InfoHashes::new(reader.rest);
            Some(Ok(UdpRequest::Scrape { connection_id, transaction_id, info_hashes }))
        }
        _ => None,
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    #[inline]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }
}

/// The fixed part of an announce after its transaction id, in its order.
struct AnnounceFields {
    info_hash: [u8; 20],
    peer_id: [u8; 20],
    downloaded: u64,
    left: u64,
    uploaded: u64,
    event: u32,
    address: Ipv4Addr,
    numwant: i32,
    port: u16,
}

impl AnnounceFields {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let info_hash = reader.take()?;
        let peer_id = reader.take()?;
        let downloaded = u64::from_be_bytes(reader.take()?);
        let left = u64::from_be_bytes(reader.take()?);
        let uploaded = u64::from_be_bytes(reader.take()?);
        let event = u32::from_be_bytes(reader.take()?);
        let address = Ipv4Addr::from(reader.take::<4>()?);
        let _key: [u8; 4] = reader.take()?;
        let numwant = i32::from_be_bytes(reader.take()?);
        let port = u16::from_be_bytes(reader.take()?);
        Some(Self { info_hash, peer_id, downloaded, left, uploaded, event, address, numwant, port })
    }

    fn check(self, options: &[u8]) -> Result<AnnounceRequest, AnnounceError> {
        let left = match self.left {
            u64::MAX | 0x7fff_ffff_ffff_ffff => LEFT_UNKNOWN_BYTES,
            left => bounded(Parameter::Left, left)?,
        };
        Ok(AnnounceRequest {
            info_hash: InfoHash(self.info_hash),
            peer_id: PeerId(self.peer_id),
            passkey: url_passkey(options)?,
            port: self.port,
            uploaded: bounded(Parameter::Uploaded, self.uploaded)?,
            downloaded: bounded(Parameter::Downloaded, self.downloaded)?,
            left,
            corrupt: 0,
            event: match self.event {
                1 => Event::Completed,
                2 => Event::Started,
                3 => Event::Stopped,
                _ => Event::None,
            },
            paused: false,
            numwant: u32::try_from(self.numwant).ok(),
            compact: true,
            compact_given: true,
            no_peer_id: true,
            claimed_v4: Some(self.address).filter(|address| !address.is_unspecified()),
            claimed_v6: None,
        })
    }
}

fn bounded(parameter: Parameter, bytes: u64) -> Result<u64, AnnounceError> {
    match bytes <= COUNTER_MAX_BYTES {
        true => Ok(bytes),
        false => Err(AnnounceError::CounterTooLarge(parameter)),
    }
}

/// The passkey of the path and query in an announce's options (BEP 41).
///
/// A path of neither an announce nor a scrape is one without a passkey: public torrents carry all
/// sorts of paths in their UDP addresses.
fn url_passkey(options: &[u8]) -> Result<Option<Passkey>, AnnounceError> {
    match options {
        [] => Ok(None),
        // What nearly every client with options sends: one of them, and nothing after it.
        [OPTION_URL_DATA, length, url @ ..] if url.len() == usize::from(*length) => passkey_of(url),
        _ => {
            let mut url = UrlData { bytes: [0; URL_DATA_BYTES_MAX], length: 0 };
            url.collect(options);
            passkey_of(url.as_bytes())
        }
    }
}

fn passkey_of(url: &[u8]) -> Result<Option<Passkey>, AnnounceError> {
    match route(url) {
        Route::Announce { passkey, .. } | Route::Scrape { passkey, .. } => Ok(passkey),
        Route::InvalidPasskey => Err(AnnounceError::Passkey),
        Route::Other => Ok(None),
    }
}

/// The URL data of all options, put together.
struct UrlData {
    bytes: [u8; URL_DATA_BYTES_MAX],
    length: usize,
}

impl UrlData {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Reads options up to the end, or to one that is cut off, which does not spoil the announce.
    fn collect(&mut self, mut options: &[u8]) {
        while let [kind, rest @ ..] = options {
            options = match (*kind, rest) {
                (OPTION_END, _) => return,
                (OPTION_NOP, _) => rest,
                (kind, [length, rest @ ..]) => {
                    let Some((data, rest)) = rest.split_at_checked(usize::from(*length)) else {
                        return;
                    };
                    if kind == OPTION_URL_DATA && !self.append(data) {
                        return;
                    }
                    rest
                }
                (_, []) => return,
            };
        }
    }

    /// Whether there was room for all of `data`; what fits is kept.
    fn append(&mut self, data: &[u8]) -> bool {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        let taken = data.len().min(free.len());
        free.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        self.length += taken;
        taken == data.len()
    }
}

const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_URL_DATA: u8 = 2;
