//! UNIT3D's calls to UNIT3D-Announce: `/announce/<key>/<path>` with JSON bodies, also of a DELETE.
//!
//! UNIT3D takes anything but 200 for a failure, waits for seconds, tries again and then tells its
//! user so. So numbers that are out of their range are clamped, what is unknown here already is
//! gone, and what cannot be read is the only thing that is refused.

mod body;
mod view;

use std::time::Duration;

use mika_core::registry::{TorrentStatus, UserTerms};
use mika_core::{KnownTorrent, KnownUser};
use mika_protocol::InfoHash;
use mika_store::record::{ClientRuleRecord, RoleRecord};
use tracing::{debug, warn};

use super::connection::{Reply, Request};
use super::{Counts, Shared, is_secret};
use crate::control::ControlError;
use body::Body;
pub(super) use view::Unit3d;

/// UNIT3D tells that a rule goes before it deletes it: after so long it has.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// Groups whose members may not announce, by their names in URLs.
const DISABLED_GROUPS: [&str; 3] = ["banned", "validating", "disabled"];

/// Why a call was not obeyed.
#[derive(Debug)]
enum Wrong {
    /// It cannot be read.
    Body,
    /// Something in it is missing, or of another type.
    Field(&'static str),
    Control(ControlError),
}

impl From<ControlError> for Wrong {
    fn from(error: ControlError) -> Self {
        Self::Control(error)
    }
}

impl Wrong {
    fn reply(&self) -> Reply {
        match self {
            Self::Body => Reply::text(400, "the body is not JSON"),
            Self::Field(name @ ("info_hash" | "passkey" | "new_passkey")) => {
                Reply::text(400, format!("{name} is missing or invalid"))
            }
            Self::Field(name) => Reply::text(422, format!("{name} is missing or invalid")),
            Self::Control(error) => Reply::text(error.status_and_code().0, error.to_string()),
        }
    }
}

/// What is done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Put,
    Delete,
}

/// Answers a request below `/announce/`; `path` is what follows.
pub(super) async fn answer(shared: &Shared, request: &Request<'_>, path: &[u8]) -> Reply {
    if path == b"health/ping" {
        return Reply::text(200, "PONG");
    }
    let mut segments = path.splitn(2, |&byte| byte == b'/');
    let (guess, rest) = (segments.next().unwrap_or_default(), segments.next());
    if !is_secret(guess, &shared.settings.unit3d_key) {
        Counts::count(&shared.counts.bad_secrets);
        return Reply::empty(404);
    }
    let rest = std::str::from_utf8(rest.unwrap_or_default()).unwrap_or_default();
    let method = match request.method {
        b"GET" => return view::answer(shared, rest).await,
        b"POST" if rest == "config/reload" => return reload(shared).await,
        b"PUT" => Method::Put,
        b"DELETE" => Method::Delete,
        _ => return Reply::empty(405),
    };
    let result = match Body::read(request.body) {
        Some(body) => change(shared, method, rest, &body).await,
        None => Err(Wrong::Body),
    };
    match result {
        Ok(true) => {
            debug!(what = rest, ?method, "told by the site");
            Reply::empty(200)
        }
        Ok(false) => Reply::empty(404),
        Err(wrong) => {
            warn!(what = rest, ?method, ?wrong, "not done what the site has told");
            wrong.reply()
        }
    }
}

/// False if there is no such path.
async fn change(shared: &Shared, method: Method, path: &str, body: &Body) -> Result<bool, Wrong> {
    match (path, method) {
        ("torrents", Method::Put) => put_torrent(shared, body).await?,
        ("torrents", Method::Delete) => delete_torrent(shared, body).await?,
        ("users", Method::Put) => put_user(shared, body).await?,
        ("users", Method::Delete) => delete_user(shared, body).await?,
        ("groups", Method::Put) => put_group(shared, body).await?,
        ("groups", Method::Delete) => {
            if let Ok(id) = u16::try_from(body.id("id")?) {
                shared.control.told_role_gone(id).await?;
            }
        }
        ("blacklisted-agents", method) => agent(shared, method, body).await?,
        ("freeleech-tokens", method) => token(shared, method, body).await?,
        ("personal-freeleech", method) => personal(shared, method, body).await?,
        ("featured-torrents", method) => featured(shared, method, body).await?,
        _ => return Ok(false),
    }
    Ok(true)
}

