//! Announces as lines that anybody can send again: second, address, `User-Agent`, request line.

use std::fmt::Write as _;
use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use mika_core::Source;
use mika_core::batch::Agent;
use mika_protocol::http::{ParsedHead, Route, Shape, parse_announce, parse_head, route};
use mika_protocol::{AnnounceRequest, Event};

use super::looks::Look;
use super::site::Announce;
use crate::tracker::{info_hash, passkey_text};

/// One announce, ready to be sent: fields separated by tabs, no line end.
pub fn line(at_seconds: u32, said: &Announce) -> String {
    let agent = said.look.agent();
    let (address, agent) = (said.address(), agent.as_str());
    let path = format!("/{}/announce?{}", passkey_text(said.user as usize), query(said));
    format!("{at_seconds}\t{address}\t{agent}\tGET {path} HTTP/1.1")
}

fn query(said: &Announce) -> String {
    let mut out = String::new();
    for name in said.look.order(said.corrupt > 0).split(' ') {
        let value = match name {
            "info_hash" => escaped(&info_hash(said.torrent as usize).0, said.look),
            "peer_id" => escaped(&said.peer_id.0, said.look),
            "port" => said.port.to_string(),
            "uploaded" => said.counters.uploaded.to_string(),
            "downloaded" => said.counters.downloaded.to_string(),
            "left" => said.counters.left.to_string(),
            "corrupt" => said.corrupt.to_string(),
            "key" => "0A1B2C3D".to_owned(),
            "numwant" => match said.look.numwant(said.event) {
                Some(numwant) => numwant.to_string(),
                None => continue,
            },
            _ => "1".to_owned(),
        };
        let between = if out.is_empty() { "" } else { "&" };
        // A string takes everything.
        let _ = write!(out, "{between}{name}={value}");
    }
    let event = match said.event {
        Event::None if said.paused => "paused",
        Event::None => return out,
        Event::Started => "started",
        Event::Completed => "completed",
        Event::Stopped => "stopped",
    };
    let _ = write!(out, "&event={event}");
    out
}

/// Every byte escaped, in the case that the program writes: detection looks at it.
fn escaped(bytes: &[u8], look: Look) -> String {
    let is_upper = matches!(look, Look::Rtorrent | Look::Transmission);
    bytes.iter().fold(String::new(), |mut out, byte| {
        // A string takes everything.
        let _ = if is_upper { write!(out, "%{byte:02X}") } else { write!(out, "%{byte:02x}") };
        out
    })
}

/// What a tracker makes of a line: when it is announced, what, and from where.
///
/// # Errors
///
/// It is no announce.
pub fn parse(line: &str) -> Result<(u32, AnnounceRequest, Source)> {
    let mut fields = line.split('\t');
    let mut next = || fields.next().context("a field is missing");
    let at_seconds = next()?.parse()?;
    let address: IpAddr = next()?.parse()?;
    let agent = Agent::new(next()?.as_bytes());
    let head = format!("{}\r\n\r\n", next()?);
    let ParsedHead::Complete { head, .. } = parse_head(head.as_bytes()) else {
        anyhow::bail!("no request: {line}");
    };
    let Route::Announce { passkey, query } = route(head.target) else {
        anyhow::bail!("no announce: {line}");
    };
    ensure!(passkey.is_some(), "no passkey: {line}");
    let request = parse_announce(query, passkey)?;
    let shape = Shape::of_query(query).bits();
    let source = Source { agent, shape, ..Source::new(address) };
    Ok((at_seconds, request, source))
}

#[cfg(test)]
mod tests {
    use mika_protocol::PeerId;
    use mika_protocol::http::HexCase;

    use super::*;
    use crate::cheats::mask::Counters;

    fn said(look: Look, corrupt: u64) -> Announce {
        Announce {
            user: 3,
            network: 1,
            torrent: 2,
            peer_id: PeerId(*b"-TR4050-abcdefghijkl"),
            port: 20_001,
            counters: Counters { uploaded: 5, downloaded: 6, left: 7 },
            corrupt,
            event: Event::None,
            paused: true,
            look,
            v6: false,
        }
    }

    #[test]
    fn a_line_says_what_was_announced_in_the_order_of_its_program() {
        for (look, corrupt) in [(Look::Transmission, 0), (Look::Transmission, 9)] {
            let said = said(look, corrupt);
            let (at_seconds, request, source) = parse(&line(77, &said)).unwrap();
            assert_eq!((at_seconds, request.info_hash), (77, info_hash(2)));
            assert_eq!((request.uploaded, request.downloaded, request.left), (5, 6, 7));
            assert_eq!(
                (request.corrupt, request.paused, request.numwant),
                (corrupt, true, Some(80))
            );
            assert_eq!(source.ip, said.address());
            let shape = Shape::from_bits(source.shape);
            assert_eq!(u32::from(shape.order()), look.shape(corrupt > 0));
            assert_eq!(source.agent, look.agent());
        }
        assert_ne!(Look::Transmission.shape(false), Look::Transmission.shape(true));
    }

    #[test]
    fn escapes_and_keys_are_in_the_case_of_the_program() {
        let forms = |look: Look| {
            let (_, _, source) = parse(&line(77, &said(look, 0))).unwrap();
            let shape = Shape::from_bits(source.shape);
            (shape.escapes(), shape.key(), shape.headers())
        };
        assert_eq!(forms(Look::QBittorrent), (HexCase::Lower, HexCase::Upper, 0));
        assert_eq!(forms(Look::FalseQBittorrent), (HexCase::Lower, HexCase::Upper, 0));
        assert_eq!(forms(Look::Rtorrent), (HexCase::Upper, HexCase::Upper, 0));
    }

    #[test]
    fn what_is_no_announce_is_refused() {
        for text in ["", "7", "7\t1.2.3.4\tx\tGET / HTTP/1.1", "7\tx\tx\tGET /a/announce HTTP/1.1"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("7\t1.2.3.4\tx\tGET /announce?info_hash=a HTTP/1.1").is_err());
    }
}
