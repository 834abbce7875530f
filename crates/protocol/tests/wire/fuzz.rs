//! Fuzz targets of every parser of foreign bytes.
//!
//! `cargo test` runs each on its corpus (`__fuzz__/fuzz__<name>/corpus`) and on a bounded number
//! of random inputs; `cargo bolero test fuzz::<name>` runs it under a fuzzing engine for as long
//! as wanted. As random bytes seldom get far into a parser, a target also takes its input as edits
//! of a valid request.

use mika_protocol::bencode::{self, Limits, Tree};
use mika_protocol::http::{self, ParsedHead, Route};
use mika_protocol::udp::{self, UdpRequest};
use mika_protocol::{AnnounceRequest, COUNTER_MAX_BYTES, Passkey, metainfo};

use crate::encode::{self, Spelling};
use crate::recorded;

const ITERATIONS: usize = 20_000;
const INPUT_BYTES_MAX: usize = 1024;

/// Checks a target on random bytes and on edited seeds.
macro_rules! fuzz {
    ($seeds:expr, $target:expr) => {
        let seeds: Vec<Vec<u8>> = $seeds;
        seeds.iter().for_each(|seed| $target(seed));
        bolero::check!().with_iterations(ITERATIONS).with_max_len(INPUT_BYTES_MAX).for_each(
            |input: &[u8]| {
                $target(input);
                $target(&edited(&seeds, input));
            },
        );
    };
}

#[test]
fn http_request() {
    fuzz!(recorded::http(), check_http_request);
}

#[test]
fn http_announce_query() {
    fuzz!(recorded_queries(), check_announce_query);
}

#[test]
fn http_scrape_query() {
    fuzz!(recorded_queries(), check_scrape_query);
}

#[test]
fn udp_datagram() {
    let scrape = [[0; 8].as_slice(), &[0, 0, 0, 2, 0, 0, 0, 9], &[7; 60]].concat();
    fuzz!([recorded::udp(), vec![scrape]].concat(), check_datagram);
}

#[test]
fn bencode_value() {
    fuzz!(torrents(), check_bencode);
}

#[test]
fn metainfo_file() {
    fuzz!(torrents(), check_metainfo);
}

/// A seed with parts overwritten, cut out or doubled, as `input` says.
fn edited(seeds: &[Vec<u8>], input: &[u8]) -> Vec<u8> {
    let Some((&choice, edits)) = input.split_first() else { return Vec::new() };
    let mut bytes = seeds[usize::from(choice) % seeds.len()].clone();
    for edit in edits.chunks_exact(4).take(8) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % (bytes.len() + 1);
        let end = (at + usize::from(edit[2] >> 2)).min(bytes.len());
        match edit[2] & 3 {
            0 => bytes.insert(at, edit[3]),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.extend_from_within(at..end),
            _ if at < bytes.len() => bytes[at] = edit[3],
            _ => bytes.push(edit[3]),
        }
    }
    bytes
}

