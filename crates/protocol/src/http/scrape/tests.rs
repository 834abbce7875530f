use super::{ScrapeError, ScrapeReply, parse_scrape};
use crate::ids::{InfoHash, Passkey};
use crate::scrape::ScrapeCounts;

#[test]
fn info_hashes_are_kept_in_order() {
    let query = b"info_hash=bbbbbbbbbbbbbbbbbbbb&x&&info_hash=%61aaaaaaaaaaaaaaaaaaa&trackerid=1";
    let passkey = Passkey::new(b"PK");
    let request = parse_scrape(query, passkey, 2).unwrap();
    assert_eq!(request.info_hashes, [InfoHash([b'b'; 20]), InfoHash([b'a'; 20])]);
    assert_eq!(request.passkey, passkey);
}

#[test]
fn a_scrape_of_nothing_or_of_too_much_is_refused() {
    let one = "info_hash=bbbbbbbbbbbbbbbbbbbb";
    let refusal = |query: &str, max| parse_scrape(query.as_bytes(), None, max).unwrap_err();
    assert_eq!(refusal("", 1), ScrapeError::MissingInfoHash);
    assert_eq!(refusal("passkey=PK", 1), ScrapeError::MissingInfoHash);
    assert_eq!(refusal(&format!("{one}&{one}"), 1), ScrapeError::TooManyHashes { max: 1 });
    assert_eq!(refusal(&format!("{one}&info_hash=b"), 9), ScrapeError::InfoHashLength);
    assert_eq!(refusal(&format!("info_hash={}", "0f".repeat(20)), 9), ScrapeError::InfoHashHex);
    assert_eq!(
        ScrapeError::TooManyHashes { max: 50 }.to_string(),
        "too many torrents in one scrape: ask for at most 50"
    );
}

#[test]
fn a_reply_is_sorted_and_names_each_torrent_once() {
    let one = ScrapeCounts { seeders: 1, snatches: 20, leechers: 300, downloaders: 299 };
    let mut files = [
        (InfoHash([b'b'; 20]), ScrapeCounts::default()),
        (InfoHash([b'a'; 20]), one),
        (InfoHash([b'b'; 20]), ScrapeCounts::default()),
    ];
    let mut out = b"head".to_vec();
    ScrapeReply { files: &mut files, min_request_interval_seconds: Some(900) }.encode(&mut out);
    assert_eq!(
        out.escape_ascii().to_string(),
        "headd5:filesd\
         20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:downloadedi20e11:downloadersi299e\
         10:incompletei300ee\
         20:bbbbbbbbbbbbbbbbbbbbd8:completei0e10:downloadedi0e11:downloadersi0e10:incompletei0ee\
         e5:flagsd20:min_request_intervali900eee"
    );
}

#[test]
fn an_empty_reply_is_a_reply() {
    let mut out = Vec::new();
    ScrapeReply { files: &mut [], min_request_interval_seconds: None }.encode(&mut out);
    assert_eq!(out, b"d5:filesdee");
}
