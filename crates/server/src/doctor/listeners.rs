//! Whether a start could listen where it is to listen.

use std::net::SocketAddr;

use super::data_dir::Usage;
use super::{Finding, finding};
use crate::config::Config;
use crate::listen::bind::{BindError, bind_http, bind_udp};
use crate::schema::Grade;

/// Tries each address, unless a tracker runs that has them.
pub(super) fn findings(config: &Config, usage: Usage) -> Vec<Finding> {
    let dir = config.data.dir.display();
    match usage {
        Usage::Free => tried(config),
        Usage::Running => {
            let text = format!("a tracker runs with {dir}: its ports were not tried");
            vec![finding(true, text)]
        }
        Usage::Unknown => {
            let text = format!(
                "whether a tracker runs with {dir} cannot be seen: its ports were not tried"
            );
            vec![Finding { grade: Grade::Note, text }]
        }
    }
}

fn tried(config: &Config) -> Vec<Finding> {
    let mut tried = Tried::default();
    for (key, addresses) in [
        ("http.listen", &config.http.listen),
        ("https.listen", &config.https.listen),
        ("site_api.listen", &config.site_api.listen),
    ] {
        for &address in addresses {
            tried.put(key, "TCP", address, try_tcp(address));
        }
    }
    if config.admin.tcp {
        let address = config.admin.listen;
        tried.put("admin.listen", "TCP", address, try_tcp(address));
    }
    for &address in &config.udp.listen {
        tried.put("udp.listen", "UDP", address, try_udp(address));
    }
    tried.findings()
}

#[derive(Default)]
struct Tried {
    good: Vec<String>,
    bad: Vec<Finding>,
}

impl Tried {
    fn put(
        &mut self,
        key: &str,
        protocol: &str,
        address: SocketAddr,
        bound: Result<(), BindError>,
    ) {
        match bound {
            Ok(()) => self.good.push(format!("{protocol} {address}")),
            Err(error) => self.bad.push(finding(false, format!("{key}: {error}"))),
        }
    }

    fn findings(self) -> Vec<Finding> {
        let good = (!self.good.is_empty()).then(|| {
            let addresses = self.good.join(", ");
            finding(true, format!("free to listen on: {addresses}"))
        });
        good.into_iter().chain(self.bad).collect()
    }
}

/// Sockets to try for: with none, a port is only taken for a moment without listening, so that no
/// client is led astray. A port that the system is to choose needs one.
fn sockets_for(address: SocketAddr) -> usize {
    usize::from(address.port() == 0)
}

fn try_tcp(address: SocketAddr) -> Result<(), BindError> {
    bind_http(&[address], sockets_for(address)).map(drop)
}

fn try_udp(address: SocketAddr) -> Result<(), BindError> {
    bind_udp(&[address], sockets_for(address), 0).map(drop)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told_with_its_key_and_what_to_do() {
        let tcp: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let taken: Vec<_> = tcp.iter().map(|tcp| tcp.local_addr().unwrap()).collect();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut config = Config::default();
        config.http.listen = vec!["127.0.0.1:0".parse().unwrap(), taken[0]];
        config.https.listen = vec![taken[1]];
        config.admin.listen = taken[2];
        config.udp.listen = vec![udp.local_addr().unwrap()];
        let found = findings(&config, Usage::Free);
        assert_eq!(
            (found[0].grade, found[0].text.as_str()),
            (Grade::Ok, "free to listen on: TCP 127.0.0.1:0")
        );
        let keys = ["http.listen", "https.listen", "admin.listen", "udp.listen"];
        assert_eq!(found.len(), 1 + keys.len());
        for (finding, key) in found[1..].iter().zip(keys) {
            assert_eq!(finding.grade, Grade::Bad);
            assert!(finding.text.starts_with(&format!("{key}: cannot listen on ")), "{finding:?}");
            assert!(finding.text.contains("is in use: stop the other program"), "{finding:?}");
        }
        config.admin.tcp = false;
        assert_eq!(findings(&config, Usage::Free).len(), keys.len());
    }

    #[test]
    fn the_ports_of_a_tracker_that_runs_are_not_tried() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = Config::default();
        config.http.listen = vec![tcp.local_addr().unwrap()];
        let found = findings(&config, Usage::Running);
        assert_eq!((found.len(), found[0].grade), (1, Grade::Ok));
        assert!(found[0].text.starts_with("a tracker runs with "), "{found:?}");
        assert_eq!(findings(&config, Usage::Unknown)[0].grade, Grade::Note);
    }
}
