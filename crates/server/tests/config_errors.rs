//! What an operator reads who made a mistake.
#![allow(clippy::unwrap_used, clippy::panic)]

use mika_server::config::{Config, Place};

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The text of the error; the directory of the file is taken out.
fn error(file: &str, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mika.toml");
    std::fs::write(&path, file).unwrap();
    let error = Config::load(Some(&path), pairs(env), pairs(overrides)).unwrap_err();
    error.to_string().replace(&format!("{}/", directory.path().display()), "")
}

fn in_file(file: &str) -> String {
    error(file, &[], &[])
}

fn in_variable(name: &str, value: &str) -> String {
    error("", &[(name, value)], &[])
}

#[test]
fn an_unknown_key_is_shown_where_it_is_with_the_one_that_was_meant() {
    assert_eq!(
        in_file("# mine\n[tracker]\n  intervall = 900\n"),
        "mika.toml:3:3: unknown key `intervall` in `[tracker]`; did you mean `interval_seconds`?
      intervall = 900
      ^^^^^^^^^"
    );
}

#[test]
fn a_key_in_the_wrong_section_is_told_its_section() {
    assert_eq!(
        in_file("[http]\nnumwant_max = 9\n"),
        "mika.toml:2:1: unknown key `numwant_max` in `[http]`; did you mean `numwant_max` in \
         `[tracker]`?
    numwant_max = 9
    ^^^^^^^^^^^"
    );
    assert_eq!(
        in_file("numwant_max = 9\n"),
        "mika.toml:1:1: unknown key `numwant_max` outside of all sections; did you mean \
         `numwant_max` in `[tracker]`?
    numwant_max = 9
    ^^^^^^^^^^^"
    );
}

#[test]
fn an_unknown_key_like_no_other_gets_no_hint() {
    assert_eq!(
        in_file("[log]\ncolour = 1"),
        "mika.toml:2:1: unknown key `colour` in `[log]`\n    colour = 1\n    ^^^^^^"
    );
}

#[test]
fn an_unknown_section_is_told_its_name() {
    assert_eq!(
        in_file("[trackr]\n"),
        "mika.toml:1:2: unknown section `[trackr]`; did you mean `[tracker]`?\n    [trackr]\n     \
         ^^^^^^"
    );
    assert_eq!(
        in_file("tracker = 1\n"),
        "mika.toml:1:1: `tracker` is a section: its keys belong below a line `[tracker]`
    tracker = 1
    ^^^^^^^"
    );
    assert_eq!(
        in_file("[[tracker]]\n"),
        "mika.toml:1:3: `tracker` is a section: its keys belong below a line `[tracker]`
    [[tracker]]
      ^^^^^^^"
    );
}

#[test]
fn a_wrong_type_is_told_what_is_expected() {
    assert_eq!(
        in_file("[tracker]\ninterval_seconds = \"30m\"\n"),
        "mika.toml:2:20: `tracker.interval_seconds` must be an integer from 60 to 86400, not \
         `\"30m\"`
    interval_seconds = \"30m\"
                       ^^^^^"
    );
    assert_eq!(
        in_file("[tracker]\nmode = \"secretive\"\n").lines().next().unwrap(),
        "mika.toml:2:8: `tracker.mode` must be \"private\" or \"public\", not `\"secretive\"`"
    );
    assert_eq!(
        in_file("tracker.auto_register_torrents = 1").lines().next().unwrap(),
        "mika.toml:1:34: `tracker.auto_register_torrents` must be true or false, not `1`"
    );
}

#[test]
fn a_wrong_entry_of_a_list_is_told_with_its_reason() {
    assert_eq!(
        in_file("[http]\ntrusted_proxies = [\"::1\", \"10.1.2.3/8\"]\n").lines().next().unwrap(),
        "mika.toml:2:19: `http.trusted_proxies` must be a list of networks such as \
         [\"10.0.0.0/8\", \"::1\"], not `\"10.1.2.3/8\"` (the address has bits outside of its \
         prefix; did you mean `10.0.0.0/8`?)"
    );
    assert_eq!(
        in_file("http.listen = [\"localhost:1\"]").lines().next().unwrap(),
        "mika.toml:1:15: `http.listen` must be a list of addresses and ports such as \
         [\"0.0.0.0:34000\"], not `\"localhost:1\"` (invalid socket address syntax)"
    );
}

