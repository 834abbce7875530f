//! Ocelot's reports: JSON for Orpheus' Gazelle, lines of text for What.CD's.
//!
//! Orpheus' Gazelle takes what stands before the last line break, What.CD's what stands before a
//! last line `success`. A user or torrent that is not known is a 404: both then say so.

use std::sync::atomic::Ordering;

use mika_core::trace::Subject;
use mika_core::{KnownUser, SessionsOf};
use mika_protocol::Passkey;
use serde_json::json;

use super::super::connection::Reply;
use super::super::{Counts, Shared};
use super::parameters::Parameters;
use super::{failure, free_kind};
use crate::control::now_seconds;

mod stats;

/// Sessions that are looked at for one report.
const SESSIONS_MAX: usize = 100_000;

/// Answers a report.
pub(super) fn answer(shared: &Shared, parameters: &Parameters<'_>) -> Reply {
    let is_text = shared.settings.reports_are_text;
    match parameters.get(b"get").unwrap_or_default() {
        b"stats" if is_text => Reply::text(200, stats::text(shared)),
        b"stats" => Reply::json(stats::json(shared)),
        b"user" => user(shared, parameters, is_text),
        b"torrent" if !is_text => torrent(shared, parameters),
        b"jemalloc" if !is_text => Reply::text(200, stats::memory()),
        b"prom_stats" if !is_text => Reply::text(200, stats::prometheus(shared)),
        _ if is_text => Reply::text(200, "Invalid action\nsuccess"),
        _ => failure(400, "unrecognized report query"),
    }
}

fn user(shared: &Shared, parameters: &Parameters<'_>, is_text: bool) -> Reply {
    let Some(passkey) = parameters.get(b"key") else {
        return failure(400, "Announce key missing");
    };
    let tracker = shared.control.tracker();
    let id = Passkey::new(passkey).and_then(|passkey| tracker.user_id_of(&passkey));
    let user = id.and_then(|id| tracker.known_user(id)).filter(|user| !user.deleted);
    let Some(user) = user else {
        Counts::count(&shared.counts.malformed);
        return match is_text {
            true => Reply::text(200, "success"),
            false => failure(404, "Announce key not found"),
        };
    };
    let (seeding, leeching) = sessions_of(shared, &user);
    if is_text {
        return Reply::text(200, format!("{leeching} leeching\n{seeding} seeding\nsuccess"));
    }
    let traced = tracker.traces().iter().any(|(subject, ..)| *subject == Subject::User(user.id));
    // In this order, and with 0 and 1: Gazelle's own tests compare them as numbers.
    let (id, protected) = (user.id, u8::from(user.terms.address_hidden));
    let (can_leech, traced) = (u8::from(user.download_enabled), u8::from(traced));
    Reply::json(format!(
        "{{\"id\":{id},\"leeching\":{leeching},\"seeding\":{seeding},\"deleted\":0,\
         \"protected\":{protected},\"can_leech\":{can_leech},\"traced\":{traced}}}\n"
    ))
}

/// Seeding and leeching clients of a user.
fn sessions_of(shared: &Shared, user: &KnownUser) -> (usize, usize) {
    let tracker = shared.control.tracker();
    let page = tracker.sessions(SessionsOf::User(user.id), None, SESSIONS_MAX, now_seconds());
    let sessions = page.map(|page| page.sessions).unwrap_or_default();
    let seeding = sessions.iter().filter(|session| session.seeder).count();
    (seeding, sessions.len() - seeding)
}

fn torrent(shared: &Shared, parameters: &Parameters<'_>) -> Reply {
    let tracker = shared.control.tracker();
    let known = parameters.info_hash().and_then(|info_hash| tracker.known_torrent(info_hash));
    let Some(torrent) = known.filter(|torrent| !torrent.deleted) else {
        return failure(404, "Unregistered torrent");
    };
    let of = SessionsOf::Torrent(torrent.info_hash);
    let page = tracker.sessions(of, None, SESSIONS_MAX, now_seconds());
    let sessions = page.map(|page| page.sessions).unwrap_or_default();
    let users = |seeders: bool| {
        let sessions = sessions.iter().filter(move |session| session.seeder == seeders);
        sessions.filter_map(|session| session.user_id).collect::<Vec<_>>()
    };
    let flushed = shared.metrics.flush().last_flush_at_seconds.load(Ordering::Relaxed);
    // Nine keys, which Gazelle counts. The balance is the site's table's alone, and who was handed
    // out last is nobody: the choice is at random.
    let body = json!({
        "id": torrent.id,
        "completed": torrent.counts.snatches,
        "balance": 0,
        "free": free_kind(&torrent),
        "last_flushed": flushed,
        "last_selected_seeder": "",
        "leecher_list": users(false),
        "seeder_list": users(true),
        "fltoken_list": tracker.token_users(torrent.info_hash),
    });
    Reply::json(format!("{body}\n"))
}
