//! Cores that nothing but announces runs on, if an operator wants that.
//!
//! A thread that wakes up on a core on which another one runs may wait there for as long as a tick
//! of the kernel, 1 to 10 ms, whatever other cores do. Where the store or the admin API keeps a
//! core busy, the slowest announces have waited for that; with cores of their own they do not.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread, to the system.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// Cores that cannot be kept for announces.
#[derive(Debug, thiserror::Error)]
pub enum CoresError {
    /// It does not exist, or this process is kept off it.
    #[error("tracker.announce_cores: core {core} is none of those that there are: {available:?}")]
    NotThere {
        /// The core that was asked for.
        core: u16,
        /// Those that this process may use.
        available: Vec<u16>,
    },
    /// The store, the admin API and the rest have to run somewhere.
    #[error(
        "tracker.announce_cores: leave one of {available:?} for what does not answer announces"
    )]
    NoneLeft {
        /// Those that this process may use.
        available: Vec<u16>,
    },
    /// The system does not let threads be kept to cores.
    #[error("tracker.announce_cores: threads cannot be kept to cores: {0}")]
    Refused(#[from] nix::Error),
}

/// Keeps the calling thread, and whatever it starts from now on, off the cores for announces.
///
/// Called before there are other threads. Does nothing if `announce_cores` is empty.
///
/// # Errors
///
/// One of the cores is not there, none would be left, or the system refuses.
pub fn leave_to_announces(announce_cores: &[u16]) -> Result<(), CoresError> {
    if announce_cores.is_empty() {
        return Ok(());
    }
    let available = available()?;
    if let Some(core) = announce_cores.iter().copied().find(|core| !available.contains(core)) {
        return Err(CoresError::NotThere { core, available });
    }
    let others: Vec<u16> =
        available.iter().copied().filter(|core| !announce_cores.contains(core)).collect();
    if others.is_empty() {
        return Err(CoresError::NoneLeft { available });
    }
    Ok(keep_to(&others)?)
}

/// Keeps the calling thread, which answers announces, to the cores for them; to any if empty.
pub(crate) fn take_for_announces(announce_cores: &[u16]) -> io::Result<()> {
    match announce_cores {
        [] => Ok(()),
        cores => Ok(keep_to(cores)?),
    }
}

/// The cores that the calling thread may run on, in order.
///
/// # Errors
///
/// The system does not say.
pub fn available() -> nix::Result<Vec<u16>> {
    let set = sched_getaffinity(THIS_THREAD)?;
    let all = (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or_default());
    Ok(all.filter_map(|core| u16::try_from(core).ok()).collect())
}

/// Keeps the calling thread, and whatever it starts from now on, to some cores.
///
/// # Errors
///
/// There is no such core for this process, or the system refuses.
pub fn keep_to(cores: &[u16]) -> nix::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(usize::from(*core))?;
    }
    sched_setaffinity(THIS_THREAD, &set)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_and_what_it_starts_leave_the_cores_for_announces() {
        let all = available().unwrap();
        let [first, others @ ..] = all.as_slice() else { panic!("no core") };
        if others.is_empty() {
            return;
        }
        let (first, others) = (*first, others.to_vec());
        thread::spawn(move || {
            leave_to_announces(&[first]).unwrap();
            assert_eq!(available().unwrap(), others);
            let announces = thread::spawn(move || {
                assert_eq!(available().unwrap(), others);
                take_for_announces(&[first]).unwrap();
                available().unwrap()
            });
            assert_eq!(announces.join().unwrap(), [first]);
        })
        .join()
        .unwrap();
        assert_eq!(available().unwrap(), all);
    }

    #[test]
    fn no_core_for_announces_means_any() {
        let all = available().unwrap();
        leave_to_announces(&[]).unwrap();
        take_for_announces(&[]).unwrap();
        assert_eq!(available().unwrap(), all);
    }

    #[test]
    fn a_core_that_is_not_there_is_named_with_those_that_are() {
        let all = available().unwrap();
        let error = leave_to_announces(&[all[0], 60_000]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("tracker.announce_cores: core 60000 is none of those that there are: {all:?}")
        );
        assert!(take_for_announces(&[60_000]).is_err());
        assert_eq!(available().unwrap(), all);
    }

    #[test]
    fn one_core_has_to_be_left() {
        let all = available().unwrap();
        let error = leave_to_announces(&all).unwrap_err();
        assert!(error.to_string().contains("leave one of"), "{error}");
        assert_eq!(available().unwrap(), all);
    }
}
