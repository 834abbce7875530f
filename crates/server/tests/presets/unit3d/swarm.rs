//! One swarm of 50,000 peers, which must not hold up the announces of other torrents.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mika_core::Tracker;
use mika_core::batch::Agent;
use mika_core::reply::{Headers, PeerList, Source};
use mika_protocol::{AnnounceRequest, Event, InfoHash, Passkey, PeerId};

use super::super::site::Site;
use super::{SETUP, hash};

/// A user of the big swarm for each.
const PEERS: u32 = 50_000;
/// Peers of a swarm of the usual size.
const SMALL: u32 = 60;
/// Slices of time, of each kind.
const SLICES: usize = 25;

/// The numbers from one to another as a table, of up to 100,000 rows.
fn numbers(first: u32, last: u32) -> String {
    let digit = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
        UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7
        UNION ALL SELECT 8 UNION ALL SELECT 9)";
    format!(
        "(SELECT {first} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS seq
          FROM {digit} AS a, {digit} AS b, {digit} AS c, {digit} AS e, {digit} AS f) AS numbers
         WHERE seq <= {last}"
    )
}

/// Users 1001 to 51000 leech 101, the first 60 of them also 109 and 110.
fn rows() -> String {
    let (first, last) = (1001, 1000 + PEERS);
    let peers = |torrent: u32, last: u32| {
        format!(
            "INSERT INTO peers (peer_id, ip, port, agent, uploaded, downloaded, `left`, seeder,
                 torrent_id, user_id, active, visible, created_at, updated_at)
             SELECT CONCAT('-qB4650-', LPAD(seq, 12, '0')), INET6_ATON(CONCAT('10.1.',
                 seq DIV 256, '.', seq MOD 256)), 50000, '', 0, 0, 5, 0, {torrent}, seq, 1, 1,
                 NOW(), NOW()
             FROM {};",
            numbers(first, last)
        )
    };
    format!(
        "INSERT INTO users (id, username, email, password, passkey, rsskey, group_id)
         SELECT seq, seq, seq, '', LPAD(seq, 32, '0'), seq, 3 FROM {};
         {} {} {}",
        numbers(first, last),
        peers(101, last),
        peers(109, 1000 + SMALL),
        peers(110, 1000 + SMALL)
    )
}

/// An announce of a peer that is known, which is answered with a list.
fn announce(tracker: &Tracker, torrent: u8, user: u32, now_seconds: u32, list: &mut PeerList) {
    let mut peer_id = *b"-qB4650-000000000000";
    peer_id[8..].copy_from_slice(format!("{user:012}").as_bytes());
    let request = AnnounceRequest {
        info_hash: InfoHash(hash(torrent)),
        peer_id: PeerId(peer_id),
        passkey: Some(Passkey::new(format!("{user:032}").as_bytes()).unwrap()),
        port: 50000,
        uploaded: 0,
        downloaded: 0,
        left: 5,
        corrupt: 0,
        event: Event::None,
        paused: false,
        numwant: Some(15),
        compact: true,
        compact_given: true,
        no_peer_id: false,
        claimed_v4: None,
        claimed_v6: None,
    };
    let source = Source {
        agent: Agent::from("qBittorrent/4.6.5"),
        headers: Some(Headers { agent_bytes: Some(17), ..Headers::default() }),
        ..Source::new("10.0.0.9".parse().unwrap())
    };
    let answer = tracker.announce(&request, source, now_seconds, list).unwrap();
    assert_eq!(list.v4.len() / 6 + list.v6.len() / 18, 15, "{answer:?}");
}

#[tokio::test]
async fn check_29_one_big_swarm_does_not_hold_up_the_others() {
    let Some(site) = Site::start_with(SETUP, &rows()).await else { return };
    let tracker = &*site.tracker;
    let mut settings = SETUP.preset.settings();
    // So that every announce is answered with a list.
    std::sync::Arc::make_mut(&mut settings.site).announce_min_enforced_seconds = 0;
    tracker.set_settings(settings);
    assert_eq!(tracker.stats().leechers, u64::from(PEERS + 2 * SMALL));
    let now_seconds = site.now_seconds;

    // One at a time, in turn: an announce costs the same in both.
    let mut list = PeerList::new(2);
    let mut nanoseconds = [Vec::new(), Vec::new()];
    for round in 0..4000 {
        let (big, small) = (1001 + round * 7919 % PEERS, 1001 + round % SMALL);
        for (at, torrent, user) in [(0, 101, big), (1, 109, small)] {
            let begin = Instant::now();
            announce(tracker, torrent, user, now_seconds, &mut list);
            nanoseconds[at].push(begin.elapsed().as_nanos() as u64);
        }
    }
    let [big, small] = nanoseconds.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    println!("an announce: {big} ns of {PEERS} peers, {small} ns of {SMALL}");
    assert!(big < 5 * small, "{big} {small}");

    // All at once: what a thread gets done on a torrent of its own, while others announce on the
    // big one, and while they announce on a small one.
    let [beside_big, beside_small] = beside(tracker, now_seconds);
    println!(
        "beside the big swarm {beside_big} announces a slice, beside a small one {beside_small}"
    );
    assert!(beside_big * 2 > beside_small, "{beside_big} {beside_small}");
}

/// Medians of the announces on 110 in a slice, while two threads announce on 101 and on 109.
fn beside(tracker: &Tracker, now_seconds: u32) -> [u64; 2] {
    let (on_big, stop) = (AtomicBool::new(true), AtomicBool::new(false));
    let others = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for seed in 3..5 {
            let (on_big, stop, others) = (&on_big, &stop, &others);
            scope.spawn(move || {
                let mut list = PeerList::new(seed);
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let (torrent, peers) = match on_big.load(Ordering::Relaxed) {
                        true => (101, PEERS),
                        false => (109, SMALL),
                    };
                    let user = 1001 + round * 7919 % peers;
                    announce(tracker, torrent, user, now_seconds, &mut list);
                    others.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut list = PeerList::new(9);
        let mut done = [Vec::new(), Vec::new()];
        for slice in 0..2 * SLICES {
            on_big.store(slice % 2 == 0, Ordering::Relaxed);
            let (begin, mut announces) = (Instant::now(), 0);
            while begin.elapsed() < Duration::from_millis(20) {
                announce(tracker, 110, 1001 + announces as u32 % SMALL, now_seconds, &mut list);
                announces += 1;
            }
            done[slice % 2].push(announces);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(others.load(Ordering::Relaxed) > 100, "nobody announced meanwhile");
        done.map(|mut slices| {
            slices.sort_unstable();
            slices[SLICES / 2]
        })
    })
}
