use std::net::{Ipv4Addr, SocketAddrV4};

use mika_core::batch::{
    HistoryRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow, Traffic, UserRow,
};
use mika_protocol::PeerId;

use super::*;

const HASH: InfoHash = InfoHash([9; 20]);

fn session(user_id: u32, torrent_id: u32, ip: [u8; 4], at: u32) -> SessionRow {
    SessionRow {
        peer_id: Some(PeerId([0; 20])),
        address_v4: Some(SocketAddrV4::new(Ipv4Addr::from(ip), 6881)),
        started_at_seconds: at,
        announced_at_seconds: at,
        announces: 1,
        ..SessionRow::new(torrent_id, HASH, user_id, 1)
    }
}

fn batch(number: u64, at: u32) -> Batch {
    Batch { number, drained_at_seconds: at, ..Batch::default() }
}

fn counts(torrent_id: u32, seeders: u32) -> TorrentRow {
    TorrentRow { torrent_id, seeders, leechers: 3, ..TorrentRow::default() }
}

fn moved(user_id: u32, uploaded: u64, downloaded: u64) -> UserRow {
    let traffic = Traffic {
        uploaded_credited: uploaded,
        downloaded_credited: downloaded,
        ..Traffic::default()
    };
    let (seed_seconds, snatches, announced_at_seconds) = (0, 0, 5);
    UserRow { user_id, traffic, seed_seconds, snatches, announced_at_seconds }
}

fn kinds(events: &[Notification]) -> Vec<NotificationKind> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_batch_tells_snatches_tokens_and_turns_of_swarms_with_their_hashes() {
    let (mut state, mut networks) = (State::default(), Networks::default());
    let settings = NotifyConfig::default();
    let address = None;
    let first = Batch {
        snatches: vec![SnatchRow { user_id: 1, torrent_id: 2, snatched_at_seconds: 4, address }],
        token_uses: vec![TokenUseRow {
            user_id: 1,
            torrent_id: 2,
            downloaded_raw: 700,
            finished: true,
        }],
        torrents: vec![counts(2, 1), counts(3, 0)],
        sessions: vec![session(1, 2, [1, 2, 3, 4], 5)],
        ..batch(7, 5)
    };
    let events = state.take_in(&first, &mut networks, &settings);
    use NotificationKind::{FirstSeed, NoSeeders, Snatch, TokenUsed};
    assert_eq!(kinds(&events), [Snatch, TokenUsed, FirstSeed]);
    assert!(events.iter().all(|event| event.info_hash == Some(HASH)));
    assert_eq!((events[0].at, events[0].user_id, events[0].torrent_id), (4, Some(1), Some(2)));
    assert_eq!((events[1].downloaded, events[1].finished), (Some(700), Some(true)));
    assert_eq!((events[2].seeders, events[2].leechers), (Some(1), Some(3)));
    assert_eq!(state.batch, 7);

    let same = Batch { torrents: vec![counts(2, 5), counts(3, 0)], ..batch(8, 6) };
    assert_eq!(state.take_in(&same, &mut networks, &settings), []);
    let gone = Batch { torrents: vec![counts(2, 0), counts(3, 1)], ..batch(9, 7) };
    let events = state.take_in(&gone, &mut networks, &settings);
    assert_eq!(kinds(&events), [NoSeeders, FirstSeed]);
}

#[test]
fn who_does_not_seed_long_enough_in_time_is_told_once() {
    let (mut state, mut networks) = (State::default(), Networks::default());
    let settings = NotifyConfig {
        hit_and_run_seed_seconds: 100,
        hit_and_run_grace_seconds: 1000,
        ..NotifyConfig::default()
    };
    let finished = |user_id, immune| HistoryRow {
        user_id,
        torrent_id: 2,
        completed_at_seconds: Some(50),
        immune,
        ..HistoryRow::default()
    };
    let seeded = |user_id, seed_seconds| HistoryRow {
        user_id,
        torrent_id: 2,
        seed_seconds,
        ..HistoryRow::default()
    };
    let history = vec![finished(1, false), finished(2, false), finished(3, true)];
    state.take_in(&Batch { history, ..batch(1, 50) }, &mut networks, &settings);
    let history = vec![seeded(1, 60), seeded(2, 60), seeded(3, 1)];
    state.take_in(&Batch { history, ..batch(2, 500) }, &mut networks, &settings);
    let history = vec![seeded(1, 40)];
    state.take_in(&Batch { history, ..batch(3, 900) }, &mut networks, &settings);

    assert_eq!(state.watches.due(1049, &settings), []);
    // What is kept of the state is enough.
    let bytes = postcard::to_stdvec(&state).unwrap();
    let mut state: State = postcard::from_bytes(&bytes).unwrap();
    let due = state.watches.due(1050, &settings);
    assert_eq!(kinds(&due), [NotificationKind::HitAndRun]);
    assert_eq!((due[0].user_id, due[0].seed_seconds), (Some(2), Some(60)));
    assert_eq!(state.watches.due(9999, &settings), []);
}

