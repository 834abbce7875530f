use std::sync::Arc;

use arc_swap::ArcSwap;
use mika_client::types::FindingQuery;
use mika_core::Mode;
use mika_core::detection::{Observation, Probe, Signs};
use tempfile::TempDir;

use super::*;
use crate::config::DetectionMode;

const START_SECONDS: u32 = 1_800_000_000;
const GB: u64 = 1_000_000_000;

/// Detection of a tracker without announces: observations are fed by hand.
struct Fed {
    inspector: Inspector,
    clock: Clock,
    config: Arc<ArcSwap<Config>>,
    tracker: Arc<Tracker>,
    dir: TempDir,
}

impl Fed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.detection.mode = DetectionMode::Enforce;
        config.detection.strong_actions = vec!["quarantine".to_owned(), "disable".to_owned()];
        let tracker = Tracker::new(Mode::Private, crate::serve::settings_of(&config), [1; 16]);
        let (tracker, clock) = (Arc::new(tracker), Clock::test(START_SECONDS));
        let config = Arc::new(ArcSwap::from_pointee(config));
        let inspector = open(&dir, &tracker, &config, &clock);
        Self { inspector, clock, config, tracker, dir }
    }

    /// Goes on as after the end of the process.
    fn again(self) -> Self {
        let Self { clock, config, tracker, dir, .. } = self;
        Self { inspector: open(&dir, &tracker, &config, &clock), clock, config, tracker, dir }
    }

    fn seconds_of_data(&self, seconds: u64) {
        self.inspector.shared.watched.lock().seconds = seconds;
    }

    /// A user uploads into empty swarms of five torrents, in whole blocks, as no client does.
    fn make_strong(&self, user_id: u32) {
        (1..=5).for_each(|torrent_id| self.make_finding(user_id, torrent_id, 5));
    }

    fn make_finding(&self, user_id: u32, torrent_id: u32, reports: u32) {
        for report in 0..=reports {
            self.clock.advance(4000);
            let observation = Observation {
                at_seconds: self.clock.now_seconds(),
                user_id,
                torrent_id,
                gap_seconds: if report == 0 { 0 } else { 4000 },
                session: u64::from(torrent_id),
                uploaded_bytes: if report == 0 { 0 } else { 64 << 20 },
                left_before_bytes: 0,
                left_bytes: 0,
                client: *b"-TR3000-",
                signs: Signs::default().with(Signs::FIRST, report == 0),
                ..Observation::default()
            };
            let mut watched = self.inspector.shared.watched.lock();
            watched.detection.observe(&[observation]);
        }
    }

    fn level(&self, user_id: u32) -> Level {
        let watched = self.inspector.shared.watched.lock();
        let standing = watched.detection.standing(user_id, self.clock.now_seconds());
        standing.map_or(Level::None, |it| it.level)
    }

    fn step(&self) -> Vec<u32> {
        self.clock.advance(60);
        self.inspector.step(self.clock.now_seconds()).to_disable
    }
}

fn open(
    dir: &TempDir,
    tracker: &Arc<Tracker>,
    config: &Arc<ArcSwap<Config>>,
    clock: &Clock,
) -> Inspector {
    let (tracker, config) = (Arc::clone(tracker), Arc::clone(config));
    Inspector::open(dir.path(), [1; 16], tracker, config, None, clock.clone()).unwrap()
}

#[test]
fn no_account_is_closed_in_the_first_30_days_of_data_however_strong_the_evidence() {
    let fed = Fed::new();
    fed.clock.advance(86_400);
    fed.seconds_of_data(DATA_SECONDS_MIN - 1000);
    fed.make_strong(7);
    assert_eq!(fed.level(7), Level::Strong);
    assert_eq!(fed.step(), [0; 0]);
    let act = fed.inspector.shared.acts.lock().of(7);
    assert!(act.quarantine && !act.disabled, "what can be undone is done: {act:?}");
    assert!(!fed.inspector.status().may_disable);

    // After that, and with a finding of its own.
    fed.seconds_of_data(DATA_SECONDS_MIN);
    assert_eq!(fed.step(), [0; 0]);
    fed.make_finding(7, 6, 1);
    assert_eq!(fed.step(), [7]);
    assert!(fed.inspector.status().may_disable);
}

#[test]
fn time_that_was_not_watched_is_no_data() {
    let fed = Fed::new();
    fed.step();
    assert_eq!(fed.inspector.status().watched_seconds, 60);
    fed.clock.advance(90 * 86_400);
    fed.step();
    assert_eq!(fed.inspector.status().watched_seconds, 120);
    fed.inspector.save(true).unwrap();
    let fed = fed.again();
    assert_eq!(fed.inspector.status().watched_seconds, 120);
    let mut config = Config::clone(&fed.config.load());
    config.detection.mode = DetectionMode::Off;
    fed.config.store(Arc::new(config));
    fed.step();
    assert_eq!(fed.inspector.status().watched_seconds, 120);
}

