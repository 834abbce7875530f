//! Webhooks: who is told what, where, and how far that has come.
//!
//! ```text
//! webhooks.json    all of them, with their keys
//! 7.position       id of the last notification that webhook 7 is done with
//! 7.dead.jsonl     requests given up, one JSON object per line
//! 7.retry.jsonl    those that are tried once more
//! ```

mod dead_letters;
mod error;
mod send;
mod signature;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mika_client::types::{
    NewWebhook, NotificationFilter, Webhook, WebhookChange, WebhookDeadLetter,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch as channel;

use dead_letters::DeadLetterFile;
pub use error::WebhookError;

use super::checkpoint::write_whole;

/// Webhooks at most.
const WEBHOOKS_MAX: usize = 32;
/// Notifications in one request at most, and if nothing was said.
const BATCH_MAX: u32 = 1000;
const BATCH_DEFAULT: u32 = 100;
const URL_BYTES_MAX: usize = 2000;
const NAME: &str = "webhooks.json";

/// All webhooks.
pub struct Webhooks {
    dir: PathBuf,
    hooks: Mutex<BTreeMap<u32, Arc<Hook>>>,
    /// Changes one at a time, each of them written before it counts.
    changes: Mutex<()>,
    /// Grows when there is a new webhook to be sent to.
    changed: channel::Sender<u64>,
}

/// One webhook.
pub(super) struct Hook {
    pub(super) id: u32,
    config: Mutex<HookConfig>,
    /// Grows with every change, so that what waits looks again.
    pub(super) changed: channel::Sender<u64>,
    pub(super) removed: AtomicBool,
    pub(super) position: AtomicU64,
    pub(super) missed: AtomicU64,
    pub(super) progress: Mutex<Progress>,
    pub(super) dead: DeadLetterFile,
}

/// How sending goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) failures: u32,
    pub(super) error: Option<String>,
    pub(super) delivered_at: Option<u32>,
}

/// What is kept of a webhook. Not to be shown: it has the key.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct HookConfig {
    id: u32,
    pub(super) url: String,
    pub(super) secret: String,
    pub(super) filter: NotificationFilter,
    pub(super) enabled: bool,
    pub(super) batch_max: u32,
    created_at: u32,
}

#[derive(Serialize, Deserialize, Default)]
struct Kept {
    next_id: u32,
    webhooks: Vec<HookConfig>,
}

impl Webhooks {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut hooks = BTreeMap::new();
        for config in read(dir)?.webhooks {
            hooks.insert(config.id, Arc::new(Hook::open(dir, config)?));
        }
        let (dir, changed) = (dir.to_owned(), channel::Sender::new(0));
        Ok(Self { dir, hooks: Mutex::new(hooks), changes: Mutex::default(), changed })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hooks.lock().is_empty()
    }

    /// The most notifications that any of them is behind.
    pub(super) fn waiting(&self, last_id: u64) -> u64 {
        let hooks = self.hooks.lock();
        let waiting =
            |hook: &Arc<Hook>| last_id.saturating_sub(hook.position.load(Ordering::Relaxed));
        hooks.values().map(waiting).max().unwrap_or_default()
    }

    /// All webhooks, by id.
    pub fn list(&self, last_id: u64) -> Vec<Webhook> {
        let hooks: Vec<_> = self.hooks.lock().values().cloned().collect();
        hooks.iter().map(|hook| hook.json(last_id)).collect()
    }

    /// One webhook.
    ///
    /// # Errors
    ///
    /// There is none with this id.
    pub fn get(&self, id: u32, last_id: u64) -> Result<Webhook, WebhookError> {
        Ok(self.hook(id)?.json(last_id))
    }

    /// Adds a webhook, which is told what comes after `last_id` unless it says otherwise. The
    /// answer has its key.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`].
    pub fn add(
        &self,
        new: NewWebhook,
        last_id: u64,
        now_seconds: u32,
    ) -> Result<Webhook, WebhookError> {
        let secret = match new.secret {
            Some(secret) => secret,
            None => signature::random_secret()?,
        };
        let mut config = HookConfig {
            id: 0,
            url: new.url,
            secret,
            filter: new.filter,
            enabled: new.enabled.unwrap_or(true),
            batch_max: new.batch_max.unwrap_or(BATCH_DEFAULT),
            created_at: now_seconds,
        };
        config.check()?;
        let _turn = self.changes.lock();
        let mut kept = read(&self.dir)?;
        if kept.webhooks.len() >= WEBHOOKS_MAX {
            return Err(WebhookError::TooMany(WEBHOOKS_MAX));
        }
        kept.next_id = kept.next_id.saturating_add(1);
        config.id = kept.next_id;
        let position = new.after_id.unwrap_or(last_id).min(last_id);
        write_whole(&self.dir, &position_name(config.id), position.to_string().as_bytes())?;
        kept.webhooks.push(config.clone());
        self.write(&kept)?;
        let secret = config.secret.clone();
        let hook = Arc::new(Hook::open(&self.dir, config)?);
        self.hooks.lock().insert(hook.id, Arc::clone(&hook));
        self.changed.send_modify(|changes| *changes += 1);
        Ok(Webhook { secret: Some(secret), ..hook.json(last_id) })
    }

    /// Changes a webhook. The answer has its key if that is new.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`].
    pub fn update(
        &self,
        id: u32,
        change: WebhookChange,
        last_id: u64,
    ) -> Result<Webhook, WebhookError> {
        let _turn = self.changes.lock();
        let hook = self.hook(id)?;
        let mut config = hook.config();
        if let Some(url) = change.url {
            config.url = url;
        }
        if change.new_secret {
            config.secret = signature::random_secret()?;
        }
        config.filter = change.filter.unwrap_or(config.filter);
        config.enabled = change.enabled.unwrap_or(config.enabled);
        config.batch_max = change.batch_max.unwrap_or(config.batch_max);
        config.check()?;
        let mut kept = read(&self.dir)?;
        for one in kept.webhooks.iter_mut().filter(|one| one.id == id) {
            *one = config.clone();
        }
        self.write(&kept)?;
        let secret = change.new_secret.then(|| config.secret.clone());
        *hook.config.lock() = config;
        hook.wake();
        Ok(Webhook { secret, ..hook.json(last_id) })
    }

    /// Removes a webhook, with what waits for it and its dead letters.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`].
    pub fn remove(&self, id: u32) -> Result<(), WebhookError> {
        let _turn = self.changes.lock();
        let hook = self.hook(id)?;
        let mut kept = read(&self.dir)?;
        kept.webhooks.retain(|one| one.id != id);
        self.write(&kept)?;
        self.hooks.lock().remove(&id);
        hook.removed.store(true, Ordering::Relaxed);
        hook.wake();
        hook.dead.remove_all()?;
        match fs::remove_file(self.dir.join(position_name(id))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The newest requests that were given up, the oldest of them first.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`].
    pub fn dead_letters(
        &self,
        id: u32,
        limit: usize,
    ) -> Result<Vec<WebhookDeadLetter>, WebhookError> {
        Ok(self.hook(id)?.dead.newest(limit)?)
    }

    /// Tries once more what was given up; returns how many requests that are.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`].
    pub fn retry(&self, id: u32) -> Result<u64, WebhookError> {
        let hook = self.hook(id)?;
        let count = hook.dead.set_aside()?;
        hook.wake();
        Ok(count)
    }

    /// Forgets what was given up; returns how many requests that were.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`].
    pub fn drop_dead_letters(&self, id: u32) -> Result<u64, WebhookError> {
        Ok(self.hook(id)?.dead.clear()?)
    }

    fn hook(&self, id: u32) -> Result<Arc<Hook>, WebhookError> {
        self.hooks.lock().get(&id).cloned().ok_or(WebhookError::NotFound(id))
    }

    fn write(&self, kept: &Kept) -> Result<(), WebhookError> {
        let bytes = serde_json::to_vec_pretty(kept).map_err(io::Error::from)?;
        Ok(write_whole(&self.dir, NAME, &bytes)?)
    }
}

