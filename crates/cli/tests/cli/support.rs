//! A running tracker, and the binary with arguments.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_mika");
/// What the binary reads of the environment.
const VARIABLES: [&str; 5] =
    ["MIKA_TOKEN", "MIKA_TOKEN_FILE", "MIKA_URL", "MIKA_SOCKET", "MIKA_CA_FILE"];

/// What a run of the binary left.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub output: String,
    pub errors: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.output).unwrap()
    }
}

/// Runs the binary in a directory, without variables that it would read.
pub fn mika_in(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for name in VARIABLES {
        command.env_remove(name);
    }
    Run::of(command.envs(variables.iter().copied()).output().unwrap())
}

pub fn mika(arguments: &[&str]) -> Run {
    mika_in(Path::new("."), &[], arguments)
}

/// A tracker on ports of its own, which ends with the test.
pub struct Tracker {
    process: Child,
    pub folder: TempDir,
    pub url: String,
    pub welcome: Vec<String>,
}

const CONFIG: &str = "\
[http]
listen = [\"127.0.0.1:0\"]
workers = 1
[udp]
listen = [\"127.0.0.1:0\"]
workers = 1
[admin]
listen = \"127.0.0.1:0\"
[tracker]
announce_url_base = \"http://t.example\"
";

impl Tracker {
    pub fn start() -> Self {
        Self::start_with(CONFIG)
    }

    pub fn start_with(config: &str) -> Self {
        Self::start_with_arguments(config, &[], "add a torrent")
    }

    /// Reads the welcome up to the line that begins with `last_line`.
    pub fn start_with_arguments(config: &str, arguments: &[&str], last_line: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mika.toml"), config).unwrap();
        let (process, url, welcome) = serve(folder.path(), arguments, last_line);
        Self { process, folder, url, welcome }
    }

    /// Kills the process without a warning, and starts another one in its place.
    pub fn kill_and_start(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Kills the process without a warning.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts another process in place of one that was killed.
    pub fn start_again(&mut self) {
        (self.process, self.url, self.welcome) = serve(self.folder.path(), &[], "admin API");
    }

    /// What the tracker has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Runs `mika client`, which finds the token in the tracker's data directory.
    pub fn client(&self, arguments: &[&str]) -> Run {
        let connection = ["client", "--url", &self.url];
        mika_in(self.folder.path(), &[], &[&connection, arguments].concat())
    }

    /// The same, with something on standard input.
    pub fn client_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let file = self.folder.path().join("standard-input");
        std::fs::write(&file, input).unwrap();
        let output =
            self.command(arguments).stdin(std::fs::File::open(&file).unwrap()).output().unwrap();
        Run::of(output)
    }

    /// Starts `mika client`, which goes on until it is told to end.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(["client", "--url", &self.url]).args(arguments);
        command.current_dir(self.folder.path());
        for name in VARIABLES {
            command.env_remove(name);
        }
        command
    }

    /// The same with `--json`.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        self.client(&[arguments, &["--json"]].concat()).json()
    }
}

/// Starts a process in a folder; returns it, the address of its API, and what it said.
fn serve(folder: &Path, arguments: &[&str], last_line: &str) -> (Child, String, Vec<String>) {
    let mut process = Command::new(BINARY)
        .args(["serve", "--config", "mika.toml"])
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut welcome = Vec::new();
    for line in lines.map_while(Result::ok) {
        let is_last = line.starts_with(last_line);
        welcome.push(line);
        if is_last {
            break;
        }
    }
    let url = welcome.iter().find_map(|line| line.strip_prefix("admin API"));
    let url = url.expect("the tracker did not start").trim().to_owned();
    (process, url, welcome)
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
