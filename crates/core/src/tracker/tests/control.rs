//! Changes by the control plane, in force for the next announce.

use super::*;
use crate::registry::{RegistryError, TokenSpec};

#[test]
fn a_changed_passkey_keeps_the_sessions_of_its_user() {
    let mut site = Site::private();
    site.ok(by(1).moved(10, 0));
    site.tracker.put_user(UserSpec { passkey: passkey(500), ..user(1) }).unwrap();
    assert_eq!(site.refused(by(1)), Refusal::PasskeyUnknown);
    let mut renewed = by(1).moved(30, 0);
    renewed.request.passkey = Some(passkey(500));
    site.ok(renewed);
    assert_eq!(site.moved(1), (20, 0));
}

#[test]
fn a_hash_belongs_to_one_torrent_and_a_passkey_to_one_user() {
    let site = Site::private();
    let tracker = &site.tracker;
    let taken = Err(RegistryError::InfoHashTaken);
    assert_eq!(tracker.put_torrent(TorrentSpec { info_hash: hash(22), ..torrent(4) }), taken);
    let alias = TorrentSpec { info_hash_v2: Some(hash(3)), ..torrent(1) };
    assert_eq!(tracker.put_torrent(alias), taken);
    let taken = tracker.put_user(UserSpec { passkey: passkey(2), ..user(1) });
    assert_eq!(taken, Err(RegistryError::PasskeyTaken));
    let token =
        TokenSpec { user_id: 99, upload_percent: 0, download_percent: 0, ends_at_seconds: None };
    assert_eq!(tracker.put_token(hash(1), token), Err(RegistryError::UserUnknown));
    let token = TokenSpec { user_id: 1, ..token };
    assert_eq!(tracker.put_token(hash(99), token), Err(RegistryError::TorrentUnknown));
}

#[test]
fn a_torrent_that_is_put_again_keeps_its_swarm_and_its_snatches() {
    let mut site = Site::private();
    site.tracker.put_torrent(TorrentSpec { snatches: 7, ..torrent(4) }).unwrap();
    site.ok(by(1).on(hash(4)));
    site.ok(by(1).on(hash(4)).left(0));
    site.tracker.put_torrent(TorrentSpec { snatches: 7, ..torrent(4) }).unwrap();
    assert_eq!(site.counts(hash(4)), (1, 0, 8));
    assert_eq!(site.tracker.info_hashes_of(|id| id == 4), [(4, hash(4))]);
}

#[test]
fn the_largest_torrent_id_is_taken_like_any_other() {
    let mut site = Site::private();
    site.tracker.put_torrent(TorrentSpec { id: u32::MAX, ..torrent(4) }).unwrap();
    site.ok(by(1).on(hash(4)));
    assert_eq!(site.drain().torrents[0].torrent_id, u32::MAX);
}

/// Tokens in memory, and torrents that are looked up for tokens.
fn tokens(site: &Site) -> (usize, usize) {
    let Swarms::Private(shards) = &site.tracker.swarms else { return (0, 0) };
    shards.iter().fold((0, 0), |(tokens, torrents), shard| {
        let shard = shard.lock();
        let marked = |(_, torrent): &(u32, &crate::shard::Torrent<Private>)| {
            torrent.marks.has(crate::shard::Marks::TOKENS)
        };
        (tokens + shard.tokens.len(), torrents + shard.torrents.iter().filter(marked).count())
    })
}

#[test]
fn a_token_that_has_ended_is_forgotten() {
    let mut site = Site::private();
    let token = |user_id, ends_at_seconds| TokenSpec {
        user_id,
        upload_percent: 300,
        download_percent: 0,
        ends_at_seconds,
    };
    site.tracker.put_token(hash(1), token(1, Some(START + 100))).unwrap();
    site.tracker.put_token(hash(1), token(2, Some(START + 200))).unwrap();
    site.tracker.put_token(hash(2), token(1, Some(START + 100))).unwrap();
    site.tracker.put_token(hash(3), token(3, None)).unwrap();
    site.wait(99);
    site.expire();
    assert_eq!(tokens(&site), (4, 3));
    site.ok(by(2));
    site.wait(1);
    site.expire();
    assert_eq!(tokens(&site), (2, 2));
    site.ok(by(2).moved(10, 0));
    assert_eq!(site.traffic(2).uploaded_credited, 30);
    assert!(!site.tracker.remove_token(hash(1), 1));
    // A token in the place of one that ended counts again.
    site.tracker.put_token(hash(2), token(1, Some(START + 300))).unwrap();
    site.wait(100);
    site.expire();
    assert_eq!(tokens(&site), (2, 2));
    site.wait(5000);
    site.expire();
    assert_eq!(tokens(&site), (1, 1));
    assert!(site.tracker.remove_token(hash(3), 3));
    assert_eq!(tokens(&site).0, 0);
}

