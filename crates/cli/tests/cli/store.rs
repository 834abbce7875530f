//! `mika store check-http` against the example site.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::support::{Tracker, mika, mika_in};

const TOKEN: &str = "the-token-of-this-test";

struct Site {
    folder: TempDir,
    url: String,
    process: Child,
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/http-store");
        let mut process = Command::new("python3")
            .arg(example.join("site.py"))
            .args(["--port", "0", "--token", TOKEN, "--secret", "secret", "--db"])
            .arg(folder.path().join("site.db"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 has to be there");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { folder, url, process }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_site_that_does_everything_passes() {
    let site = Site::start();
    let variables = [("MIKA__STORE_HTTP__TOKEN", TOKEN), ("MIKA__STORE_HTTP__SECRET", "secret")];
    let run = mika_in(Path::new("."), &variables, &["store", "check-http", &site.url]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""), "{run:?}");
    assert!(run.output.starts_with("ok    GET /api/checkpoint"), "{}", run.output);
    assert!(run.output.contains("\nnothing is wrong, "), "{}", run.output);
    assert!(!run.output.contains("WRONG"), "{}", run.output);
}

#[test]
fn a_wrong_token_is_told_and_not_repeated() {
    let site = Site::start();
    let arguments =
        ["store", "check-http", &site.url, "--token", "a-wrong-one", "--secret", "secret"];
    let run = mika(&arguments);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.output.contains("the site answered 401 Unauthorized"), "{}", run.output);
    assert!(run.output.ends_with("1 wrong: see docs/http-store.md\n"), "{}", run.output);
    assert!(!run.output.contains("a-wrong-one"), "{}", run.output);
}

#[test]
fn an_address_that_is_none_is_an_error() {
    let run = mika(&["store", "check-http", "site.example"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.errors.contains("the site's address is no URL"), "{}", run.errors);
}

impl Site {
    /// One number from the site's tables; changes are made the same way.
    fn execute(&self, sql: &str) -> i64 {
        const SCRIPT: &str = "import sqlite3, sys\n\
                              db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n\
                              print((db.execute(sys.argv[2]).fetchone() or [0])[0])";
        let database = self.folder.path().join("site.db");
        let arguments = ["-c", SCRIPT, database.to_str().unwrap(), sql];
        let output = Command::new("python3").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

#[test]
fn a_tracker_runs_on_a_site_and_what_was_announced_is_there() {
    let site = Site::start();
    let port = super::live::free_port();
    let store = format!(
        "[store]\nkind = \"http\"\n\
         [store_http]\nurl = \"{}\"\ntoken = \"{TOKEN}\"\nsecret = \"secret\"\n\
         changes_interval_seconds = 1\n",
        site.url
    );
    let tracker = Tracker::start_with(&format!("{}{store}", super::live::config(port, "")));
    // Added after the start: a look-up finds both.
    site.execute("INSERT INTO users (id, name, passkey) VALUES (5, 'alice', 'alice-passkey')");
    site.execute(
        "INSERT INTO torrents (id, info_hash) \
         VALUES (9, X'0102030405060708090a0b0c0d0e0f1011121314')",
    );
    let announce = |uploaded| super::live::announce_with(port, "/alice-passkey", uploaded);
    for uploaded in [0, 1000] {
        let reply = announce(uploaded);
        assert!(reply.contains("8:intervali1800e"), "{reply}");
    }
    tracker.json(&["flush"]);
    assert_eq!(site.execute("SELECT uploaded FROM users WHERE id = 5"), 1000);
    assert_eq!(site.execute("SELECT uploaded FROM history WHERE torrent_id = 9"), 1000);
    assert_eq!(site.execute("SELECT seeders FROM torrents WHERE id = 9"), 1);

    let user = tracker.json(&["user", "get", "id:5"]);
    assert_eq!((&user["name"], &user["uploaded"]), (&"alice".into(), &1000.into()));
    let run = tracker.client(&["user", "add", "bob"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.errors.contains("the site owns its records"), "{run:?}");
    let log = tracker.log();
    assert!(!log.contains(TOKEN) && !log.contains("alice-passkey"), "{log}");
}
