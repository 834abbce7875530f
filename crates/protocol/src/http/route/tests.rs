use super::{Route, route};
use crate::ids::Passkey;

fn announce<'a>(passkey: &str, query: &'a str) -> Route<'a> {
    Route::Announce { passkey: Passkey::new(passkey.as_bytes()), query: query.as_bytes() }
}

fn scrape<'a>(passkey: &str, query: &'a str) -> Route<'a> {
    Route::Scrape { passkey: Passkey::new(passkey.as_bytes()), query: query.as_bytes() }
}

#[test]
fn every_url_shape_is_an_announce_or_a_scrape() {
    for (target, expected) in [
        ("/announce", announce("", "")),
        ("/announce?", announce("", "")),
        ("/announce?a=b", announce("", "a=b")),
        ("/announce/?a=b", announce("", "a=b")),
        ("/PK/announce?a=b?c", announce("PK", "a=b?c")),
        ("/PK/announce/?a=b", announce("PK", "a=b")),
        ("/announce/PK?a=b", announce("PK", "a=b")),
        ("/announce/PK/?a=b", announce("PK", "a=b")),
        ("//PK//announce", announce("PK", "")),
        ("//announce", announce("", "")),
        ("/announce?x=y&passkey=PK&z", announce("PK", "x=y&passkey=PK&z")),
        ("/announce?passkey=P%4b", announce("PK", "passkey=P%4b")),
        ("/announce?passkey=&passkey=PK", announce("PK", "passkey=&passkey=PK")),
        ("/announce?passkey=", announce("", "passkey=")),
        ("/PK1/announce?passkey=PK2", announce("PK1", "passkey=PK2")),
        ("/P%2DK_/announce", announce("P-K_", "")),
        ("http://tracker.example:8080/PK/announce?a", announce("PK", "a")),
        ("HTTPS://tracker.example/announce", announce("", "")),
        ("announce", announce("", "")),
        ("/scrape", scrape("", "")),
        ("/PK/scrape?info_hash=x", scrape("PK", "info_hash=x")),
        ("/scrape/PK", scrape("PK", "")),
        ("/scrape?passkey=PK", scrape("PK", "passkey=PK")),
    ] {
        assert_eq!(route(target.as_bytes()), expected, "{target}");
    }
}

#[test]
fn a_malformed_passkey_is_told_apart() {
    let long = format!("/announce/{}", "x".repeat(65));
    for target in [
        "/P.K/announce",
        "/announce/P%20K",
        "/announce/P\u{e9}K",
        "/scrape?passkey=a/b",
        "/announce?passkey=X?info_hash=1",
        "/announce/announce.php",
        &long,
    ] {
        assert_eq!(route(target.as_bytes()), Route::InvalidPasskey, "{target}");
    }
    let longest = format!("/announce/{}", "x".repeat(64));
    assert_eq!(route(longest.as_bytes()), announce(&"x".repeat(64), ""));
}

#[test]
fn anything_else_is_something_else() {
    for target in [
        "",
        "/",
        "*",
        "?",
        "/announce.php",
        "/Announce",
        "/stats",
        "/a/b",
        "/a/b/announce",
        "/announce/PK/x",
        "http://",
        "http://announce",
        "http://announce?x=/announce",
        "tracker.example:443",
    ] {
        assert_eq!(route(target.as_bytes()), Route::Other, "{target}");
    }
}
