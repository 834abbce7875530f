//! What the system says about the server, the generator and the machine, from `/proc`.

use std::fs;
use std::net::SocketAddrV4;

use anyhow::{Context as _, Result};

/// `USER_HZ`, in which the kernel tells CPU times.
const TICKS_PER_SECOND: f64 = 100.0;

const PAGE_BYTES: u64 = 4096;

/// One look at everything.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    /// CPU time of the server's processes, all threads, those that have ended too.
    pub(super) server_cpu_seconds: f64,
    pub(super) server_rss_bytes: u64,
    pub(super) steal_ticks: u64,
    pub(super) all_ticks: u64,
    /// Datagrams that found no room in the server's sockets, and in the generator's.
    pub(super) server_drops: u64,
    pub(super) generator_drops: u64,
}

impl Look {
    pub(super) fn now(pids: &[u32], target: SocketAddrV4) -> Result<Self> {
        let mut look = Self::default();
        for pid in pids {
            look.server_cpu_seconds += cpu_seconds(*pid)?;
            look.server_rss_bytes += rss_bytes(*pid)?;
        }
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        (look.steal_ticks, look.all_ticks) = machine_ticks(&stat);
        for name in ["udp", "udp6"] {
            let table = fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
            let (server, generator) = udp_drops(&table, target);
            look.server_drops += server;
            look.generator_drops += generator;
        }
        Ok(look)
    }
}

fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("no process {pid}"))?;
    cpu_ticks(&stat).map(|ticks| ticks as f64 / TICKS_PER_SECOND).with_context(|| path)
}

/// `utime` and `stime`. The name of the program may hold anything, but ends at the last bracket.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn rss_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/statm");
    let statm = fs::read_to_string(&path).with_context(|| format!("no process {pid}"))?;
    let pages: u64 = statm.split(' ').nth(1).with_context(|| path)?.parse()?;
    Ok(pages * PAGE_BYTES)
}

/// Stolen by the hypervisor, and in all.
fn machine_ticks(stat: &str) -> (u64, u64) {
    let line = stat.lines().next().unwrap_or_default();
    // The two after these, for guests, are part of the first two.
    let ticks = line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok());
    let ticks: Vec<u64> = ticks.collect();
    (ticks.get(7).copied().unwrap_or(0), ticks.iter().sum())
}

/// Drops of the sockets that listen on the target's port, and of those connected to the target.
fn udp_drops(table: &str, target: SocketAddrV4) -> (u64, u64) {
    let port = format!(":{:04X}", target.port());
    let address = u32::from_ne_bytes(target.ip().octets());
    let remote_wanted = format!("{address:08X}{port}");
    let (mut server, mut generator) = (0, 0);
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(remote), Some(drops)) =
            (fields.get(1), fields.get(2), fields.last())
        else {
            continue;
        };
        let drops: u64 = drops.parse().unwrap_or(0);
        if **remote == remote_wanted {
            generator += drops;
        } else if local.ends_with(&port) {
            server += drops;
        }
    }
    (server, generator)
}

/// Nanoseconds that this thread ran, and that it was runnable while another had the core.
pub(super) fn thread_times() -> (u64, u64) {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let mut fields = text.split_whitespace().map(|field| field.parse().unwrap_or(0));
    (fields.next().unwrap_or(0), fields.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "7 (a) b) ) S 1 2 3 4 5 6 7 8 9 10 150 50 1 1 20 0 4 0 99";
        assert_eq!(cpu_ticks(stat), Some(200));
    }

    #[test]
    fn this_process_has_memory_and_the_machine_time() {
        let target = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 9);
        let look = Look::now(&[std::process::id()], target).unwrap();
        assert!(look.server_rss_bytes > 1 << 20);
        assert!(look.all_ticks > look.steal_ticks);
        assert!(Look::now(&[u32::MAX], target).is_err());
    }

    #[test]
    fn drops_are_told_apart() {
        let table = "  sl  local_address rem_address   st tx_queue ... drops\n\
            1: 00000000:84D0 00000000:0000 07 0:0 00:0 0 0 0 61 2 0 5\n\
            2: 0100007F:84D0 00000000:0000 07 0:0 00:0 0 0 0 62 2 0 6\n\
            3: 0101017F:C350 0100007F:84D0 01 0:0 00:0 0 0 0 63 2 0 70\n\
            4: 0101017F:C350 0100007F:84D1 01 0:0 00:0 0 0 0 64 2 0 800\n";
        let target = "127.0.0.1:34000".parse().unwrap();
        assert_eq!(udp_drops(table, target), (11, 70));
    }

    #[test]
    fn a_thread_that_works_is_seen_to() {
        let (before, _) = thread_times();
        let begin = std::time::Instant::now();
        while begin.elapsed().as_millis() < 30 {
            std::hint::spin_loop();
        }
        assert!(thread_times().0 > before);
    }
}
