//! Ports that nobody uses.

use std::fs::{self, File};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::{env, process};

/// Below the range from which systems give ports to connections: while a server is down, no
/// connection can take its port.
const FIRST: u16 = 18_000;
const PER_TEST: u16 = 200;

/// The ports of one tracker, which nobody else finds while this value lives: between two starts of
/// a tracker its ports are free.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) announce: u16,
    pub(super) admin: u16,
    _locks: [File; 2],
}

impl Ports {
    /// Finds two free ones among those of a test.
    pub(super) fn find(test: u16) -> Self {
        let first = FIRST + test * PER_TEST;
        // Two runs on one machine begin at different places.
        let skip = u16::try_from(process::id() % u32::from(PER_TEST)).unwrap_or_default();
        let candidates = (0..PER_TEST).map(|step| first + (skip + step) % PER_TEST);
        let locked = candidates.filter_map(|port| Some((port, lock(port)?)));
        let mut free = locked.filter(|(port, _)| is_free(*port));
        match (free.next(), free.next()) {
            (Some((announce, first)), Some((admin, second))) => {
                Self { announce, admin, _locks: [first, second] }
            }
            _ => panic!("no free ports from {first} on"),
        }
    }
}

/// Takes a port among all tests; `None` if another one has it.
fn lock(port: u16) -> Option<File> {
    let directory = env::temp_dir().join("mika-durability-ports");
    fs::create_dir_all(&directory).expect("a directory for locks");
    let file = File::create(directory.join(port.to_string())).expect("a file for a port");
    file.try_lock().is_ok().then_some(file)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok()
        && UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && UdpSocket::bind((Ipv6Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trackers_of_one_test_never_find_the_same_ports_though_none_of_them_has_started() {
        let all = [Ports::find(23), Ports::find(23), Ports::find(23)];
        let mut ports: Vec<u16> = all.iter().flat_map(|it| [it.announce, it.admin]).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 6, "{ports:?}");
    }
}
