//! A small site, its clients, and what has to be true of it.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mika_durability::driver::{Clock, Fleet, Probe, expected_peers};
use mika_durability::model::{Machine, Population, Totals, register};
use mika_durability::server::{PATIENCE, Site, Tuning};
use mika_durability::tables::{PROBE_PASSKEY, Tables};
use mika_durability::totals::{Difference, compare, from_store};
use mika_test_servers::{Database, Endpoint};
use tempfile::TempDir;

/// A site that is registered with a tracker, which is not running.
pub struct Stage {
    /// Of configuration and log.
    pub dir: TempDir,
    /// The tracker's place.
    pub site: Site,
    /// Who is there.
    pub population: Population,
    /// Which process runs.
    pub clock: Clock,
    /// The passkey of probes.
    pub passkey: String,
    /// Where the totals are, if not in a SQLite file.
    pub database: Option<(Database, Tables)>,
}

/// Whether the long forms of the proofs are wanted.
pub fn is_long() -> bool {
    std::env::var_os("MIKA_LONG").is_some_and(|value| value == "1")
}

impl Stage {
    /// Registers a site with 40 users. `number` is that of the test; the data goes to a directory
    /// of its own, or to `data`.
    pub fn new(number: u16, tuning: &Tuning, data: Option<&Path>) -> (Self, Vec<Machine>) {
        let dir = tempfile::tempdir().unwrap();
        let data = data.map_or_else(|| dir.path().join("data"), Path::to_owned);
        let site = Site::new(dir.path(), &data, number, tuning);
        let mut rng = fastrand::Rng::new();
        let (population, machines) = Population::new(&mut rng, 40, 50, 300);
        let server = site.start();
        register(&population, &site.admin());
        let passkey = Probe::register(&site);
        assert!(server.terminate().success());
        let clock = Clock::new(100);
        (Self { dir, site, population, clock, passkey, database: None }, machines)
    }

    /// Registers a site whose tables are in a new database of a server; `sizes` are users, torrents
    /// and seats. `url` is where the tracker finds the database.
    pub fn on_server(
        number: u16,
        endpoint: &Endpoint,
        tables: Tables,
        sizes: [usize; 3],
        url: impl FnOnce(&Database) -> String,
    ) -> (Self, Vec<Machine>) {
        let database = endpoint.create_database();
        let dir = tempfile::tempdir().unwrap();
        let mut rng = fastrand::Rng::new();
        let (population, machines) = Population::with_terms(&mut rng, sizes, tables.terms());
        tables.fill(&population, &database);
        let store = Some(tables.config(endpoint.kind(), &url(&database)));
        let tuning = Tuning { store, flush_milliseconds: 150, ..Tuning::default() };
        let site = Site::new(dir.path(), &dir.path().join("data"), number, &tuning);
        let mut passkey = PROBE_PASSKEY.to_owned();
        if tables == Tables::Mika {
            let server = site.start();
            register(&population, &site.admin());
            passkey = Probe::register(&site);
            assert!(server.terminate().success());
        }
        let (clock, database) = (Clock::new(200), Some((database, tables)));
        (Self { dir, site, population, clock, passkey, database }, machines)
    }

    /// The database in a server.
    pub fn database(&self) -> &Database {
        &self.database.as_ref().expect("a stage on a server").0
    }

