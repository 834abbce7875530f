use super::support::mika;

#[test]
fn help_names_every_command_and_exit_code() {
    let run = mika(&["--help"]);
    assert_eq!(run.code, 0);
    insta::assert_snapshot!(run.output);
}

#[test]
fn help_of_the_client_says_where_the_token_comes_from() {
    let run = mika(&["client", "--help"]);
    assert_eq!(run.code, 0);
    insta::assert_snapshot!(run.output);
}

#[test]
fn help_of_serve_names_its_three_options() {
    insta::assert_snapshot!(mika(&["serve", "--help"]).output);
}

#[test]
fn wrong_arguments_exit_with_2() {
    for arguments in [
        &["nothing"][..],
        &["client"],
        &["client", "user", "add"],
        &["client", "user", "set", "alice"],
        &["client", "user", "set", "alice", "--passkey", "k", "--new-passkey"],
        &["client", "torrent", "add"],
        &["client", "torrent", "add", "--info-hash", "xyz"],
        &["client", "torrent", "add", "a.torrent", "--info-hash", "ab"],
        &["client", "torrent", "get", "abc"],
        &["client", "event", "add", "summer"],
        &["client", "event", "add", "summer", "--ends", "soon"],
        &["client", "whitelist", "set", "-TR3"],
        &["client", "whitelist", "set", "-TR3", "--allow", "--deny"],
        &["client", "role", "set", "vip"],
        &["client", "role", "add", "vip", "--download-slots", "many"],
        &["client", "--token", "a", "--token-file", "b", "stats"],
        &["serve", "--port", "1"],
    ] {
        let run = mika(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run:?}");
        assert!(run.output.is_empty() && !run.errors.contains("<>"), "{run:?}");
    }
}

/// The lines of a help text that are about options.
fn options(arguments: &[&str]) -> Vec<String> {
    let run = mika(&[arguments, &["--help"]].concat());
    assert_eq!(run.code, 0);
    let (_, options) = run.output.split_once("Options:").unwrap();
    options.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_can_be_said_of_a_new_role_can_be_said_of_a_known_one() {
    let (add, mut set) = (options(&["client", "role", "add"]), options(&["client", "role", "set"]));
    assert!(add.iter().any(|line| line.starts_with("--download-slots <NUMBER|none>")), "{add:?}");
    let name = set.iter().position(|line| line.starts_with("--name <NAME>")).unwrap();
    set.remove(name);
    let words = |lines: Vec<String>| {
        lines.join(" ").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words(set), words([add].concat()));
}

#[test]
fn lists_are_cut_and_watched_with_the_same_options() {
    for command in [&["user"][..], &["torrent"], &["notification"], &["swarm"], &["dead-letter"]] {
        let options = options(&[&["client"], command, &["list"]].concat());
        let has = |option: &str| options.iter().any(|line| line.starts_with(option));
        assert!(has("--limit <LIMIT>") && has("--watch [<SECONDS>]"), "{command:?}: {options:?}");
        assert!(has("--after-id <ID>") != has("--cursor <CURSOR>"), "{command:?}: {options:?}");
    }
}

#[test]
fn one_change_is_enough_and_none_is_too_few() {
    let hash = "ab".repeat(20);
    let role = ["client", "role", "set", "vip"];
    let torrent = ["client", "torrent", "set", &hash];
    for (command, changes) in [
        (
            role,
            &[
                "--name=elite",
                "--priority=-1",
                "--upload-percent=200",
                "--download-percent=0",
                "--upload-enabled=true",
                "--download-enabled=false",
                "--download-slots=none",
                "--immune=true",
                "--enabled=false",
            ][..],
        ),
        (
            torrent,
            &[
                "--title=t",
                "--upload-percent=200",
                "--download-percent=0",
                "--enabled=true",
                "--status=pending",
                "--featured=true",
                "--reason=r",
                "--restore",
            ],
        ),
    ] {
        assert_eq!(mika(&command).code, 2, "{command:?}");
        for change in changes {
            // Nobody answers there: the arguments were taken.
            let nobody = [*change, "--url=http://127.0.0.1:1", "--token=t"];
            let run = mika(&[&command[..], &nobody].concat());
            assert_ne!(run.code, 2, "{command:?} {change}: {run:?}");
        }
    }
}
