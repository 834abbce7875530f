//! All files of a configuration, and what became of each.

use std::fs::Metadata;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::{info, warn};

use super::database::{Database, DatabaseError};
use super::found::Found;
use super::numbers::GeoNumbers;
use super::settings::GeoSettings;
use crate::metrics::now_seconds;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Coordinates and countries (`geo.city_path`).
    City,
    /// The same for IPv6 (`geo.city_ipv6_path`).
    CityIpv6,
    /// Autonomous systems (`geo.asn_path`).
    Asn,
}

impl Role {
    /// Its name: `city`, `city_ipv6`, `asn`.
    pub fn name(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::CityIpv6 => "city_ipv6",
            Self::Asn => "asn",
        }
    }
}

/// What became of a file of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// What it is for.
    pub role: Role,
    /// Where it is.
    pub path: PathBuf,
    /// What it says it is, such as `GeoLite2-City`; empty if nothing was read from it.
    pub kind: String,
    /// When it was built, as a Unix time in seconds; 0 if nothing was read from it.
    pub built_at_seconds: u64,
    /// Its length; 0 if nothing was read from it.
    pub bytes: u64,
    /// Whether it was built longer ago than `geo.max_age_days`.
    pub is_old: bool,
    /// Why it could not be read the last time; empty if it could.
    pub problem: String,
}

impl FileState {
    /// Seconds since it was built; `None` if nothing was read from it.
    pub fn age_seconds(&self, now_seconds: u64) -> Option<u64> {
        (self.bytes > 0).then(|| now_seconds.saturating_sub(self.built_at_seconds))
    }
}

/// By what a file is told from the one that was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    /// Also changes with its permissions: then it may be readable.
    changed_nanoseconds: i128,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let seconds = i128::from(metadata.ctime()).saturating_mul(1_000_000_000);
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed_nanoseconds: seconds.saturating_add(metadata.ctime_nsec().into()),
        }
    }
}

/// A file of the configuration.
#[derive(Debug, Clone)]
struct Slot {
    role: Role,
    path: PathBuf,
    /// What was there when it was last looked at; `None` if nothing was.
    stamp: Option<Stamp>,
    bytes_max: u64,
    database: Option<Arc<Database>>,
    problem: String,
}

impl Slot {
    /// Reads a file, unless it is as it was `before`.
    fn read(role: Role, path: &Path, bytes_max: u64, before: Option<&Self>) -> (Self, bool) {
        let metadata = std::fs::metadata(path);
        let stamp = metadata.as_ref().ok().map(Stamp::of);
        if let Some(before) = before
            && before.stamp == stamp
            && before.bytes_max == bytes_max
        {
            return (Self { role, ..before.clone() }, false);
        }
        let mut slot = Self {
            role,
            path: path.to_owned(),
            stamp,
            bytes_max,
            database: before.and_then(|before| before.database.clone()),
            problem: String::new(),
        };
        let opened = metadata.map_err(DatabaseError::from);
        match opened.and_then(|_| Database::open(path, bytes_max)) {
            Ok(database) => slot.database = Some(Arc::new(database)),
            Err(error) => slot.problem = error.to_string(),
        }
        (slot, true)
    }
}

/// All files of a configuration, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Files {
    slots: Vec<Slot>,
    age_max_seconds: u64,
    /// What is shown beside the attributions of the files.
    attribution: String,
}

impl Files {
    /// The files of the settings: read, or taken over from here if they are the same. Also says
    /// whether anything is different.
    pub(super) fn reload(&self, settings: &GeoSettings) -> (Self, bool) {
        let mut changed = settings.files.len() != self.slots.len();
        let mut slots = Vec::with_capacity(settings.files.len());
        for (role, path) in &settings.files {
            let before = self.slots.iter().find(|slot| slot.path == *path);
            let (slot, is_new) = Slot::read(*role, path, settings.file_bytes_max, before);
            changed |= is_new;
            slots.push(slot);
        }
        let (age_max_seconds, attribution) = (settings.age_max_seconds, &settings.attribution);
        (Self { slots, age_max_seconds, attribution: attribution.clone() }, changed)
    }

    /// What they know about an address.
    pub(super) fn find(&self, address: IpAddr, numbers: &GeoNumbers) -> Found {
        let address = address.to_canonical();
        let mut all = Found::default();
        for database in self.slots.iter().filter_map(|slot| slot.database.as_ref()) {
            match database.find(address) {
                Ok(found) => all = all.or(found),
                Err(_) => {
                    numbers.failures_total.fetch_add(1, Ordering::Relaxed);
                }
            }
            if all.is_complete() {
                break;
            }
        }
        all
    }

    pub(super) fn has_data(&self) -> bool {
        self.slots.iter().any(|slot| slot.database.is_some())
    }

    pub(super) fn states(&self) -> Vec<FileState> {
        let now = now_seconds();
        self.slots.iter().map(|slot| self.state(slot, now)).collect()
    }

    fn state(&self, slot: &Slot, now_seconds: u64) -> FileState {
        let database = slot.database.as_ref();
        let mut state = FileState {
            role: slot.role,
            path: slot.path.clone(),
            kind: database.map(|database| database.kind().to_owned()).unwrap_or_default(),
            built_at_seconds: database.map_or(0, |database| database.built_at_seconds()),
            bytes: database.map_or(0, |database| database.bytes()),
            is_old: false,
            problem: slot.problem.clone(),
        };
        let age_seconds = state.age_seconds(now_seconds).unwrap_or_default();
        state.is_old = self.age_max_seconds > 0 && age_seconds > self.age_max_seconds;
        state
    }

    /// Each attribution once.
    pub(super) fn attributions(&self) -> Vec<String> {
        let databases = self.slots.iter().filter_map(|slot| slot.database.as_ref());
        let known = databases.filter_map(|database| database.attribution());
        let own = Some(self.attribution.as_str()).filter(|text| !text.is_empty());
        let mut all: Vec<String> = Vec::new();
        for text in known.chain(own) {
            if !all.iter().any(|earlier| earlier == text) {
                all.push(text.to_owned());
            }
        }
        all
    }

    /// Says what was read, and what was not.
    pub(super) fn tell(&self) {
        for state in self.states() {
            let (file, path) = (state.role.name(), state.path.display());
            if state.problem.is_empty() {
                let (kind, bytes) = (&state.kind, state.bytes);
                info!(file, %path, kind, bytes, "geo data read");
                continue;
            }
            let problem = &state.problem;
            match state.bytes {
                0 => warn!(file, %path, problem, "no geo data: places it would know are unknown"),
                _ => warn!(file, %path, problem, "geo data not replaced: the old data is in use"),
            }
        }
        self.tell_age();
    }

    /// Warns of files that are too old.
    pub(super) fn tell_age(&self) {
        let now = now_seconds();
        for state in self.states().into_iter().filter(|state| state.is_old) {
            let age_days = state.age_seconds(now).unwrap_or_default() / 86_400;
            let (file, path) = (state.role.name(), state.path.display());
            warn!(file, %path, age_days, "geo data is old: `mika geo update` fetches newer data");
        }
    }
}
