//! What clients are told, byte for byte, by a tracker on the site's tables.

use mika_test_servers::{Database, SqlMode, fixtures, need, shared};
use tempfile::TempDir;

use super::whole::{Said, Whole, hash, passkey};
use crate::site::server as server_options;

struct Stage {
    tracker: Whole,
    _data: TempDir,
    _database: Database,
}

macro_rules! stage {
    () => {{
        let server = need!(shared(&server_options(SqlMode::Strict)));
        let database = server.create_database();
        fixtures::UNIT3D.load(&database).unwrap();
        let data = tempfile::tempdir().unwrap();
        let tracker = Whole::start(&database, data.path());
        Stage { tracker, _data: data, _database: database }
    }};
}

impl Stage {
    /// What u11 is told.
    fn says(&self, changes: &[(&str, &str)]) -> String {
        self.says_to(11, changes)
    }

    fn says_to(&self, user: u32, changes: &[(&str, &str)]) -> String {
        self.tracker.announce(&Said::by(&passkey(user), changes))
    }
}

fn failure(text: &str) -> String {
    format!("d14:failure reason{}:{text}8:intervali5400e12:min intervali5400ee", text.len())
}

fn warning(text: &str, seconds: u32) -> String {
    format!(
        "d8:completei0e10:downloadedi0e10:incompletei0e8:intervali{seconds}e\
         12:min intervali{seconds}e5:peers0:15:warning message{}:{text}e",
        text.len()
    )
}

fn is_success(answer: &str) -> bool {
    answer.starts_with("d8:completei") && !answer.contains("warning message")
}

#[test]
fn check_12_what_cannot_be_read_is_told_in_the_sites_words() {
    let stage = stage!();
    let number = |name: &str| format!("Invalid '{name}' (must be greater than or equal to 0).");
    assert_eq!(stage.says(&[("info_hash", "short")]), failure("Invalid 'info_hash'."));
    assert_eq!(stage.says(&[("peer_id", "short")]), failure("Invalid 'peer_id'."));
    for name in ["port", "uploaded", "downloaded", "left"] {
        assert_eq!(stage.says(&[(name, "x")]), failure(&number(name)), "{name}");
    }
    // left=-1 is read as "not known", as clients mean it.
    for name in ["port", "uploaded", "downloaded"] {
        assert_eq!(stage.says(&[(name, "-1")]), failure(&number(name)), "{name}");
    }
    for name in ["info_hash", "peer_id", "port", "uploaded", "downloaded", "left"] {
        let text = format!("Query parameter '{name}' is missing.");
        assert_eq!(stage.says(&[(name, "-")]), failure(&text));
    }
    let text = "Your client does not support compact announces.";
    assert_eq!(stage.says(&[("compact", "0")]), failure(text));
    for (headers, agent, text) in [
        ("Accept-Language: en\r\n", "a/1", "Abnormal access blocked."),
        ("Referer: x\r\n", "a/1", "Abnormal access blocked."),
        ("Accept-Charset: x\r\n", "a/1", "Abnormal access blocked."),
        ("Want-Digest: x\r\n", "a/1", "Abnormal access blocked."),
        ("", "", "Invalid user agent."),
    ] {
        let passkey = passkey(11);
        let said = Said { headers, agent, ..Said::by(&passkey, &[]) };
        assert_eq!(stage.tracker.announce(&said), failure(text), "{headers}");
    }
    stage.tracker.stop();
}

