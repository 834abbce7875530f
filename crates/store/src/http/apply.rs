//! Batches: all rows or none, and each number once.
//!
//! The site writes a batch in one transaction with its number, or refuses some rows and writes
//! nothing. Refused rows become dead letters, are kept, and only then is the batch sent again,
//! without them. So nothing has to be undone when they cannot be kept, and the site has nothing to
//! remember but the number of the last batch.

use std::collections::BTreeMap;

use mika_core::batch::Batch;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::HttpOptions;
use super::call::{Answer, Call, Caller};
use crate::store::{Applied, DeadLetter, KeepDeadLetters, StoreError};

/// The lists of a batch, in the order in which a site should write them.
pub(super) const TABLES: [&str; 8] = [
    "registered",
    "users",
    "torrents",
    "history",
    "sessions",
    "snatches",
    "token_uses",
    "unregistered",
];

/// Characters of a reason that are kept.
const REASON_CHARACTERS_MAX: usize = 300;

/// The answer to `GET /api/checkpoint`.
#[derive(Deserialize)]
pub(super) struct CheckpointJson {
    pub(super) number: u64,
}

/// The answer to `POST /api/batch`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct BatchReply {
    pub(super) result: BatchResult,
    #[serde(default)]
    pub(super) refused: Vec<RefusedRow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BatchResult {
    /// Everything is written, and the checkpoint is the batch's number.
    Applied,
    /// The checkpoint is not below the batch's number: nothing is written.
    Repeated,
    /// Nothing is written because of the rows in `refused`.
    Refused,
}

/// A row that the site cannot write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct RefusedRow {
    /// The list that it is in.
    pub(super) table: String,
    /// Its position in that list, from 0.
    pub(super) index: usize,
    /// Why, for people.
    #[serde(default)]
    pub(super) reason: String,
}

pub(super) async fn checkpoint(caller: &Caller, options: &HttpOptions) -> Result<u64, StoreError> {
    let call = Call::get("/api/checkpoint".to_owned(), options.call_timeout);
    let checkpoint: CheckpointJson = caller.get(call).await?;
    Ok(checkpoint.number)
}

/// The body of `POST /api/peers/forget`.
#[derive(Serialize)]
pub(super) struct ForgetJson {
    pub(super) checkpoint: u64,
}

/// See [`HttpStore::forget_peers`](super::HttpStore::forget_peers).
pub(super) async fn forget_peers(caller: &Caller, options: &HttpOptions) -> Result<(), StoreError> {
    let checkpoint = checkpoint(caller, options).await?;
    let body = serde_json::to_vec(&ForgetJson { checkpoint })
        .map_err(|error| StoreError::Broken(format!("no form to send: {error}")))?;
    let path = "/api/peers/forget".to_owned();
    let call = Call::send(Method::POST, path, options.call_timeout, body);
    // The endpoint need not be there.
    caller.get_optional_answer(call).await?;
    Ok(())
}

/// See [`Store::apply_with`](crate::Store::apply_with).
pub(super) async fn apply(
    caller: &Caller,
    options: &HttpOptions,
    batch: &Batch,
    keep: &mut KeepDeadLetters<'_>,
) -> Result<Applied, StoreError> {
    let timeout = options.call_timeout;
    let call = |body| Call::send(Method::POST, "/api/batch".to_owned(), timeout, body);
    let answer = caller.send(call(Vec::new()), batch).await?;
    let mut reply = read(&answer)?;
    let mut dead_letters = Vec::new();
    let mut rest: Option<Rows> = None;
    // Ends: each round takes at least one row away.
    while reply.result == BatchResult::Refused {
        let rows = match rest.take() {
            Some(rows) => rows,
            None => Rows::of(batch)?,
        };
        let (rows, letters) = rows.without(reply.refused)?;
        keep(&letters)
            .map_err(|error| StoreError::Unavailable(format!("dead letters: {error}")))?;
        dead_letters.extend(letters);
        let body = rows.to_json()?;
        rest = Some(rows);
        let answer = caller.call(call(body)).await?;
        reply = read(&answer)?;
    }
    Ok(Applied { repeated: reply.result == BatchResult::Repeated, dead_letters })
}

pub(super) fn read(answer: &Answer) -> Result<BatchReply, StoreError> {
    answer.decode("POST /api/batch")
}

/// A batch as its parts are written in JSON; so rows of all kinds are handled alike.
pub(super) struct Rows {
    /// Number and time.
    scalars: BTreeMap<String, Box<RawValue>>,
    tables: BTreeMap<&'static str, Vec<Box<RawValue>>>,
}

