//! What clients of sites with other contracts get, byte for byte.

use mika_core::Mode;
use mika_core::registry::{ClientRule, RoleSpec, TorrentSpec, TorrentStatus, TorrentTerms};
use mika_protocol::InfoHash;
use mika_server::config::Config;
use mika_server::listen::LiveSettings;
use mika_server::serve::settings_of;

use crate::support::*;
use crate::udp;

const PASSKEY: &str = "00000000000000000000000000000001";

fn config(overrides: &[(&str, &str)]) -> Config {
    let pairs = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Config::load(None, [], pairs).unwrap()
}

fn torrent(id: u8) -> TorrentSpec<'static> {
    TorrentSpec { snatches: 7, ..TorrentSpec::new(id.into(), InfoHash([id; 20])) }
}

fn role(enabled: bool) -> RoleSpec {
    RoleSpec { enabled, ..RoleSpec::new(0) }
}

/// Torrent `a` (97) is there, `b` is pending, `c` is deleted.
fn server_of(overrides: &[(&str, &str)]) -> Server {
    let config = config(overrides);
    let options = Options { mode: Mode::Private, ..Options::default() };
    let server = Server::http(options);
    let tracker = &server.context.tracker;
    tracker.set_settings(settings_of(&config));
    server.context.set_live(LiveSettings::of(&config));
    tracker.put_named_role(role(true), "user");
    tracker.put_torrent(torrent(b'a')).unwrap();
    let terms = TorrentTerms { status: TorrentStatus::Pending, ..TorrentTerms::default() };
    tracker.put_torrent(TorrentSpec { terms, ..torrent(b'b') }).unwrap();
    let gone = TorrentSpec { deleted: true, reason: "Dupe", ..torrent(b'c') };
    tracker.put_torrent(gone).unwrap();
    server.add_user(1, PASSKEY);
    server
}

/// An announce of the user with some parameters changed.
fn target(changes: &[(&str, &str)]) -> String {
    let mut passkey = PASSKEY;
    let mut pairs = vec![
        ("info_hash", "aaaaaaaaaaaaaaaaaaaa"),
        ("peer_id", "-qB4650-000000000001"),
        ("port", "50000"),
        ("uploaded", "0"),
        ("downloaded", "0"),
        ("left", "100"),
        ("compact", "1"),
    ];
    for (name, value) in changes {
        match pairs.iter_mut().find(|(other, _)| other == name) {
            Some(pair) => pair.1 = value,
            None if *name == "passkey" => passkey = value,
            None => pairs.push((name, value)),
        }
    }
    let kept = pairs.iter().filter(|(_, value)| *value != "-");
    let query: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
    format!("/announce/{passkey}?{}", query.join("&"))
}

fn body(server: &Server, changes: &[(&str, &str)]) -> String {
    String::from_utf8(server.client().get(&target(changes)).body).unwrap()
}

fn failure(text: &str, end: &str) -> String {
    format!("d14:failure reason{}:{text}{end}", text.len())
}

const NINETY_MINUTES: &str = "8:intervali5400e12:min intervali5400ee";

#[test]
fn unit3d_refuses_in_its_own_words_and_order() {
    let server = server_of(&[("site.preset", "unit3d")]);
    let b = "bbbbbbbbbbbbbbbbbbbb";
    let c = "cccccccccccccccccccc";
    let z = "zzzzzzzzzzzzzzzzzzzz";
    let stranger = "00000000000000000000000000000099";
    let cases: [(&[(&str, &str)], &str); 12] = [
        (&[("info_hash", "-")], "Query parameter 'info_hash' is missing."),
        (&[("peer_id", "short")], "Invalid 'peer_id'."),
        (&[("port", "x")], "Invalid 'port' (must be greater than or equal to 0)."),
        (&[("left", "x")], "Invalid 'left' (must be greater than or equal to 0)."),
        (&[("compact", "0")], "Your client does not support compact announces."),
        (&[("port", "8080")], "Illegal port: 8080. Port should be between 6881-64999."),
        (&[("passkey", "short")], "Invalid passkey."),
        (&[("passkey", "a.b")], "Invalid passkey."),
        (&[("info_hash", z), ("passkey", stranger)], "InfoHash not found."),
        (&[("info_hash", c), ("passkey", stranger)], "Torrent has been deleted."),
        (&[("passkey", stranger)], "Passkey does not exist. Please re-download the .torrent file."),
        (&[("peer_id", "-")], "Query parameter 'peer_id' is missing."),
    ];
    for (changes, text) in cases {
        assert_eq!(body(&server, changes), failure(text, NINETY_MINUTES));
    }
    let pending = "d8:completei0e10:downloadedi0e10:incompletei0e8:intervali30e\
                   12:min intervali30e5:peers0:15:warning message30:\
                   Torrent is pending moderation.e";
    assert_eq!(body(&server, &[("info_hash", b), ("passkey", stranger)]), pending);
    let stopped = "d8:completei0e10:downloadedi0e10:incompletei0e8:intervali5400e\
                   12:min intervali5400e5:peers0:15:warning message27:Stopped peer doesn't exist.e";
    assert_eq!(body(&server, &[("event", "stopped")]), stopped);
    server.context.tracker.put_named_role(role(false), "banned");
    let text = "Your account is not enabled. (Current: banned).";
    assert_eq!(body(&server, &[]), failure(text, NINETY_MINUTES));
    server.stop();
}

