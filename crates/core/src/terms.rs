//! What is different for single users: kept beside their records, for few have any.

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::registry::UserTerms;
use crate::users::User;

/// Terms by user index.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    by_index: RwLock<HashMap<u32, UserTerms, foldhash::fast::RandomState>>,
}

impl Terms {
    pub(crate) fn put(&self, index: u32, terms: UserTerms) {
        let mut by_index = self.by_index.write();
        if terms == UserTerms::default() {
            by_index.remove(&index);
        } else {
            by_index.insert(index, terms);
        }
    }

    #[inline]
    pub(crate) fn of(&self, user: &User) -> Option<UserTerms> {
        if user.has_terms { self.look_up(user.index) } else { None }
    }

    #[inline(never)]
    fn look_up(&self, index: u32) -> Option<UserTerms> {
        self.by_index.read().get(&index).copied()
    }
}
