//! What is encoded is decoded to the same.

use std::net::IpAddr;

use mika_protocol::bencode::{self, Limits, Tree};
use mika_protocol::http::{self, Peers, Route};
use mika_protocol::udp::{self, UdpRequest};
use mika_protocol::{
    AnnounceRequest, COUNTER_MAX_BYTES, Event, InfoHash, Passkey, PeerId, ScrapeCounts,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::encode::{self, Spelling};

fn passkey() -> impl Strategy<Value = Option<Passkey>> {
    option::of("[A-Za-z0-9_-]{1,64}").prop_map(|text| Passkey::new(text?.as_bytes()))
}

fn counter() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(COUNTER_MAX_BYTES), 0..=COUNTER_MAX_BYTES]
}

fn event() -> impl Strategy<Value = (Event, bool)> {
    prop_oneof![
        Just((Event::None, false)),
        Just((Event::None, true)),
        Just((Event::Started, false)),
        Just((Event::Stopped, false)),
        Just((Event::Completed, false)),
    ]
}

fn announce() -> impl Strategy<Value = AnnounceRequest> {
    let ids = (any::<[u8; 20]>(), any::<[u8; 20]>(), passkey(), any::<u16>());
    let counters = (counter(), counter(), counter());
    // An address that is an IPv4 one in disguise would come back as that.
    let v6 = any::<[u8; 16]>().prop_map(std::net::Ipv6Addr::from);
    let v6 = v6.prop_filter("plain IPv6", |address| address.to_ipv4_mapped().is_none());
    let v4 = any::<[u8; 4]>().prop_map(std::net::Ipv4Addr::from);
    let rest = (event(), option::of(any::<u32>()), any::<[bool; 2]>(), option::of(v4));
    (ids, counters, rest, option::of(v6)).prop_map(
        |(
            (info_hash, peer_id, passkey, port),
            (uploaded, downloaded, left),
            ((event, paused), numwant, [compact, no_peer_id], claimed_v4),
            claimed_v6,
        )| AnnounceRequest {
            info_hash: InfoHash(info_hash),
            peer_id: PeerId(peer_id),
            passkey,
            port,
            uploaded,
            downloaded,
            left,
            corrupt: downloaded / 3,
            event,
            paused,
            numwant,
            compact,
            compact_given: true,
            no_peer_id,
            claimed_v4,
            claimed_v6,
        },
    )
}

