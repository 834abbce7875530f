//! UDP: a socket per source address, datagrams in and out by the batch.

use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};

use super::crowd::Crowd;
use super::poller::{Poller, Ready};
use super::run::{Engine, Pacing, Phase, source_address, unix_ms};
use super::target::Target;
use super::work::{Task, Work};

mod message;
mod outstanding;

use message::Reply;
use outstanding::{Outstanding, Sent};

/// Datagrams per system call at most.
const BATCH: usize = 32;

/// Bytes of a reply that are looked at; none is larger.
const REPLY_BYTES_MAX: usize = 2048;

/// After how long a connection id is replaced (BEP 15: a client uses it for a minute).
const CONNECTION_ID_AGE: Duration = Duration::from_secs(55);

/// The first connects: how long to wait for each, and how often to send it.
const CONNECT_WAIT: Duration = Duration::from_millis(500);
const CONNECT_ATTEMPTS: u32 = 10;

/// Requests that can be between the oldest without a reply and the newest, at full speed.
const ROOM: usize = 1 << 19;

/// The longest wait, so that time-outs are noticed.
const WAIT_MAX_NS: u64 = 5_000_000;

/// After a system call failed, so that a server that is gone is not asked a million times.
const BACK_OFF: Duration = Duration::from_millis(1);

/// The thread's share of the load.
pub(super) struct UdpEngine {
    lanes: Vec<Lane>,
    poller: Poller,
    crowd: Arc<Crowd>,
    target: Arc<Target>,
    bep41: bool,
    window: usize,
    messages: Vec<Vec<u8>>,
    input: Vec<u8>,
    headers_in: MultiHeaders<SockaddrIn>,
    headers_out: MultiHeaders<SockaddrIn>,
}

/// A socket of one source address.
struct Lane {
    socket: UdpSocket,
    connection_id: Option<u64>,
    /// When the connection id was asked for.
    asked_at: Instant,
}

/// What is known during a phase.
struct State<'a> {
    phase: &'a mut Phase,
    outstanding: Outstanding,
    /// Requests that were taken off the schedule.
    issued: u64,
    begin: Instant,
    next_lane: usize,
}

impl State<'_> {
    fn now(&self) -> u64 {
        self.begin.elapsed().as_nanos() as u64
    }
}

impl UdpEngine {
    /// Opens a socket for each source and gets connection ids for them.
    pub(super) fn new(
        target: Arc<Target>,
        crowd: Arc<Crowd>,
        sources: &[u32],
        window: u32,
        bep41: bool,
    ) -> Result<Self> {
        let poller = Poller::new()?;
        let mut lanes = Vec::new();
        for (token, source) in sources.iter().enumerate() {
            let socket = UdpSocket::bind(SocketAddrV4::new(source_address(*source), 0))?;
            socket.connect(target.address)?;
            socket.set_nonblocking(true)?;
            poller.add(&socket, token, EpollFlags::EPOLLIN)?;
            lanes.push(Lane { socket, connection_id: None, asked_at: Instant::now() });
        }
        let mut engine = Self {
            lanes,
            poller,
            crowd,
            target,
            bep41,
            window: window as usize,
            messages: (0..BATCH).map(|_| Vec::with_capacity(512)).collect(),
            input: vec![0; BATCH * REPLY_BYTES_MAX],
            headers_in: MultiHeaders::preallocate(BATCH, None),
            headers_out: MultiHeaders::preallocate(BATCH, None),
        };
        engine.connect_all()?;
        Ok(engine)
    }

    fn connect_all(&mut self) -> Result<()> {
        let mut ready = Vec::new();
        for _ in 0..CONNECT_ATTEMPTS {
            for (index, lane) in self.lanes.iter_mut().enumerate() {
                if lane.connection_id.is_none() {
                    lane.connect(index);
                }
            }
            let asked_at = Instant::now();
            while asked_at.elapsed() < CONNECT_WAIT {
                if self.lanes.iter().all(|lane| lane.connection_id.is_some()) {
                    return Ok(());
                }
                self.poller.wait(WAIT_MAX_NS, &mut ready)?;
                for Ready { token, .. } in &ready {
                    let Some(lane) = self.lanes.get_mut(*token) else { continue };
                    let Ok(bytes) = lane.socket.recv(&mut self.input) else { continue };
                    match message::parse(self.input.get(..bytes).unwrap_or_default()) {
                        Reply::Connected { connection_id } => {
                            lane.connection_id = Some(connection_id);
                        }
                        Reply::Error { text, .. } => bail!("connect: {text}"),
                        _ => {}
                    }
                }
            }
        }
        bail!("no reply to a connect from {}: is it running?", self.target.address)
    }

