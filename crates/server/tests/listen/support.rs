//! A server on a port of its own, and clients that see every byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mika_core::registry::UserSpec;
use mika_core::{Mode, Settings, Tracker};
use mika_protocol::Passkey;
use mika_server::clock::Clock;
use mika_server::counters::CountersSnapshot;
use mika_server::listen::bind::{bind_http, bind_udp};
use mika_server::listen::http::{self, WorkerListeners};
use mika_server::listen::tls::TlsCertificates;
use mika_server::listen::udp::{self, UdpSettings};
use mika_server::listen::{HttpSettings, ListenContext, LiveSettings, Shutdown, Workers};

/// Long enough never to be reached on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const IPV4: &str = "127.0.0.1:0";
pub const IPV6: &str = "[::1]:0";

/// What a test wants of its server.
pub struct Options {
    pub address: &'static str,
    pub workers: usize,
    pub mode: Mode,
    pub http: HttpSettings,
    pub live: LiveSettings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: IPV4,
            workers: 1,
            mode: Mode::Public,
            http: HttpSettings::default(),
            live: LiveSettings::default(),
        }
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub clock: Clock,
    pub context: Arc<ListenContext>,
    shutdown: Shutdown,
    workers: Workers,
}

impl Server {
    pub fn http(options: Options) -> Self {
        Self::start(&options, |address, context, signal| {
            let listeners = bind_http(&[address], options.workers).unwrap();
            let address = listeners[0][0].local_addr().unwrap();
            let workers = WorkerListeners::zip(listeners, Vec::new());
            (address, http::serve(workers, None, &options.http, context, signal).unwrap())
        })
    }

    pub fn https(options: Options, certificates: &TlsCertificates) -> Self {
        Self::start(&options, |address, context, signal| {
            let listeners = bind_http(&[address], options.workers).unwrap();
            let address = listeners[0][0].local_addr().unwrap();
            let workers = WorkerListeners::zip(Vec::new(), listeners);
            let certificates = Some(certificates);
            (address, http::serve(workers, certificates, &options.http, context, signal).unwrap())
        })
    }

    pub fn udp(options: Options) -> Self {
        Self::start(&options, |address, context, signal| {
            let sockets = bind_udp(&[address], options.workers, 1 << 20).unwrap();
            let address = sockets[0][0].local_addr().unwrap();
            let settings = UdpSettings::new().unwrap();
            (address, udp::serve(sockets, &settings, context, signal).unwrap())
        })
    }

    fn start(
        options: &Options,
        serve: impl FnOnce(
            SocketAddr,
            &Arc<ListenContext>,
            &mika_server::listen::ShutdownSignal,
        ) -> (SocketAddr, Workers),
    ) -> Self {
        let settings = Settings { auto_register_torrents: true, ..Settings::default() };
        let tracker = Arc::new(Tracker::new(options.mode, settings, [7; 16]));
        let clock = Clock::test(1_800_000_000);
        let context = Arc::new(ListenContext::new(tracker, clock.clone(), options.live.clone()));
        let (shutdown, signal) = Shutdown::new();
        let (address, workers) = serve(options.address.parse().unwrap(), &context, &signal);
        Self { address, clock, context, shutdown, workers }
    }

    /// Adds a user with a passkey.
    pub fn add_user(&self, id: u32, passkey: &str) {
        let passkey = Passkey::new(passkey.as_bytes()).unwrap();
        self.context.tracker.put_user(UserSpec::new(id, passkey, 0)).unwrap();
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub fn counters(&self) -> CountersSnapshot {
        self.context.counters.snapshot()
    }

    /// Waits for what the worker does when the client cannot see it.
    pub fn wait_until(&self, reached: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !reached(self) {
            assert!(begun.elapsed() < PATIENCE, "never reached: {:?}", self.counters());
            std::thread::yield_now();
        }
    }

    /// Asks for the shutdown and goes on.
    pub fn begin_to_stop(&self) {
        self.shutdown.trigger();
    }

    /// Stops, and fails the test if a worker has panicked.
    pub fn stop(self) {
        self.shutdown.trigger();
        self.workers.join().unwrap();
    }
}

/// One connection.
pub struct Client<S = TcpStream> {
    stream: S,
    received: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> String {
        self.body.escape_ascii().to_string()
    }

