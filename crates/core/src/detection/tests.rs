//! What detection makes of what clients report.

mod world;

use proptest::prelude::*;
use world::{Cheat, World};

use super::*;

const START: u32 = 1_800_000_000;
const HOUR: u32 = 3600;
const DAY: u32 = 86_400;
const MB: u64 = 1_000_000;
const GB: u64 = 1_000_000_000;

fn fingerprints() -> Fingerprints {
    toml::from_str(Fingerprints::DEFAULT_TOML).unwrap()
}

fn detection() -> Detection {
    // Long enough ago for everything before the test to be known.
    Detection::new(DetectionSettings::default(), &fingerprints(), 1, START - DAY)
}

/// A report of a user's only client.
fn of(user_id: u32, torrent_id: u32, minutes: u32) -> Observation {
    Observation {
        at_seconds: START + minutes * 60,
        user_id,
        torrent_id,
        gap_seconds: 1800,
        session: u64::from(user_id),
        client: *b"-TR3000-",
        network: user_id,
        seeders: 1,
        ..Observation::default()
    }
}

fn uploads(user_id: u32, torrent_id: u32, minutes: u32, uploaded_bytes: u64) -> Observation {
    Observation { uploaded_bytes, ..of(user_id, torrent_id, minutes) }
}

fn leeches(
    user_id: u32,
    torrent_id: u32,
    minutes: u32,
    (before, left): (u64, u64),
    downloaded_bytes: u64,
) -> Observation {
    Observation {
        left_before_bytes: before,
        left_bytes: left,
        downloaded_bytes,
        peers_given: 1,
        ..of(user_id, torrent_id, minutes)
    }
}

fn joins(user_id: u32, torrent_id: u32, minutes: u32, left: u64) -> Observation {
    Observation {
        gap_seconds: 0,
        left_before_bytes: Observation::LEFT_UNKNOWN,
        left_bytes: left,
        signs: Signs::FIRST.with(Signs::STARTED, true),
        ..of(user_id, torrent_id, minutes)
    }
}

fn vanishes(user_id: u32, torrent_id: u32, minutes: u32, left: u64) -> Observation {
    Observation {
        left_before_bytes: left,
        left_bytes: left,
        signs: Signs::VANISHED,
        ..of(user_id, torrent_id, minutes)
    }
}

fn all(detection: &Detection) -> Vec<&Finding> {
    detection.findings_after(0).collect()
}

fn found(detection: &Detection, detector: Detector) -> Vec<&Finding> {
    detection.findings_after(0).filter(|it| it.detector == detector).collect()
}

#[test]
fn b1_a_lone_seeder_who_uploads_is_found_and_on_a_second_torrent_it_is_a_note() {
    let mut detection = detection();
    detection.observe(&[uploads(7, 1, 120, 100 * MB)]);
    let [first] = all(&detection)[..] else { panic!("{:?}", all(&detection)) };
    assert_eq!((first.detector, first.torrent_id), (Detector::NoSink, Some(1)));
    let now = START + 120 * 60;
    assert_eq!(first.window_seconds, (now - 1800 - 1800 - 300, now));
    assert_eq!((first.observed, first.bound), (100e6, 0.0));
    assert_eq!((first.score_before, first.score_after), (0.0, first.llr.min(3.0)));
    assert_eq!(detection.standing(7, now).unwrap().level, Level::None);

    detection.observe(&[uploads(7, 2, 121, 100 * MB)]);
    let standing = detection.standing(7, now + 60).unwrap();
    assert_eq!((standing.level, standing.records), (Level::Note, 2));
}

#[test]
fn b1_upload_after_the_last_leecher_left_20_minutes_ago_is_not_found() {
    let mut detection = detection();
    let stopped =
        Observation { signs: Signs::STOPPED, ..leeches(8, 1, 100, (500 * MB, 400 * MB), 100 * MB) };
    detection.observe(&[joins(8, 1, 80, 500 * MB), stopped, uploads(7, 1, 120, 100 * MB)]);
    assert!(all(&detection).is_empty(), "{:?}", all(&detection));
    // Two hours later there is no such excuse.
    detection.observe(&[uploads(7, 1, 240, 100 * MB)]);
    assert_eq!(found(&detection, Detector::NoSink).len(), 1);
}

