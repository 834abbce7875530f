//! What the benchmarks of single operations do: the same work is counted in instructions
//! (`benches/instructions.rs`) and timed (`benches/wall.rs`).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a benchmark that cannot be set up must stop"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use mika_core::detection::{Feed, Observation};
use mika_core::{Mode, PeerList, Settings, Source, Tracker};
use mika_protocol::AnnounceRequest;
use mika_protocol::http::{self, ParsedHead, Peers, Route};
use mika_protocol::udp::{self, ConnectionIds, UdpRequest};

use crate::ANNOUNCES_PER_RUN;
use crate::population::{Peer, Population, START_SECONDS};

/// The address that the benchmarks' client has.
pub const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));

/// A line of what qBittorrent was recorded to send, as it came over the connection.
pub fn qbittorrent_request() -> Vec<u8> {
    let recorded = include_str!("../../crates/protocol/tests/data/client-requests.jsonl");
    let line = recorded.lines().find(|line| line.contains("-qB")).expect("no qBittorrent");
    let record: serde_json::Value = serde_json::from_str(line).expect("not JSON");
    let mut request = format!("GET {} HTTP/1.1\r\n", record["target"].as_str().expect("target"));
    for (name, value) in record["headers"].as_object().expect("headers") {
        request += &format!("{name}: {}\r\n", value.as_str().expect("header"));
    }
    let bytes = (request + "\r\n").into_bytes();
    // What only the first call does, such as looking at the processor, is not to be counted.
    assert!(parse_http(&bytes).is_some(), "not an announce");
    bytes
}

/// From the bytes of a connection to an announce.
#[inline(never)]
pub fn parse_http(bytes: &[u8]) -> Option<AnnounceRequest> {
    let ParsedHead::Complete { head, .. } = http::parse_head(bytes) else { return None };
    let Route::Announce { passkey, query } = http::route(head.target) else { return None };
    http::parse_announce(query, passkey).ok()
}

/// An announce of BEP 15 with a passkey in its URL data (BEP 41), as libtorrent sends it.
pub fn udp_datagram() -> Vec<u8> {
    let path = b"/announce/0123456789abcdef0123456789abcdef";
    let mut datagram = Vec::new();
    datagram.extend(0x1234_5678_9abc_def0_u64.to_be_bytes());
    datagram.extend(1_u32.to_be_bytes());
    datagram.extend(0x1111_2222_u32.to_be_bytes());
    datagram.extend([0xab; 20]);
    datagram.extend(b"-LT2110-0jWYfQ!e70rw");
    datagram.extend([1_000_000_u64, 3_000_000_000, 500_000].map(u64::to_be_bytes).as_flattened());
    datagram.extend([0_u32, 0, 77, 50].map(u32::to_be_bytes).as_flattened());
    datagram.extend(16_881_u16.to_be_bytes());
    datagram.extend([2, u8::try_from(path.len()).expect("short")]);
    datagram.extend(path);
    assert!(parse_udp(&datagram).is_some_and(|it| it.passkey.is_some()), "not an announce");
    datagram
}

/// From a datagram to an announce.
#[inline(never)]
pub fn parse_udp(datagram: &[u8]) -> Option<AnnounceRequest> {
    match udp::parse(datagram) {
        Ok(UdpRequest::Announce { request, .. }) => Some(request),
        _ => None,
    }
}

/// Connection ids, and one of them that is valid.
pub fn connection() -> (ConnectionIds, u64) {
    let ids = ConnectionIds::new([7; 16]);
    let id = ids.issue(CLIENT, 1000);
    assert!(ids.verify(id, CLIENT, 1060), "not valid");
    (ids, id)
}

/// A swarm that a leecher has joined, and what the leecher will report.
pub struct Announces {
    /// Where the swarm is.
    pub tracker: Tracker,
    /// The leecher's announces.
    pub requests: Vec<(AnnounceRequest, Source)>,
    /// Where replies go.
    pub list: PeerList,
    /// Peers that the last reply must have.
    pub peers: usize,
    /// Rows that must wait for a flush at the end.
    pub pending_rows: u64,
}

/// A private swarm of which every other peer is a leecher.
fn joined(peers: u32) -> (Population, Tracker, PeerList) {
    let population = Population {
        mode: Mode::Private,
        torrents: 1,
        peers_per_torrent: peers,
        users: peers,
        leecher_every: 2,
        v6: false,
    };
    let mut list = PeerList::new(1);
    let tracker = population.joined(10_000, &mut list).expect("all join");
    (population, tracker, list)
}

fn peer(place: u32) -> Peer {
    Peer { torrent: 0, place, generation: 0 }
}

/// The asker has announced once since the last flush, so that its announces are alike.
pub fn swarm(peers: u32, numwant: u32) -> Announces {
    let (population, tracker, list) = joined(peers);
    announcing(population, tracker, list, peers, numwant)
}

fn announcing(
    population: Population,
    tracker: Tracker,
    mut list: PeerList,
    peers: u32,
    numwant: u32,
) -> Announces {
    let request = |report| population.request(peer(0), report, numwant).expect("request");
    let before = request(1);
    population
        .announce(&tracker, &before, peer(0), START_SECONDS + 60, &mut list)
        .expect("announce");
    let source = population.source(peer(0));
    let requests = (2..2 + ANNOUNCES_PER_RUN).map(|report| (request(report), source)).collect();
    let peers = (numwant as usize).min(peers as usize - 1);
    Announces { tracker, requests, list, peers, pending_rows: 2 }
}

