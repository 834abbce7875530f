//! How refusals are told, and which of several.

use mika_protocol::announce::AnnounceError;
use mika_protocol::{AnnounceRequest, InfoHash, Passkey};

use super::shards::Shards;
use super::{Swarms, Tracker};
use crate::admission;
use crate::refusal::{Refusal, RefusalKind, Wait};
use crate::reply::{Explanation, Retry, Source};
use crate::rules::Rules;
use crate::swarm::Kind;
use crate::swarm::session::Private;

impl Tracker {
    /// How a refusal is told to the client: its text and form, and when to ask again.
    pub fn explain(&self, refusal: Refusal) -> Explanation {
        let rules = self.rules.load();
        let (settings, kind) = (&rules.settings, refusal.kind());
        let site = &settings.site;
        let (soon, refused) = (settings.retry_soon_seconds, settings.retry_refused_seconds);
        let seconds = site.wait_seconds(kind, soon, refused);
        let minutes = seconds.div_ceil(60);
        let retry = match kind.wait() {
            Wait::Never => Retry::Never,
            Wait::Short | Wait::Long => Retry::Minutes(minutes),
        };
        let form = site.told.form(kind);
        let says_when = site.failure_intervals || form != crate::site::Form::Failure;
        Explanation {
            text: self.text_of(refusal, &rules),
            form,
            interval_seconds: says_when.then_some(seconds),
            retry: site.retry_in.then_some(retry),
        }
    }

    /// The same of an announce that could not be decoded. Where the site looks at passkey or
    /// torrent first, those are told rather than what is wrong with the rest.
    pub fn explain_malformed(
        &self,
        error: AnnounceError,
        passkey: Option<&Passkey>,
        info_hash: Option<InfoHash>,
    ) -> Explanation {
        let rules = self.rules.load();
        let malformed = Refusal::from(error);
        let user = match passkey {
            _ if !matches!(self.swarms, Swarms::Private(_)) => None,
            None => Some(Refusal::PasskeyMissing),
            Some(passkey) => match self.user_of(passkey, info_hash) {
                None => Some(Refusal::PasskeyUnknown),
                Some(user) => user.deleted.then_some(Refusal::UserDeleted),
            },
        };
        let user = user.filter(|_| malformed != Refusal::PasskeyInvalid);
        let torrent = info_hash.and_then(|info_hash| self.refuse_torrent(&rules, info_hash));
        let refusals = [Some(malformed), user, torrent].into_iter().flatten();
        self.explain(rules.settings.site.first(refusals).unwrap_or(malformed))
    }

    /// What is told to somebody who is no user. Where the site looks at the passkey late, that
    /// may be what is wrong with the client or the torrent.
    #[cold]
    pub(super) fn refuse_stranger(
        &self,
        shards: &Shards<Private>,
        rules: &Rules,
        request: &AnnounceRequest,
        source: &Source,
        stranger: Refusal,
    ) -> Refusal {
        let site = &rules.settings.site;
        let client = admission::client(rules, request, source).err();
        let counters = admission::counters(request).err();
        let torrent = refuse_torrent_of(shards, rules, request.info_hash);
        let refusals = [Some(stranger), client, counters, torrent].into_iter().flatten();
        site.first(refusals).unwrap_or(stranger)
    }

    fn refuse_torrent(&self, rules: &Rules, info_hash: InfoHash) -> Option<Refusal> {
        match &self.swarms {
            Swarms::Private(shards) => refuse_torrent_of(shards, rules, info_hash),
            Swarms::Public(shards) => refuse_torrent_of(shards, rules, info_hash),
        }
    }

    fn text_of(&self, refusal: Refusal, rules: &Rules) -> String {
        let site = &rules.settings.site;
        let kind = refusal.kind();
        if kind == RefusalKind::Offline && !site.offline_text.is_empty() {
            return site.offline_text.clone();
        }
        let text = site.told.text(kind);
        match refusal {
            Refusal::TorrentDeleted(reason) | Refusal::TorrentDisabled(reason) => {
                let reasons = self.reasons.read();
                let reason = match reasons.text(reason) {
                    "" => String::new(),
                    reason => format!(": {reason}"),
                };
                text.replace("{reason}", &reason)
            }
            Refusal::RoleDisabled(role) => text.replace("{role}", self.reasons.read().text(role)),
            Refusal::PortNotAllowed(port) => text.replace("{port}", &port.to_string()),
            Refusal::ParameterMissing(parameter)
            | Refusal::NumberInvalid(parameter)
            | Refusal::NumberTooLarge(parameter) => text.replace("{parameter}", parameter.name()),
            Refusal::TooManySessions => {
                let max = rules.settings.sessions_per_user_and_torrent_max;
                text.replace("{max}", &max.to_string())
            }
            _ => text.to_owned(),
        }
    }
}

/// What check 5 of admission says of an info-hash.
pub(super) fn refuse_torrent_of<K: Kind>(
    shards: &Shards<K>,
    rules: &Rules,
    info_hash: InfoHash,
) -> Option<Refusal> {
    match shards.find(info_hash) {
        Ok((shard, slot)) => shard.torrents.get(slot).and_then(|it| admission::torrent(it).err()),
        Err(Some(_)) if rules.settings.auto_register_torrents => None,
        Err(_) => Some(Refusal::TorrentUnknown),
    }
}
