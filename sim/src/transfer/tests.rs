use std::net::Ipv4Addr;

use super::*;
use crate::world::WorldPlan;

fn world() -> World {
    let plan = WorldPlan {
        users: 40,
        torrents: vec![crate::world::TorrentPlan::LongTail { seeders: 0, downloads_per_hour: 1.0 }],
        hours: 1,
        warm_up_hours: 0,
        first_address: Ipv4Addr::new(20, 0, 0, 0),
        stopped_lost: 0.0,
    };
    World::new(plan, 11)
}

#[test]
fn bytes_move_only_along_connections() {
    let world = world();
    let mut transfer = Transfer::new(&world, 10);
    let seeder = transfer.join(0, 0, true);
    let told = transfer.join(1, 0, false);
    let untold = transfer.join(2, 0, false);
    let target = (3..40).find(|user| !world.users[*user].firewalled).unwrap();
    let reachable = transfer.join(target, 0, false);
    transfer.connect(seeder, reachable);
    transfer.connect(told, reachable);
    for _ in 0..100 {
        transfer.step();
        for moved in transfer.moved() {
            let pair = (moved.from.min(moved.to), moved.from.max(moved.to));
            assert!(pair == (seeder, reachable) || pair == (told, reachable), "{moved:?}");
        }
    }
    assert!(transfer.counters(reachable).downloaded > 0);
    assert_eq!(transfer.counters(untold).downloaded, 0);
}

#[test]
fn what_is_uploaded_is_downloaded_and_no_line_carries_more_than_it_can() {
    let world = world();
    let mut transfer = Transfer::new(&world, 10);
    let peers: Vec<_> = (0..40).map(|user| transfer.join(user, 0, user < 5)).collect();
    for one in &peers {
        peers.iter().for_each(|other| transfer.connect(*one, *other));
    }
    for _ in 0..2000 {
        transfer.step();
        let (mut up, mut down) = ([0; 40], [0; 40]);
        for moved in transfer.moved() {
            up[moved.from] += moved.bytes;
            down[moved.to] += moved.bytes;
        }
        for (user, line) in world.users.iter().enumerate() {
            assert!(up[user] as f64 <= line.up * 10.001, "user {user}");
            assert!(down[user] as f64 <= line.down * 10.001, "user {user}");
        }
    }
    let (uploaded, downloaded) = transfer.totals();
    assert_eq!(uploaded, downloaded);
    let size = world.torrents[0].bytes;
    let finished = peers.iter().filter(|peer| transfer.has_everything(**peer)).count();
    assert!(finished > 30, "{finished} finished");
    for peer in &peers[5..] {
        let counters = transfer.counters(*peer);
        assert_eq!(counters.left + counters.downloaded, size);
    }
}

#[test]
fn who_is_behind_a_firewall_is_not_connected_to() {
    let world = world();
    let hidden = (0..40).find(|user| world.users[*user].firewalled);
    let open = (0..40).find(|user| !world.users[*user].firewalled);
    let (Some(hidden), Some(open)) = (hidden, open) else { panic!("one of each is expected") };
    let mut transfer = Transfer::new(&world, 10);
    let seeder = transfer.join(hidden, 0, true);
    let leecher = transfer.join(open, 0, false);
    transfer.connect(leecher, seeder);
    transfer.step();
    assert_eq!(transfer.links.len(), 0);
    transfer.connect(seeder, leecher);
    transfer.connect(seeder, leecher);
    assert_eq!(transfer.links.len(), 1);
}

#[test]
fn connections_of_those_who_leave_are_gone_and_their_pieces_with_them() {
    let world = world();
    let mut transfer = Transfer::new(&world, 10);
    let open = (0..40).find(|user| !world.users[*user].firewalled).unwrap();
    let seeder = transfer.join(open, 0, true);
    let leecher = transfer.join((open + 1) % 40, 0, false);
    transfer.connect(leecher, seeder);
    transfer.leave(seeder);
    assert!(transfer.peers[leecher].links.is_empty());
    transfer.step();
    assert!(transfer.moved().is_empty());
    transfer.connect(leecher, seeder);
    assert!(transfer.peers[leecher].links.is_empty());
}
