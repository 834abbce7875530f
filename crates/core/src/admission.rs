//! Who may announce what: the checks, in their order, which is also that of [`Refusal`].
//!
//! 1. the passkey: present, known, of a user who is not deleted;
//! 2. the client's name against white- and blacklist;
//! 3. the port, unless the client is leaving;
//! 4. the counters;
//! 5. the torrent: known (or registered now), not deleted, not disabled;
//! 6. what user and role may do: upload for a seeder, download for a leecher;
//! 7. for a session not seen before: sessions per user and torrent, download slots, room.
//!
//! A download slot is a torrent that the user leeches, with however many clients; a partial seed
//! (BEP 21) lacks something and may ask for it any time, so it takes a slot, too.
//!
//! A `stopped` passes 3, 6 and 7; but one of a session that is not known, and that is to be
//! charged for a download, needs room as well. And what a session that is known reports is always
//! counted, also when 2, 3, 5 or 6 refuse it now: it is told the refusal, gets no peers and is
//! handed to nobody, but no byte that it moved before is lost.

use mika_protocol::{AnnounceRequest, Event};

use crate::accounting::COUNTER_BYTES_MAX;
use crate::refusal::Refusal;
use crate::registry::RoleSpec;
use crate::rules::Rules;
use crate::shard::{Standing, Torrent};
use crate::swarm::Kind;
use crate::users::{User, Users};

/// Check 1.
pub(crate) fn user(users: &Users, request: &AnnounceRequest) -> Result<User, Refusal> {
    let passkey = request.passkey.as_ref().ok_or(Refusal::PasskeyMissing)?;
    let user = users.by_passkey(passkey).ok_or(Refusal::PasskeyUnknown)?;
    if user.deleted { Err(Refusal::UserDeleted) } else { Ok(user) }
}

/// Checks 2 and 3.
pub(crate) fn client(rules: &Rules, request: &AnnounceRequest) -> Result<(), Refusal> {
    if !rules.client_allowed(&request.peer_id) {
        return Err(Refusal::ClientNotAllowed);
    }
    let leaving = request.event == Event::Stopped;
    if !leaving && request.port < rules.settings.port_min.max(1) {
        return Err(Refusal::PortNotAllowed);
    }
    Ok(())
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
    }
}

/// Check 6.
pub(crate) fn rights(
    user: &User,
    role: &RoleSpec,
    request: &AnnounceRequest,
) -> Result<(), Refusal> {
    if request.event == Event::Stopped {
        return Ok(());
    }
    if request.left == 0 {
        return if role.upload_enabled { Ok(()) } else { Err(Refusal::RoleUploadDisabled) };
    }
    if !user.download_enabled {
        return Err(Refusal::DownloadDisabled);
    }
    if role.download_enabled { Ok(()) } else { Err(Refusal::RoleDownloadDisabled) }
}

/// Check 7, but for the room.
pub(crate) fn new_session(
    rules: &Rules,
    role: &RoleSpec,
    sessions: usize,
    slots_used: u32,
    wants_slot: bool,
) -> Result<(), Refusal> {
    if sessions >= rules.settings.sessions_per_user_and_torrent_max as usize {
        return Err(Refusal::TooManySessions);
    }
    if wants_slot && role.download_slots.is_some_and(|slots| slots_used >= slots) {
        return Err(Refusal::NoDownloadSlot);
    }
    Ok(())
}
