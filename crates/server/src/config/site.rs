//! The section `[site]`: what differs from site to site.

use std::collections::BTreeMap;

use mika_core::site::{
    CompactRule, Completion, CreditRule, DeltaRule, Form, Order, PassSecret, Preset, SiteProfile,
    SlotRule,
};
use mika_core::{ClientPolicy, RefusalKind};

use super::choices::ClientRules;
use super::secret::Secret;
use super::section::section;
use super::sections::TrackerConfig;

section! {
    /// What differs from site to site. A preset gives every key below that is left out the value
    /// of a tracker that sites were written for, and likewise interval_seconds,
    /// min_interval_seconds, peer_timeout_seconds, numwant_default, numwant_max, port_min,
    /// client_rules and sessions_per_user_and_torrent_max in [tracker].
    pub struct SiteConfig in "site" {
        /// Whose rules and texts hold.
        /// "mika": its own.
        /// "gazelle", "gazelle-wcd": those of Ocelot.
        /// "unit3d": those of UNIT3D-Announce.
        /// "xbt": those of the XBT tracker.
        live preset: Preset = Preset::Mika;

        /// How the multipliers of role, user, torrent, token and global events combine.
        /// "product": all of them apply. "best": the highest for upload and the lowest for
        /// download. "raw": none, every byte counts once.
        live multipliers: CreditRule = CreditRule::Product;

        /// Whether tokens are not used up on a torrent where neither direction counts.
        live neutral_spares_tokens: bool = false;

        /// What an uploaded byte counts on a featured torrent, in percent; downloaded ones are
        /// free there.
        live featured_upload_percent: u16 = 200, 0..=1000;

        /// What a counter that went back, because the client was restarted, means for the other
        /// one. "independent": nothing. "both_or_none": neither of the two counts.
        live deltas: DeltaRule = DeltaRule::Independent;

        /// What makes a download a finished one.
        /// "transition": nothing is left any more, once per session.
        /// "event": event=completed with nothing left, once per session.
        /// "every_event": every such event.
        live completion: Completion = Completion::Transition;

        /// Seconds between two announces from which on they add no seed time. 0: every gap
        /// counts, up to the peer timeout.
        live seed_gap_dropped_seconds: u32 = 0, 0..=604_800;

        /// Seconds since its last announce for which a client that fell silent can come back and
        /// go on with its counters. 0: it begins anew.
        live silent_kept_seconds: u32 = 0, 0..=31_536_000;

        /// Whether a client that comes back under a new name is charged for what its user has
        /// downloaded since.
        live charge_resumed: bool = true;

        /// Whether bytes that clients discarded (corrupt=) are counted.
        live record_corrupt: bool = false;

        /// Whether announces of unknown and deleted torrents are told to the store.
        live record_unregistered: bool = false;

        /// What becomes of a leecher above the download slots of its role.
        /// "refuse": it is refused. "hide": it is warned, its reports count, and it is counted
        /// and handed out once a slot is free.
        live slots: SlotRule = SlotRule::Refuse;

        /// Seconds within which a second announce of a client gets no peers, though it counts.
        /// 0: no such limit.
        live announce_min_enforced_seconds: u32 = 0, 0..=86_400;

        /// Seconds added to the interval of each answer, from 0 to this at random.
        live jitter_seconds: u32 = 0, 0..=86_400;

        /// A text with which every announce is refused for now. Empty: they are not.
        live offline_text: String = String::new();

        /// Bytes that a passkey must have. 0: any number up to 64.
        live passkey_bytes: u16 = 0, 0..=64;

        /// With this secret passes are derived that are good for one user on one torrent, as the
        /// XBT tracker does: its torrent_pass_private_key. Empty: there are none. Where the site's
        /// table of settings has it, it need not be given.
        live torrent_pass_private_key: Secret = Secret::default();

        /// Whether users whose role does not exist are refused.
        live role_required: bool = false;

        /// Headers that no announce may have, as in ["referer"].
        live headers_forbidden: Vec<String> = Vec::new();

        /// Whether an announce over HTTP must say its User-Agent, in ASCII.
        live agent_required: bool = false;

        /// Bytes of a User-Agent at most. 0: any number.
        live agent_bytes_max: u16 = 0, 0..=8192;

        /// Parts of a User-Agent that are refused, in any case, as in ["mozilla"].
        live agents_forbidden: Vec<String> = Vec::new();

        /// Ports that are refused beside those below tracker.port_min, as in [6881, 6882].
        live ports_forbidden: Vec<u16> = Vec::new();

        /// Which clients have to ask for compact lists.
        /// "any": none. "not_refused": compact=0 is refused. "required": compact=1 must be there.
        live compact: CompactRule = CompactRule::Any;

        /// Whether users can have to wait before they leech a young torrent. Costs 8 bytes a
        /// torrent; counts for torrents that are loaded from then on.
        live wait_times: bool = false;

        /// Whether a client that stops but was not known is told so.
        live session_unknown_told: bool = false;

        /// Seconds that every refused client is told to wait. 0: as long as the reason makes
        /// sense, see tracker.retry_unregistered_seconds and tracker.retry_refused_seconds.
        live failure_interval_seconds: u32 = 0, 0..=86_400;

        /// Whether failures say how long to wait (interval, min interval).
        live failure_intervals: bool = true;

        /// Whether they say it in the words of BEP 31, too (retry in).
        live retry_in: bool = true;

        /// Seconds to wait for a torrent that waits for moderators. 0: as for others.
        live moderation_interval_seconds: u32 = 0, 0..=86_400;

        /// Whether answers tell the client its own address (BEP 24).
        live external_ip: bool = true;

        /// Whether clients are given peers of both address families, though they announced over
        /// one of them only. Not over UDP, whose replies have room for one.
        live both_families: bool = false;

        /// Seconds between two scrapes that clients are told to keep (min_request_interval). 0:
        /// they are told nothing.
        live scrape_interval_seconds: u32 = 0, 0..=86_400;

        /// Of several reasons for a refusal the one that comes first here is told; those left out
        /// follow in the order of the preset. The names are those of the metric
        /// mika_refused_total.
        live order: Vec<String> = Vec::new();

        /// Reasons that are told as a warning rather than as a failure, beside the preset's.
        live warnings: Vec<String> = Vec::new();

        /// Reasons for which the client is told nothing, and given nothing.
        live silent: Vec<String> = Vec::new();

        /// Texts in place of the preset's, as in { torrent_unknown = "not registered here" }.
        /// They may contain {reason} (torrent_deleted, torrent_disabled), {role} (role_disabled),
        /// {port} (port_not_allowed), {max} (too_many_sessions) and {parameter}.
        live texts: BTreeMap<String, String> = BTreeMap::new();

        /// Texts of the numbers with which the site says why it deleted a torrent, as in
        /// { "0" = "Dupe" }, beside the preset's.
        live delete_reasons: BTreeMap<String, String> = BTreeMap::new();
    }
}

