//! The example site as a process of its own, on a free port and a disposable file.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mika_store::http::{HttpOptions, HttpStore};

use super::support::File;

pub const TOKEN: &str = "the-token-of-the-tests";
pub const SECRET: &str = "the-secret-of-the-tests";

pub struct Site {
    pub file: File,
    pub url: String,
    process: Child,
}

impl Site {
    /// The site as it is in `examples/http-store`.
    pub fn start() -> Self {
        Self::spawn(|_| {})
    }

    /// The site with MessagePack, in the tests' own implementation of it.
    pub fn with_message_pack() -> Self {
        Self::spawn(|command| {
            command.env("PYTHONPATH", support().join("message_pack"));
        })
    }

    /// The site with one thing wrong.
    pub fn broken(how: &str) -> Self {
        let how = how.to_owned();
        Self::spawn(move |command| {
            command.env("BROKEN", how);
        })
    }

    fn spawn(change: impl FnOnce(&mut Command)) -> Self {
        let file = File::new();
        let mut command = Command::new("python3");
        change(&mut command);
        let is_broken = command.get_envs().any(|(name, _)| name == "BROKEN");
        let script = if is_broken { support().join("broken_site.py") } else { example() };
        let mut process = command
            .arg(script)
            .arg("--db")
            .arg(file.path())
            .args(["--port", "0", "--token", TOKEN, "--secret", SECRET])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 has to be there");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the site starts").to_owned();
        Self { file, url, process }
    }

    pub fn options(&self) -> HttpOptions {
        HttpOptions {
            url: self.url.clone(),
            token: TOKEN.to_owned(),
            secret: SECRET.to_owned(),
            ..HttpOptions::default()
        }
    }

    pub fn store(&self) -> HttpStore {
        HttpStore::new(self.options()).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/http-store/site.py")
}

fn support() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/http")
}
