//! The flight recorder, over the API.

use mika_client::types::{NewTrace, TraceQuery, TraceSubject};
use tempfile::TempDir;

use super::support::{Server, add_users};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_announces_of_a_user_are_recorded_listed_and_streamed() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), 2).await;
    let server = Server::start(dir.path(), &[]).await;
    server.announce(1, 1, 5);
    let subject = TraceSubject::User;
    let trace = server.client.start_trace(subject, "user1", &NewTrace::default()).await.unwrap();
    assert_eq!((trace.key.as_str(), trace.keep, trace.last_number), ("1", 1000, 0));
    server.announce(1, 1, 0);
    server.announce(2, 1, 0);
    let all = TraceQuery::default();
    let page = server.client.trace(subject, "1", &all).await.unwrap();
    assert_eq!((page.items.len(), page.next_after, page.lost), (1, 1, 0));
    let announce = &page.items[0];
    assert_eq!((announce.user_id, announce.left), (Some(1), 0));
    assert_eq!((announce.verdict.as_str(), announce.told.as_str()), ("answered", ""));
    assert_eq!(announce.peer_id, "-TR3000-abcdefghijkl");
    assert_eq!((announce.seeders, announce.peers), (1, 0));
    assert_eq!(announce.address, Some([127, 0, 0, 1].into()));

    let mut stream = server.client.trace_stream(subject, "1", &all).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), *announce);
    server.client.delete_user("user1").await.unwrap();
    server.announce(1, 1, 0);
    let refused = stream.next().await.unwrap().unwrap();
    assert_eq!(refused.verdict, "user_deleted");
    assert_eq!(refused.told, "this account is closed");

    let traces = server.client.traces().await.unwrap();
    assert_eq!((traces.len(), traces[0].last_number), (1, 2));
    server.client.stop_trace(subject, "1").await.unwrap();
    assert_eq!(stream.next().await.unwrap(), None);
    let error = server.client.trace(subject, "1", &all).await.unwrap_err();
    assert_eq!(error.code(), Some("trace_not_found"));
    let error = server.client.stop_trace(subject, "1").await.unwrap_err();
    assert_eq!(error.code(), Some("trace_not_found"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torrent_that_nobody_knows_and_an_address_can_be_traced() {
    let dir = TempDir::new().unwrap();
    add_users(dir.path(), 1).await;
    let no = [("tracker.auto_register_torrents", "false")];
    let server = Server::start(dir.path(), &no).await;
    let hash = "3030303030303030303030303030303030303031";
    let keep = NewTrace { keep: Some(1) };
    let (torrent, address) = (TraceSubject::Torrent, TraceSubject::Address);
    server.client.start_trace(torrent, hash, &keep).await.unwrap();
    server.client.start_trace(address, "::ffff:127.0.0.1", &keep).await.unwrap();
    for _ in 0..3 {
        server.announce(1, 1, 0);
    }
    let all = TraceQuery::default();
    let page = server.client.trace(torrent, hash, &all).await.unwrap();
    assert_eq!((page.items.len(), page.lost), (1, 2));
    assert_eq!(page.items[0].verdict, "torrent_unknown");
    let page = server.client.trace(address, "127.0.0.1", &all).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].number), (1, 3));
    server.stop().await;
}
