//! A connection to a server that can be cut, refused, stalled, or lose the answers.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::port::Port;

/// How soon a change is noticed.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// They pass.
    Passes,
    /// Connections are refused, as if no server ran. Those there are stay.
    Refused,
    /// Connections are accepted, and nothing passes either way, as if the network or the server
    /// hung. What was held back passes when [`Passes`](Self::Passes) returns.
    Held,
    /// Requests pass; answers are thrown away. What is committed this way, the client does not
    /// know of: [`cut`](Proxy::cut) then makes it see a lost connection.
    AnswersLost,
}

/// A listener on 127.0.0.1 that passes connections on to a server.
#[derive(Debug)]
pub struct Proxy {
    state: Arc<State>,
    port: Port,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    traffic: Traffic,
    is_listening: bool,
    is_closed: bool,
    accepted: u64,
    /// Kept by the two threads of each.
    connections: Vec<Weak<Connection>>,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
}

impl Proxy {
    /// Listens, and passes everything on to `target`.
    ///
    /// # Panics
    ///
    /// If it cannot listen.
    pub fn start(target: SocketAddr) -> Self {
        let port = Port::reserve();
        let state = Arc::new(State {
            target,
            inner: Mutex::new(Inner {
                traffic: Traffic::Passes,
                is_listening: false,
                is_closed: false,
                accepted: 0,
                connections: Vec::new(),
            }),
            changed: Condvar::new(),
        });
        let number = port.number;
        let of_listener = Arc::clone(&state);
        let listener = thread::spawn(move || of_listener.listen(number));
        let proxy = Self { state, port, listener: Some(listener) };
        proxy.set(Traffic::Passes);
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number).into()
    }

    /// Sets what becomes of the bytes from now on; has taken effect when it returns.
    pub fn set(&self, traffic: Traffic) {
        let mut inner = self.state.inner.lock();
        inner.traffic = traffic;
        self.state.changed.notify_all();
        while inner.is_listening == (traffic == Traffic::Refused) {
            self.state.changed.wait(&mut inner);
        }
    }

    /// Cuts all connections there are. New ones fare as [`set`](Self::set) says.
    pub fn cut(&self) {
        self.state.inner.lock().cut();
    }

    /// As if the server were gone: cuts all connections and refuses new ones.
    pub fn disconnect(&self) {
        self.set(Traffic::Refused);
        self.cut();
    }

    /// How many connections there have been. More of them after a cut: the client has reconnected.
    pub fn connections_accepted(&self) -> u64 {
        self.state.inner.lock().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        {
            let mut inner = self.state.inner.lock();
            inner.is_closed = true;
            inner.cut();
            self.state.changed.notify_all();
        }
        let ended = self.listener.take().map(JoinHandle::join);
        if matches!(ended, Some(Err(_))) {
            eprintln!("the proxy to {} has panicked", self.state.target);
        }
    }
}

impl Inner {
    fn cut(&mut self) {
        for connection in self.connections.drain(..).filter_map(|kept| kept.upgrade()) {
            for side in [&connection.client, &connection.server] {
                // Fails if the other side was first.
                drop(side.shutdown(Shutdown::Both));
            }
        }
    }
}

impl State {
    /// Accepts connections until the proxy is dropped, with pauses in which nothing listens.
    fn listen(self: &Arc<Self>, port: u16) {
        while self.wait_until_wanted() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
            let listener = listener.expect("a port that is kept for the proxy");
            listener.set_nonblocking(true).expect("a listener that does not wait");
            self.set_listening(true);
            while self.is_wanted() {
                match listener.accept() {
                    Ok((client, _)) => self.connect(client),
                    Err(_) => thread::sleep(POLL_INTERVAL),
                }
            }
            drop(listener);
            self.set_listening(false);
        }
    }

    fn is_wanted(&self) -> bool {
        let inner = self.inner.lock();
        !inner.is_closed && inner.traffic != Traffic::Refused
    }

    /// Waits; false if the proxy is to end.
    fn wait_until_wanted(&self) -> bool {
        let mut inner = self.inner.lock();
        while !inner.is_closed && inner.traffic == Traffic::Refused {
            self.changed.wait(&mut inner);
        }
        !inner.is_closed
    }

    fn set_listening(&self, is_listening: bool) {
        self.inner.lock().is_listening = is_listening;
        self.changed.notify_all();
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        // A server that is down is seen by the client as a connection that is closed at once.
        let Ok(server) = TcpStream::connect(self.target) else { return };
        for side in [&client, &server] {
            side.set_nonblocking(false).expect("a socket that waits");
            side.set_nodelay(true).expect("a socket without delay");
            side.set_read_timeout(Some(POLL_INTERVAL)).expect("a timeout");
        }
        let connection = Arc::new(Connection { client, server });
        {
            let mut inner = self.inner.lock();
            inner.accepted += 1;
            inner.connections.retain(|kept| kept.strong_count() > 0);
            inner.connections.push(Arc::downgrade(&connection));
        }
        let (up, down) = (Arc::clone(self), Arc::clone(self));
        let of_requests = Arc::clone(&connection);
        thread::spawn(move || up.pump(&of_requests.client, &of_requests.server, false));
        thread::spawn(move || down.pump(&connection.server, &connection.client, true));
    }

    /// Passes bytes on until either side closes.
    fn pump(&self, mut from: &TcpStream, mut to: &TcpStream, are_answers: bool) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if is_timeout(error.kind()) => {
                    if self.inner.lock().is_closed {
                        break;
                    }
                    continue;
                }
                Err(_) => break,
            };
            let traffic = self.wait_while_held();
            if are_answers && traffic == Traffic::AnswersLost {
                continue;
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        // Of no use if the other direction was first.
        drop(to.shutdown(Shutdown::Write));
        drop(from.shutdown(Shutdown::Read));
    }

    fn wait_while_held(&self) -> Traffic {
        let mut inner = self.inner.lock();
        while inner.traffic == Traffic::Held && !inner.is_closed {
            self.changed.wait(&mut inner);
        }
        inner.traffic
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
