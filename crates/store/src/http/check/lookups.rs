//! Single torrents and users.

use reqwest::StatusCode;
use serde_json::Value;

use super::lists::Seen;
use super::{Failure, Run, id_of, skipped, wrong};

/// A hash and a passkey that nobody has.
const UNKNOWN_HASH: &str = "00000000000000006d696b612074657374202020";
const UNKNOWN_PASSKEY: &str = "mika-check-there-is-no-such-passkey";

impl Run<'_> {
    pub(super) async fn lookups(&mut self, seen: &Seen) {
        let result = self.unknown(format!("/api/torrent/{UNKNOWN_HASH}")).await;
        self.note("an unknown info-hash is not found (404)", result);
        let result = self.unknown(format!("/api/user/{UNKNOWN_PASSKEY}")).await;
        self.note("an unknown passkey is not found (404)", result);
        let result = self.first(&seen.torrents, "torrent", "info_hash").await;
        self.note("a torrent is found by its info-hash", result);
        let hybrid = |row: &&Value| text(row, "info_hash_v2").is_some();
        let hybrids: Vec<_> = seen.torrents.iter().filter(hybrid).take(1).cloned().collect();
        let result = self.first(&hybrids, "torrent", "info_hash_v2").await;
        self.note("a hybrid torrent is found by its second info-hash", result);
        let result = self.first(&seen.users, "user", "passkey").await;
        self.note("a user is found by the passkey", result);
    }

    async fn unknown(&self, path: String) -> Result<(), Failure> {
        let call = self.call(path);
        let answer = self.exchange(&call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.not(&call, &answer, "404")),
        }
    }

    /// The first row of a list is what its look-up says.
    async fn first(&self, rows: &[Value], kind: &str, key: &str) -> Result<(), Failure> {
        let Some(row) = rows.first() else { return skipped("there is none") };
        let Some(name) = text(row, key) else { return skipped(format!("it has no {key}")) };
        let path = if key == "passkey" {
            "/api/user/…".to_owned()
        } else {
            format!("/api/{kind}/{name}")
        };
        // A v2 hash of 64 digits is announced, and asked for, by its first 40 (BEP 52).
        let asked = if kind == "torrent" { name.get(..40).unwrap_or(name) } else { name };
        let Some(found) = self.find::<Value>(format!("/api/{kind}/{asked}")).await? else {
            return wrong(format!("GET {path}: not found (404), but the list has it"));
        };
        if id_of(&found) != id_of(row) || text(&found, key) != Some(name) {
            let (id, listed) = (id_of(&found).unwrap_or(0), id_of(row).unwrap_or(0));
            return wrong(format!("GET {path}: {kind} {id} came, but the list has {listed}"));
        }
        Ok(())
    }
}

fn text<'a>(row: &'a Value, key: &str) -> Option<&'a str> {
    row.get(key).and_then(Value::as_str)
}
