//! What detection is told of announces, and that nobody else notices.

use super::*;
use crate::detection::experiment::Plan;
use crate::detection::fingerprint::agent_id;
use crate::detection::{
    Detection, DetectionSettings, Detector, ExperimentSettings, Feed, Fingerprints, Observation,
    Signs,
};

const MB: u64 = 1_000_000;

fn watched(feed: Feed) -> Site {
    Site::with(Mode::Private, Settings { detection: Some(feed), ..Settings::default() })
}

fn take(site: &Site) -> (Vec<Observation>, u64) {
    let (mut all, mut part, mut dropped) = (Vec::new(), Vec::new(), 0);
    for number in 0..Tracker::PARTS {
        dropped += site.tracker.take_observations(number, &mut part);
        all.append(&mut part);
    }
    (all, dropped)
}

fn one(site: &Site) -> Observation {
    let (all, _) = take(site);
    let [observation] = all[..] else { panic!("{all:?}") };
    observation
}

#[test]
fn nothing_is_kept_while_detection_is_off() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(1).moved(5, 6));
    assert_eq!(take(&site), (Vec::new(), 0));
}

#[test]
fn an_announce_is_told_with_what_was_and_what_is() {
    let mut site = watched(Feed::default());
    let mut first = by(1).event(Event::Started);
    first.agent = Agent::from("Transmission/3.00");
    site.ok(first);
    let told = one(&site);
    assert_eq!((told.user_id, told.torrent_id, told.at_seconds), (1, 1, START));
    assert_eq!((told.left_before_bytes, told.left_bytes), (Observation::LEFT_UNKNOWN, 1000));
    assert_eq!((told.seeders, told.leechers, told.peers_given), (0, 1, 0));
    assert_eq!((told.agent, told.client), (agent_id("Transmission"), *b"-TR3000-"));
    assert_eq!(told.signs, Signs::FIRST.with(Signs::STARTED, true));
    assert_eq!(told.session, site.tracker.session_key(1, &first.request.peer_id));

    site.wait(1700);
    site.ok(by(1).moved(30, 400).left(600));
    let second = one(&site);
    assert_eq!((second.uploaded_bytes, second.downloaded_bytes), (30, 400));
    assert_eq!((second.left_before_bytes, second.left_bytes), (1000, 600));
    assert_eq!((second.gap_seconds, second.network), (1700, told.network));
    assert_eq!(second.signs, Signs::default());

    site.ok(by(1).moved(30, 5).left(0));
    assert_eq!(one(&site).signs, Signs::RESTARTED.with(Signs::FINISHED, true));
}

#[test]
fn a_seeder_who_moves_nothing_is_not_told_of() {
    let mut site = watched(Feed::default());
    site.ok(by(1).seeding());
    assert!(one(&site).signs.has(Signs::FIRST));
    site.wait(1800);
    site.ok(by(1).seeding());
    assert_eq!(take(&site), (Vec::new(), 0));
    // Unless it comes from elsewhere, moves something, or leaves.
    site.ok(by(1).seeding().from("99.1.2.3"));
    let elsewhere = one(&site);
    site.ok(by(1).seeding().from("99.1.2.77").moved(5, 0));
    let neighbour = one(&site);
    assert_eq!((elsewhere.network, neighbour.uploaded_bytes), (neighbour.network, 5));
    site.ok(by(1).seeding().stopped());
    assert!(one(&site).signs.has(Signs::STOPPED));
}

#[test]
fn a_leecher_that_times_out_is_told_of_with_what_it_lacked() {
    let mut site = watched(Feed::default());
    site.ok(by(1).left(600));
    site.ok(by(2).seeding());
    take(&site);
    let last = site.now;
    site.wait(4300);
    assert_eq!(site.expire(), 2);
    let gone = one(&site);
    assert_eq!((gone.user_id, gone.left_bytes, gone.at_seconds), (1, 600, last));
    assert_eq!(gone.signs, Signs::VANISHED);
}

#[test]
fn the_second_announce_of_a_dual_stack_client_is_told_as_one_that_moved_nothing() {
    let mut site = watched(Feed::default());
    site.ok(by(1).moved(0, 0));
    site.ok(by(1).from("2a01:4f8:1:2::3"));
    site.wait(1800);
    site.ok(by(1).moved(100, 50).left(950));
    site.ok(by(1).moved(100, 50).left(950).from("2a01:4f8:1:2::3"));
    let (all, _) = take(&site);
    let moved: Vec<u64> = all.iter().map(|it| it.uploaded_bytes).collect();
    assert_eq!(moved, [0, 0, 100, 0]);
    assert!(all[3].signs.has(Signs::V6.with(Signs::DUAL_STACK, true)));
    let sessions: Vec<u64> = all.iter().map(|it| it.session).collect();
    assert!(sessions.iter().all(|it| *it == sessions[0]));
}

