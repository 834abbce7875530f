//! The kill proof: thousands of sessions announce while the tracker is killed again and again, and
//! in the end every total is exact and every peer is handed out.
//!
//! `MIKA_LONG=1` makes it 50 kills instead of 5.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use mika_durability::driver::{Clock, Fleet, Probe, expected_peers};
use mika_durability::model::{Machine, Phase, Population, register};
use mika_durability::server::{PATIENCE, Server, Site, Tuning};
use mika_durability::totals::{compare, from_api, from_store};

/// What a kill is to hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// The start, with its recovery.
    Starting,
    /// Any moment between 50 ms and 3 s after the start.
    Running,
    /// A flush: batch to journal, journal to store.
    Flushing,
    /// The writing of a snapshot.
    Snapshot,
}

const AIMS: [Aim; 5] = [Aim::Running, Aim::Flushing, Aim::Starting, Aim::Snapshot, Aim::Running];

/// What was on disk after a kill, in one line of the table.
struct Hit {
    aim: Aim,
    after: Duration,
    ready: bool,
    half_snapshot: bool,
    torn_bytes: u64,
}

#[test]
fn no_kill_loses_or_doubles_a_byte() {
    let long = std::env::var_os("MIKA_LONG").is_some_and(|value| value == "1");
    let kills = if long { 50 } else { 5 };
    let seed = std::env::var("MIKA_SEED").ok().and_then(|seed| seed.parse().ok());
    prove(kills, seed.unwrap_or_else(|| fastrand::u64(..1 << 40)));
}

fn prove(kills: usize, seed: u64) {
    println!("{kills} kills, MIKA_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let flush_milliseconds = rng.u32(20..=100);
    let tuning = Tuning { flush_milliseconds, snapshot_seconds: 1, ..Tuning::default() };
    let site = Site::new(dir.path(), &data, 0, &tuning);
    let (population, machines) = Population::new(&mut rng, 300, 400, 3000);
    let clock = Clock::new(kills + 2);
    let passkey = {
        let server = site.start();
        register(&population, &site.admin());
        let passkey = Probe::register(&site);
        assert!(server.terminate().success());
        passkey
    };

    let mut fleet = Fleet::new(&site, &population, &clock, machines, seed);
    println!("{:>4}  {:<9} {:>8}  {:<34} {:>10}", "kill", "aim", "after", "hit", "announces");
    let hits = fleet.run(true, || {
        thread::scope(|scope| {
            let flusher = scope.spawn(|| clock.keep_flushing(&site));
            let scene = KillScene { site: &site, clock: &clock };
            let hits: Vec<Hit> =
                (0..kills).map(|number| scene.kill(number, AIMS[number % 5], &mut rng)).collect();
            clock.stop();
            flusher.join().unwrap();
            hits
        })
    });
    let stopped = fleet.each_machine().flat_map(|machine| &machine.seats);
    let stopped = stopped.filter(|seat| seat.phase == Phase::Absent && seat.was_announced).count();

    // After the last kill: what was proved is there, before anybody announces again.
    clock.begin_process();
    let server = site.start();
    let mut probe = Probe::new(&site, &passkey);
    let expected = expected_peers(&population, fleet.each_machine());
    for (torrent, (there, gone)) in population.torrents.iter().zip(&expected) {
        let found = probe.peers(torrent).peers;
        let missing: Vec<_> = there.difference(&found).collect();
        assert!(missing.is_empty(), "peers are forgotten: {missing:?} of {torrent:?}");
        let ghosts: Vec<_> = gone.intersection(&found).collect();
        assert!(ghosts.is_empty(), "peers that stopped are handed out: {ghosts:?}");
    }

    // Every live session announces a last time: now each total is determined.
    fleet.announce_all();
    assert!(clock.flush(&site), "the last flush");
    let announces = clock.answered();
    let machines = fleet.machines();
    let expected = population.totals(&machines);
    let difference = compare(&expected, &from_store(site.store()));
    let bytes: u64 =
        expected.users.values().map(|user| user.uploaded_raw + user.downloaded_raw).sum();
    println!(
        "{} of {kills} kills, {} bytes of difference over {} users, {announces} announces, {bytes} \
         bytes; {} announces without an answer, {stopped} seats stopped, flush every \
         {flush_milliseconds} ms",
        hits.len(),
        difference.bytes,
        expected.users.len(),
        clock.lost()
    );
    difference.assert_none("the store while the tracker runs");
    assert_exact_peers(&population, &machines, &site, &passkey);
    let mut api = from_api(&site.admin());
    api.history.clear();
    compare(&expected, &api).assert_none("the admin API");

    // An orderly stop and start changes nothing and forgets nobody.
    assert!(server.terminate().success());
    compare(&expected, &from_store(site.store())).assert_none("the store after the stop");
    clock.end_process();
    let server = site.start();
    assert_exact_peers(&population, &machines, &site, &passkey);
    assert!(server.terminate().success());
    compare(&expected, &from_store(site.store())).assert_none("the store after one more start");
    assert!(!data.join("dead-letters.jsonl").exists(), "rows were refused");
    assert!(bytes > 0 && announces > 1000);
}

/// Starts servers, and kills them.
struct KillScene<'a> {
    site: &'a Site,
    clock: &'a Clock,
}

