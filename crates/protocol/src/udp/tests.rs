use super::{
    AnnounceReply, SCRAPE_HASHES_MAX, UdpError, UdpRequest, announced_info_hash, encode_connect,
    encode_error, encode_scrape, parse,
};
use crate::announce::{AnnounceError, AnnounceRequest, Event, LEFT_UNKNOWN_BYTES, Parameter};
use crate::ids::{InfoHash, Passkey};
use crate::scrape::ScrapeCounts;

/// An announce of 98 bytes with the fields that tests vary.
struct Datagram {
    downloaded: u64,
    left: u64,
    uploaded: u64,
    event: u32,
    address: [u8; 4],
    numwant: i32,
    options: Vec<u8>,
}

const PLAIN: Datagram = Datagram {
    downloaded: 1,
    left: 2,
    uploaded: 3,
    event: 2,
    address: [0; 4],
    numwant: -1,
    options: Vec::new(),
};

impl Datagram {
    fn bytes(&self) -> Vec<u8> {
        [
            0x1122_3344_5566_7788_u64.to_be_bytes().as_slice(),
            &1_u32.to_be_bytes(),
            &0xdead_beef_u32.to_be_bytes(),
            &[b'a'; 20],
            b"-TR3000-bbbbbbbbbbbb",
            &self.downloaded.to_be_bytes(),
            &self.left.to_be_bytes(),
            &self.uploaded.to_be_bytes(),
            &self.event.to_be_bytes(),
            &self.address,
            &0xabcd_u32.to_be_bytes(),
            &self.numwant.to_be_bytes(),
            &6881_u16.to_be_bytes(),
            &self.options,
        ]
        .concat()
    }

    fn request(&self) -> AnnounceRequest {
        match parse(&self.bytes()).unwrap() {
            UdpRequest::Announce { connection_id, transaction_id, request } => {
                assert_eq!(connection_id, 0x1122_3344_5566_7788);
                assert_eq!(transaction_id, 0xdead_beef);
                request
            }
            other => panic!("{other:?}"),
        }
    }

    fn refusal(&self) -> AnnounceError {
        match parse(&self.bytes()).unwrap_err() {
            UdpError::Announce { connection_id, transaction_id, reason } => {
                assert_eq!(connection_id, 0x1122_3344_5566_7788);
                assert_eq!(transaction_id, 0xdead_beef);
                reason
            }
            UdpError::NotTracker => panic!("not a refusal"),
        }
    }
}

fn with_options(options: &[u8]) -> AnnounceRequest {
    Datagram { options: options.to_vec(), ..PLAIN }.request()
}

/// Options that carry `url` in pieces of `piece_bytes`.
fn url_options(url: &str, piece_bytes: usize) -> Vec<u8> {
    let pieces = url.as_bytes().chunks(piece_bytes);
    pieces.flat_map(|piece| [&[2, piece.len() as u8], piece].concat()).collect()
}

#[test]
fn a_connect_is_recognised_by_its_number() {
    let datagram = b"\x00\x00\x04\x17\x27\x10\x19\x80\x00\x00\x00\x00\x00\x00\x00\x07";
    let connect = |bytes: &[u8]| match parse(bytes) {
        Ok(UdpRequest::Connect { transaction_id }) => Some(transaction_id),
        _ => None,
    };
    assert_eq!(connect(datagram), Some(7));
    assert_eq!(connect(&[datagram.as_slice(), b"junk"].concat()), Some(7));
    let mut other = *datagram;
    other[7] = 0x81;
    assert_eq!(parse(&other).unwrap_err(), UdpError::NotTracker);
}

#[test]
fn what_is_short_or_unknown_is_not_a_request() {
    let announce = PLAIN.bytes();
    assert_eq!(announce.len(), 98);
    for end in 0..announce.len() {
        assert_eq!(parse(&announce[..end]).unwrap_err(), UdpError::NotTracker, "{end}");
    }
    for action in [3_u32, 4, 0x0100_0000, u32::MAX] {
        let mut datagram = announce.clone();
        datagram[8..12].copy_from_slice(&action.to_be_bytes());
        assert_eq!(parse(&datagram).unwrap_err(), UdpError::NotTracker, "{action}");
    }
}

