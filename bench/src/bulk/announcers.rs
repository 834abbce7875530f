//! Announces on schedule, over connections that stay open.
//!
//! One thread sends and receives on all of them and never sleeps: a thread that sleeps may wake up
//! late, which would be charged to the tracker.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use mika_server::cores;

use super::{TORRENTS, USERS, info_hash, passkey};

/// How long a reply may take before the run fails.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longer replies are no replies.
const REPLY_BYTES_MAX: usize = 64 << 10;

/// A thread that announces until it is told to stop.
pub(super) struct Announcers {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Measured>>,
}

/// What a thread has seen.
pub(super) struct Measured {
    /// Nanoseconds from the moment that each announce was due to its reply.
    pub(super) latencies: Vec<u64>,
    /// The longest time that the thread itself was kept from looking.
    pub(super) held_up: Duration,
}

impl Announcers {
    /// Announces `rate` times per second, from now on, on `core`, or on any.
    pub(super) fn start(
        address: SocketAddr,
        rate: f64,
        connections: u32,
        core: Option<u16>,
    ) -> Result<Self> {
        ensure!(rate > 0.0 && connections > 0, "no announces are wanted");
        let is_over = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_secs_f64(f64::from(connections) / rate);
        let begin = Instant::now() + Duration::from_millis(10);
        let mut all = Vec::new();
        for number in 0..connections {
            let due = begin + pause * number / connections;
            all.push(Announcer::connect(address, number, due, pause)?);
        }
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            if let Some(core) = core {
                cores::keep_to(&[core]).context("the core for announces")?;
            }
            announce(all, &over)
        });
        Ok(Self { is_over, thread })
    }

    /// Waits for the replies that are under way.
    pub(super) fn stop(self) -> Result<Measured> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("a thread has panicked"))?
    }
}

fn announce(mut all: Vec<Announcer>, is_over: &AtomicBool) -> Result<Measured> {
    let mut latencies = Vec::new();
    let mut held_up = Duration::ZERO;
    let mut last = Instant::now();
    loop {
        let now = Instant::now();
        held_up = held_up.max(now.duration_since(last));
        last = now;
        let is_over = is_over.load(Ordering::Relaxed);
        for announcer in &mut all {
            if let Some(latency) = announcer.go_on(is_over)? {
                latencies.push(u64::try_from(latency.as_nanos())?);
            }
        }
        if is_over && all.iter().all(|announcer| !announcer.is_waiting) {
            return Ok(Measured { latencies, held_up });
        }
        std::hint::spin_loop();
    }
}

/// One connection, with one announce at a time.
struct Announcer {
    stream: TcpStream,
    random: fastrand::Rng,
    /// When the next announce has to be sent, or that which waits for its reply had to be.
    due: Instant,
    pause: Duration,
    is_waiting: bool,
    reply: Vec<u8>,
    length: usize,
}

impl Announcer {
    fn connect(address: SocketAddr, number: u32, due: Instant, pause: Duration) -> Result<Self> {
        let stream = TcpStream::connect(address).context("no connection to the tracker")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let random = fastrand::Rng::with_seed(number.into());
        let reply = vec![0; REPLY_BYTES_MAX];
        Ok(Self { stream, random, due, pause, is_waiting: false, reply, length: 0 })
    }

    /// Sends what is due or reads what has come. Returns the latency of an announce once it is
    /// answered.
    fn go_on(&mut self, is_over: bool) -> Result<Option<Duration>> {
        if self.is_waiting {
            return self.receive();
        }
        if !is_over && self.due <= Instant::now() {
            let request = request(self.random.u32(..USERS), self.random.u32(..TORRENTS));
            // The last reply has come, so that the socket has room for a request.
            self.stream.write_all(request.as_bytes())?;
            self.is_waiting = true;
        }
        Ok(None)
    }

    fn receive(&mut self) -> Result<Option<Duration>> {
        let free = self.reply.get_mut(self.length..).filter(|free| !free.is_empty());
        let more = match self.stream.read(free.context("a reply is too long")?) {
            Ok(0) => bail!("the tracker has closed a connection"),
            Ok(more) => more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ensure!(self.due.elapsed() < TIMEOUT, "an announce was not answered");
                return Ok(None);
            }
            Err(error) => return Err(error).context("an announce was not answered"),
        };
        self.length += more;
        let read = self.reply.get(..self.length).unwrap_or_default();
        if whole(read)?.is_none_or(|whole| self.length < whole) {
            return Ok(None);
        }
        let latency = self.due.elapsed();
        let is_good = read.windows(10).any(|part| part == b"8:interval");
        ensure!(is_good, "not answered with peers: {}", String::from_utf8_lossy(read));
        self.length = 0;
        self.due += self.pause;
        self.is_waiting = false;
        Ok(Some(latency))
    }
}

fn request(user: u32, torrent: u32) -> String {
    let escaped: String =
        info_hash(0, torrent).0.iter().map(|byte| format!("%{byte:02x}")).collect();
    let (port, left) = (2000 + user, user % 3);
    format!(
        "GET /{}/announce?info_hash={escaped}&peer_id=-TR4050-{user:012}&port={port}&uploaded=0\
         &downloaded=0&left={left}&compact=1&numwant=30 HTTP/1.1\r\nHost: t\r\n\r\n",
        passkey(user)
    )
}

/// How long a reply is, once its head is there.
fn whole(reply: &[u8]) -> Result<Option<usize>> {
    let Some(head) = reply.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(reply.get(..head).unwrap_or_default()).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("a reply without a length")?.trim().parse()?;
    Ok(Some(head + 4 + length))
}