#[test]
fn a_number_out_of_its_range_is_told_the_range() {
    for (number, shown) in [("59", "59"), ("86_401", "86401"), ("-1", "-1")] {
        assert_eq!(
            in_file(&format!("tracker.interval_seconds = {number}")).lines().next().unwrap(),
            format!(
                "mika.toml:1:28: `tracker.interval_seconds` must be an integer from 60 to 86400, \
                 not `{shown}`"
            )
        );
    }
    assert_eq!(
        in_file("udp.connection_id_seconds = 121"),
        "mika.toml:1:29: `udp.connection_id_seconds` must be an integer from 10 to 120, not `121`
    udp.connection_id_seconds = 121
                                ^^^"
    );
}

#[test]
fn the_ends_of_every_range_are_allowed_and_what_is_beyond_is_not() {
    let keys = Config::SECTIONS.iter().flat_map(|section| section.keys);
    for (key, (least, most)) in keys.filter_map(|key| Some((key, key.range?))) {
        for beyond in [least.checked_sub(1), most.checked_add(1)].into_iter().flatten() {
            let message = in_file(&format!("{} = {beyond}", key.path()));
            let expected = format!(
                "`{}` must be an integer from {least} to {most}, not `{beyond}`",
                key.path()
            );
            assert!(message.contains(&expected), "{message}");
        }
        for end in [least, most] {
            let mut file = format!("{} = {end}", key.path());
            if key.name == "peer_timeout_seconds" {
                file.push_str("\ntracker.interval_seconds = 60");
            }
            if key.name == "min_interval_seconds" {
                file.push_str("\ntracker.interval_seconds = 86400");
            }
            if key.name == "numwant_default" {
                file.push_str("\ntracker.numwant_max = 500");
            }
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("mika.toml");
            std::fs::write(&path, &file).unwrap();
            let loaded = Config::load(Some(&path), [], []).unwrap_or_else(|e| panic!("{e}"));
            let values = loaded.values();
            let value = values.iter().find(|(other, _)| *other == key).unwrap();
            assert_eq!(value.1, end.to_string(), "{}", key.path());
        }
    }
}

#[test]
fn a_syntax_error_is_shown_where_it_is() {
    assert_eq!(
        in_file("[tracker]\ninterval_seconds = = 3\n").lines().next().unwrap(),
        "mika.toml:2:20: not valid TOML: extra `=`, expected nothing"
    );
    let duplicate = in_file("[log]\nfilter = \"a\"\nfilter = \"b\"\n");
    assert_eq!(duplicate.lines().next().unwrap(), "mika.toml:3:1: not valid TOML: duplicate key");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let message = error(
        "[tracker]\nmodus = 1\ninterval_seconds = 1\npeer_timeout_seconds = 100\n\
         [http]\nworkers = -1\nproxy_protocol = true\n",
        &[("MIKA__LOG__FORMAT", "xml")],
        &[("flush.interval", "1")],
    );
    let places: Vec<_> = message.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        places,
        [
            "mika.toml:2:1: unknown key `modus` in `[tracker]`; did you mean `mode`?",
            "mika.toml:3:20: `tracker.interval_seconds` must be an integer from 60 to 86400, not \
             `1`",
            "mika.toml:6:11: `http.workers` must be an integer from 0 to 1024, not `-1`",
            "mika.toml:7:18: `http.proxy_protocol` needs `http.trusted_proxies`: nobody else may \
             send the header",
            "environment variable MIKA__LOG__FORMAT: `log.format` must be \"text\" or \"json\", \
             not `xml`",
            "override of flush.interval: there is no such key; did you mean \
             `flush.interval_milliseconds`?",
        ]
    );
}

