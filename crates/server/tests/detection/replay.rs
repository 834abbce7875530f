//! A simulated site's announces, sent again to a live server.
//!
//! `mika-sim` runs a small site with cheats, by calls of the core, and records what was announced.
//! Here each recorded line is a request over TCP, from a proxy that tells the client's address, in
//! the order and at the second in which it was made. Peers are removed, the detection thread's
//! work is done and rows are drained at the seconds at which the simulator does it.
//!
//! Then everything that the admin API tells of findings and users has to be what the simulator's
//! own detection has: numbers, times and scores included. Nothing is left out or rounded, but for
//! what a number loses on its way through JSON. Three things are set so that they can be equal:
//! the clock, the secret that orders tables and names networks, and the ids, which both count from
//! 1. The secret that decides who is put to the test is another one; nobody is, by default.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use mika_client::types::{Finding as Json, Suspect, SuspectLevel, SuspectQuery};
use mika_core::detection::{Finding, Standing};
use mika_core::{Refusal, Tracker};
use mika_sim::cheats::Cheat;
use mika_sim::detection::plan::SitePlan;
use mika_sim::detection::record;
use mika_sim::detection::run::Run;
use mika_sim::detection::site::{FEED_SECONDS, HASH_KEY, KNOWN_SECONDS, TIDY_SECONDS};
use mika_sim::tracker::{NUMWANT_MAX, START_SECONDS, info_hash, passkey_text};

use super::support::{Registered, Site};

const DAY_SECONDS: u32 = 86_400;
/// Connections that the proxy keeps open, and uses in turn.
const CONNECTIONS: usize = 4;
/// Detectors that have to find something for the comparison to be worth anything.
const DETECTORS_MIN: usize = 5;

/// A reverse proxy: all clients come over its connections.
struct Proxy {
    connections: Vec<BufReader<TcpStream>>,
    forwarded: usize,
}

impl Proxy {
    fn new(to: SocketAddr) -> Self {
        let connect = || {
            let stream = TcpStream::connect(to).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        };
        let connections = std::iter::repeat_with(connect).take(CONNECTIONS).collect();
        Self { connections, forwarded: 0 }
    }

    /// Forwards a client's request line; returns the body of the reply.
    fn forward(&mut self, address: &str, agent: &str, request: &str) -> Vec<u8> {
        let connection = &mut self.connections[self.forwarded % CONNECTIONS];
        self.forwarded += 1;
        let head = format!(
            "{request}\r\nHost: tracker.example.org\r\nUser-Agent: {agent}\r\n\
             X-Forwarded-For: {address}\r\n\r\n"
        );
        connection.get_mut().write_all(head.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), None);
        connection.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        while line != "\r\n" {
            line.clear();
            connection.read_line(&mut line).unwrap();
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = Some(value.trim().parse().unwrap());
            }
        }
        let mut body = vec![0; length.unwrap()];
        connection.read_exact(&mut body).unwrap();
        body
    }
}

/// Announces as they were recorded, and a server that gets them.
struct Replay {
    site: Site,
    proxy: Proxy,
    /// The next second at which the server is given time for itself.
    ticks_at: u32,
    refused: u64,
}

impl Replay {
    async fn new(plan: &SitePlan) -> Self {
        let registered = Registered {
            hash_key: HASH_KEY,
            since_seconds: START_SECONDS - KNOWN_SECONDS,
            passkeys: (0..plan.users).map(passkey_text).collect(),
            hashes: (0..plan.torrents).map(info_hash).collect(),
        };
        let keys = [
            ("http.trusted_proxies", "[\"127.0.0.0/8\"]"),
            ("http.client_address_header", "\"X-Forwarded-For\""),
            ("tracker.interval_seconds", &plan.interval_seconds.to_string()),
            ("tracker.peer_timeout_seconds", &(plan.interval_seconds * 7 / 3).to_string()),
            ("tracker.numwant_max", &NUMWANT_MAX.to_string()),
            ("detection.queued_max", "8192"),
        ];
        let site = Site::with(&keys, registered).await;
        let proxy = Proxy::new(site.address);
        Self { site, proxy, ticks_at: 0, refused: 0 }
    }

