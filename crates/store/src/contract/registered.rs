//! Promises about torrents that the tracker registers itself: each is a function that panics if it
//! is not kept.

use mika_core::batch::{Batch, RegisteredRow, SessionRow, TorrentRow};
use mika_protocol::InfoHash;

use super::{CatalogDatabase, Totals, model};
use crate::Applied;
use crate::catalog::{NewTorrent, NewUser};

const FIRST: u32 = RegisteredRow::FIRST_ID;

fn registered(torrent_id: u32, byte: u8) -> RegisteredRow {
    let info_hash = InfoHash([byte; 20]);
    RegisteredRow { torrent_id, info_hash, registered_at_seconds: 1_700_000_003 }
}

/// What one user announces on torrents: pairs of an id and the byte of its hash.
fn announced(number: u64, user_id: u32, torrents: &[(u32, u8)], seed: u32) -> Batch {
    let session =
        |(id, byte): &(u32, u8)| SessionRow::new(*id, InfoHash([*byte; 20]), user_id, (*id).into());
    Batch {
        number,
        users: vec![model::user(user_id, seed)],
        torrents: torrents.iter().map(|(id, _)| model::torrent(*id, seed)).collect(),
        history: torrents.iter().map(|(id, _)| model::history(user_id, *id, seed)).collect(),
        sessions: torrents.iter().map(session).collect(),
        ..Batch::default()
    }
}

/// The site adds a torrent while the tracker's registration of it is on its way: the torrent has
/// the site's id, and all that was announced under the tracker's counts for it.
pub async fn a_torrent_that_was_added_meanwhile_gets_every_byte(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let bob = NewUser { name: "bob".into(), passkey: "b".into(), role_id: 1, ..NewUser::default() };
    let bob = store.add_user(&bob).await.unwrap().id;
    let torrent = NewTorrent {
        info_hash: InfoHash([3; 20]),
        info_hash_v2: Some(InfoHash([4; 20])),
        title: "added".into(),
        upload_percent: 100,
        download_percent: 100,
        created_at_seconds: 1,
        ..NewTorrent::new(InfoHash([3; 20]))
    };
    let added = store.add_torrent(&torrent).await.unwrap();

    // By its first hash, and beside it one that nobody adds.
    let mut batch = announced(1, bob, &[(FIRST, 3), (FIRST + 1, 5)], 100);
    batch.registered = vec![registered(FIRST, 3), registered(FIRST + 1, 5)];
    // Before the tracker knew of the other id: no registration any more.
    let second = announced(2, bob, &[(FIRST, 3)], 10);
    // By its second hash, by the first still, and by the right id, all at once.
    let mut third = announced(3, bob, &[(added.id, 3), (FIRST, 3), (FIRST + 2, 4)], 7);
    third.registered = vec![registered(FIRST + 2, 4)];
    for batch in [&batch, &second, &third] {
        assert_eq!(store.apply(batch).await.unwrap(), Applied::default());
        assert!(store.apply(batch).await.unwrap().repeated);
    }

    let totals = database.totals().await;
    assert_eq!(totals.torrents.keys().collect::<Vec<_>>(), [&added.id, &(FIRST + 1)]);
    let sums = |totals: &Totals, id: u32| {
        let TorrentRow { traffic, snatches, announced_at_seconds, .. } = totals.torrents[&id];
        let history = totals.history[&(bob, id)];
        assert_eq!((history.traffic, history.snatches), (traffic, snatches));
        (traffic, snatches, announced_at_seconds, history.seed_seconds)
    };
    let once = |seed: u64| (model::traffic(seed), seed as u32);
    let (traffic, snatches) = once(100 + 10 + 3 * 7);
    let seed_seconds = model::history(bob, 1, 100 + 10 + 3 * 7).seed_seconds;
    assert_eq!(sums(&totals, added.id), (traffic, snatches, 1900, seed_seconds));
    let (traffic, snatches) = once(100);
    assert_eq!(sums(&totals, FIRST + 1), (traffic, snatches, 1900, 2300));
    assert_eq!(totals.history[&(bob, added.id)].left_bytes, 2900, "that of the last announce");
    assert_eq!(totals.history.len(), 2);
    assert_eq!(totals.users[&bob].traffic, model::traffic(117));
    store.close().await;
}

/// A registration that the store cannot take at all is handed back.
pub async fn a_registration_of_a_taken_id_becomes_a_dead_letter(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    for (number, byte, letters) in [(1, 3, 0), (2, 4, 1)] {
        let registered = vec![registered(FIRST, byte)];
        let batch = Batch { number, registered, ..Batch::default() };
        let applied = store.apply(&batch).await.unwrap();
        assert_eq!(applied.dead_letters.len(), letters);
        assert!(applied.dead_letters.iter().all(|letter| letter.table == "registered"));
    }
    assert_eq!(store.torrent(InfoHash([4; 20])).await.unwrap(), None);
    store.close().await;
}