#[test]
fn a_live_leecher_that_misses_announces_is_an_excuse_until_it_has_timed_out() {
    let mut detection = detection();
    detection.observe(&[joins(8, 1, 0, GB), uploads(7, 1, 95, 100 * MB)]);
    assert!(all(&detection).is_empty());
    detection.observe(&[uploads(7, 1, 125, 100 * MB)]);
    assert_eq!(found(&detection, Detector::NoSink).len(), 1);
}

#[test]
fn another_session_of_the_same_user_may_receive_what_the_first_one_uploads() {
    let mut detection = detection();
    let second = Observation { session: 99, ..joins(7, 1, 100, GB) };
    detection.observe(&[second, uploads(7, 1, 120, 100 * MB)]);
    assert!(all(&detection).is_empty());
}

#[test]
fn a_new_seeder_that_may_have_leeched_is_an_excuse_that_is_told() {
    let mut detection = detection();
    detection.observe(&[joins(8, 1, 100, 0), uploads(7, 1, 120, 100 * MB)]);
    let [finding] = all(&detection)[..] else { panic!() };
    assert_eq!(finding.llr, 0.5);
    assert_eq!(finding.excused_by("new seeder that may have leeched"), Some(true));
    assert_eq!(finding.excused_by("client restarted"), Some(false));
}

#[test]
fn what_other_trackers_have_too_is_not_judged() {
    let mut detection = detection();
    detection.set_exempt(1, true);
    detection.observe(&[uploads(7, 1, 120, 100 * MB)]);
    assert!(all(&detection).is_empty());
    detection.set_exempt(1, false);
    detection.observe(&[uploads(7, 1, 240, 100 * MB)]);
    assert_eq!(all(&detection).len(), 1);
}

#[test]
fn b16_lost_observations_are_counted_and_what_they_may_concern_is_not_judged() {
    let mut detection = detection();
    detection.note_dropped(3, START + 110 * 60);
    detection.observe(&[uploads(7, 1, 120, 100 * MB)]);
    assert!(all(&detection).is_empty());
    assert_eq!(detection.counters().dropped, 3);
    detection.observe(&[uploads(7, 1, 300, 100 * MB)]);
    assert_eq!(all(&detection).len(), 1);
}

/// A leecher takes 1 GB from user 7, who says to have uploaded `said`.
fn epoch(detection: &mut Detection, torrent_id: u32, minutes: u32, said: u64) {
    epoch_of(detection, 7, torrent_id, minutes, said);
}

fn epoch_of(detection: &mut Detection, seeder: u32, torrent_id: u32, minutes: u32, said: u64) {
    let leecher = 1000 + torrent_id;
    detection.observe(&[
        joins(leecher, torrent_id, minutes, GB),
        leeches(leecher, torrent_id, minutes + 30, (GB, GB / 2), GB / 2),
        uploads(seeder, torrent_id, minutes + 40, said),
        Observation {
            signs: Signs::FINISHED,
            ..leeches(leecher, torrent_id, minutes + 60, (GB / 2, 0), GB / 2)
        },
    ]);
    detection.advance(START + (minutes + 240) * 60);
}

#[test]
fn books_that_balance_accuse_nobody() {
    let mut detection = detection();
    for torrent in 1..=50 {
        epoch(&mut detection, torrent, torrent * 300, GB);
    }
    assert_eq!(detection.counters().epochs, 50);
    assert!(all(&detection).is_empty(), "{:?}", all(&detection));
}

#[test]
fn a_multiplier_is_found_by_books_that_do_not_balance_and_each_finding_can_be_recomputed() {
    let mut detection = detection();
    for torrent in 1..=30 {
        epoch(&mut detection, torrent, torrent * 300, GB + 500 * MB);
    }
    let now = START + 40 * 300 * 60;
    detection.advance(now);
    assert!(detection.standing(7, now).unwrap().level >= Level::Review);
    let found = found(&detection, Detector::Conservation);
    assert!(found.len() >= 3, "{}", found.len());
    for finding in found {
        assert_eq!(finding.user_id, 7);
        recompute(finding);
    }
}

