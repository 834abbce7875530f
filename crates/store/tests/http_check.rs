//! The conformance run finds nothing wrong with the example site, and names what is wrong with
//! sites that differ from it in one thing.
#![cfg(all(feature = "http", feature = "sqlite"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "support/site.rs"]
mod site;
#[path = "support/file.rs"]
mod support;

use mika_store::http::check::{Check, Outcome};
use mika_store::http::{HttpOptions, check};
use site::Site;

async fn run(options: &HttpOptions, write: bool) -> (bool, Vec<Check>) {
    let mut checks = Vec::new();
    let all_well =
        check::check(options, write, &mut |check: &Check| checks.push(check.clone())).await;
    (all_well.unwrap(), checks)
}

async fn seeded(site: Site) -> Site {
    site.file.seed(5, 4).await;
    site.file
        .execute(
            "UPDATE torrents SET info_hash_v2 = CAST('another hash of it  ' AS BLOB) WHERE id = 1;
             INSERT INTO client_rules VALUES ('-XX', 0, 'no');
             INSERT INTO tokens (user_id, torrent_id) VALUES (1, 1), (2, 3);
             INSERT INTO events (name, starts_at_seconds, ends_at_seconds) VALUES ('e', 1, 2);",
        )
        .await;
    site
}

fn wrong(checks: &[Check]) -> Vec<(&'static str, &str)> {
    let wrong = |check: &Check| matches!(check.outcome, Outcome::Wrong(_));
    let text = |check: &'_ Check| check.name;
    checks
        .iter()
        .filter(|check| wrong(check))
        .map(|check| match &check.outcome {
            Outcome::Wrong(what) => (text(check), what.as_str()),
            _ => (text(check), ""),
        })
        .collect()
}

#[tokio::test]
async fn the_example_site_passes_every_check() {
    let site = seeded(Site::start()).await;
    let (all_well, checks) = run(&site.options(), false).await;
    assert_eq!(wrong(&checks), []);
    assert!(all_well);
    let skipped: Vec<_> = checks
        .iter()
        .filter(|check| matches!(check.outcome, Outcome::Skipped(_)))
        .map(|check| check.name)
        .collect();
    assert_eq!(skipped, ["MessagePack says the same as JSON"]);
    // The checkpoint is not 0 any more, so that nothing is written unless that is asked for.
    let before = site.file.totals().await;
    let (all_well, checks) = run(&site.options(), false).await;
    assert!(all_well);
    assert!(checks.iter().any(|check| check.to_string().contains("use --write")));
    assert_eq!(site.file.totals().await, before);
    let (all_well, _) = run(&site.options(), true).await;
    assert!(all_well);
    assert_ne!(site.file.totals().await, before);
}

#[tokio::test]
async fn a_site_with_messagepack_passes_every_check_and_none_is_skipped() {
    let site = seeded(Site::with_message_pack()).await;
    let (all_well, checks) = run(&site.options(), false).await;
    assert!(all_well, "{checks:?}");
    assert!(checks.iter().all(|check| check.outcome == Outcome::Ok), "{checks:?}");
}

/// A site broken in one way fails the checks that are about it, and what is said names it.
async fn fails(how: &str, expected: &[(&str, &str)]) {
    let site = seeded(Site::broken(how)).await;
    let (all_well, checks) = run(&site.options(), false).await;
    assert!(!all_well, "{how}");
    let found = wrong(&checks);
    for (name, what) in expected {
        assert!(
            found.iter().any(|(check, text)| check.contains(name) && text.contains(what)),
            "{how}: {name}: {what} is not in {found:#?}"
        );
    }
    for (check, text) in found {
        assert!(
            expected.iter().any(|(name, _)| check.contains(name)),
            "{how}: {check}: {text} was not expected"
        );
        assert!(!text.contains(site::TOKEN) && !text.contains(site::SECRET), "{text}");
    }
}

