//! Announces over UDP (BEP 15) with the passkey in URL data (BEP 41).

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{Announce, Event, Failure, Reply, rows_v4, rows_v6};

const PROTOCOL_ID: u64 = 0x417_2710_1980;
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const ERROR: u32 = 3;

/// How often the waiting looks whether the server still is there.
const SLICE: Duration = Duration::from_millis(20);
/// After this a datagram counts as dropped by the network, and is sent again. The tracker answers
/// the datagrams of one socket in order, so the first one cannot come after a later one.
const RESEND: Duration = Duration::from_secs(3);
const TRIES: u32 = 10;

#[derive(Debug)]
pub(super) struct Udp {
    from: IpAddr,
    tracker: SocketAddr,
    open: Option<(UdpSocket, u64)>,
}

impl Udp {
    pub(super) fn new(from: IpAddr, tracker: SocketAddr) -> Self {
        Self { from, tracker, open: None }
    }

    pub(super) fn announce(
        &mut self,
        announce: &Announce,
        is_lost: &dyn Fn() -> bool,
    ) -> Result<Reply, Failure> {
        for _ in 0..TRIES {
            let (socket, id) = match self.open.take() {
                Some(open) => open,
                None => self.connect(is_lost)?,
            };
            let transaction = fastrand::u32(..);
            let reply = exchange(&socket, &request(announce, id, transaction), is_lost)?;
            let text = |reply: &[u8]| String::from_utf8_lossy(&reply[8..]).into_owned();
            match reply.action {
                // The server was restarted, or the id is two minutes old.
                ERROR if text(&reply.bytes).contains("connect again") => {}
                ERROR => return Err(Failure::Refused(text(&reply.bytes))),
                _ => {
                    self.open = Some((socket, id));
                    return Ok(parse(&reply.bytes, self.tracker.is_ipv4()));
                }
            }
        }
        Err(io::Error::other("no connection id is good enough").into())
    }

    fn connect(&self, is_lost: &dyn Fn() -> bool) -> io::Result<(UdpSocket, u64)> {
        let socket = UdpSocket::bind(SocketAddr::new(self.from, 0))?;
        socket.connect(self.tracker)?;
        socket.set_read_timeout(Some(SLICE))?;
        let mut request = PROTOCOL_ID.to_be_bytes().to_vec();
        request.extend(CONNECT.to_be_bytes());
        request.extend(fastrand::u32(..).to_be_bytes());
        let reply = exchange(&socket, &request, is_lost)?;
        let id = reply.bytes.get(8..16).and_then(|id| id.try_into().ok());
        let id = id.ok_or_else(|| io::Error::other("a connect reply without an id"))?;
        Ok((socket, u64::from_be_bytes(id)))
    }
}

struct Datagram {
    action: u32,
    bytes: Vec<u8>,
}

/// Sends a request until its own reply comes.
fn exchange(
    socket: &UdpSocket,
    request: &[u8],
    is_lost: &dyn Fn() -> bool,
) -> io::Result<Datagram> {
    let mut bytes = [0; 2048];
    for _ in 0..TRIES {
        socket.send(request)?;
        let sent = Instant::now();
        while sent.elapsed() < RESEND {
            if is_lost() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let length = match socket.recv(&mut bytes) {
                Ok(length) => length,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Replies to what was sent before, and given up, have another transaction id.
            if length >= 8 && bytes[4..8] == request[12..16] {
                let action = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                return Ok(Datagram { action, bytes: bytes[..length].to_vec() });
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn request(announce: &Announce, connection_id: u64, transaction: u32) -> Vec<u8> {
    let event: u32 = match announce.event {
        Event::None => 0,
        Event::Completed => 1,
        Event::Started => 2,
        Event::Stopped => 3,
    };
    let mut request = connection_id.to_be_bytes().to_vec();
    request.extend(ANNOUNCE.to_be_bytes());
    request.extend(transaction.to_be_bytes());
    request.extend(announce.info_hash.0);
    request.extend(announce.peer_id.0);
    for counter in [announce.downloaded, announce.left, announce.uploaded] {
        request.extend(counter.to_be_bytes());
    }
    // Event, address (0: the datagram's own), key, number of peers.
    for field in [event, 0, 0, announce.numwant] {
        request.extend(field.to_be_bytes());
    }
    request.extend(announce.port.to_be_bytes());
    let path = format!("/{}/announce", announce.passkey);
    request.extend([2, u8::try_from(path.len()).expect("a short path")]);
    request.extend(path.as_bytes());
    request
}

fn parse(bytes: &[u8], is_v4: bool) -> Reply {
    let field = |at: usize| {
        u32::from_be_bytes(bytes.get(at..at + 4).expect("20 bytes").try_into().expect("4 bytes"))
    };
    let rows = bytes.get(20..).unwrap_or_default();
    let peers = if is_v4 { rows_v4(rows).collect() } else { rows_v6(rows).collect() };
    Reply { leechers: field(12), seeders: field(16), peers }
}
