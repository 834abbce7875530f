//! Whether a start could listen where it is to listen, and with which certificates.

use std::fmt;
use std::net::SocketAddr;

use super::data_dir::Usage;
use super::{Finding, finding};
use crate::admin::UnixSocket;
use crate::config::Config;
use crate::listen::bind::{BindError, bind_http, bind_udp};
use crate::listen::tls::TlsCertificates;
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
    for (key, path) in [
        ("admin.unix_socket", &config.admin.unix_socket),
        ("site_api.unix_socket", &config.site_api.unix_socket),
    ] {
        if !path.as_os_str().is_empty() {
            let looked_at = UnixSocket::try_path(path);
            let path = path.display();
            tried.put(key, "unix", &path, looked_at.map_err(|error| format!("{path}: {error}")));
        }
    }
    tried.findings()
}

/// Reads the certificates and keys that a start reads, whether a tracker runs or not.
pub(super) fn certificates(config: &Config) -> Vec<Finding> {
    let (https, admin) = (&config.https, &config.admin);
    let is_https = !https.listen.is_empty();
    [
        (is_https, "https", &https.certificate_file, &https.key_file),
        (true, "admin", &admin.certificate_file, &admin.key_file),
    ]
    .into_iter()
    .filter(|(is_used, _, certificate, _)| *is_used && !certificate.as_os_str().is_empty())
    .map(|(_, section, certificate, key)| match TlsCertificates::load(certificate, key) {
        Ok(_) => finding(true, format!("{section}: {} fits its key", certificate.display())),
        Err(error) => {
            finding(false, format!("{section}.certificate_file and {section}.key_file: {error}"))
        }
    })
    .collect()
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
        address: impl fmt::Display,
        bound: Result<(), impl fmt::Display>,
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
    use std::os::unix::net::UnixListener;

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
    fn a_path_that_no_socket_can_be_at_is_told_and_a_stale_one_is_left_alone() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut config = Config::default();
        config.http.listen = Vec::new();
        config.udp.listen = Vec::new();
        config.admin.tcp = false;
        let mut said = |path: &std::path::Path| {
            config.admin.unix_socket = path.to_owned();
            findings(&config, Usage::Free).pop().unwrap()
        };
        let path = dir.path().join("admin.sock");
        let shown = path.display();
        let free = format!("free to listen on: unix {shown}");
        assert_eq!(said(&path).text, free);
        let listener = UnixListener::bind(&path).unwrap();
        let found = said(&path);
        assert_eq!(found.grade, Grade::Bad);
        assert!(found.text.starts_with(&format!("admin.unix_socket: {shown}: ")), "{found:?}");
        drop(listener);
        assert_eq!(said(&path).text, free);
        assert!(path.exists());
        let found = said(dir.path());
        assert!(found.text.ends_with(": this is not a socket"), "{found:?}");
        let found = said(&dir.path().join("none/admin.sock"));
        assert_eq!(found.grade, Grade::Bad);
        assert!(found.text.contains("No such file or directory"), "{found:?}");
    }

    #[test]
    fn a_certificate_is_read_with_its_key() {
        let dir = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let made = rcgen::generate_simple_self_signed(["tracker.example".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["tracker.example".to_owned()]).unwrap();
        let mut config = Config::default();
        assert_eq!(certificates(&config), []);
        config.https.listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.https.certificate_file = write("a.pem", &made.cert.pem());
        config.https.key_file = write("a.key", &made.signing_key.serialize_pem());
        config.admin.certificate_file = config.https.certificate_file.clone();
        config.admin.key_file = write("b.key", &other.signing_key.serialize_pem());
        let found = certificates(&config);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].grade, Grade::Ok);
        assert!(found[0].text.ends_with("a.pem fits its key"), "{found:?}");
        assert_eq!(found[1].grade, Grade::Bad);
        assert!(
            found[1].text.starts_with("admin.certificate_file and admin.key_file: ")
                && found[1].text.contains("b.key does not fit "),
            "{found:?}"
        );
        config.https.key_file = dir.path().join("none");
        assert_eq!(certificates(&config)[0].grade, Grade::Bad);
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