#[test]
fn a_look_ahead_sees_the_torrent_of_an_announce_and_of_nothing_else() {
    let announce = PLAIN.bytes();
    assert_eq!(announced_info_hash(&announce), Some(InfoHash([b'a'; 20])));
    for end in 0..36 {
        assert_eq!(announced_info_hash(&announce[..end]), None, "{end}");
    }
    for action in [0_u32, 2, 3, 0x0100_0000, u32::MAX] {
        let mut datagram = announce.clone();
        datagram[8..12].copy_from_slice(&action.to_be_bytes());
        assert_eq!(announced_info_hash(&datagram), None, "{action}");
    }
}

#[test]
fn an_announce_of_98_bytes_is_complete() {
    let request = PLAIN.request();
    assert_eq!(request.info_hash, InfoHash([b'a'; 20]));
    assert_eq!(&request.peer_id.0, b"-TR3000-bbbbbbbbbbbb");
    assert_eq!((request.downloaded, request.left, request.uploaded), (1, 2, 3));
    assert_eq!((request.event, request.paused, request.port), (Event::Started, false, 6881));
    assert_eq!((request.numwant, request.passkey), (None, None));
    assert_eq!((request.compact, request.no_peer_id), (true, true));
    assert_eq!((request.claimed_v4, request.claimed_v6), (None, None));
}

#[test]
fn numbers_out_of_range_are_none_or_refused() {
    for (event, expected) in [
        (0, Event::None),
        (1, Event::Completed),
        (2, Event::Started),
        (3, Event::Stopped),
        (4, Event::None),
        (u32::MAX, Event::None),
    ] {
        assert_eq!(Datagram { event, ..PLAIN }.request().event, expected, "{event}");
    }
    for (numwant, expected) in
        [(-1, None), (i32::MIN, None), (0, Some(0)), (i32::MAX, Some(0x7fff_ffff))]
    {
        assert_eq!(Datagram { numwant, ..PLAIN }.request().numwant, expected, "{numwant}");
    }
    let large = (1 << 50) + 1;
    for (datagram, parameter) in [
        (Datagram { downloaded: large, ..PLAIN }, Parameter::Downloaded),
        (Datagram { uploaded: u64::MAX, ..PLAIN }, Parameter::Uploaded),
        (Datagram { left: large, ..PLAIN }, Parameter::Left),
    ] {
        assert_eq!(datagram.refusal(), AnnounceError::CounterTooLarge(parameter));
    }
    for left in [u64::MAX, i64::MAX as u64] {
        assert_eq!(Datagram { left, ..PLAIN }.request().left, LEFT_UNKNOWN_BYTES);
    }
    let claimed = Datagram { address: [192, 0, 2, 1], ..PLAIN }.request().claimed_v4;
    assert_eq!(claimed, Some([192, 0, 2, 1].into()));
}

#[test]
fn every_url_shape_carries_the_passkey() {
    let passkey = Passkey::new(b"PASSKEY4");
    for url in [
        "/PASSKEY4/announce",
        "/PASSKEY4/announce?a=b",
        "/announce/PASSKEY4",
        "/announce?a&passkey=PASSKEY4",
        "udp://tracker.example:6969/announce/PASSKEY4",
        "/scrape/PASSKEY4",
    ] {
        for piece_bytes in [1, 5, 255] {
            let request = with_options(&url_options(url, piece_bytes));
            assert_eq!(request.passkey, passkey, "{url} in pieces of {piece_bytes}");
        }
    }
    for url in ["/", "/announce", "/some/public/path", "x"] {
        assert_eq!(with_options(&url_options(url, 255)).passkey, None, "{url}");
    }
    let malformed = Datagram { options: url_options("/announce/a.b", 255), ..PLAIN };
    assert_eq!(malformed.refusal(), AnnounceError::Passkey);
}