#[test]
fn a_refused_client_s_report_is_told_for_it_counts() {
    let mut site = watched(Feed::default());
    site.ok(by(1).moved(0, 0));
    take(&site);
    site.tracker.put_torrent(TorrentSpec { enabled: false, ..torrent(1) }).unwrap();
    site.refused(by(1).moved(100, 0));
    let told = one(&site);
    assert_eq!((told.uploaded_bytes, told.signs), (100, Signs::REFUSED));
}

#[test]
fn b16_a_full_queue_drops_and_counts_and_the_announce_is_answered_all_the_same() {
    let mut site = watched(Feed { queued_per_shard_max: 3, ..Feed::default() });
    for uploaded in 0..10 {
        site.ok(by(1).moved(uploaded, 0));
    }
    let (all, dropped) = take(&site);
    assert_eq!((all.len(), dropped), (3, 7));
    assert_eq!(site.moved(1), (9, 0));
}

/// The same announces to two trackers, a day of them; what they answer and write has to be equal.
fn replay(mut one: Site, mut two: Site) -> Detection {
    let mut detection = detection(None);
    let mut random = fastrand::Rng::with_seed(7);
    let mut counters = [[(0u64, 0u64, 1_000 * MB); 3]; 9];
    for _ in 0..2000 {
        let seconds = random.u32(1..90);
        let (user, torrent) = (random.u32(1..=9), random.u8(1..=3));
        let (up, down, left) = &mut counters[user as usize - 1][torrent as usize - 1];
        *up += random.u64(..50) * MB;
        let moved = (random.u64(..30) * MB).min(*left);
        (*down, *left) = (*down + moved, *left - moved);
        let event = match random.u8(..20) {
            0 => Event::Stopped,
            1 => Event::Started,
            2 => Event::Completed,
            _ => Event::None,
        };
        let mut announce = by(user).on(hash(torrent)).moved(*up, *down).left(*left).event(event);
        if random.u8(..5) == 0 {
            announce = announce.from(&format!("2a01:4f8::{user}"));
        }
        for site in [&mut one, &mut two] {
            site.wait(seconds);
        }
        let answers = [one.announce(announce), two.announce(announce)];
        assert_eq!(answers[0], answers[1]);
        assert_eq!((&one.list.v4, &one.list.v6), (&two.list.v4, &two.list.v6));
        if random.u8(..40) == 0 {
            assert_eq!(one.expire(), two.expire());
            assert_eq!(sorted(one.drain()), sorted(two.drain()));
            detection.observe(&take(&two).0);
            detection.advance(two.now);
        }
    }
    assert_eq!(sorted(one.drain()), sorted(two.drain()));
    detection.observe(&take(&two).0);
    detection
}

fn sorted(mut batch: Batch) -> Batch {
    batch.sessions.sort_by_key(|it| (it.torrent_id, it.user_id, it.key));
    batch.users.sort_by_key(|it| it.user_id);
    batch.history.sort_by_key(|it| (it.torrent_id, it.user_id));
    batch.torrents.sort_by_key(|it| it.torrent_id);
    batch
}

fn detection(experiments: Option<ExperimentSettings>) -> Detection {
    let fingerprints: Fingerprints = toml::from_str(Fingerprints::DEFAULT_TOML).unwrap();
    let settings = DetectionSettings { experiments, ..DetectionSettings::default() };
    Detection::new(settings, &fingerprints, 1, START - 86_400)
}

#[test]
fn b13_replies_and_credits_are_the_same_with_detection_on_and_off() {
    let detection = replay(Site::private(), watched(Feed::default()));
    assert!(detection.counters().observations > 1000, "{:?}", detection.counters());
}

#[test]
fn b5_with_experiments_on_and_nobody_under_test_replies_are_the_same() {
    let feed = Feed { experiments: true, ..Feed::default() };
    replay(Site::private(), watched(feed));
}

#[test]
fn b5_a_plan_changes_nothing_while_experiments_are_off() {
    let site = watched(Feed::default());
    site.tracker.set_experiments(honeypot());
    replay(Site::private(), site);
}

/// Users 1 to 9 are all under test, as seeders of torrents where nobody lacks anything.
fn honeypot() -> Plan {
    let experiments = ExperimentSettings { control_one_in: 1, ..ExperimentSettings::default() };
    let mut detection = detection(Some(experiments));
    let mut site = watched(Feed { experiments: true, ..Feed::default() });
    for user in 1..=9 {
        site.ok(by(user).seeding());
    }
    detection.observe(&take(&site).0);
    assert!(detection.plan(site.now).is_empty(), "nobody has uploaded anything");
    site.wait(1800);
    for user in 1..=9 {
        site.ok(by(user).seeding().moved(MB, 0));
    }
    detection.observe(&take(&site).0);
    let plan = detection.plan(site.now);
    assert_eq!(plan.tests().count(), 9);
    plan
}