#[test]
fn an_account_that_could_not_be_closed_is_tried_again_with_the_next_finding() {
    let fed = Fed::new();
    fed.clock.advance(86_400);
    fed.seconds_of_data(DATA_SECONDS_MIN);
    fed.make_strong(7);
    assert_eq!(fed.step(), [7]);
    fed.inspector.note_not_disabled(7);
    assert_eq!(fed.step(), [0; 0]);
    fed.make_finding(7, 6, 1);
    assert_eq!(fed.step(), [7]);
    fed.inspector.note_disabled(7, true).unwrap();
    fed.make_finding(7, 7, 1);
    assert_eq!(fed.step(), [0; 0]);
}

#[test]
fn what_is_decided_about_users_survives_and_a_file_that_makes_no_sense_is_set_aside() {
    let fed = Fed::new();
    fed.inspector.change_restraint(7, &warning()).unwrap();
    let fed = fed.again();
    assert!(fed.inspector.suspect(7).warning);
    let path = fed.dir.path().join("detection.acts.json");
    std::fs::write(&path, "{").unwrap();
    let fed = fed.again();
    assert!(!fed.inspector.suspect(7).warning);
    assert!(!path.exists());
    assert!(fed.dir.path().join("detection.acts.json.unusable").exists());
    fed.inspector.change_restraint(7, &warning()).unwrap();
    assert!(path.exists());
}

fn warning() -> mika_client::types::RestraintChange {
    mika_client::types::RestraintChange { warning: Some(true), ..Default::default() }
}

#[test]
fn retention_forgets_findings_and_the_file_gets_smaller() {
    let fed = Fed::new();
    fed.clock.advance(86_400);
    fed.make_strong(7);
    fed.step();
    let held = fed.inspector.status().findings_held;
    assert!(held > 3, "{held}");
    fed.inspector.save(false).unwrap();
    let bytes = bytes_in(fed.dir.path());
    let mut config = Config::clone(&fed.config.load());
    config.detection.retention_days = 3;
    fed.config.store(Arc::new(config));
    fed.clock.advance(4 * 86_400);
    fed.step();
    let kept_from = fed.clock.now_seconds() - 3 * 86_400;
    let kept = fed.inspector.findings_after(0, 1000);
    assert!(kept.len() < 3 && kept.iter().all(|it| it.at >= kept_from), "{kept:?}");
    fed.inspector.save(false).unwrap();
    assert!(bytes_in(fed.dir.path()) < bytes);
}

#[test]
fn limits_bound_what_is_held_and_what_is_written() {
    let fed = Fed::new();
    let mut config = Config::clone(&fed.config.load());
    (config.detection.users_max, config.detection.torrents_max) = (100, 100);
    config.detection.findings_max = 100;
    fed.config.store(Arc::new(config));
    fed.step();
    for number in 0..5000_u32 {
        fed.clock.advance(30);
        let observation = Observation {
            at_seconds: fed.clock.now_seconds(),
            user_id: 1 + number % 1000,
            torrent_id: 1 + number % 777,
            gap_seconds: 60,
            session: number.into(),
            uploaded_bytes: 900 * GB,
            network: number,
            ..Observation::default()
        };
        fed.inspector.shared.watched.lock().detection.observe(&[observation]);
    }
    fed.step();
    let status = fed.inspector.status();
    assert!(status.users_held <= 100 && status.torrents_held <= 100, "{status:?}");
    assert_eq!(status.findings_held, 100);
    assert!(status.users_ignored > 0 && status.torrents_ignored > 0, "{status:?}");
    fed.inspector.save(false).unwrap();
    assert!(bytes_in(fed.dir.path()) < status.bytes_max, "{status:?}");
}

#[test]
fn what_a_handshake_showed_is_a_finding_and_counted_and_a_suspect_is_asked_once() {
    let fed = Fed::new();
    fed.make_finding(7, 1, 1);
    fed.make_finding(7, 2, 1);
    let now_seconds = fed.clock.now_seconds();
    let asked = || fed.inspector.shared.watched.lock().detection.to_probe(now_seconds, 50);
    assert_eq!((asked(), asked()), (vec![7], vec![]));
    let before = fed.inspector.standings(&[7])[0];
    for probe in [Probe::Inconclusive, Probe::Silent, Probe::HandshakeOnly] {
        fed.inspector.note_probe(7, 2, probe);
    }
    let gained = fed.inspector.standings(&[7])[0] - before;
    assert!((gained - 1.0 - 4.0 / 3.0).abs() < 1e-9, "{gained}");
    let query = FindingQuery { detector: Some("handshake".to_owned()), ..FindingQuery::default() };
    let found = fed.inspector.findings(&query, Some(7)).unwrap().items;
    assert_eq!(found.iter().map(|it| it.torrent_id).collect::<Vec<_>>(), [Some(2); 2]);
    let counted: Vec<_> = fed.inspector.numbers().probes().collect();
    let expected = [("inconclusive", 1), ("handshake_only", 1), ("silent", 1), ("real", 0)];
    assert_eq!(counted, expected);
    fed.inspector.note_probe(7, 2, Probe::Real);
    let after = fed.inspector.standings(&[7])[0] - before;
    assert!((after - gained + 2.0).abs() < 1e-9, "{after}");
}
