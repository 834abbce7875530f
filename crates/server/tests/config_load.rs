//! The layers of the configuration: defaults, file, environment, overrides.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use mika_server::config::{
    ClientRules, Config, ConfigError, JournalSync, LogFormat, Mode, Secret, diff,
};

type Pairs = Vec<(String, String)>;

fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn load(file: &str, env: &[(&str, &str)], over: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mika.toml");
    std::fs::write(&path, file).unwrap();
    Config::load(Some(&path), pairs(env), pairs(over))
}

fn from_file(file: &str) -> Config {
    load(file, &[], &[]).unwrap()
}

fn from_variables(env: &[(&str, &str)]) -> Config {
    Config::load(None, pairs(env), []).unwrap()
}

#[test]
fn a_file_sets_what_it_names_and_nothing_else() {
    let config = from_file(
        r#"
        http.listen = ["127.0.0.1:1"]
        [tracker]
        mode = "public"
        client_rules = "whitelist"
        [limits]
        sessions = 1_000
        [flush]
        journal_sync = "os"
        [log]
        format = "json"
        "#,
    );
    let mut expected = Config::default();
    expected.http.listen = vec!["127.0.0.1:1".parse().unwrap()];
    expected.tracker.mode = Mode::Public;
    expected.tracker.client_rules = ClientRules::Whitelist;
    expected.limits.sessions = 1000;
    expected.flush.journal_sync = JournalSync::Os;
    expected.log.format = LogFormat::Json;
    assert_eq!(config, expected);
}

#[test]
fn each_layer_goes_before_the_one_below() {
    let file = "[tracker]\ninterval_seconds = 600\nnumwant_max = 60\nport_min = 1\n";
    let env = [("MIKA__TRACKER__NUMWANT_MAX", "70"), ("MIKA__TRACKER__PORT_MIN", "2")];
    let config = load(file, &env, &[("tracker.port_min", "3")]).unwrap();
    assert_eq!(config.tracker.interval_seconds, 600);
    assert_eq!(config.tracker.numwant_max, 70);
    assert_eq!(config.tracker.port_min, 3);
}

#[test]
fn a_variable_is_toml_or_else_plain_text() {
    let config = from_variables(&[
        ("MIKA__TRACKER__MODE", "public"),
        ("MIKA__LOG__FORMAT", "\"json\""),
        ("MIKA__TRACKER__AUTO_REGISTER_TORRENTS", "true"),
        ("MIKA__TRACKER__INTERVAL_SECONDS", "1_200"),
        ("MIKA__STORE__PATH", "/srv/mika.sqlite"),
        ("MIKA__ADMIN__LISTEN", "127.0.0.1:5"),
        ("MIKA__LOG__FILTER", "info,mika_server=debug"),
    ]);
    assert_eq!(config.tracker.mode, Mode::Public);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.tracker.auto_register_torrents);
    assert_eq!(config.tracker.interval_seconds, 1200);
    assert_eq!(config.store.path, PathBuf::from("/srv/mika.sqlite"));
    assert_eq!(config.admin.listen, "127.0.0.1:5".parse().unwrap());
    assert_eq!(config.log.filter, "info,mika_server=debug");
}

#[test]
fn a_text_that_looks_like_a_number_can_be_a_token() {
    let config = from_variables(&[("MIKA__ADMIN__TOKEN", "12345")]);
    assert_eq!(config.admin.token.expose(), "12345");
}

#[test]
fn a_list_in_a_variable_is_toml_or_separated_by_commas() {
    let expected = ["0.0.0.0:1", "[::]:1"].map(|text| text.parse().unwrap()).to_vec();
    for list in ["[\"0.0.0.0:1\", \"[::]:1\"]", "0.0.0.0:1,[::]:1", " 0.0.0.0:1 , [::]:1 ,"] {
        assert_eq!(from_variables(&[("MIKA__HTTP__LISTEN", list)]).http.listen, expected, "{list}");
    }
    assert_eq!(from_variables(&[("MIKA__HTTP__LISTEN", "")]).http.listen, []);
    let one = from_variables(&[("MIKA__UDP__LISTEN", "[::]:1")]).udp.listen;
    assert_eq!(one, ["[::]:1".parse().unwrap()]);
}

