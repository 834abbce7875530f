//! Announces on schedule, over connections that stay open.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use nix::sys::prctl;

use super::{TORRENTS, USERS, info_hash, passkey};

/// How long a reply may take before the run fails.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longer replies are no replies.
const REPLY_BYTES_MAX: usize = 64 << 10;
/// Lets a thread wake up when it is due, not 50 microseconds later.
const TIMER_SLACK_NS: u64 = 1000;

/// Threads that announce until they are told to stop.
pub(super) struct Announcers {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Vec<u64>>>>,
}

impl Announcers {
    /// Announces so often per second, from now on.
    pub(super) fn start(address: SocketAddr, rate: f64, connections: u32) -> Result<Self> {
        ensure!(rate > 0.0 && connections > 0, "no announces are wanted");
        let is_over = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_secs_f64(f64::from(connections) / rate);
        let begin = Instant::now() + Duration::from_millis(10);
        let mut threads = Vec::new();
        for number in 0..connections {
            let stream = TcpStream::connect(address).context("no connection to the tracker")?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            let first = begin + pause * number / connections;
            let is_over = Arc::clone(&is_over);
            threads.push(thread::spawn(move || announce(stream, number, first, pause, &is_over)));
        }
        Ok(Self { is_over, threads })
    }

    /// The latencies in nanoseconds, each from the moment that the announce was due.
    pub(super) fn stop(self) -> Result<Vec<u64>> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().map_err(|_| anyhow!("a thread has panicked"))??);
        }
        Ok(all)
    }
}

fn announce(
    mut stream: TcpStream,
    number: u32,
    mut due: Instant,
    pause: Duration,
    is_over: &AtomicBool,
) -> Result<Vec<u64>> {
    // Without it the schedule is kept a little less well.
    let _ = prctl::set_timerslack(TIMER_SLACK_NS);
    let mut random = fastrand::Rng::with_seed(number.into());
    let mut latencies = Vec::new();
    let mut reply = vec![0; REPLY_BYTES_MAX];
    while !is_over.load(Ordering::Relaxed) {
        let request = request(random.u32(..USERS), random.u32(..TORRENTS));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(request.as_bytes())?;
        let reply = read(&mut stream, &mut reply)?;
        latencies.push(u64::try_from(due.elapsed().as_nanos())?);
        let is_good = reply.windows(10).any(|part| part == b"8:interval");
        ensure!(is_good, "not answered with peers: {}", String::from_utf8_lossy(reply));
        due += pause;
    }
    Ok(latencies)
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

/// A whole reply, whose length its head says.
fn read<'a>(stream: &mut TcpStream, into: &'a mut [u8]) -> Result<&'a [u8]> {
    let mut length = 0;
    loop {
        let Some(free) = into.get_mut(length..).filter(|free| !free.is_empty()) else {
            bail!("a reply is too long");
        };
        let more = stream.read(free).context("an announce was not answered")?;
        ensure!(more > 0, "the tracker has closed a connection");
        length += more;
        let read = into.get(..length).unwrap_or_default();
        if whole(read)?.is_some_and(|whole| length >= whole) {
            return Ok(into.get(..length).unwrap_or_default());
        }
    }
}

/// How long a reply is, once its head is there.
fn whole(reply: &[u8]) -> Result<Option<usize>> {
    let Some(head) = reply.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(reply.get(..head).unwrap_or_default()).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("a reply without a length")?.trim().parse()?;
    Ok(Some(head + 4 + length))
}