impl SiteConfig {
    /// The values that a preset gives.
    pub fn of(preset: Preset) -> Self {
        let profile = preset.profile();
        Self {
            preset,
            multipliers: profile.credit,
            neutral_spares_tokens: profile.neutral_spares_tokens,
            featured_upload_percent: profile.featured_upload_percent,
            deltas: profile.deltas,
            completion: profile.completion,
            seed_gap_dropped_seconds: profile.seed_gap_dropped_seconds,
            silent_kept_seconds: profile.silent_kept_seconds,
            charge_resumed: profile.charge_resumed,
            record_corrupt: profile.record_corrupt,
            record_unregistered: profile.record_unregistered,
            slots: profile.slots,
            announce_min_enforced_seconds: profile.announce_min_enforced_seconds,
            jitter_seconds: profile.jitter_seconds,
            offline_text: profile.offline_text,
            passkey_bytes: profile.passkey_bytes.into(),
            torrent_pass_private_key: Secret::default(),
            role_required: profile.role_required,
            headers_forbidden: profile.headers_forbidden,
            agent_required: profile.agent_required,
            agent_bytes_max: profile.agent_bytes_max,
            agents_forbidden: profile.agents_forbidden,
            ports_forbidden: profile.ports_forbidden,
            compact: profile.compact,
            wait_times: profile.wait_times,
            session_unknown_told: profile.session_unknown_told,
            failure_interval_seconds: profile.failure_interval_seconds,
            failure_intervals: profile.failure_intervals,
            retry_in: profile.retry_in,
            moderation_interval_seconds: profile.moderation_interval_seconds,
            external_ip: profile.external_ip,
            both_families: profile.both_families,
            scrape_interval_seconds: 0,
            order: Vec::new(),
            warnings: Vec::new(),
            silent: Vec::new(),
            texts: BTreeMap::new(),
            delete_reasons: BTreeMap::new(),
        }
    }