#[test]
fn variables_of_others_are_not_read() {
    let config = from_variables(&[("PATH", "/bin"), ("MIKA_UPDATE", "1"), ("TRACKER__MODE", "x")]);
    assert_eq!(config, Config::default());
}

#[test]
fn every_key_can_be_set_by_its_variable_and_by_its_path() {
    let env: Pairs = Config::default()
        .values()
        .into_iter()
        .map(|(key, value)| (key.variable(), value))
        .collect();
    assert_eq!(Config::load(None, env, []).unwrap(), Config::default());
    let overrides: Pairs =
        Config::default().values().into_iter().map(|(key, value)| (key.path(), value)).collect();
    assert_eq!(Config::load(None, [], overrides).unwrap(), Config::default());
}

#[test]
fn defaults_follow_from_the_keys_that_were_given() {
    let config = from_file("tracker.interval_seconds = 120\ntracker.numwant_max = 30");
    assert_eq!(config.tracker.peer_timeout_seconds, 840);
    assert_eq!(config.tracker.min_interval_seconds, 120);
    assert_eq!(config.tracker.numwant_default, 30);

    let config = from_file("data.dir = \"/var/lib/mika\"");
    assert_eq!(config.store.path, Path::new("/var/lib/mika/mika.sqlite"));
    assert_eq!(config.admin.token_file, Path::new("/var/lib/mika/admin.token"));
}

#[test]
fn what_was_given_is_not_derived() {
    let config = from_file(
        "[tracker]\ninterval_seconds = 3600\npeer_timeout_seconds = 4200\n\
         [data]\ndir = \"elsewhere\"\n[store]\npath = \"mika.sqlite\"",
    );
    assert_eq!(config.tracker.peer_timeout_seconds, 4200);
    assert_eq!(config.store.path, Path::new("mika.sqlite"));
}

#[test]
fn the_token_is_read_from_its_file_without_the_space_around_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "\n abc \r\n").unwrap();
    let config = from_variables(&[("MIKA__ADMIN__TOKEN_FILE", file.to_str().unwrap())]);
    assert_eq!(config.admin.token.expose(), "abc");
}

#[test]
fn the_default_token_file_is_read_once_it_exists() {
    let directory = tempfile::tempdir().unwrap();
    let env = [("MIKA__DATA__DIR", directory.path().to_str().unwrap())];
    assert!(from_variables(&env).admin.token.is_empty());
    std::fs::write(directory.path().join("admin.token"), "abc\n").unwrap();
    assert_eq!(from_variables(&env).admin.token.expose(), "abc");
}

#[test]
fn a_given_token_goes_before_the_default_token_file() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("admin.token"), "old").unwrap();
    let config = from_variables(&[
        ("MIKA__DATA__DIR", directory.path().to_str().unwrap()),
        ("MIKA__ADMIN__TOKEN", "new"),
    ]);
    assert_eq!(config.admin.token.expose(), "new");
}

#[test]
fn a_secret_is_in_no_output() {
    let mut config = Config::default();
    config.admin.token = Secret::new("s3cr3t");
    assert!(!format!("{config:?}").contains("s3cr3t"));
    let serialized = toml::to_string(&config).unwrap();
    assert!(!serialized.contains("s3cr3t"), "{serialized}");
    assert!(serialized.contains("token = \"[redacted]\""), "{serialized}");
    assert!(config.values().iter().all(|(_, value)| !value.contains("s3cr3t")));
}

#[test]
fn a_reload_tells_what_is_applied_and_what_needs_a_restart() {
    let old = Config::default();
    let mut new = old.clone();
    new.tracker.interval_seconds = 900;
    new.http.workers = 4;
    new.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let change = diff(&old, &new);
    let shown = |changes: &[mika_server::config::KeyChange]| -> Vec<String> {
        changes.iter().map(|c| format!("{}: {} -> {}", c.key, c.from, c.to)).collect()
    };
    assert_eq!(
        shown(&change.applied),
        ["tracker.interval_seconds: 1800 -> 900", "http.trusted_proxies: [] -> [\"10.0.0.0/8\"]",]
    );
    assert_eq!(shown(&change.needs_restart), ["http.workers: 0 -> 4"]);
    assert!(!change.is_empty());
    assert!(diff(&new, &new).is_empty());
}

