//! UDP, datagram by datagram.

use std::net::UdpSocket;
use std::time::Duration;

use mika_core::Mode;

use crate::support::{IPV6, Options, PATIENCE, Server};

/// Long enough for a reply that should not come to have come over loopback.
const SILENCE: Duration = Duration::from_millis(100);

const PROTOCOL_ID: u64 = 0x0417_2710_1980;

pub struct Client {
    socket: UdpSocket,
}

impl Client {
    pub fn new(server: &Server) -> Self {
        let any = if server.address.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let socket = UdpSocket::bind(any).unwrap();
        socket.connect(server.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket }
    }

    pub fn send(&mut self, datagram: &[u8]) {
        self.socket.send(datagram).unwrap();
    }

    /// The next reply; `None` if there is none for a while.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        let bytes = self.socket.recv(&mut buffer).ok()?;
        buffer.truncate(bytes);
        Some(buffer)
    }

    fn ask(&mut self, datagram: &[u8]) -> Vec<u8> {
        self.send(datagram);
        self.receive().expect("no reply")
    }

    fn expect_silence(&mut self, datagram: &[u8]) {
        self.send(datagram);
        // A connect that is answered shows that the worker has seen what was sent before it.
        let reply = self.ask(&connect(0xabcd));
        assert_eq!(reply[..8], [0, 0, 0, 0, 0, 0, 0xab, 0xcd], "{}", datagram.escape_ascii());
        self.socket.set_read_timeout(Some(SILENCE)).unwrap();
        assert_eq!(self.receive(), None);
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    pub fn connect(&mut self) -> u64 {
        let reply = self.ask(&connect(99));
        assert_eq!(reply.len(), 16);
        assert_eq!(reply[..8], [0, 0, 0, 0, 0, 0, 0, 99]);
        u64::from_be_bytes(reply[8..].try_into().unwrap())
    }
}

fn connect(transaction_id: u32) -> Vec<u8> {
    head(PROTOCOL_ID, 0, transaction_id)
}

fn head(connection_id: u64, action: u32, transaction_id: u32) -> Vec<u8> {
    let mut datagram = connection_id.to_be_bytes().to_vec();
    datagram.extend(action.to_be_bytes());
    datagram.extend(transaction_id.to_be_bytes());
    datagram
}

pub fn announce(connection_id: u64, transaction_id: u32, port: u16, options: &[u8]) -> Vec<u8> {
    announce_wanting(connection_id, transaction_id, port, -1, options)
}

fn announce_wanting(
    connection_id: u64,
    transaction_id: u32,
    port: u16,
    numwant: i32,
    options: &[u8],
) -> Vec<u8> {
    let mut datagram = head(connection_id, 1, transaction_id);
    datagram.extend([b'a'; 20]);
    datagram.extend(format!("-XX0001-{port:012}").bytes());
    datagram.extend(0_u64.to_be_bytes());
    datagram.extend(100_u64.to_be_bytes());
    datagram.extend(0_u64.to_be_bytes());
    datagram.extend([0; 12]);
    datagram.extend(numwant.to_be_bytes());
    datagram.extend(port.to_be_bytes());
    datagram.extend(options);
    datagram
}

fn scrape(connection_id: u64, transaction_id: u32, info_hashes: &[[u8; 20]]) -> Vec<u8> {
    [head(connection_id, 2, transaction_id), info_hashes.concat()].concat()
}

/// The text of an error reply.
fn error(reply: &[u8], transaction_id: u32) -> String {
    assert_eq!(reply[..4], [0, 0, 0, 3], "{}", reply.escape_ascii());
    assert_eq!(reply[4..8], transaction_id.to_be_bytes());
    String::from_utf8(reply[8..].to_vec()).unwrap()
}

fn server() -> Server {
    Server::udp(Options::default())
}

