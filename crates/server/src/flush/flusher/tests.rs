use mika_core::registry::{TorrentSpec, UserSpec};
use mika_core::{Mode, PeerList, Restraint, Settings, Source};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};
use tempfile::TempDir;

use super::*;

struct Bench {
    dir: TempDir,
    tracker: Arc<Tracker>,
    status: Arc<FlushStatus>,
    flusher: Flusher,
}

fn bench(change: impl FnOnce(&mut Config)) -> Bench {
    let dir = TempDir::new().unwrap();
    let tracker = Arc::new(Tracker::new(Mode::Private, Settings::default(), [1; 16]));
    let passkey = Passkey::new(b"alice").unwrap();
    tracker.put_user(UserSpec::new(1, passkey, 1)).unwrap();
    tracker.put_torrent(TorrentSpec::new(1, InfoHash([1; 20]))).unwrap();
    let mut config = Config::default();
    change(&mut config);
    let config = Arc::new(ArcSwap::from_pointee(config));
    let status = Arc::new(FlushStatus::default());
    let (journal, _) = Journal::open(&dir.path().join("journal")).unwrap();
    let flusher = Flusher::new(
        Arc::clone(&tracker),
        Clock::test(1_700_000_000),
        config,
        Arc::clone(&status),
        journal,
        &dir.path().join("snapshot"),
        1,
    );
    Bench { dir, tracker, status, flusher }
}

impl Bench {
    fn announce(&self, uploaded: u64) {
        let request = AnnounceRequest {
            info_hash: InfoHash([1; 20]),
            peer_id: PeerId([7; 20]),
            passkey: Passkey::new(b"alice"),
            port: 6881,
            uploaded,
            downloaded: 0,
            left: 0,
            corrupt: 0,
            event: Event::None,
            paused: false,
            numwant: None,
            compact: true,
            compact_given: true,
            no_peer_id: true,
            claimed_v4: None,
            claimed_v6: None,
        };
        let source = Source::new([203, 0, 113, 1].into());
        self.tracker.announce(&request, source, 1_700_000_000, &mut PeerList::new(1)).unwrap();
    }

    /// What all batches in the journal add up to.
    fn journalled(&self) -> u64 {
        let mut reader = crate::journal::JournalReader::all(&self.dir.path().join("journal"));
        let batches = std::iter::from_fn(|| reader.next_batch().unwrap());
        batches.flat_map(|batch| batch.users).map(|row| row.traffic.uploaded_raw).sum()
    }

    /// What a process finds that starts in the directory after this one was killed.
    fn killed(&self) -> Tracker {
        let tracker = Tracker::new(Mode::Private, Settings::default(), [1; 16]);
        let snapshot = crate::snapshot::restore(&self.dir.path().join("snapshot"), &tracker);
        let after = snapshot.unwrap().map_or(0, |info| info.batch_number);
        let mut reader = crate::journal::JournalReader::all(&self.dir.path().join("journal"));
        while let Some(batch) = reader.next_batch().unwrap() {
            if batch.number > after {
                tracker.replay(&batch);
            }
        }
        tracker
    }

    /// As if the store had taken everything.
    fn store_takes_all(&self) {
        let last = self.status.last_batch_number.load(Ordering::Relaxed);
        self.status.applied_batch_number.store(last, Ordering::Relaxed);
    }
}

#[test]
fn a_journal_that_was_full_shrinks_once_the_store_is_back_and_loses_nothing() {
    let mut bench = bench(|config| {
        config.limits.journal_bytes = 1;
        config.snapshot.interval_seconds = 0;
    });
    bench.announce(0);
    bench.flusher.flush().unwrap();
    for uploaded in [100, 250, 400] {
        bench.announce(uploaded);
        assert!(matches!(
            bench.flusher.tick(),
            Err(FlushError::Journal(JournalError::Full { .. }))
        ));
        assert!(!bench.status.journal_writable.load(Ordering::Relaxed));
    }
    assert_eq!(bench.journalled(), 0);
    let held = bench.flusher.held.as_ref().unwrap().users[0].traffic.uploaded_raw;
    assert_eq!(held, 100, "what came later waits in the shards, in one entry");
    // The store takes what there is, then what was held, then what waited.
    let mut credited = 0;
    for _ in 0..3 {
        bench.store_takes_all();
        let _ = bench.flusher.tick();
        credited = credited.max(bench.journalled());
    }
    assert_eq!(credited, 400);
    bench.store_takes_all();
    bench.flusher.tick().unwrap();
    assert!(bench.status.journal_writable.load(Ordering::Relaxed));
    assert!(bench.dir.path().join("snapshot").exists());
    let (bytes, batches) = (bench.flusher.journal.bytes(), bench.journalled());
    assert!(bytes < 300 && batches == 0, "{bytes} bytes: the older segments should be gone");
}

