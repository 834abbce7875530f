//! What the site says has changed, put in force as it says it.

use std::sync::Arc;
use std::time::Duration;

use mika_core::registry::{ClientRule, GlobalEvent};
use mika_core::{Mode, Tracker};
use mika_store::http::{ChangeSink, HttpStore};
use mika_store::record::{
    ClientRuleRecord, EventRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use mika_store::{LoadSink, StoreError};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::control::{
    Control, Key, TokenPlaces, event_spec, role_spec, rule_spec, torrent_spec, user_spec,
};

/// Rows that are logged one by one in one go.
const BAD_ROWS_LOGGED_MAX: u64 = 20;

/// Asks the site for changes every `interval`, until the task is aborted or the site turns out not
/// to tell them.
pub fn follow(store: Arc<HttpStore>, control: Control, interval: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut failures = 0_u64;
        loop {
            tokio::time::sleep(interval).await;
            match bring_in(&store, &control).await {
                Ok(true) if failures > 0 => {
                    info!(failures, "the site tells its changes again");
                    failures = 0;
                }
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures.is_power_of_two() {
                        warn!(%error, failures, "the site did not tell its changes");
                    }
                }
            }
        }
    })
}

/// Asks once; false if the site does not tell changes.
pub(super) async fn bring_in(store: &HttpStore, control: &Control) -> Result<bool, StoreError> {
    store.changes(&mut Changes::new(control)).await
}

struct Changes<'a> {
    control: &'a Control,
    tracker: &'a Tracker,
    client_rules: Option<Vec<ClientRule>>,
    events: Option<Vec<GlobalEvent>>,
    tokens: Vec<TokenRecord>,
    bad_rows: u64,
}

impl<'a> Changes<'a> {
    fn new(control: &'a Control) -> Self {
        Self {
            control,
            tracker: control.tracker(),
            client_rules: None,
            events: None,
            tokens: Vec::new(),
            bad_rows: 0,
        }
    }

    fn bad(&mut self, table: &str, reason: &str) {
        self.bad_rows = self.bad_rows.saturating_add(1);
        if self.bad_rows <= BAD_ROWS_LOGGED_MAX {
            warn!(table, reason, "change left out");
        }
    }

    fn put_tokens(&mut self) {
        let tokens = std::mem::take(&mut self.tokens);
        if tokens.is_empty() || self.tracker.mode() == Mode::Public {
            return;
        }
        self.control.touch(Key::Tokens);
        let tracker = self.tracker;
        let tokens = TokenPlaces::find(tracker, tokens);
        tokens.put(tracker, |reason| self.bad("tokens", &reason));
    }
}

impl LoadSink for Changes<'_> {
    fn role(&mut self, role: RoleRecord) {
        self.control.touch(Key::Roles);
        self.tracker.put_named_role(role_spec(&role), &role.name);
    }

    fn user(&mut self, user: UserRecord) {
        self.control.touch(Key::User(user.id));
        let put = |spec| self.tracker.put_user(spec).map_err(|error| error.to_string());
        let result = user_spec(&user).map_err(|error| error.to_string()).and_then(put);
        if let Err(error) = result {
            self.bad("users", &format!("user {}: {error}", user.id));
        }
    }

    fn torrent(&mut self, torrent: TorrentRecord) {
        self.control.touch(Key::Torrent(torrent.id));
        if let Err(error) = self.tracker.put_torrent(torrent_spec(&torrent)) {
            self.bad("torrents", &format!("torrent {}: {error}", torrent.id));
        }
    }

    fn client_rule(&mut self, rule: ClientRuleRecord) {
        self.client_rules.get_or_insert_default().push(rule_spec(&rule));
    }

    fn token(&mut self, token: TokenRecord) {
        self.tokens.push(token);
    }

    fn event(&mut self, event: EventRecord) {
        self.events.get_or_insert_default().push(event_spec(&event));
    }

    fn peer(&mut self, _: mika_store::record::PeerRecord) {}

    fn bad_row(&mut self, table: &'static str, reason: String) {
        self.bad(table, &reason);
    }
}

impl ChangeSink for Changes<'_> {
    fn client_rules_begin(&mut self) {
        self.client_rules = Some(Vec::new());
    }

    fn events_begin(&mut self) {
        self.events = Some(Vec::new());
    }

    fn page_end(&mut self) {
        if let Some(rules) = self.client_rules.take() {
            self.control.touch(Key::ClientRules);
            self.tracker.set_client_rules(rules);
        }
        if let Some(events) = self.events.take() {
            self.control.touch(Key::Events);
            self.tracker.set_events(events);
        }
        self.put_tokens();
    }
}
