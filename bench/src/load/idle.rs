//! Connections that are kept open and say nothing: what one of them costs the server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use socket2::{Domain, Protocol as IpProtocol, Socket, Type};

use super::observe::Look;
use super::options::IdleOptions;
use super::run::source_address;
use super::target::{Protocol, Target};

/// Ephemeral ports of one source address are fewer than 30,000, and those of connections that were
/// closed in the last minute are not free yet: the fewer are, the longer the system looks for one.
const CONNECTIONS_PER_SOURCE: u32 = 2_000;
/// A server that answers no request within this time is not measured.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// Until the server has put everything away that it needed to answer.
const SETTLE: Duration = Duration::from_secs(2);

/// What was seen.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) connections: u32,
    pub(super) opened_in_seconds: f64,
    /// Growth of the server's resident set by each of them; not known without `--pid`.
    pub(super) bytes_per_connection: Option<f64>,
    /// Of the server while nobody says anything; not known without `--pid`.
    pub(super) server_cores: Option<f64>,
    /// Connections that the server closed meanwhile.
    pub(super) closed_by_server: u32,
}

/// Opens all connections, sends one request on each, and holds them.
pub(super) fn run(options: &IdleOptions) -> Result<Outcome> {
    let target = Target::parse(&options.url)?;
    ensure!(target.protocol == Protocol::Http, "only HTTP has connections");
    ensure!(!target.is_tls, "idle connections are measured without TLS: give an http:// URL");
    let look = || Look::now(&options.pid, target.address);
    let before = look()?;
    let begin = Instant::now();
    let mut open = Vec::new();
    for number in 0..options.connections {
        open.push(connect(&target, number).with_context(|| {
            format!("connection {number}: `ulimit -n` of both sides has to be larger than that")
        })?);
    }
    let opened_in_seconds = begin.elapsed().as_secs_f64();
    sleep(SETTLE);
    let (settled, begin) = (look()?, Instant::now());
    if !options.json {
        println!("{} connections are open for {} s", options.connections, options.seconds);
    }
    sleep(Duration::from_secs(options.seconds));
    let (after, seconds) = (look()?, begin.elapsed().as_secs_f64());
    let is_measured = !options.pid.is_empty();
    let grown = settled.server_rss_bytes as f64 - before.server_rss_bytes as f64;
    let busy = (after.server_cpu_seconds - settled.server_cpu_seconds) / seconds.max(0.001);
    Ok(Outcome {
        connections: options.connections,
        opened_in_seconds,
        bytes_per_connection: is_measured.then(|| grown / f64::from(options.connections)),
        server_cores: is_measured.then_some(busy),
        closed_by_server: open.iter_mut().map(|it| u32::from(is_closed(it))).sum(),
    })
}

/// A connection that has been used once.
fn connect(target: &Target, number: u32) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(IpProtocol::TCP))?;
    let source = source_address(number / CONNECTIONS_PER_SOURCE);
    socket.bind(&SocketAddr::from(SocketAddrV4::new(source, 0)).into())?;
    socket.connect_timeout(&SocketAddr::from(target.address).into(), REPLY_TIMEOUT)?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    let mut path = Vec::new();
    target.append_path(b"", &mut path);
    let path = String::from_utf8_lossy(&path).into_owned();
    let host = &target.authority;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let read = stream.read(&mut [0; 4096]).context("no reply")?;
    ensure!(read > 0, "closed without a reply");
    Ok(stream)
}

fn is_closed(stream: &mut TcpStream) -> bool {
    let waits = |error: &std::io::Error| error.kind() == ErrorKind::WouldBlock;
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    match stream.read(&mut [0; 4096]) {
        Ok(read) => read == 0,
        Err(error) => !waits(&error),
    }
}

impl Outcome {
    /// For programs.
    pub(super) fn json(&self) -> serde_json::Value {
        json!({
            "connections": self.connections,
            "opened_in_seconds": self.opened_in_seconds,
            "bytes_per_connection": self.bytes_per_connection,
            "server_cores": self.server_cores,
            "closed_by_server": self.closed_by_server,
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let count = self.connections;
        let opened = format!("{count} connections in {:.1} s", self.opened_in_seconds);
        let measured = match (self.bytes_per_connection, self.server_cores) {
            (Some(bytes), Some(cores)) => {
                format!("{bytes:.0} B of the server each; {cores:.3} cores while they say nothing")
            }
            _ => "not measured: --pid names the server".to_owned(),
        };
        let closed = self.closed_by_server;
        format!("opened          {opened}\nidle            {measured}\nclosed          {closed}")
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers each connection once and closes every second one.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nde").unwrap();
                if number % 2 == 0 {
                    kept.push(stream);
                }
            }
        });
        address
    }

    #[test]
    fn connections_that_the_server_closes_are_counted() {
        let url = format!("http://{}/announce", server());
        let pid = vec![std::process::id()];
        let outcome = run(&IdleOptions { url, connections: 8, seconds: 0, pid, json: false });
        let outcome = outcome.unwrap();
        assert_eq!(outcome.connections, 8);
        assert_eq!(outcome.closed_by_server, 4);
        assert!(outcome.bytes_per_connection.is_some());
        assert!(outcome.text().contains("8 connections"), "{}", outcome.text());
    }

    #[test]
    fn a_tracker_over_udp_has_no_connections() {
        let url = "udp://127.0.0.1:9/announce".to_owned();
        let options = IdleOptions { url, connections: 1, seconds: 0, pid: Vec::new(), json: false };
        assert_eq!(run(&options).unwrap_err().to_string(), "only HTTP has connections");
    }
}
