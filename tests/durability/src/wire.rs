//! Announces as clients send them.

mod http;
mod udp;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use mika_protocol::{InfoHash, PeerId};

use http::Http;
use udp::Udp;

/// `event` of an announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A regular announce.
    None,
    /// The session begins.
    Started,
    /// The download is finished.
    Completed,
    /// The session ends.
    Stopped,
}

/// What a client says.
#[derive(Debug, Clone)]
pub struct Announce {
    /// The user's passkey.
    pub passkey: String,
    /// The torrent.
    pub info_hash: InfoHash,
    /// The client.
    pub peer_id: PeerId,
    /// Where it listens.
    pub port: u16,
    /// Bytes uploaded since the client's session began.
    pub uploaded: u64,
    /// Bytes downloaded since the client's session began.
    pub downloaded: u64,
    /// Bytes that it lacks.
    pub left: u64,
    /// What happens.
    pub event: Event,
    /// How many peers it wants.
    pub numwant: u32,
}

/// What the tracker answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Peers that have the whole torrent.
    pub seeders: u32,
    /// Peers that lack some of it.
    pub leechers: u32,
    /// The endpoints of peers.
    pub peers: BTreeSet<SocketAddr>,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Failure {
    /// The server has gone, or there is none: whether it has seen the announce, nobody knows.
    Lost(io::Error),
    /// The tracker refused the announce: a mistake of the test, or a defect.
    Refused(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// How a client reaches the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// HTTP, one connection for all announces.
    KeepAlive,
    /// HTTP, a connection for each announce.
    Close,
    /// UDP with the passkey in URL data (BEP 41).
    Udp,
}

/// One address of a client, and its way to the tracker.
#[derive(Debug)]
pub struct Line(Way);

#[derive(Debug)]
enum Way {
    Http(Http),
    Udp(Udp),
}

impl Line {
    /// A way from a local address to the tracker; nothing is sent yet.
    pub fn new(carrier: Carrier, from: IpAddr, tracker: SocketAddr) -> Self {
        Self(match carrier {
            Carrier::KeepAlive => Way::Http(Http::new(from, tracker, true)),
            Carrier::Close => Way::Http(Http::new(from, tracker, false)),
            Carrier::Udp => Way::Udp(Udp::new(from, tracker)),
        })
    }

    /// Closes the connection, if one is open: the process at its other end is gone.
    pub fn hang_up(&mut self) {
        if let Way::Http(http) = &mut self.0 {
            http.hang_up();
        }
    }

    /// Announces and waits for the reply, or until `is_lost` says that there will be none.
    ///
    /// Nothing that a line has sent is ever seen by the tracker after a later announce of the
    /// same line: a new announce is sent only once the one before is answered or lost.
    ///
    /// # Errors
    ///
    /// See [`Failure`]. Afterwards the line can be used again.
    pub fn announce(
        &mut self,
        announce: &Announce,
        is_lost: &dyn Fn() -> bool,
    ) -> Result<Reply, Failure> {
        match &mut self.0 {
            Way::Http(http) => http.announce(announce),
            Way::Udp(udp) => udp.announce(announce, is_lost),
        }
    }
}

fn rows_v4(rows: &[u8]) -> impl Iterator<Item = SocketAddr> + '_ {
    rows.chunks_exact(6).map(|row| {
        let ip = Ipv4Addr::new(row[0], row[1], row[2], row[3]);
        SocketAddrV4::new(ip, u16::from_be_bytes([row[4], row[5]])).into()
    })
}

fn rows_v6(rows: &[u8]) -> impl Iterator<Item = SocketAddr> + '_ {
    rows.chunks_exact(18).map(|row| {
        let ip: [u8; 16] = row[..16].try_into().expect("16 bytes");
        let port = u16::from_be_bytes([row[16], row[17]]);
        SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, 0).into()
    })
}
