//! What a configuration costs at worst, and what this machine lacks for it.
//!
//! The sizes are those that the memory benchmark measures, rounded up; they are what `[limits]`
//! is chosen by.

mod data_dir;
mod detection;
mod geo;
mod listeners;
mod store;

use nix::sys::resource::{Resource, getrlimit};

use crate::config::{Config, Mode};
use crate::schema::Grade;
pub use store::store_findings;

/// Bytes of a private session in a swarm of ten and more, everything included.
const SESSION_BYTES: u64 = 64;
/// Bytes of a public peer, likewise.
const PUBLIC_PEER_BYTES: u64 = 20;
/// Bytes of a torrent without peers, with its place in the table.
const TORRENT_BYTES: u64 = 96;
/// Bytes of a user.
const USER_BYTES: u64 = 56;
/// Bytes of a remembered departed leecher.
const DEPARTED_BYTES: u64 = 32;
/// Bytes of a session that fell silent and may come back.
const SILENT_BYTES: u64 = 60;
/// Bytes of an open connection that is idle; TLS costs more.
const CONNECTION_BYTES: u64 = 2048;
/// Bytes of a row on its way to the store.
const BATCH_ROW_BYTES: u64 = 512;
/// Bytes of an announce that waits for a look-up, beyond its connection, and of the question.
const PARKED_BYTES: u64 = 1024;
/// Bytes of the answer to a look-up, with its places in two tables.
const REMEMBERED_BYTES: u64 = 320;
/// Bytes of the process before it holds anything.
const BASE_BYTES: u64 = 48 << 20;

/// What some limit allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The key of the limit; empty for the process itself.
    pub limit: &'static str,
    /// How many it allows.
    pub count: u64,
    /// Bytes of memory that many need.
    pub bytes: u64,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether all is well.
    pub grade: Grade,
    /// What was found and, if need be, what to do.
    pub text: String,
}

/// Memory at worst, limit by limit.
pub fn costs(config: &Config) -> Vec<Cost> {
    let limits = &config.limits;
    let cost =
        |limit, count: u64, each: u64| Cost { limit, count, bytes: count.saturating_mul(each) };
    let peer_bytes = match config.tracker.mode {
        Mode::Private => SESSION_BYTES,
        Mode::Public => PUBLIC_PEER_BYTES,
    };
    let departed_bytes = match config.site.silent_kept_seconds {
        0 => DEPARTED_BYTES,
        _ => DEPARTED_BYTES + SILENT_BYTES,
    };
    let mut costs = vec![
        cost("", 1, BASE_BYTES),
        cost("limits.torrents", limits.torrents.into(), TORRENT_BYTES),
        cost("limits.users", limits.users.into(), USER_BYTES),
        cost("limits.sessions", limits.sessions, peer_bytes),
        cost("limits.departed_sessions", limits.departed_sessions.into(), departed_bytes),
        cost("limits.connections", limits.connections.into(), CONNECTION_BYTES),
        cost("limits.batch_rows", limits.batch_rows.into(), BATCH_ROW_BYTES),
    ];
    if config.store.lookup {
        let lookup = &config.lookup;
        costs.push(cost("lookup.parked_max", lookup.parked_max.into(), PARKED_BYTES));
        // Found ones and others.
        let remembered = u64::from(lookup.remembered_max).saturating_mul(2);
        costs.push(cost("lookup.remembered_max", remembered, REMEMBERED_BYTES));
    }
    costs.extend(detection::costs(config));
    costs.extend(geo::costs(config));
    costs
}

/// Looks at what the configuration needs of this machine.
pub fn findings(config: &Config) -> Vec<Finding> {
    let (data_dir, usage) = data_dir::look(config);
    let mut findings = vec![open_files(config)];
    findings.extend(data_dir);
    findings.push(admin_address(config));
    findings.extend(listeners::findings(config, usage));
    findings.extend(listeners::certificates(config));
    findings.extend(detection::findings(config));
    findings.extend(geo::findings(config));
    findings.extend(config.warnings().into_iter().map(|text| finding(false, text)));
    findings
}

fn finding(ok: bool, text: String) -> Finding {
    Finding { grade: if ok { Grade::Ok } else { Grade::Bad }, text }
}

fn open_files(config: &Config) -> Finding {
    let connections = u64::from(config.limits.connections);
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard >= connections => {
            finding(true, format!("{hard} open files allowed, for {connections} connections"))
        }
        Ok((_, hard)) => finding(
            false,
            format!(
                "{hard} open files allowed, but limits.connections is {connections}: raise the \
                 hard limit (`ulimit -Hn`, LimitNOFILE= in a systemd unit) or lower the setting"
            ),
        ),
        Err(error) => finding(false, format!("the limit of open files cannot be read: {error}")),
    }
}

fn admin_address(config: &Config) -> Finding {
    let address = config.admin.listen;
    let text = |what: &str| format!("the admin API listens on {address}: {what}");
    match address.ip().is_loopback() {
        true => finding(true, text("this machine only")),
        false => {
            finding(false, text("others reach it, and its token crosses the network in plain"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_peer_costs_less_than_a_session() {
        let mut config = Config::default();
        config.limits.sessions = 1_000_000;
        let bytes = |config: &Config| {
            let costs = costs(config);
            costs.iter().find(|cost| cost.limit == "limits.sessions").unwrap().bytes
        };
        assert_eq!(bytes(&config), 64_000_000);
        config.tracker.mode = Mode::Public;
        assert_eq!(bytes(&config), 20_000_000);
    }

    #[test]
    fn a_limit_beyond_the_system_and_an_open_admin_api_are_found() {
        let mut config = Config::default();
        config.limits.connections = 4_000_000_000;
        config.admin.listen = "0.0.0.0:1".parse().unwrap();
        let found = findings(&config);
        assert!(
            found[0].grade == Grade::Bad && found[0].text.contains("raise the hard limit"),
            "{found:?}"
        );
        assert!(
            found.iter().any(|it| it.grade == Grade::Bad && it.text.contains("others reach it")),
            "{found:?}"
        );
    }
}