/// By the words of the formula, and nothing but the finding.
fn recompute(finding: &Finding) {
    let get = |name| finding.input(name).unwrap();
    let r = get("uploaded") - get("downloaded") - get("discarded");
    let moved = get("uploaded") + get("downloaded");
    let sigma = 10e6 + get("noise") * moved + 0.4 * get("pending") + get("soft");
    let y = r - get("pending") / 2.0 - get("usual") * moved;
    let r0 = (y - get("others without")) / sigma;
    let r1 = (y - get("others with") - get("fraction") * get("amount")) / sigma;
    let loss = |r: f64| {
        let size = r.abs();
        if size <= 3.0 { size * size / 2.0 } else { 3.0 * (size - 1.5) }
    };
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0);
    assert!(near(finding.observed, r), "{finding:?}");
    assert!(near(finding.bound, get("pending") + 3.0 * sigma), "{finding:?}");
    assert!(near(get("sigma"), sigma) && near(get("r0"), r0) && near(get("r1"), r1));
    let alone = r1 + get("fraction") * get("amount") / sigma;
    assert!(near(finding.llr, loss(r0).min(loss(alone)) - loss(r1)), "{finding:?}");
    let gained = finding.score_after - finding.score_before;
    assert!(near(gained, finding.gained) && gained <= finding.llr.min(3.0) + 1e-9);
}

#[test]
fn b8_a_leecher_killed_at_60_percent_does_not_accuse_the_seeder() {
    let mut detection = detection();
    for torrent in 1..=30 {
        let minutes = torrent * 300;
        let leecher = 1000 + torrent;
        detection.observe(&[
            joins(leecher, torrent, minutes, GB),
            leeches(leecher, torrent, minutes + 30, (GB, 600 * MB), 400 * MB),
            uploads(7, torrent, minutes + 50, 600 * MB),
            vanishes(leecher, torrent, minutes + 30, 600 * MB),
        ]);
        detection.advance(START + (minutes + 240) * 60);
    }
    detection.advance(START + 40 * 300 * 60);
    assert_eq!(detection.counters().epochs, 30);
    assert!(all(&detection).is_empty(), "{:?}", all(&detection));
}

#[test]
fn b7_a_cross_seeder_who_rechecks_twenty_torrents_is_never_flagged() {
    let mut detection = detection();
    for torrent in 1..=20 {
        epoch(&mut detection, torrent, torrent * 300, GB);
        let minutes = torrent * 300 + 10;
        detection.observe(&[
            joins(9, torrent, minutes, GB),
            Observation { signs: Signs::FINISHED, ..leeches(9, torrent, minutes + 30, (GB, 0), 0) },
            uploads(7, torrent, minutes + 35, 10 * MB),
            leeches(9, torrent, minutes + 36, (10 * MB, 0), 10 * MB),
        ]);
        detection.advance(START + (minutes + 250) * 60);
    }
    detection.advance(START + 40 * 300 * 60);
    assert!(all(&detection).is_empty(), "{:?}", all(&detection));
}

#[test]
fn b7_who_reports_no_downloads_is_found_by_what_the_seeders_uploaded() {
    let mut detection = detection();
    for torrent in 1..=30 {
        let minutes = torrent * 300;
        let seeder = 100 + torrent % 10;
        // It serves others, too: nothing else tells its word from that of the leecher.
        epoch_of(&mut detection, seeder, torrent + 500, minutes, GB);
        detection.observe(&[
            joins(9, torrent, minutes, GB),
            leeches(9, torrent, minutes + 30, (GB, GB), 0),
            uploads(seeder, torrent, minutes + 40, 700 * MB),
            leeches(9, torrent, minutes + 60, (GB, GB), 0),
            uploads(seeder, torrent, minutes + 70, 300 * MB),
            leeches(9, torrent, minutes + 90, (GB, GB), 0),
            leeches(9, torrent, minutes + 120, (GB, GB), 0),
        ]);
        detection.advance(START + (minutes + 295) * 60);
    }
    let now = START + 40 * 300 * 60;
    detection.advance(now);
    let ledger = found(&detection, Detector::Ledger);
    assert!(ledger.len() >= 3, "{:?}", all(&detection));
    assert!(ledger.iter().all(|it| it.user_id == 9 && it.input("frozen") >= Some(4.0)));
    ledger.into_iter().for_each(recompute);
    assert!(detection.standing(9, now).unwrap().level >= Level::Review);
    assert_eq!(detection.suspects(Level::Note, now).len(), 1, "no seeder is accused");
}

