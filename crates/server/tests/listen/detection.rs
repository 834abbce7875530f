//! What detection and restraints make of requests over HTTP.

use mika_core::detection::experiment::Plan;
use mika_core::detection::{
    Detection, DetectionSettings, Detector, ExperimentSettings, Feed, Fingerprints, Observation,
    Signs,
};
use mika_core::{Mode, Restraint, Settings, Tracker};

use crate::support::*;

const NOW: u32 = 1_800_000_000;
const TARGET: &str = "/passkey1/announce?info_hash=%8e%02aaaaaaaaaaaaaaaaaa&peer_id=";
/// As uTorrent orders it.
const UTORRENT: &str = "-qB4520-abcdefghijkl&port=6881&uploaded=0&downloaded=0&left=5\
                        &key=22F3A72B&event=started&numwant=200&compact=1&no_peer_id=1";
/// As libtorrent orders it.
const LIBTORRENT: &str = "-qB4520-abcdefghijkl&port=6881&uploaded=0&downloaded=0&left=5&corrupt=0\
                          &key=22F3A72B&event=started&numwant=200&compact=1&no_peer_id=1\
                          &supportcrypto=1&redundant=0";

fn server(feed: Option<Feed>) -> Server {
    let server = Server::http(Options { mode: Mode::Private, ..Options::default() });
    let detection = feed;
    let settings = Settings { auto_register_torrents: true, detection, ..Settings::default() };
    server.context.tracker.set_settings(settings);
    for user in 1..=9 {
        server.add_user(user, &format!("passkey{user}"));
    }
    server
}

fn observed(server: &Server) -> Vec<Observation> {
    let (mut all, mut part) = (Vec::new(), Vec::new());
    for number in 0..Tracker::PARTS {
        assert_eq!(server.context.tracker.take_observations(number, &mut part), 0);
        all.append(&mut part);
    }
    all
}

fn detection(experiments: Option<ExperimentSettings>) -> Detection {
    let fingerprints: Fingerprints = toml::from_str(Fingerprints::DEFAULT_TOML).unwrap();
    let settings = DetectionSettings { experiments, ..DetectionSettings::default() };
    Detection::new(settings, &fingerprints, 1, NOW - 86_400)
}

/// The rules of [`Detector::Client`] that observations break, and the score of user 1.
fn judged(observations: &[Observation]) -> (String, f64) {
    let mut detection = detection(None);
    detection.observe(observations);
    let findings = detection.findings_after(0).filter(|it| it.detector == Detector::Client);
    let broken = findings.flat_map(|it| it.inputs.iter().filter(|input| input.value > 0.0));
    let broken: Vec<_> = broken.map(|input| input.name.to_string()).collect();
    let score = detection.standing(1, NOW).map_or(0.0, |standing| standing.score);
    (broken.join(" "), score)
}

