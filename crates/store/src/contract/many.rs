//! Promises about many records at once.

use mika_core::registry::{TorrentStatus, TorrentTerms, UserTerms};
use mika_protocol::InfoHash;

use super::records::{conflict, invalid, load, new_torrent, new_user, role, token};
use super::{CatalogDatabase, model};
use crate::catalog::{
    NewTorrent, NewUser, TorrentPast, TorrentPatch, TorrentPut, UserKey, UserPast, UserPatch,
    UserPut,
};
use crate::record::{TokenRecord, TorrentRecord, UserRecord};
use mika_core::batch::Batch;

/// More than one statement holds.
const MANY: u32 = 2500;

fn hash_of(number: u32) -> InfoHash {
    let mut hash = [0xee; 20];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    InfoHash(hash)
}

fn torrents(numbers: std::ops::Range<u32>) -> Vec<TorrentPut> {
    let torrent = |number| NewTorrent {
        title: format!("torrent {number} é"),
        created_at_seconds: 7,
        ..NewTorrent::new(hash_of(number))
    };
    numbers.map(|number| TorrentPut::Add(torrent(number))).collect()
}

/// Thousands of torrents and users are added and changed, and loaded as they were answered.
pub async fn many_records_are_what_they_were_put_as(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let added: Vec<TorrentRecord> =
        store.put_torrents(&torrents(0..MANY)).await.unwrap().into_iter().flatten().collect();
    assert_eq!(added.len() as u32, MANY);
    assert_eq!(load(&*store).await.torrents, added);
    let patch = |record: &TorrentRecord| TorrentPatch {
        title: Some(format!("{} again", record.title)),
        deleted: Some(record.id.is_multiple_of(2)),
        reason: Some("dupe".into()),
        ..TorrentPatch::default()
    };
    let puts: Vec<_> =
        added.iter().map(|record| TorrentPut::Change(record.id, patch(record))).collect();
    let changed: Vec<TorrentRecord> =
        store.put_torrents(&puts).await.unwrap().into_iter().flatten().collect();
    assert_eq!(changed[7].title, "torrent 7 é again");
    assert_eq!(load(&*store).await.torrents, changed);

    let users = (0..MANY).map(|number| UserPut::Add(new_user(&format!("u{number}"), 1)));
    let puts: Vec<_> = users.collect();
    let added: Vec<UserRecord> =
        store.put_users(&puts).await.unwrap().into_iter().flatten().collect();
    assert_eq!(added.len() as u32, MANY);
    let mut names: Vec<_> = added.iter().map(|user| user.name.clone()).collect();
    let wanted: Vec<_> = (0..MANY).map(|number| format!("u{number}")).collect();
    assert_eq!(names, wanted);
    let mut by_id = added.clone();
    by_id.sort_by_key(|user| user.id);
    assert_eq!(load(&*store).await.users, by_id);
    let patch = UserPatch {
        uploaded_add: 5,
        terms: Some(UserTerms { wait_seconds: 3, ..UserTerms::default() }),
        ..UserPatch::default()
    };
    let puts: Vec<_> = added.iter().map(|user| UserPut::Change(user.id, patch.clone())).collect();
    let changed: Vec<UserRecord> =
        store.put_users(&puts).await.unwrap().into_iter().flatten().collect();
    names.clear();
    names.extend(changed.iter().map(|user| user.name.clone()));
    assert_eq!(names, wanted);
    assert!(changed.iter().all(|user| user.uploaded == 5 && user.terms.wait_seconds == 3));
    by_id = changed;
    by_id.sort_by_key(|user| user.id);
    assert_eq!(load(&*store).await.users, by_id);
    store.close().await;
}

