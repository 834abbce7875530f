//! What UNIT3D shows its staff. It is strict about types: a number that should have a decimal point
//! and has none makes it say that the tracker has returned an error.

use std::collections::HashMap;
use std::fmt::Write;

use mika_core::registry::TorrentStatus;
use mika_core::{SessionView, SessionsOf};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::super::connection::Reply;
use super::super::rates::Rated;
use super::super::{Shared, rates};
use super::hash_of;
use crate::control::now_seconds;

/// Peers of a torrent that are told.
const PEERS_MAX: usize = 100_000;
/// Users whose particulars are kept.
const USERS_MAX: usize = 100_000;

/// What only calls say of users.
#[derive(Default)]
pub(in super::super) struct Unit3d {
    users: Mutex<HashMap<u32, ToldUser>>,
}

/// Has no `Debug`, for the passkey.
#[derive(Clone, Default)]
struct ToldUser {
    passkey: String,
    is_donor: bool,
    is_lifetime: bool,
}

impl Unit3d {
    pub(super) fn saw_user(&self, id: u32, passkey: String, is_donor: bool, is_lifetime: bool) {
        let mut users = self.users.lock();
        if users.len() < USERS_MAX || users.contains_key(&id) {
            users.insert(id, ToldUser { passkey, is_donor, is_lifetime });
        }
    }

    pub(super) fn forget_user(&self, id: u32) {
        self.users.lock().remove(&id);
    }

    fn user(&self, id: u32) -> Option<ToldUser> {
        self.users.lock().get(&id).cloned()
    }
}

/// Answers a GET.
pub(super) async fn answer(shared: &Shared, path: &str) -> Reply {
    let found = match path.split_once('/') {
        None if path == "stats" => Some(stats(shared)),
        Some(("torrents", id)) => id.parse().ok().and_then(|id| torrent(shared, id)),
        Some(("users", id)) => match id.parse() {
            Ok(id) => user(shared, id).await,
            Err(_) => None,
        },
        _ => None,
    };
    found.map_or_else(|| Reply::empty(404), |value| Reply::json(value.to_string()))
}

/// All 13 with a decimal point.
fn stats(shared: &Shared) -> Value {
    let now = shared.tick();
    let mut members = Map::new();
    let mut put = |name: String, number: f64| members.insert(name, json!(number));
    put("created_at".to_owned(), now.began_at_seconds.into());
    put("last_request_at".to_owned(), now.requests.changed_at_seconds.into());
    put("last_announce_response_at".to_owned(), now.announces.changed_at_seconds.into());
    let rated: [(&str, Rated); 2] =
        [("requests", now.requests), ("announce_responses", now.announces)];
    for (name, rated) in rated {
        for (rate, window) in rated.per_second.into_iter().zip(rates::WINDOWS) {
            put(format!("{name}_per_{window:.0}s"), rate);
        }
    }
    Value::Object(members)
}

/// The lists of rates are empty, for there are no limits of that kind; but they must be there.
async fn user(shared: &Shared, id: u32) -> Option<Value> {
    let tracker = shared.control.tracker();
    let known = tracker.known_user(id).filter(|user| !user.deleted)?;
    let told = shared.unit3d.user(id);
    let passkey = match &told {
        Some(told) => told.passkey.clone(),
        None => {
            let stored = shared.control.stored_user(id).await.ok().flatten();
            stored.map(|user| user.passkey).unwrap_or_default()
        }
    };
    let told = told.unwrap_or_default();
    let page = tracker.sessions(SessionsOf::User(id), None, PEERS_MAX, now_seconds());
    let sessions = page.map(|page| page.sessions).unwrap_or_default();
    let visible = |seeder: bool| {
        sessions.iter().filter(|session| session.visible && session.seeder == seeder).count()
    };
    let rates = json!({ "rates": [] });
    Some(json!({
        "id": id,
        "group_id": known.role_id,
        "passkey": passkey,
        "can_download": known.download_enabled,
        "is_donor": told.is_donor,
        "is_lifetime": told.is_lifetime,
        "num_seeding": visible(true),
        "num_leeching": visible(false),
        "receive_seed_list_rates": rates,
        "receive_leech_list_rates": rates,
    }))
}

fn torrent(shared: &Shared, id: u32) -> Option<Value> {
    let tracker = shared.control.tracker();
    let known = tracker.known_torrent(hash_of(shared, id, None)?)?;
    let of = SessionsOf::Torrent(known.info_hash);
    let page = tracker.sessions(of, None, PEERS_MAX, now_seconds());
    let sessions = page.map(|page| page.sessions).unwrap_or_default();
    let peers: Map<String, Value> =
        sessions.iter().enumerate().filter_map(|(number, session)| peer(number, session)).collect();
    let status = match known.terms.status {
        TorrentStatus::Pending => "Pending",
        TorrentStatus::Approved => "Approved",
        TorrentStatus::Rejected => "Rejected",
        TorrentStatus::Postponed => "Postponed",
        TorrentStatus::Other => "Unknown",
    };
    Some(json!({
        "id": known.id,
        "status": status,
        "is_deleted": known.deleted,
        "peers": peers,
        "seeders": known.counts.seeders,
        "leechers": known.counts.leechers,
        "times_completed": known.counts.snatches,
        "download_factor": known.download_percent,
        "upload_factor": known.upload_percent,
    }))
}

/// Named by user and peer id; UNIT3D 9.1.6 and before read both from the value.
fn peer(number: usize, session: &SessionView) -> Option<(String, Value)> {
    let user_id = session.user_id?;
    let mut peer_id = String::new();
    // One that is not kept still has to be a name of its own.
    let unkept = || format!("{number:040x}");
    match session.peer_id {
        None => peer_id = unkept(),
        Some(bytes) => bytes.0.iter().for_each(|byte| {
            // Writing to a string does not fail.
            let _ = write!(peer_id, "{byte:02X}");
        }),
    }
    let v4 = session.address_v4.map(|it| (it.ip().to_string(), it.port()));
    let address = v4.or(session.address_v6.map(|it| (it.ip().to_string(), it.port())));
    let (ip, port) = address.unwrap_or_default();
    // Larger ones are no whole numbers to PHP.
    let whole = |bytes: u64| bytes.min(i64::MAX as u64);
    let value = json!({
        "user_id": user_id,
        "torrent_id": session.torrent_id,
        "peer_id": peer_id,
        "ip_address": ip,
        "port": port,
        "is_seeder": session.seeder,
        "is_active": true,
        "is_visible": session.visible,
        "is_connectable": false,
        "has_sent_completed": false,
        "updated_at": session.announced_at_seconds,
        "uploaded": whole(session.uploaded_bytes),
        "downloaded": whole(session.downloaded_bytes),
        "left": whole(session.left_bytes.unwrap_or_default()),
    });
    Some((format!("{user_id}-{peer_id}"), value))
}
