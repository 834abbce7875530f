//! Lists of sessions and swarms, and swarms that changed.

use super::*;
use crate::batch::RegisteredRow;
use crate::registry::UserTerms;

/// All sessions, in pages of so many.
fn all_of(site: &Site, of: SessionsOf, limit: usize) -> Vec<SessionView> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = site.tracker.sessions(of, after, limit, site.now).unwrap();
        assert!(page.sessions.len() <= limit);
        all.extend(page.sessions);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

fn users_of(sessions: &[SessionView]) -> Vec<u32> {
    let mut users: Vec<u32> = sessions.iter().filter_map(|it| it.user_id).collect();
    users.sort_unstable();
    users
}

#[test]
fn the_sessions_of_a_torrent_are_those_that_announced_it_in_pages_of_any_size() {
    let mut site = Site::private();
    for user in 1..=9 {
        site.ok(by(user).client(1));
        site.ok(by(user).client(2).seeding());
    }
    site.ok(by(1).on(hash(3)));
    let of = SessionsOf::Torrent(hash(1));
    let mut once = all_of(&site, of, 1000);
    assert_eq!(users_of(&once), (1..=9).flat_map(|user| [user, user]).collect::<Vec<_>>());
    for limit in [1, 2, 3, 17, 18, 19] {
        assert_eq!(all_of(&site, of, limit), once, "{limit}");
    }
    once.retain(|session| session.user_id == Some(3) && session.seeder);
    let [session] = once.as_slice() else { panic!("{once:?}") };
    assert_eq!(session.address_v4, Some("20.0.0.3:6883".parse().unwrap()));
    assert_eq!((session.left_bytes, session.visible), (Some(0), true));
    assert_eq!(session.announced_at_seconds, START);
    assert_eq!(site.tracker.sessions(SessionsOf::Torrent(hash(99)), None, 9, START), None);
}

#[test]
fn a_hybrid_has_the_same_sessions_by_either_hash() {
    let mut site = Site::private();
    site.ok(by(1).on(hash(22)));
    let first = all_of(&site, SessionsOf::Torrent(hash(2)), 9);
    assert_eq!(first.len(), 1);
    assert_eq!(all_of(&site, SessionsOf::Torrent(hash(22)), 9), first);
}

