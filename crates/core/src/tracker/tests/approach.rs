//! A look ahead at torrents that are about to be announced.

use super::*;

#[test]
fn a_look_ahead_at_known_and_unknown_torrents_changes_nothing() {
    for (mut site, others) in [(Site::private(), 40), (Site::public(), 45)] {
        site.set(|settings| settings.sessions_per_user_and_torrent_max = 10);
        for (user, client) in (1..=9).flat_map(|user| (0..5).map(move |client| (user, client))) {
            site.ok(by(user).client(client));
        }
        site.ok(by(1).on(hash(2)).seeding());
        site.drain();
        let before = (site.tracker.stats(), site.counts(hash(1)), site.counts(hash(2)));
        let mut approach = Approach::default();
        let seen = [1, 2, 3, 1, 77].map(hash);
        site.tracker.approach(seen.into_iter(), &mut approach);
        site.tracker.approach(std::iter::empty(), &mut approach);
        let after = (site.tracker.stats(), site.counts(hash(1)), site.counts(hash(2)));
        assert_eq!(after, before);
        assert!(site.drain().is_empty());
        assert_eq!(site.ok(by(9).client(9).numwant(200)).len(), others);
    }
}

#[test]
fn a_look_ahead_waits_for_nobody() {
    let mut site = Site::private();
    site.ok(by(1));
    let Swarms::Private(shards) = &site.tracker.swarms else { unreachable!() };
    let held = shards.find(hash(1)).ok();
    assert!(held.is_some());
    site.tracker.approach([hash(1), hash(2), hash(1)].into_iter(), &mut Approach::default());
}
