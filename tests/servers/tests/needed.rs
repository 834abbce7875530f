//! What becomes of a test whose server is not installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::{Command, Output};

use mika_test_servers::{Kind, Missing, need};

const RAN: &str = "the rest of the test ran";

/// What the test runner says of [`a_test_that_needs_a_server`] in these surroundings.
fn run(kind: &str, surroundings: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_test_that_needs_a_server"])
        .env_remove("CI")
        .env_remove("MIKA_TEST_SERVERS")
        .env("MIKA_MISSING", kind)
        .envs(surroundings.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

#[test]
fn a_test_that_needs_a_server() {
    let Some(kind) = std::env::var_os("MIKA_MISSING") else { return };
    let kind = kind.to_str().unwrap().parse::<Kind>().unwrap();
    let () = need!(Err(Missing { kind, program: "some-server" }));
    panic!("{RAN}");
}

#[test]
fn at_home_a_missing_server_is_a_visible_skip() {
    for kind in Kind::ALL {
        let output = run(kind.name(), &[("CI", "")]);
        assert!(output.status.success(), "{}", said(&output));
        let line = format!("SKIPPED: {kind} is not installed: there is no `some-server`");
        assert!(said(&output).contains(&line), "{}", said(&output));
        assert!(!said(&output).contains(RAN));
    }
}

#[test]
fn in_ci_a_missing_server_is_a_failure() {
    for kind in ["postgresql", "mariadb", "redis"] {
        let output = run(kind, &[("CI", "true")]);
        assert!(!output.status.success());
        assert!(said(&output).contains("is not installed"), "{}", said(&output));
        assert!(!said(&output).contains(RAN));
    }
}

#[test]
fn what_debian_has_no_release_of_is_needed_only_where_told_so() {
    for kind in ["mysql", "valkey"] {
        assert!(run(kind, &[("CI", "true")]).status.success());
        assert!(!run(kind, &[("CI", "true"), ("MIKA_TEST_SERVERS", "all")]).status.success());
    }
}

#[test]
fn a_server_has_the_name_that_it_is_found_by() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    let unknown = "oracle".parse::<Kind>().unwrap_err();
    assert_eq!(
        unknown,
        "there is no server \"oracle\"; there are postgresql, mariadb, mysql, redis, valkey"
    );
}