/// The same, with peers chosen by place and by what they gave. All have announced since the
/// strategies were turned on.
pub fn chosen_swarm(peers: u32, numwant: u32) -> Announces {
    let (population, tracker, mut list) = joined(peers);
    crate::places::choose_by_place(&tracker);
    for place in 0..peers {
        let request = population.request(peer(place), 1, 0).expect("request");
        population
            .announce(&tracker, &request, peer(place), START_SECONDS + 60, &mut list)
            .expect("announce");
        if place % 10_000 == 9_999 {
            tracker.drain(START_SECONDS + 60, 0, usize::MAX);
        }
    }
    tracker.drain(START_SECONDS + 60, 0, usize::MAX);
    announcing(population, tracker, list, peers, numwant)
}

/// What detection is told of announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// A seeder that moves nothing; detection is off.
    IdleOff,
    /// The same, and it is on.
    IdleOn,
    /// A leecher that has moved some bytes, and it is on.
    MovedOn,
}

/// The same as [`swarm`] with the cost of detection in it, or nearly: see [`Watched`].
pub fn watched_swarm(peers: u32, watched: Watched) -> Announces {
    let mut announces = swarm(peers, 15);
    if watched != Watched::MovedOn {
        let (population, tracker, mut list) = joined(peers);
        let request = population.request(Peer { place: 1, ..peer(0) }, 1, 15).expect("request");
        let source = population.source(Peer { place: 1, ..peer(0) });
        let now_seconds = START_SECONDS + 60;
        tracker.announce(&request, source, now_seconds, &mut list).expect("announce");
        let requests = vec![(request, source); ANNOUNCES_PER_RUN as usize];
        let peers = (peers as usize).div_ceil(2).min(15);
        announces = Announces { tracker, requests, list, peers, pending_rows: 2 };
    }
    let detection = (watched != Watched::IdleOff).then(Feed::default);
    announces.tracker.set_settings(Settings { detection, ..Settings::default() });
    announces
}

/// The part of the tracker that the only torrent is in, emptied of observations.
pub fn part_of_observations(announces: &mut Announces) -> usize {
    let Announces { tracker, requests, list, .. } = announces;
    let (request, source) = requests.first().expect("no request");
    tracker.announce(request, *source, START_SECONDS + 100, list).expect("announce");
    let mut taken: Vec<Observation> = Vec::new();
    (0..Tracker::PARTS)
        .find(|part| {
            tracker.take_observations(*part, &mut taken);
            !taken.is_empty()
        })
        .unwrap_or_default()
}

/// The flusher has just been, so that each announce is the first of its session and makes a row.
pub fn flushed_swarm(peers: u32, numwant: u32) -> Announces {
    /// With those to come they just fill a table, which thus does not grow while it is counted.
    const ROWS_BEFORE: u32 = 56 - ANNOUNCES_PER_RUN;
    let (population, tracker, mut list) = joined(peers);
    for place in peers - ROWS_BEFORE..peers {
        let request = population.request(peer(place), 1, numwant).expect("request");
        population
            .announce(&tracker, &request, peer(place), START_SECONDS + 60, &mut list)
            .expect("announce");
    }
    let asker = |place| {
        let request = population.request(peer(place), 1, numwant).expect("request");
        (request, population.source(peer(place)))
    };
    let requests = (0..ANNOUNCES_PER_RUN).map(|number| asker(number * 2)).collect();
    let pending_rows = u64::from(ROWS_BEFORE + ANNOUNCES_PER_RUN) + 1;
    Announces { tracker, requests, list, peers: numwant as usize, pending_rows }
}

/// The rows of fifty peers, and room for the reply.
pub fn fifty_rows(encode: fn(&[u8], &mut Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    let rows: Vec<u8> = (0..300).map(|byte: u32| byte.to_le_bytes()[0]).collect();
    let mut out = Vec::with_capacity(2048);
    encode(&rows, &mut out);
    assert!(out.len() > rows.len(), "not a reply");
    out.clear();
    (rows, out)
}

/// A whole response to an announce, head included.
#[inline(never)]
pub fn encode_http(rows: &[u8], out: &mut Vec<u8>) {
    http::write_response(out, 200, true, |body| {
        http::AnnounceReply {
            interval_seconds: black_box(1800),
            min_interval_seconds: black_box(300),
            seeders: black_box(1234),
            leechers: black_box(567),
            snatches: black_box(89_012),
            peers: Peers::Compact { v4: rows, v6: &[] },
            external_ip: Some(black_box(CLIENT)),
            ..Default::default()
        }
        .encode(body);
    });
}

/// A datagram in answer to an announce.
#[inline(never)]
pub fn encode_udp(rows: &[u8], out: &mut Vec<u8>) {
    udp::AnnounceReply {
        transaction_id: black_box(0x1111_2222),
        interval_seconds: black_box(1800),
        leechers: black_box(567),
        seeders: black_box(1234),
        rows,
    }
    .encode(out);
}