#[test]
fn a_contradiction_is_reported_at_the_key_that_was_given() {
    assert_eq!(
        in_file("[tracker]\npeer_timeout_seconds = 1800\n"),
        "mika.toml:2:24: `tracker.peer_timeout_seconds` (1800) must be more than \
         `tracker.interval_seconds` (1800): otherwise peers are dropped before they announce again
    peer_timeout_seconds = 1800
                           ^^^^"
    );
    assert_eq!(
        in_variable("MIKA__HTTPS__LISTEN", "0.0.0.0:443").lines().next().unwrap(),
        "environment variable MIKA__HTTPS__LISTEN: `https.listen` needs `https.certificate_file`"
    );
}

#[test]
fn an_unknown_variable_is_named_with_the_one_that_was_meant() {
    assert_eq!(
        in_variable("MIKA__TRACKER__INTERVALL", "1"),
        "environment variable MIKA__TRACKER__INTERVALL: there is no such key; did you mean \
         `MIKA__TRACKER__INTERVAL_SECONDS`?"
    );
    assert_eq!(
        in_variable("MIKA__INTERVAL_SECONDS", "1"),
        "environment variable MIKA__INTERVAL_SECONDS: there is no such key; did you mean \
         `MIKA__TRACKER__INTERVAL_SECONDS`?"
    );
    assert_eq!(
        in_variable("MIKA__tracker__mode", "public"),
        "environment variable MIKA__tracker__mode: there is no such key; did you mean \
         `MIKA__TRACKER__MODE`?"
    );
}

#[test]
fn a_wrong_value_of_a_variable_is_shown() {
    assert_eq!(
        in_variable("MIKA__TRACKER__PORT_MIN", "70000"),
        "environment variable MIKA__TRACKER__PORT_MIN: `tracker.port_min` must be an integer from \
         0 to 65535, not `70000`"
    );
    assert_eq!(
        in_variable("MIKA__HTTP__TRUSTED_PROXIES", "10.0.0/8"),
        "environment variable MIKA__HTTP__TRUSTED_PROXIES: `http.trusted_proxies` must be a list \
         of networks such as [\"10.0.0.0/8\", \"::1\"], not `10.0.0/8` (`10.0.0` is not an IP \
         address)"
    );
    assert_eq!(
        in_variable("MIKA__HTTP__WORKERS", "").lines().next().unwrap(),
        "environment variable MIKA__HTTP__WORKERS: `http.workers` must be an integer from 0 to \
         1024, not ``"
    );
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mika.toml");
    let shown = path.display();
    let error = Config::load(Some(&path), [], []).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{shown}: cannot be read: No such file or directory (os error 2)")
    );
    std::fs::write(&path, b"\xff").unwrap();
    let error = Config::load(Some(&path), [], []).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{shown}: cannot be read: stream did not contain valid UTF-8")
    );
    std::fs::write(&path, "#".repeat(1_048_577)).unwrap();
    let error = Config::load(Some(&path), [], []).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{shown}: cannot be read: it is longer than 1048576 bytes")
    );
}

#[test]
fn a_token_and_a_token_file_together_are_refused() {
    assert_eq!(
        error("admin.token_file = \"x\"", &[("MIKA__ADMIN__TOKEN", "s3cr3t")], &[]),
        "mika.toml:1:20: `admin.token` and `admin.token_file` are both given: keep one of them"
    );
}

#[test]
fn a_token_file_that_was_named_has_to_hold_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let name = file.to_str().unwrap();
    assert_eq!(
        in_variable("MIKA__ADMIN__TOKEN_FILE", name),
        format!(
            "environment variable MIKA__ADMIN__TOKEN_FILE: `admin.token_file`: {name} cannot be \
             read: No such file or directory (os error 2)"
        )
    );
    std::fs::write(&file, " \n").unwrap();
    assert_eq!(
        in_variable("MIKA__ADMIN__TOKEN_FILE", name),
        format!(
            "environment variable MIKA__ADMIN__TOKEN_FILE: `admin.token_file` names an empty \
             file: {name}"
        )
    );
}

