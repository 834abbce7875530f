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