#[test]
fn a_changed_token_is_told_but_not_shown() {
    let mut old = Config::default();
    old.admin.token = Secret::new("s3cr3t");
    let mut new = Config::default();
    new.admin.token = Secret::new("0ther");
    let change = diff(&old, &new);
    assert_eq!(change.applied.len(), 1);
    assert_eq!(change.applied[0].key, "admin.token");
    assert_eq!(change.applied[0].from, "\"[redacted]\"");
    assert_eq!(change.applied[0].to, "\"[redacted]\"");
    assert!(!format!("{change:?}").contains("s3cr3t"));
}

#[test]
fn a_difference_in_any_key_is_told_under_its_name() {
    for (key, value) in Config::default().values() {
        let other = match (key.range, value.as_str()) {
            (Some((least, most)), now) if now == least.to_string() => most.to_string(),
            (Some((least, _)), _) => least.to_string(),
            (None, "true") => "false".to_owned(),
            (None, "false") => "true".to_owned(),
            (None, _) if key.path() == "admin.listen" => "127.0.0.1:1".to_owned(),
            (None, _) if key.name == "trusted_proxies" => "::1".to_owned(),
            (None, _) if key.path() == "site.ports_forbidden" => "1214".to_owned(),
            (None, _) if key.path() == "tracker.announce_cores" => "1".to_owned(),
            (None, _) if key.path() == "notify.ratio_percents" => "70".to_owned(),
            (None, _) if key.name == "always_include_roles" => "3".to_owned(),
            (None, _) if key.is_list => "127.0.0.1:1".to_owned(),
            (None, "{}") if key.name == "role_weights" => "{ \"1\" = 10 }".to_owned(),
            (None, "{}") => "{ \"1\" = \"one\" }".to_owned(),
            (None, "\"mika\"") => "gazelle-wcd".to_owned(),
            (None, "\"product\"") => "best".to_owned(),
            (None, "\"independent\"") => "both_or_none".to_owned(),
            (None, "\"transition\"") => "every_event".to_owned(),
            (None, "\"refuse\"") => "hide".to_owned(),
            (None, "\"any\"") => "not_refused".to_owned(),
            (None, "\"shadow\"") => "enforce".to_owned(),
            (None, "\"private\"") => "public".to_owned(),
            (None, "\"open\"") => "whitelist".to_owned(),
            (None, "\"always\"") => "os".to_owned(),
            (None, "\"text\"" | "\"auto\"") => "json".to_owned(),
            (None, "\"none\"") => "dbip".to_owned(),
            (None, "\"sqlite\"") => "mysql".to_owned(),
            (None, _) => "http://other".to_owned(),
        };
        let document = format!("{} = {}", key.path(), as_toml(&other, key.is_list));
        let changed: Config = toml::from_str(&document).unwrap();
        let change = diff(&Config::default(), &changed);
        let keys: Vec<_> =
            change.applied.iter().chain(&change.needs_restart).map(|c| c.key.clone()).collect();
        assert_eq!(keys, [key.path()]);
    }
}

fn as_toml(text: &str, is_list: bool) -> String {
    match text {
        _ if is_list && text.parse::<u16>().is_ok() => format!("[{text}]"),
        _ if is_list => format!("[\"{text}\"]"),
        _ if text.starts_with('{') => text.to_owned(),
        "true" | "false" => text.to_owned(),
        _ if text.parse::<u64>().is_ok() => text.to_owned(),
        _ => format!("\"{text}\""),
    }
}

#[test]
fn a_database_with_a_server_needs_its_url_and_a_file_has_none() {
    let error = load("[store]\nkind = \"postgres\"\n", &[], &[]).unwrap_err().to_string();
    assert!(error.contains("needs `store.url`"), "{error}");
    let error =
        load("[store]\nurl = \"postgres://u:hush@h/d\"\n", &[], &[]).unwrap_err().to_string();
    assert!(error.contains("`store.url` is for databases with a server"), "{error}");
    assert!(!error.contains("hush"), "{error}");
}