macro_rules! broken_sites {
    ($($test:ident: $how:literal => [$(($name:literal, $what:literal)),* $(,)?]),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                fails($how, &[$(($name, $what)),*]).await;
            }
        )*
    };
}

broken_sites! {
    a_site_that_needs_no_token_is_told: "no-token" => [("without a token", "should be 401")],
    a_site_that_needs_no_signature_is_told: "unsigned" =>
        [("without a signature", "should be 401")],
    a_site_that_does_not_compare_signatures_is_told: "body-not-signed" => [
        ("without a signature", "should be 401"),
        ("of another body", "should be 401"),
        ("of another path", "should be 401"),
    ],
    a_site_that_takes_old_timestamps_is_told: "old-timestamps" => [
        ("old timestamp", "should be 401"),
        ("in the future", "should be 401"),
    ],
    a_site_that_finds_what_is_unknown_is_told: "unknown-is-empty" =>
        [("unknown info-hash", "should be 404")],
    a_site_whose_list_is_no_page_is_told: "wrong-form" => [
        ("rows of /api/users", "cannot be read"),
    ],
    a_site_with_bad_rows_is_told_which_and_no_passkey: "bad-rows" =>
        [("rows of /api/users", "id 2: `passkey` is missing, or no text")],
    a_site_that_ignores_the_limit_is_told: "ignores-limit" => [
        ("/api/users is complete", "though limit is 2"),
        ("/api/torrents is complete", "though limit is 2"),
    ],
    a_site_without_order_is_told: "no-order" => [
        ("/api/users is complete", "id 4 comes after id 5"),
        ("/api/torrents is complete", "id 3 comes after id 4"),
    ],
    a_site_that_skips_rows_is_told: "skips-rows" =>
        [("/api/users is complete", "in pages of 2 the first ids are 1, 2, 4, 5")],
    a_site_whose_list_has_no_end_is_told: "endless" => [
        ("rows of", "`next` is not beyond `after`"),
    ],
    a_site_that_adds_a_batch_twice_is_told: "adds-twice" =>
        [("applied once", "the result is Applied; should be Repeated")],
    a_site_that_ignores_unknown_users_is_told: "ignores-unknown" =>
        [("row that cannot be written", "the result is Applied; should be Refused")],
    a_site_that_writes_the_rest_of_a_refused_batch_is_told: "writes-the-rest" =>
        [("row that cannot be written", "should be")],
    a_site_that_forgets_the_checkpoint_is_told: "no-checkpoint" =>
        [("a batch is applied", "the checkpoint is 0; should be 1")],
    a_site_that_fails_on_what_is_no_batch_is_told: "malformed-is-500" =>
        [("not a batch", "should be 400")],
}

#[tokio::test]
async fn a_site_that_fails_is_told_at_once_and_the_token_is_not_repeated() {
    let site = Site::broken("fails");
    let (all_well, checks) = run(&site.options(), false).await;
    assert!(!all_well);
    let [check] = &checks[..] else { panic!("{checks:?}") };
    let text = check.to_string();
    assert!(text.contains("500 Internal Server Error"), "{text}");
    assert!(text.contains("out of order, Bearer …"), "{text}");
    assert!(!text.contains(site::TOKEN), "{text}");
}

#[tokio::test]
async fn nobody_at_the_address_is_told() {
    let options =
        HttpOptions { url: "http://127.0.0.1:1/site".to_owned(), ..HttpOptions::default() };
    let (all_well, checks) = run(&options, false).await;
    assert!(!all_well);
    assert!(checks[0].to_string().contains("onnect"), "{}", checks[0]);
    for url in ["", "ftp://site", "http://user:password@site", "http://site/?a=b"] {
        let options = HttpOptions { url: url.to_owned(), ..HttpOptions::default() };
        let error = check::check(&options, false, &mut |_| {}).await.unwrap_err();
        assert!(!error.to_string().contains("password@"), "{error}");
    }
}
