//! The rules of the house: settings, roles, client rules, events, reasons. Read by every
//! announce through one atomic snapshot, replaced as a whole when anything changes.

use std::sync::Arc;

use hashbrown::HashMap;
use mika_protocol::PeerId;

use crate::refusal::ReasonId;
use crate::registry::{ClientRule, GlobalEvent, RoleSpec};
use crate::selection::place::Places;
use crate::selection::strategy::Strategies;
use crate::selection::weights::Weights;
use crate::settings::{ClientPolicy, Settings};

/// A role as an announce needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Role {
    pub(crate) spec: RoleSpec,
    /// Number of its name among the reasons.
    pub(crate) name: ReasonId,
    /// There is no such role, and there has to be.
    pub(crate) missing: bool,
}

impl Role {
    fn none(missing: bool) -> Self {
        Self { spec: RoleSpec::new(0), name: ReasonId::default(), missing }
    }
}

/// Everything but users and torrents.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) settings: Settings,
    /// The site asks for more than every one does.
    pub(crate) checks_more: bool,
    /// The site limits what sessions that are known are given.
    pub(crate) limits_known_sessions: bool,
    /// Some torrent's peers are not chosen uniformly at random.
    pub(crate) selects: bool,
    /// It was so at some time: there may be memory to give back.
    pub(crate) selected: bool,
    /// What a choice is made by.
    pub(crate) weights: Arc<Weights>,
    /// Who knows the places of addresses.
    pub(crate) places: Option<Arc<dyn Places>>,
    /// Some torrent has strategies of its own, or had.
    single_strategies: bool,
    /// That of users whose role is gone.
    no_role: Role,
    /// Sorted by id.
    roles: Vec<Role>,
    clients: Vec<ClientRule>,
    events: Vec<GlobalEvent>,
}

impl Rules {
    pub(crate) fn new(settings: Settings) -> Self {
        let checks_more = settings.site.checks_more();
        let no_role = Role::none(settings.site.role_required);
        let limits_known_sessions = settings.site.limits_known_sessions();
        let weights = Arc::new(Weights::new(&settings.selection));
        let selects = !weights.strategies.is_uniform();
        Self {
            settings,
            checks_more,
            limits_known_sessions,
            selects,
            selected: selects,
            weights,
            places: None,
            single_strategies: false,
            no_role,
            roles: Vec::new(),
            clients: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn set_settings(&mut self, settings: Settings) {
        self.checks_more = settings.site.checks_more();
        self.limits_known_sessions = settings.site.limits_known_sessions();
        self.no_role = Role::none(settings.site.role_required);
        if settings.selection != self.settings.selection {
            self.weights = Arc::new(Weights::new(&settings.selection));
        }
        self.settings = settings;
        self.judge_selection();
    }

    /// Some torrent has strategies of its own.
    pub(crate) fn allow_single_strategies(&mut self) {
        self.single_strategies = true;
        self.judge_selection();
    }

    pub(crate) fn has_single_strategies(&self) -> bool {
        self.single_strategies
    }

    fn judge_selection(&mut self) {
        self.selects = self.single_strategies || !self.weights.strategies.is_uniform();
        self.selected |= self.selects;
    }

    /// The strategies of a torrent, if it has none or some of its own.
    pub(crate) fn strategies(&self, own: Option<Strategies>) -> Strategies {
        let strategies = own.unwrap_or(self.weights.strategies);
        match self.places {
            Some(_) => strategies,
            None => strategies.without(Strategies::LOCATION),
        }
    }

    /// Who knows places, if the strategies ask for any.
    pub(crate) fn places(&self, strategies: Strategies) -> Option<&dyn Places> {
        self.places.as_deref().filter(|_| strategies.has(Strategies::LOCATION))
    }

    /// A user's role. Unless the site says otherwise, one whose role is gone may do everything
    /// at 100 %: nothing is lost while the control plane puts things right.
    pub(crate) fn role(&self, id: u16) -> &Role {
        let known = self.roles.binary_search_by_key(&id, |role| role.spec.id);
        known.ok().and_then(|at| self.roles.get(at)).unwrap_or(&self.no_role)
    }

    pub(crate) fn put_role(&mut self, spec: RoleSpec, name: ReasonId) {
        self.remove_role(spec.id);
        let at = self.roles.partition_point(|other| other.spec.id < spec.id);
        self.roles.insert(at, Role { spec, name, missing: false });
    }

    pub(crate) fn remove_role(&mut self, id: u16) {
        self.roles.retain(|role| role.spec.id != id);
    }

    pub(crate) fn set_clients(&mut self, mut rules: Vec<ClientRule>) {
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.prefix.len()));
        self.clients = rules;
    }

    pub(crate) fn client_rules(&self) -> &[ClientRule] {
        &self.clients
    }