async fn reload(shared: &Shared) -> Reply {
    match shared.commands.reload_config().await {
        Ok(_) => Reply::text(200, "Successfully reloaded config."),
        Err(error) => Reply::text(500, error.to_string()),
    }
}

/// Peers and live counts stay what they are: those that the site sends are from its tables.
async fn put_torrent(shared: &Shared, body: &Body) -> Result<(), Wrong> {
    let id = body.id("id")?;
    let info_hash = body.text("info_hash").and_then(|hash| InfoHash::from_hex(hash).ok());
    let info_hash = info_hash.ok_or(Wrong::Field("info_hash"))?;
    let status = body.number("status").map(TorrentStatus::from_number);
    let deleted = body.flag("is_deleted").unwrap_or(false);
    let [upload, download] = ["upload_factor", "download_factor"].map(|name| body.percent(name));
    let snatches = body.number("times_completed").map(|count| count.clamp(0, u32::MAX.into()));
    let snatches = snatches.and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
    let change = move |torrent: &mut KnownTorrent| {
        (torrent.id, torrent.enabled, torrent.deleted) = (id, true, deleted);
        torrent.reason.clear();
        torrent.upload_percent = upload.unwrap_or(torrent.upload_percent);
        torrent.download_percent = download.unwrap_or(torrent.download_percent);
        torrent.terms.status = status.unwrap_or(torrent.terms.status);
        torrent.counts.snatches = torrent.counts.snatches.max(snatches);
    };
    shared.control.told_torrent(info_hash, Some(id), change).await?;
    Ok(())
}

async fn delete_torrent(shared: &Shared, body: &Body) -> Result<(), Wrong> {
    let id = body.id("id")?;
    let hint = body.text("info_hash").and_then(|hash| InfoHash::from_hex(hash).ok());
    if let Some(info_hash) = hash_of(shared, id, hint) {
        let delete = |torrent: &mut KnownTorrent| torrent.deleted = true;
        shared.control.told_torrent(info_hash, None, delete).await?;
    }
    Ok(())
}

/// The hash of a torrent, which may be the one that the call mentions.
fn hash_of(shared: &Shared, id: u32, hint: Option<InfoHash>) -> Option<InfoHash> {
    let tracker = shared.control.tracker();
    let hinted = hint.and_then(|info_hash| tracker.known_torrent(info_hash));
    match hinted.filter(|torrent| torrent.id == id) {
        Some(torrent) => Some(torrent.info_hash),
        None => tracker.info_hashes_of(|other| other == id).pop().map(|(_, info_hash)| info_hash),
    }
}

/// A new passkey is told before the site has written it, all else afterwards: so what the tables
/// grant the user, such as a donor's freeleech, is asked of them.
async fn put_user(shared: &Shared, body: &Body) -> Result<(), Wrong> {
    let id = body.id("id")?;
    let old = body.passkey("passkey")?.ok_or(Wrong::Field("passkey"))?;
    let (text, passkey) = body.passkey("new_passkey")?.unwrap_or(old);
    let role_id = body.number("group_id").map(|id| u16::try_from(id).unwrap_or(u16::MAX));
    let can_download = body.flag("can_download");
    let terms = stored_terms(shared, id).await;
    let change = move |user: &mut KnownUser| {
        user.deleted = false;
        user.role_id = role_id.unwrap_or(user.role_id);
        user.download_enabled = can_download.unwrap_or(user.download_enabled);
        user.terms = terms.unwrap_or(user.terms);
    };
    shared.control.told_user(id, passkey, change).await?;
    let [is_donor, is_lifetime] = ["is_donor", "is_lifetime"].map(|name| body.flag(name));
    shared.unit3d.saw_user(id, text, is_donor.unwrap_or(false), is_lifetime.unwrap_or(false));
    Ok(())
}

