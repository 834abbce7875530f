//! Ports that nobody uses.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::process;

/// Below the range from which systems give ports to connections: while a server is down, no
/// connection can take its port.
const FIRST: u16 = 18_000;
const PER_TEST: u16 = 200;

/// The ports of one tracker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) announce: u16,
    pub(super) admin: u16,
}

impl Ports {
    /// Finds two free ones among those of a test.
    pub(super) fn find(test: u16) -> Self {
        let first = FIRST + test * PER_TEST;
        // Two runs on one machine begin at different places.
        let skip = u16::try_from(process::id() % u32::from(PER_TEST)).unwrap_or_default();
        let candidates = (0..PER_TEST).map(|step| first + (skip + step) % PER_TEST);
        let mut free = candidates.filter(|port| is_free(*port));
        match (free.next(), free.next()) {
            (Some(announce), Some(admin)) => Self { announce, admin },
            _ => panic!("no free ports from {first} on"),
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok()
        && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && UdpSocket::bind((Ipv6Addr::LOCALHOST, port)).is_ok()
}
