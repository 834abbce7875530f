//! What is held back from a user who announces.

use super::Visit;
use crate::batch::Traffic;
use crate::reply::PeerList;

impl Visit<'_> {
    /// Takes the credit for upload out of what an announce counts, if it is to be withheld; returns
    /// how much that is.
    #[cold]
    #[inline(never)]
    pub(in crate::tracker) fn withhold(&self, traffic: &mut Traffic) -> u64 {
        match self.tracker.restraints.get(self.user.index) {
            Some(restraint) if restraint.quarantine => {
                std::mem::take(&mut traffic.uploaded_credited)
            }
            _ => 0,
        }
    }

    /// Adds to the answer what its user is to be told.
    #[cold]
    #[inline(never)]
    pub(in crate::tracker) fn warn(&self, list: &mut PeerList) {
        list.warning = self.tracker.restraints.get(self.user.index).and_then(|it| it.warning);
    }
}