#[test]
fn a_token_file_with_something_else_in_it_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("admin.token");
    let (name, data_dir) = (file.to_str().unwrap(), directory.path().to_str().unwrap());
    let must = "the admin token has to be 16 to 256 visible ASCII characters";
    std::fs::write(&file, "0123456789 5353535353\n").unwrap();
    let message = in_variable("MIKA__DATA__DIR", data_dir);
    assert!(message.starts_with(&format!("{name}: {must}; ")), "{message}");
    let message = in_variable("MIKA__ADMIN__TOKEN_FILE", name);
    let variable = "environment variable MIKA__ADMIN__TOKEN_FILE";
    assert!(message.starts_with(&format!("{variable}: {name}: {must}; ")), "{message}");
    assert!(!message.contains("5353535353"), "{message}");
    std::fs::write(&file, "\n").unwrap();
    assert_eq!(
        in_variable("MIKA__DATA__DIR", data_dir),
        format!("{name} is empty: delete it, and a new admin token is made at the next start")
    );
}

#[test]
fn a_data_directory_that_is_a_file_is_named_rather_than_a_key_that_nobody_set() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let name = file.to_str().unwrap();
    assert_eq!(
        in_variable("MIKA__DATA__DIR", name),
        format!(
            "the data directory: {name}/admin.token: Not a directory (os error 20); {name} is not \
             a directory: name another one with --data-dir"
        )
    );
}

#[test]
fn no_message_contains_a_secret() {
    let files = [
        "[admin]\ntoken = 5353535353",
        "[admin]\ntokn = \"5353535353\"",
        "admin = { token = \"5353535353\", lisen = 1 }",
        "[admin]\ntoken = \"5353535353",
        "[admin]\ntoken = \"5353535353 5353535353\"",
        "[admin]\npassword = \"5353535353\"",
        "[admin]\ntoken = \"\"\"\n5353535353\"\"\" x",
        "[admin]\ntoken = [\n\"5353535353\" x]",
        "[admin]\ntoken = \"5353535353\"\ntoken_file = \"x\"",
        "[admin]\ntoken = [\"5353535353\"]",
    ];
    for file in files {
        let message = in_file(file);
        assert!(!message.contains("5353535353"), "{message}");
    }
    let message = in_variable("MIKA__ADMIN__TOKEN", "5353535353 5353535353");
    assert!(!message.contains("5353535353"), "{message}");
}

#[test]
fn a_problem_can_be_read_by_a_program() {
    let error = Config::load(None, pairs(&[("MIKA__TRACKER__MODE", "x")]), []).unwrap_err();
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].place, Place::Variable("MIKA__TRACKER__MODE".to_owned()));
    assert_eq!(error.problems[0].key.as_deref(), Some("tracker.mode"));
}

#[test]
fn a_mark_stays_below_what_it_marks() {
    assert_eq!(
        in_file("tracker.announce_url_base = \"ü\"\r\n[log]\r\n\tfilter = 1\r\n"),
        "mika.toml:1:29: `tracker.announce_url_base` must begin with http://, https:// or udp://, \
         name a host, and not end with a slash, unlike `ü`
    tracker.announce_url_base = \"ü\"
                                ^^^
mika.toml:3:11: `log.filter` must be a string, not `1`\n    \tfilter = 1\n    \t         ^"
    );
}

#[test]
fn the_url_of_a_store_is_told_by_its_place_and_never_shown() {
    let url = "postgres://mika:s3cret@localhost/site";
    let file = format!("[store]\nkind = \"mysql\"\nurl = \"{url}\"\n");
    let told = "store.url must begin with mysql:// or mariadb://, not with postgres://, as in \
                mysql://user:password@localhost/site; percent-encode special characters in the \
                password";
    assert_eq!(in_file(&file), format!("mika.toml:3:7: {told}"));
    let said = error("[store]\nkind = \"mysql\"\n", &[("MIKA__STORE__URL", url)], &[]);
    assert_eq!(said, format!("environment variable MIKA__STORE__URL: {told}"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("url");
    std::fs::write(&path, url).unwrap();
    let file = format!("[store]\nkind = \"mysql\"\nurl_file = {path:?}\n");
    let said = in_file(&file);
    assert!(said.contains(told) && !said.contains("s3cret"), "{said}");
}