#[test]
fn options_are_read_up_to_the_end_or_the_break() {
    let passkey = Passkey::new(b"PK");
    for (options, expected) in [
        (b"\x01\x01\x02\x0c/announce/PK\x00junk".as_slice(), passkey),
        (b"\x02\x0b/announce/P\x07\x03abc\x01\x02\x01K", passkey),
        (b"\x02\x0c/announce/PK\x02", passkey),
        (b"\x02\x0c/announce/PK\x02\xffK", passkey),
        (b"\x02\x0c/announce/PK\x07", passkey),
        (b"\x02\x00\x02\x0c/announce/PK", passkey),
        (b"\x00\x02\x0c/announce/PK", None),
        (b"\x02\x0d/announce/PK", None),
        (b"\x02", None),
        (b"GET / HTTP/1.1", None),
    ] {
        assert_eq!(with_options(options).passkey, expected, "{}", options.escape_ascii());
    }
}

#[test]
fn url_data_is_bounded() {
    let long = format!("/announce/PK?{}", "x".repeat(3000));
    assert_eq!(with_options(&url_options(&long, 250)).passkey, Passkey::new(b"PK"));
    let beyond = format!("/announce?{}&passkey=PK", "x".repeat(3000));
    assert_eq!(with_options(&url_options(&beyond, 250)).passkey, None);
}

#[test]
fn a_scrape_lists_at_most_74_torrents() {
    let scrape = |hash_bytes: &[u8]| {
        let head = b"\x11\x22\x33\x44\x55\x66\x77\x88\x00\x00\x00\x02\x00\x00\x00\x09";
        let datagram = [head, hash_bytes].concat();
        let hashes: Vec<InfoHash> = match parse(&datagram).unwrap() {
            UdpRequest::Scrape { connection_id, transaction_id: 9, info_hashes } => {
                assert_eq!(connection_id, 0x1122_3344_5566_7788);
                assert_eq!(info_hashes.len(), info_hashes.iter().len());
                assert_eq!(info_hashes.is_empty(), hash_bytes.is_empty());
                info_hashes.iter().collect()
            }
            other => panic!("{other:?}"),
        };
        hashes
    };
    assert_eq!(scrape(b""), []);
    assert_eq!(scrape(b"aaaaaaaaaaaaaaaaaaaab"), [InfoHash([b'a'; 20])]);
    let many: Vec<u8> = (0..100).flat_map(|number| [number; 20]).collect();
    let expected: Vec<_> = (0..74).map(|number| InfoHash([number; 20])).collect();
    assert_eq!(scrape(&many), expected);
    assert_eq!(SCRAPE_HASHES_MAX, 74);
}

#[test]
fn replies_are_exact() {
    let mut out = Vec::new();
    encode_connect(&mut out, 0x0102_0304, 0x1112_1314_1516_1718);
    assert_eq!(out, b"\x00\x00\x00\x00\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18");

    out.clear();
    let rows = [192, 0, 2, 1, 0x1a, 0xe1];
    let reply = AnnounceReply {
        transaction_id: 0x0102_0304,
        interval_seconds: 1800,
        leechers: 5,
        seeders: 6,
        rows: &rows,
    };
    reply.encode(&mut out);
    assert_eq!(
        out,
        b"\x00\x00\x00\x01\x01\x02\x03\x04\x00\x00\x07\x08\x00\x00\x00\x05\x00\x00\x00\x06\
          \xc0\x00\x02\x01\x1a\xe1"
    );

    out.clear();
    let counts = ScrapeCounts { seeders: 1, snatches: 2, leechers: 3, downloaders: 4 };
    encode_scrape(&mut out, 0x0102_0304, [counts, ScrapeCounts::default()]);
    assert_eq!(
        out,
        b"\x00\x00\x00\x02\x01\x02\x03\x04\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\
          \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    );

    out.clear();
    encode_error(&mut out, 0x0102_0304, "no");
    assert_eq!(out, b"\x00\x00\x00\x03\x01\x02\x03\x04no");
}
