//! HTTP: connections that are kept, or one for each request.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, Socket, Type};

use super::crowd::Crowd;
use super::options::RunOptions;
use super::poller::{Poller, Ready};
use super::run::{Engine, Pacing, Phase, source_address};
use super::target::Target;
use super::work::{Task, Work};

mod body;
mod request;
mod response;
mod stream;

use response::Parsed;
use stream::{Stream, Tls};

/// Bytes received at once; also the largest reply.
const INPUT_BYTES: usize = 128 * 1024;

/// The longest wait, and how often connections are looked at for time-outs.
const WAIT_MAX_NS: u64 = 5_000_000;
const LOOK_INTERVAL_NS: u64 = 50_000_000;

/// After a connection could not be had.
const BACK_OFF: Duration = Duration::from_millis(1);

/// The thread's share of the load.
pub(super) struct HttpEngine {
    connections: Vec<Connection>,
    poller: Poller,
    crowd: Arc<Crowd>,
    target: Arc<Target>,
    tls: Option<Tls>,
    close: bool,
    input: Vec<u8>,
}

/// A place for a connection, which is replaced when it breaks.
struct Connection {
    /// The place of its source in the thread's list.
    place: usize,
    source: u32,
    stream: Option<Stream>,
    request: Option<Request>,
    output: Vec<u8>,
    written: usize,
    /// What has arrived of a reply that is not complete.
    arrived: Vec<u8>,
    /// Whether a reply has come over the present connection.
    is_used: bool,
}

/// A request under way; moments in nanoseconds since the start.
#[derive(Clone, Copy)]
struct Request {
    task: Task,
    scheduled: u64,
    sent: u64,
}

/// What is known during a phase.
struct State<'a> {
    phase: &'a mut Phase,
    work: &'a mut Work,
    issued: u64,
    begin: Instant,
    /// Connections without a request, and since when there has been one.
    free: VecDeque<usize>,
    free_since: u64,
    looked_at: u64,
}

impl State<'_> {
    fn now(&self) -> u64 {
        self.begin.elapsed().as_nanos() as u64
    }

    /// A connection has no request any more.
    fn release(&mut self, index: usize) {
        if self.free.is_empty() {
            self.free_since = self.now();
        }
        self.free.push_back(index);
    }
}

/// How an exchange goes on.
enum Turn {
    Wait,
    /// The request is answered, or has failed.
    Over,
    /// The server has closed the connection, which it may between two requests.
    Again,
}

impl HttpEngine {
    /// The connections are spread over the sources.
    pub(super) fn new(
        target: Arc<Target>,
        crowd: Arc<Crowd>,
        sources: &[u32],
        options: &RunOptions,
    ) -> Result<Self> {
        let connections = options.connections / options.threads;
        let connections = (0..connections as usize).zip(sources.iter().enumerate().cycle());
        let connections = connections.map(|(_, (place, source))| Connection {
            place,
            source: *source,
            stream: None,
            request: None,
            output: Vec::with_capacity(1024),
            written: 0,
            arrived: Vec::new(),
            is_used: false,
        });
        let connections = connections.collect();
        let input = vec![0; INPUT_BYTES];
        let tls = match target.is_tls {
            true => Some(Tls::new(!options.full_handshakes)?),
            false => None,
        };
        let (poller, close) = (Poller::new()?, options.close);
        Ok(Self { connections, poller, crowd, target, tls, close, input })
    }

    fn send_due(&mut self, state: &mut State<'_>) -> Result<()> {
        let now = state.now();
        let mut count = match state.phase.pacing {
            Pacing::Closed => u64::MAX,
            Pacing::Open(schedule) => {
                let due = schedule.due(now);
                // What has waited too long for a connection is not sent any more.
                let too_late = now.saturating_sub(state.phase.timeout_ns);
                while state.issued < due && schedule.moment(state.issued) < too_late {
                    state.issued += 1;
                    state.phase.tally.unsent += 1;
                }
                due.saturating_sub(state.issued)
            }
        };
        count = count.min(state.phase.requests_max.saturating_sub(state.issued));
        for _ in 0..state.free.len() {
            if count == 0 {
                break;
            }
            let Some(index) = state.free.pop_front() else { break };
            let connection = self.connections.get_mut(index).context("no such connection")?;
            let Some(task) = state.work.next(connection.place) else {
                // Nothing is left for this source, but for what may have to be sent again.
                state.free.push_back(index);
                continue;
            };
            let now = state.now();
            let scheduled = match state.phase.pacing {
                Pacing::Closed => now,
                Pacing::Open(schedule) => {
                    let moment = schedule.moment(state.issued);
                    // That all connections wait for replies is not the generator's doing.
                    let possible = moment.max(state.free_since);
                    state.phase.tally.lag.record(now.saturating_sub(possible));
                    moment
                }
            };
            count -= 1;
            state.issued += 1;
            state.phase.tally.sent += 1;
            connection.request = Some(Request { task, scheduled, sent: now });
            connection.output.clear();
            request::append(&mut connection.output, &self.target, &self.crowd, task, self.close);
            connection.written = 0;
            connection.arrived.clear();
            self.exchange(index, true, state)?;
        }
        Ok(())
    }