#[test]
fn b4_who_uploads_to_peers_that_do_not_exist_is_found_and_who_does_not_is_not() {
    let experiments = ExperimentSettings { control_one_in: 1, ..ExperimentSettings::default() };
    let mut detection = detection(Some(experiments));
    let mut site = watched(Feed { experiments: true, ..Feed::default() });
    site.tracker.set_experiments(honeypot());
    site.ok(by(1).seeding());
    site.ok(by(2).seeding());
    detection.observe(&take(&site).0);
    detection.plan(site.now);
    // The first answer under test comes with the next announce.
    for _ in 0..3 {
        site.wait(1800);
        let cheat = u64::from(site.now - START) * 10_000;
        let answer = site.announce(by(1).seeding().moved(cheat, 0)).unwrap();
        assert_eq!((answer.seeders, answer.leechers, site.list.len()), (2, 3, 3));
        let answer = site.announce(by(2).seeding()).unwrap();
        assert_eq!((answer.seeders, answer.leechers, site.list.len()), (2, 3, 3));
        detection.observe(&take(&site).0);
        detection.plan(site.now);
    }
    let users: Vec<u32> = detection
        .findings_after(0)
        .filter(|it| it.detector == Detector::Honeypot)
        .map(|it| it.user_id)
        .collect();
    assert!(!users.is_empty() && users.iter().all(|user| *user == 1), "{users:?}");
    // Somebody real comes, and everybody is told the truth.
    site.ok(by(3).left(500));
    let answer = site.announce(by(2).seeding()).unwrap();
    assert_eq!((answer.seeders, answer.leechers), (2, 1));
}

#[test]
fn a_scrape_tells_who_is_under_test_what_announces_tell_and_everybody_else_the_truth() {
    let mut site = watched(Feed { experiments: true, ..Feed::default() });
    site.tracker.set_experiments(honeypot());
    site.ok(by(1).seeding());
    let scraped = |site: &Site, user: Option<u32>| {
        let passkey = user.map(passkey);
        let counts = site.tracker.scrape_as(passkey.as_ref(), hash(1)).unwrap();
        (counts.seeders, counts.leechers)
    };
    let answer = site.announce(by(1).seeding()).unwrap();
    assert_eq!(scraped(&site, Some(1)), (answer.seeders, answer.leechers));
    assert_eq!(scraped(&site, Some(1)), (2, 3));
    assert_eq!(scraped(&site, None), (1, 0));
    assert_eq!(site.counts(hash(1)), (1, 0, 0));
    let other = TorrentSpec { info_hash: hash(44), ..torrent(44) };
    site.tracker.put_torrent(other).unwrap();
    assert_eq!(site.tracker.scrape_as(Some(&passkey(1)), hash(44)), site.tracker.scrape(hash(44)));
    // Somebody real comes.
    site.ok(by(3).left(500));
    assert_eq!(scraped(&site, Some(1)), (1, 1));
}

#[test]
fn a_scrape_tells_the_truth_while_experiments_are_off() {
    let mut site = watched(Feed::default());
    site.tracker.set_experiments(honeypot());
    site.ok(by(1).seeding());
    let counts = site.tracker.scrape_as(Some(&passkey(1)), hash(1)).unwrap();
    assert_eq!((counts.seeders, counts.leechers), (1, 0));
}

#[test]
fn the_place_of_a_client_is_told_in_its_first_report() {
    use crate::selection::place::{Place, PlaceId, PlaceTable, Places};

    #[derive(Debug)]
    struct Everywhere(PlaceTable);
    impl Places for Everywhere {
        fn place_of(&self, address: IpAddr) -> PlaceId {
            match address.to_string().starts_with("20.") {
                true => self.0.intern(Place::of_asn(7).at(50.03, 8.57)),
                false => PlaceId::UNKNOWN,
            }
        }

        fn table(&self) -> &PlaceTable {
            &self.0
        }
    }
    let mut site = watched(Feed::default());
    let places = std::sync::Arc::new(Everywhere(PlaceTable::default()));
    site.tracker.set_places(places.clone());
    site.ok(by(1));
    let first = one(&site);
    assert_eq!(places.table().get(PlaceId(first.place)).asn(), 7);
    site.ok(by(1).moved(5, 0));
    assert_eq!(one(&site).place, 0);
    site.ok(by(2).from("99.1.2.3"));
    assert_eq!(one(&site).place, 0);

    let mut detection = detection(None);
    detection.learn_places(&[first], places.table());
    let place = detection.place_of(first.network).unwrap();
    assert_eq!((place.latitude_centidegrees, place.longitude_centidegrees), (5003, 857));
}

#[test]
fn one_of_32_signs_of_life_is_told() {
    let mut site = watched(Feed::default());
    for user in 1..=9 {
        site.ok(by(user).on(hash(3)).seeding());
    }
    take(&site);
    let mut told = 0;
    for _ in 0..640 {
        site.wait(1024);
        for user in 1..=9 {
            site.ok(by(user).on(hash(3)).seeding());
        }
        let (all, _) = take(&site);
        assert!(all.iter().all(|it| !it.moved() && it.left_bytes == 0));
        told += all.len();
    }
    assert_eq!(told, 9 * 640 / 32);
}
