//! PostgreSQL.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Launch, PASSWORD, USER, line, shown, within};

pub(super) fn initialise(launch: &Launch, directory: &Path) -> Command {
    let password = within(directory, "password");
    launch.write(&password, PASSWORD);
    let initialiser = launch.programs.initialiser.as_ref().expect("PostgreSQL has an initdb");
    let mut command = launch.command(initialiser);
    command
        .args(["--username", USER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
        .args(["--no-sync", "--pwfile"])
        .arg(password)
        .arg("--pgdata")
        .arg(within(directory, "data"));
    command
}

pub(super) fn prepare(launch: &Launch, directory: &Path, port: u16) -> Vec<String> {
    let options = &launch.options;
    let method = if options.password { "scram-sha-256" } else { "trust" };
    let allowed = format!("local all all {method}\nhost all all 127.0.0.1/32 {method}\n");
    launch.write(&within(directory, "data/pg_hba.conf"), &allowed);
    let synced = if options.synced { "on" } else { "off" };
    let mut settings = vec![
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", shown(directory)),
        ("fsync", synced.to_owned()),
        ("full_page_writes", synced.to_owned()),
        ("synchronous_commit", synced.to_owned()),
        ("max_connections", "200".to_owned()),
        ("shared_buffers", "32MB".to_owned()),
        ("log_checkpoints", "off".to_owned()),
    ];
    settings.extend(options.settings.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let settings =
        settings.into_iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
    let data = ["-D".to_owned(), shown(&within(directory, "data"))];
    line(&launch.programs.server, data.into_iter().chain(settings))
}

/// Removes the segment of shared memory that a killed PostgreSQL leaves behind: the system has room
/// for a few thousand.
pub(super) fn remove_shared_memory(directory: &Path) {
    // Not there after an orderly end. The seventh line has the segment's key and id.
    let Ok(text) = fs::read_to_string(within(directory, "data/postmaster.pid")) else { return };
    let Some(id) = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) else {
        return;
    };
    match Command::new("ipcrm").args(["--shmem-id", id]).status() {
        Ok(status) if status.success() => {}
        other => eprintln!("shared memory {id} of PostgreSQL stays: {other:?}"),
    }
}
