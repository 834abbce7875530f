//! Announces everything from many threads, while the server comes and goes.

mod clock;
mod probe;

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

pub use clock::Clock;
pub use probe::{Probe, expected_peers};

use crate::model::{Families, Machine, Phase, Population, Proof, Seat};
use crate::server::{PATIENCE, Site};
use crate::wire::{Announce, Carrier, Event, Failure, Line};

/// Threads that announce. They wait most of the time.
const THREADS: usize = 8;

/// A machine with its lines to the tracker: IPv4 first, by which a crashed client is known again.
struct Client {
    machine: Machine,
    lines: Vec<Line>,
    /// The process that the lines lead to.
    process: u64,
}

impl Client {
    fn new(machine: Machine, site: &Site) -> Self {
        let v4 = Line::new(machine.carrier, machine.v4.into(), site.announce_v4());
        let v6 = || {
            let localhost = IpAddr::V6(Ipv6Addr::LOCALHOST);
            Line::new(machine.carrier, localhost, site.announce_v6())
        };
        let lines = match machine.families {
            Families::V4 => vec![v4],
            Families::V6 => vec![v6()],
            Families::Both => vec![v4, v6()],
        };
        Self { machine, lines, process: 0 }
    }

    /// Announces a seat over all lines; answered only if all are.
    fn announce(
        &mut self,
        at: usize,
        population: &Population,
        rng: &mut fastrand::Rng,
        clock: &Clock,
        process: u64,
    ) -> Result<u64, Failure> {
        if self.process != process {
            self.process = process;
            self.lines.iter_mut().for_each(Line::hang_up);
        }
        let seat = &self.machine.seats[at];
        let torrent = &population.torrents[seat.torrent];
        for line in &mut self.lines {
            let second = torrent.info_hash_v2.filter(|_| rng.bool());
            let announce = Announce {
                passkey: population.users[self.machine.user].passkey.clone(),
                info_hash: second.unwrap_or(torrent.info_hash),
                peer_id: seat.peer_id,
                port: seat.port,
                uploaded: seat.uploaded,
                downloaded: seat.downloaded,
                left: seat.left,
                event: seat.event,
                numwant: rng.u32(..60),
            };
            line.announce(&announce, &|| clock.is_over(process))?;
        }
        Ok(self.lines.len() as u64)
    }
}

/// All clients of a site.
pub struct Fleet<'a> {
    population: &'a Population,
    clock: &'a Clock,
    clients: Vec<Client>,
    seed: u64,
}

impl<'a> Fleet<'a> {
    /// Turns the machines on; nothing is announced yet.
    pub fn new(
        site: &Site,
        population: &'a Population,
        clock: &'a Clock,
        machines: Vec<Machine>,
        seed: u64,
    ) -> Self {
        let clients = machines.into_iter().map(|machine| Client::new(machine, site)).collect();
        Self { population, clock, clients, seed }
    }

    /// The machines as they are now.
    pub fn machines(self) -> Vec<Machine> {
        self.clients.into_iter().map(|client| client.machine).collect()
    }

    /// Looks at every machine.
    pub fn each_machine(&self) -> impl Iterator<Item = &Machine> {
        self.clients.iter().map(|client| &client.machine)
    }

    /// Announces at random until `scene` ends, which kills and starts servers meanwhile.
    /// `adventures`: clients stop, restart and crash, too, instead of just going on.
    pub fn run<T>(&mut self, adventures: bool, scene: impl FnOnce() -> T) -> T {
        let (population, clock) = (self.population, self.clock);
        let per_thread = self.clients.len().div_ceil(THREADS).max(1);
        self.seed += 1;
        let seed = self.seed * 1000;
        thread::scope(|scope| {
            clock.go();
            let _stop = StopOnDrop(clock);
            for (number, clients) in self.clients.chunks_mut(per_thread).enumerate() {
                let rng = fastrand::Rng::with_seed(seed + number as u64);
                let work = Worker { clients, population, clock, rng, adventures };
                scope.spawn(move || work.run());
            }
            scene()
        })
    }

    /// Every live session announces a last time, and what is stopping, stops.
    pub fn announce_all(&mut self) {
        let (population, clock) = (self.population, self.clock);
        let per_thread = self.clients.len().div_ceil(THREADS).max(1);
        thread::scope(|scope| {
            for clients in self.clients.chunks_mut(per_thread) {
                let rng = fastrand::Rng::new();
                let work = Worker { clients, population, clock, rng, adventures: false };
                scope.spawn(move || work.announce_all());
            }
        });
    }
}

/// Stops the workers when a scene ends, also by a panic.
struct StopOnDrop<'a>(&'a Clock);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct Worker<'a> {
    clients: &'a mut [Client],
    population: &'a Population,
    clock: &'a Clock,
    rng: fastrand::Rng,
    adventures: bool,
}

impl Worker<'_> {
    fn run(mut self) {
        while !self.clock.is_stopped() {
            let at = self.rng.usize(..self.clients.len());
            let client = &mut self.clients[at];
            let seat_at = self.rng.usize(..client.machine.seats.len());
            let seat = &mut client.machine.seats[seat_at];
            let is_proved = seat.proof.is_some_and(|proof| self.clock.is_proved(proof));
            seat.advance(&mut self.rng, is_proved, self.adventures);
            if seat.phase != Phase::Absent {
                self.announce(at, seat_at);
            }
        }
    }

    fn announce_all(mut self) {
        for at in 0..self.clients.len() {
            for seat_at in 0..self.clients[at].machine.seats.len() {
                let seat = &mut self.clients[at].machine.seats[seat_at];
                if seat.phase == Phase::Absent {
                    continue;
                }
                seat.event = Event::None;
                if seat.phase == Phase::Stopping {
                    seat.event = Event::Stopped;
                }
                let begin = Instant::now();
                while !self.announce(at, seat_at) {
                    assert!(begin.elapsed() < PATIENCE, "no answer to a last announce");
                }
                self.clients[at].machine.seats[seat_at].settle();
            }
        }
    }

    /// Announces; false if nobody knows whether the tracker has seen it.
    fn announce(&mut self, at: usize, seat_at: usize) -> bool {
        let clock = self.clock;
        let process = clock.process();
        let client = &mut self.clients[at];
        let answer = client.announce(seat_at, self.population, &mut self.rng, clock, process);
        let seat: &mut Seat = &mut client.machine.seats[seat_at];
        match answer {
            // The same process from before to after: it is the one that has answered.
            Ok(announces) if clock.process() == process => {
                clock.count_answered(announces);
                let flushes_begun = clock.flushes_begun();
                seat.answered(Proof { process, flushes_begun });
                true
            }
            Ok(announces) => {
                clock.count_answered(announces);
                false
            }
            Err(Failure::Lost(error)) => {
                self.explain(&error, process);
                false
            }
            Err(Failure::Refused(reason)) => panic!("refused: {reason}\n{seat:?}"),
        }
    }

    /// An answer fails to come only because the process has gone, or does not listen yet.
    fn explain(&self, error: &io::Error, process: u64) {
        self.clock.count_lost();
        if error.kind() == io::ErrorKind::ConnectionRefused {
            thread::sleep(Duration::from_millis(2));
            return;
        }
        let begin = Instant::now();
        while !self.clock.is_over(process) {
            assert!(begin.elapsed() < Duration::from_secs(10), "lost while it runs: {error}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The carrier of probes: replies over HTTP are not limited to the size of a datagram.
pub(crate) const PROBE_CARRIER: Carrier = Carrier::KeepAlive;
