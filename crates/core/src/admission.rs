//! Who may announce what: the checks, in their order, which is also that of [`Refusal`].
//!
//! 1. the passkey: present, known, of a user who is not deleted;
//! 2. the client: its request's headers, its name against white- and blacklist;
//! 3. the port, unless the client is leaving;
//! 4. the counters;
//! 5. the torrent: known (or registered now), not deleted, not disabled, approved;
//! 6. what user and role may do: announce at all, upload for a seeder, download for a leecher;
//! 7. for a session not seen before: wait time, sessions per user and torrent, download slots,
//!    room.
//!
//! A download slot is a torrent that the user leeches, with however many clients; a partial seed
//! (BEP 21) lacks something and may ask for it any time, so it takes a slot, too.
//!
//! A `stopped` passes 3, most of 6, and 7; but one of a session that is not known, and that is to
//! be charged for a download, needs room as well. And what a session that is known reports is
//! always counted, also when 2, 3, 5 or 6 refuse it now: it is told the refusal, gets no peers and
//! is handed to nobody, but no byte that it moved before is lost.
//!
//! All checks that fail are looked at, and which of them is told is the site's choice
//! ([`SiteProfile::order`]): so the order can be another without a cost for those who pass.

use mika_protocol::{AnnounceRequest, Event};

use crate::accounting::COUNTER_BYTES_MAX;
use crate::refusal::Refusal;
use crate::registry::UserTerms;
use crate::reply::Source;
use crate::rules::{Role, Rules};
use crate::shard::{Standing, Torrent};
use crate::site::{CompactRule, SiteProfile, SlotRule};
use crate::swarm::Kind;
use crate::users::{User, Users};

/// Check 1.
pub(crate) fn user(users: &Users, request: &AnnounceRequest) -> Result<User, Refusal> {
    let passkey = request.passkey.as_ref().ok_or(Refusal::PasskeyMissing)?;
    let user = users.by_passkey(passkey).ok_or(Refusal::PasskeyUnknown)?;
    if user.deleted { Err(Refusal::UserDeleted) } else { Ok(user) }
}

/// Checks 2 and 3.
#[inline]
pub(crate) fn client(
    rules: &Rules,
    request: &AnnounceRequest,
    source: &Source,
) -> Result<(), Refusal> {
    let passes = !rules.checks_more
        && rules.client_allowed(&request.peer_id)
        && (request.port >= rules.settings.port_min.max(1) || request.event == Event::Stopped);
    if passes { Ok(()) } else { client_thoroughly(rules, request, source) }
}

#[inline(never)]
fn client_thoroughly(
    rules: &Rules,
    request: &AnnounceRequest,
    source: &Source,
) -> Result<(), Refusal> {
    let site = &rules.settings.site;
    let wrong_length = |bytes: &[u8]| bytes.len() != usize::from(site.passkey_bytes);
    let wrong_passkey = site.passkey_bytes > 0
        && request.passkey.as_ref().is_some_and(|passkey| wrong_length(passkey.as_bytes()));
    let compact_lacks = match site.compact {
        CompactRule::Any => false,
        CompactRule::NotRefused => !request.compact,
        CompactRule::Required => !(request.compact && request.compact_given),
    };
    let [headers, agent, agent_length] = header_refusals(site, source);
    let refusals = [
        (!site.offline_text.is_empty()).then_some(Refusal::Offline),
        wrong_passkey.then_some(Refusal::PasskeyInvalid),
        compact_lacks.then_some(Refusal::CompactRequired),
        headers,
        agent,
        agent_length,
        is_agent_forbidden(site, source).then_some(Refusal::AgentForbidden),
        (!rules.client_allowed(&request.peer_id)).then_some(Refusal::ClientNotAllowed),
        (!port_allowed(rules, request)).then_some(Refusal::PortNotAllowed(request.port)),
    ];
    site.first(refusals.into_iter().flatten()).map_or(Ok(()), Err)
}

fn port_allowed(rules: &Rules, request: &AnnounceRequest) -> bool {
    let (settings, forbidden) = (&rules.settings, &rules.settings.site.ports_forbidden);
    request.event == Event::Stopped
        || request.port >= settings.port_min.max(1)
            && (forbidden.is_empty() || !forbidden.contains(&request.port))
}

/// Of an announce that came with headers.
fn header_refusals(site: &SiteProfile, source: &Source) -> [Option<Refusal>; 3] {
    let Some(headers) = source.headers else { return [None; 3] };
    let agent_bytes = headers.agent_bytes.unwrap_or(0);
    [
        headers.forbidden.then_some(Refusal::HeaderForbidden),
        (site.agent_required && headers.agent_bytes.is_none()).then_some(Refusal::AgentMissing),
        (site.agent_bytes_max > 0 && agent_bytes > site.agent_bytes_max)
            .then_some(Refusal::AgentTooLong),
    ]
}

