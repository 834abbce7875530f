//! HTTPS.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use mika_server::listen::tls::{TlsCertificates, TlsError};
use mika_server::listen::{HttpSettings, LiveSettings};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::support::*;

/// Certificate and key files, which can be replaced.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.renew();
        files
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// Writes a new certificate and its key; the certificate in DER.
    fn renew(&self) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(vec!["tracker.example".to_owned()]).unwrap();
        fs::write(self.certificate(), made.cert.pem()).unwrap();
        fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn load(&self) -> Result<TlsCertificates, TlsError> {
        TlsCertificates::load(&self.certificate(), &self.key())
    }
}

/// Takes any certificate: the tests compare it themselves.
#[derive(Debug)]
struct TakesAny;

impl rustls::client::danger::ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn client_config() -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TakesAny))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> TlsStream {
    connect_through(address, config, b"")
}

/// Sends `prelude` before the handshake.
fn connect_through(address: SocketAddr, config: &Arc<ClientConfig>, prelude: &[u8]) -> TlsStream {
    let name = ServerName::try_from("tracker.example").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.write_all(prelude).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(connection, tcp);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    stream
}

fn certificate_of(stream: &TlsStream) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn announces_are_answered_over_tls() {
    let files = Files::new();
    let server = Server::https(Options::default(), &files.load().unwrap());
    let stream = connect(server.address, &client_config());
    assert_eq!(stream.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let mut client = Client::over(stream);
    for port in 2001..2010 {
        assert!(client.get(&announce(port)).is_accepted());
    }
    client.send(request(&announce(2001)).repeat(3));
    for _ in 0..3 {
        assert_eq!(client.response().peers(6).len(), 8);
    }
    assert_eq!(server.counters().announces, [[0; 4], [12, 0, 0, 0], [0; 4]]);
    client.send(request("/").replace("Host:", "Connection: close\r\nHost:"));
    assert_eq!(client.response().status, 200);
    client.expect_end();
    server.stop();
}

#[test]
fn a_client_that_comes_back_resumes_its_session() {
    let files = Files::new();
    let server = Server::https(Options::default(), &files.load().unwrap());
    let config = client_config();
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut client = Client::over(connect(server.address, &config));
        assert!(client.get(&announce(2001)).is_accepted());
        kinds.push(client.into_inner().conn.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed]);
    server.stop();
}

#[test]
fn a_proxy_header_comes_before_tls() {
    let http = HttpSettings { proxy_protocol: true, ..HttpSettings::default() };
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let live = LiveSettings { trusted_proxies, ..LiveSettings::default() };
    let files = Files::new();
    let options = Options { http, live, ..Options::default() };
    let server = Server::https(options, &files.load().unwrap());
    let header = b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n";
    let mut client = Client::over(connect_through(server.address, &client_config(), header));
    let text = client.get(&announce(2001)).text();
    assert!(text.contains("11:external ip4:\\xc0\\x00\\x02\\x07"), "{text}");
    server.stop();
}

#[test]
fn a_reload_changes_the_certificate_of_new_connections() {
    let files = Files::new();
    let first = files.renew();
    let certificates = files.load().unwrap();
    let server = Server::https(Options::default(), &certificates);
    let old = connect(server.address, &client_config());
    assert_eq!(certificate_of(&old), first);

    let second = files.renew();
    certificates.reload(&files.certificate(), &files.key()).unwrap();
    assert_eq!(certificate_of(&connect(server.address, &client_config())), second);
    assert!(Client::over(old).get(&announce(2001)).is_accepted());
    server.stop();
}

#[test]
fn a_reload_that_fails_keeps_the_old_certificate() {
    let files = Files::new();
    let first = files.renew();
    let certificates = files.load().unwrap();
    let server = Server::https(Options::default(), &certificates);
    let reload = || certificates.reload(&files.certificate(), &files.key());

    let key = fs::read(files.key()).unwrap();
    files.renew();
    fs::write(files.key(), key).unwrap();
    assert!(matches!(reload(), Err(TlsError::Mismatch { .. })));
    fs::write(files.key(), "no key").unwrap();
    assert!(matches!(reload(), Err(TlsError::Pem { what: "private key", .. })));
    fs::write(files.certificate(), "").unwrap();
    assert!(matches!(reload(), Err(TlsError::Pem { what: "certificate", .. })));
    fs::remove_file(files.certificate()).unwrap();
    let error = reload().unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.contains("certificate.pem"), "{error}");

    assert_eq!(certificate_of(&connect(server.address, &client_config())), first);
    server.stop();
}

#[test]
fn plain_http_on_the_tls_port_is_a_failed_handshake() {
    let files = Files::new();
    let server = Server::https(Options::default(), &files.load().unwrap());
    let mut client = server.client();
    client.send(request("/"));
    client.read_to_end();
    server.wait_until(|server| server.counters().tls_failures == 1);
    server.stop();
}

#[test]
fn a_handshake_that_does_not_begin_times_out() {
    let header_timeout = std::time::Duration::from_millis(100);
    let http = HttpSettings { header_timeout, ..HttpSettings::default() };
    let files = Files::new();
    let server = Server::https(Options { http, ..Options::default() }, &files.load().unwrap());
    server.client().expect_end();
    server.wait_until(|server| server.counters().connections_timed_out == 1);
    server.wait_until(|server| server.context.connections_open() == 0);
    server.stop();
}