/// What the site's tables grant a user; `None` if they do not say now.
async fn stored_terms(shared: &Shared, id: u32) -> Option<UserTerms> {
    match shared.control.stored_user(id).await {
        Ok(user) => user.map(|user| user.terms),
        Err(error) => {
            warn!(%error, user = id, "the user's own multipliers stay what they are");
            None
        }
    }
}

async fn delete_user(shared: &Shared, body: &Body) -> Result<(), Wrong> {
    let id = body.id("id")?;
    body.passkey("passkey")?;
    shared.control.told_user_gone(id).await?;
    shared.unit3d.forget_user(id);
    Ok(())
}

async fn put_group(shared: &Shared, body: &Body) -> Result<(), Wrong> {
    // The tables allow ids that no group has: they count as none, as they do when they are loaded.
    let Ok(id) = u16::try_from(body.id("id")?) else {
        warn!("a group has an id above 65535, which cannot be kept");
        return Ok(());
    };
    let name = body.text("slug").ok_or(Wrong::Field("slug"))?.to_owned();
    let slots = body.number("download_slots");
    let slots = slots.map(|slots| u32::try_from(slots.max(0)).unwrap_or(u32::MAX));
    let is = |name| body.flag(name).unwrap_or(false);
    let role = RoleRecord {
        id,
        enabled: !DISABLED_GROUPS.contains(&name.as_str()),
        name,
        upload_percent: if is("is_double_upload") { 200 } else { 100 },
        download_percent: if is("is_freeleech") { 0 } else { 100 },
        download_slots: slots,
        immune: is("is_immune"),
        ..RoleRecord::only()
    };
    Ok(shared.control.told_role(role).await?)
}

/// UNIT3D sends the name of a rule where its prefix should be. So the rules are read from its
/// tables, now and once more, and what was sent is taken for a prefix, too.
async fn agent(shared: &Shared, method: Method, body: &Body) -> Result<(), Wrong> {
    let sent = body.agent().ok_or(Wrong::Field("peer_id_prefix"))?;
    let change = move |rules: &mut Vec<ClientRuleRecord>| {
        if method == Method::Put && rules.iter().all(|rule| rule.prefix != sent) {
            let name = sent.clone();
            rules.push(ClientRuleRecord { prefix: sent, allowed: false, name });
        } else if method == Method::Delete {
            rules.retain(|rule| rule.prefix != sent && rule.name != sent);
        }
    };
    Ok(shared.control.read_client_rules(change, READ_AGAIN).await?)
}

async fn token(shared: &Shared, method: Method, body: &Body) -> Result<(), Wrong> {
    let (user_id, torrent_id) = (body.id("user_id")?, body.id("torrent_id")?);
    let Some(info_hash) = hash_of(shared, torrent_id, None) else {
        warn!(torrent = torrent_id, "a token for a torrent that is not known");
        return Ok(());
    };
    let is_given = method == Method::Put;
    if !shared.control.told_token(user_id, info_hash, is_given).await? && is_given {
        warn!(user = user_id, "a token for a user who is not known");
    }
    Ok(())
}

/// The end of it is told once the tables say so: what they grant the user otherwise counts again.
async fn personal(shared: &Shared, method: Method, body: &Body) -> Result<(), Wrong> {
    let id = body.id("user_id")?;
    let stored = match method {
        Method::Put => None,
        Method::Delete => stored_terms(shared, id).await,
    };
    let change = move |terms: &mut UserTerms| match (method, stored) {
        (Method::Put, _) => terms.download_percent = Some(0),
        (Method::Delete, Some(stored)) => *terms = stored,
        (Method::Delete, None) => terms.download_percent = None,
    };
    shared.control.told_terms(id, change).await?;
    Ok(())
}

async fn featured(shared: &Shared, method: Method, body: &Body) -> Result<(), Wrong> {
    if let Some(info_hash) = hash_of(shared, body.id("torrent_id")?, None) {
        let is_featured = method == Method::Put;
        let change = move |torrent: &mut KnownTorrent| torrent.terms.featured = is_featured;
        shared.control.told_torrent(info_hash, None, change).await?;
    }
    Ok(())
}
