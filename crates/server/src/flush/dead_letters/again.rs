//! From letters to batches, for another attempt.

use std::collections::HashSet;

use mika_core::batch::Batch;
use serde::de::DeserializeOwned;

use super::Letter;

/// Letters on their way again.
#[derive(Debug, Default)]
pub struct Again {
    /// Batches and the names of the letters in each. No batch has two rows of the same key.
    pub batches: Vec<(Batch, Vec<String>)>,
    /// Names of letters that cannot be tried again.
    pub unreadable: Vec<String>,
}

/// Puts letters into batches.
///
/// Those of sessions are not tried again: a restart would take the row for the session's latest
/// counters, and count what came after it twice.
pub fn rows_of(letters: Vec<Letter>) -> Again {
    let mut again = Again::default();
    let mut keys: Vec<HashSet<(String, String)>> = Vec::new();
    for letter in letters {
        let name = |field: &str| letter.row.get(field).map(ToString::to_string).unwrap_or_default();
        let key = match letter.table.as_str() {
            "snatches" => ["user_id", "torrent_id", "snatched_at_seconds"].map(name).join("/"),
            "unregistered" => letter.row.to_string(),
            _ => ["user_id", "torrent_id"].map(name).join("/"),
        };
        let key = (letter.table.clone(), key);
        let at = keys.iter().position(|keys| !keys.contains(&key)).unwrap_or(keys.len());
        if at == keys.len() {
            keys.push(HashSet::new());
            again.batches.push((Batch::default(), Vec::new()));
        }
        let (Some((batch, ids)), Some(keys)) = (again.batches.get_mut(at), keys.get_mut(at)) else {
            continue;
        };
        let is_put = match letter.table.as_str() {
            "users" => push(&mut batch.users, letter.row),
            "torrents" => push(&mut batch.torrents, letter.row),
            "history" => push(&mut batch.history, letter.row),
            "registered" => push(&mut batch.registered, letter.row),
            "snatches" => push(&mut batch.snatches, letter.row),
            "token_uses" => push(&mut batch.token_uses, letter.row),
            "unregistered" => push(&mut batch.unregistered, letter.row),
            _ => false,
        };
        if is_put {
            keys.insert(key);
            ids.push(letter.id);
        } else {
            again.unreadable.push(letter.id);
        }
    }
    again.batches.retain(|(_, ids)| !ids.is_empty());
    for (batch, _) in &mut again.batches {
        sort(batch);
    }
    again
}

fn push<R: DeserializeOwned>(rows: &mut Vec<R>, row: serde_json::Value) -> bool {
    let Ok(row) = serde_json::from_value(row) else { return false };
    rows.push(row);
    true
}

/// Rows of a batch are in the order of their keys.
fn sort(batch: &mut Batch) {
    batch.users.sort_unstable_by_key(|row| row.user_id);
    batch.torrents.sort_unstable_by_key(|row| row.torrent_id);
    batch.history.sort_unstable_by_key(|row| (row.user_id, row.torrent_id));
    batch.registered.sort_unstable_by_key(|row| row.torrent_id);
    batch.snatches.sort_unstable_by_key(|it| (it.user_id, it.torrent_id, it.snatched_at_seconds));
    batch.token_uses.sort_unstable_by_key(|row| (row.user_id, row.torrent_id));
}

#[cfg(test)]
mod tests {
    use mika_core::batch::{SnatchRow, Traffic, UserRow};

    use super::*;

    fn letter(id: &str, table: &str, row: &impl serde::Serialize) -> Letter {
        Letter {
            id: id.to_owned(),
            batch: 1,
            at_seconds: 5,
            table: table.to_owned(),
            reason: "no".to_owned(),
            row: serde_json::to_value(row).unwrap(),
        }
    }

    #[test]
    fn rows_come_back_as_they_were_and_no_batch_has_one_key_twice() {
        let user = |user_id| UserRow {
            user_id,
            traffic: Traffic { uploaded_raw: u64::MAX, ..Traffic::default() },
            seed_seconds: 1,
            snatches: 2,
            announced_at_seconds: 3,
        };
        let snatch = SnatchRow {
            user_id: 1,
            torrent_id: 2,
            snatched_at_seconds: 3,
            address: Some("2001:db8::1".parse().unwrap()),
        };
        let again = rows_of(vec![
            letter("b", "users", &user(2)),
            letter("a", "users", &user(1)),
            letter("c", "users", &user(2)),
            letter("d", "snatches", &snatch),
            letter("e", "sessions", &user(9)),
            letter("f", "users", &"nonsense"),
        ]);
        let [(first, ids), (second, more)] = again.batches.as_slice() else { panic!() };
        assert_eq!(first.users, [user(1), user(2)]);
        assert_eq!(first.snatches, [snatch]);
        assert_eq!(second.users, [user(2)]);
        assert_eq!((ids.join(""), more.join("")), ("bad".to_owned(), "c".to_owned()));
        assert_eq!(again.unreadable, ["e", "f"]);
    }
}
