//! A data directory without room.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mika_durability::server::{Admin, Tuning};

use crate::support::Stage;

/// A file system of a few megabytes; gone when this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one, which needs root. Elsewhere the test is skipped and says so, but not in CI.
    fn mount(path: &Path) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let options = format!("size=12m,mode=0700,uid={}", owner(path));
        let arguments = ["-t", "tmpfs", "-o", &options, "tmpfs"].map(OsStr::new);
        match as_root("mount", &[&arguments[..], &[path.as_os_str()]].concat()) {
            Ok(()) => Some(Self(path.to_owned())),
            Err(problem) => {
                assert!(std::env::var_os("CI").is_none(), "no tmpfs in CI: {problem}");
                println!("SKIPPED: no tmpfs can be mounted: {problem}");
                None
            }
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves no byte.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that a failed test leaves may have files open for a moment.
        let _ = as_root("umount", &[OsStr::new("-l"), self.0.as_os_str()]);
    }
}

/// The user that the test runs as.
fn owner(path: &Path) -> u32 {
    fs::metadata(path).unwrap().uid()
}

/// Runs a program as the user of the test; in CI, if that is not root, with sudo.
fn as_root(program: &str, arguments: &[&OsStr]) -> Result<(), String> {
    let run = |command: &mut Command| {
        let output = command.args(arguments).output().map_err(|error| error.to_string())?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(words) }
    };
    let as_it_is = run(&mut Command::new(program));
    if as_it_is.is_ok() || std::env::var_os("CI").is_none() {
        return as_it_is;
    }
    run(Command::new("sudo").args(["-n", program]))
}

fn journal_check(admin: &Admin) -> (bool, String) {
    let ready = admin.ready();
    let check = ready.checks.into_iter().find(|check| check.name == "journal").unwrap();
    (check.ok, check.reason)
}

#[test]
fn announces_go_on_while_the_disk_is_full_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&dir.path().join("disk")) else { return };
    let data = disk.0.join("data");
    let (stage, machines) = Stage::new(11, &Tuning::default(), Some(&data));
    let mut fleet = stage.fleet(machines);
    let server = stage.start();
    stage.announce_for(&mut fleet, Duration::from_secs(1));
    stage.announce_while(&mut fleet, || {
        for _ in 0..2 {
            disk.fill();
            let answered = stage.clock.answered();
            stage.site.admin().wait_for("a full disk", |admin| {
                let (ok, reason) = journal_check(admin);
                !ok && reason.contains("cannot be written")
            });
            std::thread::sleep(Duration::from_secs(2));
            assert!(stage.clock.answered() > answered + 500, "announces have to go on");
            disk.make_room();
            stage.site.admin().wait_for("a disk with room", |admin| admin.ready().ready);
        }
    });
    assert_eq!(stage.clock.lost(), 0, "no announce may fail");
    let log = stage.site.log();
    assert!(log.contains("announces go on, but what they report cannot be written"), "{log}");
    assert!(log.contains("No space left on device"), "{log}");
    assert!(log.contains("journal and snapshot are written again"), "{log}");
    stage.assert_exact(&mut fleet, "after the disk was full");
    stage.terminate(server);
    let server = stage.start();
    stage.assert_peers(&fleet);
    stage.terminate(server);
}

#[test]
fn a_kill_on_a_full_disk_loses_nothing_and_the_next_start_works_or_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&dir.path().join("disk")) else { return };
    let data = disk.0.join("data");
    let (stage, machines) = Stage::new(12, &Tuning::default(), Some(&data));
    let mut fleet = stage.fleet(machines);
    for round in 0..3 {
        let server = stage.start();
        stage.announce_for(&mut fleet, Duration::from_millis(800));
        disk.fill();
        stage.announce_for(&mut fleet, Duration::from_millis(1500));
        stage.kill(server);

        stage.clock.begin_process();
        let before = stage.site.log().len();
        let mut server = stage.site.spawn();
        while !server.is_ready() && !server.has_ended() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let started = server.is_ready();
        println!("round {round}: starts on a full disk: {started}");
        if started {
            stage.announce_for(&mut fleet, Duration::from_millis(500));
            stage.kill(server);
        } else {
            let status = server.wait();
            stage.clock.end_process();
            let words = stage.site.log().split_off(before);
            assert_eq!(status.code(), Some(1), "{words}");
            assert!(words.contains(&disk.0.display().to_string()), "no file is named: {words}");
            let says_why = words.contains("No space left") || words.contains("disk is full");
            assert!(says_why, "{words}");
        }
        disk.make_room();
        let server = stage.start();
        stage.assert_peers(&fleet);
        stage.assert_exact(&mut fleet, "after a kill on a full disk");
        stage.terminate(server);
    }
}
