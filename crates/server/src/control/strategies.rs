//! The strategies by which single torrents' peers are chosen, instead of those of `[selection]`.
//!
//! No site's schema has a column for them, so they are kept in a file of the data directory, which
//! is written whole with each change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::{fs, io};

use mika_core::Tracker;
use mika_core::selection::strategy::Strategies;
use mika_protocol::InfoHash;
use parking_lot::Mutex;
use tracing::{error, warn};

use super::Control;
use super::error::ControlError;
use crate::data_dir::write_whole;

/// Torrents with strategies of their own, at most.
const TORRENTS_MAX: usize = 10_000;

/// Names of strategies by the torrent's hash, in hex.
type Names = BTreeMap<String, Vec<String>>;

/// The torrents that have strategies of their own.
#[derive(Debug, Default)]
pub(super) struct TorrentStrategies {
    names: Mutex<Names>,
    /// `None`: they last as long as the process.
    path: OnceLock<PathBuf>,
}

impl TorrentStrategies {
    fn write(&self, names: &Names) -> Result<(), ControlError> {
        let Some(path) = self.path.get() else { return Ok(()) };
        let text = serde_json::to_string_pretty(names).unwrap_or_default();
        write_whole(path, text.as_bytes()).map_err(|source| {
            error!(path = %path.display(), %source, "a torrent's strategies cannot be kept");
            ControlError::Unavailable("the torrent's strategies cannot be kept".to_owned())
        })
    }
}

impl Control {
    /// Reads the strategies of single torrents, and says where they are kept from now on.
    ///
    /// # Errors
    ///
    /// The file is there and cannot be read, or is not what was written.
    pub fn keep_torrent_strategies(&self, path: PathBuf) -> io::Result<()> {
        let names: Names = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Names::new(),
            Err(error) => return Err(error),
        };
        for (hash, names) in names.iter().take(TORRENTS_MAX) {
            match (InfoHash::from_hex(hash), strategies_of(names)) {
                (Ok(hash), Ok(strategies)) => {
                    self.tracker().set_torrent_strategies(hash, Some(strategies));
                }
                _ => warn!(hash, ?names, "strategies that mean nothing are left out"),
            }
        }
        let kept = &self.shared.strategies;
        *kept.names.lock() = names;
        // It is set once, at the start.
        let _ = kept.path.set(path);
        Ok(())
    }

    /// Gives a torrent strategies of its own, or those of the configuration again.
    pub(super) fn set_torrent_strategies(
        &self,
        info_hash: InfoHash,
        names: Option<Vec<String>>,
    ) -> Result<(), ControlError> {
        let strategies = names.as_deref().map(strategies_of).transpose()?;
        let kept = &self.shared.strategies;
        let mut held = kept.names.lock();
        let mut changed = held.clone();
        match names {
            Some(names) => _ = changed.insert(info_hash.to_string(), names),
            None => _ = changed.remove(&info_hash.to_string()),
        }
        if changed.len() > TORRENTS_MAX {
            let detail = format!("{TORRENTS_MAX} torrents have strategies of their own already");
            return Err(ControlError::conflict("too_many_strategies", detail));
        }
        kept.write(&changed)?;
        *held = changed;
        self.tracker().set_torrent_strategies(info_hash, strategies);
        Ok(())
    }
}

/// The names of the strategies that a torrent has of its own.
pub(super) fn names_of(tracker: &Tracker, info_hash: InfoHash) -> Option<Vec<String>> {
    let strategies = tracker.torrent_strategies(info_hash)?;
    Some(strategies.names().map(str::to_owned).collect())
}

/// What names mean.
pub(super) fn strategies_of(names: &[String]) -> Result<Strategies, ControlError> {
    let mut strategies = Strategies::UNIFORM;
    for name in names {
        let Some(strategy) = Strategies::of_name(name) else {
            let known: Vec<&str> = Strategies::NAMES.into_iter().map(|(_, name)| name).collect();
            let detail = format!("there is no strategy `{name}`, only {}", known.join(", "));
            return Err(ControlError::Invalid(detail));
        };
        strategies = strategies | strategy;
    }
    match strategies.conflict() {
        Some((one, other)) => {
            let detail = format!("`{one}` and `{other}` work against each other: choose one");
            Err(ControlError::Invalid(detail))
        }
        None => Ok(strategies),
    }
}
