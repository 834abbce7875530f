//! What is told of a tracker that is killed again and again: every finished download, exactly once.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use mika_client::types::{NewWebhook, Notification, NotificationKind, NotificationQuery};
use mika_durability::server::{Admin, Tuning};
use mika_durability::totals::from_store;

use crate::support::{Stage, is_long};

/// Everything in the log.
fn notifications(admin: &Admin) -> Vec<Notification> {
    admin.call(async |client| {
        let (mut all, mut after_id) = (Vec::new(), 0);
        loop {
            let query =
                NotificationQuery { after_id: Some(after_id), ..NotificationQuery::default() };
            let page = client.notifications(&query).await.unwrap();
            assert_eq!(page.missed, 0);
            all.extend(page.items);
            after_id = page.next_after_id;
            if after_id == page.last_id {
                return all;
            }
        }
    })
}

#[test]
fn every_finished_download_is_told_once_though_the_tracker_is_killed() {
    let kills = if is_long() { 50 } else { 5 };
    let (stage, machines) = Stage::new(30, &Tuning::default(), None);
    let mut fleet = stage.fleet(machines);
    let mut server = stage.start();
    // Nobody is there: what counts is that it is kept.
    let nobody = NewWebhook { enabled: Some(false), ..NewWebhook::to("http://127.0.0.1:9/") };
    stage.site.admin().call(async |client| client.add_webhook(&nobody).await.unwrap());
    server = stage.announce_while(&mut fleet, || {
        for _ in 0..kills {
            thread::sleep(Duration::from_millis(fastrand::u64(100..2500)));
            server.kill();
            stage.clock.end_process();
            server = stage.start();
        }
        server
    });
    stage.conclude(&mut fleet);
    // A stop brings in what waits in the journal.
    assert!(server.terminate().success());
    stage.clock.end_process();
    let server = stage.start();
    let events = notifications(&stage.site.admin());
    assert!(server.terminate().success());

    assert!(events.iter().zip(1..).all(|(event, id)| event.id == id), "an id is missing");
    let mut told = BTreeMap::new();
    for event in &events {
        assert_ne!(event.kind, NotificationKind::Missed, "{event:?}");
        if event.kind == NotificationKind::Snatch {
            *told.entry(event.info_hash.unwrap()).or_insert(0_u64) += 1;
        }
    }
    let store = from_store(stage.site.store());
    let happened: BTreeMap<_, _> = store
        .torrents
        .into_iter()
        .map(|(info_hash, torrent)| (info_hash, torrent.amounts.snatches))
        .filter(|(_, snatches)| *snatches > 0)
        .collect();
    assert!(happened.values().sum::<u64>() > 3, "{happened:?}");
    assert_eq!(told, happened);
    println!("{kills} kills, {} notifications", events.len());
}
