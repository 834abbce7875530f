//! Batches: all rows or none, and each number once.

use mika_core::batch::{Batch, TorrentRow, Traffic, UserRow};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::super::apply::{self, BatchReply, BatchResult};
use super::super::call::Call;
use super::lists::Seen;
use super::{Failure, Run, id_of, skipped, wrong};

/// Ids that nobody has.
const UNKNOWN_ID: u32 = 2_000_000_000;
const DELTA: Traffic =
    Traffic { uploaded_raw: 1, downloaded_raw: 2, uploaded_credited: 3, downloaded_credited: 5 };
/// The totals of a user that a site may tell, and what one batch adds to each.
const TOTALS: [(&str, u64); 5] = [
    ("uploaded_raw", 1),
    ("downloaded_raw", 2),
    ("uploaded", 3),
    ("downloaded", 5),
    ("seed_seconds", 7),
];

impl Run<'_> {
    pub(super) async fn batches(&mut self, seen: &Seen, write: bool) {
        let checkpoint = self.checkpoint().await;
        let Some(checkpoint) = self.note("the checkpoint can be read again", checkpoint) else {
            return;
        };
        let user = seen.users.first().and_then(id_of).and_then(|id| u32::try_from(id).ok());
        let may_write = write || checkpoint == 0;
        let ready = || match (may_write, user) {
            (false, _) => skipped(
                "it would move the checkpoint, which is not 0: use --write if no tracker uses \
                 this site",
            ),
            (true, None) => skipped("needs a user"),
            (true, Some(user)) => Ok(user),
        };
        let torrent = seen.torrents.first().cloned();
        let number = checkpoint.saturating_add(1);
        let result = match ready() {
            Ok(user) => self.applied(number, user, torrent.as_ref()).await,
            Err(failure) => Err(failure),
        };
        let name = "a batch is applied: totals grow by it, and the checkpoint is its number";
        let applied = self.note(name, result).is_some();
        let then = |applied: bool| match (applied, ready()) {
            (true, ready) => ready,
            (false, Err(failure)) => Err(failure),
            (false, Ok(_)) => skipped("no batch was applied"),
        };
        let result = match then(applied) {
            Ok(user) => self.repeated(number, user).await,
            Err(failure) => Err(failure),
        };
        self.note("a batch is applied once: its number again changes nothing", result);
        let result = match then(applied) {
            Ok(user) => self.refused(number.saturating_add(1), user).await,
            Err(failure) => Err(failure),
        };
        let name = "a row that cannot be written is refused, the same each time, and nothing of \
                    its batch is written";
        self.note(name, result);
        let result = match then(applied) {
            Ok(_) => self.empty(number.saturating_add(5)).await,
            Err(failure) => Err(failure),
        };
        self.note("an empty batch moves the checkpoint, also over a gap", result);
        let result = self.malformed().await;
        self.note("a body that is not a batch is refused (400)", result);
    }

    async fn send(&self, batch: &Batch) -> Result<BatchReply, Failure> {
        let broken = |error| Failure::Wrong(format!("no form to send: {error}"));
        let body = serde_json::to_vec(batch).map_err(broken)?;
        let (path, timeout) = ("/api/batch".to_owned(), self.options.call_timeout);
        let call = Call::send(Method::POST, path, timeout, body);
        let answer = self.exchange(&call).await?;
        match answer.status {
            StatusCode::OK => Ok(apply::read(&answer)?),
            _ => Err(self.caller.refusal(&call, &answer).into()),
        }
    }

    /// Sends a batch that is to have a certain result.
    async fn expect(&self, batch: &Batch, result: BatchResult) -> Result<BatchReply, Failure> {
        let reply = self.send(batch).await?;
        if reply.result == result {
            return Ok(reply);
        }
        let (number, found) = (batch.number, reply.result);
        let refused = match reply.refused.first() {
            Some(row) => format!(" (row {} of {}: {})", row.index, row.table, row.reason),
            None => String::new(),
        };
        wrong(format!(
            "POST /api/batch, number {number}: the result is {found:?}{refused}; should be \
             {result:?}"
        ))
    }

    async fn checkpoint_is(&self, number: u64) -> Result<(), Failure> {
        match self.checkpoint().await? {
            checkpoint if checkpoint == number => Ok(()),
            checkpoint => wrong(format!("the checkpoint is {checkpoint}; should be {number}")),
        }
    }

    /// The totals of a user, as far as the site tells them.
    async fn totals(&self, user: u32) -> Result<Vec<Option<u64>>, Failure> {
        let after = user.saturating_sub(1);
        let page: Value = self.get(format!("/api/users?after={after}&limit=1")).await?;
        let row = page.get("items").and_then(|items| items.get(0));
        let total = |name: &str| row.and_then(|row| row.get(name)).and_then(Value::as_u64);
        Ok(TOTALS.iter().map(|(name, _)| total(name)).collect())
    }

    /// The totals are those of before, with so many batches added.
    async fn totals_are(
        &self,
        user: u32,
        before: &[Option<u64>],
        batches: u64,
    ) -> Result<(), Failure> {
        let after = self.totals(user).await?;
        for (((name, delta), before), after) in TOTALS.iter().zip(before).zip(&after) {
            let expected = before.map(|total| total.saturating_add(delta.saturating_mul(batches)));
            if let (Some(after), Some(expected)) = (after, expected)
                && *after != expected
            {
                return wrong(format!("{name} of user {user} is {after}; should be {expected}"));
            }
        }
        Ok(())
    }

    async fn applied(
        &self,
        number: u64,
        user: u32,
        torrent: Option<&Value>,
    ) -> Result<(), Failure> {
        let before = self.totals(user).await?;
        let batch = Batch {
            torrents: torrent.and_then(torrent_row).into_iter().collect(),
            ..batch(number, &[user])
        };
        self.expect(&batch, BatchResult::Applied).await?;
        self.checkpoint_is(number).await?;
        self.totals_are(user, &before, 1).await
    }

    async fn repeated(&self, number: u64, user: u32) -> Result<(), Failure> {
        let before = self.totals(user).await?;
        self.expect(&batch(number, &[user]), BatchResult::Repeated).await?;
        self.totals_are(user, &before, 0).await?;
        if number > 1 {
            self.expect(&batch(number.saturating_sub(1), &[user]), BatchResult::Repeated).await?;
            self.totals_are(user, &before, 0).await?;
        }
        self.checkpoint_is(number).await
    }

    async fn refused(&self, number: u64, user: u32) -> Result<(), Failure> {
        let before = self.totals(user).await?;
        let poisoned = batch(number, &[user, UNKNOWN_ID]);
        let first = self.expect(&poisoned, BatchResult::Refused).await?;
        let refused: Vec<_> =
            first.refused.iter().map(|row| (row.table.as_str(), row.index)).collect();
        if refused != [("users", 1)] {
            return wrong(format!("refused are {refused:?}; should be [(\"users\", 1)]"));
        }
        self.totals_are(user, &before, 0).await?;
        self.checkpoint_is(number.saturating_sub(1)).await?;
        let again = self.expect(&poisoned, BatchResult::Refused).await?;
        if again != first {
            return wrong("the second time, other rows or other reasons came back");
        }
        let torrent = TorrentRow { torrent_id: UNKNOWN_ID, ..torrent_default() };
        let stray = Batch { torrents: vec![torrent], ..batch(number, &[]) };
        self.expect(&stray, BatchResult::Refused).await?;
        self.expect(&batch(number, &[user]), BatchResult::Applied).await?;
        self.totals_are(user, &before, 1).await?;
        self.checkpoint_is(number).await
    }

    async fn empty(&self, number: u64) -> Result<(), Failure> {
        self.expect(&batch(number, &[]), BatchResult::Applied).await?;
        self.checkpoint_is(number).await
    }

    async fn malformed(&self) -> Result<(), Failure> {
        let (path, timeout) = ("/api/batch".to_owned(), self.options.call_timeout);
        let call = Call::send(Method::POST, path, timeout, b"{\"no\":\"batch\"}".to_vec());
        let answer = self.exchange(&call).await?;
        match answer.status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Ok(()),
            _ => Err(self.not(&call, &answer, "400")),
        }
    }
}

fn batch(number: u64, users: &[u32]) -> Batch {
    let user = |user_id: &u32| UserRow {
        user_id: *user_id,
        traffic: DELTA,
        seed_seconds: 7,
        snatches: 0,
        announced_at_seconds: 0,
    };
    Batch { number, users: users.iter().map(user).collect(), ..Batch::default() }
}

fn torrent_default() -> TorrentRow {
    TorrentRow { traffic: DELTA, ..TorrentRow::default() }
}

/// A row that leaves the counts as they are.
fn torrent_row(torrent: &Value) -> Option<TorrentRow> {
    let number = |name: &str| {
        torrent.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
    };
    Some(TorrentRow {
        torrent_id: number("id")?,
        seeders: number("seeders").unwrap_or(0),
        leechers: number("leechers").unwrap_or(0),
        ..torrent_default()
    })
}