/// What is wrong with one record is told of that one, and the others are written.
pub async fn one_bad_record_does_not_keep_the_others_out(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    store.add_torrent(&new_torrent(1, Some(2))).await.unwrap();
    let mut puts = torrents(0..20);
    puts[3] = TorrentPut::Add(new_torrent(2, None));
    puts[9] = TorrentPut::Add(new_torrent(5, Some(5)));
    puts[11] = TorrentPut::Change(999, TorrentPatch::default());
    let mut results = store.put_torrents(&puts).await.unwrap();
    invalid(results.remove(11));
    invalid(results.remove(9));
    conflict(results.remove(3));
    let ids: Vec<u32> = results.into_iter().map(|it| it.unwrap().id).collect();
    assert_eq!(ids.len(), 17);
    assert_eq!(store.torrents(0, 100).await.unwrap().len(), 18);
    assert!(store.torrent(hash_of(3)).await.unwrap().is_none());
    assert!(store.torrent(hash_of(19)).await.unwrap().is_some());

    store.add_user(&new_user("bob", 1)).await.unwrap();
    let puts = [
        UserPut::Add(new_user("alice", 1)),
        UserPut::Add(new_user("bob", 1)),
        UserPut::Add(NewUser { passkey: "passkey-of-bob".into(), ..new_user("carol", 1) }),
        UserPut::Add(new_user("dave", 777)),
        UserPut::Add(new_user("line\nbreak", 1)),
        UserPut::Change(999, UserPatch::default()),
        UserPut::Add(new_user("eve", 1)),
    ];
    let results = store.put_users(&puts).await.unwrap();
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, false, false, false, false, true]);
    assert_eq!(store.users(0, 100).await.unwrap().len(), 3);
    store.close().await;
}

/// Records of another store keep their ids and totals, and those that are added later get others.
pub async fn what_another_store_knew_is_kept(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let past = UserPast {
        id: 70,
        deleted: true,
        uploaded: 1 << 50,
        downloaded: 2,
        uploaded_raw: 3,
        downloaded_raw: 4,
        seed_seconds: 5,
        snatches: 6,
        announced_at_seconds: 7,
    };
    let puts =
        [UserPut::Add(new_user("new", 1)), UserPut::Add(NewUser { past, ..new_user("old", 1) })];
    let users: Vec<_> = store.put_users(&puts).await.unwrap().into_iter().flatten().collect();
    let old = &users[1];
    assert_eq!((old.id, old.deleted, old.uploaded, old.snatches), (70, true, 1 << 50, 6));
    assert_eq!((old.uploaded_raw, old.downloaded_raw, old.seed_seconds), (3, 4, 5));
    assert_eq!((old.downloaded, old.announced_at_seconds), (2, 7));
    assert!(users[0].id != 70);
    let next = store.add_user(&new_user("next", 1)).await.unwrap();
    assert!(next.id > 70, "{}", next.id);
    let taken = NewUser { past: UserPast { id: 70, ..past }, ..new_user("other", 1) };
    conflict(store.put_users(&[UserPut::Add(taken)]).await.unwrap().remove(0));

    let past = TorrentPast {
        id: 90,
        disabled: true,
        deleted: false,
        reason: "later".into(),
        snatches: 1,
        uploaded: 2,
        downloaded: 3,
        uploaded_raw: 4,
        downloaded_raw: 5,
        announced_at_seconds: 6,
    };
    let terms = TorrentTerms { status: TorrentStatus::Pending, ..TorrentTerms::default() };
    let old = NewTorrent { past: past.clone(), terms, ..NewTorrent::new(hash_of(1)) };
    let puts = [TorrentPut::Add(NewTorrent::new(hash_of(2))), TorrentPut::Add(old)];
    let there: Vec<_> = store.put_torrents(&puts).await.unwrap().into_iter().flatten().collect();
    let found = store.torrent(hash_of(1)).await.unwrap().unwrap();
    assert_eq!(found, there[1]);
    assert_eq!((found.id, found.enabled, found.reason.as_str()), (90, false, "later"));
    assert_eq!((found.uploaded, found.downloaded_raw, found.snatches), (2, 5, 1));
    assert_eq!(found.terms.status, TorrentStatus::Pending);
    assert!(there[0].id != 90);
    store.close().await;
}

