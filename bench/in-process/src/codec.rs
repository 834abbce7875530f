//! The same request parsed and the same fifty peers encoded, by mika and by aquatic_http.

use std::hint::black_box;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use aquatic_http_protocol::request::Request;
use aquatic_http_protocol::response::{
    AnnounceResponse, Response, ResponsePeer, ResponsePeerListV4, ResponsePeerListV6,
};

use crate::cases::{encode_http, fifty_rows, parse_http, qbittorrent_request};
use crate::sequence::thread_cpu;

/// As aquatic_http sends it: eight spaces, into which the length is written.
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length:         \r\n\r\n";
const LENGTH_AT: usize = 33;
const LENGTH_MAX: usize = 8;

/// Operations of a measurement.
const COUNT: u32 = 100_000;

/// What is parsed and encoded.
pub struct Codec {
    request: Vec<u8>,
    rows: Vec<u8>,
    out: Vec<u8>,
    response: Response,
    buffer: Vec<u8>,
    reply_bytes: [usize; 2],
}

/// Nanoseconds of this thread for one operation.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    pub mika_parse_ns: f64,
    pub mika_encode_ns: f64,
    pub aquatic_parse_ns: f64,
    pub aquatic_encode_ns: f64,
}

impl Codec {
    /// Makes sure that both read the same from the request, and send as many peers.
    pub fn new() -> Result<Self> {
        let request = without_passkey(&qbittorrent_request())?;
        let ours = parse_http(&request).context("no announce for mika")?;
        let Some(Request::Announce(theirs)) = Request::parse_bytes(&request)? else {
            anyhow::bail!("no announce for aquatic");
        };
        ensure!(ours.info_hash.0 == theirs.info_hash.0, "another torrent");
        ensure!(ours.peer_id.0 == theirs.peer_id.0, "another peer");
        ensure!(ours.port == theirs.port, "another port");
        let (rows, out) = fifty_rows(encode_http);
        let mut buffer = HEAD.to_vec();
        buffer.resize(4096, 0);
        let response = response(&rows);
        let mut codec = Self { request, rows, out, response, buffer, reply_bytes: [0, 0] };
        codec.encode();
        codec.reply_bytes = [codec.out.len(), codec.encode_aquatic()?];
        Ok(codec)
    }

    /// Bytes of the request.
    pub fn request_bytes(&self) -> usize {
        self.request.len()
    }

    /// Bytes of the replies, heads included, of mika and of aquatic.
    pub fn reply_bytes(&self) -> [usize; 2] {
        self.reply_bytes
    }

    /// Peers in each of the replies.
    pub fn peers(&self) -> usize {
        self.rows.len() / 6
    }

    /// Times all four operations, one after the other; who is first changes with the number.
    pub fn round(&mut self, number: u32) -> Result<Round> {
        let mut round = Round {
            mika_parse_ns: 0.0,
            mika_encode_ns: 0.0,
            aquatic_parse_ns: 0.0,
            aquatic_encode_ns: 0.0,
        };
        for turn in 0..2 {
            if (number + turn) % 2 == 0 {
                round.mika_parse_ns = timed(|| {
                    black_box(parse_http(black_box(&self.request)));
                    Ok(())
                })?;
                round.mika_encode_ns = timed(|| {
                    self.encode();
                    Ok(())
                })?;
            } else {
                round.aquatic_parse_ns = timed(|| {
                    black_box(Request::parse_bytes(black_box(&self.request))?);
                    Ok(())
                })?;
                round.aquatic_encode_ns = timed(|| {
                    black_box(self.encode_aquatic()?);
                    Ok(())
                })?;
            }
        }
        Ok(round)
    }

    fn encode(&mut self) {
        self.out.clear();
        encode_http(black_box(&self.rows), &mut self.out);
        black_box(&self.out);
    }

    /// Returns how many bytes there are to send.
    fn encode_aquatic(&mut self) -> Result<usize> {
        let (head, mut body) = self.buffer.split_at_mut(HEAD.len());
        let length = black_box(&self.response).write_bytes(&mut body)?;
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(length).as_bytes();
        let place = head.get_mut(LENGTH_AT..LENGTH_AT + LENGTH_MAX).context("the head is short")?;
        place.fill(b' ');
        place.get_mut(..digits.len()).context("a long reply")?.copy_from_slice(digits);
        black_box(&self.buffer);
        Ok(HEAD.len() + length)
    }
}

/// aquatic_http knows one path only.
fn without_passkey(request: &[u8]) -> Result<Vec<u8>> {
    let query = request.iter().position(|byte| *byte == b'?').context("no query")?;
    let query = request.get(query..).context("no query")?;
    Ok([b"GET /announce", query].concat())
}

fn response(rows: &[u8]) -> Response {
    let peers = rows.chunks_exact(6).filter_map(|row| {
        let (ip, port) = row.split_first_chunk::<4>()?;
        let port = u16::from_be_bytes(*port.first_chunk()?);
        Some(ResponsePeer { ip_address: Ipv4Addr::from(*ip), port })
    });
    Response::Announce(AnnounceResponse {
        announce_interval: 1800,
        complete: 1234,
        incomplete: 567,
        peers: ResponsePeerListV4(peers.collect()),
        peers6: ResponsePeerListV6::default(),
        warning_message: None,
    })
}

/// Nanoseconds of processor time for one call.
fn timed(mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    let before = thread_cpu()?;
    for _ in 0..COUNT {
        operation()?;
    }
    Ok(thread_cpu()?.saturating_sub(before).as_secs_f64() * 1e9 / f64::from(COUNT))
}
