//! Over UDP.

use std::net::UdpSocket;
use std::time::Duration;

use mika_server::lookup::LookupSettings;

use crate::support::{PASSKEY, PATIENCE, Server, Site, settings};

const PROTOCOL_ID: u64 = 0x0417_2710_1980;

struct Client(UdpSocket);

impl Client {
    fn new(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server.udp).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn receive(&self) -> Vec<u8> {
        let mut buffer = vec![0; 2048];
        let bytes = self.0.recv(&mut buffer).unwrap();
        buffer.truncate(bytes);
        buffer
    }

    fn connect(&self) -> u64 {
        self.0.send(&head(PROTOCOL_ID, 0, 9)).unwrap();
        u64::from_be_bytes(self.receive()[8..16].try_into().unwrap())
    }

    fn announce(&self, connection_id: u64, transaction_id: u32, letter: u8) {
        let mut datagram = head(connection_id, 1, transaction_id);
        datagram.extend([letter; 20]);
        datagram.extend(b"-XX0001-000000002001");
        datagram.extend([0_u64, 100, 0].map(u64::to_be_bytes).concat());
        datagram.extend([0; 12]);
        datagram.extend((-1_i32).to_be_bytes());
        datagram.extend(2001_u16.to_be_bytes());
        let path = format!("/{PASSKEY}/announce");
        datagram.extend([2, u8::try_from(path.len()).unwrap()]);
        datagram.extend(path.bytes());
        self.0.send(&datagram).unwrap();
    }
}

fn head(connection_id: u64, action: u32, transaction_id: u32) -> Vec<u8> {
    let words = [action.to_be_bytes(), transaction_id.to_be_bytes()].concat();
    [connection_id.to_be_bytes().to_vec(), words].concat()
}

#[test]
fn the_first_announce_of_a_new_user_for_a_new_torrent_is_answered() {
    let site = Site::start();
    let server = Server::start(&site, settings());
    site.add_user(1, PASSKEY);
    site.add_torrent(1, 'a');
    let client = Client::new(&server);
    client.announce(client.connect(), 77, b'a');
    let reply = client.receive();
    assert_eq!(reply[..12], [0, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0x07, 0x08], "{reply:?}");
    assert_eq!(server.lookup.asked_total(), 2);
    assert_eq!(server.lookup.parked(), 0);
    assert_eq!(server.unregistered(), []);
    client.announce(client.connect(), 78, b'b');
    assert_eq!(client.receive()[..8], [0, 0, 0, 3, 0, 0, 0, 78]);
    assert_eq!(server.unregistered(), [(1, 'b')]);
    server.stop();
}

#[test]
fn while_the_site_hangs_others_are_answered_and_who_waits_is_told_to_come_back() {
    let site = Site::hangs();
    let wait = Duration::from_secs(2);
    let server = Server::start(&site, LookupSettings { wait, ..settings() });
    server.know_user();
    let (waiting, other) = (Client::new(&server), Client::new(&server));
    let id = waiting.connect();
    for transaction_id in 0..100 {
        waiting.announce(id, transaction_id, b'a');
    }
    server.wait_until(|server| server.lookup.parked() == 100 && server.lookup.asked_total() == 1);
    other.connect();
    let mut answered: Vec<u32> = (0..100)
        .map(|_| {
            let reply = waiting.receive();
            assert_eq!(reply[..4], [0, 0, 0, 3]);
            let text = String::from_utf8_lossy(&reply[8..]);
            assert!(text.contains("it will work in a moment"), "{text}");
            u32::from_be_bytes(reply[4..8].try_into().unwrap())
        })
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, (0..100).collect::<Vec<_>>());
    assert_eq!(server.lookup.asked_total(), 1);
    server.wait_until(|server| server.lookup.parked() == 0);
    server.stop();
}
