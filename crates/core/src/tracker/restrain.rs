//! Restraints: what is held back from single users, from outside.

use super::Tracker;
use crate::restraint::{Restrained, Restraint};
use crate::withheld::Decision;

impl Tracker {
    /// Replaces what is held back from a user, from the next announce on; the default lifts it.
    /// It is not kept over a restart, but what it has withheld is. Returns whether there is such a
    /// user.
    pub fn set_restraint(&self, user_id: u32, restraint: Restraint) -> bool {
        let Some(index) = self.users.index_of(user_id) else { return false };
        let restrained = self.restraints.put(index, restraint);
        self.users.mark_restrained(index, restrained);
        true
    }

    /// What is held back from a user; `None` for nothing, or if there is no such user.
    pub fn restraint(&self, user_id: u32) -> Option<Restraint> {
        self.restraints.get(self.users.index_of(user_id)?)
    }

    /// All users who are restrained, or from whom anything is withheld, by their ids.
    pub fn restraints(&self) -> Vec<Restrained> {
        let withheld = self.withheld.all();
        let mut all: Vec<Restrained> = withheld
            .iter()
            .map(|row| Restrained {
                user_id: row.user_id,
                restraint: self.restraint(row.user_id).unwrap_or_default(),
                withheld_bytes: row.uploaded_bytes,
            })
            .collect();
        for (index, restraint) in self.restraints.all() {
            let Some(user) = self.users.by_index(index) else { continue };
            if withheld.binary_search_by_key(&user.id, |row| row.user_id).is_err() {
                all.push(Restrained { user_id: user.id, restraint, withheld_bytes: 0 });
            }
        }
        all.sort_unstable_by_key(|it| it.user_id);
        all
    }

    /// Bytes of credit for upload that are withheld from a user, as of the last flush.
    pub fn withheld(&self, user_id: u32) -> u64 {
        self.withheld.of(user_id)
    }

    /// Gives a user all that is withheld until the next flush begins, and returns how much that is
    /// as of the last one. It is done, and durable, with the last batch of that flush; if that gets
    /// lost with the process nothing has happened.
    ///
    /// It is added to the user's total, and not to histories or torrents.
    pub fn release_withheld(&self, user_id: u32) -> u64 {
        self.decide_withheld(user_id, Decision::Give)
    }

    /// The same, but discards it.
    pub fn drop_withheld(&self, user_id: u32) -> u64 {
        self.decide_withheld(user_id, Decision::Discard)
    }

    fn decide_withheld(&self, user_id: u32, decision: Decision) -> u64 {
        // A user who is gone may have left something.
        let is_known = self.users.index_of(user_id).is_some() || self.withheld.of(user_id) > 0;
        if is_known { self.withheld.decide(user_id, decision) } else { 0 }
    }
}