    /// Whether the body is a bencoded reply with status 200.
    pub fn is_bencode(&self) -> bool {
        self.status == 200 && self.body.starts_with(b"d") && self.body.ends_with(b"e")
    }

    pub fn is_accepted(&self) -> bool {
        self.is_bencode() && self.text().contains("8:intervali1800e")
    }

    /// The text of a refusal.
    pub fn failure(&self) -> String {
        assert!(self.is_bencode(), "{self:?}");
        let text = self.text();
        let rest = text.strip_prefix("d14:failure reason").unwrap_or_else(|| panic!("{text}"));
        let (length, rest) = rest.split_once(':').unwrap();
        rest[..length.parse().unwrap()].to_owned()
    }

    /// The rows of the peers of a compact reply.
    pub fn peers(&self, row_bytes: usize) -> Vec<&[u8]> {
        let key: &[u8] = if row_bytes == 6 { b"5:peers" } else { b"6:peers6" };
        let at = self.body.windows(key.len()).position(|bytes| bytes == key).unwrap();
        let rest = &self.body[at + key.len()..];
        let colon = rest.iter().position(|&byte| byte == b':').unwrap();
        let length: usize = std::str::from_utf8(&rest[..colon]).unwrap().parse().unwrap();
        rest[colon + 1..][..length].chunks(row_bytes).collect()
    }
}

impl Client<TcpStream> {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::over(stream)
    }

    /// The same connection once more, to send and receive at the same time.
    pub fn twin(&self) -> Self {
        Self::over(self.stream.try_clone().unwrap())
    }

    /// Says that nothing more will come from this side, unless the other has closed already.
    pub fn half_close(&self) {
        match self.stream.shutdown(Half::Write) {
            Err(error) if error.kind() == ErrorKind::NotConnected => {}
            done => done.unwrap(),
        }
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub fn into_inner(self) -> S {
        self.stream
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self.stream.flush().unwrap();
    }

    /// Sends what the server may not want to take any more.
    pub fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends a GET of a target.
    pub fn get(&mut self, target: &str) -> Response {
        self.send(request(target));
        self.response()
    }

    fn receive(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        let bytes = match self.stream.read(&mut buffer) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            Err(error) => panic!("nothing received: {error}"),
        };
        self.received.extend_from_slice(&buffer[..bytes]);
        bytes
    }

    /// Takes in whatever comes until the end of the connection.
    pub fn read_to_end(&mut self) {
        while self.receive() > 0 {
            self.received.clear();
        }
    }

    pub fn head(&mut self) -> Response {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert_ne!(self.receive(), 0, "closed instead of answered");
        };
        let head = String::from_utf8(self.received.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, head, body: Vec::new() }
    }

    pub fn response(&mut self) -> Response {
        let mut response = self.head();
        let length = response.head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.unwrap().parse().unwrap();
        while self.received.len() < length {
            assert_ne!(self.receive(), 0, "the body is cut off");
        }
        response.body = self.received.drain(..length).collect();
        response
    }

    /// Waits for the end of the connection, before which nothing may come.
    pub fn expect_end(&mut self) {
        let bytes = self.receive();
        assert_eq!(bytes, 0, "{}", self.received.escape_ascii());
        assert!(self.received.is_empty(), "{}", self.received.escape_ascii());
    }
}

/// A GET request of a target.
pub fn request(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: tracker\r\nUser-Agent: test\r\n\r\n")
}

/// The target of an announce of the peer that listens on a port.
pub fn announce(port: u16) -> String {
    announce_with(port, "")
}

/// The same, with more parameters.
pub fn announce_with(port: u16, parameters: &str) -> String {
    format!(
        "/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-XX0001-{port:012}&port={port}\
         &uploaded=0&downloaded=0&left=100&compact=1{parameters}"
    )
}
