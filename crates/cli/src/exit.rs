//! Exit codes, which scripts may rely on.

use std::fmt;
use std::process::ExitCode;

use mika_client::Error;
use mika_client::types::Problem;
use mika_server::config::ConfigError;

/// Something failed that has no code of its own.
pub const FAILED: u8 = 1;
/// There is no such record.
pub const NOT_FOUND: u8 = 3;
/// The change conflicts with what is there.
pub const CONFLICT: u8 = 4;
/// No tracker answers.
pub const UNREACHABLE: u8 = 5;
/// The token is refused, or may not do it.
pub const FORBIDDEN: u8 = 6;
/// The configuration has mistakes (`EX_CONFIG` of sysexits.h).
pub const CONFIG: u8 = 78;

/// An error of the admin API with what the person at the terminal can do about it.
#[derive(Debug)]
pub struct Advised {
    /// What went wrong.
    pub error: Error,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.error, self.advice)
    }
}

impl std::error::Error for Advised {}

/// An error that is told as a JSON object, because the output would have been one.
#[derive(Debug)]
pub struct ForPrograms(pub anyhow::Error);

impl fmt::Display for ForPrograms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = problem(&self.0).map(|problem| problem.code.as_str());
        let status = problem(&self.0).map(|problem| problem.status);
        let exit_code = code_of(&self.0);
        let error = serde_json::json!({
            "error": told(&self.0), "code": code, "status": status, "exit_code": exit_code,
        });
        write!(f, "{error}")
    }
}

impl std::error::Error for ForPrograms {}

/// What the admin API said, if it was that which failed.
fn problem(error: &anyhow::Error) -> Option<&Problem> {
    match api_error(error) {
        Some(Error::Problem(problem)) => Some(problem),
        _ => None,
    }
}

fn api_error(error: &anyhow::Error) -> Option<&Error> {
    let advised = error.downcast_ref::<Advised>().map(|advised| &advised.error);
    advised.or_else(|| error.downcast_ref::<Error>())
}

/// Tells an error on standard error and turns the result into an exit code.
pub fn report(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(for_programs) = error.downcast_ref::<ForPrograms>() {
                if is_broken_pipe(&for_programs.0) {
                    return ExitCode::SUCCESS;
                }
                eprintln!("{for_programs}");
                return ExitCode::from(code_of(&for_programs.0));
            }
            let code = code_of(&error);
            // Mistakes in a file begin with its name and line, as editors expect.
            let name = if code == CONFIG { "" } else { "mika: " };
            eprintln!("{name}{}", crate::output::printable(&told(&error)));
            ExitCode::from(code)
        }
    }
}

/// The error and its causes, as far as they say something new.
fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<ConfigError>().is_some() {
        return CONFIG;
    }
    match api_error(error) {
        Some(Error::Unreachable { .. } | Error::Protocol { .. }) => UNREACHABLE,
        Some(Error::Problem(problem)) if problem.code == "route_not_found" => FAILED,
        Some(Error::Problem(problem)) => match problem.status {
            401 | 403 => FORBIDDEN,
            404 => NOT_FOUND,
            409 | 412 => CONFLICT,
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
