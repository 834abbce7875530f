//! How the command line reaches a tracker.

use std::fs;

use super::support::{Tracker, mika_in};

const SOCKET: &str = "\
[http]
listen = [\"127.0.0.1:0\"]
workers = 1
[udp]
listen = []
[admin]
tcp = false
unix_socket = \"admin.sock\"
";

#[test]
fn a_unix_socket_is_reached_by_argument_and_by_variable() {
    let tracker = Tracker::start_with(SOCKET);
    let folder = tracker.folder.path();
    let run = |variables: &[(&str, &str)], arguments: &[&str]| {
        mika_in(folder, variables, &[&["client", "ping"], arguments].concat())
    };
    let by_argument = run(&[], &["--socket", "admin.sock"]);
    assert_eq!(by_argument.code, 0, "{by_argument:?}");
    assert!(by_argument.output.ends_with("answers at unix:admin.sock\n"), "{by_argument:?}");
    assert_eq!(run(&[("MIKA_SOCKET", "admin.sock")], &[]).code, 0);
    assert_eq!(run(&[("MIKA_URL", "unix:admin.sock")], &[]).code, 0);
    assert_eq!(run(&[], &["--url", "unix:admin.sock"]).code, 0);
    assert_eq!(run(&[], &["--config", "mika.toml"]).code, 0);
    assert_eq!(run(&[], &["--socket", "admin.sock", "--url", "http://127.0.0.1:1"]).code, 2);
    let missing = run(&[], &["--socket", "other.sock"]);
    assert_eq!(missing.code, 5);
    assert!(missing.errors.contains("say with --socket where its socket is"), "{missing:?}");
}

#[test]
fn a_server_with_a_certificate_of_its_own_is_believed_by_its_file() {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, other) = (path("cert.pem"), path("key.pem"), path("other.pem"));
    fs::write(&certificate, certified.cert.pem()).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let another = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    fs::write(&other, another.cert.pem()).unwrap();
    let tracker = Tracker::start_with(&format!(
        "[http]\nlisten = [\"127.0.0.1:0\"]\nworkers = 1\n[udp]\nlisten = []\n[admin]\n\
         listen = \"127.0.0.1:0\"\ncertificate_file = {certificate:?}\nkey_file = {key:?}\n"
    ));
    assert!(tracker.url.starts_with("https://"), "{}", tracker.url);
    assert_eq!(tracker.client(&["stats", "--ca-file", &certificate]).code, 0);
    let variables = [("MIKA_CA_FILE", certificate.as_str()), ("MIKA_URL", tracker.url.as_str())];
    let run = mika_in(tracker.folder.path(), &variables, &["client", "stats"]);
    assert_eq!(run.code, 0, "{run:?}");
    for arguments in [&["stats"][..], &["stats", "--ca-file", &other]] {
        let run = tracker.client(arguments);
        assert_eq!(run.code, 5, "{run:?}");
        assert!(run.errors.contains("with --ca-file"), "{run:?}");
    }
    let plain = tracker.url.replace("https://", "http://");
    let run = mika_in(tracker.folder.path(), &[], &["client", "--url", &plain, "stats"]);
    assert_eq!(run.code, 5);
    assert!(run.errors.contains("say https:// in place of http://"), "{run:?}");
    let run = tracker.client(&["stats", "--ca-file", &key]);
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("key.pem is not a PEM file with certificates"), "{run:?}");
    let run = tracker.client(&["stats", "--ca-file", "nowhere"]);
    assert!(run.errors.contains("the authority nowhere cannot be read"), "{run:?}");
}

