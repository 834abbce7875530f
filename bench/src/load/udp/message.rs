//! Datagrams (BEP 15, BEP 41).

use mika_protocol::Event;

use crate::load::crowd::Announce;

const PROTOCOL_ID: u64 = 0x0417_2710_1980;

/// Marks the transaction ids of connects; the rest is the lane.
const CONNECT_FLAG: u32 = 1 << 31;

const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const SCRAPE: u32 = 2;
const ERROR: u32 = 3;

/// The option that carries a part of the URL, and its longest part.
const OPTION_URL_DATA: u8 = 2;
const OPTION_BYTES_MAX: usize = 255;

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply<'a> {
    Connected { connection_id: u64 },
    Announce { transaction_id: u32, peers: u64 },
    Scrape { transaction_id: u32 },
    Error { transaction_id: u32, text: &'a str },
    Unknown,
}

pub(super) fn connect(lane: usize) -> [u8; 16] {
    let mut out = [0; 16];
    let transaction_id = CONNECT_FLAG | lane as u32;
    let bytes = PROTOCOL_ID
        .to_be_bytes()
        .into_iter()
        .chain(CONNECT.to_be_bytes())
        .chain(transaction_id.to_be_bytes());
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    out
}

pub(super) fn announce(
    out: &mut Vec<u8>,
    connection_id: u64,
    transaction_id: u32,
    announce: &Announce,
) {
    let event: u32 = match announce.event {
        Event::None => 0,
        Event::Completed => 1,
        Event::Started => 2,
        Event::Stopped => 3,
    };
    head(out, connection_id, ANNOUNCE, transaction_id);
    out.extend_from_slice(&announce.info_hash);
    out.extend_from_slice(&announce.peer_id);
    out.extend_from_slice(&announce.downloaded.to_be_bytes());
    out.extend_from_slice(&announce.left.to_be_bytes());
    out.extend_from_slice(&announce.uploaded.to_be_bytes());
    out.extend_from_slice(&event.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&announce.key.to_be_bytes());
    out.extend_from_slice(&announce.numwant.to_be_bytes());
    out.extend_from_slice(&announce.port.to_be_bytes());
}

/// Appends the path that `append` writes, in as many options as it takes.
pub(super) fn url_data(out: &mut Vec<u8>, append: impl FnOnce(&mut Vec<u8>)) {
    let mut path = Vec::with_capacity(OPTION_BYTES_MAX);
    append(&mut path);
    for part in path.chunks(OPTION_BYTES_MAX) {
        out.extend_from_slice(&[OPTION_URL_DATA, part.len() as u8]);
        out.extend_from_slice(part);
    }
}

pub(super) fn scrape(
    out: &mut Vec<u8>,
    connection_id: u64,
    transaction_id: u32,
    info_hash: &[u8; 20],
) {
    head(out, connection_id, SCRAPE, transaction_id);
    out.extend_from_slice(info_hash);
}

fn head(out: &mut Vec<u8>, connection_id: u64, action: u32, transaction_id: u32) {
    out.extend_from_slice(&connection_id.to_be_bytes());
    out.extend_from_slice(&action.to_be_bytes());
    out.extend_from_slice(&transaction_id.to_be_bytes());
}

pub(super) fn parse(datagram: &[u8]) -> Reply<'_> {
    let Some((action, rest)) = datagram.split_first_chunk() else { return Reply::Unknown };
    let Some((transaction_id, rest)) = rest.split_first_chunk() else { return Reply::Unknown };
    let transaction_id = u32::from_be_bytes(*transaction_id);
    match (u32::from_be_bytes(*action), rest.len()) {
        (CONNECT, 8..) if transaction_id & CONNECT_FLAG != 0 => {
            let connection_id = rest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            Reply::Connected { connection_id }
        }
        (ANNOUNCE, 12..) => Reply::Announce { transaction_id, peers: (rest.len() as u64 - 12) / 6 },
        (SCRAPE, 12..) => Reply::Scrape { transaction_id },
        (ERROR, _) => {
            let text = str::from_utf8(rest).unwrap_or("(an error that is no text)");
            Reply::Error { transaction_id, text }
        }
        _ => Reply::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use mika_protocol::udp::{self, AnnounceReply, UdpRequest};

    use super::super::super::crowd::{Crowd, tests::options};
    use super::*;

    #[test]
    fn requests_mean_what_they_should() {
        let crowd = Crowd::new(&options("--users 50")).unwrap();
        let said = crowd.announce(4711, Event::Started, 1_790_000_000_000);
        let mut out = Vec::new();
        announce(&mut out, 99, 5, &said);
        assert_eq!(out.len(), 98);
        let mut passkey = Vec::new();
        crowd.append_passkey(4711, &mut passkey);
        url_data(&mut out, |path| {
            path.push(b'/');
            path.extend_from_slice(&passkey);
            path.extend_from_slice(b"/announce");
        });
        let Ok(UdpRequest::Announce { connection_id: 99, transaction_id: 5, request }) =
            udp::parse(&out)
        else {
            panic!("{:?}", udp::parse(&out));
        };
        assert_eq!(request.info_hash.0, said.info_hash);
        assert_eq!(request.peer_id.0, said.peer_id);
        assert_eq!(request.port, said.port);
        assert_eq!(request.uploaded, said.uploaded);
        assert_eq!(request.downloaded, said.downloaded);
        assert_eq!(request.left, said.left);
        assert_eq!(request.event, Event::Started);
        assert_eq!(request.numwant, Some(50));
        assert_eq!(request.passkey.unwrap().as_bytes(), passkey);

        assert!(matches!(udp::parse(&connect(3)), Ok(UdpRequest::Connect { .. })));
        out.clear();
        scrape(&mut out, 99, 6, &said.info_hash);
        let Ok(UdpRequest::Scrape { info_hashes, .. }) = udp::parse(&out) else { panic!() };
        assert_eq!(info_hashes.iter().next().unwrap().0, said.info_hash);
    }

    #[test]
    fn a_long_path_goes_into_several_options() {
        let mut out = Vec::new();
        url_data(&mut out, |path| path.resize(300, b'a'));
        assert_eq!(out.len(), 304);
        assert_eq!(out[..2], [2, 255]);
        assert_eq!(out[257..259], [2, 45]);
    }

    #[test]
    fn replies_are_understood() {
        let mut out = Vec::new();
        udp::encode_connect(&mut out, CONNECT_FLAG | 3, 77);
        assert_eq!(parse(&out), Reply::Connected { connection_id: 77 });
        out.clear();
        let rows = &[1; 18];
        let reply = AnnounceReply {
            transaction_id: 9,
            interval_seconds: 1800,
            leechers: 1,
            seeders: 2,
            rows,
        };
        reply.encode(&mut out);
        assert_eq!(parse(&out), Reply::Announce { transaction_id: 9, peers: 3 });
        out.clear();
        udp::encode_error(&mut out, 9, "no");
        assert_eq!(parse(&out), Reply::Error { transaction_id: 9, text: "no" });
        assert_eq!(parse(&out[..7]), Reply::Unknown);
    }
}