#[test]
fn unit3d_looks_at_the_headers() {
    let server = server_of(&[("site.preset", "unit3d")]);
    let with = |headers: &str| {
        let mut client = server.client();
        client.send(format!("GET {} HTTP/1.1\r\n{headers}\r\n", target(&[])));
        client.response().text()
    };
    let agent = |agent: &str| with(&format!("User-Agent: {agent}\r\n"));
    for header in ["accept-language: en", "Referer: x", "Accept-Charset: x", "Want-Digest: x"] {
        let text = with(&format!("User-Agent: a/1\r\n{header}\r\n"));
        assert_eq!(text, failure("Abnormal access blocked.", NINETY_MINUTES), "{header}");
    }
    assert_eq!(with(""), failure("Invalid user agent.", NINETY_MINUTES));
    let text = "The user agent of this client is too long.";
    assert_eq!(agent(&"a".repeat(65)), failure(text, NINETY_MINUTES));
    let text = "Browser, crawler or cheater is not allowed.";
    assert_eq!(agent("Mozilla/5.0"), failure(text, NINETY_MINUTES));
    let text = agent(&"a".repeat(64));
    assert!(text.starts_with("d8:completei0e10:downloadedi7e10:incompletei1e8:interval"), "{text}");
    assert!(text.ends_with("e12:min intervali1800e5:peers0:e"), "{text}");
    server.stop();
}

#[test]
fn gazelle_refuses_in_its_own_words_and_order() {
    let server = server_of(&[("site.preset", "gazelle")]);
    let rules = vec![ClientRule { prefix: b"-qB4".to_vec(), allowed: true }];
    server.context.tracker.set_client_rules(rules);
    let c = "cccccccccccccccccccc";
    let z = "zzzzzzzzzzzzzzzzzzzz";
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("passkey", "x"), ("info_hash", z), ("peer_id", "-")], "Passkey not found"),
        (&[("info_hash", z), ("compact", "-"), ("peer_id", "-")], "Unregistered torrent"),
        (&[("info_hash", c)], "Unregistered torrent: Dupe"),
        (&[("compact", "-")], "Your client does not support compact announces"),
        (&[("compact", "0")], "Your client does not support compact announces"),
        (&[("peer_id", "-")], "No peer ID"),
        (&[("peer_id", "abc")], "Invalid peer ID"),
        (&[("peer_id", "-XX4650-000000000001")], "Your client is not on the whitelist"),
        (&[("passkey", "a.b")], "Passkey not found"),
    ];
    for (changes, text) in cases {
        assert_eq!(body(&server, changes), failure(text, NINETY_MINUTES), "{changes:?}");
    }
    let text = body(&server, &[("left", "0")]);
    assert!(
        text.starts_with("d8:completei1e10:downloadedi7e10:incompletei0e8:intervali"),
        "{text}"
    );
    assert!(text.ends_with("e12:min intervali1800e5:peers0:e"), "{text}");
    server.stop();
}

#[test]
fn xbt_refuses_in_its_own_words_and_says_no_interval() {
    let server = server_of(&[("site.preset", "xbt")]);
    let z = "zzzzzzzzzzzzzzzzzzzz";
    assert_eq!(
        body(&server, &[("passkey", "x")]),
        "d14:failure reason25:unregistered torrent passe"
    );
    assert_eq!(body(&server, &[("info_hash", z)]), "d14:failure reason20:unregistered torrente");
    let text = body(&server, &[("left", "0")]);
    let end = "10:incompletei0e8:intervali1800e12:min intervali1800e5:peers0:e";
    assert!(text.ends_with(end), "{text}");
    server.stop();
}

#[test]
fn texts_and_forms_of_a_preset_can_be_replaced() {
    let server = server_of(&[
        ("site.preset", "xbt"),
        ("site.offline_text", "back at noon"),
        ("site.retry_in", "true"),
    ]);
    let expected = failure("back at noon", "8:retry ini1ee");
    assert_eq!(body(&server, &[]), expected);
    server.stop();
    let server = server_of(&[
        ("site.texts", "{ torrent_unknown = \"not here\" }"),
        ("site.warnings", "torrent_unknown"),
    ]);
    let text = body(&server, &[("info_hash", "zzzzzzzzzzzzzzzzzzzz")]);
    assert!(text.ends_with("15:warning message8:not heree"), "{text}");
    server.stop();
}

#[test]
fn what_is_a_warning_over_http_is_an_answer_without_peers_over_udp() {
    let options = Options { mode: Mode::Private, ..Options::default() };
    let server = Server::udp(options);
    let config = config(&[("site.preset", "unit3d"), ("site.agent_required", "false")]);
    let tracker = &server.context.tracker;
    tracker.set_settings(settings_of(&config));
    tracker.put_named_role(role(true), "user");
    let terms = TorrentTerms { status: TorrentStatus::Pending, ..TorrentTerms::default() };
    tracker.put_torrent(TorrentSpec { terms, ..torrent(b'a') }).unwrap();
    server.add_user(1, PASSKEY);
    let mut client = udp::Client::new(&server);
    let id = client.connect();
    // BEP 41: the URL's path.
    let path = format!("/{PASSKEY}/announce");
    let options = [&[2, u8::try_from(path.len()).unwrap()], path.as_bytes()].concat();
    client.send(&udp::announce(id, 7, 6881, &options));
    let reply = client.receive().unwrap();
    assert_eq!(reply, [[0, 0, 0, 1], [0, 0, 0, 7], [0, 0, 0, 30], [0; 4], [0; 4]].concat());
    server.stop();
}
