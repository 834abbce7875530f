//! What becomes of a test whose server is not installed.

use std::env;
use std::io::Write;

use crate::programs::Missing;

/// What was found, or `None` after saying so, for the test to return. [`need!`](crate::need) does
/// both.
///
/// # Panics
///
/// In CI (`CI` is set), for there all servers have to be installed. MySQL and Valkey count only
/// with `MIKA_TEST_SERVERS=all`.
pub fn found<T>(server: Result<T, Missing>) -> Option<T> {
    let missing = match server {
        Ok(server) => return Some(server),
        Err(missing) => missing,
    };
    let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let all = env::var_os("MIKA_TEST_SERVERS").is_some_and(|value| value == "all");
    assert!(!missing.kind.must_be_there(in_ci, all), "{missing}");
    // Not by a macro: the test runner would keep it for itself if the test passes.
    let line = format!("\nSKIPPED: {missing}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("a test has an error output");
    None
}

/// The server of an expression, or a return from the test if it is not installed.
///
/// ```ignore
/// let server = need!(Server::start(&Options::mariadb()));
/// ```
#[macro_export]
macro_rules! need {
    ($server:expr) => {
        match $crate::found($server) {
            Some(server) => server,
            None => return,
        }
    };
}