    /// Sends what is due; whether anything was left to do.
    fn send_due(&mut self, work: &mut Work, state: &mut State<'_>) -> Result<()> {
        let now = state.now();
        let mut count = match state.phase.pacing {
            Pacing::Closed => {
                let free = self.window.saturating_sub(state.outstanding.len());
                // Not one by one: the batch is what makes sending cheap.
                let least = BATCH.min(self.window / 4).max(1);
                if free < least { 0 } else { free as u64 }
            }
            Pacing::Open(schedule) => {
                let due = schedule.due(now);
                due.saturating_sub(state.issued)
            }
        };
        count = count.min(state.phase.requests_max.saturating_sub(state.issued));
        let mut dry = 0;
        while count > 0 && dry < self.lanes.len() {
            let place = state.next_lane % self.lanes.len();
            state.next_lane += 1;
            let wanted = usize::try_from(count).unwrap_or(BATCH).min(BATCH);
            match self.send_batch(place, wanted, work, state)? {
                Batch::Issued(0) => dry += 1,
                Batch::Issued(issued) => {
                    dry = 0;
                    count = count.saturating_sub(issued);
                }
                Batch::Full => break,
            }
        }
        Ok(())
    }

    fn send_batch(
        &mut self,
        place: usize,
        wanted: usize,
        work: &mut Work,
        state: &mut State<'_>,
    ) -> Result<Batch> {
        let lane = self.lanes.get_mut(place).context("no such lane")?;
        lane.renew(place, &mut state.phase.tally.connects);
        let connection_id = lane.connection_id.unwrap_or_default();
        let (now, unix_ms) = (state.now(), unix_ms());
        let mut tasks = [None; BATCH];
        let mut count = 0;
        let mut skipped = 0;
        for (slot, out) in tasks.iter_mut().zip(&mut self.messages).take(wanted) {
            let Some(task) = work.next(place) else { break };
            let scheduled = match state.phase.pacing {
                Pacing::Closed => now,
                Pacing::Open(schedule) => schedule.moment(state.issued + count),
            };
            let sent = Sent { scheduled, sent: now, task, place: place as u32 };
            let Some(transaction_id) = state.outstanding.push(sent) else {
                work.put_back(place, task);
                skipped = (wanted as u64).saturating_sub(count);
                break;
            };
            out.clear();
            match task {
                Task::Announce { peer, event, .. } => {
                    let announce = self.crowd.announce(peer, event, unix_ms);
                    message::announce(out, connection_id, transaction_id, &announce);
                    if self.bep41 {
                        message::url_data(out, |path| {
                            let mut passkey = Vec::with_capacity(32);
                            self.crowd.append_passkey(peer, &mut passkey);
                            self.target.append_path(&passkey, path);
                        });
                    }
                }
                Task::Scrape { torrent } => {
                    let info_hash = self.crowd.info_hash(torrent);
                    message::scrape(out, connection_id, transaction_id, &info_hash);
                }
            }
            *slot = Some(task);
            count += 1;
        }
        let count = count as usize;
        let done = self.send(place, count, state)?;
        for task in tasks.iter().take(count).skip(done).rev().flatten() {
            state.outstanding.unpush();
            work.put_back(place, *task);
        }
        if let Pacing::Open(schedule) = state.phase.pacing {
            for number in 0..done as u64 {
                let moment = schedule.moment(state.issued + number);
                state.phase.tally.lag.record(now.saturating_sub(moment));
            }
        }
        state.phase.tally.sent += done as u64;
        state.issued += done as u64;
        if done < count {
            return Ok(Batch::Full);
        }
        if skipped > 0 && matches!(state.phase.pacing, Pacing::Open(_)) {
            // So many are under way that there are no numbers left for more: the schedule goes on.
            state.phase.tally.unsent += skipped;
            state.issued += skipped;
        }
        Ok(Batch::Issued(done as u64 + skipped))
    }

