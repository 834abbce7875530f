//! `mika client` has a command for every route of the admin API.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::live;
use super::support::{Tracker, mika_in};

/// What happens is told from the start on, and not from the first listener on.
const NOTIFY: &str = "[notify]\nalways = true\n";
/// More than any line carries between two announces.
const TERABYTE: u64 = 1_000_000_000_000;
const HASH: &str = "0102030405060708090a0b0c0d0e0f1011121314";
/// Routes that no command reaches, each with its reason. There is none.
const EXCEPTIONS: &[&str] = &[];

/// Passes everything on to a tracker, and writes down which requests were made.
struct Recorder {
    url: String,
    requests: Arc<Mutex<BTreeSet<(String, String)>>>,
}

impl Recorder {
    fn new(tracker: &Tracker) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<BTreeSet<_>>>::default();
        let (server, seen) =
            (tracker.url.trim_start_matches("http://").to_owned(), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (server, seen) = (server.clone(), seen.clone());
                thread::spawn(move || pass_on(stream, &server, &seen));
            }
        });
        Self { url, requests }
    }
}

fn pass_on(mut client: TcpStream, server: &str, seen: &Mutex<BTreeSet<(String, String)>>) {
    let mut server = TcpStream::connect(server).unwrap();
    let (mut replies, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut replies, &mut back));
    let (mut all, mut bytes) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(length @ 1..) = client.read(&mut bytes) {
        all.extend_from_slice(&bytes[..length]);
        let text = String::from_utf8_lossy(&all);
        for line in text.lines().filter_map(|line| line.strip_suffix(" HTTP/1.1")) {
            let (before, target) = line.rsplit_once(' ').unwrap();
            // The body of the request before has no line end.
            let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
            let method = methods.into_iter().find(|method| before.ends_with(method)).unwrap();
            let path = target.split('?').next().unwrap();
            seen.lock().insert((method.to_owned(), path.to_owned()));
        }
        if server.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}

/// Method, path and operation of every route in the checked-in description.
fn documented() -> Vec<(String, String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let operation = operation["operationId"].as_str().unwrap().to_owned();
            routes.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    assert!(routes.len() > 60, "{}", routes.len());
    routes
}

/// Whether a path is one of a route, and how many of its segments the route names.
fn fits(template: &str, path: &str) -> Option<usize> {
    let (mut named, mut segments) = (0, path.split('/'));
    for expected in template.split('/') {
        let segment = segments.next()?;
        if !expected.starts_with('{') {
            if expected != segment {
                return None;
            }
            named += 1;
        }
    }
    segments.next().is_none().then_some(named)
}

/// Commands with the exit code that each has, in an order in which they work.
const COMMANDS: &[(&[&str], i32)] = &[
    (&["ping"], 0),
    (&["about"], 0),
    (&["geo", "192.0.2.1"], 0),
    (&["health"], 0),
    (&["metrics"], 0),
    (&["stats"], 0),
    (&["flush"], 0),
    (&["flush", "lag"], 0),
    (&["role", "add", "vip"], 0),
    (&["role", "list"], 0),
    (&["role", "get", "vip"], 0),
    (&["role", "set", "vip", "--immune", "true"], 0),
    (&["role", "delete", "vip"], 0),
    (&["whitelist", "add", "-TR3"], 0),
    (&["whitelist", "list"], 0),
    (&["whitelist", "get", "-TR3"], 0),
    (&["whitelist", "set", "-TR3", "--deny"], 0),
    (&["client-rule", "delete", "-TR3"], 0),
    (&["user", "list"], 0),
    (&["user", "get", "alice"], 0),
    (&["user", "set", "alice", "--immune", "none"], 0),
    (&["torrent", "list"], 0),
    (&["torrent", "get", HASH], 0),
    (&["torrent", "set", HASH, "--featured", "true"], 0),
    (&["token", "add", "alice", HASH], 0),
    (&["token", "list"], 0),
    (&["token", "get", "alice", HASH], 0),
    (&["token", "delete", "alice", HASH], 0),
    (&["event", "add", "summer", "--ends", "+7d"], 0),
    (&["event", "list"], 0),
    (&["event", "get", "summer"], 0),
    (&["event", "set", "summer", "--upload-percent", "200"], 0),
    (&["event", "delete", "summer"], 0),
    (&["session", "torrent", HASH], 0),
    (&["session", "user", "alice"], 0),
    (&["session", "address", "127.0.0.1"], 0),
    (&["swarm", "list", "--empty"], 0),
    (&["swarm", "changes"], 0),
    (&["swarm", "top", "--sort", "announces"], 0),
    (&["bulk", "upsert", "user", "users"], 0),
    (&["bulk", "upsert", "torrent", "torrents"], 0),
    (&["bulk", "upsert", "token", "tokens"], 0),
    (&["bulk", "upsert", "role", "roles"], 0),
    (&["bulk", "upsert", "client-rule", "rules"], 0),
    (&["bulk", "upsert", "event", "events"], 0),
    (&["export", "state"], 0),
    (&["import", "state"], 0),
    (&["config", "get"], 0),
    (&["config", "set", "tracker.interval_seconds=900"], 0),
    (&["config", "reload"], 0),
    (&["dead-letter", "list"], 0),
    (&["dead-letter", "retry", "none"], 1),
    (&["dead-letter", "drop", "none"], 1),
    (&["api-token", "create", "site", "--scope", "read,torrents:write"], 0),
    (&["api-token", "list"], 0),
    (&["api-token", "get", "1"], 0),
    (&["api-token", "revoke", "1"], 0),
    (&["audit"], 0),
    (&["notification", "list"], 0),
    (&["events", "follow", "--after-id", "0", "--limit", "1"], 0),
    (&["webhook", "add", "http://127.0.0.1:1/hook", "--disabled"], 0),
    (&["webhook", "list"], 0),
    (&["webhook", "get", "1"], 0),
    (&["webhook", "set", "1", "--new-secret"], 0),
    (&["webhook", "dead-letter", "list", "1"], 0),
    (&["webhook", "dead-letter", "retry", "1"], 0),
    (&["webhook", "dead-letter", "drop", "1"], 0),
    (&["webhook", "delete", "1"], 0),
    (&["trace", "list"], 0),
    (&["trace", "show", "user", "alice"], 0),
    (&["trace", "user", "alice", "--limit", "1"], 0),
    (&["trace", "stop", "user", "alice"], 0),
    (&["cheater", "status"], 0),
    (&["cheater", "list", "--level", "none"], 0),
    (&["cheater", "show", "1"], 0),
    (&["cheater", "confirm", "1", "--label", "joal"], 0),
    (&["cheater", "dismiss", "1", "--reason", "a new line"], 4),
    (&["cheaters", "export"], 0),
    (&["cheater", "suspects", "--level", "none"], 0),
    (&["cheater", "suspect", "alice"], 0),
    (&["cheater", "restrain", "alice", "--warning", "false"], 0),
    (&["cheater", "release", "alice"], 0),
    (&["cheater", "drop", "alice"], 0),
    (&["cheater", "exempt", "add", HASH], 0),
    (&["cheater", "exempt", "list"], 0),
    (&["cheater", "exempt", "delete", HASH], 0),
    (&["torrent", "delete", HASH, "--reason", "a dupe"], 0),
    (&["user", "delete", "alice"], 0),
];

