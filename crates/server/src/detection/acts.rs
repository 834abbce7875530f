//! What is done about users, and which torrents are exempt: `detection.acts.json` in the data
//! directory, written whole with each change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

use mika_core::detection::Level;
use mika_protocol::InfoHash;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::data_dir::write_whole;

/// Torrents that may be exempt.
pub(super) const EXEMPT_MAX: usize = 100_000;

/// What is done about a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Act {
    /// The level at which that was decided, by a person or by what is configured.
    pub(super) level: Level,
    /// Clients are told a warning.
    pub(super) warning: bool,
    /// Credit for upload is withheld.
    pub(super) quarantine: bool,
    /// The account was closed.
    pub(super) disabled: bool,
}

impl Act {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What the file says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    users: BTreeMap<u32, Act>,
    /// Ids in the store, by hash.
    exempt: BTreeMap<String, u32>,
}

/// The file, and what is in it.
#[derive(Debug)]
pub(super) struct Acts {
    path: PathBuf,
    content: Content,
}

impl Acts {
    /// Reads the file; one that makes no sense is set aside.
    pub(super) fn open(path: PathBuf) -> Self {
        let content = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                let aside = path.with_extension("json.unusable");
                let (from, to) = (path.display(), aside.display());
                let moved = fs::rename(&path, &aside).is_ok();
                warn!(%error, moved, "{from} cannot be used, its copy is {to}: nobody is warned \
                       or in quarantine, and no torrent is exempt");
                Content::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => {
                warn!(path = %path.display(), %error, "nobody is warned or in quarantine");
                Content::default()
            }
        };
        Self { path, content }
    }

    pub(super) fn of(&self, user_id: u32) -> Act {
        self.content.users.get(&user_id).copied().unwrap_or_default()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Act)> {
        self.content.users.iter().map(|(id, act)| (*id, *act))
    }

    /// Changes what is done about some users; on the disk when this returns.
    pub(super) fn put(&mut self, changes: &[(u32, Act)]) -> io::Result<()> {
        let mut changed = self.content.clone();
        for (user_id, act) in changes {
            match act.is_nothing() {
                true => _ = changed.users.remove(user_id),
                false => _ = changed.users.insert(*user_id, *act),
            }
        }
        self.replace(changed)
    }

    pub(super) fn exempt(&self) -> impl Iterator<Item = (InfoHash, u32)> {
        let torrents = self.content.exempt.iter();
        torrents.filter_map(|(hash, id)| Some((InfoHash::from_hex(hash).ok()?, *id)))
    }

    pub(super) fn exempt_ids(&self) -> Vec<u32> {
        self.content.exempt.values().copied().collect()
    }

    /// Exempts a torrent; false if there are too many.
    pub(super) fn add_exempt(&mut self, info_hash: InfoHash, torrent_id: u32) -> io::Result<bool> {
        let mut changed = self.content.clone();
        changed.exempt.insert(info_hash.to_string(), torrent_id);
        if changed.exempt.len() > EXEMPT_MAX {
            return Ok(false);
        }
        self.replace(changed).map(|()| true)
    }

    /// The torrent's id, if it was exempt.
    pub(super) fn remove_exempt(&mut self, info_hash: InfoHash) -> io::Result<Option<u32>> {
        let mut changed = self.content.clone();
        let removed = changed.exempt.remove(&info_hash.to_string());
        if removed.is_some() {
            self.replace(changed)?;
        }
        Ok(removed)
    }

    fn replace(&mut self, changed: Content) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&changed)?;
        write_whole(&self.path, text.as_bytes())?;
        self.content = changed;
        Ok(())
    }
}