    fn at(&self, at_seconds: u32) {
        let clock = &self.site.clock;
        clock.advance(START_SECONDS + at_seconds - clock.now_seconds());
    }

    /// Lets the server work as often as the simulator lets its tracker, up to a second.
    fn tick_until(&mut self, end_seconds: u32) {
        while self.ticks_at < end_seconds {
            self.at(self.ticks_at);
            if self.ticks_at.is_multiple_of(TIDY_SECONDS / 3) {
                let now_seconds = self.site.clock.now_seconds();
                for part in 0..Tracker::PARTS {
                    self.site.tracker.expire(part, now_seconds);
                }
            }
            assert_eq!(self.site.step().dropped, 0);
            if self.ticks_at.is_multiple_of(TIDY_SECONDS) {
                drop(self.site.drain());
            }
            self.ticks_at += FEED_SECONDS;
        }
    }

    fn send(&mut self, line: &str) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [second, address, agent, request] = fields[..] else { panic!("{line}") };
        let second = second.parse().unwrap();
        self.tick_until(second);
        self.at(second);
        let body = self.proxy.forward(address, agent, request);
        let body = String::from_utf8_lossy(&body);
        if body.contains("14:failure reason") {
            let expected = self.site.tracker.explain(Refusal::TooManySessions).text;
            assert!(body.contains(&expected), "{line}: {body}");
            self.refused += 1;
        }
    }
}

/// A finding as the API and the core have it.
#[derive(Debug, PartialEq)]
struct Told {
    id: u64,
    at: u32,
    user_id: u32,
    torrent_id: Option<u32>,
    version: u16,
    names: [String; 5],
    window: (u32, u32),
    /// Observed, bound, llr, score before and after, gained.
    numbers: [f64; 6],
    inputs: Vec<(String, f64, String)>,
    excuses: Vec<(String, bool, f64)>,
}