    /// The clients of the site.
    pub fn fleet(&self, machines: Vec<Machine>) -> Fleet<'_> {
        Fleet::new(&self.site, &self.population, &self.clock, machines, fastrand::u64(..1 << 40))
    }

    /// Starts a process that the clock knows of.
    pub fn start(&self) -> mika_durability::server::Server {
        self.clock.begin_process();
        self.site.start()
    }

    /// Lets everybody announce, and flushes now and then.
    pub fn announce_for(&self, fleet: &mut Fleet<'_>, duration: Duration) {
        self.announce_while(fleet, || thread::sleep(duration));
    }

    /// Waits, in a scene, until clients have something to lose: they move nothing before a flush
    /// has proved that the tracker knows them, which takes a busy machine longer than a moment.
    pub fn wait_for_traffic(&self) {
        let begin = Instant::now();
        while self.clock.answered() <= self.answered_min() || self.clock.flushes_of_process() < 2 {
            assert!(begin.elapsed() < PATIENCE, "no flush succeeds");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Fewer answers prove little.
    fn answered_min(&self) -> u64 {
        if self.database.is_some() { 100 } else { 500 }
    }

    /// Lets everybody announce and proves nothing: for a store that takes nothing.
    pub fn announce_unflushed_for(&self, fleet: &mut Fleet<'_>, duration: Duration) {
        fleet.run(true, || thread::sleep(duration));
    }

    /// Lets everybody announce, and flushes now and then, until `scene` ends.
    pub fn announce_while<T>(&self, fleet: &mut Fleet<'_>, scene: impl FnOnce() -> T) -> T {
        fleet.run(true, || {
            thread::scope(|scope| {
                scope.spawn(|| self.clock.keep_flushing(&self.site));
                let stop = StopOnDrop(&self.clock);
                let result = scene();
                drop(stop);
                result
            })
        })
    }

    /// Lets every session announce a last time and has it flushed; returns what the totals have
    /// to be, and what they are.
    pub fn conclude(&self, fleet: &mut Fleet<'_>) -> (Totals, Totals) {
        fleet.announce_all();
        assert!(self.clock.flush(&self.site), "the last flush");
        (self.expected(fleet), self.found())
    }

    /// What the totals have to be.
    pub fn expected(&self, fleet: &Fleet<'_>) -> Totals {
        self.population.totals(fleet.each_machine())
    }

    /// What the store says.
    pub fn found(&self) -> Totals {
        from_store(self.site.store())
    }

    /// How far the totals are from what they have to be.
    pub fn difference(&self, fleet: &Fleet<'_>) -> Difference {
        match &self.database {
            None => compare(&self.expected(fleet), &self.found()),
            Some((database, tables)) => {
                tables.difference(&self.population, fleet.each_machine(), database)
            }
        }
    }

    /// Waits until the store has everything that was announced up to now.
    pub fn flush(&self) {
        self.site.admin().wait_for("a flush", |_| self.clock.flush(&self.site));
    }

    /// Every total is exact.
    pub fn assert_exact(&self, fleet: &mut Fleet<'_>, what: &str) {
        fleet.announce_all();
        self.flush();
        self.difference(fleet).assert_none(what);
        assert_eq!(self.dead_letters(), "", "rows were refused");
        let expected = self.expected(fleet);
        let bytes: u64 = expected.users.values().map(|user| user.uploaded_raw).sum();
        let is_enough = bytes > 0 && self.clock.answered() > self.answered_min();
        assert!(is_enough, "hardly anything was announced");
    }

    /// Rows that the store refused.
    pub fn dead_letters(&self) -> String {
        std::fs::read_to_string(self.site.data().join("dead-letters.jsonl")).unwrap_or_default()
    }

    /// Waits until the log says something that it did not say before.
    pub fn wait_for_log(&self, before: usize, words: &str) {
        let begin = Instant::now();
        while !self.site.log().get(before..).unwrap_or_default().contains(words) {
            let log = || self.site.log().split_off(before);
            assert!(begin.elapsed() < PATIENCE, "the log does not say {words:?}:\n{}", log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What all users together have moved, in bytes.
    pub fn bytes(&self, fleet: &Fleet<'_>) -> u64 {
        let users = self.expected(fleet).users;
        users.values().map(|user| user.uploaded_raw + user.downloaded_raw).sum()
    }

    /// No total of a user or a torrent is larger than what is due, whatever was lost.
    pub fn assert_nothing_twice(&self, fleet: &mut Fleet<'_>, what: &str) {
        let (expected, found) = self.conclude(fleet);
        for (name, is) in &found.users {
            let must = &expected.users[name];
            assert!(is.is_at_most(must), "{what}: {name} has too much:\n{is:?}\n{must:?}");
        }
        for (hash, is) in &found.torrents {
            let must = &expected.torrents[hash];
            assert!(is.amounts.is_at_most(&must.amounts), "{what}: {hash}:\n{is:?}\n{must:?}");
        }
    }

    /// All live sessions are handed out, and none that stopped.
    pub fn assert_peers(&self, fleet: &Fleet<'_>) {
        let mut probe = Probe::new(&self.site, &self.passkey);
        let expected = expected_peers(&self.population, fleet.each_machine());
        for (torrent, (there, gone)) in self.population.torrents.iter().zip(&expected) {
            let found = probe.peers(torrent).peers;
            let missing: Vec<_> = there.difference(&found).collect();
            assert!(missing.is_empty(), "peers are forgotten: {missing:?} of {torrent:?}");
            let ghosts: Vec<_> = gone.intersection(&found).collect();
            assert!(ghosts.is_empty(), "peers that stopped are handed out: {ghosts:?}");
        }
    }

    /// A process is gone, and the clock knows it.
    pub fn kill(&self, server: mika_durability::server::Server) {
        server.kill();
        self.clock.end_process();
    }

    /// SIGTERM, and the clock knows it.
    pub fn terminate(&self, server: mika_durability::server::Server) {
        let status = server.terminate();
        assert_eq!(status.code(), Some(0), "{}", self.site.log());
        self.clock.end_process();
    }

    /// The last segment of the journal.
    pub fn last_segment(&self) -> PathBuf {
        self.site.segments().pop().expect("a segment")
    }
}

/// Ends the flushing when a scene ends, also by a panic.
struct StopOnDrop<'a>(&'a Clock);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