impl KillScene<'_> {
    fn kill(&self, number: usize, aim: Aim, rng: &mut fastrand::Rng) -> Hit {
        self.clock.begin_process();
        let mut server = self.site.spawn();
        let begin = Instant::now();
        self.wait_for_moment(&mut server, aim, rng);
        let (after, ready) = (begin.elapsed(), server.is_ready());
        server.kill();
        self.clock.end_process();
        let half_snapshot = self.site.data().join("snapshot.new").exists();
        let torn_bytes = self.site.segments().last().map_or(0, |path| torn_bytes(path));
        let hit = Hit { aim, after, ready, half_snapshot, torn_bytes };
        let announces = self.clock.answered();
        let aim = format!("{aim:?}").to_lowercase();
        let after = format!("{} ms", hit.after.as_millis());
        println!("{:>4}  {aim:<9} {after:>8}  {:<34} {announces:>10}", number + 1, hit.words());
        hit
    }

    fn wait_for_moment(&self, server: &mut Server, aim: Aim, rng: &mut fastrand::Rng) {
        if aim == Aim::Starting {
            // A start takes some 50 ms, most of it between binding the ports and the last replay.
            thread::sleep(Duration::from_micros(rng.u64(1000..60_000)));
            return;
        }
        server.wait_until_ready();
        match aim {
            Aim::Starting => {}
            Aim::Running => thread::sleep(Duration::from_millis(rng.u64(50..3000))),
            Aim::Flushing => {
                thread::sleep(Duration::from_millis(rng.u64(50..1000)));
                thread::scope(|scope| {
                    // It is killed while it answers, so the answer says nothing.
                    let flush = scope.spawn(|| self.clock.flush(self.site));
                    thread::sleep(Duration::from_micros(rng.u64(0..15_000)));
                    drop(flush);
                });
            }
            Aim::Snapshot => {
                let half = self.site.data().join("snapshot.new");
                let begin = Instant::now();
                while !half.exists() && begin.elapsed() < PATIENCE {
                    thread::sleep(Duration::from_micros(20));
                }
                thread::sleep(Duration::from_micros(rng.u64(0..4000)));
            }
        }
    }
}

impl Hit {
    fn words(&self) -> String {
        let mut words = vec![if self.ready { "running" } else { "starting" }.to_owned()];
        if self.half_snapshot {
            words.push("half a snapshot".to_owned());
        }
        if self.torn_bytes > 0 {
            words.push(format!("{} B torn", self.torn_bytes));
        }
        if self.aim == Aim::Flushing {
            words.push("flushing".to_owned());
        }
        words.join(", ")
    }
}

/// Bytes after the last whole frame of a segment: what a kill left of a batch.
fn torn_bytes(segment: &Path) -> u64 {
    let bytes = fs::read(segment).unwrap();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        match body.get(length as usize..) {
            Some(next) => rest = next,
            None => break,
        }
    }
    rest.len() as u64
}

/// Every live session is handed out, and nobody else.
fn assert_exact_peers(population: &Population, machines: &[Machine], site: &Site, passkey: &str) {
    let mut probe = Probe::new(site, passkey);
    let totals = population.totals(machines);
    let expected = expected_peers(population, machines.iter());
    for (torrent, (there, _)) in population.torrents.iter().zip(&expected) {
        let reply = probe.peers(torrent);
        let counts = totals.torrents[&torrent.info_hash];
        assert_eq!(u64::from(reply.seeders), counts.seeders, "{torrent:?}");
        assert_eq!(u64::from(reply.leechers), counts.leechers, "{torrent:?}");
        let missing: Vec<_> = there.difference(&reply.peers).collect();
        assert!(missing.is_empty(), "peers are forgotten: {missing:?} of {torrent:?}");
        let surplus: Vec<_> = reply.peers.difference(there).collect();
        assert!(surplus.is_empty(), "nobody knows these peers: {surplus:?} of {torrent:?}");
    }
}
