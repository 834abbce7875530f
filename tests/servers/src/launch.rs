//! What has to be done to start a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::account::Account;
use crate::endpoint::Endpoint;
use crate::kind::Kind;
use crate::options::Options;
use crate::programs::{Missing, Programs};
use crate::template;

mod mysql;
mod postgresql;
mod redis;

/// The user of all servers.
pub(crate) const USER: &str = "mika";
/// Its password.
pub(crate) const PASSWORD: &str = "pass-of-the-test-servers";

/// A server to be started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) options: Options,
    pub(crate) programs: Programs,
    pub(crate) account: Option<Account>,
}

impl Launch {
    pub(crate) fn new(options: &Options) -> Result<Self, Missing> {
        Ok(Self {
            options: options.clone(),
            programs: Programs::find(options.kind)?,
            account: Account::for_server(options.kind),
        })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.options.kind
    }

    /// Puts an empty data directory into the server's directory.
    pub(crate) fn make_data(&self, directory: &Path) {
        match self.kind() {
            Kind::Redis | Kind::Valkey => {
                crate::directory::make(&directory.join("data"), self.account);
            }
            _ => template::copy(self, &directory.join("data")),
        }
    }

    /// Makes an empty data directory, slowly. `directory/data` must not be there.
    pub(crate) fn initialise(&self, directory: &Path) {
        let mut command = match self.kind() {
            Kind::PostgreSql => postgresql::initialise(self, directory),
            Kind::MariaDb => mysql::initialise_mariadb(self, directory),
            Kind::MySql => mysql::initialise_mysql(self, directory),
            Kind::Redis | Kind::Valkey => unreachable!("they need no initialisation"),
        };
        let output = command.current_dir("/").stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.kind()));
        assert!(
            output.status.success(),
            "{} cannot make its data directory: {}{}",
            self.kind(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }

    /// Writes the configuration and returns the command line.
    pub(crate) fn prepare(&self, directory: &Path, port: u16) -> Vec<String> {
        match self.kind() {
            Kind::PostgreSql => postgresql::prepare(self, directory, port),
            Kind::MariaDb | Kind::MySql => mysql::prepare(self, directory, port),
            Kind::Redis | Kind::Valkey => redis::prepare(self, directory, port),
        }
    }

    pub(crate) fn endpoint(&self, directory: &Path, port: u16, is_shared: bool) -> Endpoint {
        Endpoint {
            kind: self.kind(),
            port,
            has_password: self.options.password,
            directory: directory.to_owned(),
            client: self.programs.client.clone(),
            is_shared,
        }
    }

    /// Asks a server to end in order, whoever is connected.
    pub(crate) fn stop_signal(&self) -> Signal {
        match self.kind() {
            // SIGTERM would wait for all clients to leave.
            Kind::PostgreSql => Signal::SIGINT,
            _ => Signal::SIGTERM,
        }
    }

    /// Ends a server that nobody needs any more.
    pub(crate) fn discard_signal(&self) -> Signal {
        match self.kind() {
            // Killed, it would leave a segment of shared memory behind.
            Kind::PostgreSql => Signal::SIGQUIT,
            _ => Signal::SIGKILL,
        }
    }

    /// Removes what the killed processes of a server left outside of its directory.
    pub(crate) fn remove_traces(&self, directory: &Path) {
        if self.kind() == Kind::PostgreSql {
            postgresql::remove_shared_memory(directory);
        }
    }

    /// Writes a file that the server may read.
    fn write(&self, path: &Path, text: &str) {
        fs::write(path, text).expect("a file of a server");
        Account::own(self.account, path);
    }

    fn command(&self, program: &Path) -> Command {
        Account::command(self.account, program)
    }
}

fn shown(path: &Path) -> String {
    path.to_str().expect("names of our own are text").to_owned()
}

/// The program and its arguments.
fn line(program: &Path, arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    [shown(program)].into_iter().chain(arguments).collect()
}

/// The path of a file of the server.
fn within(directory: &Path, name: &str) -> PathBuf {
    directory.join(name)
}