    /// How many of the first `count` messages the system took.
    fn send(&mut self, place: usize, count: usize, state: &mut State<'_>) -> Result<usize> {
        let lane = self.lanes.get(place).context("no such lane")?;
        let mut done = 0;
        let mut failures = 0;
        while done < count {
            let mut rest = self.messages.iter().take(count).skip(done);
            let slices: [[IoSlice<'_>; 1]; BATCH] =
                array::from_fn(|_| [IoSlice::new(rest.next().map_or(&[], Vec::as_slice))]);
            let slices = slices.iter().take(count - done);
            let headers = &mut self.headers_out;
            let nobody: [Option<SockaddrIn>; BATCH] = [None; BATCH];
            let nothing: [ControlMessage<'_>; 0] = [];
            let flags = MsgFlags::MSG_DONTWAIT;
            match sendmmsg(lane.socket.as_raw_fd(), headers, slices, nobody, nothing, flags) {
                Ok(results) => done += results.count(),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => break,
                Err(error) => {
                    // It is that of an earlier datagram: nobody listens on the port.
                    state.phase.tally.fail(error.desc());
                    failures += 1;
                    std::thread::sleep(BACK_OFF);
                    if failures > 3 {
                        break;
                    }
                }
            }
        }
        Ok(done)
    }

    fn receive(&mut self, place: usize, work: &Work, state: &mut State<'_>) -> Result<()> {
        let Some(lane) = self.lanes.get_mut(place) else { return Ok(()) };
        loop {
            let mut lengths = [0; BATCH];
            let mut count = 0;
            {
                let mut chunks = self.input.chunks_exact_mut(REPLY_BYTES_MAX);
                let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
                    array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
                let fd = lane.socket.as_raw_fd();
                let flags = MsgFlags::MSG_DONTWAIT;
                match recvmmsg(fd, &mut self.headers_in, slices.iter_mut(), flags, None) {
                    Ok(results) => {
                        for (length, message) in lengths.iter_mut().zip(results) {
                            *length = message.bytes;
                            count += 1;
                        }
                    }
                    Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                    Err(error) => {
                        state.phase.tally.fail(error.desc());
                        std::thread::sleep(BACK_OFF);
                        return Ok(());
                    }
                }
            }
            let now = state.now();
            let chunks = self.input.chunks_exact(REPLY_BYTES_MAX);
            for (chunk, length) in chunks.zip(lengths).take(count) {
                let reply = message::parse(chunk.get(..length).unwrap_or(chunk));
                lane.take(reply, length, now, work, state);
            }
            if count < BATCH {
                return Ok(());
            }
        }
    }
}

/// How sending a batch went.
enum Batch {
    /// So many requests are off the schedule.
    Issued(u64),
    /// The system takes no more for now.
    Full,
}

impl Lane {
    fn connect(&mut self, index: usize) {
        self.asked_at = Instant::now();
        // If it is lost, so is the next batch, and that is noticed.
        let _ = self.socket.send(&message::connect(index));
    }

    fn renew(&mut self, index: usize, count: &mut u64) {
        if self.asked_at.elapsed() > CONNECTION_ID_AGE {
            *count += 1;
            self.connect(index);
        }
    }

    fn take(
        &mut self,
        reply: Reply<'_>,
        bytes: usize,
        now: u64,
        work: &Work,
        state: &mut State<'_>,
    ) {
        let tally = &mut state.phase.tally;
        let transaction_id = match reply {
            Reply::Connected { connection_id } => {
                self.connection_id = Some(connection_id);
                return;
            }
            Reply::Unknown => return tally.fail("(not a reply of the protocol)"),
            Reply::Announce { transaction_id, .. }
            | Reply::Scrape { transaction_id }
            | Reply::Error { transaction_id, .. } => transaction_id,
        };
        let Some(sent) = state.outstanding.take(transaction_id) else {
            tally.late += 1;
            return;
        };
        match (reply, sent.task) {
            (Reply::Announce { peers, .. }, Task::Announce { .. }) => {
                tally.announces += 1;
                tally.peers += peers;
            }
            (Reply::Scrape { .. }, Task::Scrape { .. }) => tally.scrapes += 1,
            (Reply::Error { text, .. }, _) => return tally.fail(text),
            _ => return tally.fail("(a reply to something else)"),
        }
        tally.bytes += bytes as u64;
        if !work.is_fill() {
            tally.latency.record(now.saturating_sub(sent.scheduled));
        }
    }
}

impl Engine for UdpEngine {
    fn run(&mut self, phase: &mut Phase, work: &mut Work) -> Result<()> {
        let timeout = phase.timeout_ns;
        let room = match phase.pacing {
            // One that is lost keeps its place until it times out, and the others go on.
            Pacing::Closed => ROOM,
            Pacing::Open(schedule) => schedule.due(timeout) as usize * 5 / 4,
        };
        let mut state = State {
            outstanding: Outstanding::new(room.max(BATCH * 4)),
            issued: 0,
            begin: Instant::now(),
            next_lane: 0,
            phase,
        };
        let mut ready = Vec::new();
        loop {
            let now = state.now();
            let State { outstanding, phase, issued, .. } = &mut state;
            outstanding.expire(now, timeout, |sent| {
                phase.tally.drops += 1;
                if work.retry(sent.place as usize, sent.task) {
                    phase.tally.resent += 1;
                } else {
                    phase.tally.given_up += 1;
                }
            });
            let over = phase.is_time_up(now)
                || *issued >= phase.requests_max
                || (work.is_done() && outstanding.is_empty())
                || (work.is_fill() && phase.is_stalled(now));
            if !over {
                self.send_due(work, &mut state)?;
            } else {
                state.phase.sending_ended(now, state.issued);
                if state.outstanding.is_empty() {
                    return Ok(());
                }
            }
            let wait = match state.phase.pacing {
                Pacing::Open(schedule) if !over && !work.is_done() => {
                    schedule.moment(state.issued).saturating_sub(state.now())
                }
                _ => WAIT_MAX_NS,
            };
            self.poller.wait(wait.min(WAIT_MAX_NS), &mut ready)?;
            for Ready { token, .. } in &ready {
                self.receive(*token, work, &mut state)?;
            }
        }
    }
}