#[test]
fn announces_are_answered_with_the_other_peers() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    let reply = client.ask(&announce(id, 5, 2001, b""));
    assert_eq!(reply.len(), 20);
    let reply = client.ask(&announce(id, 6, 2002, b""));
    assert_eq!(reply[..12], [0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0x07, 0x08]);
    assert_eq!(reply[12..20], [0, 0, 0, 2, 0, 0, 0, 0]);
    assert_eq!(reply[20..], [127, 0, 0, 1, 0x07, 0xd1]);
    server.wait_until(|server| server.counters().datagrams_out == 3);
    let counters = server.counters();
    assert_eq!(counters.announces[2], [2, 0, 0, 0]);
    assert_eq!((counters.connects, counters.datagrams_in), (1, 3));
    assert_eq!(counters.bytes_in[2], 16 + 98 + 98);
    assert_eq!(counters.bytes_out[2], 16 + 20 + 26);
    server.stop();
}

#[test]
fn ipv6_sources_get_rows_of_18_bytes() {
    let server = Server::udp(Options { address: IPV6, ..Options::default() });
    let mut client = Client::new(&server);
    let id = client.connect();
    client.ask(&announce(id, 5, 2001, b""));
    let reply = client.ask(&announce(id, 6, 2002, b""));
    let mut row = [0; 18];
    row[15] = 1;
    row[16..].copy_from_slice(&2001_u16.to_be_bytes());
    assert_eq!(reply[20..], row);
    server.stop();
}

#[test]
fn scrapes_of_a_public_tracker_are_answered_in_order() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    client.ask(&announce(id, 5, 2001, b""));
    let reply = client.ask(&scrape(id, 6, &[[b'z'; 20], [b'a'; 20]]));
    assert_eq!(reply[..8], [0, 0, 0, 2, 0, 0, 0, 6]);
    assert_eq!(reply[8..20], [0; 12]);
    assert_eq!(reply[20..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let largest = client.ask(&scrape(id, 6, &[[b'a'; 20]; 74]));
    assert_eq!(largest.len(), 8 + 74 * 12);
    assert_eq!(server.counters().scrapes, [0, 0, 2]);
    server.stop();
}

#[test]
fn a_wrong_connection_id_gets_an_error_no_larger_than_the_request() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    let reply = client.ask(&announce(id ^ 1 << 40, 5, 2001, b""));
    assert_eq!(error(&reply, 5), "connection id expired: connect again");
    let bare_scrape = scrape(id ^ 1 << 40, 6, &[]);
    let reply = client.ask(&bare_scrape);
    assert_eq!(reply.len(), bare_scrape.len());
    assert_eq!(error(&reply, 6), "connecti");
    assert_eq!(server.counters().connection_ids_refused, 2);
    server.stop();
}

#[test]
fn a_connection_id_expires() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    server.clock.advance(120);
    assert_eq!(client.ask(&announce(id, 5, 2001, b""))[3], 1);
    server.clock.advance(1);
    assert_eq!(client.ask(&announce(id, 5, 2001, b""))[3], 3);
    let id = client.connect();
    assert_eq!(client.ask(&announce(id, 5, 2001, b""))[3], 1);
    server.stop();
}

#[test]
fn what_is_not_of_the_protocol_is_met_with_silence() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    let whole = announce(id, 5, 2001, b"");
    for datagram in [
        b"".as_slice(),
        b"x",
        &connect(5)[..15],
        &head(1, 0, 5),
        &whole[..97],
        &head(id, 3, 5),
        &head(id, 7, 5),
    ] {
        client.expect_silence(datagram);
    }
    assert_eq!(server.counters().parse_failures[8], 7);
    server.stop();
}

#[test]
fn an_announce_that_cannot_be_true_is_told_why() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    let mut datagram = announce(id, 5, 2001, b"");
    datagram[56..64].copy_from_slice(&(1_u64 << 51).to_be_bytes());
    let reason = error(&client.ask(&datagram), 5);
    assert!(reason.starts_with("downloaded is over 2^50 bytes"), "{reason}");
    // Without the proof of a connection id it is the id that counts.
    datagram[..8].copy_from_slice(&[1; 8]);
    assert_eq!(error(&client.ask(&datagram), 5), "connection id expired: connect again");
    server.stop();
}