#[test]
fn a_role_that_is_gone_leaves_its_users_unrestricted() {
    let mut site = Site::private();
    site.tracker.put_role(RoleSpec { download_enabled: false, download_percent: 0, ..ROLE });
    assert_eq!(site.refused(by(1)), Refusal::RoleDownloadDisabled);
    site.tracker.remove_role(1);
    site.ok(by(1));
    site.ok(by(1).moved(0, 10));
    assert_eq!(site.traffic(1).downloaded_credited, 10);
}

#[test]
fn the_numbers_of_an_answer_are_those_of_the_settings_and_the_swarm() {
    let mut site = Site::private();
    site.ok(by(1).seeding());
    site.ok(by(2).paused());
    let answer = site.announce(by(3)).unwrap();
    let expected = Answer {
        interval_seconds: 1800,
        min_interval_seconds: 300,
        seeders: 1,
        leechers: 2,
        snatches: 0,
        warning: None,
    };
    assert_eq!(answer, expected);
    let counts = site.tracker.scrape(hash(1)).unwrap();
    assert_eq!((counts.leechers, counts.downloaders), (2, 1));
    site.ok(by(2));
    assert_eq!(site.tracker.scrape(hash(1)).unwrap().downloaders, 2);
}

#[test]
fn a_full_batch_is_continued_where_it_stopped() {
    let mut site = Site::private();
    site.set(|settings| settings.auto_register_torrents = true);
    for number in 100..200 {
        site.ok(by(1).on(hash(number)));
        site.ok(by(1).on(hash(number)).moved(1, 2));
    }
    let (mut first_shard, mut sum, mut batches) = (0, Traffic::default(), 0);
    loop {
        let drained = site.tracker.drain(START, first_shard, 10);
        // What one shard holds may come on top.
        assert!(drained.batch.sessions.len() < 20);
        drained.batch.users.iter().for_each(|row| sum.add(row.traffic));
        batches += 1;
        match drained.next_shard {
            Some(next) => first_shard = next,
            None => break,
        }
    }
    assert!(batches > 10);
    assert_eq!((sum.uploaded_raw, sum.downloaded_raw), (100, 200));
    assert!(site.drain().is_empty());
}

#[test]
fn no_batch_speaks_of_a_torrent_whose_row_is_gone_but_its_users_bytes_count() {
    let mut site = Site::private();
    site.ok(by(1).moved(10, 0));
    site.drain();
    let retire = |site: &Site| {
        site.tracker.retire_torrents(|id, retire| {
            if id == 1 {
                retire();
            }
        })
    };
    assert_eq!((retire(&site), retire(&site)), (1, 0));
    site.refused(by(1).moved(30, 0));
    let batch = site.drain();
    assert_eq!(batch.torrents, []);
    assert_eq!((batch.users.len(), batch.users[0].traffic.uploaded_raw), (1, 20));
    // One that was refused before its row went is retired, too, but not once more.
    site.tracker.put_torrent(TorrentSpec { deleted: true, ..torrent(1) }).unwrap();
    assert!(!site.tracker.known_torrent(hash(1)).unwrap().gone);
    site.refused(by(1).moved(40, 0));
    assert_eq!(site.drain().torrents.len(), 1);
    assert_eq!(retire(&site), 0);
    assert!(site.tracker.known_torrent(hash(1)).unwrap().gone);
    // And one that is put again is there again.
    site.tracker.put_torrent(torrent(1)).unwrap();
    site.ok(by(1).moved(50, 0));
    assert_eq!(site.drain().torrents.len(), 1);
}

#[test]
fn what_is_known_of_a_user_and_a_torrent_is_what_was_put() {
    let mut site = Site::private();
    let terms = crate::registry::UserTerms { download_percent: Some(0), ..Default::default() };
    assert!(site.tracker.put_user_terms(1, terms));
    assert!(!site.tracker.put_user_terms(99, terms));
    site.ok(by(1).left(5));
    let user = site.tracker.known_user(1).unwrap();
    assert_eq!((user.terms, user.leeching, user.deleted), (terms, 1, false));
    assert!(site.tracker.put_user_terms(1, Default::default()));
    assert_eq!(site.tracker.known_user(1).unwrap().terms, Default::default());
    assert!(site.tracker.retire_user(1));
    assert!(!site.tracker.retire_user(1));
    assert!(site.tracker.known_user(1).unwrap().deleted);
    assert_eq!(site.tracker.known_user(99), None);

    let put = TorrentSpec { reason: "Dupe", deleted: true, upload_percent: 0, ..torrent(4) };
    site.tracker.put_torrent(put).unwrap();
    let known = site.tracker.known_torrent(hash(4)).unwrap();
    assert_eq!((known.id, known.deleted, known.reason.as_str()), (4, true, "Dupe"));
    assert_eq!((known.upload_percent, known.enabled), (0, true));
    site.tracker
        .put_torrent(crate::tracker::KnownTorrent { deleted: false, ..known }.spec())
        .unwrap();
    site.ok(by(2).on(hash(4)));
    assert_eq!(site.tracker.known_torrent(hash(99)), None);
}