    /// Goes on with a connection as far as it gets; `is_new` when its request is.
    fn exchange(&mut self, index: usize, is_new: bool, state: &mut State<'_>) -> Result<()> {
        let Some(connection) = self.connections.get_mut(index) else { return Ok(()) };
        if connection.request.is_none() {
            connection.read_idle(&mut self.input, &mut state.phase.tally.closed_by_server);
            return Ok(());
        }
        if connection.stream.is_none() {
            if !is_new {
                return Ok(());
            }
            state.phase.tally.connects += 1;
            let (address, tls) = (self.target.address, self.tls.as_ref());
            if let Err(error) = connection.open(index, address, tls, &self.poller) {
                return self.fail(index, &format!("(connect) {}", text_of(&error)), state);
            }
        }
        let turn = match connection.write() {
            // No reply is there yet, and it will be told when it is.
            Ok(true) if is_new => Ok(Turn::Wait),
            Ok(true) => connection.read(&mut self.input, self.close, state),
            Ok(false) => Ok(Turn::Wait),
            Err(error) if connection.is_used && is_of_closing(&error) => Ok(Turn::Again),
            Err(error) => Err(error),
        };
        match turn {
            Ok(Turn::Wait) => Ok(()),
            Ok(Turn::Over) => {
                connection.request = None;
                state.release(index);
                Ok(())
            }
            Ok(Turn::Again) => {
                state.phase.tally.closed_by_server += 1;
                connection.drop_stream();
                connection.written = 0;
                self.exchange(index, true, state)
            }
            Err(error) => self.fail(index, &text_of(&error), state),
        }
    }

    /// The request of a connection has failed, and the connection with it.
    fn fail(&mut self, index: usize, text: &str, state: &mut State<'_>) -> Result<()> {
        state.phase.tally.fail(text);
        let connection = self.connections.get_mut(index).context("no such connection")?;
        if let Some(request) = connection.request.take()
            && state.work.retry(connection.place, request.task)
        {
            state.phase.tally.resent += 1;
        }
        connection.drop_stream();
        state.release(index);
        std::thread::sleep(BACK_OFF);
        Ok(())
    }

    /// Gives up requests that have no reply in time.
    fn expire(&mut self, now: u64, state: &mut State<'_>) {
        if now < state.looked_at + LOOK_INTERVAL_NS {
            return;
        }
        state.looked_at = now;
        for (index, connection) in self.connections.iter_mut().enumerate() {
            let Some(request) = connection.request else { continue };
            if request.sent + state.phase.timeout_ns > now {
                continue;
            }
            state.phase.tally.drops += 1;
            if state.work.retry(connection.place, request.task) {
                state.phase.tally.resent += 1;
            } else {
                state.phase.tally.given_up += 1;
            }
            connection.request = None;
            connection.drop_stream();
            state.release(index);
        }
    }
}

