//! What `mika top` asks: counters by kind, and which swarms come first.

use std::time::{SystemTime, UNIX_EPOCH};

use mika_client::types::{NewTorrent, NewUser, SwarmRank, SwarmRankQuery, SwarmRanking};
use mika_core::{Mode, Settings};
use mika_protocol::InfoHash;

use super::support::{NOW_SECONDS, Server, problem, refused};

const A: InfoHash = InfoHash([0xaa; 20]);
const B: InfoHash = InfoHash([0xbb; 20]);
const C: InfoHash = InfoHash([0xcc; 20]);

/// A has two leechers; B three seeders; C a seeder and a leecher. D has nobody.
async fn with_swarms() -> Server {
    let server = Server::start().await;
    let mut keys = Vec::new();
    for name in ["alice", "bob", "carol"] {
        keys.push(server.client.add_user(&NewUser::named(name)).await.unwrap().passkey);
    }
    for info_hash in [A, B, C, InfoHash([0xdd; 20])] {
        server.client.add_torrent(&NewTorrent::new(info_hash)).await.unwrap();
    }
    let announces = [(0, A, 1), (1, A, 1), (0, B, 0), (1, B, 0), (2, B, 0), (0, C, 0), (1, C, 1)];
    for (user, info_hash, left) in announces {
        let peer_id = *b"-TR4060-0123456789ab";
        server.announce_as(&keys[user], info_hash, peer_id, left).unwrap();
    }
    server
}

async fn ranked(server: &Server, by: SwarmRank, ascending: bool) -> Vec<InfoHash> {
    let query = SwarmRankQuery { by, ascending, limit: None };
    hashes(&server.client.swarm_ranking(&query).await.unwrap())
}

fn hashes(ranking: &SwarmRanking) -> Vec<InfoHash> {
    ranking.items.iter().map(|item| item.swarm.info_hash).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn swarms_are_ranked_by_what_is_asked_and_those_without_peers_left_out() {
    let server = with_swarms().await;
    assert_eq!(ranked(&server, SwarmRank::Peers, false).await, [B, A, C]);
    assert_eq!(ranked(&server, SwarmRank::Peers, true).await, [A, C, B]);
    assert_eq!(ranked(&server, SwarmRank::Seeders, false).await, [B, C, A]);
    assert_eq!(ranked(&server, SwarmRank::Leechers, false).await, [A, C, B]);
    assert_eq!(ranked(&server, SwarmRank::Leechers, true).await, [B, C, A]);
    let query = SwarmRankQuery { limit: Some(1), ..SwarmRankQuery::default() };
    let first = server.client.swarm_ranking(&query).await.unwrap();
    assert_eq!(hashes(&first), [B]);
    let swarm = &first.items[0].swarm;
    assert_eq!((swarm.seeders, swarm.leechers, swarm.torrent_id), (3, 0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_happened_is_known_from_the_batches_since_somebody_asked() {
    let server = with_swarms().await;
    let by = SwarmRank::Announces;
    let query = SwarmRankQuery { by, ..SwarmRankQuery::default() };
    let first = server.client.swarm_ranking(&query).await.unwrap();
    assert_eq!(first.activity_seconds, 0);
    assert!(first.items.iter().all(|item| item.activity.announces == 0));
    let drained = server.tracker.drain(NOW_SECONDS, 0, usize::MAX);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    server.flush.activity.note(&drained.batch, now);
    let later = server.client.swarm_ranking(&query).await.unwrap();
    assert_eq!(hashes(&later), [B, A, C]);
    let announces: Vec<_> = later.items.iter().map(|item| item.activity.announces).collect();
    assert_eq!(announces, [3, 2, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_ranking_has_a_limit_and_known_keys() {
    let server = Server::start_in(Mode::Public, Settings::default()).await;
    for limit in [0, 1001] {
        let query = SwarmRankQuery { limit: Some(limit), ..SwarmRankQuery::default() };
        let refused = refused(server.client.swarm_ranking(&query).await);
        assert_eq!(refused, problem(422, "invalid_value"));
    }
    let path = "/api/v1/swarms/ranking?by=size";
    assert_eq!(server.request("GET", path, "").status, 400);
    // Somebody has watched for long, but a public tracker does not know who announces.
    server.flush.activity.watch(1);
    let ranking = server.client.swarm_ranking(&SwarmRankQuery::default()).await.unwrap();
    assert_eq!(ranking, SwarmRanking::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn statistics_tell_requests_apart_by_protocol_event_and_reason() {
    let server = Server::start().await;
    let stats = server.client.stats().await.unwrap();
    let names: Vec<_> = stats.requests.protocols.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["http", "https", "udp"]);
    let events: Vec<_> =
        stats.requests.events.iter().map(|it| (it.name.as_str(), it.count)).collect();
    assert_eq!(events, [("none", 0), ("started", 0), ("stopped", 0), ("completed", 0)]);
    // Nothing was refused, so no reason is listed.
    assert_eq!((stats.requests.refused.len(), stats.requests.malformed.len()), (0, 0));
    assert!(stats.cpu_milliseconds > 0);
    assert!(stats.flush.store_available && stats.flush.journal_writable);
}
