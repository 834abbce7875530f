//! Cleans up after a test whose process ends before it could.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

/// A process that ends the server and removes its directory as soon as this process is gone, be it
/// killed.
#[derive(Debug)]
pub(crate) struct Guard {
    child: Child,
}

impl Guard {
    pub(crate) fn start(directory: &Path, discard: Signal) -> Self {
        let child = Command::new("sh")
            .args(["-c", include_str!("guard.sh"), "guard"])
            .arg(directory)
            .arg(discard.as_str().trim_start_matches("SIG"))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends the tests with their group must not end it.
            .process_group(0)
            .spawn()
            .expect("a shell");
        Self { child }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("the guard of a server has not ended: {error}");
        }
    }
}
