//! Everything from the store into the tracker.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::mem::take;

use mika_core::Mode;
use mika_core::Tracker;
use mika_core::registry::{ClientRule, GlobalEvent, RegistryError};
use mika_protocol::InfoHash;
use mika_store::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};
use mika_store::{LoadSink, Store, StoreError};
use tracing::warn;

use super::client_rules::rule_spec;
use super::events::event_spec;
use super::resync::{Key, Touched};
use super::roles::role_spec;
use super::tokens::token_spec;
use super::torrents::torrent_spec;
use super::users::user_spec;
use super::validate;
use crate::loading::{LoadProgress, Watched};

/// Rows that are logged one by one; later ones are only counted.
const BAD_ROWS_LOGGED_MAX: u64 = 100;

/// What a load brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadReport {
    /// Roles in the tracker.
    pub roles: u64,
    /// Users in the tracker.
    pub users: u64,
    /// Torrents in the tracker.
    pub torrents: u64,
    /// Client rules in the tracker.
    pub client_rules: u64,
    /// Tokens in the tracker; those that have ended are left out.
    pub tokens: u64,
    /// Global events in the tracker; those that have ended are left out.
    pub events: u64,
    /// Rows left out because something is wrong with them; the log says what.
    pub bad_rows: u64,
}

/// Streams every record of the store into the tracker. A bad row is logged and left out.
///
/// # Errors
///
/// Those of [`Store::load`]; the tracker then holds a part and should not be used.
pub async fn load(
    store: &dyn Store,
    tracker: &Tracker,
    now_seconds: u32,
) -> Result<LoadReport, StoreError> {
    load_watched(store, tracker, now_seconds, &LoadProgress::default()).await
}

/// The same, and tells how far it has come.
///
/// # Errors
///
/// As [`load`].
pub async fn load_watched(
    store: &dyn Store,
    tracker: &Tracker,
    now_seconds: u32,
    progress: &LoadProgress,
) -> Result<LoadReport, StoreError> {
    let touched = Touched::default();
    let mut loader = Loader::new(tracker, &touched, now_seconds);
    store.load(&mut Watched { sink: &mut loader, progress }).await?;
    Ok(loader.finish().report)
}

/// Puts records into the tracker, except those that were touched meanwhile.
pub(super) struct Loader<'a> {
    tracker: &'a Tracker,
    touched: &'a Touched,
    now_seconds: u32,
    report: LoadReport,
    /// Kept only for whoever wants to know what is gone: a start does not.
    seen: Option<Seen>,
    /// Kept only for a store from which they are to be removed.
    deleted: Option<Vec<u32>>,
    client_rules: Vec<ClientRule>,
    events: Vec<GlobalEvent>,
    tokens: Vec<TokenRecord>,
}

/// Which records were there.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) users: HashSet<u32>,
    pub(super) torrents: HashSet<u32>,
}

/// What came of a load.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) report: LoadReport,
    pub(super) seen: Seen,
    pub(super) deleted: Vec<u32>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(tracker: &'a Tracker, touched: &'a Touched, now_seconds: u32) -> Self {
        Self {
            tracker,
            touched,
            now_seconds,
            report: LoadReport::default(),
            seen: None,
            deleted: None,
            client_rules: Vec::new(),
            events: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// The same, and notes which records were there.
    pub(super) fn noting(self) -> Self {
        Self { seen: Some(Seen::default()), ..self }
    }

    /// The same, and notes which torrents are deleted, if anybody wants to know.
    pub(super) fn noting_deleted(self, wanted: bool) -> Self {
        Self { deleted: wanted.then(Vec::new), ..self }
    }

    /// Puts the small tables in force, each as a whole.
    pub(super) fn finish(mut self) -> Loaded {
        let (rules, events) = (take(&mut self.client_rules), take(&mut self.events));
        self.touched.unless(Key::ClientRules, || self.tracker.set_client_rules(rules));
        self.touched.unless(Key::Events, || self.tracker.set_events(events));
        self.resolve_tokens();
        let (seen, deleted) = (self.seen.unwrap_or_default(), self.deleted.unwrap_or_default());
        Loaded { report: self.report, seen, deleted }
    }
}

impl Loader<'_> {
    fn bad(&mut self, table: &str, reason: impl Display) {
        self.report.bad_rows = self.report.bad_rows.saturating_add(1);
        if self.report.bad_rows <= BAD_ROWS_LOGGED_MAX {
            warn!(table, %reason, "row left out");
        }
        if self.report.bad_rows == BAD_ROWS_LOGGED_MAX {
            warn!("more rows that are left out are counted, not logged");
        }
    }

    fn resolve_tokens(&mut self) {
        let mut tokens = TokenPlaces::find(self.tracker, take(&mut self.tokens));
        let touched = self.touched;
        touched.unless_tokens(|is_touched| {
            let key = |token: &TokenRecord| (token.user_id, token.torrent_id);
            let kept: HashSet<_> = tokens.tokens.iter().map(key).collect();
            self.tracker.retain_tokens(|user_id, torrent_id| {
                kept.contains(&(user_id, torrent_id)) || is_touched(user_id, torrent_id)
            });
            tokens.tokens.retain(|token| !is_touched(token.user_id, token.torrent_id));
            let put = tokens.put(self.tracker, |reason| self.bad("tokens", reason));
            self.report.tokens = self.report.tokens.saturating_add(put);
        });
    }
}

