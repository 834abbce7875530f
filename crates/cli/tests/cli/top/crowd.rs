//! Clients that announce.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::super::api::request;
use super::super::support::Tracker;

const PATIENCE: Duration = Duration::from_secs(20);

/// One announce.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peer {
    pub torrent: usize,
    pub user: usize,
    pub uploaded: u64,
    pub downloaded: u64,
    pub left: u64,
    pub event: &'static str,
}

/// Somebody whom the tracker does not know.
pub const NOBODY: usize = 9999;

/// Users and torrents of a tracker, and connections to it.
pub struct Crowd {
    address: SocketAddr,
    http: TcpStream,
    udp: UdpSocket,
    connection_id: [u8; 8],
}

impl Crowd {
    /// Adds torrents with titles, and users.
    pub fn new(tracker: &Tracker, port: u16, titles: &[&str], users: usize) -> Self {
        let names = |user| serde_json::json!({"name": name(user), "passkey": name(user)});
        let upsert: Vec<_> = (0..users).map(names).collect();
        let added = request(tracker, "POST", "/bulk/users", "", &bulk(&upsert)).json;
        assert_eq!(added["created"], users, "{added}");
        let torrent = |(at, title): (usize, &&str)| {
            let hash: String = hash(at).iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!({"info_hash": hash, "title": title})
        };
        let upsert: Vec<_> = titles.iter().enumerate().map(torrent).collect();
        let added = request(tracker, "POST", "/bulk/torrents", "", &bulk(&upsert)).json;
        assert_eq!(added["created"], titles.len(), "{added}");
        Self::connect(Ipv4Addr::LOCALHOST.into(), port)
    }

    /// Connections to a tracker that has users and torrents.
    pub fn connect(ip: IpAddr, port: u16) -> Self {
        let address = SocketAddr::new(ip, port);
        let udp = UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap();
        udp.connect(address).unwrap();
        udp.set_read_timeout(Some(PATIENCE)).unwrap();
        let http = http(address);
        Self { address, http, udp, connection_id: [0; 8] }
    }

    /// Announces over HTTP, over one connection.
    pub fn http(&mut self, peer: Peer) {
        let reply = self.get(&target(peer, &hash(peer.torrent)));
        assert!(reply.contains("8:interval"), "{reply}");
    }

    /// Announces a torrent that nobody has added.
    pub fn refused(&mut self, user: usize) {
        let reply = self.get(&target(Peer { user, ..Peer::default() }, &[0xee; 20]));
        assert!(reply.contains("failure reason"), "{reply}");
    }

    fn get(&mut self, target: &str) -> String {
        let request = format!("GET {target} HTTP/1.1\r\nHost: t\r\n\r\n");
        if self.http.write_all(request.as_bytes()).is_err() {
            self.http = http(self.address);
            self.http.write_all(request.as_bytes()).unwrap();
        }
        let mut reply = [0; 16 << 10];
        let length = self.http.read(&mut reply).unwrap();
        String::from_utf8_lossy(&reply[..length]).into_owned()
    }

    /// Announces over UDP (BEP 15), with the passkey as BEP 41 says.
    pub fn udp(&mut self, peer: Peer) {
        if self.connection_id == [0; 8] {
            let connect = [&0x0417_2710_1980_u64.to_be_bytes()[..], &[0; 4], b"mika"].concat();
            let reply = self.exchange(&connect);
            self.connection_id.copy_from_slice(&reply[8..16]);
        }
        let path = format!("/{}/announce", name(peer.user));
        let event: u32 = match peer.event {
            "completed" => 1,
            "started" => 2,
            "stopped" => 3,
            _ => 0,
        };
        let announce = [
            &self.connection_id[..],
            &1_u32.to_be_bytes(),
            b"mika",
            &hash(peer.torrent),
            peer_id(peer.user).as_bytes(),
            &peer.downloaded.to_be_bytes(),
            &peer.left.to_be_bytes(),
            &peer.uploaded.to_be_bytes(),
            &event.to_be_bytes(),
            &[0; 8],
            &u32::MAX.to_be_bytes(),
            &port(peer.user).to_be_bytes(),
            &[2, u8::try_from(path.len()).unwrap()],
            path.as_bytes(),
        ]
        .concat();
        let reply = self.exchange(&announce);
        assert_eq!(reply[..4], 1_u32.to_be_bytes(), "{}", String::from_utf8_lossy(&reply));
    }

    fn exchange(&self, datagram: &[u8]) -> Vec<u8> {
        self.udp.send(datagram).unwrap();
        let mut reply = vec![0; 2048];
        let length = self.udp.recv(&mut reply).unwrap();
        reply.truncate(length);
        reply
    }
}

fn bulk(upsert: &[serde_json::Value]) -> String {
    serde_json::json!({ "upsert": upsert }).to_string()
}

fn http(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn name(user: usize) -> String {
    format!("user_{user:04}")
}

fn peer_id(user: usize) -> String {
    format!("-TR4050-{user:012}")
}

fn port(user: usize) -> u16 {
    u16::try_from(2000 + user).unwrap()
}

fn hash(torrent: usize) -> [u8; 20] {
    let mut hash = [0x5a; 20];
    hash[0] = u8::try_from(torrent).unwrap();
    hash
}

fn target(peer: Peer, hash: &[u8; 20]) -> String {
    let escaped: String = hash.iter().map(|byte| format!("%{byte:02x}")).collect();
    let (name, id, port) = (name(peer.user), peer_id(peer.user), port(peer.user));
    let Peer { uploaded, downloaded, left, event, .. } = peer;
    let event = if event.is_empty() { String::new() } else { format!("&event={event}") };
    format!(
        "/{name}/announce?info_hash={escaped}&peer_id={id}&port={port}\
         &uploaded={uploaded}&downloaded={downloaded}&left={left}&compact=1{event}"
    )
}