#[test]
fn a_passkey_in_many_networks_is_told_once_in_a_while() {
    let (mut state, mut networks) = (State::default(), Networks::default());
    let settings = NotifyConfig { passkey_networks: 2, ..NotifyConfig::default() };
    let mut announce = |net: u8, host: u8, at: u32| {
        let sessions = vec![session(1, 2, [10, 0, net, host], at)];
        state.take_in(&Batch { sessions, ..batch(1, at) }, &mut networks, &settings)
    };
    assert_eq!(announce(1, 1, 100), []);
    assert_eq!(announce(1, 2, 110), []);
    assert_eq!(announce(2, 1, 120), []);
    let told = announce(3, 1, 130);
    assert_eq!(kinds(&told), [NotificationKind::PasskeyNetworks]);
    assert_eq!((told[0].user_id, told[0].count), (Some(1), Some(3)));
    assert_eq!(announce(4, 1, 140), []);
    // A day later those networks do not count any more.
    let day = settings.passkey_networks_seconds;
    assert_eq!(announce(5, 1, 200 + day), []);
    assert_eq!(announce(6, 1, 210 + day), []);
    assert_eq!(announce(7, 1, 220 + day).len(), 1);
}

#[test]
fn a_ratio_that_crosses_thresholds_is_told_with_each_of_them() {
    let mut ratios = Ratios::default();
    let percents = [100, 50];
    let users = |uploaded, downloaded| vec![moved(1, uploaded, downloaded)];
    assert_eq!(ratios.take_in(&Batch { users: users(0, 10), ..batch(4, 5) }, &percents), []);
    assert_eq!(ratios.wanted(None, 3), None, "the store does not have that batch yet");
    assert_eq!(ratios.wanted(None, 4), Some(1));
    assert_eq!(ratios.read(1, Some((120, 100)), 4, 5), [], "what it was before is not known");
    assert_eq!(ratios.wanted(None, 9), None);

    // Of batches that were in what was read nothing is added.
    assert_eq!(ratios.take_in(&Batch { users: users(0, 900), ..batch(4, 6) }, &percents), []);
    let down = ratios.take_in(&Batch { users: users(0, 200), ..batch(5, 6) }, &percents);
    let told: Vec<_> = down.iter().map(|it| (it.threshold_percent, it.below)).collect();
    assert_eq!(told, [(Some(100), Some(true)), (Some(50), Some(true))]);
    assert_eq!((down[0].uploaded, down[0].downloaded), (Some(120), Some(300)));
    let up = ratios.take_in(&Batch { users: users(30, 0), ..batch(6, 7) }, &percents);
    assert_eq!((up[0].threshold_percent, up[0].below, up.len()), (Some(50), Some(false), 1));

    // Somebody gives the user upload: the totals are read again.
    ratios.touch(1);
    assert_eq!(ratios.wanted(None, 6), Some(1));
    let up = ratios.read(1, Some((5000, 300)), 6, 8);
    assert_eq!((up[0].threshold_percent, up[0].below, up.len()), (Some(100), Some(false), 1));

    // A restart knows what was told, and reads the totals again.
    let told = ratios.told();
    let mut ratios = Ratios::default();
    ratios.resume(told);
    ratios.take_in(&Batch { users: users(0, 10_000), ..batch(7, 9) }, &percents);
    assert_eq!(ratios.read(1, Some((5000, 10_300)), 7, 9).len(), 2);
}

#[test]
fn totals_that_are_older_than_what_was_announced_meanwhile_are_read_again() {
    let mut ratios = Ratios::default();
    let users = || vec![moved(1, 0, 10)];
    ratios.take_in(&Batch { users: users(), ..batch(4, 5) }, &[100]);
    ratios.take_in(&Batch { users: users(), ..batch(5, 5) }, &[100]);
    assert_eq!(ratios.read(1, Some((120, 100)), 4, 5), []);
    assert_eq!(ratios.wanted(None, 5), Some(1));
    ratios.read(1, Some((120, 110)), 5, 5);
    assert_eq!(ratios.wanted(None, 5), None);
}
