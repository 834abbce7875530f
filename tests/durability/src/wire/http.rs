//! Announces over HTTP.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::{Announce, Event, Failure, Reply, rows_v4, rows_v6};

/// Far longer than an answer takes: a server that is killed closes its connections at once.
const TIMEOUT: Duration = Duration::from_secs(30);
const HEAD_BYTES_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Http {
    from: IpAddr,
    tracker: SocketAddr,
    keep_alive: bool,
    open: Option<TcpStream>,
}

impl Http {
    pub(super) fn new(from: IpAddr, tracker: SocketAddr, keep_alive: bool) -> Self {
        Self { from, tracker, keep_alive, open: None }
    }

    pub(super) fn hang_up(&mut self) {
        self.open = None;
    }

    pub(super) fn announce(&mut self, announce: &Announce) -> Result<Reply, Failure> {
        let mut stream = match self.open.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        stream.write_all(self.request(announce).as_bytes())?;
        let body = body(&mut stream)?;
        if self.keep_alive {
            self.open = Some(stream);
        }
        parse(&body)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let domain = Domain::for_address(self.tracker);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddr::new(self.from, 0).into())?;
        socket.connect_timeout(&self.tracker.into(), TIMEOUT)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_tcp_nodelay(true)?;
        Ok(socket.into())
    }

    fn request(&self, announce: &Announce) -> String {
        let event = match announce.event {
            Event::None => "",
            Event::Started => "&event=started",
            Event::Completed => "&event=completed",
            Event::Stopped => "&event=stopped",
        };
        let connection = if self.keep_alive { "keep-alive" } else { "close" };
        format!(
            "GET /{}/announce?info_hash={}&peer_id={}&port={}&uploaded={}&downloaded={}&left={}\
             &compact=1&numwant={}{event} HTTP/1.1\r\nHost: {}\r\nConnection: {connection}\r\n\r\n",
            announce.passkey,
            escaped(&announce.info_hash.0),
            escaped(&announce.peer_id.0),
            announce.port,
            announce.uploaded,
            announce.downloaded,
            announce.left,
            announce.numwant,
            self.tracker,
        )
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Reads one response to its end.
fn body(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0; 8192];
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(io::Error::other("no end of the head"));
        }
        read_some(stream, &mut part, &mut bytes)?;
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length
        .and_then(|length| length.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("no length in {text:?}")))?;
    while bytes.len() < head + length {
        read_some(stream, &mut part, &mut bytes)?;
    }
    Ok(bytes.split_off(head))
}

fn read_some(stream: &mut TcpStream, part: &mut [u8], bytes: &mut Vec<u8>) -> io::Result<()> {
    match stream.read(part)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            bytes.extend_from_slice(&part[..read]);
            Ok(())
        }
    }
}

fn parse(body: &[u8]) -> Result<Reply, Failure> {
    if let Some(reason) = text_of(body, b"14:failure reason") {
        return Err(Failure::Refused(String::from_utf8_lossy(reason).into_owned()));
    }
    let mut reply = Reply {
        seeders: integer_of(body, b"8:complete"),
        leechers: integer_of(body, b"10:incomplete"),
        ..Reply::default()
    };
    reply.peers.extend(text_of(body, b"5:peers").into_iter().flat_map(rows_v4));
    reply.peers.extend(text_of(body, b"6:peers6").into_iter().flat_map(rows_v6));
    Ok(reply)
}

/// The bytes after a key. The keys are long enough not to occur in the binary rows by chance.
fn after<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = body.windows(key.len()).position(|bytes| bytes == key)?;
    body.get(at + key.len()..)
}

fn text_of<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let rest = after(body, key)?;
    let colon = rest.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&rest[..colon]).ok()?.parse().ok()?;
    rest.get(colon + 1..colon + 1 + length)
}

fn integer_of(body: &[u8], key: &[u8]) -> u32 {
    let digits = after(body, key).and_then(|rest| rest.strip_prefix(b"i"));
    let digits = digits.unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}
