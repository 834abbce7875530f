//! Gazelle's calls to Ocelot: `/<password>/update?action=…` and `/<password>/report?get=…`.
//!
//! An update that was made is answered with `success` and nothing else, which both generations of
//! Gazelle look for; one that was not has another status as well, where Ocelot says 200, so that
//! Orpheus' Gazelle notices. What is known to neither side any more is a success: the site has what
//! it wants. An unknown action is a success, too, for newer sites know more of them.

mod parameters;
mod report;

use mika_core::KnownTorrent;
use mika_core::registry::{ClientRule, TorrentStatus};
use mika_core::trace::Subject;
use mika_protocol::{InfoHash, Passkey};
use tracing::{debug, warn};

use super::connection::{Reply, Request};
use super::{Counts, Shared, is_secret};
use crate::admin::CommandError;
use crate::control::ControlError;
use parameters::Parameters;

/// Characters of a passkey in a list without separators.
const PASSKEY_CHARACTERS: usize = 32;
/// Announces of a traced user that are kept.
const TRACE_KEEP: u32 = 1000;
/// Bytes of a peer id.
const PEER_ID_BYTES: usize = 20;

/// Why an update was not made.
#[derive(Debug)]
enum Wrong {
    /// A parameter is missing, or cannot be read.
    Parameter(&'static str),
    /// What it is about is unknown, and that matters.
    Unknown(&'static str),
    Control(ControlError),
    Command(CommandError),
}

impl From<ControlError> for Wrong {
    fn from(error: ControlError) -> Self {
        Self::Control(error)
    }
}

impl Wrong {
    fn reply(&self) -> Reply {
        match self {
            Self::Parameter(name) => failure(400, &format!("{name} is missing or invalid")),
            Self::Unknown(what) => failure(404, &format!("{what} not found")),
            Self::Control(error) => failure(error.status_and_code().0, &error.to_string()),
            Self::Command(CommandError::Config(text)) => failure(400, text),
            Self::Command(error) => failure(503, &error.to_string()),
        }
    }
}

/// What Ocelot says when something is wrong.
fn failure(status: u16, text: &str) -> Reply {
    let length = text.len();
    let body = format!("d14:failure reason{length}:{text}8:intervali5400e12:min intervali5400ee");
    Reply::text(status, body)
}

/// Answers a request.
pub(super) async fn answer(shared: &Shared, request: &Request<'_>) -> Reply {
    let mut segments =
        request.path.strip_prefix(b"/").unwrap_or_default().splitn(2, |&it| it == b'/');
    let (guess, what) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let settings = &shared.settings;
    let parameters = Parameters::of(request.query);
    match what {
        b"update" => {
            if !is_secret(guess, &settings.ocelot_password) {
                Counts::count(&shared.counts.bad_secrets);
                return failure(403, "Authentication failure");
            }
            update(shared, &parameters).await
        }
        b"report" => {
            if !is_secret(guess, &settings.ocelot_report_password) {
                Counts::count(&shared.counts.bad_report_secrets);
                return failure(403, "Authentication failure");
            }
            report::answer(shared, &parameters)
        }
        _ => {
            Counts::count(&shared.counts.malformed);
            failure(404, "Invalid action")
        }
    }
}

async fn update(shared: &Shared, parameters: &Parameters<'_>) -> Reply {
    let action = String::from_utf8_lossy(parameters.get(b"action").unwrap_or_default());
    let result = match action.as_ref() {
        "info_torrent" => return info_torrent(shared, parameters),
        "add_torrent" => add_torrent(shared, parameters).await,
        "update_torrent" | "update_torrents" => update_torrents(shared, parameters).await,
        "delete_torrent" => delete_torrent(shared, parameters).await,
        "add_user" => add_user(shared, parameters).await,
        "update_user" => update_user(shared, parameters).await,
        "remove_user" | "remove_users" => remove_users(shared, parameters).await,
        "change_passkey" => change_passkey(shared, parameters).await,
        "add_token" | "remove_token" => token(shared, parameters, action == "add_token").await,
        "add_whitelist" | "remove_whitelist" | "edit_whitelist" => {
            whitelist(shared, parameters).await
        }
        "update_announce_interval" => {
            let seconds = parameters.number(b"new_announce_interval");
            intervals(shared, seconds, None, "new_announce_interval").await
        }
        "update_announce_jitter" => {
            let seconds = parameters.number(b"new_announce_jitter");
            intervals(shared, None, seconds, "new_announce_jitter").await
        }
        "trace_user" => trace_user(shared, parameters),
        unknown => {
            let unknown: String = unknown.chars().take(40).collect();
            warn!(action = unknown, "the site asks for something that is not known");
            Ok(())
        }
    };
    match result {
        Ok(()) => {
            debug!(%action, "told by the site");
            Reply::text(200, "success")
        }
        Err(wrong) => {
            warn!(%action, ?wrong, "not done what the site has told");
            wrong.reply()
        }
    }
}

/// `"0"`: everything counts; `"1"`: free; anything else: neutral, nothing counts.
fn put_factors(torrent: &mut KnownTorrent, kind: Option<&[u8]>) {
    (torrent.upload_percent, torrent.download_percent) = match kind {
        Some(b"0") => (100, 100),
        Some(b"1") => (100, 0),
        _ => (0, 0),
    };
}

async fn add_torrent(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let info_hash = parameters.info_hash().ok_or(Wrong::Parameter("info_hash"))?;
    let id = parameters.number(b"id").filter(|id| *id > 0).ok_or(Wrong::Parameter("id"))?;
    let kind = parameters.get(b"freetorrent").map(<[u8]>::to_vec);
    let change = move |torrent: &mut KnownTorrent| {
        put_factors(torrent, kind.as_deref());
        (torrent.id, torrent.enabled, torrent.deleted, torrent.gone) = (id, true, false, false);
        torrent.reason.clear();
        torrent.terms.status = TorrentStatus::Approved;
    };
    shared.control.told_torrent(info_hash, Some(id), change).await?;
    Ok(())
}

async fn update_torrents(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let hashes = parameters.info_hashes().ok_or(Wrong::Parameter("info_hash"))?;
    for info_hash in hashes {
        let kind = parameters.get(b"freetorrent").map(<[u8]>::to_vec);
        let change = move |torrent: &mut KnownTorrent| put_factors(torrent, kind.as_deref());
        if !shared.control.told_torrent(info_hash, None, change).await? {
            warn!(%info_hash, "the site changes a torrent that is not known");
        }
    }
    Ok(())
}

async fn delete_torrent(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let info_hash = parameters.info_hash().ok_or(Wrong::Parameter("info_hash"))?;
    let settings = shared.control.tracker().settings();
    let code = parameters.number(b"reason").and_then(|code| u16::try_from(code).ok());
    let reason = code.and_then(|code| settings.site.delete_reasons.get(&code).cloned());
    let change = move |torrent: &mut KnownTorrent| {
        // Gazelle deletes the row, too.
        (torrent.deleted, torrent.gone) = (true, true);
        torrent.reason = reason.unwrap_or_default();
    };
    shared.control.told_torrent(info_hash, None, change).await?;
    Ok(())
}

fn passkey(parameters: &Parameters<'_>, name: &'static str) -> Result<Passkey, Wrong> {
    let text = parameters.get(name.as_bytes()).ok_or(Wrong::Parameter(name))?;
    Passkey::new(text).ok_or(Wrong::Parameter(name))
}

async fn add_user(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let passkey = passkey(parameters, "passkey")?;
    let id = parameters.number(b"id").filter(|id| *id > 0).ok_or(Wrong::Parameter("id"))?;
    let is_hidden = parameters.flag(b"visible").map(|visible| !visible);
    let change = move |user: &mut mika_core::KnownUser| {
        user.deleted = false;
        user.terms.address_hidden = is_hidden.unwrap_or(user.terms.address_hidden);
    };
    Ok(shared.control.told_user(id, passkey, change).await?)
}

/// Ocelot takes what is left out for "yes", which shows the addresses of users who hide them.
async fn update_user(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let passkey = passkey(parameters, "passkey")?;
    let Some(id) = shared.control.tracker().user_id_of(&passkey) else {
        warn!("the site changes a user who is not known");
        return Ok(());
    };
    let can_leech = parameters.flag(b"can_leech");
    let is_hidden = parameters.flag(b"visible").map(|visible| !visible);
    let change = move |user: &mut mika_core::KnownUser| {
        user.download_enabled = can_leech.unwrap_or(user.download_enabled);
        user.terms.address_hidden = is_hidden.unwrap_or(user.terms.address_hidden);
    };
    Ok(shared.control.told_user(id, passkey, change).await?)
}

/// One, or many in a row without anything between.
async fn remove_users(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let one = parameters.get(b"passkey").map(|it| vec![it]);
    let many = || {
        let all = parameters.get(b"passkeys")?;
        Some(all.chunks(PASSKEY_CHARACTERS).collect())
    };
    let passkeys = one.or_else(many).ok_or(Wrong::Parameter("passkey"))?;
    for text in passkeys {
        let passkey = Passkey::new(text).ok_or(Wrong::Parameter("passkey"))?;
        if let Some(id) = shared.control.tracker().user_id_of(&passkey) {
            shared.control.told_user_gone(id).await?;
        }
    }
    Ok(())
}

async fn change_passkey(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let old = passkey(parameters, "oldpasskey")?;
    let new = passkey(parameters, "newpasskey")?;
    let Some(id) = shared.control.tracker().user_id_of(&old) else {
        warn!("the site changes the passkey of a user who is not known");
        return Ok(());
    };
    Ok(shared.control.told_user(id, new, |_| {}).await?)
}

/// The site takes a token back if it is told that this could not be done.
async fn token(shared: &Shared, parameters: &Parameters<'_>, is_given: bool) -> Result<(), Wrong> {
    let info_hash = parameters.info_hash().ok_or(Wrong::Parameter("info_hash"))?;
    let user_id = parameters.number(b"userid").ok_or(Wrong::Parameter("userid"))?;
    let is_done = shared.control.told_token(user_id, info_hash, is_given).await?;
    match is_done || !is_given {
        true => Ok(()),
        false => Err(Wrong::Unknown("user or torrent")),
    }
}

/// An empty entry would fit every client.
fn prefix(parameters: &Parameters<'_>, name: &'static str) -> Result<Vec<u8>, Wrong> {
    let bytes = parameters.get(name.as_bytes()).unwrap_or_default();
    match (1..=PEER_ID_BYTES).contains(&bytes.len()) {
        true => Ok(bytes.to_vec()),
        false => Err(Wrong::Parameter(name)),
    }
}

async fn whitelist(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let (removed, added) = match parameters.get(b"action") {
        Some(b"add_whitelist") => (None, Some(prefix(parameters, "peer_id")?)),
        Some(b"remove_whitelist") => (Some(prefix(parameters, "peer_id")?), None),
        _ => (Some(prefix(parameters, "old_peer_id")?), Some(prefix(parameters, "new_peer_id")?)),
    };
    let change = move |rules: &mut Vec<ClientRule>| {
        rules.retain(|rule| Some(&rule.prefix) != removed.as_ref());
        if let Some(prefix) = added {
            rules.retain(|rule| rule.prefix != prefix);
            rules.push(ClientRule { prefix, allowed: true });
        }
    };
    Ok(shared.control.told_client_rules(change).await?)
}

async fn intervals(
    shared: &Shared,
    interval_seconds: Option<u32>,
    jitter_seconds: Option<u32>,
    name: &'static str,
) -> Result<(), Wrong> {
    if interval_seconds.or(jitter_seconds).is_none() {
        return Err(Wrong::Parameter(name));
    }
    let changed = shared.commands.set_intervals(interval_seconds, jitter_seconds).await;
    changed.map_err(Wrong::Command)
}

fn trace_user(shared: &Shared, parameters: &Parameters<'_>) -> Result<(), Wrong> {
    let passkey = passkey(parameters, "passkey")?;
    let tracker = shared.control.tracker();
    let id = tracker.user_id_of(&passkey).ok_or(Wrong::Unknown("user"))?;
    let subject = Subject::User(id);
    if parameters.get(b"trace") == Some(b"0") {
        tracker.stop_trace(&subject);
        return Ok(());
    }
    let started = tracker.start_trace(subject, None, TRACE_KEEP);
    started.map_err(|error| Wrong::Control(ControlError::Unavailable(error.to_string())))
}

/// Ocelot's has the hash without quotes, which no JSON reader takes.
fn info_torrent(shared: &Shared, parameters: &Parameters<'_>) -> Reply {
    let Some(info_hash) = parameters.info_hash() else {
        return Wrong::Parameter("info_hash").reply();
    };
    let known = shared.control.tracker().known_torrent(info_hash).filter(|it| !it.deleted);
    let body = match known {
        None => serde_json::json!({ "hash": info_hash.to_string(), "fail": 1 }),
        Some(torrent) => serde_json::json!({
            "hash": info_hash.to_string(),
            "id": torrent.id,
            "free": free_kind(&torrent),
        }),
    };
    Reply::json(format!("{body}\n"))
}

/// Of a torrent as Gazelle writes it: 0 normal, 1 free, 2 neutral.
fn free_kind(torrent: &KnownTorrent) -> u8 {
    match (torrent.upload_percent, torrent.download_percent) {
        (0, 0) => 2,
        (_, 0) => 1,
        _ => 0,
    }
}

/// The hashes of `bytes`, one behind the other.
fn hashes_in(bytes: &[u8]) -> Option<Vec<InfoHash>> {
    let hashes = bytes.chunks(20).map(|piece| Some(InfoHash(piece.try_into().ok()?)));
    hashes.collect::<Option<Vec<_>>>().filter(|hashes| !hashes.is_empty())
}
