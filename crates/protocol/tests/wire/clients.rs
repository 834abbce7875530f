//! What recorded clients sent is decoded to what they meant.

use mika_protocol::http::{self, ParsedHead, Route};
use mika_protocol::udp::{self, UdpRequest};
use mika_protocol::{AnnounceRequest, Event, Passkey};

use crate::recorded::{Recorded, requests};

/// One line for each request, from a decoder in another language.
const EXPECTED: &str = include_str!("../data/client-requests.expected.txt");

#[test]
fn every_recorded_request_is_decoded() {
    let mut lengths = Vec::new();
    let mut decoded = String::new();
    for request in requests() {
        match request {
            Recorded::Http(bytes) => decoded += &http_line(&bytes),
            Recorded::UdpAnnounce(bytes) => decoded += &udp_line(&bytes),
            Recorded::UdpLength(bytes) => lengths.push(bytes),
        }
    }
    assert_eq!(decoded, EXPECTED);
    // A connect, and a scrape of one torrent.
    assert_eq!(lengths, [16, 36]);
}

fn http_line(request: &[u8]) -> String {
    let ParsedHead::Complete { head, bytes } = http::parse_head(request) else {
        panic!("{}", request.escape_ascii())
    };
    assert_eq!(bytes, request.len());
    assert_eq!((head.method, head.content_length), (http::Method::Get, 0));
    assert!(head.host().is_some());
    let connection = if head.keep_alive { "keep-alive" } else { "close" };
    match http::route(head.target) {
        Route::Announce { passkey, query } => {
            let request = http::parse_announce(query, passkey).unwrap();
            assert!(request.compact);
            let common = announce_line(&request);
            format!("http {common} no_peer_id={} {connection}\n", request.no_peer_id)
        }
        Route::Scrape { passkey, query } => {
            let request = http::parse_scrape(query, passkey, 1).unwrap();
            let passkey = passkey_text(request.passkey);
            format!(
                "http scrape passkey={passkey} info_hash={} {connection}\n",
                request.info_hashes[0]
            )
        }
        other => panic!("{other:?}"),
    }
}

fn udp_line(datagram: &[u8]) -> String {
    let Ok(UdpRequest::Announce { connection_id, transaction_id, request }) = udp::parse(datagram)
    else {
        panic!("{}", datagram.escape_ascii())
    };
    assert_eq!((connection_id, transaction_id), (0x0102_0304_0506_0708, 0x1111_2222));
    format!("udp {}\n", announce_line(&request))
}

fn announce_line(request: &AnnounceRequest) -> String {
    assert_eq!((request.uploaded, request.downloaded, request.paused), (0, 0, false));
    assert_eq!((request.claimed_v4, request.claimed_v6), (None, None));
    let event = match request.event {
        Event::None => "none",
        Event::Started => "started",
        Event::Stopped => "stopped",
        Event::Completed => "completed",
    };
    format!(
        "announce passkey={} info_hash={} peer_id={} event={event} numwant={} port={} left={}",
        passkey_text(request.passkey),
        request.info_hash,
        request.peer_id.0.escape_ascii(),
        request.numwant.map_or("default".to_owned(), |numwant| numwant.to_string()),
        request.port,
        request.left,
    )
}

fn passkey_text(passkey: Option<Passkey>) -> String {
    passkey.map_or("none".to_owned(), |passkey| passkey.as_bytes().escape_ascii().to_string())
}
