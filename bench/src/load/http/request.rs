//! Requests as a client writes them.

use std::io::Write as _;

use mika_protocol::Event;

use crate::load::crowd::Crowd;
use crate::load::run::unix_ms;
use crate::load::target::Target;
use crate::load::work::Task;

/// Appends the whole request.
pub(super) fn append(out: &mut Vec<u8>, target: &Target, crowd: &Crowd, task: Task, close: bool) {
    out.extend_from_slice(b"GET ");
    // Writing to memory does not fail.
    match task {
        Task::Announce { peer, event, .. } => {
            let announce = crowd.announce(peer, event, unix_ms());
            let mut passkey = Vec::with_capacity(32);
            crowd.append_passkey(peer, &mut passkey);
            target.append_path(&passkey, out);
            out.extend_from_slice(b"?info_hash=");
            escape(out, &announce.info_hash);
            out.extend_from_slice(b"&peer_id=");
            escape(out, &announce.peer_id);
            let _ = write!(
                out,
                "&port={}&uploaded={}&downloaded={}&left={}&corrupt=0&key={:08X}",
                announce.port, announce.uploaded, announce.downloaded, announce.left, announce.key
            );
            out.extend_from_slice(match announce.event {
                Event::None => b"",
                Event::Started => b"&event=started",
                Event::Stopped => b"&event=stopped",
                Event::Completed => b"&event=completed",
            });
            let _ = write!(out, "&numwant={}&compact=1&no_peer_id=1", announce.numwant);
        }
        Task::Scrape { torrent } => {
            let at = out.len();
            let mut passkey = Vec::with_capacity(32);
            crowd.append_passkey(torrent, &mut passkey);
            target.append_path(&passkey, out);
            // The path of a scrape is that of the announce with the last word replaced (BEP 48).
            let path = out.split_off(at);
            let path = String::from_utf8_lossy(&path);
            let scrape = match path.rsplit_once("announce") {
                Some((before, after)) => format!("{before}scrape{after}"),
                None => path.into_owned(),
            };
            out.extend_from_slice(scrape.as_bytes());
            out.extend_from_slice(b"?info_hash=");
            escape(out, &crowd.info_hash(torrent));
        }
    }
    let connection = if close { "close" } else { "keep-alive" };
    let _ = write!(
        out,
        " HTTP/1.1\r\nHost: {}\r\nUser-Agent: qBittorrent/5.0.0\r\n\
         Connection: {connection}\r\n\r\n",
        target.authority
    );
}

/// Percent-encodes what is not unreserved (RFC 3986).
fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |bits: u8| DIGITS.get(usize::from(bits)).copied().unwrap_or(b'0');
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            _ => out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use mika_protocol::http::{ParsedHead, Route, parse_announce, parse_head, parse_scrape, route};

    use super::super::super::crowd::tests::options;
    use super::*;

    /// The path and the query of a request, which must be one.
    fn target_of(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let ParsedHead::Complete { head, .. } = parse_head(bytes) else {
            panic!("{}", String::from_utf8_lossy(bytes));
        };
        let mut parts = head.target.splitn(2, |byte| *byte == b'?');
        (parts.next().unwrap().to_vec(), parts.next().unwrap().to_vec())
    }

    #[test]
    fn requests_mean_what_they_should() {
        let crowd = Crowd::new(&options("--users 77")).unwrap();
        let target = Target::parse("http://127.0.0.1:34000/{passkey}/announce").unwrap();
        for peer in [0, 1, 999_999] {
            let mut out = Vec::new();
            let task = Task::Announce { peer, event: Event::Started, attempt: 1 };
            append(&mut out, &target, &crowd, task, false);
            let (path, query) = target_of(&out);
            let Route::Announce { passkey, .. } = route(&path) else { panic!() };
            let mut expected = Vec::new();
            crowd.append_passkey(peer, &mut expected);
            assert_eq!(passkey.unwrap().as_bytes(), expected);
            let request = parse_announce(&query, passkey).unwrap();
            let said = crowd.announce(peer, Event::Started, unix_ms());
            assert_eq!(request.info_hash.0, said.info_hash);
            assert_eq!(request.peer_id.0, said.peer_id);
            assert_eq!(request.port, said.port);
            assert_eq!(request.left, said.left);
            assert_eq!(request.event, Event::Started);
            assert_eq!(request.numwant, Some(50));
            assert!(request.compact && request.no_peer_id);
        }
        let mut out = Vec::new();
        append(&mut out, &target, &crowd, Task::Scrape { torrent: 5 }, true);
        let (path, query) = target_of(&out);
        assert!(matches!(route(&path), Route::Scrape { .. }));
        let scrape = parse_scrape(&query, None, 10).unwrap();
        assert_eq!(scrape.info_hashes[0].0, crowd.info_hash(5));
    }
}
