//! What the admin API and signals can ask of the running server.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use mika_client::types::{
    ConfigKeys, ConfigPatch, CursorPage, CursorQuery, DeadLetter, DeadLetterAnswer, DeadLetterIds,
    Flushed,
};
use tokio::sync::{Mutex, watch};
use tracing::{error, info, warn};

use super::site_settings::SiteSettings;
use super::{Hooks, letters, settings_of};
use crate::admin::{AccessSettings, Admin, AdminCommands, AdminToken, CommandError, WeakAdmin};
use crate::config::{self, Config, ConfigChange, Overrides};
use crate::control::{AnnounceUrls, Control, ControlError, Expected};
use crate::flush::{DeadLetters, FlushHandle};
use crate::geo::{Geo, GeoSettings};
use crate::listen::tls::TlsCertificates;
use crate::listen::{ListenContext, LiveSettings};

/// How long a flush waits for the store.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(20);

/// The running server, as far as others may ask something of it.
pub(super) struct ServerCommands {
    pub(super) config: Arc<ArcSwap<Config>>,
    pub(super) hooks: Hooks,
    /// Held while a configuration is applied, so that two reloads do not mix.
    pub(super) reload: Mutex<()>,
    pub(super) context: Arc<ListenContext>,
    pub(super) control: Control,
    pub(super) site_settings: SiteSettings,
    pub(super) geo: Arc<Geo>,
    pub(super) certificates: Option<Arc<TlsCertificates>>,
    pub(super) admin_certificates: Option<Arc<TlsCertificates>>,
    pub(super) flush: Arc<FlushHandle>,
    pub(super) dead_letters: DeadLetters,
    /// Where what is set over the API is kept.
    pub(super) overrides: PathBuf,
    pub(super) applied: watch::Receiver<u64>,
    /// Weak, for the API holds these commands.
    pub(super) admin: OnceLock<WeakAdmin>,
}

#[async_trait]
impl AdminCommands for ServerCommands {
    async fn reload_config(&self) -> Result<ConfigChange, CommandError> {
        let _turn = self.reload.lock().await;
        let unreadable = |error: io::Error| CommandError::Unavailable(error.to_string());
        let overrides = Overrides::read(&self.overrides).map_err(unreadable)?;
        let new = (self.hooks.read_config)().map_err(CommandError::Config)?;
        let new = overrides.over(new).map_err(CommandError::Config)?;
        let change = self.apply(new)?;
        self.reload_geo().await;
        Ok(change)
    }

    async fn flush(&self) -> Result<Flushed, CommandError> {
        let number = self.flush.flush().await.map_err(CommandError::Unavailable)?;
        let mut applied = self.applied.clone();
        let reached = applied.wait_for(|applied| *applied >= number);
        match tokio::time::timeout(FLUSH_TIMEOUT, reached).await {
            Ok(Ok(applied)) => Ok(Flushed { applied_batch_number: *applied }),
            Ok(Err(_)) => Err(CommandError::Unavailable("the server is stopping".to_owned())),
            Err(_) => Err(CommandError::Unavailable(format!(
                "batch {number} is in the journal, but the store did not take it within {} s",
                FLUSH_TIMEOUT.as_secs()
            ))),
        }
    }

    async fn config(&self) -> Result<ConfigKeys, CommandError> {
        let overrides = Overrides::read(&self.overrides);
        let overrides = overrides.map_err(|error| CommandError::Unavailable(error.to_string()))?;
        Ok(overrides.keys(&self.config.load()))
    }

    async fn change_config(
        &self,
        patch: ConfigPatch,
        expected: Expected,
    ) -> Result<ConfigChange, ControlError> {
        let _turn = self.reload.lock().await;
        let unavailable = |error: io::Error| ControlError::Unavailable(error.to_string());
        let mut overrides = Overrides::read(&self.overrides).map_err(unavailable)?;
        expected.check(&overrides.keys(&self.config.load()))?;
        overrides.change(patch.0).map_err(ControlError::Invalid)?;
        let new = (self.hooks.read_config)().map_err(ControlError::Invalid)?;
        let new = overrides.over(new).map_err(ControlError::Invalid)?;
        // First what lasts, then what is in force.
        overrides.write(&self.overrides).map_err(unavailable)?;
        let applied = self.apply(new);
        let change = applied.map_err(|error| ControlError::Unavailable(error.to_string()))?;
        self.reload_geo().await;
        Ok(change)
    }