fn read(dir: &Path) -> io::Result<Kept> {
    let path = dir.join(NAME);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            io::Error::other(format!("{}: {error}: put it right, or remove it", path.display()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::default()),
        Err(error) => Err(error),
    }
}

fn position_name(id: u32) -> String {
    format!("{id}.position")
}

impl HookConfig {
    fn check(&self) -> Result<(), WebhookError> {
        let invalid = |detail: &str| Err(WebhookError::Invalid(detail.to_owned()));
        let url = reqwest::Url::parse(&self.url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if url.is_none() || self.url.len() > URL_BYTES_MAX {
            return invalid("url: http:// or https://, a host, no user, at most 2000 characters");
        }
        let is_visible = self.secret.bytes().all(|byte| byte.is_ascii_graphic());
        if !(16..=256).contains(&self.secret.len()) || !is_visible {
            return invalid("secret: 16 to 256 visible ASCII characters are allowed");
        }
        if !(1..=BATCH_MAX).contains(&self.batch_max) {
            return invalid("batch_max: 1 to 1000 is allowed");
        }
        let NotificationFilter { kinds, user_ids, torrent_ids } = &self.filter;
        let longest = kinds.len().max(user_ids.len()).max(torrent_ids.len());
        if longest > NotificationFilter::LENGTH_MAX {
            return invalid("filter: each list has at most 1000 entries");
        }
        Ok(())
    }
}

impl Hook {
    fn open(dir: &Path, config: HookConfig) -> io::Result<Self> {
        let id = config.id;
        // A position that cannot be read is none: what is in the log is sent again.
        let position = fs::read_to_string(dir.join(position_name(id))).unwrap_or_default();
        let position = position.trim().parse().unwrap_or_default();
        Ok(Self {
            id,
            config: Mutex::new(config),
            changed: channel::Sender::new(0),
            removed: AtomicBool::new(false),
            position: AtomicU64::new(position),
            missed: AtomicU64::new(0),
            progress: Mutex::default(),
            dead: DeadLetterFile::open(dir, id)?,
        })
    }

    pub(super) fn config(&self) -> HookConfig {
        self.config.lock().clone()
    }

    fn wake(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    fn json(&self, last_id: u64) -> Webhook {
        let config = self.config();
        let Progress { failures, error, delivered_at } = self.progress.lock().clone();
        let delivered_id = self.position.load(Ordering::Relaxed);
        Webhook {
            id: self.id,
            url: config.url,
            secret: None,
            filter: config.filter,
            enabled: config.enabled,
            batch_max: config.batch_max,
            created_at: config.created_at,
            delivered_id,
            waiting: last_id.saturating_sub(delivered_id),
            failures,
            error,
            delivered_at,
            dead_letters: self.dead.count(),
            missed: self.missed.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests;