/// Many are found by their names, each once, and what is not there is left out.
pub async fn many_records_are_found_by_their_names(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    store.put_torrents(&torrents(0..30)).await.unwrap();
    let hybrid = store.add_torrent(&new_torrent(1, Some(2))).await.unwrap();
    let mut hashes: Vec<_> = (20..40).map(hash_of).collect();
    hashes.extend([InfoHash([1; 20]), InfoHash([2; 20])]);
    let found = store.find_torrents(&hashes).await.unwrap();
    assert_eq!(found.len(), 11);
    assert_eq!(found.iter().filter(|torrent| **torrent == hybrid).count(), 1);
    for name in ["alice", "bob", "carol"] {
        store.add_user(&new_user(name, 1)).await.unwrap();
    }
    let keys = [
        UserKey::Name("alice".into()),
        UserKey::Passkey("passkey-of-alice".into()),
        UserKey::Passkey("passkey-of-carol".into()),
        UserKey::Name("Bob".into()),
        UserKey::Id(999),
    ];
    let found = store.find_users(&keys).await.unwrap();
    let names: Vec<_> = found.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["alice", "carol"]);
    assert_eq!(store.find_users(&[]).await.unwrap(), []);
    store.close().await;
}

/// Tokens are put in place of those that are there, deleted, and listed in pages.
pub async fn many_tokens_are_put_and_deleted(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let user = store.add_user(&new_user("bob", 1)).await.unwrap();
    let other = store.add_user(&new_user("carol", 1)).await.unwrap();
    store.put_torrents(&torrents(0..5)).await.unwrap();
    let ids: Vec<u32> =
        store.torrents(0, 9).await.unwrap().iter().map(|torrent| torrent.id).collect();
    store.put_token(&token(user.id, ids[0])).await.unwrap();
    let ending = |user_id, torrent_id| TokenRecord {
        ends_at_seconds: Some(9),
        ..token(user_id, torrent_id)
    };
    let mut tokens: Vec<_> = ids.iter().map(|id| ending(user.id, *id)).collect();
    tokens.push(ending(other.id, ids[1]));
    let mut puts = tokens.clone();
    puts.insert(2, ending(user.id, 999));
    let mut results = store.put_tokens(&puts).await.unwrap();
    invalid(results.remove(2));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(store.tokens(None, 100).await.unwrap(), tokens);
    let first = store.tokens_after(None, (0, 0), 4).await.unwrap();
    assert_eq!(first, tokens[..4]);
    let rest = store.tokens_after(None, (user.id, ids[3]), 9).await.unwrap();
    assert_eq!(rest, tokens[4..]);
    let rest = store.tokens_after(Some(user.id), (user.id, ids[3]), 9).await.unwrap();
    assert_eq!(rest, tokens[4..5]);
    let keys = [(user.id, ids[0]), (user.id, 999), (other.id, ids[1])];
    assert_eq!(store.delete_tokens(&keys).await.unwrap(), [true, false, true]);
    assert_eq!(store.tokens(None, 100).await.unwrap(), tokens[1..5]);
    store.close().await;
}

/// What batches add to totals meanwhile stays.
pub async fn many_changes_do_not_undo_a_batch(database: &dyn CatalogDatabase) {
    let store = database.open_catalog().await;
    let vip = store.put_role(&role("vip")).await.unwrap();
    let user = store.add_user(&new_user("bob", 1)).await.unwrap();
    let torrent = store.add_torrent(&new_torrent(1, None)).await.unwrap();
    let batch = Batch {
        number: 1,
        users: vec![model::user(user.id, 10)],
        torrents: vec![model::torrent(torrent.id, 10)],
        ..Batch::default()
    };
    assert!(store.apply(&batch).await.unwrap().dead_letters.is_empty());
    let patch = UserPatch { role_id: Some(vip.id), ..UserPatch::default() };
    let changed = store.put_users(&[UserPut::Change(user.id, patch)]).await.unwrap();
    let changed = changed.into_iter().next().unwrap().unwrap();
    let sum = model::traffic(10);
    assert_eq!((changed.uploaded, changed.role_id), (sum.uploaded_credited, vip.id));
    let patch = TorrentPatch { title: Some("x".into()), ..TorrentPatch::default() };
    store.put_torrents(&[TorrentPut::Change(torrent.id, patch)]).await.unwrap();
    let torrent = store.torrent(torrent.info_hash).await.unwrap().unwrap();
    assert_eq!((torrent.title.as_str(), torrent.uploaded), ("x", sum.uploaded_credited));
    store.close().await;
}
