//! Sockets of the workers, one per worker and address.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread::available_parallelism;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// Connections that may wait to be accepted, per socket (the kernel may cap it).
const BACKLOG: i32 = 4096;

/// How often a blocked UDP worker looks whether it should stop.
pub(super) const UDP_WAKE_UP: Duration = Duration::from_millis(200);

/// Why an address cannot be listened on; the text says what to do.
#[derive(Debug, Error)]
#[error("cannot listen on {protocol} {address}: {reason}")]
pub struct BindError {
    /// `TCP` or `UDP`.
    pub protocol: &'static str,
    /// The address.
    pub address: SocketAddr,
    reason: String,
    source: io::Error,
}

/// How many workers a setting means: `0` is one per core, of those for announces if there are any.
pub fn worker_count(setting: u32, announce_cores: &[u16]) -> usize {
    match setting {
        0 if announce_cores.is_empty() => available_parallelism().map_or(1, usize::from),
        0 => announce_cores.len(),
        count => count as usize,
    }
}

/// Listeners for HTTP or HTTPS: for each worker one per address.
///
/// With port 0 the system picks a port, the same for all workers. IPv6 sockets take no IPv4, so
/// that `0.0.0.0` and `[::]` can have the same port.
///
/// # Errors
///
/// An address is not this machine's, is in use, or needs a privilege.
pub fn bind_http(
    addresses: &[SocketAddr],
    workers: usize,
) -> Result<Vec<Vec<TcpListener>>, BindError> {
    bind_all(addresses, workers, bind_tcp_socket)
}

/// Sockets for UDP: for each worker one per address.
///
/// `receive_buffer_bytes` is asked of the system, which may give less; 0 leaves its default.
///
/// # Errors
///
/// As [`bind_http`].
pub fn bind_udp(
    addresses: &[SocketAddr],
    workers: usize,
    receive_buffer_bytes: usize,
) -> Result<Vec<Vec<UdpSocket>>, BindError> {
    bind_all(addresses, workers, |address, sharing| {
        bind_udp_socket(address, sharing, receive_buffer_bytes)
    })
}

/// Whether a socket shares its port with the other workers'.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    Shared,
}

trait Bound: Sized {
    const PROTOCOL: &'static str;
    fn address(&self) -> io::Result<SocketAddr>;
}

impl Bound for TcpListener {
    const PROTOCOL: &'static str = "TCP";
    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Bound for UdpSocket {
    const PROTOCOL: &'static str = "UDP";
    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

fn bind_all<B: Bound>(
    addresses: &[SocketAddr],
    workers: usize,
    bind: impl Fn(SocketAddr, Sharing) -> io::Result<B>,
) -> Result<Vec<Vec<B>>, BindError> {
    let mut bound: Vec<Vec<B>> = (0..workers).map(|_| Vec::new()).collect();
    for &configured in addresses {
        let explain = |error| explain(B::PROTOCOL, configured, error);
        // Two processes of one user could share the port without either noticing, and each would
        // know half of the peers. So the port is first taken without sharing, and given back.
        if configured.port() != 0 {
            drop(bind(configured, Sharing::Alone).map_err(explain)?);
        }
        let mut address = configured;
        for sockets in &mut bound {
            let socket = bind(address, Sharing::Shared).map_err(explain)?;
            address = socket.address().map_err(explain)?;
            sockets.push(socket);
        }
    }
    Ok(bound)
}

fn bind_tcp_socket(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = new_socket(address, Type::STREAM, Protocol::TCP)?;
    // Lets the server start again while connections of the last one are still in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::Shared)?;
    // Accepted sockets inherit it. Replies are written in one go: nothing is gained by waiting.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if sharing == Sharing::Shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

fn bind_udp_socket(
    address: SocketAddr,
    sharing: Sharing,
    receive_buffer_bytes: usize,
) -> io::Result<UdpSocket> {
    let socket = new_socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.set_reuse_port(sharing == Sharing::Shared)?;
    if receive_buffer_bytes > 0 {
        socket.set_recv_buffer_size(receive_buffer_bytes)?;
    }
    socket.set_read_timeout(Some(UDP_WAKE_UP))?;
    socket.set_write_timeout(Some(UDP_WAKE_UP))?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn new_socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn explain(protocol: &'static str, address: SocketAddr, source: io::Error) -> BindError {
    let reason = match source.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {} is in use: stop the other program (`ss -aptun` shows it), or choose another \
             port",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have the address: correct `listen`".to_owned()
        }
        io::ErrorKind::PermissionDenied => format!(
            "no permission for port {}: choose one from 1024 on, or grant CAP_NET_BIND_SERVICE",
            address.port()
        ),
        _ if source.raw_os_error() == Some(nix::libc::EAFNOSUPPORT) => {
            "this machine has no IPv6: remove the address from `listen`".to_owned()
        }
        _ => source.to_string(),
    };
    BindError { protocol, address, reason, source }
}
