//! Instructions per operation, counted by callgrind: the same on every run, so that a gate of a
//! few percent means something. Run it through `scripts/check-instructions`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark that cannot be set up must stop"
)]

use std::hint::black_box;

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use mika_bench::cases::{
    Announces, CLIENT, Watched, chosen_swarm, connection, encode_http, encode_udp, fifty_rows,
    flushed_swarm, parse_http, parse_udp, qbittorrent_request, swarm, udp_datagram, watched_swarm,
};
use mika_bench::population::START_SECONDS;
use mika_protocol::AnnounceRequest;
use mika_protocol::udp::ConnectionIds;

// ---- Parsing ----

// From the bytes of a connection to an announce.
#[library_benchmark]
#[bench::qbittorrent(setup = qbittorrent_request)]
fn http_announce(bytes: Vec<u8>) -> (Vec<u8>, Option<AnnounceRequest>) {
    let request = parse_http(black_box(&bytes));
    (bytes, black_box(request))
}

#[library_benchmark]
#[bench::with_url_data(setup = udp_datagram)]
fn udp_announce(datagram: Vec<u8>) -> (Vec<u8>, Option<AnnounceRequest>) {
    let request = parse_udp(black_box(&datagram));
    (datagram, black_box(request))
}

#[library_benchmark]
#[bench::valid(setup = connection)]
fn connection_id((ids, id): (ConnectionIds, u64)) -> bool {
    black_box(ids.verify(black_box(id), black_box(CLIENT), black_box(1060)))
}

// ---- Announce ----

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
#[bench::idle_unwatched(args = (100, Watched::IdleOff), setup = watched_swarm, teardown = check)]
#[bench::idle_watched(args = (100, Watched::IdleOn), setup = watched_swarm, teardown = check)]
#[bench::moved_watched(args = (100, Watched::MovedOn), setup = watched_swarm, teardown = check)]
#[bench::chosen_50_of_100(args = (100, 50), setup = chosen_swarm, teardown = check)]
#[bench::chosen_50_of_512(args = (512, 50), setup = chosen_swarm, teardown = check)]
#[bench::chosen_50_of_100k(args = (100_000, 50), setup = chosen_swarm, teardown = check)]
#[bench::chosen_200_of_100k(args = (100_000, 200), setup = chosen_swarm, teardown = check)]
fn announce(mut announces: Announces) -> Announces {
    let Announces { tracker, requests, list, .. } = &mut announces;
    for (request, source) in requests {
        let now_seconds = black_box(START_SECONDS + 120);
        let answer = tracker.announce(black_box(request), *source, now_seconds, list);
        let _ = black_box(answer);
    }
    announces
}

/// What was counted must be what was meant. A swarm is not worth the time it takes to free it.
fn check(announces: Announces) {
    assert_eq!(announces.list.len(), announces.peers, "peers in the last reply");
    assert_eq!(announces.tracker.stats().pending_rows, announces.pending_rows, "rows to flush");
    std::mem::forget(announces);
}

// ---- Encoding ----

// The whole response, head included.
#[library_benchmark]
#[bench::peers_50(args = (encode_http), setup = fifty_rows)]
fn http_reply((rows, mut out): (Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    encode_http(black_box(&rows), &mut out);
    (rows, black_box(out))
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