#[test]
fn b9_a_seedbox_that_joins_is_asked_about_and_nothing_more() {
    let mut detection = detection();
    let report = |number: u32, rate: u64| Observation {
        gap_seconds: 1800,
        uploaded_bytes: rate * 1800,
        ..of(7, 1, number * 30)
    };
    detection.set_exempt(1, true);
    for number in 0..300 {
        let rate = MB + u64::from(number * 7919 % 100) * MB / 100;
        detection.observe(&[report(number, rate)]);
    }
    for number in 300..500 {
        let rate = 50 * MB + u64::from(number * 7919 % 100) * MB / 2;
        detection.observe(&[report(number, rate)]);
    }
    let [finding] = all(&detection)[..] else { panic!("{:?}", all(&detection)) };
    assert_eq!(finding.detector, Detector::History);
    assert!(finding.detector.says().contains("seedbox?"));
    let standing = detection.standing(7, finding.at_seconds).unwrap();
    assert_eq!((standing.score, standing.level), (1.0, Level::None));
}

#[test]
fn b14_a_dismissed_finding_takes_its_score_back_and_keeps_the_reason() {
    let mut detection = detection();
    detection.observe(&[uploads(7, 1, 120, 100 * MB), uploads(7, 2, 120, 100 * MB)]);
    let now = START + 120 * 60;
    let before = detection.standing(7, now).unwrap().score;
    assert!((before - 6.0).abs() < 1e-9, "{before}");
    let standing = detection.dismiss(1, "asked, it was a LAN party", now).unwrap();
    assert!((standing.score - 3.0).abs() < 1e-9, "{standing:?}");
    let reason = String::from("asked, it was a LAN party");
    let verdict = Verdict::Dismissed { reason, at_seconds: now };
    assert_eq!(detection.finding(1).unwrap().verdict, verdict);
    assert_eq!(detection.dismiss(1, "again", now), Err(FindingUnknown));
    assert_eq!(detection.dismiss(99, "none", now), Err(FindingUnknown));
    let standing = detection.confirm(2, "rustatio", now).unwrap();
    assert!((standing.score - 5.0).abs() < 1e-9, "{standing:?}");
    let precision = detection.precision().iter().find(|it| it.detector == Detector::NoSink);
    let precision = precision.unwrap();
    assert_eq!((precision.findings, precision.dismissed, precision.confirmed), (2, 1, 1));
}

#[test]
fn b15_scores_findings_and_open_books_survive_a_restart() {
    let mut world = World::new(5, &[Cheat::Joal, Cheat::Honest]);
    let mut detection = detection();
    world.run(&mut detection, 40 * HOUR);
    let bytes = postcard::to_allocvec(detection.state()).unwrap();
    let state: State = postcard::from_bytes(&bytes).unwrap();
    assert_eq!((&state, state.version()), (detection.state(), State::VERSION));
    let settings = DetectionSettings::default();
    let mut second = Detection::resume(settings, &fingerprints(), state, true, world.now_seconds());
    let mut copy = world.clone();
    world.run(&mut detection, 30 * HOUR);
    copy.run(&mut second, 30 * HOUR);
    let now = world.now_seconds();
    assert!(!all(&detection).is_empty());
    assert_eq!(all(&detection).len(), all(&second).len());
    for user_id in 0..300 {
        let score = |of: &Detection| of.standing(user_id, now).map_or(0.0, |it| it.score);
        assert!((score(&detection) - score(&second)).abs() < 1e-3, "user {user_id}");
    }
}

#[test]
fn after_a_crash_books_that_were_open_are_not_judged() {
    let mut detection = detection();
    detection.observe(&[joins(8, 1, 0, GB), uploads(7, 1, 20, 900 * MB)]);
    let state = detection.state().clone();
    let settings = DetectionSettings::default();
    let crashed_seconds = START + 30 * 60;
    let mut second = Detection::resume(settings, &fingerprints(), state, false, crashed_seconds);
    second.advance(START + 300 * 60);
    assert_eq!((second.counters().epochs, second.counters().epochs_void), (0, 1));
}

#[test]
fn b3_joal_as_it_is_shipped_is_up_for_review_within_72_hours_and_nobody_else_is() {
    let mut world = World::new(1, &[Cheat::Joal]);
    let mut detection = detection();
    world.run(&mut detection, 72 * HOUR);
    let now = world.now_seconds();
    let suspects = detection.suspects(Level::Note, now);
    assert_eq!(suspects.len(), 1, "{suspects:?}");
    assert_eq!(suspects[0].user_id, world.cheat(0));
    assert!(suspects[0].level >= Level::Review, "{suspects:?}");
    let books = found(&detection, Detector::Conservation);
    assert!(!books.is_empty());
    for finding in books {
        assert_eq!(finding.user_id, world.cheat(0));
        recompute(finding);
    }
}

