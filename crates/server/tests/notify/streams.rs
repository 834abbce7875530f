//! The stream: as it happens, and from where a reader stopped.

use mika_client::types::{NewWebhook, NotificationKind, NotificationQuery};
use tempfile::TempDir;

use super::support::{Server, add_users};
use crate::running::TOKEN;

fn query(after_id: Option<u64>, kinds: Option<&str>) -> NotificationQuery {
    let kinds = kinds.map(str::to_owned);
    NotificationQuery { after_id, kinds, ..NotificationQuery::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_is_told_what_happens_and_goes_on_where_it_stopped() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), 2).await;
    let always = [("notify.always", "true")];
    let server = Server::start(dir.path(), &always).await;
    let mut stream = server.client.notification_stream(&query(None, None)).await.unwrap();
    server.announce(1, 1, 1);
    server.announce(1, 1, 0);
    let first = stream.next().await.unwrap().unwrap();
    let second = stream.next().await.unwrap().unwrap();
    assert_eq!((first.kind, first.user_id), (NotificationKind::Snatch, Some(1)));
    assert_eq!((second.kind, second.user_id), (NotificationKind::FirstSeed, None));
    assert_eq!(second.id, first.id + 1);

    // The server stops, although somebody reads.
    server.stop().await;
    assert_eq!(stream.next().await.unwrap(), None);
    let server = Server::start(dir.path(), &always).await;
    server.announce(2, 1, 1);
    server.announce(2, 1, 0);
    let mut stream = server.client.notification_stream(&query(Some(first.id), None)).await.unwrap();
    assert_eq!(stream.next().await.unwrap(), Some(second.clone()));
    let third = stream.next().await.unwrap().unwrap();
    assert_eq!((third.kind, third.user_id), (NotificationKind::Snatch, Some(2)));

    let mut only =
        server.client.notification_stream(&query(Some(0), Some("first_seed"))).await.unwrap();
    assert_eq!(only.next().await.unwrap(), Some(second.clone()));
    let page = server.client.notifications(&query(None, Some("snatch"))).await.unwrap();
    assert_eq!(page.items, [first, third.clone()]);
    assert_eq!((page.next_after_id, page.last_id, page.missed), (third.id, third.id, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_reader_nothing_is_kept() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), 2).await;
    let server = Server::start(dir.path(), &[]).await;
    server.announce(1, 1, 0);
    server.client.flush().await.unwrap();
    assert_eq!(server.client.notifications(&query(None, None)).await.unwrap().last_id, 0);
    // Who comes now is not told that the torrent is seeded since before.
    let webhook = NewWebhook { enabled: Some(false), ..NewWebhook::to("http://127.0.0.1:1/") };
    server.client.add_webhook(&webhook).await.unwrap();
    let mut stream = server.client.notification_stream(&query(None, None)).await.unwrap();
    server.announce(2, 1, 1);
    server.announce(2, 1, 0);
    let event = stream.next().await.unwrap().unwrap();
    assert_eq!((event.kind, event.user_id), (NotificationKind::Snatch, Some(2)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_makes_no_sense_is_refused() {
    let dir = TempDir::new().unwrap();
    let server = Server::start(dir.path(), &[]).await;
    for (path, status) in [
        ("notifications?kinds=nonsense", 422),
        ("notifications?user_ids=x", 422),
        ("notifications?limit=0", 422),
        ("notifications?after_id=-1", 400),
        ("notifications/stream?limit=5", 422),
        ("traces/planet/earth", 400),
        ("traces/address/nowhere", 400),
        ("traces/torrent/nothing", 400),
        ("traces/user/nobody", 404),
        ("webhooks/7", 404),
        ("webhooks/x", 400),
        ("webhooks/7/dead-letters", 404),
    ] {
        let url = format!("{}/api/v1/{path}", server.admin());
        let answer = get(&url).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(answer.contains("application/problem+json"), "{path}: {answer}");
    }
    server.stop().await;
}

async fn get(url: &str) -> String {
    use std::io::{Read, Write};
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (address, path) = (address.to_owned(), path.to_owned());
    let ask = move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET /{path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\
             Authorization: Bearer {TOKEN}\r\n\r\n"
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}
