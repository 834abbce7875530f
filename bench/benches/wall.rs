//! The time that operations take on this machine. Compare figures of one run only: other runs have
//! other neighbours.
#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mika_bench::cases::{
    Announces, CLIENT, Watched, chosen_swarm, connection, encode_http, encode_udp, fifty_rows,
    parse_http, parse_udp, part_of_observations, qbittorrent_request, swarm, udp_datagram,
    watched_swarm,
};
use mika_bench::population::START_SECONDS;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn http(criterion: &mut Criterion) {
    let bytes = qbittorrent_request();
    let (rows, mut out) = fifty_rows(encode_http);
    criterion.bench_function("http/parse", |it| it.iter(|| parse_http(black_box(&bytes))));
    criterion.bench_function("http/encode 50 peers", |it| {
        it.iter(|| {
            out.clear();
            encode_http(black_box(&rows), &mut out);
        });
    });
    criterion.bench_function("http/parse and encode 50 peers", |it| {
        it.iter(|| {
            out.clear();
            encode_http(black_box(&rows), &mut out);
            parse_http(black_box(&bytes))
        });
    });
}

fn udp(criterion: &mut Criterion) {
    let datagram = udp_datagram();
    let (rows, mut out) = fifty_rows(encode_udp);
    let (ids, id) = connection();
    criterion.bench_function("udp/parse", |it| it.iter(|| parse_udp(black_box(&datagram))));
    criterion.bench_function("udp/connection id", |it| {
        it.iter(|| ids.verify(black_box(id), black_box(CLIENT), black_box(1060)));
    });
    criterion.bench_function("udp/encode 50 peers", |it| {
        it.iter(|| {
            out.clear();
            encode_udp(black_box(&rows), &mut out);
        });
    });
}

/// A known leecher announces again and again in one swarm, with everything in the cache.
fn announce(criterion: &mut Criterion) {
    let uniform: fn(u32, u32) -> Announces = swarm;
    for (name, made, peers, numwant) in [
        ("announce/15 of 100", uniform, 100, 15),
        ("announce/50 of 100", uniform, 100, 50),
        ("announce/50 of 512", uniform, 512, 50),
        ("announce/50 of 512, chosen", chosen_swarm, 512, 50),
        ("announce/50 of 10k", uniform, 10_000, 50),
        ("announce/50 of 10k, chosen", chosen_swarm, 10_000, 50),
        ("announce/50 of 1M", uniform, 1_000_000, 50),
        ("announce/50 of 1M, chosen (c13)", chosen_swarm, 1_000_000, 50),
        ("announce/200 of 1M, chosen", chosen_swarm, 1_000_000, 200),
    ] {
        let mut announces = made(peers, numwant);
        let mut turn = announces.requests.clone().into_iter().cycle();
        criterion.bench_function(name, |it| {
            it.iter_batched(
                || turn.next(),
                |next| {
                    let (request, source) = next?;
                    let (tracker, list) = (&announces.tracker, &mut announces.list);
                    Some(tracker.announce(&request, source, START_SECONDS + 120, list))
                },
                BatchSize::SmallInput,
            );
        });
    }
}

/// What detection costs an announce: an idle seeder with and without, and a leecher that moves.
fn watched(criterion: &mut Criterion) {
    for (name, watched) in [
        ("announce/idle seeder, detection off", Watched::IdleOff),
        ("announce/idle seeder, detection on", Watched::IdleOn),
        ("announce/15 of 100, detection on", Watched::MovedOn),
    ] {
        let mut announces = watched_swarm(100, watched);
        let part = part_of_observations(&mut announces);
        let mut taken = Vec::new();
        let mut turn = announces.requests.clone().into_iter().cycle();
        let (tracker, list) = (&announces.tracker, &mut announces.list);
        criterion.bench_function(name, |it| {
            it.iter_batched(
                || {
                    tracker.take_observations(part, &mut taken);
                    turn.next()
                },
                |next| {
                    let (request, source) = next?;
                    Some(tracker.announce(&request, source, START_SECONDS + 120, list))
                },
                // As many as the queue holds.
                BatchSize::NumIterations(200),
            );
        });
    }
}

criterion_group!(benches, http, udp, announce, watched);
criterion_main!(benches);