#[test]
fn http_and_https_are_told_apart() {
    let tracker = Tracker::start();
    let https = tracker.url.replace("http://", "https://");
    let run = mika_in(tracker.folder.path(), &[], &["client", "--url", &https, "ping"]);
    assert_eq!(run.code, 5);
    assert!(run.errors.contains("say http:// in place of https://"), "{run:?}");
    let run = mika_in(tracker.folder.path(), &[], &["client", "--url", "tracker:34001", "ping"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("is not an http:// or https:// URL, nor unix:/path"), "{run:?}");
}

#[test]
fn an_argument_goes_before_a_variable() {
    let tracker = Tracker::start();
    let nobody = [("MIKA_URL", "http://127.0.0.1:1")];
    let folder = tracker.folder.path();
    assert_eq!(mika_in(folder, &nobody, &["client", "ping"]).code, 5);
    assert_eq!(mika_in(folder, &nobody, &["client", "ping", "--url", &tracker.url]).code, 0);
}

#[test]
fn a_token_with_too_little_scope_is_told_what_it_lacks() {
    let tracker = Tracker::start();
    let created = tracker.json(&["api-token", "create", "site", "--scope", "read"]);
    let token = created["token"].as_str().unwrap();
    let file = tracker.folder.path().join("site.token");
    fs::write(&file, token).unwrap();
    let with = |arguments: &[&str]| {
        let arguments = [&["client", "--url", &tracker.url], arguments].concat();
        let variables = [("MIKA_TOKEN_FILE", file.to_str().unwrap())];
        mika_in(tracker.folder.path(), &variables, &arguments)
    };
    assert_eq!(with(&["user", "list"]).code, 0);
    let run = with(&["user", "add", "alice"]);
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.errors.contains("`users:write`") && run.errors.contains("api-token create"));
    assert!(!run.errors.contains(token));
    let id = created["api_token"]["id"].to_string();
    assert_eq!(tracker.client(&["api-token", "revoke", &id]).code, 0);
    assert_eq!(with(&["user", "list"]).code, 6);
    assert_eq!(tracker.client(&["api-token", "get", &id]).code, 3);
    assert_eq!(tracker.client(&["api-token", "create", "x", "--scope", "all"]).code, 2);
}

#[test]
fn a_change_that_another_admin_made_first_is_not_overwritten() {
    let tracker = Tracker::start();
    let run = |arguments: &[&str]| tracker.client(arguments);
    assert_eq!(run(&["user", "add", "alice"]).code, 0);
    let etag = run(&["role", "get", "user", "--etag"]).output;
    let etag = etag.trim_end();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let set = |percent: &str, etag: &str| {
        run(&["role", "set", "user", "--upload-percent", percent, "--if-match", etag])
    };
    assert_eq!(set("200", etag).code, 0);
    let late = set("50", etag);
    assert_eq!(late.code, 4, "{late:?}");
    let role = run(&["role", "get", "user", "--json"]).json();
    assert_eq!(role["upload_percent"], 200);
    for record in [&["user", "get", "1"][..], &["config", "get"]] {
        let etag = run(&[record, &["--etag"]].concat());
        assert_eq!((etag.code, etag.output.len()), (0, 19), "{etag:?}");
    }
}

#[test]
fn a_user_who_is_added_twice_with_one_key_is_one_user() {
    let tracker = Tracker::start();
    let add = || tracker.client(&["user", "add", "bob", "--json", "--idempotency-key", "k-1"]);
    let (first, second) = (add().json(), add().json());
    assert_eq!(first, second);
    let users = tracker.client(&["user", "list", "--json"]).json();
    assert_eq!(users.as_array().map(Vec::len), Some(1), "{users}");
}

#[test]
fn an_error_is_json_where_the_output_would_have_been() {
    let tracker = Tracker::start();
    let run = tracker.client(&["user", "get", "nobody", "--json"]);
    assert_eq!((run.code, run.output.as_str()), (3, ""));
    let error: serde_json::Value = serde_json::from_str(&run.errors).unwrap();
    assert_eq!(error["code"], "user_not_found");
    assert_eq!((&error["status"], &error["exit_code"]), (&404.into(), &3.into()));
    assert!(error["error"].as_str().is_some_and(|text| text.contains("no user")), "{error}");
    let text = tracker.client(&["user", "get", "nobody"]);
    assert!(text.errors.starts_with("mika: "), "{text:?}");
}