#[test]
fn check_12_torrents_and_users_are_judged_by_the_sites_tables() {
    let stage = stage!();
    let on = |torrent| hash(torrent);
    let unknown = failure("InfoHash not found.");
    for user in [11, 99] {
        assert_eq!(stage.says_to(user, &[("info_hash", &on(0xe7))]), unknown, "{user}");
        for (torrent, text) in [
            (104, "Torrent is pending moderation."),
            (105, "Torrent has been rejected."),
            (106, "Torrent has been postponed."),
        ] {
            let told = stage.says_to(user, &[("info_hash", &on(torrent))]);
            assert_eq!(told, warning(text, 30), "{user}");
        }
        let told = stage.says_to(user, &[("info_hash", &on(107))]);
        assert_eq!(told, failure("Torrent has been deleted."));
    }
    let said = Said::by("tooshort", &[]);
    assert_eq!(stage.tracker.announce(&said), failure("Invalid passkey."));
    let text = "Passkey does not exist. Please re-download the .torrent file.";
    assert_eq!(stage.says_to(99, &[]), failure(text));
    let text = "Your downloading privileges have been disabled.";
    assert_eq!(stage.says_to(17, &[("left", "5")]), failure(text));
    assert!(is_success(&stage.says_to(17, &[("left", "0")])));
    let text = "Your account is not enabled. (Current: banned).";
    assert_eq!(stage.says_to(14, &[]), failure(text));
    let told = stage.says(&[("event", "stopped")]);
    assert_eq!(told, warning("Stopped peer doesn't exist.", 5400));
    for number in 1..=3 {
        let peer_id = format!("-qB4650-00000000000{number}");
        // Not at the port of the one before, or it would take its place.
        let port = format!("5015{number}");
        assert!(is_success(&stage.says_to(15, &[("peer_id", &peer_id), ("port", &port)])));
    }
    let text = "You already have 3 peers on this torrent. Ignoring.";
    assert_eq!(stage.says_to(15, &[("peer_id", "-qB4650-000000000004")]), failure(text));
    let over = [("left", "9"), ("info_hash", &on(111))];
    assert!(is_success(&stage.says_to(13, &[("left", "9")])));
    let told = stage.says_to(13, &over);
    assert!(
        told.starts_with("d8:completei0e10:downloadedi0e10:incompletei0e8:intervali"),
        "{told}"
    );
    let end = "e12:min intervali1800e5:peers0:15:warning message27:Download slot limit reachede";
    assert!(told.ends_with(end), "{told}");
    // What comes too early is not told anything.
    let early = stage.says_to(13, &[("left", "9")]);
    assert!(early.starts_with("d8:completei0e10:downloadedi0e10:incompletei0e8:"), "{early}");
    assert!(early.ends_with("e12:min intervali1800e5:peers0:e"), "{early}");
    stage.tracker.stop();
}

#[test]
fn check_13_ports_programs_and_peer_ids_that_are_not_welcome_are_refused() {
    let stage = stage!();
    let client = |port: &str| {
        // A peer id for each, so that none of them is early; a stop makes room for the next.
        let peer_id = format!("-qB4650-port-{port:0>7}");
        let told = stage.says(&[("port", port), ("peer_id", &peer_id)]);
        stage.says(&[("port", port), ("peer_id", &peer_id), ("event", "stopped")]);
        told
    };
    for port in ["0", "80", "1023", "1214", "3389", "4662", "6346", "6347", "6699", "8080", "8081"]
    {
        let text = format!("Illegal port: {port}. Port should be between 6881-64999.");
        assert_eq!(client(port), failure(&text));
    }
    for port in ["1024", "65535"] {
        assert!(is_success(&client(port)), "{port}");
    }
    assert!(is_success(&stage.says(&[])));
    let gone = stage.says(&[("port", "0"), ("event", "stopped")]);
    assert!(is_success(&gone), "{gone}");
    let text = "Client is not acceptable. Please check our blacklist.";
    assert_eq!(stage.says(&[("peer_id", "-BC1000-000000000001")]), failure(text));
    let with = |agent: &str| {
        let passkey = passkey(11);
        stage.tracker.announce(&Said { agent, ..Said::by(&passkey, &[]) })
    };
    assert!(is_success(&with(&"a".repeat(64))));
    let text = "The user agent of this client is too long.";
    assert_eq!(with(&"a".repeat(65)), failure(text));
    let text = "Browser, crawler or cheater is not allowed.";
    for agent in [
        "Mozilla/5.0",
        "a browser",
        "Chrome/1",
        "Safari",
        "AppleWebKit",
        "OPERA",
        "links",
        "Lynx",
        "robot",
        "unknown",
    ] {
        assert_eq!(with(agent), failure(text), "{agent}");
    }
    stage.tracker.stop();
}

#[test]
fn check_27_parameters_without_a_value_and_values_with_an_equals_sign_are_read() {
    let stage = stage!();
    for before in ["supportcrypto", "key=ab=cd", "supportcrypto&key=ab=cd&&=&x"] {
        let told = stage.tracker.get_with(before);
        assert!(told.starts_with("d8:completei1e"), "{before}: {told}");
        assert!(is_success(&stage.says(&[("event", "stopped")])), "{before}");
    }
    stage.tracker.stop();
}