const FILES: [(&str, &str); 6] = [
    ("users", "{\"name\": \"bob\"}\n"),
    ("torrents", "{\"info_hash\": \"ffffffffffffffffffffffffffffffffffffffff\"}\n"),
    ("tokens", "{\"user_id\": 1, \"info_hash\": \"0102030405060708090a0b0c0d0e0f1011121314\"}\n"),
    ("roles", "{\"name\": \"elite\"}\n"),
    ("rules", "{\"prefix\": \"-UT\"}\n"),
    ("events", "{\"name\": \"winter\", \"ends_at\": 4000000000}\n"),
];

#[test]
fn every_route_of_the_admin_api_is_reached_by_a_command() {
    let port = live::free_port();
    let tracker = Tracker::start_with(&live::config(port, NOTIFY));
    let recorder = Recorder::new(&tracker);
    for (name, text) in FILES {
        std::fs::write(tracker.folder.path().join(name), text).unwrap();
    }
    let run = |arguments: &[&str], code: i32| {
        let arguments = [&["client", "--url", &recorder.url], arguments].concat();
        let run = mika_in(tracker.folder.path(), &[], &arguments);
        assert_eq!(run.code, code, "{arguments:?}: {run:?}");
        run.output
    };
    let passkey = "alice-passkey-of-this-test";
    run(&["user", "add", "alice", "--passkey", passkey], 0);
    run(&["torrent", "add", "--info-hash", HASH], 0);
    run(&["trace", "start", "user", "alice"], 0);
    assert!(live::announce_with(port, &format!("/{passkey}"), 0).contains("8:interval"));
    // A finding, to be judged.
    assert!(live::announce_with(port, &format!("/{passkey}"), TERABYTE).contains("8:interval"));
    let shown = || tracker.client(&["cheater", "show", "1"]).code == 0;
    while !shown() {
        thread::sleep(std::time::Duration::from_millis(100));
    }
    for (arguments, code) in COMMANDS {
        run(arguments, *code);
        if *arguments == ["swarm", "changes"] {
            let answer = run(&["swarm", "changes", "--json"], 0);
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            run(&["swarm", "changes", "--since", answer["next_cursor"].as_str().unwrap()], 0);
        }
    }

    let routes = documented();
    let mut reached = BTreeSet::new();
    for (method, path) in recorder.requests.lock().iter() {
        // `/swarms/changes` is not `/swarms/{…}`: the route that names more is meant.
        let of = routes.iter().filter(|(of_route, _, _)| of_route == method);
        let best = of.filter_map(|route| Some((fits(&route.1, path)?, route))).max();
        let (_, route) = best.unwrap_or_else(|| panic!("{method} {path} is not documented"));
        reached.insert(route.2.as_str());
    }
    let all: BTreeSet<_> = routes.iter().map(|route| route.2.as_str()).collect();
    let missed: Vec<_> = all.difference(&reached).copied().collect();
    assert_eq!(missed, EXCEPTIONS);
}
