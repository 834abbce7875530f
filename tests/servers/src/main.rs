//! Starts a database server for tests and prints its URL: `mika-test-server KIND [--shared]`.
//!
//! An exclusive server ends with the standard input, or with the process; a shared one stays for a
//! while.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use mika_test_servers::{Endpoint, Kind, Options, Server, shared};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let names: Vec<_> = arguments.iter().map(String::as_str).collect();
    match run(&names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    let (name, is_shared) = match arguments {
        [name] => (name, false),
        [name, "--shared"] => (name, true),
        _ => return Err("usage: mika-test-server KIND [--shared]".into()),
    };
    let options = Options::new(name.parse::<Kind>()?);
    if is_shared {
        return serve(&shared(&options)?);
    }
    let server = Server::start(&options)?;
    serve(&server)
}

/// Prints a database's URL and the server's directory; returns at the end of the input.
fn serve(endpoint: &Endpoint) -> Result<(), Box<dyn std::error::Error>> {
    let database = endpoint.create_database();
    let mut output = io::stdout();
    writeln!(output, "{}\n{}", database.url(), endpoint.directory().display())?;
    output.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
