//! What the admin API and signals can ask of the running server.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use mika_client::types::Flushed;
use tokio::sync::{Mutex, watch};
use tracing::{error, info, warn};

use super::site_settings::SiteSettings;
use super::{Hooks, settings_of};
use crate::admin::{Admin, AdminCommands, AdminToken, CommandError, WeakAdmin};
use crate::config::{self, Config, ConfigChange};
use crate::control::{AnnounceUrls, Control};
use crate::flush::FlushHandle;
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
    pub(super) certificates: Option<Arc<TlsCertificates>>,
    pub(super) flush: Arc<FlushHandle>,
    pub(super) applied: watch::Receiver<u64>,
    /// Weak, for the API holds these commands.
    pub(super) admin: OnceLock<WeakAdmin>,
}

#[async_trait]
impl AdminCommands for ServerCommands {
    async fn reload_config(&self) -> Result<ConfigChange, CommandError> {
        let _turn = self.reload.lock().await;
        let new = (self.hooks.read_config)().map_err(CommandError::Config)?;
        let new = self.site_settings.over(new);
        let old = self.config.load_full();
        self.reload_certificates(&new)?;
        self.reload_token(&new)?;
        let change = config::diff(&old, &new);
        let mut new = new;
        new.keep_restart_keys(&old);
        self.control.tracker().set_settings(settings_of(&new));
        self.context.set_live(LiveSettings::of(&new));
        self.control.set_announce_urls(AnnounceUrls::from_config(&new));
        // The rest, such as the flush interval and the limits, is read from here each time.
        (self.hooks.config_applied)(&new);
        self.config.store(Arc::new(new));
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
}

impl ServerCommands {
    /// Says which API is to be told of a new token.
    pub(super) fn set_admin(&self, admin: &Admin) {
        // There is one API, and it is set once.
        let _ = self.admin.set(admin.downgrade());
    }

    fn reload_certificates(&self, new: &Config) -> Result<(), CommandError> {
        match &self.certificates {
            None => Ok(()),
            Some(certificates) => certificates
                .reload(&new.https.certificate_file, &new.https.key_file)
                .map_err(|error| CommandError::Config(error.to_string())),
        }
    }

    fn reload_token(&self, new: &Config) -> Result<(), CommandError> {
        let admin = self.admin.get().and_then(WeakAdmin::upgrade);
        let Some(admin) = admin.filter(|_| !new.admin.token.is_empty()) else { return Ok(()) };
        let token = AdminToken::new(new.admin.token.expose())
            .map_err(|error| CommandError::Config(error.to_string()))?;
        admin.set_token(token);
        Ok(())
    }

    /// Reloads because of a signal: nobody waits for the answer but the log.
    pub(super) async fn reload_and_log(&self) {
        match self.reload_config().await {
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
