//! The processor time of this process.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Processor time used so far by all threads, in user and kernel mode; `None` if the system does
/// not tell.
pub fn cpu_milliseconds() -> Option<u64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let both = usage.user_time() + usage.system_time();
    u64::try_from(both.num_milliseconds()).ok()
}
