use std::path::Path;

use super::support::{Run, Tracker, mika, mika_in};

const CONFIG: &str = "[store]\npath = \"mika-data/mika.sqlite\"\n";

/// A directory in which a tracker has run, so that there is a store.
fn ran() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    {
        let tracker = Tracker::start();
        tracker.json(&["user", "add", "alice"]);
        let store = tracker.folder.path().join("mika-data/mika.sqlite");
        std::fs::create_dir(folder.path().join("mika-data")).unwrap();
        for name in ["mika.sqlite", "mika.sqlite-wal"] {
            let from = store.with_file_name(name);
            std::fs::copy(from, folder.path().join("mika-data").join(name)).unwrap();
        }
    }
    std::fs::write(folder.path().join("mika.toml"), CONFIG).unwrap();
    folder
}

fn check(folder: &Path) -> Run {
    mika_in(folder, &[], &["schema", "check", "--config", "mika.toml"])
}

#[test]
fn presets_are_listed_with_their_dialects_and_titles() {
    let run = mika(&["schema", "list"]);
    assert_eq!(run.code, 0);
    assert!(run.output.starts_with("SCHEMA "), "{}", run.output);
    let line = run.output.lines().find(|line| line.starts_with("mika ")).unwrap();
    let words: Vec<_> = line.split("  ").filter(|word| !word.is_empty()).map(str::trim).collect();
    assert_eq!(words, ["mika", "sqlite, postgres, mysql", "mika's own tables"]);
}

#[test]
fn a_schema_is_shown_with_what_each_file_is() {
    let run = mika(&["schema", "show"]);
    assert_eq!(run.code, 0);
    assert!(run.output.contains("dialect     sqlite\ntables      mika's own\n"), "{}", run.output);
    assert!(run.output.contains("users.flush.sql             {{rows}}: Adds"), "{}", run.output);
    let run = mika(&["schema", "show", "unit3d"]);
    assert!(run.output.contains("dialect     mysql\ntables      the site's\n"), "{}", run.output);
    let run = mika(&["schema", "show", "unit3d", "--dialect", "sqlite"]);
    assert_eq!(run.errors, "mika: schema unit3d is not there for sqlite, only for mysql\n");
    let run = mika(&["schema", "show", "phpbb"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.starts_with("mika: there is no schema phpbb"), "{}", run.errors);
}

#[test]
fn an_exported_schema_says_what_to_do_next_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let export = |arguments: &[&str]| {
        mika_in(folder.path(), &[], &[&["schema", "export"], arguments].concat())
    };
    let run = export(&["mika", "site", "--dialect", "postgres"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.output.contains("files of mika for postgres are in site\n"), "{}", run.output);
    assert!(run.output.contains("store.schema = \"site\""), "{}", run.output);
    let written = std::fs::read_to_string(folder.path().join("site/users.load.sql")).unwrap();
    let preset = include_str!("../../../../schemas/mika/postgres/users.load.sql");
    assert_eq!(written, preset);
    assert!(folder.path().join("site/migrations/0001.create.sql").is_file());
    let run = export(&["mika", "site", "--dialect", "sqlite"]);
    assert_eq!(run.code, 1);
    assert!(run.errors.starts_with("mika: site is not empty"), "{}", run.errors);
    let run = export(&["mika", "other"]);
    assert!(run.errors.contains("name one with --dialect"), "{}", run.errors);
    assert!(!folder.path().join("other").exists());
    assert_eq!(export(&["unit3d", "unit3d-site"]).code, 0);
}

#[test]
fn the_check_of_a_good_store_ends_well() {
    let folder = ran();
    let run = check(folder.path());
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.output.contains("users.flush.sql        ok    tried with user 1\n"), "{run:?}");
    let last = "schema mika works on this database; nothing was changed in it\n";
    assert!(run.output.ends_with(last), "{run:?}");
}

#[test]
fn the_check_of_a_schema_that_does_not_fit_fails_and_says_why() {
    let folder = ran();
    let export = ["schema", "export", "mika", "site", "--dialect", "sqlite"];
    assert_eq!(mika_in(folder.path(), &[], &export).code, 0);
    let load = "SELECT id, secret AS passkey FROM users";
    std::fs::write(folder.path().join("site/users.load.sql"), load).unwrap();
    std::fs::write(folder.path().join("mika.toml"), format!("{CONFIG}schema = \"site\"\n"))
        .unwrap();
    let run = check(folder.path());
    assert_eq!(run.code, 1);
    let found = "users.load.sql         BAD   no such column: secret\n";
    assert!(run.output.contains(found), "{}", run.output);
    assert!(run.output.contains("→ users has id, site_id, name, passkey"), "{}", run.output);
    assert!(run.output.ends_with("1 of 16 do not work; nothing was changed in the database\n"));
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mika.toml"), CONFIG).unwrap();
    let run = check(folder.path());
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("`mika serve` makes it"), "{}", run.errors);
    assert!(!folder.path().join("mika-data").exists());
}

#[test]
fn the_doctor_asks_the_database_server_and_keeps_its_password() {
    let url = "postgres://mika:hunter2@127.0.0.1:1/site";
    let variables = [("MIKA__STORE__KIND", "postgres"), ("MIKA__STORE__URL", url)];
    let run = mika_in(Path::new("."), &variables, &["doctor"]);
    assert_eq!(run.code, 1);
    let line = "BAD  the store is not available: PostgreSQL 127.0.0.1:1/site: ";
    assert!(run.output.contains(line), "{}", run.output);
    assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
}
