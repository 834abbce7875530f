//! Requests as clients write them, in any spelling that the formats allow.

use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey};

/// How to write a byte in a query; taken from a caller's random bytes, one for each byte written.
pub struct Spelling<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl<'a> Spelling<'a> {
    /// Repeats `choices` as often as needed.
    pub fn new(choices: &'a [u8]) -> Self {
        Self { choices: choices.iter().cycle() }
    }

    fn append(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        for &byte in bytes {
            let choice = self.choices.next().copied().unwrap_or_default();
            let raw_is_clear = !matches!(byte, b'&' | b'%');
            match choice % 4 {
                0 if raw_is_clear => out.push(byte),
                0 | 1 => out.extend(format!("%{byte:02x}").bytes()),
                2 => out.extend(format!("%{byte:02X}").bytes()),
                _ => out.extend(format!("%{:x}{:X}", byte >> 4, byte & 15).bytes()),
            }
        }
    }

    fn pair(&mut self, out: &mut Vec<u8>, name: &str, value: &[u8]) {
        if !out.is_empty() {
            out.push(b'&');
        }
        out.extend(name.bytes());
        out.push(b'=');
        self.append(out, value);
    }
}

/// The query of an announce.
pub fn announce_query(request: &AnnounceRequest, mut spelling: Spelling<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let decimal = |number: u64| number.to_string().into_bytes();
    spelling.pair(&mut out, "info_hash", &request.info_hash.0);
    spelling.pair(&mut out, "peer_id", &request.peer_id.0);
    spelling.pair(&mut out, "port", &decimal(request.port.into()));
    spelling.pair(&mut out, "uploaded", &decimal(request.uploaded));
    spelling.pair(&mut out, "downloaded", &decimal(request.downloaded));
    spelling.pair(&mut out, "left", &decimal(request.left));
    if request.corrupt > 0 {
        spelling.pair(&mut out, "corrupt", &decimal(request.corrupt));
    }
    let event = match request.event {
        Event::None if request.paused => "&event=paused",
        Event::None => "",
        Event::Started => "&event=started",
        Event::Stopped => "&event=stopped",
        Event::Completed => "&event=completed",
    };
    out.extend(event.bytes());
    if let Some(numwant) = request.numwant {
        spelling.pair(&mut out, "numwant", &decimal(numwant.into()));
    }
    if request.compact_given {
        out.extend(format!("&compact={}", u8::from(request.compact)).bytes());
    }
    out.extend(format!("&no_peer_id={}", u8::from(request.no_peer_id)).bytes());
    if let Some(address) = request.claimed_v4 {
        spelling.pair(&mut out, "ipv4", address.to_string().as_bytes());
    }
    if let Some(address) = request.claimed_v6 {
        spelling.pair(&mut out, "ipv6", address.to_string().as_bytes());
    }
    out
}

/// The query of a scrape.
pub fn scrape_query(info_hashes: &[InfoHash], mut spelling: Spelling<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for info_hash in info_hashes {
        spelling.pair(&mut out, "info_hash", &info_hash.0);
    }
    out
}

/// The target of an announce with its passkey in one of four places.
pub fn announce_target(passkey: Option<Passkey>, place: u8, query: &[u8]) -> Vec<u8> {
    let Some(passkey) = passkey else { return [b"/announce?", query].concat() };
    let passkey = passkey.as_bytes();
    match place % 4 {
        0 => [b"/", passkey, b"/announce?", query].concat(),
        1 => [b"/announce/", passkey, b"?", query].concat(),
        2 => [b"/announce?passkey=", passkey, b"&", query].concat(),
        _ => [b"/announce?", query, b"&passkey=", passkey].concat(),
    }
}

/// An announce datagram, which has no room for `paused`, `compact`, `no_peer_id` and IPv6.
pub fn announce_datagram(request: &AnnounceRequest, piece_bytes: usize) -> Vec<u8> {
    let event: u32 = match request.event {
        Event::None => 0,
        Event::Completed => 1,
        Event::Started => 2,
        Event::Stopped => 3,
    };
    let numwant = request.numwant.map_or(-1, |numwant| i32::try_from(numwant).unwrap());
    let mut datagram = [
        7_u64.to_be_bytes().as_slice(),
        &1_u32.to_be_bytes(),
        &9_u32.to_be_bytes(),
        &request.info_hash.0,
        &request.peer_id.0,
        &request.downloaded.to_be_bytes(),
        &request.left.to_be_bytes(),
        &request.uploaded.to_be_bytes(),
        &event.to_be_bytes(),
        &request.claimed_v4.map_or([0; 4], |address| address.octets()),
        &[0; 4],
        &numwant.to_be_bytes(),
        &request.port.to_be_bytes(),
    ]
    .concat();
    if let Some(passkey) = request.passkey {
        let url = [b"/announce/", passkey.as_bytes()].concat();
        for piece in url.chunks(piece_bytes.clamp(1, 255)) {
            datagram.extend([2, u8::try_from(piece.len()).unwrap()]);
            datagram.extend(piece);
        }
    }
    datagram
}