proptest! {
    #[test]
    fn an_announce_in_any_spelling_is_the_same(
        request in announce(),
        choices in vec(any::<u8>(), 1..64),
        place: u8,
    ) {
        let query = encode::announce_query(&request, Spelling::new(&choices));
        let target = encode::announce_target(request.passkey, place, &query);
        let Route::Announce { passkey, query } = http::route(&target) else {
            panic!("{}", target.escape_ascii())
        };
        prop_assert_eq!(http::parse_announce(query, passkey), Ok(request));
    }

    #[test]
    fn an_announce_datagram_is_the_same(request in announce(), piece_bytes in 1..100_usize) {
        let request = AnnounceRequest {
            paused: false,
            corrupt: 0,
            compact: true,
            no_peer_id: true,
            numwant: request.numwant.map(|numwant| numwant >> 1),
            claimed_v4: request.claimed_v4.filter(|address| !address.is_unspecified()),
            claimed_v6: None,
            ..request
        };
        let datagram = encode::announce_datagram(&request, piece_bytes);
        match udp::parse(&datagram) {
            Ok(UdpRequest::Announce { connection_id: 7, transaction_id: 9, request: decoded }) => {
                prop_assert_eq!(decoded, request);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_scrape_in_any_spelling_is_the_same(
        hashes in vec(any::<[u8; 20]>().prop_map(InfoHash), 1..20),
        choices in vec(any::<u8>(), 1..64),
        passkey in passkey(),
    ) {
        let query = encode::scrape_query(&hashes, Spelling::new(&choices));
        let request = http::parse_scrape(&query, passkey, hashes.len()).unwrap();
        prop_assert_eq!(request.passkey, passkey);
        prop_assert_eq!(request.info_hashes, hashes);
    }

    #[test]
    fn a_reply_is_strict_bencode_with_the_same_values(
        numbers: [u32; 5],
        v4 in vec(any::<[u8; 6]>(), 0..60),
        v6 in vec(any::<[u8; 18]>(), 0..20),
        external_ip: Option<IpAddr>,
        tracker_id in option::of(vec(any::<u8>(), 0..20)),
        warning: Option<String>,
        compact: bool,
    ) {
        let (v4, v6) = (v4.concat(), v6.concat());
        let [interval_seconds, min_interval_seconds, seeders, leechers, snatches] = numbers;
        let reply = http::AnnounceReply {
            interval_seconds,
            min_interval_seconds,
            seeders,
            leechers,
            snatches,
            peers: match compact {
                true => Peers::Compact { v4: &v4, v6: &v6 },
                false => Peers::Dictionaries { v4: &v4, v6: &v6, peer_ids: None },
            },
            external_ip,
            tracker_id: tracker_id.as_deref(),
            warning: warning.as_deref(),
        };
        let mut out = Vec::new();
        reply.encode(&mut out);

        let parsed = bencode::parse(&out, &Limits::default()).unwrap().as_dict().unwrap();
        let number = |key: &str| parsed.get(key.as_bytes()).and_then(|value| value.as_u64());
        let bytes = |key: &str| parsed.get(key.as_bytes()).and_then(|value| value.as_bytes());
        prop_assert_eq!(number("interval"), Some(interval_seconds.into()));
        prop_assert_eq!(number("min interval"), Some(min_interval_seconds.into()));
        prop_assert_eq!(number("complete"), Some(seeders.into()));
        prop_assert_eq!(number("incomplete"), Some(leechers.into()));
        prop_assert_eq!(number("downloaded"), Some(snatches.into()));
        prop_assert_eq!(bytes("tracker id"), tracker_id.as_deref());
        prop_assert_eq!(bytes("warning message"), warning.as_deref().map(str::as_bytes));
        let external = external_ip.map(|address| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        });
        prop_assert_eq!(bytes("external ip"), external.as_deref());
        if compact {
            prop_assert_eq!(bytes("peers"), Some(v4.as_slice()));
            prop_assert_eq!(bytes("peers6"), Some(v6.as_slice()).filter(|rows| !rows.is_empty()));
        } else {
            prop_assert_eq!(listed_rows(parsed), [v4, v6].concat());
        }
    }

    #[test]
    fn a_scrape_reply_lists_each_torrent_once_with_its_counts(
        files in vec((any::<[u8; 20]>(), any::<[u32; 4]>()), 0..20),
    ) {
        let counts = |[seeders, snatches, leechers, downloaders]: [u32; 4]| {
            ScrapeCounts { seeders, snatches, leechers, downloaders }
        };
        let mut rows: Vec<_> =
            files.iter().map(|(hash, numbers)| (InfoHash(*hash), counts(*numbers))).collect();
        rows.extend_from_within(..);
        let mut out = Vec::new();
        let reply =
            http::ScrapeReply { files: &mut rows, min_request_interval_seconds: Some(1) };
        reply.encode(&mut out);

        let entry = |numbers: [u32; 4]| {
            let names = ["complete", "downloaded", "incomplete", "downloaders"];
            let numbers = numbers.map(|number| Tree::from(u64::from(number)));
            Tree::dict(names.into_iter().zip(numbers))
        };
        let expected = Tree::dict([
            ("files", Tree::dict(files.iter().map(|(hash, numbers)| (*hash, entry(*numbers))))),
            ("flags", Tree::dict([("min_request_interval", Tree::from(1_u64))])),
        ]);
        prop_assert_eq!(Tree::from(bencode::parse(&out, &Limits::default()).unwrap()), expected);
    }
}

/// The peers of a list of dictionaries, as rows.
fn listed_rows(reply: bencode::Dict<'_>) -> Vec<u8> {
    let mut rows = Vec::new();
    for peer in reply.get(b"peers").unwrap().as_list().unwrap() {
        let peer = peer.as_dict().unwrap();
        let text = peer.get(b"ip").unwrap().as_bytes().unwrap();
        match std::str::from_utf8(text).unwrap().parse().unwrap() {
            IpAddr::V4(address) => rows.extend(address.octets()),
            IpAddr::V6(address) => rows.extend(address.octets()),
        }
        let port = u16::try_from(peer.get(b"port").unwrap().as_u64().unwrap()).unwrap();
        rows.extend(port.to_be_bytes());
    }
    rows
}
