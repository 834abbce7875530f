//! What every adapter promises, as tests that it runs against a database of its own.
//!
//! An adapter implements [`Database`] for a disposable database, [`CatalogDatabase`] too if it is a
//! [`Catalog`](crate::Catalog), and lets [`contract_tests!`](crate::contract_tests) and
//! [`catalog_contract_tests!`](crate::catalog_contract_tests) make one test of each promise:
//!
//! ```text
//! /// `None` if there is no server to test with.
//! async fn database() -> Option<MyDatabase> { … }
//! mika_store::contract_tests!(database);
//! mika_store::catalog_contract_tests!(database);
//! ```
//!
//! The promises themselves are in [`batches`], [`records`], [`many`] and [`registered`]; a broken
//! one panics with what was found. The crate that uses the macros needs tokio with `macros` and
//! `rt-multi-thread`.
// Tests, though not compiled as such: to panic is how they report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod batches;
pub mod many;
pub mod model;
pub mod random;
pub mod records;
pub mod registered;

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Catalog, Store};
pub use model::Totals;

/// A database for one test, empty but for the schema and its default data.
#[async_trait]
pub trait Database: Send + Sync {
    /// A store on it; called again after [`Store::close`] to see what has been kept.
    async fn open(&self) -> Arc<dyn Store>;

    /// Adds users with the ids 1 to `users` and torrents with the ids 1 to `torrents`, all totals
    /// 0.
    async fn seed(&self, users: u32, torrents: u32);

    /// What the tables say, read past the store: one row per user, torrent and history row.
    async fn totals(&self) -> Totals;

    /// Where a total ends.
    fn largest_total(&self) -> u64 {
        i64::MAX as u64
    }

    /// Whether the database refuses a history row of a user that does not exist.
    fn refuses_history_of_unknown_users(&self) -> bool {
        true
    }
}

/// A database whose records are the tracker's own.
#[async_trait]
pub trait CatalogDatabase: Database {
    /// A store on it, as [`Database::open`].
    async fn open_catalog(&self) -> Arc<dyn Catalog>;
}

/// Makes a test of each promise about batches; takes an async function that makes a [`Database`],
/// or `None` if there is no server to make it on.
#[macro_export]
macro_rules! contract_tests {
    ($database:path) => {
        $crate::contract_tests!(@async $database, batches:
            a_new_store_has_applied_no_batch,
            a_batch_is_added_exactly,
            two_batches_add_up,
            a_batch_is_applied_once,
            an_older_batch_is_not_applied,
            an_empty_batch_moves_the_checkpoint,
            the_checkpoint_and_the_totals_survive_reopening,
            a_large_batch_is_added_exactly,
            a_registered_torrent_is_added_first,
            an_unknown_user_becomes_a_dead_letter,
            an_unknown_torrent_becomes_a_dead_letter,
            a_batch_waits_until_its_dead_letters_are_kept,
            a_refused_history_row_becomes_a_dead_letter,
            totals_end_at_the_largest_value,
            a_cancelled_batch_leaves_everything_or_nothing,
            peers_are_forgotten_and_totals_stay,
        );

        #[test]
        fn random_batches_add_up() {
            $crate::contract::random::random_batches_add_up($database);
        }
    };
    (@async $database:path, $module:ident: $($check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let Some(database) = $database().await else { return };
                $crate::contract::$module::$check(&database).await;
            }
        )*
    };
}

/// Makes a test of each promise about records; takes an async function that makes a
/// [`CatalogDatabase`].
#[macro_export]
macro_rules! catalog_contract_tests {
    ($database:path) => {
        $crate::contract_tests!(@async $database, records:
            what_was_added_is_loaded,
            what_was_changed_is_loaded,
            what_was_deleted_is_not_loaded,
            a_record_is_found_by_each_of_its_names,
            records_are_listed_by_id_in_pages,
            a_taken_name_is_a_conflict,
            a_taken_info_hash_is_a_conflict_in_either_place,
            a_role_in_use_is_not_deleted,
            what_refers_to_nothing_is_invalid,
            bonus_and_flush_add_up,
            what_nobody_should_type_is_invalid,
            there_is_no_change_to_what_is_not_there,
            a_registered_torrent_is_a_record_like_others,
            writes_during_batches_lose_nothing,
        );
        $crate::contract_tests!(@async $database, many:
            many_records_are_what_they_were_put_as,
            one_bad_record_does_not_keep_the_others_out,
            what_another_store_knew_is_kept,
            many_records_are_found_by_their_names,
            many_tokens_are_put_and_deleted,
            many_changes_do_not_undo_a_batch,
        );
        $crate::contract_tests!(@async $database, registered:
            a_torrent_that_was_added_meanwhile_gets_every_byte,
            a_registration_of_a_taken_id_becomes_a_dead_letter,
        );
    };
}