#[test]
fn honest_users_of_a_noisy_world_have_no_level_after_a_week() {
    for seed in 10..12 {
        let mut world = World::new(seed, &[]);
        let mut detection = detection();
        world.run(&mut detection, 7 * DAY);
        let noted = detection.suspects(Level::Note, world.now_seconds());
        assert!(noted.is_empty(), "seed {seed}: {noted:?}\n{:?}", all(&detection));
        assert!(detection.counters().epochs > 100, "{:?}", detection.counters());
    }
}

#[test]
fn multipliers_and_silent_downloaders_are_found_among_honest_users() {
    let mut world = World::new(3, &[Cheat::Multiplier, Cheat::SilentDownload]);
    let mut detection = detection();
    world.run(&mut detection, 7 * DAY);
    let now = world.now_seconds();
    let mut found: Vec<u32> =
        detection.suspects(Level::Review, now).iter().map(|it| it.user_id).collect();
    found.sort();
    assert_eq!(
        found,
        [world.cheat(0), world.cheat(1)],
        "{:?}",
        detection.suspects(Level::Note, now)
    );
}

#[test]
fn t6_the_only_seeder_whom_three_leechers_get_nothing_from_is_noted_if_they_get_it_elsewhere() {
    let mut stalled = Vec::new();
    for elsewhere in [true, false] {
        let mut detection = detection();
        detection.observe(&[joins(7, 1, 0, 0)]);
        for leecher in 1..=3 {
            detection.observe(&[joins(leecher, 1, 1, GB)]);
        }
        for minutes in (30..=240).step_by(30) {
            for leecher in 1..=3 {
                let moved = if elsewhere { 10 * MB } else { 0 };
                detection.observe(&[
                    leeches(leecher, 2, minutes, (5 * GB, 5 * GB - moved), moved),
                    leeches(leecher, 1, minutes, (GB, GB), 0),
                ]);
            }
        }
        stalled.push(found(&detection, Detector::Stall).iter().map(|it| it.user_id).collect());
        let score = detection.standing(7, START).unwrap().score;
        assert!(score <= 0.61, "advice, not evidence: {score}");
    }
    let [with, without]: [Vec<u32>; 2] = stalled.try_into().unwrap();
    assert!(!with.is_empty() && with.iter().all(|id| *id == 7), "{with:?}");
    assert!(without.is_empty());
}