fn send(server: &Server, target: &str, headers: &[(String, String)]) -> Response {
    let mut request = format!("GET {target} HTTP/1.1\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let mut client = server.client();
    client.send(request + "\r\n");
    client.response()
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const QBITTORRENT: [(&str, &str); 4] = [
    ("Host", "localhost"),
    ("User-Agent", "qBittorrent/4.5.2"),
    ("Accept-Encoding", "gzip"),
    ("Connection", "close"),
];

#[test]
fn b12_the_order_of_utorrent_under_the_name_of_qbittorrent_is_noted_and_makes_no_level() {
    let server = server(Some(Feed::default()));
    assert!(send(&server, &format!("{TARGET}{UTORRENT}"), &headers(&QBITTORRENT)).is_accepted());
    let told = observed(&server);
    assert_eq!(told.len(), 1);
    assert_eq!(judged(&told), ("order".to_owned(), 1.0));

    // Everything wrong at once is two nats.
    let spoof = format!("{TARGET}{UTORRENT}").replace("peer_id=-qB", "peer_id=-DE");
    let spoof = spoof.replace("%8e", "%8E").replace("22F3A72B", "2f3a72b");
    assert!(send(&server, &spoof, &headers(&QBITTORRENT)).is_accepted());
    assert_eq!(judged(&observed(&server)), ("agent order escapes key".to_owned(), 2.0));
    server.stop();
}

#[test]
fn a_request_as_qbittorrent_writes_it_breaks_no_rule() {
    let server = server(Some(Feed::default()));
    assert!(send(&server, &format!("{TARGET}{LIBTORRENT}"), &headers(&QBITTORRENT)).is_accepted());
    let told = observed(&server);
    assert!(told[0].shape != 0 && told[0].signs.has(Signs::FIRST), "{told:?}");
    assert_eq!(judged(&told), (String::new(), 0.0));
    server.stop();
}

#[test]
fn headers_in_another_order_are_noted_unless_a_proxy_wrote_them() {
    let swapped = [QBITTORRENT[1], QBITTORRENT[0], QBITTORRENT[2], QBITTORRENT[3]];
    let target = format!("{TARGET}{LIBTORRENT}");
    let server = server(Some(Feed::default()));
    assert!(send(&server, &target, &headers(&swapped)).is_accepted());
    assert_eq!(judged(&observed(&server)), ("headers".to_owned(), 0.5));
    let live = mika_server::listen::LiveSettings {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Default::default()
    };
    server.context.set_live(live);
    let other = target.replace("abcdefghijkl", "bbcdefghijkl");
    assert!(send(&server, &other, &headers(&swapped)).is_accepted());
    let told = observed(&server);
    assert!(told.iter().any(|it| it.signs.has(Signs::FIRST)));
    assert_eq!(judged(&told), (String::new(), 0.0));
    server.stop();
}

#[test]
fn requests_recorded_of_real_clients_break_no_rule() {
    let server = server(Some(Feed::default()));
    let lines = include_str!("../../../protocol/tests/data/client-requests.jsonl").lines();
    for (id, passkey) in (100..).zip(["PASSKEY1", "PASSKEY3", "PK", "PK6", "PKh", "PKn", "PKq"]) {
        server.add_user(id, passkey);
    }
    let mut families = std::collections::BTreeMap::<String, u32>::new();
    for line in lines.filter(|line| line.contains("uploaded=")) {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        // A map of JSON has no order, but the line has.
        let (_, text) = line.split_once("\"headers\": {\"").unwrap();
        let pairs = text.trim_end_matches(['"', '}']).split("\", \"");
        let pairs = pairs.map(|pair| pair.split_once("\": \"").unwrap());
        let pairs: Vec<_> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(pairs.len(), record["headers"].as_object().unwrap().len());
        let response = send(&server, record["target"].as_str().unwrap(), &pairs);
        assert!(response.is_accepted(), "{line}");
        let agent = record["headers"]["User-Agent"].as_str().unwrap_or_default();
        let family = agent.split(['/', ' ']).next().unwrap_or_default().to_owned();
        *families.entry(family).or_default() += 1;
    }
    for family in ["libtorrent", "qBittorrent", "Transmission", "aria2", "rtorrent"] {
        assert!(families.contains_key(family), "{families:?}");
    }
    let told = observed(&server);
    assert!(told.iter().filter(|it| it.shape != 0).count() >= 5, "{told:?}");
    assert_eq!(judged(&told).0, "");
    server.stop();
}

#[test]
fn nobody_looks_at_how_requests_are_written_while_detection_is_off() {
    let server = server(None);
    assert!(!server.context.tracker.is_watched());
    assert!(send(&server, &format!("{TARGET}{UTORRENT}"), &headers(&QBITTORRENT)).is_accepted());
    assert_eq!(observed(&server), []);
    server.stop();
}

#[test]
fn a_warning_is_told_to_its_user_alone_and_before_what_everybody_is_told() {
    let server = server(None);
    let restraint = Restraint { warning: Some("talk to staff".into()), quarantine: false };
    assert!(server.context.tracker.set_restraint(1, restraint));
    let live = mika_server::listen::LiveSettings {
        notice: Some("we move tomorrow".to_owned()),
        ..Default::default()
    };
    server.context.set_live(live);
    let target = format!("{TARGET}{LIBTORRENT}");
    let told = send(&server, &target, &headers(&QBITTORRENT)).text();
    assert!(told.contains("15:warning message13:talk to staff"), "{told}");
    let other = target.replace("passkey1", "passkey2");
    let told = send(&server, &other, &headers(&QBITTORRENT)).text();
    assert!(told.contains("15:warning message16:we move tomorrow"), "{told}");
    server.context.tracker.set_restraint(1, Restraint::default());
    let told = send(&server, &target, &headers(&QBITTORRENT)).text();
    assert!(told.contains("15:warning message16:we move tomorrow"), "{told}");
    server.stop();
}

/// User 1 is under test as a seeder of a torrent where nobody lacks anything.
fn plan(server: &Server) -> Plan {
    let settings = ExperimentSettings { control_one_in: 1, ..ExperimentSettings::default() };
    let mut detection = detection(Some(settings));
    let seeding = format!("{TARGET}{LIBTORRENT}").replace("left=5", "left=0");
    for uploaded in ["0", "1000000"] {
        let target = seeding.replace("uploaded=0", &format!("uploaded={uploaded}"));
        assert!(send(server, &target, &headers(&QBITTORRENT)).is_accepted());
        detection.observe(&observed(server));
        detection.plan(NOW);
    }
    detection.plan(NOW)
}

#[test]
fn who_is_under_test_scrapes_what_announces_tell_and_others_scrape_the_truth() {
    let server = server(Some(Feed { experiments: true, ..Feed::default() }));
    let plan = plan(&server);
    assert_eq!(plan.tests().count(), 1);
    server.context.tracker.set_experiments(plan);
    let seeding = format!("{TARGET}{LIBTORRENT}").replace("left=5", "left=0");
    let told = send(&server, &seeding, &headers(&QBITTORRENT)).text();
    assert!(told.contains("8:completei2e") && told.contains("10:incompletei3e"), "{told}");
    let scrape = |passkey: &str| {
        let target = format!("/{passkey}/scrape?info_hash=%8e%02aaaaaaaaaaaaaaaaaa");
        send(&server, &target, &headers(&QBITTORRENT)).text()
    };
    let tested = scrape("passkey1");
    assert!(tested.contains("10:incompletei3e") && tested.contains("8:completei2e"), "{tested}");
    let other = scrape("passkey2");
    assert!(other.contains("10:incompletei0e") && other.contains("8:completei1e"), "{other}");
    server.stop();
}
