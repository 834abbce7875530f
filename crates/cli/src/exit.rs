//! Exit codes, which scripts may rely on.

use std::process::ExitCode;

use mika_client::Error;
use mika_server::config::ConfigError;

/// Something failed that has no code of its own.
pub const FAILED: u8 = 1;
/// There is no such record.
pub const NOT_FOUND: u8 = 3;
/// The change conflicts with what is there.
pub const CONFLICT: u8 = 4;
/// No tracker answers.
pub const UNREACHABLE: u8 = 5;
/// The configuration has mistakes (`EX_CONFIG` of sysexits.h).
pub const CONFIG: u8 = 78;

/// Tells an error on standard error and turns the result into an exit code.
pub fn report(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mika: {}", crate::output::printable(&format!("{error:#}")));
            ExitCode::from(code(&error))
        }
    }
}

fn code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<ConfigError>().is_some() {
        return CONFIG;
    }
    match error.downcast_ref::<Error>() {
        Some(Error::Unreachable { .. } | Error::Protocol { .. }) => UNREACHABLE,
        Some(Error::Problem(problem)) if problem.code == "route_not_found" => FAILED,
        Some(Error::Problem(problem)) => match problem.status {
            404 => NOT_FOUND,
            409 => CONFLICT,
            _ => FAILED,
        },
        _ => FAILED,
    }
}

/// Whoever reads the output, such as `head`, has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