    async fn set_intervals(
        &self,
        interval_seconds: Option<u32>,
        jitter_seconds: Option<u32>,
    ) -> Result<(), CommandError> {
        let _turn = self.reload.lock().await;
        let mut new = Config::clone(&self.config.load());
        if let Some(seconds) = interval_seconds {
            new.tracker.interval_seconds = seconds;
            new.tracker.min_interval_seconds = seconds;
        }
        new.site.jitter_seconds = jitter_seconds.unwrap_or(new.site.jitter_seconds);
        let longest = new.tracker.interval_seconds.saturating_add(new.site.jitter_seconds);
        if new.tracker.interval_seconds == 0 || longest >= new.tracker.peer_timeout_seconds {
            let timeout = new.tracker.peer_timeout_seconds;
            return Err(CommandError::Config(format!(
                "the interval and its jitter add up to {longest} s: they must be less than \
                 `tracker.peer_timeout_seconds` ({timeout}), and the interval at least 1"
            )));
        }
        self.control.tracker().set_settings(settings_of(&new));
        self.config.store(Arc::new(new));
        Ok(())
    }

    async fn dead_letters(
        &self,
        page: CursorQuery,
    ) -> Result<CursorPage<DeadLetter>, ControlError> {
        letters::page(self.dead_letters.clone(), page).await
    }

    async fn retry_dead_letters(
        &self,
        ids: DeadLetterIds,
    ) -> Result<DeadLetterAnswer, ControlError> {
        letters::retry(self.dead_letters.clone(), &self.flush, ids).await
    }

    async fn drop_dead_letters(
        &self,
        ids: DeadLetterIds,
    ) -> Result<DeadLetterAnswer, ControlError> {
        letters::forget(self.dead_letters.clone(), ids).await
    }
}

impl ServerCommands {
    /// Brings a configuration into force, as far as that can be done in a running server.
    fn apply(&self, new: Config) -> Result<ConfigChange, CommandError> {
        let mut new = self.site_settings.over(new);
        let old = self.config.load_full();
        self.reload_certificates(&new)?;
        self.reload_token(&new)?;
        let change = config::diff(&old, &new);
        new.keep_restart_keys(&old);
        self.control.tracker().set_settings(settings_of(&new));
        new.warnings().iter().for_each(|warning| warn!("{warning}"));
        self.context.set_live(LiveSettings::of(&new));
        self.control.set_announce_urls(AnnounceUrls::from_config(&new));
        // The rest, such as the flush interval and the limits, is read from here each time.
        (self.hooks.config_applied)(&new);
        self.config.store(Arc::new(new));
        Ok(change)
    }

    /// Reads the files of geo data that have changed. What is wrong with one is in the log, and in
    /// the metrics: the tracker does without.
    async fn reload_geo(&self) {
        let (geo, settings) = (Arc::clone(&self.geo), GeoSettings::of(&self.config.load()));
        let reloaded = tokio::task::spawn_blocking(move || geo.reload(settings)).await;
        if let Err(error) = reloaded {
            error!(%error, "geo data was not read");
        }
    }

    /// Says which API is to be told of a new token.
    pub(super) fn set_admin(&self, admin: &Admin) {
        // There is one API, and it is set once.
        let _ = self.admin.set(admin.downgrade());
    }

    fn reload_certificates(&self, new: &Config) -> Result<(), CommandError> {
        let running = self.config.load();
        let (https, admin) = (&new.https, &running.admin);
        let all = [
            (&self.certificates, &https.certificate_file, &https.key_file),
            (&self.admin_certificates, &admin.certificate_file, &admin.key_file),
        ];
        for (certificates, certificate_file, key_file) in all {
            if let Some(certificates) = certificates
                && !certificate_file.as_os_str().is_empty()
            {
                let reloaded = certificates.reload(certificate_file, key_file);
                reloaded.map_err(|error| CommandError::Config(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn reload_token(&self, new: &Config) -> Result<(), CommandError> {
        let admin = self.admin.get().and_then(WeakAdmin::upgrade);
        let Some(admin) = admin else { return Ok(()) };
        admin.set_access(AccessSettings::of(&new.admin));
        if new.admin.token.is_empty() {
            return Ok(());
        }
        let token =
            AdminToken::configured(new).map_err(|error| CommandError::Config(error.to_string()))?;
        admin.set_token(token);
        Ok(())
    }

    /// Reloads because of a signal: nobody waits for the answer but the log.
    pub(super) async fn reload_and_log(&self) {
        let reloaded = self.reload_config().await;
        if let Some(admin) = self.admin.get().and_then(WeakAdmin::upgrade) {
            admin.note("signal", "reload", reloaded.is_ok());
        }
        match reloaded {
            Err(error) => error!(%error, "reload"),
            Ok(change) => {
                for key in &change.applied {
                    info!(key = key.key, from = key.from, to = key.to, "changed");
                }
                for key in &change.needs_restart {
                    warn!(key = key.key, from = key.from, to = key.to, "needs a restart");
                }
                info!(changed = change.applied.len(), "configuration reloaded");
            }
        }
    }
}