#[test]
fn what_detection_takes_at_most_follows_from_its_limits() {
    let settings = DetectionSettings::default();
    let bytes = settings.bytes_max();
    assert!((200_000_000..700_000_000).contains(&bytes), "{bytes}");
    let more = DetectionSettings { users_max: 2 * settings.users_max, ..settings };
    assert!(more.bytes_max() > bytes + 200_000 * 500);
    assert_eq!(Feed::default().bytes_max(), 256 * 2 * 96 * 1025);
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let bytes = || prop_oneof![Just(0u64), Just(u64::MAX), 0u64..1 << 50, 0u64..1 << 20];
    let left = || prop_oneof![Just(0u64), Just(Observation::LEFT_UNKNOWN), 0u64..1 << 40];
    let seconds = prop_oneof![START..START + 9 * DAY, any::<u32>()];
    let places = (seconds, 0u32..6, 0u32..5, 0u32..20_000, 0u64..9);
    let moved = (bytes(), bytes(), bytes(), left(), left());
    let rest = (any::<[u8; 8]>(), 0u32..9, 0u16..4, 0u16..4, any::<u32>(), 0u16..8192);
    (places, moved, rest).prop_map(|(places, moved, rest)| {
        let (at_seconds, user_id, torrent_id, gap_seconds, session) = places;
        let (uploaded_bytes, downloaded_bytes, corrupt_bytes, before, left_bytes) = moved;
        let (client, network, seeders, leechers, agent, signs) = rest;
        let bits = (0..13).filter(|bit| signs >> bit & 1 == 1);
        let all = [
            Signs::FIRST,
            Signs::STARTED,
            Signs::STOPPED,
            Signs::COMPLETED,
            Signs::FINISHED,
            Signs::VANISHED,
            Signs::RESTARTED,
            Signs::RESTORED,
            Signs::V6,
            Signs::DUAL_STACK,
            Signs::PAUSED,
            Signs::REFUSED,
            Signs::TESTED,
        ];
        Observation {
            at_seconds,
            user_id,
            torrent_id,
            gap_seconds,
            session,
            uploaded_bytes,
            downloaded_bytes,
            corrupt_bytes,
            left_before_bytes: before,
            left_bytes,
            client,
            network,
            place: network,
            seeders,
            leechers,
            agent,
            shape: agent,
            peers_given: signs,
            signs: bits.fold(Signs::default(), |signs, bit| signs.with(all[bit], true)),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn nothing_that_is_observed_makes_it_panic_or_grow_beyond_its_limits(
        observations in proptest::collection::vec(any_observation(), 0..400),
        advances in proptest::collection::vec(any::<u32>(), 1..5),
    ) {
        let settings = DetectionSettings {
            users_max: 4,
            books_max: 3,
            entries_max: 8,
            entries_per_book_max: 4,
            closed_max: 3,
            shares_max: 6,
            findings_max: 20,
            experiments: Some(ExperimentSettings { users_max: 2, ..Default::default() }),
            ..DetectionSettings::default()
        };
        let mut detection = Detection::new(settings, &fingerprints(), 1, START);
        for (number, part) in observations.chunks(90).enumerate() {
            detection.observe(part);
            detection.advance(advances[number % advances.len()]);
            detection.plan(START);
            let [users, books, closed, findings] = detection.held();
            prop_assert!(users <= 4 && books <= 3 && closed <= 3 && findings <= 20);
            let entries: usize = detection.state.books.values().map(|it| it.entries()).sum();
            prop_assert_eq!(entries, detection.state.entries);
            prop_assert!(entries <= 8 + 4);
            for finding in detection.findings_after(0) {
                prop_assert!(finding.score_after.is_finite() && finding.llr.is_finite());
            }
        }
        let bytes = postcard::to_allocvec(detection.state()).unwrap();
        let state: State = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&state, detection.state());
    }
}

#[test]
fn what_half_of_a_site_s_users_show_weighs_nothing_and_the_finding_says_why() {
    let mut detection = detection();
    let day = 8 * 24 * 60;
    let all_users: Vec<u32> = (1..=300).collect();
    let known: Vec<_> = all_users.iter().map(|id| joins(*id, *id, 0, 0)).collect();
    detection.observe(&known);
    for id in &all_users {
        detection.observe(&[uploads(*id, *id, day, 100 * MB)]);
    }
    let found = found(&detection, Detector::NoSink);
    assert_eq!(found.len(), 300);
    let (first, last) = (found[0], found[299]);
    assert_eq!((first.llr, first.excused_by("usual on this site")), (3.0, None));
    let (share, shown) = (last.input("share of users").unwrap(), 0.5);
    assert_eq!((share, last.input("share of cheats")), (300.0 / 301.0, Some(shown)));
    assert_eq!(last.llr, (shown / share).ln().max(0.0));
    assert_eq!((last.llr, last.gained, last.input("llr before")), (0.0, 0.0, Some(3.0)));
    assert_eq!(last.excused_by("usual on this site"), Some(true));
    assert!(
        last.formula
            .ends_with("llr = min(llr before, ln(share of cheats / max(share of users, 1e-5)))")
    );
}

#[test]
fn a_suspect_s_upload_is_compared_with_the_formula_of_joal_and_nobody_else_s_is() {
    let mut detection = detection();
    let mut random = fastrand::Rng::with_seed(5);
    // Two findings make a suspect.
    detection.observe(&[uploads(7, 1, 120, 100 * MB), uploads(7, 2, 121, 100 * MB)]);
    let mut told = [(0_u16, 0_u16); 12];
    for round in 0..12_u32 {
        for (torrent, told) in (10..).zip(told.iter_mut()) {
            let (seeders, leechers) = (f64::from(told.0), f64::from(told.1));
            let all = (seeders + leechers - 1.0).max(1.0);
            let speed = 100e3 * leechers.powi(3) / (all * all);
            let uploaded_bytes = if round == 0 { 0 } else { (speed * 1800.0) as u64 };
            *told = (random.u16(1..40), random.u16(1..30));
            let (seeders, leechers) = *told;
            let minutes = 200 + round * 30;
            // Somebody who may have received it.
            detection.observe(&[leeches(9, torrent, minutes, (GB, GB), 0)]);
            for user in [7, 8] {
                let of = uploads(user, torrent, minutes, uploaded_bytes);
                detection.observe(&[Observation { seeders, leechers, peers_given: 9, ..of }]);
            }
        }
    }
    let found: Vec<u32> = found(&detection, Detector::Model).iter().map(|it| it.user_id).collect();
    assert!(!found.is_empty() && found.iter().all(|user| *user == 7), "{found:?}");
}