#[test]
fn replies_fit_one_datagram_however_many_peers_are_wanted() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    for port in 2000..2400 {
        client.ask(&announce_wanting(id, 5, port, 0, b""));
    }
    let reply = client.ask(&announce_wanting(id, 5, 3000, i32::MAX, b""));
    assert!((1..=1400).contains(&reply.len()), "{}", reply.len());
    assert_eq!((reply.len() - 20) % 6, 0);
    assert!(reply.len() >= 20 + 200 * 6, "{}", reply.len());
    server.stop();
}

#[test]
fn a_private_tracker_asks_for_the_passkey_of_the_url() {
    let server = Server::udp(Options { mode: Mode::Private, ..Options::default() });
    let mut client = Client::new(&server);
    let id = client.connect();
    let missing = mika_core::Refusal::PasskeyMissing;
    assert_eq!(error(&client.ask(&announce(id, 5, 2001, b"")), 5), missing.text());
    assert_eq!(server.counters().refused.as_flattened()[missing.index()], 1);
    let reason = error(&client.ask(&announce(id, 5, 2001, b"\x02\x0d/a.b/announce")), 5);
    assert!(reason.starts_with("invalid passkey"), "{reason}");
    server.stop();
}

#[test]
fn a_private_tracker_is_scraped_only_by_those_who_announce() {
    let server = Server::udp(Options { mode: Mode::Private, ..Options::default() });
    let mut client = Client::new(&server);
    let id = client.connect();
    let reason = error(&client.ask(&scrape(id, 5, &[[b'a'; 20]])), 5);
    assert_eq!(reason, "announce with your passkey before you scrape");
    assert_eq!(server.counters().scrapes_unidentified, 1);
    server.stop();
}

#[test]
fn a_private_tracker_is_scraped_by_a_source_that_has_announced_lately() {
    let server = Server::udp(Options { mode: Mode::Private, ..Options::default() });
    server.add_user(1, "key1");
    let (mut client, mut stranger) = (Client::new(&server), Client::new(&server));
    let id = client.connect();
    let url = b"\x02\x0e/key1/announce";
    let reply = client.ask(&announce(id, 5, 2001, url));
    assert_eq!(reply[..8], [0, 0, 0, 1, 0, 0, 0, 5], "{}", reply.escape_ascii());
    let wanted = scrape(id, 6, &[[b'a'; 20]]);
    let counts = [0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(client.ask(&wanted), counts);
    // The same address, so that the id is valid, but another port.
    assert_eq!(stranger.ask(&wanted)[3], 3);
    // An unknown passkey is not an introduction.
    stranger.ask(&announce(id, 5, 2001, b"\x02\x0e/key2/announce"));
    assert_eq!(stranger.ask(&wanted)[3], 3);
    // An announce that is refused for another reason is one.
    stranger.ask(&announce(id, 5, 1, url));
    assert_eq!(stranger.ask(&wanted), counts);
    server.clock.advance(121);
    let id = client.connect();
    let reason = error(&client.ask(&scrape(id, 6, &[[b'a'; 20]])), 6);
    assert_eq!(reason, "announce with your passkey before you scrape");
    server.stop();
}

#[test]
fn a_burst_is_answered_completely() {
    let server = Server::udp(Options { workers: 2, ..Options::default() });
    let mut client = Client::new(&server);
    let id = client.connect();
    let mut transactions = Vec::new();
    for burst in 0..10 {
        for number in 0..50 {
            client.send(&announce_wanting(id, burst * 50 + number, 2001, 0, b""));
        }
        for _ in 0..50 {
            let reply = client.receive().unwrap();
            assert_eq!(reply[..4], [0, 0, 0, 1]);
            transactions.push(u32::from_be_bytes(reply[4..8].try_into().unwrap()));
        }
    }
    assert_eq!(transactions, (0..500).collect::<Vec<_>>());
    server.stop();
}

#[test]
fn a_shutdown_answers_what_has_arrived() {
    let server = server();
    let mut client = Client::new(&server);
    let id = client.connect();
    for number in 0..50 {
        client.send(&announce_wanting(id, number, 2001, 0, b""));
    }
    server.stop();
    for number in 0..50_u32 {
        assert_eq!(client.receive().unwrap()[4..8], number.to_be_bytes());
    }
}