/// `no_sink` and `NoSink` are the same name.
fn bare(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

/// What becomes of a number in JSON: its last digit may be another one.
fn told(number: f64) -> f64 {
    serde_json::from_str(&serde_json::to_string(&number).unwrap()).unwrap()
}

impl Told {
    fn over_http(of: &Json) -> Self {
        let input =
            |it: &mika_client::types::FindingInput| (it.name.clone(), it.value, bare(&it.unit));
        Self {
            id: of.id,
            at: of.at,
            user_id: of.user_id,
            torrent_id: of.torrent_id,
            version: of.version,
            names: [
                bare(&of.detector),
                bare(&of.family),
                bare(&of.unit),
                of.formula.clone(),
                of.says.clone(),
            ],
            window: (of.from, of.to),
            numbers: [of.observed, of.bound, of.llr, of.score_before, of.score_after, of.gained],
            inputs: of.inputs.iter().map(input).collect(),
            excuses: of.excuses.iter().map(|it| (it.name.clone(), it.applies, it.value)).collect(),
        }
    }

    fn by_call(of: &Finding) -> Self {
        let debug = |variant: &dyn std::fmt::Debug| format!("{variant:?}").to_lowercase();
        let numbers = [of.observed, of.bound, of.llr, of.score_before, of.score_after, of.gained];
        let input = |it: &mika_core::detection::Input| {
            (it.name.to_string(), told(it.value), debug(&it.unit))
        };
        let excuse =
            |it: &mika_core::detection::Excuse| (it.name.to_string(), it.applies, told(it.value));
        Self {
            id: of.id,
            at: of.at_seconds,
            user_id: of.user_id,
            torrent_id: of.torrent_id,
            version: of.version,
            names: [
                debug(&of.detector),
                debug(&of.detector.family()),
                debug(&of.unit),
                of.formula.to_string(),
                of.detector.says().to_owned(),
            ],
            window: of.window_seconds,
            numbers: numbers.map(told),
            inputs: of.inputs.iter().map(input).collect(),
            excuses: of.excuses.iter().map(excuse).collect(),
        }
    }
}

/// User, level, findings that counted, score, and the scores of the families.
type Scores = (u32, String, u32, f64, [f64; 5]);

fn scores_over_http(of: &Suspect) -> Scores {
    let it = of.families;
    let families = [it.accounting, it.experiment, it.identity, it.history, it.sharing];
    (of.user_id, of.level.name().to_owned(), of.records, of.score, families)
}

fn scores_by_call(of: &Standing) -> Scores {
    let level = format!("{:?}", of.level).to_lowercase();
    (of.user_id, level, of.records, told(of.score), of.families.map(told))
}

/// All findings, the oldest first.
async fn exported(site: &Site) -> Vec<Json> {
    let mut export = site.client.export_findings().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(part) = export.next().await.unwrap() {
        bytes.extend_from_slice(&part);
    }
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_run_sent_to_a_live_server_gives_the_findings_of_the_simulator() {
    let plan = SitePlan { users: 120, torrents: 40, days: 3, ..SitePlan::short() }.with([
        (Cheat::Rustatio, 1),
        (Cheat::RatioMasterOld, 1),
        (Cheat::RatioPy, 1),
        (Cheat::DownloadZero, 3),
        (Cheat::ResetTrick, 3),
        (Cheat::NinetyNine, 3),
        (Cheat::PasskeySharer, 3),
        (Cheat::PairUploader, 1),
        (Cheat::PairDownloader, 1),
    ]);
    let mut run = Run::new(plan.clone(), 1).unwrap();
    run.site.record = Some(Vec::new());
    run.run().unwrap();
    let recorded = run.site.record.take().unwrap();

    let mut replay = Replay::new(&plan).await;
    for (at_seconds, said) in &recorded {
        replay.send(&record::line(*at_seconds, said));
    }
    replay.tick_until(plan.days * DAY_SECONDS);

    let site = &replay.site;
    let metrics = site.metrics.render().unwrap();
    println!("{} announces, {} refused", recorded.len(), replay.refused);
    assert!(recorded.len() > 10_000 && (replay.refused as usize) < recorded.len() / 100);
    let over_http = exported(site).await;
    let direct: Vec<Told> = run.site.findings().map(Told::by_call).collect();
    for (over_http, direct) in over_http.iter().map(Told::over_http).zip(&direct) {
        assert_eq!(&over_http, direct);
    }
    assert_eq!(over_http.len(), direct.len());
    for finding in &over_http {
        let torrent = finding.torrent_id.map(|id| info_hash(id as usize - 1));
        assert_eq!(finding.info_hash, torrent);
    }
    let mut by_detector: BTreeMap<&str, u32> = BTreeMap::new();
    over_http.iter().for_each(|it| *by_detector.entry(&it.detector).or_default() += 1);
    println!("{by_detector:?}");
    assert!(by_detector.len() >= DETECTORS_MIN, "{by_detector:?}");
    for (detector, count) in by_detector {
        let line = format!("mika_detection_findings_total{{detector=\"{detector}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }

    let query = SuspectQuery {
        limit: Some(1000),
        level: Some(SuspectLevel::None),
        ..SuspectQuery::default()
    };
    let suspects = site.client.suspects(&query).await.unwrap().items;
    let now_seconds = site.clock.now_seconds();
    let direct = run.site.detection().suspects(mika_core::detection::Level::None, now_seconds);
    let direct: Vec<Scores> = direct.iter().map(scores_by_call).collect();
    assert_eq!(suspects.iter().map(scores_over_http).collect::<Vec<_>>(), direct);
    let levels: BTreeSet<&str> = direct.iter().map(|it| it.1.as_str()).collect();
    assert!(levels.contains("note") || levels.contains("review"), "{levels:?}");
}
