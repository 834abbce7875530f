//! Webhooks: in order, at least once, signed, and given up in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use mika_client::types::{
    NewWebhook, Notification, NotificationFilter, NotificationKind, UserChange, WebhookChange,
};
use tempfile::TempDir;

use super::receiver::Receiver;
use super::support::{Server, add_users};

const USERS: u32 = 20;
const TORRENTS: u32 = 500;

/// Lets every user finish a range of torrents.
fn finish(server: &Server, torrents: std::ops::RangeInclusive<u32>) {
    let mut clients = server.clients();
    for torrent in torrents {
        let begin = (1..=USERS).map(|user| (user, torrent, 1));
        let end = (1..=USERS).map(|user| (user, torrent, 0));
        let announces: Vec<_> = begin.chain(end).collect();
        let replies = clients.announce_all(&announces);
        assert!(!replies.contains("failure"), "{replies}");
    }
}

fn snatches(events: &[Notification]) -> BTreeSet<(u32, String)> {
    let is_snatch = |event: &&Notification| event.kind == NotificationKind::Snatch;
    let key = |event: &Notification| {
        (event.user_id.unwrap(), String::from_utf8(event.info_hash.unwrap().0.to_vec()).unwrap())
    };
    events.iter().filter(is_snatch).map(key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_events_come_in_order_though_receiver_and_tracker_are_restarted() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), USERS).await;
    let mut server = Server::start(dir.path(), &[]).await;
    let mut receiver = Receiver::start();
    let webhook = server.client.add_webhook(&NewWebhook::to(&receiver.url())).await.unwrap();
    receiver.set_secret(webhook.secret.as_ref().unwrap());

    let steps = 5;
    for step in 0..steps {
        let first = step * TORRENTS / steps + 1;
        let last = (step + 1) * TORRENTS / steps;
        finish(&server, first..=last);
        let seen = receiver.memory.requests.load(Ordering::SeqCst);
        receiver.wait_until(|_| receiver.memory.requests.load(Ordering::SeqCst) > seen).await;
        receiver.kill();
        if step == 2 {
            server.stop().await;
            server = Server::start(dir.path(), &[]).await;
        }
        receiver.restart();
    }
    let all = (USERS * TORRENTS) as usize;
    let events = receiver.wait_until(|events| snatches(events).len() == all).await;

    // Of each user, and of each torrent, in the order in which it happened.
    let came = receiver.memory.events.lock().clone();
    assert!(came.len() >= all);
    let mut by_id = BTreeMap::new();
    for event in &came {
        let same = by_id.entry(event.id).or_insert_with(|| event.clone());
        assert_eq!(same, event, "an id is of one event only");
    }
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id));
    let first_seeds = events.iter().filter(|event| event.kind == NotificationKind::FirstSeed);
    assert_eq!(first_seeds.count(), TORRENTS as usize);
    assert_eq!(receiver.memory.forged.load(Ordering::SeqCst), 0);
    let deliveries = receiver.memory.deliveries.lock().clone();
    assert!(deliveries.iter().all(|(_, delivery)| delivery.missed == 0));
    for (ids, delivery) in &deliveries {
        let (first, last) = (delivery.events.first().unwrap(), delivery.events.last().unwrap());
        assert_eq!(*ids, format!("{}-{}", first.id, last.id));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_sent_only_what_it_wants() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), USERS).await;
    let server = Server::start(dir.path(), &[]).await;
    let receiver = Receiver::start();
    let filter = NotificationFilter {
        kinds: vec![NotificationKind::Snatch],
        user_ids: vec![3],
        ..NotificationFilter::default()
    };
    let new = NewWebhook {
        secret: Some("a secret that I know".replace(' ', "-")),
        filter,
        ..NewWebhook::to(&receiver.url())
    };
    receiver.set_secret("a-secret-that-I-know");
    server.client.add_webhook(&new).await.unwrap();
    finish(&server, 1..=3);
    let events = receiver.wait_until(|events| events.len() >= 3).await;
    assert!(events.iter().all(|event| event.user_id == Some(3)));
    assert_eq!(snatches(&events).len(), 3);
    assert_eq!(receiver.memory.forged.load(Ordering::SeqCst), 0);
    // What it does not want is behind it, too.
    let last_id = server.client.notifications(&Default::default()).await.unwrap().last_id;
    loop {
        let webhook = server.client.webhook(1).await.unwrap();
        if webhook.delivered_id == last_id {
            assert_eq!((webhook.waiting, webhook.failures, webhook.error), (0, 0, None));
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_is_given_up_listed_and_tried_once_more() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), USERS).await;
    let server = Server::start(dir.path(), &[("notify.attempts_max", "2")]).await;
    let receiver = Receiver::start();
    receiver.answer_with(500);
    let webhook = server.client.add_webhook(&NewWebhook::to(&receiver.url())).await.unwrap();
    receiver.set_secret(webhook.secret.as_ref().unwrap());
    server.announce(1, 1, 0);
    let letters = loop {
        let letters = server.client.webhook_dead_letters(1).await.unwrap();
        if !letters.is_empty() {
            break letters;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((letters[0].attempts, letters[0].events.len()), (2, 1));
    assert_eq!(letters[0].reason, "it answers with status 500");
    assert_eq!(letters[0].events[0].kind, NotificationKind::FirstSeed);
    let metrics = server.client.metrics().await.unwrap();
    assert!(metrics.contains("\nmika_notify_dead_letters_total 1\n"), "{metrics}");

    receiver.answer_with(200);
    let retried = server.client.retry_webhook_dead_letters(1).await.unwrap();
    assert_eq!(retried.dead_letters, 1);
    let events = receiver.wait_until(|events| !events.is_empty()).await;
    assert_eq!(events, letters[0].events);
    assert_eq!(server.client.webhook_dead_letters(1).await.unwrap(), []);
    assert_eq!(server.client.drop_webhook_dead_letters(1).await.unwrap().dead_letters, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_switched_off_is_sent_the_rest_later_and_a_deleted_one_nothing() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), USERS).await;
    let server = Server::start(dir.path(), &[]).await;
    let receiver = Receiver::start();
    let new = NewWebhook { enabled: Some(false), ..NewWebhook::to(&receiver.url()) };
    let webhook = server.client.add_webhook(&new).await.unwrap();
    receiver.set_secret(webhook.secret.as_ref().unwrap());
    finish(&server, 1..=1);
    server.client.flush().await.unwrap();
    assert_eq!(receiver.memory.requests.load(Ordering::SeqCst), 0);
    let enable = WebhookChange { enabled: Some(true), ..WebhookChange::default() };
    server.client.update_webhook(1, &enable).await.unwrap();
    receiver.wait_until(|events| snatches(events).len() == USERS as usize).await;

    server.client.delete_webhook(1).await.unwrap();
    assert_eq!(server.client.webhooks().await.unwrap(), []);
    let before = receiver.memory.requests.load(Ordering::SeqCst);
    finish(&server, 2..=2);
    server.stop().await;
    assert_eq!(receiver.memory.requests.load(Ordering::SeqCst), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_client_is_told() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), USERS).await;
    let keys = [("tracker.client_rules", "\"whitelist\"")];
    let server = Server::start(dir.path(), &keys).await;
    let receiver = Receiver::start();
    let webhook = server.client.add_webhook(&NewWebhook::to(&receiver.url())).await.unwrap();
    receiver.set_secret(webhook.secret.as_ref().unwrap());
    let reply = server.announce(1, 1, 0);
    assert!(reply.contains("not allowed here"), "{reply}");
    let events = receiver.wait_until(|events| !events.is_empty()).await;
    assert_eq!((events[0].kind, events[0].count), (NotificationKind::ClientRefused, Some(1)));
    assert_eq!(events[0].reason.as_deref(), Some("client_not_allowed"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ratio_that_was_crossed_is_told_by_announces_and_by_a_gift() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), USERS).await;
    let server = Server::start(dir.path(), &[("notify.ratio_percents", "[100]")]).await;
    let receiver = Receiver::start();
    let filter = NotificationFilter {
        kinds: vec![NotificationKind::RatioCrossed],
        ..NotificationFilter::default()
    };
    let new = NewWebhook { filter, ..NewWebhook::to(&receiver.url()) };
    let webhook = server.client.add_webhook(&new).await.unwrap();
    receiver.set_secret(webhook.secret.as_ref().unwrap());
    let gift = |bytes| UserChange { uploaded_add: Some(bytes), ..UserChange::default() };
    server.client.update_user("1", &gift(1000)).await.unwrap();
    let mut clients = server.clients();
    clients.announce_with(&[(1, 1, 5000)], 0);
    // Moves a byte at a time, until the totals are known, and the user is over the ratio.
    for downloaded in 1..=10 {
        clients.announce_with(&[(1, 1, 5000)], downloaded);
        server.client.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    clients.announce_with(&[(1, 1, 100)], 4900);
    let events = receiver.wait_until(|events| !events.is_empty()).await;
    let told = |event: &Notification| (event.user_id, event.threshold_percent, event.below);
    assert_eq!(told(&events[0]), (Some(1), Some(100), Some(true)));
    assert_eq!((events[0].uploaded, events[0].downloaded), (Some(1000), Some(4900)));
    server.client.update_user("1", &gift(10_000)).await.unwrap();
    let events = receiver.wait_until(|events| events.len() == 2).await;
    assert_eq!(told(&events[1]), (Some(1), Some(100), Some(false)));
    server.stop().await;
}