    /// Whether a client is welcome. The longest prefix that matches decides; one that matches
    /// none is welcome unless there is a whitelist to be on.
    pub(crate) fn client_allowed(&self, peer_id: &PeerId) -> bool {
        self.clients
            .iter()
            .find(|rule| peer_id.0.starts_with(&rule.prefix))
            .map_or_else(|| self.unnamed_client_allowed(), |rule| rule.allowed)
    }

    fn unnamed_client_allowed(&self) -> bool {
        match self.settings.client_policy {
            ClientPolicy::Open => true,
            ClientPolicy::Whitelist => false,
            ClientPolicy::WhitelistUnlessEmpty => !self.clients.iter().any(|rule| rule.allowed),
        }
    }

    pub(crate) fn set_events(&mut self, events: Vec<GlobalEvent>) {
        self.events = events;
    }

    /// Whether there are events at all.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Upload and download percent of the events under way. Of several, the kindest counts: the
    /// highest for upload, the lowest for download.
    pub(crate) fn event_percents(&self, now_seconds: u32) -> (u16, u16) {
        let under_way = |event: &&GlobalEvent| {
            (event.starts_at_seconds..event.ends_at_seconds).contains(&now_seconds)
        };
        self.events
            .iter()
            .filter(under_way)
            .map(|event| (event.upload_percent, event.download_percent))
            .reduce(|(up, down), (other_up, other_down)| (up.max(other_up), down.min(other_down)))
            .unwrap_or((100, 100))
    }
}

/// The texts told to clients of deleted and disabled torrents, each stored once.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u16, foldhash::fast::RandomState>,
}

impl Reasons {
    /// The number of a text; 0 for an empty one, and when 65,535 different ones are in use.
    pub(crate) fn intern(&mut self, text: &str) -> ReasonId {
        if text.is_empty() {
            return ReasonId(0);
        }
        if let Some(number) = self.numbers.get(text) {
            return ReasonId(*number);
        }
        let Ok(number) = u16::try_from(self.texts.len() + 1) else { return ReasonId(0) };
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        ReasonId(number)
    }

    pub(crate) fn text(&self, id: ReasonId) -> &str {
        let at = usize::from(id.0).checked_sub(1);
        at.and_then(|at| self.texts.get(at)).map_or("", |text| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, allowed: bool) -> ClientRule {
        ClientRule { prefix: prefix.as_bytes().to_vec(), allowed }
    }

    #[test]
    fn the_longest_client_prefix_decides() {
        let mut rules = Rules::new(Settings::default());
        rules.set_clients(vec![rule("-TR", true), rule("-TR2", false), rule("-XL", false)]);
        let allowed = |rules: &Rules, id: &[u8; 20]| rules.client_allowed(&PeerId(*id));
        assert!(allowed(&rules, b"-TR3000-xxxxxxxxxxxx"));
        assert!(!allowed(&rules, b"-TR2940-xxxxxxxxxxxx"));
        assert!(!allowed(&rules, b"-XL0012-xxxxxxxxxxxx"));
        assert!(allowed(&rules, b"-qB4520-xxxxxxxxxxxx"));
        rules.settings.client_policy = ClientPolicy::Whitelist;
        assert!(!allowed(&rules, b"-qB4520-xxxxxxxxxxxx"));
        assert!(allowed(&rules, b"-TR3000-xxxxxxxxxxxx"));
    }

    #[test]
    fn events_count_from_their_start_to_before_their_end_and_the_kindest_wins() {
        let event = |up, down, start, end| GlobalEvent {
            upload_percent: up,
            download_percent: down,
            starts_at_seconds: start,
            ends_at_seconds: end,
        };
        let mut rules = Rules::new(Settings::default());
        rules.set_events(vec![event(200, 100, 10, 20), event(150, 0, 15, 30)]);
        assert_eq!(rules.event_percents(9), (100, 100));
        assert_eq!(rules.event_percents(10), (200, 100));
        assert_eq!(rules.event_percents(15), (200, 0));
        assert_eq!(rules.event_percents(20), (150, 0));
        assert_eq!(rules.event_percents(30), (100, 100));
    }

    #[test]
    fn reasons_are_stored_once_and_one_too_many_is_told_without_its_text() {
        let mut reasons = Reasons::default();
        let first = reasons.intern("Trump");
        assert_eq!(reasons.intern("Trump"), first);
        assert_eq!(reasons.text(first), "Trump");
        assert_eq!(reasons.text(ReasonId(0)), "");
        for number in 0..70_000 {
            reasons.intern(&number.to_string());
        }
        assert_eq!(reasons.intern("one too many"), ReasonId(0));
        assert_eq!(reasons.text(first), "Trump");
    }
}