impl Connection {
    fn open(
        &mut self,
        token: usize,
        target: SocketAddrV4,
        tls: Option<&Tls>,
        poller: &Poller,
    ) -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // The port is picked at the connect, so that one port serves several targets and a source
        // has 28,000 of them for each.
        setsockopt(&socket, IpBindAddressNoPort, &true)?;
        let own = SocketAddrV4::new(source_address(self.source), 0);
        socket.bind(&own.into())?;
        match socket.connect(&target.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => {
                return Err(error);
            }
            _ => {}
        }
        let flags = EpollFlags::EPOLLIN
            | EpollFlags::EPOLLOUT
            | EpollFlags::EPOLLRDHUP
            | EpollFlags::EPOLLET;
        poller.add(&socket, token, flags).map_err(io::Error::other)?;
        let stream = socket.into();
        self.stream = Some(match tls {
            Some(tls) => tls.begin(stream)?,
            None => Stream::Plain(stream),
        });
        self.is_used = false;
        Ok(())
    }

    fn drop_stream(&mut self) {
        self.stream = None;
        self.arrived.clear();
    }

    fn is_written(&self) -> bool {
        self.written >= self.output.len()
    }

    /// Whether the whole request is written.
    fn write(&mut self) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        while let Some(rest) = self.output.get(self.written..)
            && !rest.is_empty()
        {
            match stream.write(rest) {
                Ok(bytes) => self.written += bytes,
                Err(error) if is_for_later(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn read(&mut self, input: &mut [u8], close: bool, state: &mut State<'_>) -> io::Result<Turn> {
        loop {
            let Some(stream) = &mut self.stream else { return Ok(Turn::Wait) };
            let bytes = match stream.read(input) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_for_later(&error) => return Ok(Turn::Wait),
                Err(error) if self.may_go_on_elsewhere(&error) => return Ok(Turn::Again),
                Err(error) => return Err(error),
            };
            let ended = bytes == 0;
            if ended && self.arrived.is_empty() {
                if self.is_used {
                    return Ok(Turn::Again);
                }
                return Err(io::Error::other("(closed before the reply)"));
            }
            let new = input.get(..bytes).unwrap_or_default();
            let is_first = self.arrived.is_empty();
            if !is_first {
                self.arrived.extend_from_slice(new);
            }
            let seen = if is_first { new } else { &self.arrived };
            let response = match response::parse(seen, ended) {
                Parsed::Incomplete if ended || seen.len() > INPUT_BYTES => {
                    return Err(io::Error::other("(closed within the reply)"));
                }
                Parsed::Incomplete => {
                    if is_first {
                        self.arrived.extend_from_slice(new);
                    }
                    continue;
                }
                Parsed::Broken(text) => return Err(io::Error::other(text)),
                Parsed::Complete(response) => response,
            };
            if let Some(request) = self.request {
                judge(&response, request, seen.len(), state);
            }
            if !self.is_used && stream.is_resumed() {
                state.phase.tally.resumed += 1;
            }
            self.is_used = true;
            if response.closes && !close {
                state.phase.tally.closed_by_server += 1;
            }
            if response.closes || close || ended {
                self.stream = None;
            }
            self.arrived.clear();
            return Ok(Turn::Over);
        }
    }

    fn may_go_on_elsewhere(&self, error: &io::Error) -> bool {
        self.is_used && self.arrived.is_empty() && is_of_closing(error)
    }

    /// Something has happened to a connection between two requests: it can only be its end.
    fn read_idle(&mut self, input: &mut [u8], closed_by_server: &mut u64) {
        let Some(stream) = &mut self.stream else { return };
        match stream.read(input) {
            Err(error) if is_for_later(&error) => {}
            _ => {
                *closed_by_server += 1;
                self.drop_stream();
            }
        }
    }
}

/// Counts a reply.
fn judge(response: &response::Response<'_>, request: Request, bytes: usize, state: &mut State<'_>) {
    let now = state.now();
    let tally = &mut state.phase.tally;
    match (body::judge(response.body, request.task), response.status) {
        (Ok(peers), 200) => {
            match request.task {
                Task::Announce { .. } => tally.announces += 1,
                Task::Scrape { .. } => tally.scrapes += 1,
            }
            tally.peers += peers;
            tally.bytes += bytes as u64;
            if !state.work.is_fill() {
                tally.latency.record(now.saturating_sub(request.scheduled));
            }
        }
        (Ok(_), status) => tally.fail(&format!("(HTTP {status})")),
        (Err(text), 200) => tally.fail(&text),
        (Err(text), status) => tally.fail(&format!("(HTTP {status}) {text}")),
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

fn is_of_closing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Without the number of the error.
fn text_of(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    }
}

impl Engine for HttpEngine {
    fn run(&mut self, phase: &mut Phase, work: &mut Work) -> Result<()> {
        let free = (0..self.connections.len()).collect();
        let begin = Instant::now();
        let mut state = State { phase, work, issued: 0, begin, free, free_since: 0, looked_at: 0 };
        let mut ready = Vec::new();
        loop {
            let now = state.now();
            self.expire(now, &mut state);
            let all_free = state.free.len() == self.connections.len();
            let over = state.phase.is_time_up(now)
                || state.issued >= state.phase.requests_max
                || (state.work.is_done() && all_free)
                || (state.work.is_fill() && state.phase.is_stalled(now));
            if !over {
                self.send_due(&mut state)?;
            } else {
                state.phase.sending_ended(now, state.issued);
                if state.free.len() == self.connections.len() {
                    return Ok(());
                }
            }
            let wait = match state.phase.pacing {
                Pacing::Open(schedule)
                    if !over && !state.work.is_done() && !state.free.is_empty() =>
                {
                    schedule.moment(state.issued).saturating_sub(state.now())
                }
                _ => WAIT_MAX_NS,
            };
            self.poller.wait(wait.min(WAIT_MAX_NS), &mut ready)?;
            for Ready { token, only_writable } in &ready {
                let is_written = self.connections.get(*token).is_some_and(Connection::is_written);
                if !only_writable || !is_written {
                    self.exchange(*token, false, &mut state)?;
                }
            }
        }
    }
}
