//! The processes of a server: PostgreSQL has one for each connection.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

const LEAVE_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends a signal to a process, if it is still there.
pub(crate) fn send(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).expect("process ids are small"));
    match signal::kill(process, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("{signal} to {process}: {error}"),
    }
}

/// Sends a signal to a process and all its descendants.
///
/// The process itself is stopped first, so that it makes no more of them meanwhile.
pub(crate) fn send_to_family(process: u32, signal: Signal) -> Vec<u32> {
    send(process, Signal::SIGSTOP);
    let family = family(process);
    for member in &family {
        send(*member, signal);
    }
    family
}

/// A process and its descendants.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("this is Linux, with /proc").flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some((id, (_, parent))) = id.and_then(|id| Some((id, state_and_parent(id)?))) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut family = vec![process];
    let mut next = 0;
    while let Some(member) = family.get(next) {
        let own = children.remove(member).unwrap_or_default();
        family.extend(own);
        next += 1;
    }
    family
}

/// Whether a process is there and not merely waiting for its parent to take note of its end.
pub(crate) fn is_alive(process: u32) -> bool {
    state_and_parent(process).is_some_and(|(state, _)| state != 'Z')
}

/// Waits until none of them is alive.
pub(crate) fn wait_for_end(processes: &[u32]) {
    assert!(have_ended(processes, LEAVE_TIMEOUT), "processes that do not end: {processes:?}");
}

/// Whether all of them end within a time.
pub(crate) fn have_ended(processes: &[u32], within: Duration) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if !processes.iter().any(|process| is_alive(*process)) {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process was started with a path below this directory: an id alone may have been given
/// to another process since.
pub(crate) fn was_started_with(process: u32, directory: &Path) -> bool {
    let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let wanted = directory.as_os_str().as_encoded_bytes();
    arguments.windows(wanted.len()).any(|window| window == wanted)
}

fn state_and_parent(process: u32) -> Option<(char, u32)> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may itself hold anything.
    let mut fields = line.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}