#[test]
fn a_store_that_keeps_up_never_lets_the_journal_become_full() {
    let mut bench = bench(|config| config.limits.journal_bytes = 1);
    for uploaded in [0, 10, 30, 60] {
        bench.announce(uploaded);
        bench.flusher.tick().unwrap();
        bench.store_takes_all();
    }
    assert_eq!(bench.journalled(), 60);
}

#[test]
fn a_snapshot_needs_the_batch_of_what_was_announced_before_it_ended_and_the_journal_keeps_it() {
    let mut bench = bench(|_| ());
    bench.announce(0);
    bench.announce(100);
    bench.flusher.flush().unwrap();
    bench.announce(250);
    bench.flusher.snapshot().unwrap();
    bench.store_takes_all();
    bench.flusher.tick().unwrap();
    assert_eq!(bench.journalled(), 150, "the first batch is in the snapshot, the second is needed");
    let info = crate::snapshot::restore(&bench.dir.path().join("snapshot"), &bench.tracker);
    let info = info.unwrap().unwrap();
    assert_eq!((info.batch_number, info.needs_number), (1, 2));
    // Nothing is announced while this one is taken.
    bench.flusher.snapshot().unwrap();
    bench.flusher.tick().unwrap();
    assert_eq!(bench.journalled(), 0);
    let info = crate::snapshot::restore(&bench.dir.path().join("snapshot"), &bench.tracker);
    let info = info.unwrap().unwrap();
    assert_eq!((info.batch_number, info.needs_number, info.restored), (2, 2, 1));
}

/// Raw bytes that were reported, and what they have become: credited and withheld.
fn sums(bench: &Bench, credited: &mut u64) -> (u64, u64) {
    *credited = (*credited).max(bench.credited());
    (*credited, bench.killed().withheld(1))
}

impl Bench {
    fn credited(&self) -> u64 {
        let mut reader = crate::journal::JournalReader::all(&self.dir.path().join("journal"));
        let batches = std::iter::from_fn(|| reader.next_batch().unwrap());
        batches.flat_map(|batch| batch.users).map(|row| row.traffic.uploaded_credited).sum()
    }
}

#[test]
fn whenever_the_process_is_killed_what_is_withheld_is_what_the_journal_has_not_credited() {
    let mut bench = bench(|config| config.flush.journal_sync = crate::config::JournalSync::Os);
    let mut credited = 0;
    bench.announce(0);
    let quarantine = Restraint { quarantine: true, ..Restraint::default() };
    bench.tracker.set_restraint(1, quarantine);
    bench.announce(100);
    assert_eq!(sums(&bench, &mut credited), (0, 0), "nothing of it is on the disk");
    bench.flusher.flush().unwrap();
    assert_eq!(sums(&bench, &mut credited), (0, 100));
    bench.announce(300);
    bench.flusher.snapshot().unwrap();
    assert_eq!(sums(&bench, &mut credited), (0, 300));
    // The journal is removed; the snapshot has it.
    bench.store_takes_all();
    bench.flusher.snapshot().unwrap();
    bench.flusher.retire().unwrap();
    assert_eq!(sums(&bench, &mut credited), (0, 300));
    bench.announce(450);
    bench.tracker.release_withheld(1);
    assert_eq!(sums(&bench, &mut credited), (0, 300), "a decision alone changes nothing");
    bench.flusher.flush().unwrap();
    assert_eq!(sums(&bench, &mut credited), (450, 0));
    bench.flusher.snapshot().unwrap();
    assert_eq!(sums(&bench, &mut credited), (450, 0));
    bench.announce(500);
    bench.flusher.flush().unwrap();
    assert_eq!(sums(&bench, &mut credited), (450, 50), "it is in quarantine still");
    bench.tracker.drop_withheld(1);
    bench.flusher.flush().unwrap();
    assert_eq!(sums(&bench, &mut credited), (450, 0));
}

#[test]
fn a_batch_that_withholds_is_on_the_disk_before_a_store_hears_of_it() {
    let mut bench = bench(|config| config.flush.journal_sync = crate::config::JournalSync::Os);
    bench.announce(0);
    bench.announce(40);
    bench.flusher.flush().unwrap();
    assert!(bench.flusher.journal.has_unsynced());
    let quarantine = Restraint { quarantine: true, ..Restraint::default() };
    bench.tracker.set_restraint(1, quarantine);
    bench.announce(100);
    bench.flusher.flush().unwrap();
    assert!(!bench.flusher.journal.has_unsynced());
}