fn recorded_queries() -> Vec<Vec<u8>> {
    let query = |request: Vec<u8>| {
        let ParsedHead::Complete { head, .. } = http::parse_head(&request) else { panic!() };
        match http::route(head.target) {
            Route::Announce { query, .. } | Route::Scrape { query, .. } => query.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    recorded::http().into_iter().map(query).collect()
}

fn torrents() -> Vec<Vec<u8>> {
    let v1 = "d5:filesld6:lengthi100e4:pathl1:aeed4:attr1:p6:lengthi28e4:pathl1:peee4:name1:d\
              6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1ee";
    let v2 = "d9:file treed1:ad0:d6:lengthi10eee1:dd1:bd0:d6:lengthi5eeeee12:meta versioni2e\
              4:name3:two12:piece lengthi16384ee";
    let hybrid = "d9:file treed1:ad0:d6:lengthi10eeee6:lengthi10e12:meta versioni2e4:name1:a\
                  6:pieces0:e";
    [v1, v2, hybrid].map(|info| format!("d8:announce9:http://x/4:info{info}e").into_bytes()).into()
}

fn check_http_request(request: &[u8]) {
    match http::parse_head(request) {
        ParsedHead::Complete { head, bytes } => {
            assert!(bytes <= request.len());
            assert!(!head.target.is_empty() && !head.target.contains(&b'\n'));
            assert!(!(head.chunked && head.keep_alive));
            // What follows the head does not change it.
            let ParsedHead::Complete { head: alone, bytes: same } =
                http::parse_head(&request[..bytes])
            else {
                panic!("incomplete without what follows")
            };
            assert_eq!(
                (same, alone.target, alone.keep_alive),
                (bytes, head.target, head.keep_alive)
            );
            assert_eq!(
                alone.headers("host").collect::<Vec<_>>(),
                head.headers("host").collect::<Vec<_>>()
            );
            check_target(head.target);
        }
        ParsedHead::Partial => {}
        ParsedHead::Invalid(error) => {
            assert!((400..=505).contains(&error.status()));
            // A broken head is not mended by more bytes.
            let longer = [request, b"\r\n\r\n"].concat();
            assert!(matches!(http::parse_head(&longer), ParsedHead::Invalid(_)));
        }
    }
    check_target(request);
}

fn check_target(target: &[u8]) {
    match http::route(target) {
        Route::Announce { passkey, query } => {
            check_passkey(passkey);
            assert!(target.ends_with(query));
            check_announce_query(query);
        }
        Route::Scrape { passkey, query } => {
            check_passkey(passkey);
            assert!(target.ends_with(query));
            check_scrape_query(query);
        }
        Route::InvalidPasskey | Route::Other => {}
    }
}

/// A passkey that was accepted is accepted again wherever it stands.
fn check_passkey(passkey: Option<Passkey>) {
    for place in 0..4 {
        let target = encode::announce_target(passkey, place, b"x=y");
        let Route::Announce { passkey: again, .. } = http::route(&target) else {
            panic!("{}", target.escape_ascii())
        };
        assert_eq!(again, passkey);
    }
}

fn check_announce_query(query: &[u8]) {
    match http::parse_announce(query, None) {
        Ok(request) => {
            check_announce(&request);
            let again = encode::announce_query(&request, Spelling::new(query));
            assert_eq!(http::parse_announce(&again, None), Ok(request));
        }
        Err(error) => assert!(error.to_string().contains(": ")),
    }
}

fn check_announce(request: &AnnounceRequest) {
    let largest = request.uploaded.max(request.downloaded).max(request.left);
    assert!(largest <= COUNTER_MAX_BYTES);
    assert!(request.claimed_v6.is_none_or(|address| address.to_ipv4_mapped().is_none()));
}

fn check_scrape_query(query: &[u8]) {
    if let Ok(request) = http::parse_scrape(query, None, 3) {
        assert!((1..=3).contains(&request.info_hashes.len()));
        let again = encode::scrape_query(&request.info_hashes, Spelling::new(query));
        assert_eq!(http::parse_scrape(&again, None, 3), Ok(request));
    }
}

fn check_datagram(datagram: &[u8]) {
    match udp::parse(datagram) {
        Ok(UdpRequest::Announce { request, .. }) => {
            assert!(datagram.len() >= 98);
            check_announce(&request);
            let again = encode::announce_datagram(&request, datagram.len() % 70);
            let Ok(UdpRequest::Announce { request: same, .. }) = udp::parse(&again) else {
                panic!("{}", again.escape_ascii())
            };
            assert_eq!(same, request);
        }
        Ok(UdpRequest::Scrape { info_hashes, .. }) => {
            assert_eq!(info_hashes.len(), ((datagram.len() - 16) / 20).min(74));
            let listed: Vec<u8> = info_hashes.iter().flat_map(|info_hash| info_hash.0).collect();
            assert!(datagram[16..].starts_with(&listed));
        }
        Ok(UdpRequest::Connect { transaction_id }) => {
            assert_eq!(datagram[12..16], transaction_id.to_be_bytes());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_bencode(input: &[u8]) {
    let strict = Limits { bytes: 4096, depth: 16, sorted_keys: true };
    match bencode::parse(input, &strict) {
        // There is one way to write a value, so that a strict input is what the writer makes.
        Ok(value) => {
            let mut out = Vec::new();
            Tree::from(value).encode(&mut out);
            assert_eq!(out, input);
        }
        Err(error) => assert!(error.offset <= input.len()),
    }
    let lenient = Limits { sorted_keys: false, ..strict };
    if let Ok(value) = bencode::parse(input, &lenient) {
        let mut sorted = Vec::new();
        Tree::from(value).encode(&mut sorted);
        assert!(sorted.len() <= input.len());
        assert!(bencode::parse(&sorted, &strict).is_ok());
    }
}

fn check_metainfo(file: &[u8]) {
    for file in [file.to_vec(), [b"d4:info", file, b"e"].concat()] {
        let Ok(hashes) = metainfo::info_hashes(&file) else { continue };
        assert!(hashes.v1.is_some() || hashes.v2.is_some());
        let truncated = hashes.v2_truncated().map(|info_hash| info_hash.0.to_vec());
        assert_eq!(truncated, hashes.v2.map(|hash| hash[..20].to_vec()));
        // What is around the info dictionary does not change the hashes.
        let info = bencode::parse(&file, &Limits { sorted_keys: false, ..Limits::default() });
        let info = info.unwrap().as_dict().unwrap().get(b"info").unwrap().as_dict().unwrap();
        let alone = [b"d4:info", info.raw(), b"e"].concat();
        assert_eq!(metainfo::info_hashes(&alone), Ok(hashes));
    }
}