/// Tokens, with the info-hashes of their torrents: the store knows a torrent by its id, the tracker
/// by its hash.
pub(crate) struct TokenPlaces {
    tokens: Vec<TokenRecord>,
    hashes: HashMap<u32, InfoHash>,
}

impl TokenPlaces {
    /// The tokens are few beside the torrents, so only the hashes of their torrents are collected.
    pub(crate) fn find(tracker: &Tracker, tokens: Vec<TokenRecord>) -> Self {
        let wanted: HashSet<u32> = tokens.iter().map(|token| token.torrent_id).collect();
        let hashes = tracker.info_hashes_of(|id| wanted.contains(&id)).into_iter().collect();
        Self { tokens, hashes }
    }

    /// Puts them in force and returns how many; tells why one cannot be.
    pub(crate) fn put(&self, tracker: &Tracker, mut bad: impl FnMut(String)) -> u64 {
        let mut put = 0u64;
        for token in &self.tokens {
            let result = match self.hashes.get(&token.torrent_id) {
                Some(info_hash) => tracker.put_token(*info_hash, token_spec(token)),
                None => Err(RegistryError::TorrentUnknown),
            };
            match result {
                Ok(()) => put = put.saturating_add(1),
                Err(error) => {
                    let (user, torrent) = (token.user_id, token.torrent_id);
                    bad(format!("user {user}, torrent {torrent}: {error}"));
                }
            }
        }
        put
    }
}

impl LoadSink for Loader<'_> {
    fn role(&mut self, role: RoleRecord) {
        let put = || self.tracker.put_named_role(role_spec(&role), &role.name);
        self.touched.unless(Key::Roles, put);
        self.report.roles = self.report.roles.saturating_add(1);
    }

    fn user(&mut self, user: UserRecord) {
        let spec = match user_spec(&user) {
            Ok(spec) => spec,
            Err(error) => return self.bad("users", format_args!("user {}: {error}", user.id)),
        };
        if let Some(seen) = &mut self.seen {
            seen.users.insert(user.id);
        }
        let put = self.touched.unless(Key::User(user.id), || self.tracker.put_user(spec));
        match put.unwrap_or(Ok(())) {
            Ok(()) => self.report.users = self.report.users.saturating_add(1),
            Err(error) => self.bad("users", format_args!("user {}: {error}", user.id)),
        }
    }

    fn torrent(&mut self, torrent: TorrentRecord) {
        if let Some(seen) = &mut self.seen {
            seen.torrents.insert(torrent.id);
        }
        if let Some(deleted) = self.deleted.as_mut().filter(|_| torrent.deleted) {
            deleted.push(torrent.id);
        }
        let put = || self.tracker.put_torrent(torrent_spec(&torrent));
        match self.touched.unless(Key::Torrent(torrent.id), put).unwrap_or(Ok(())) {
            Ok(()) => self.report.torrents = self.report.torrents.saturating_add(1),
            Err(error) => self.bad("torrents", format_args!("torrent {}: {error}", torrent.id)),
        }
    }

    fn client_rule(&mut self, rule: ClientRuleRecord) {
        // UNIT3D bans everybody with an empty prefix; one that allowed everybody would be a hole.
        let bans_all = rule.prefix.is_empty() && !rule.allowed;
        if let Err(error) = validate::prefix(&rule.prefix)
            && !bans_all
        {
            return self.bad("client_rules", format_args!("{:?}: {error}", rule.prefix));
        }
        self.client_rules.push(rule_spec(&rule));
        self.report.client_rules = self.report.client_rules.saturating_add(1);
    }

    fn token(&mut self, token: TokenRecord) {
        if self.tracker.mode() == Mode::Public {
            return;
        }
        if token.ends_at_seconds.is_none_or(|ends_at| ends_at > self.now_seconds) {
            self.tokens.push(token);
        }
    }

    fn event(&mut self, event: EventRecord) {
        if event.ends_at_seconds > self.now_seconds {
            self.events.push(event_spec(&event));
            self.report.events = self.report.events.saturating_add(1);
        }
    }

    // Those are asked for by themselves, once everything else is known.
    fn peer(&mut self, _: PeerRecord) {}

    fn bad_row(&mut self, table: &'static str, reason: String) {
        self.bad(table, reason);
    }
}
