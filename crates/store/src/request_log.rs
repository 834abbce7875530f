//! Requests as a site may want them written down: for people who look into something, not for
//! accounts.

use std::net::IpAddr;

use mika_protocol::{Event, InfoHash, PeerId};
use serde::Serialize;

use crate::schema::{Column, FlushRow, Value};

/// An announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AnnounceLogRow {
    /// The store's id of the user; 0 if the passkey is unknown.
    pub user_id: u32,
    /// Where it came from.
    pub address: IpAddr,
    /// The port that the client listens on.
    pub port: u16,
    /// What happened.
    #[serde(skip)]
    pub event: Event,
    /// What was announced.
    pub info_hash: InfoHash,
    /// The client's name for itself.
    pub peer_id: PeerId,
    /// The client's own counter.
    pub uploaded_bytes: u64,
    /// The client's own counter.
    pub downloaded_bytes: u64,
    /// Bytes that the client lacks.
    pub left_bytes: u64,
    /// Unix time in seconds.
    pub announced_at_seconds: u32,
}

/// A scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScrapeLogRow {
    /// The store's id of the user; 0 if the passkey is unknown.
    pub user_id: u32,
    /// Where it came from.
    pub address: IpAddr,
    /// Unix time in seconds.
    pub scraped_at_seconds: u32,
}

/// Requests that were not written down yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestLog {
    /// Announces.
    pub announces: Vec<AnnounceLogRow>,
    /// Scrapes.
    pub scrapes: Vec<ScrapeLogRow>,
}

impl RequestLog {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.announces.len() + self.scrapes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// As XBT and BEP 15 number them.
fn event_number(event: Event) -> u16 {
    match event {
        Event::None => 0,
        Event::Completed => 1,
        Event::Started => 2,
        Event::Stopped => 3,
    }
}

fn address(ip: IpAddr) -> Value {
    match ip {
        IpAddr::V4(v4) => Value::Bytes(v4.octets().to_vec()),
        IpAddr::V6(v6) => Value::Bytes(v6.octets().to_vec()),
    }
}

impl FlushRow for AnnounceLogRow {
    const TABLE: &'static str = "announce_log";
    const COLUMNS: &'static [Column] = &[
        Column::integer("user_id"),
        Column::bytes("address"),
        Column::integer("port"),
        Column::integer("event"),
        Column::bytes("info_hash"),
        Column::bytes("peer_id"),
        Column::integer("uploaded_bytes"),
        Column::integer("downloaded_bytes"),
        Column::integer("left_bytes"),
        Column::integer("announced_at_seconds"),
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.user_id.into());
        into.push(address(self.address));
        into.push(self.port.into());
        into.push(event_number(self.event).into());
        into.push(self.info_hash.into());
        into.push(Value::Bytes(self.peer_id.0.to_vec()));
        into.push(self.uploaded_bytes.into());
        into.push(self.downloaded_bytes.into());
        into.push(self.left_bytes.into());
        into.push(self.announced_at_seconds.into());
    }
}

impl FlushRow for ScrapeLogRow {
    const TABLE: &'static str = "scrape_log";
    const COLUMNS: &'static [Column] = &[
        Column::integer("user_id"),
        Column::bytes("address"),
        Column::integer("scraped_at_seconds"),
    ];
    const UNKNOWN: Option<&'static str> = None;

    fn values(&self, into: &mut Vec<Value>) {
        into.push(self.user_id.into());
        into.push(address(self.address));
        into.push(self.scraped_at_seconds.into());
    }
}