#[test]
fn the_stores_url_can_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "mysql://u:hush@h/d\n").unwrap();
    let text =
        format!("[store]\nkind = \"mariadb\"\nurl_file = {:?}\n", file.display().to_string());
    let config = load(&text, &[], &[]).unwrap();
    assert_eq!(config.store.url.expose(), "mysql://u:hush@h/d");
    assert_eq!(config.store.kind, mika_server::config::StoreKind::Mysql);
    std::fs::write(&file, "\n").unwrap();
    let error = load(&text, &[], &[]).unwrap_err().to_string();
    assert!(error.contains("`store.url_file` names an empty file"), "{error}");
}

#[test]
fn a_preset_fills_in_what_was_left_out_and_nothing_else() {
    let config =
        from_file("[site]\npreset = \"unit3d\"\njitter_seconds = 5\n[tracker]\nnumwant_max = 40\n");
    let (site, tracker) = (&config.site, &config.tracker);
    assert_eq!((site.jitter_seconds, site.announce_min_enforced_seconds), (5, 1740));
    assert_eq!((tracker.numwant_default, tracker.numwant_max), (15, 40));
    assert_eq!((tracker.interval_seconds, tracker.min_interval_seconds), (1800, 1800));
    assert_eq!(tracker.peer_timeout_seconds, 9000);
    let config = from_file("site.preset = \"gazelle-wcd\"\ntracker.interval_seconds = 900");
    assert_eq!(config.tracker.client_rules, ClientRules::WhitelistUnlessEmpty);
    assert_eq!(config.tracker.min_interval_seconds, 900);
    assert_eq!(config.tracker.peer_timeout_seconds, 2 * 900 + 600 + 240);
}

#[test]
fn a_preset_without_anything_else_means_exactly_its_settings() {
    use mika_core::site::Preset;
    for preset in Preset::ALL {
        let config = from_file(&format!("site.preset = \"{}\"", preset.name()));
        let mut settings = mika_server::serve::settings_of(&config);
        assert_eq!(settings.detection.take(), Some(Default::default()));
        assert_eq!(settings, preset.settings());
    }
}

#[test]
fn tables_of_texts_come_from_files_and_variables() {
    let config =
        from_file("[site.texts]\ntorrent_unknown = \"a\"\n[site.delete_reasons]\n7 = \"b\"");
    assert_eq!(config.site.texts["torrent_unknown"], "a");
    assert_eq!(config.site.delete_reasons["7"], "b");
    let variables = [
        ("MIKA__SITE__TEXTS", "{ offline = \"c\" }"),
        ("MIKA__SITE__AGENTS_FORBIDDEN", "bot,curl"),
        ("MIKA__SITE__PORTS_FORBIDDEN", "[1214, 3389]"),
    ];
    let config = from_variables(&variables);
    assert_eq!(config.site.texts["offline"], "c");
    assert_eq!(config.site.agents_forbidden, ["bot", "curl"]);
    assert_eq!(config.site.ports_forbidden, [1214, 3389]);
}

#[test]
fn a_reason_that_does_not_exist_and_a_timeout_that_is_too_short_are_told() {
    let told = |file: &str| load(file, &[], &[]).unwrap_err().to_string();
    let message = told("site.silent = [\"no_such\"]");
    assert!(message.contains("there is no reason named `no_such`"), "{message}");
    let message = told("site.texts = { nothing = \"x\" }");
    assert!(message.contains("there is no reason named `nothing`"), "{message}");
    let message = told("site.delete_reasons = { first = \"x\" }");
    assert!(message.contains("`first` is not a number"), "{message}");
    let message = told("site.headers_forbidden = [\"a b\"]");
    assert!(message.contains("`a b` is not the name of a header"), "{message}");
    let file = "site.preset = \"gazelle\"\ntracker.peer_timeout_seconds = 1900";
    let message = told(file);
    assert!(message.contains("together (2040)"), "{message}");
}
