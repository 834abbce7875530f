//! Credit for upload that is withheld from users, until somebody gives it or discards it.
//!
//! # Why no byte is lost or counted twice
//!
//! What an announce would have credited waits for the flush with everything else that it changed.
//! The ledger changes in a flush only, and the batch that an amount is part of says what is
//! withheld from its user *afterwards*: a total, so that it may be replayed as often as one likes.
//! Whoever reads all batches, or a snapshot and those after it, has the ledger as the last batch
//! left it, and the sessions too: what comes in again, because no batch had it, is in neither.
//!
//! A decision is carried out by the end of the next flush that begins after it, so that it is about
//! all that was announced until then. The batch that adds the credit to the user's total is the one
//! that says that nothing is withheld: both happen, or neither.

use parking_lot::Mutex;

use crate::batch::{Batch, Traffic, UserRow, WithheldRow};
use crate::shard::IntegerMap;

/// What becomes of what is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Give,
    Discard,
}

/// The ledger, by the store's ids of users: users come and go in memory.
#[derive(Debug, Default)]
pub(crate) struct Withheld(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    bytes: IntegerMap<u32, u64>,
    /// Since the last flush began.
    decided: IntegerMap<u32, Decision>,
    /// Before the flush that is under way began.
    due: IntegerMap<u32, Decision>,
}

impl Withheld {
    pub(crate) fn of(&self, user_id: u32) -> u64 {
        self.0.lock().bytes.get(&user_id).copied().unwrap_or(0)
    }

    /// All users with anything, sorted.
    pub(crate) fn all(&self) -> Vec<WithheldRow> {
        let ledger = self.0.lock();
        let row = |(user_id, bytes): (&u32, &u64)| WithheldRow {
            user_id: *user_id,
            uploaded_bytes: *bytes,
        };
        let mut all: Vec<_> = ledger.bytes.iter().map(row).collect();
        all.sort_unstable_by_key(|row| row.user_id);
        all
    }

    /// Notes what is to become of what is withheld; returns how much that is as of now.
    pub(crate) fn decide(&self, user_id: u32, decision: Decision) -> u64 {
        let mut ledger = self.0.lock();
        ledger.decided.insert(user_id, decision);
        ledger.bytes.get(&user_id).copied().unwrap_or(0)
    }

    /// Sets what a batch or a snapshot says.
    pub(crate) fn restore(&self, row: &WithheldRow) {
        self.0.lock().set(row.user_id, row.uploaded_bytes);
    }

    /// A flush begins: decisions until now are for its end.
    pub(crate) fn begin_flush(&self) {
        let mut ledger = self.0.lock();
        let decided = std::mem::take(&mut ledger.decided);
        ledger.due.extend(decided);
    }

    /// Enters what a batch withholds, and carries out decisions with the last one of a flush.
    /// Until now the rows of [`Batch::withheld`] say what the announces of the batch add.
    pub(crate) fn settle(&self, batch: &mut Batch, is_last: bool) {
        let mut ledger = self.0.lock();
        for row in &mut batch.withheld {
            let before = ledger.bytes.get(&row.user_id).copied().unwrap_or(0);
            row.uploaded_bytes = before.saturating_add(row.uploaded_bytes);
            ledger.set(row.user_id, row.uploaded_bytes);
        }
        if !is_last || ledger.due.is_empty() {
            return;
        }
        let mut due: Vec<_> = std::mem::take(&mut ledger.due).into_iter().collect();
        due.sort_unstable_by_key(|(user_id, _)| *user_id);
        for (user_id, decision) in due {
            let Some(bytes) = ledger.bytes.remove(&user_id) else { continue };
            let nothing = WithheldRow { user_id, uploaded_bytes: 0 };
            match batch.withheld.binary_search_by_key(&user_id, |row| row.user_id) {
                Ok(at) => {
                    if let Some(row) = batch.withheld.get_mut(at) {
                        *row = nothing;
                    }
                }
                Err(at) => batch.withheld.insert(at, nothing),
            }
            if decision == Decision::Give {
                give(batch, user_id, bytes);
            }
        }
    }
}

/// Adds credit to a user's total.
fn give(batch: &mut Batch, user_id: u32, bytes: u64) {
    let traffic = Traffic { uploaded_credited: bytes, ..Traffic::default() };
    match batch.users.binary_search_by_key(&user_id, |row| row.user_id) {
        Ok(at) => {
            if let Some(row) = batch.users.get_mut(at) {
                row.traffic.add(traffic);
            }
        }
        // The time of the last announce: there was none, and stores keep the latest.
        Err(at) => batch.users.insert(
            at,
            UserRow { user_id, traffic, seed_seconds: 0, snatches: 0, announced_at_seconds: 0 },
        ),
    }
}

impl Ledger {
    fn set(&mut self, user_id: u32, bytes: u64) {
        if bytes == 0 {
            self.bytes.remove(&user_id);
        } else {
            self.bytes.insert(user_id, bytes);
        }
    }
}