    /// The rules that the values make. Names that mean nothing are left out: the configuration is
    /// not accepted with them.
    pub fn profile(&self) -> SiteProfile {
        let preset = self.preset.profile();
        let kinds = |names: &[String]| -> Vec<RefusalKind> {
            names.iter().filter_map(|name| RefusalKind::named(name)).collect()
        };
        let mut order = kinds(&self.order);
        let rest = preset.order.kinds().into_iter().filter(|kind| !order.contains(kind));
        order.extend(rest.collect::<Vec<_>>());
        let mut told = preset.told;
        for (name, text) in &self.texts {
            if let Some(kind) = RefusalKind::named(name) {
                told.set_text(kind, text.clone());
            }
        }
        for (names, form) in [(&self.warnings, Form::Warning), (&self.silent, Form::Silent)] {
            kinds(names).into_iter().for_each(|kind| told.set_form(kind, form));
        }
        let mut delete_reasons = preset.delete_reasons;
        let own = self.delete_reasons.iter();
        delete_reasons
            .extend(own.filter_map(|(number, text)| Some((number.parse().ok()?, text.clone()))));
        SiteProfile {
            order: Order::of(&order),
            told,
            offline_text: self.offline_text.trim().to_owned(),
            passkey_bytes: u8::try_from(self.passkey_bytes).unwrap_or_default(),
            pass_secret: PassSecret::new(self.torrent_pass_private_key.expose()),
            role_required: self.role_required,
            headers_forbidden: self.headers_forbidden.clone(),
            agent_required: self.agent_required,
            agent_bytes_max: self.agent_bytes_max,
            agents_forbidden: self.agents_forbidden.clone(),
            ports_forbidden: self.ports_forbidden.clone(),
            compact: self.compact,
            wait_times: self.wait_times,
            slots: self.slots,
            announce_min_enforced_seconds: self.announce_min_enforced_seconds,
            session_unknown_told: self.session_unknown_told,
            credit: self.multipliers,
            neutral_spares_tokens: self.neutral_spares_tokens,
            featured_upload_percent: self.featured_upload_percent,
            deltas: self.deltas,
            completion: self.completion,
            seed_gap_dropped_seconds: self.seed_gap_dropped_seconds,
            silent_kept_seconds: self.silent_kept_seconds,
            charge_resumed: self.charge_resumed,
            record_corrupt: self.record_corrupt,
            record_unregistered: self.record_unregistered,
            jitter_seconds: self.jitter_seconds,
            failure_interval_seconds: self.failure_interval_seconds,
            failure_intervals: self.failure_intervals,
            retry_in: self.retry_in,
            moderation_interval_seconds: self.moderation_interval_seconds,
            external_ip: self.external_ip,
            both_families: self.both_families,
            delete_reasons,
        }
    }

    /// Whether the headers of an announce matter.
    pub fn reads_headers(&self) -> bool {
        self.profile().reads_headers()
    }

    /// Names in `order`, `warnings`, `silent` and `texts` that no reason has, with their keys.
    pub(super) fn unknown_names(&self) -> Vec<(&'static str, &str)> {
        let lists = [
            ("site.order", &self.order),
            ("site.warnings", &self.warnings),
            ("site.silent", &self.silent),
        ];
        let listed =
            lists.into_iter().flat_map(|(key, names)| names.iter().map(move |name| (key, name)));
        let texts = self.texts.keys().map(|name| ("site.texts", name));
        let names = listed.chain(texts).map(|(key, name)| (key, name.as_str()));
        names.filter(|(_, name)| RefusalKind::named(name).is_none()).collect()
    }
}

impl TrackerConfig {
    /// The values that go with a preset.
    pub(super) fn of(preset: Preset) -> Self {
        let settings = preset.settings();
        Self {
            interval_seconds: settings.interval_seconds,
            min_interval_seconds: settings.min_interval_seconds,
            peer_timeout_seconds: settings.peer_timeout_seconds,
            numwant_default: settings.numwant_default,
            numwant_max: settings.numwant_max,
            port_min: settings.port_min,
            sessions_per_user_and_torrent_max: settings.sessions_per_user_and_torrent_max,
            client_rules: match settings.client_policy {
                ClientPolicy::Open => ClientRules::Open,
                ClientPolicy::Whitelist => ClientRules::Whitelist,
                ClientPolicy::WhitelistUnlessEmpty => ClientRules::WhitelistUnlessEmpty,
            },
            ..Self::default()
        }
    }
}