#[test]
fn sessions_that_stay_are_listed_once_whoever_comes_and_goes_between_two_pages() {
    let mut site = Site::private();
    for user in 1..=9 {
        site.ok(by(user));
    }
    let of = SessionsOf::Torrent(hash(1));
    let (mut seen, mut after, mut leaving) = (Vec::new(), None, [2, 4, 6, 8].into_iter());
    loop {
        let page = site.tracker.sessions(of, after, 2, site.now).unwrap();
        seen.extend(users_of(&page.sessions));
        if let Some(user) = leaving.next() {
            site.ok(by(user).stopped());
            site.ok(by(user).client(5).seeding());
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for user in [1, 3, 5, 7, 9] {
        assert_eq!(seen.iter().filter(|it| **it == user).count(), 1, "user {user} in {seen:?}");
    }
}

#[test]
fn a_user_has_sessions_on_several_torrents() {
    let mut site = Site::private();
    for torrent in 1..=3 {
        site.ok(by(4).on(hash(torrent)));
        site.ok(by(5).on(hash(torrent)));
    }
    for limit in [1, 2, 9] {
        let sessions = all_of(&site, SessionsOf::User(4), limit);
        let mut torrents: Vec<_> = sessions.iter().map(|it| it.torrent_id).collect();
        torrents.sort_unstable();
        assert_eq!(torrents, [1, 2, 3], "{limit}");
        assert_eq!(users_of(&sessions), [4, 4, 4]);
    }
    assert_eq!(all_of(&site, SessionsOf::User(77), 9), []);
}

#[test]
fn sessions_at_an_address_are_found_whatever_their_port_but_not_those_of_hidden_users() {
    let mut site = Site::private();
    for user in 1..=3 {
        site.ok(by(user).from("198.51.100.9").port(5000 + user as u16));
        site.ok(by(user).on(hash(2)).from("2001:db8::9"));
    }
    let hidden = UserTerms { address_hidden: true, ..UserTerms::default() };
    site.tracker.put_user(UserSpec { terms: hidden, ..user(3) }).unwrap();
    let at = |ip: &str| SessionsOf::Address(ip.parse().unwrap());
    for limit in [1, 9] {
        assert_eq!(users_of(&all_of(&site, at("198.51.100.9"), limit)), [1, 2]);
        assert_eq!(users_of(&all_of(&site, at("2001:db8::9"), limit)), [1, 2]);
    }
    assert_eq!(all_of(&site, at("198.51.100.8"), 9), []);
    let third = all_of(&site, SessionsOf::User(3), 9);
    assert_eq!(third.len(), 2);
    assert!(third.iter().all(|it| (it.address_v4, it.address_v6) == (None, None)));
}

#[test]
fn a_public_swarm_lists_addresses() {
    let mut site = Site::public();
    for number in 1..=9 {
        site.ok(by(number).port(6000));
        site.ok(by(number).from(&format!("2001:db8::{number}")).seeding());
    }
    let all = all_of(&site, SessionsOf::Torrent(hash(1)), 4);
    assert_eq!(all.len(), 18);
    assert_eq!(all.iter().filter(|it| it.seeder).count(), 9);
    assert!(all.iter().all(|it| it.user_id.is_none() && it.left_bytes.is_none()));
    let at = SessionsOf::Address("2001:db8::3".parse().unwrap());
    assert_eq!(all_of(&site, at, 4).len(), 1);
    assert_eq!(all_of(&site, SessionsOf::User(1), 4), []);
}

fn swarms(site: &Site, limit: usize, with_empty: bool) -> Vec<(u32, u32, u32)> {
    let (mut all, mut place) = (Vec::new(), SwarmPlace::default());
    loop {
        let page = site.tracker.swarms(place, limit, with_empty);
        all.extend(page.swarms.iter().map(row));
        match page.next {
            Some(next) => place = next,
            None => break,
        }
    }
    all.sort_unstable();
    all
}

fn row(swarm: &SwarmCounts) -> (u32, u32, u32) {
    (swarm.torrent_id, swarm.counts.seeders, swarm.counts.leechers)
}

#[test]
fn all_swarms_are_listed_with_their_counts() {
    let mut site = Site::private();
    site.ok(by(1));
    site.ok(by(2).seeding());
    site.ok(by(3).on(hash(3)));
    for limit in [1, 2, 9] {
        assert_eq!(swarms(&site, limit, false), [(1, 1, 1), (3, 0, 1)]);
        assert_eq!(swarms(&site, limit, true), [(1, 1, 1), (2, 0, 0), (3, 0, 1)]);
    }
}

#[test]
fn a_swarm_that_changed_is_told_once_per_read_after_the_next_flush() {
    let mut site = Site::private();
    site.ok(by(1));
    site.drain();
    assert_eq!(site.tracker.changed_swarms(0, 9, site.now), Err(Expired));
    let begin = site.tracker.follow_swarms(site.now);
    let nothing = site.tracker.changed_swarms(begin, 9, site.now).unwrap();
    assert_eq!((nothing.swarms.len(), nothing.next, nothing.more), (0, begin, false));
    site.ok(by(2));
    site.ok(by(3).on(hash(3)).seeding());
    site.drain();
    site.ok(by(4));
    site.drain();
    let first = site.tracker.changed_swarms(begin, 1, site.now).unwrap();
    let second = site.tracker.changed_swarms(first.next, 1, site.now).unwrap();
    let mut rows: Vec<_> = first.swarms.iter().chain(&second.swarms).map(row).collect();
    rows.sort_unstable();
    // With the counts of now, not of the flush.
    assert_eq!(rows, [(1, 0, 3), (3, 1, 0)]);
    let rest = site.tracker.changed_swarms(second.next, 9, site.now).unwrap();
    assert!(!rest.more);
    let whole = site.tracker.changed_swarms(begin, 9, site.now).unwrap();
    assert_eq!((whole.swarms.len(), whole.next), (2, rest.next));
    assert_eq!(site.tracker.changed_swarms(rest.next + 1, 9, site.now), Err(Expired));
}

#[test]
fn changes_are_forgotten_when_they_are_many_or_nobody_asks() {
    let mut site = Site::private();
    let begin = site.tracker.follow_swarms(site.now);
    for _ in 0..9 {
        site.ok(by(1));
        site.drain();
    }
    assert_eq!(site.tracker.changed_swarms(begin, 9, site.now), Err(Expired));
    let again = site.tracker.follow_swarms(site.now);
    site.wait(3601);
    site.ok(by(1));
    site.drain();
    assert_eq!(site.tracker.changed_swarms(again, 9, site.now), Err(Expired));
    let anew = site.tracker.follow_swarms(site.now);
    assert!(anew > again);
    assert_eq!(site.tracker.changed_swarms(again, 9, site.now), Err(Expired));
    site.ok(by(2));
    site.drain();
    assert_eq!(site.tracker.changed_swarms(anew, 9, site.now).unwrap().swarms.len(), 1);
}

#[test]
fn a_torrent_of_no_store_has_an_id_of_the_trackers_or_none() {
    let settings = Settings { auto_register_torrents: true, ..Settings::default() };
    let mut site = Site::with(Mode::Private, settings.clone());
    site.ok(by(1).on(hash(77)));
    assert_eq!(swarms(&site, 9, false), [(RegisteredRow::FIRST_ID, 0, 1)]);
    let mut site = Site::public();
    site.ok(by(1).on(hash(77)));
    assert_eq!(swarms(&site, 9, false), [(0, 0, 1)]);
}
