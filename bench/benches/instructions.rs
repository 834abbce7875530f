//! Instructions per operation, counted by callgrind: the same on every run, so that a gate of a
//! few percent means something. Run it through `scripts/check-instructions`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark that cannot be set up must stop"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use mika_bench::ANNOUNCES_PER_RUN;
use mika_bench::population::{Peer, Population, START_SECONDS};
use mika_core::{Mode, PeerList, Source, Tracker};
use mika_protocol::AnnounceRequest;
use mika_protocol::http::{self, ParsedHead, Peers, Route};
use mika_protocol::udp::{self, ConnectionIds, UdpRequest};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));

// ---- Parsing ----

/// A line of what qBittorrent was recorded to send, as it came over the connection.
fn qbittorrent_request() -> Vec<u8> {
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

// From the bytes of a connection to an announce.
#[library_benchmark]
#[bench::qbittorrent(setup = qbittorrent_request)]
fn http_announce(bytes: Vec<u8>) -> (Vec<u8>, Option<AnnounceRequest>) {
    let request = parse_http(black_box(&bytes));
    (bytes, black_box(request))
}

#[inline(never)]
fn parse_http(bytes: &[u8]) -> Option<AnnounceRequest> {
    let ParsedHead::Complete { head, .. } = http::parse_head(bytes) else { return None };
    let Route::Announce { passkey, query } = http::route(head.target) else { return None };
    http::parse_announce(query, passkey).ok()
}

/// An announce of BEP 15 with a passkey in its URL data (BEP 41), as libtorrent sends it.
fn udp_datagram() -> Vec<u8> {
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

#[library_benchmark]
#[bench::with_url_data(setup = udp_datagram)]
fn udp_announce(datagram: Vec<u8>) -> (Vec<u8>, Option<AnnounceRequest>) {
    let request = parse_udp(black_box(&datagram));
    (datagram, black_box(request))
}

#[inline(never)]
fn parse_udp(datagram: &[u8]) -> Option<AnnounceRequest> {
    match udp::parse(datagram) {
        Ok(UdpRequest::Announce { request, .. }) => Some(request),
        _ => None,
    }
}

fn connection() -> (ConnectionIds, u64) {
    let ids = ConnectionIds::new([7; 16]);
    let id = ids.issue(CLIENT, 1000);
    assert!(ids.verify(id, CLIENT, 1060), "not valid");
    (ids, id)
}

#[library_benchmark]
#[bench::valid(setup = connection)]
fn connection_id((ids, id): (ConnectionIds, u64)) -> bool {
    black_box(ids.verify(black_box(id), black_box(CLIENT), black_box(1060)))
}

// ---- Announce ----

/// A swarm that a leecher has joined, and what the leecher will report.
struct Announces {
    tracker: Tracker,
    requests: Vec<(AnnounceRequest, Source)>,
    list: PeerList,
    /// Peers that the last reply must have.
    peers: usize,
    /// Rows that must wait for a flush at the end.
    pending_rows: u64,
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
    let tracker = population.tracker();
    let mut list = PeerList::new(1);
    population.add_users(&tracker).expect("users");
    population.add_torrents(&tracker).expect("torrents");
    population.join(&tracker, 0..peers, 10_000, &mut list).expect("join");
    (population, tracker, list)
}

fn peer(place: u32) -> Peer {
    Peer { torrent: 0, place, generation: 0 }
}

/// The asker has announced once since the last flush, so that its announces are alike.
fn swarm(peers: u32, numwant: u32) -> Announces {
    let (population, tracker, mut list) = joined(peers);
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

// Announces of a known leecher that has moved some bytes since.
#[library_benchmark]
#[bench::want_15_of_1(args = (1, 15), setup = swarm, teardown = check)]
#[bench::want_15_of_16(args = (16, 15), setup = swarm, teardown = check)]
#[bench::want_15_of_17(args = (17, 15), setup = swarm, teardown = check)]
#[bench::want_15_of_33(args = (33, 15), setup = swarm, teardown = check)]
#[bench::want_15_of_100(args = (100, 15), setup = swarm, teardown = check)]
#[bench::want_15_of_10k(args = (10_000, 15), setup = swarm, teardown = check)]
#[bench::want_15_of_1m(args = (1_000_000, 15), setup = swarm, teardown = check)]
#[bench::want_50_of_100(args = (100, 50), setup = swarm, teardown = check)]
#[bench::want_50_of_10k(args = (10_000, 50), setup = swarm, teardown = check)]
#[bench::want_50_of_1m(args = (1_000_000, 50), setup = swarm, teardown = check)]
#[bench::flushed_want_15_of_100(args = (100, 15), setup = flushed_swarm, teardown = check)]
fn announce(mut announces: Announces) -> Announces {
    let Announces { tracker, requests, list, .. } = &mut announces;
    for (request, source) in requests {
        let now_seconds = black_box(START_SECONDS + 120);
        let answer = tracker.announce(black_box(request), *source, now_seconds, list);
        let _ = black_box(answer);
    }
    announces
}

/// The flusher has just been, so that each announce is the first of its session and makes a row.
fn flushed_swarm(peers: u32, numwant: u32) -> Announces {
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

/// What was counted must be what was meant. A swarm is not worth the time it takes to free it.
fn check(announces: Announces) {
    assert_eq!(announces.list.len(), announces.peers, "peers in the last reply");
    assert_eq!(announces.tracker.stats().pending_rows, announces.pending_rows, "rows to flush");
    std::mem::forget(announces);
}

// ---- Encoding ----

/// The rows of fifty peers, and room for the reply.
fn fifty_rows(encode: fn(&[u8], &mut Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    let rows: Vec<u8> = (0..300).map(|byte: u32| byte.to_le_bytes()[0]).collect();
    let mut out = Vec::with_capacity(2048);
    encode(&rows, &mut out);
    assert!(out.len() > rows.len(), "not a reply");
    out.clear();
    (rows, out)
}

#[inline(never)]
fn encode_http(rows: &[u8], out: &mut Vec<u8>) {
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

// The whole response, head included.
#[library_benchmark]
#[bench::peers_50(args = (encode_http), setup = fifty_rows)]
fn http_reply((rows, mut out): (Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    encode_http(black_box(&rows), &mut out);
    (rows, black_box(out))
}

#[inline(never)]
fn encode_udp(rows: &[u8], out: &mut Vec<u8>) {
    udp::AnnounceReply {
        transaction_id: black_box(0x1111_2222),
        interval_seconds: black_box(1800),
        leechers: black_box(567),
        seeders: black_box(1234),
        rows,
    }
    .encode(out);
}

#[library_benchmark]
#[bench::peers_50(args = (encode_udp), setup = fifty_rows)]
fn udp_reply((rows, mut out): (Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    encode_udp(black_box(&rows), &mut out);
    (rows, black_box(out))
}

library_benchmark_group!(name = parse, benchmarks = [http_announce, udp_announce, connection_id]);
library_benchmark_group!(name = tracker, benchmarks = [announce]);
library_benchmark_group!(name = encode, benchmarks = [http_reply, udp_reply]);

main!(
    config = LibraryBenchmarkConfig::default()
        // The loader finds functions at the start, not when they are first called.
        .env("LD_BIND_NOW", "1")
        // glibc picks its memcpy by CPU: without these it picks the same one on every x86-64.
        .env(
            "GLIBC_TUNABLES",
            "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-ERMS,-FSRM,-BMI2,\
             -AVX_Fast_Unaligned_Load,-Prefer_ERMS,-Prefer_FSRM"
        )
        .tool(Callgrind::with_args(["--cache-sim=no", "--branch-sim=no"]).format([EventKind::Ir])),
    library_benchmark_groups = [parse, tracker, encode]
);