impl Rows {
    pub(super) fn of(batch: &Batch) -> Result<Self, StoreError> {
        let broken = |error| StoreError::Broken(format!("a batch has no JSON form: {error}"));
        let text = serde_json::to_string(batch).map_err(broken)?;
        let mut scalars: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&text).map_err(broken)?;
        let mut tables = BTreeMap::new();
        for table in TABLES {
            if let Some(rows) = scalars.remove(table) {
                tables.insert(table, serde_json::from_str(rows.get()).map_err(broken)?);
            }
        }
        Ok(Self { scalars, tables })
    }

    /// Takes the refused rows out.
    pub(super) fn without(
        mut self,
        refused: Vec<RefusedRow>,
    ) -> Result<(Self, Vec<DeadLetter>), StoreError> {
        let wrong = |what: String| StoreError::Broken(format!("POST /api/batch: {what}"));
        if refused.is_empty() {
            return Err(wrong("the site refused a batch, but none of its rows".to_owned()));
        }
        let mut places: BTreeMap<&'static str, BTreeMap<usize, String>> = BTreeMap::new();
        for row in refused {
            let name = TABLES.into_iter().find(|name| *name == row.table);
            let length = name.and_then(|name| self.tables.get(name)).map_or(0, Vec::len);
            let (Some(name), true) = (name, row.index < length) else {
                let (table, index) = (row.table, row.index);
                return Err(wrong(format!(
                    "the site refused row {index} of {table:?}, which the \
                                          batch does not have"
                )));
            };
            places.entry(name).or_default().insert(row.index, row.reason);
        }
        let mut letters = Vec::new();
        for table in TABLES {
            let (Some(rows), Some(reasons)) = (self.tables.get_mut(table), places.remove(table))
            else {
                continue;
            };
            let (kept, refused): (Vec<_>, Vec<_>) = std::mem::take(rows)
                .into_iter()
                .enumerate()
                .partition(|(index, _)| !reasons.contains_key(index));
            *rows = kept.into_iter().map(|(_, row)| row).collect();
            let reasons = reasons.into_values().map(reason_of);
            letters.extend(refused.into_iter().zip(reasons).map(|((_, row), reason)| DeadLetter {
                table,
                row: row.get().to_owned(),
                reason,
            }));
        }
        Ok((self, letters))
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, StoreError> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            scalars: &'a BTreeMap<String, Box<RawValue>>,
            #[serde(flatten)]
            tables: &'a BTreeMap<&'static str, Vec<Box<RawValue>>>,
        }
        let body = Body { scalars: &self.scalars, tables: &self.tables };
        serde_json::to_vec(&body)
            .map_err(|error| StoreError::Broken(format!("a batch has no JSON form: {error}")))
    }
}

fn reason_of(text: String) -> String {
    if text.is_empty() {
        return "the site gave no reason".to_owned();
    }
    text.chars().take(REASON_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use mika_core::batch::{Traffic, UserRow};

    use super::*;

    fn user(user_id: u32) -> UserRow {
        UserRow {
            user_id,
            traffic: Traffic::default(),
            seed_seconds: u64::MAX,
            snatches: 0,
            announced_at_seconds: 0,
        }
    }

    fn refused(table: &str, index: usize) -> RefusedRow {
        RefusedRow { table: table.to_owned(), index, reason: "no such user".to_owned() }
    }

    #[test]
    fn refused_rows_are_taken_out_and_become_letters_as_they_are() {
        let users: Vec<_> = (1..=4).map(user).collect();
        let batch = Batch { number: 9, users, ..Batch::default() };
        let rows = Rows::of(&batch).unwrap();
        let twice = vec![refused("users", 3), refused("users", 1), refused("users", 3)];
        let (rest, letters) = rows.without(twice).unwrap();
        let texts: Vec<_> = letters.iter().map(|letter| letter.row.clone()).collect();
        let expected = [user(2), user(4)].map(|row| serde_json::to_string(&row).unwrap());
        assert_eq!(texts, expected);
        let sent: Batch = serde_json::from_slice(&rest.to_json().unwrap()).unwrap();
        assert_eq!(sent, Batch { users: vec![user(1), user(3)], ..batch });
    }

    #[test]
    fn a_row_that_is_not_there_cannot_be_refused() {
        let batch = Batch { users: vec![user(1)], ..Batch::default() };
        for wrong in [vec![], vec![refused("users", 1)], vec![refused("elsewhere", 0)]] {
            assert!(Rows::of(&batch).unwrap().without(wrong).is_err());
        }
    }
}
