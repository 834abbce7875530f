//! XBT over UDP, of both address families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tempfile::TempDir;

use super::site::{Setup, Site};
use super::whole::{PATIENCE, Whole};
use super::xbt::{G2, G3};
use crate::running::free_port;

const TRANSACTION: [u8; 4] = *b"T10.";

/// A client's socket.
struct Udp(UdpSocket);

impl Udp {
    fn to(address: IpAddr, port: u16) -> Self {
        let own: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(own, 0)).unwrap();
        socket.connect(SocketAddr::new(address, port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The action of the reply, and what follows the transaction id.
    fn ask(&self, request: &[u8]) -> (u32, Vec<u8>) {
        self.0.send(request).unwrap();
        let mut reply = [0; 2048];
        let length = self.0.recv(&mut reply).unwrap();
        assert_eq!(reply[4..8], TRANSACTION);
        (u32::from_be_bytes(reply[..4].try_into().unwrap()), reply[8..length].to_vec())
    }

    fn connect(&self) -> Vec<u8> {
        let request = [&0x417_2710_1980_u64.to_be_bytes()[..], &[0; 4], &TRANSACTION].concat();
        let (action, id) = self.ask(&request);
        assert_eq!((action, id.len()), (0, 8));
        id
    }

    /// BEP 15, with the path of the tracker's URL behind it (BEP 41).
    fn announce(&self, id: &[u8], number: u8, left: u64, path: &str) -> (u32, Vec<u8>) {
        let mut request = [id, &1_u32.to_be_bytes(), &TRANSACTION, &[b'B'; 20]].concat();
        request.extend(*b"-XX0001-abcdefghijk");
        request.push(b'a' + number);
        request.extend([0_u64, left, 0].into_iter().flat_map(u64::to_be_bytes));
        request.extend(2_u32.to_be_bytes());
        request.extend([0; 4]);
        request.extend([7, 7, 7, number]);
        request.extend((-1_i32).to_be_bytes());
        request.extend((6881 + u16::from(number)).to_be_bytes());
        if !path.is_empty() {
            request.extend([2, u8::try_from(path.len()).unwrap()]);
            request.extend(path.bytes());
        }
        self.ask(&request)
    }

    fn scrape(&self, id: &[u8]) -> (u32, Vec<u8>) {
        self.ask(&[id, &2_u32.to_be_bytes(), &TRANSACTION, &[b'B'; 20]].concat())
    }
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|four| u32::from_be_bytes(four.try_into().unwrap())).collect()
}

async fn whole(setup: Setup, site: &Site, dir: &TempDir, more: &[(&str, &str)]) -> (Whole, u16) {
    let port = free_port();
    let listen = format!("[\"127.0.0.1:{port}\", \"[::1]:{port}\"]");
    let more = [&[("udp.listen", listen.as_str()), ("udp.workers", "1")], more].concat();
    (Whole::start(setup, &site.database.url(), dir.path(), &more).await, port)
}

const FAMILIES: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

#[tokio::test(flavor = "multi_thread")]
async fn x10_without_a_pass_udp_announces_are_refused_and_with_one_in_the_url_they_count() {
    for setup in [G3, G2] {
        let Some(site) = Site::start(setup).await else { return };
        let dir = TempDir::new().unwrap();
        let (server, port) = whole(setup, &site, &dir, &[]).await;
        for address in FAMILIES {
            let udp = Udp::to(address, port);
            let id = udp.connect();
            let (action, reason) = udp.announce(&id, 1, 0, "");
            assert_eq!(action, 3);
            // XBT says `access denied` here; what it says over HTTP tells its reader more.
            assert_eq!(String::from_utf8_lossy(&reason), "unregistered torrent pass");
            let (action, body) = udp.announce(&id, 1, 0, &format!("/{}/announce", "a".repeat(32)));
            assert_eq!(action, 1, "{}", String::from_utf8_lossy(&body));
            assert_eq!(numbers(&body[4..12]), [0, 1]);
            assert_eq!(udp.scrape(&id), (2, [1, 0, 0].map(u32::to_be_bytes).concat()));
        }
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x10_where_anybody_may_announce_udp_needs_no_pass() {
    for setup in [G3, G2] {
        let Some(site) = Site::start(setup).await else { return };
        let dir = TempDir::new().unwrap();
        let (server, port) = whole(setup, &site, &dir, &[("tracker.mode", "public")]).await;
        for (count, address) in (1..).zip(FAMILIES) {
            let udp = Udp::to(address, port);
            let id = udp.connect();
            let (action, body) = udp.announce(&id, u8::try_from(count).unwrap(), 5, "");
            assert_eq!(action, 1, "{}", String::from_utf8_lossy(&body));
            assert_eq!(numbers(&body[4..12]), [count, 0]);
            assert_eq!(udp.scrape(&id), (2, [0, 0, count].map(u32::to_be_bytes).concat()));
        }
        server.stop().await;
    }
}