fn is_agent_forbidden(site: &SiteProfile, source: &Source) -> bool {
    let agent = source.agent.as_str().as_bytes();
    let is_in = |part: &String| {
        let part = part.as_bytes();
        !part.is_empty()
            && agent.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
    };
    site.agents_forbidden.iter().any(is_in)
}

/// Check 4.
pub(crate) fn counters(request: &AnnounceRequest) -> Result<(), Refusal> {
    let largest = request.uploaded.max(request.downloaded);
    if largest > COUNTER_BYTES_MAX { Err(Refusal::CounterTooLarge) } else { Ok(()) }
}

/// Check 5, of a torrent that is known.
pub(crate) fn torrent<K: Kind>(torrent: &Torrent<K>) -> Result<(), Refusal> {
    match torrent.standing {
        Standing::Enabled => Ok(()),
        Standing::Deleted => Err(Refusal::TorrentDeleted(torrent.reason)),
        Standing::Disabled => Err(Refusal::TorrentDisabled(torrent.reason)),
        Standing::Pending => Err(Refusal::TorrentPending),
        Standing::Rejected => Err(Refusal::TorrentRejected),
        Standing::Postponed => Err(Refusal::TorrentPostponed),
        Standing::NotApproved => Err(Refusal::TorrentNotApproved),
    }
}

/// Check 6.
#[inline]
pub(crate) fn rights(
    site: &SiteProfile,
    user: &User,
    role: &Role,
    request: &AnnounceRequest,
) -> Result<(), Refusal> {
    let spec = &role.spec;
    let leaving = request.event == Event::Stopped;
    let (seeding, leeching) = (!leaving && request.left == 0, !leaving && request.left > 0);
    let may_upload = !seeding || spec.upload_enabled;
    let may_download = !leeching || user.download_enabled && spec.download_enabled;
    if spec.enabled && may_upload && may_download && !role.missing {
        return Ok(());
    }
    rights_lacking(site, user, role, seeding, leeching)
}

#[cold]
fn rights_lacking(
    site: &SiteProfile,
    user: &User,
    role: &Role,
    seeding: bool,
    leeching: bool,
) -> Result<(), Refusal> {
    let spec = &role.spec;
    let may_upload = !seeding || spec.upload_enabled;
    let refusals = [
        role.missing.then_some(Refusal::RoleUnknown),
        (!spec.enabled).then_some(Refusal::RoleDisabled(role.name)),
        (leeching && !user.download_enabled).then_some(Refusal::DownloadDisabled),
        (leeching && !spec.download_enabled).then_some(Refusal::RoleDownloadDisabled),
        (!may_upload).then_some(Refusal::RoleUploadDisabled),
    ];
    site.first(refusals.into_iter().flatten()).map_or(Ok(()), Err)
}

/// A session not seen before, as check 7 sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newcomer {
    pub(crate) terms: UserTerms,
    /// When the torrent was created, if that matters.
    pub(crate) created_at_seconds: Option<u32>,
    pub(crate) now_seconds: u32,
    /// The user's other sessions on the torrent, and those of them that leech.
    pub(crate) sessions: usize,
    pub(crate) leeching_sessions: usize,
    /// The user has a slot for this torrent, with another client.
    pub(crate) leeches_already: bool,
    /// Torrents that the user leeches.
    pub(crate) leeching: u32,
    pub(crate) left_bytes: u64,
}

/// Check 7, but for the room. Whether the session is to be hidden, for want of a slot.
pub(crate) fn new_session(
    rules: &Rules,
    role: &Role,
    newcomer: &Newcomer,
) -> Result<bool, Refusal> {
    let leeches = newcomer.left_bytes > 0;
    let terms = &newcomer.terms;
    let old_enough =
        |created: u32| newcomer.now_seconds >= created.saturating_add(terms.wait_seconds);
    if leeches && terms.wait_seconds > 0 && !newcomer.created_at_seconds.is_none_or(old_enough) {
        return Err(Refusal::WaitTime);
    }
    let limit = terms.peers_max.filter(|_| leeches);
    if limit.is_some_and(|limit| newcomer.leeching_sessions >= limit as usize) {
        return Err(Refusal::UserPeerLimit);
    }
    if newcomer.sessions >= rules.settings.sessions_per_user_and_torrent_max as usize {
        return Err(Refusal::TooManySessions);
    }
    // Of the clients of one torrent the first takes the slot.
    let over = leeches && !newcomer.leeches_already && over_slots(role, newcomer.leeching);
    match rules.settings.site.slots {
        SlotRule::Refuse if over => Err(Refusal::NoDownloadSlot),
        SlotRule::Refuse => Ok(false),
        SlotRule::Hide => Ok(over),
    }
}

/// Whether one torrent more would be one too many.
pub(crate) fn over_slots(role: &Role, leeching: u32) -> bool {
    role.spec.download_slots.is_some_and(|slots| leeching >= slots)
}
