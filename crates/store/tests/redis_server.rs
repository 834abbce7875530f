//! Opening a Redis store: access, keys of others, what the server may lose, bad records.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which may fail")]

#[path = "support/redis.rs"]
mod support;

use mika_core::registry::{TorrentStatus, TorrentTerms, UserTerms};
use mika_store::contract::records;
use mika_store::record::RoleRecord;
use mika_store::redis::RedisOptions;
use mika_store::{Catalog, RedisStore, Store, StoreError};
use mika_test_servers::{Server, need, shared};
use support::{Redis, options};

async fn broken(options: &RedisOptions) -> String {
    match RedisStore::open(options).await {
        Err(StoreError::Broken(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_url_is_told_without_the_url() {
    for url in ["", "secret", "http://:secret@127.0.0.1/", "redis://:secret@host:port/"] {
        let options = RedisOptions { url: url.into(), prefix: "mika:".into() };
        let text = broken(&options).await;
        assert!(text.contains("no address of a Redis server"), "{text}");
        assert!(!text.contains("secret") && !format!("{options:?}").contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_broken_and_not_told() {
    let Some(redis) = Redis::new() else { return };
    let address = redis.0.endpoint().address();
    for url in [format!("redis://{address}/1"), format!("redis://:mistake@{address}/1")] {
        let text = broken(&RedisOptions { url, prefix: "mika:".into() }).await;
        assert!(text.contains(&address.to_string()), "{text}");
        assert!(!text.contains("mistake"), "{text}");
    }
}

#[tokio::test]
async fn a_password_that_is_missing_is_told_where_to_put_it() {
    let Some(redis) = Redis::new() else { return };
    let address = redis.0.endpoint().address();
    for database in ["", "/0", "/1"] {
        let url = format!("redis://{address}{database}");
        let options = RedisOptions { url, prefix: "mika:".into() };
        let examined = RedisStore::examine(&options).await.unwrap_err().to_string();
        for text in [broken(&options).await, examined] {
            assert!(text.contains("; put its password into store.url, as in redis://"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let mut server = need!(Server::start(&options()));
    let redis = Redis::on(&server);
    let store = redis.open().await;
    server.stop();
    for result in
        [RedisStore::open(&redis.options()).await.map(drop), store.checkpoint().await.map(drop)]
    {
        let error = result.unwrap_err();
        let address = redis.0.endpoint().address().to_string();
        assert!(
            matches!(&error, StoreError::Unavailable(text) if text.contains(&address)),
            "{error}"
        );
        assert!(!error.to_string().contains(redis.0.endpoint().password()), "{error}");
    }
    server.restart();
    redis.open().await.close().await;
    assert_eq!(store.checkpoint().await.unwrap(), 0);
}

#[tokio::test]
async fn two_prefixes_are_two_stores() {
    let Some(redis) = Redis::new() else { return };
    let other = RedisOptions { prefix: "other:".into(), ..redis.options() };
    let (first, second) = (redis.open().await, RedisStore::open(&other).await.unwrap());
    redis.seed(2, 2).await;
    first.apply(&mika_store::contract::model::batch(1, 2, 1)).await.unwrap();
    assert_eq!(second.checkpoint().await.unwrap(), 0);
    assert_eq!(records::load(&second).await.users, []);
    assert_eq!(records::load(&first).await.users.len(), 2);
}

#[tokio::test]
async fn keys_of_another_program_are_left_alone() {
    let Some(redis) = Redis::new() else { return };
    redis.command("SADD mika:users bob").await;
    let text = broken(&redis.options()).await;
    assert!(text.contains("another program's"), "{text}");
    let spaced = RedisOptions { prefix: "two words".into(), ..redis.options() };
    assert!(broken(&spaced).await.contains("printable ASCII"));
}

#[tokio::test]
async fn keys_of_a_newer_version_are_left_alone() {
    let Some(redis) = Redis::new() else { return };
    redis.open().await.close().await;
    redis.command("SET mika:version 7").await;
    let text = broken(&redis.options()).await;
    assert!(text.contains("layout 7, this one knows 1"), "{text}");
}

#[tokio::test]
async fn what_a_server_may_lose_is_told() {
    let durable = options().durable();
    for (options, words) in [
        (options(), Some("appendonly is off")),
        (durable.clone(), None),
        (durable.clone().set("appendfsync", "everysec"), Some("appendfsync is everysec")),
        (
            durable.set("maxmemory", "100mb").set("maxmemory-policy", "allkeys-lru"),
            Some("maxmemory-policy is allkeys-lru"),
        ),
    ] {
        let redis = Redis(need!(shared(&options)).create_database());
        let found = RedisStore::examine(&redis.options()).await.unwrap();
        let Some(words) = words else {
            assert_eq!(found.weaknesses, [] as [String; 0]);
            assert_eq!(found.strengths, ["appendonly is on and appendfsync is always"]);
            continue;
        };
        // A server with WAITAOF loses nothing with everysec.
        let waits = found.strengths.iter().any(|text| text.contains("WAITAOF"));
        assert!(waits || found.weaknesses[0].contains(words), "{found:?}");
    }
}

#[tokio::test]
async fn a_bad_record_is_skipped_and_named_and_its_passkey_is_not() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(5, 3).await;
    for command in [
        "HSET mika:user:2 passkey se/cret",
        "HSET mika:user:3 uploaded -1",
        "DEL mika:user:4",
        "HSET mika:torrent:1 info_hash abcd",
        "HSET mika:torrent:2 upload_percent 65536",
        "HSET mika:torrent:3 title \u{fffd}",
        "HSET mika:events e {}",
        "HSET mika:roles 9 {\"id\":8}",
    ] {
        redis.command(command).await;
    }
    let loaded = records::load(&store).await;
    assert_eq!(loaded.users.iter().map(|user| user.id).collect::<Vec<_>>(), [1, 5]);
    assert_eq!(loaded.torrents.iter().map(|torrent| torrent.id).collect::<Vec<_>>(), [3]);
    let bad: Vec<_> =
        loaded.bad_rows.iter().map(|(table, reason)| (*table, reason.as_str())).collect();
    assert_eq!(bad[0].0, "roles");
    assert_eq!(
        bad[1..6],
        [
            ("users", "user 2: a passkey has 1 to 64 characters: letters, digits, `_` and `-`"),
            ("users", "user 3: uploaded: -1 is out of range"),
            ("users", "4 is listed, but there is no record"),
            ("torrents", "torrent 1: info_hash: \"abcd\" is no info hash of 40 hexadecimal digits"),
            ("torrents", "torrent 2: upload_percent: \"65536\" is out of range or no whole number"),
        ]
    );
    assert!(bad[6].0 == "events" && bad[6].1.starts_with("\"e\": missing field"), "{bad:?}");
}

#[tokio::test]
async fn what_is_different_for_a_user_or_torrent_is_loaded_and_nothing_is_by_default() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    redis.seed(3, 2).await;
    for command in [
        "HSET mika:user:1 upload_percent 200 download_percent 0 immune 0 address_hidden 1",
        "HSET mika:user:1 wait_seconds 3600 peers_max 2",
        "HSET mika:user:2 immune 2",
        "HSET mika:torrent:1 status 0 featured 1 created_at_seconds 1700000000",
    ] {
        redis.command(command).await;
    }
    let loaded = records::load(&store).await;
    let terms = UserTerms {
        upload_percent: Some(200),
        download_percent: Some(0),
        immune: Some(false),
        address_hidden: true,
        wait_seconds: 3600,
        peers_max: Some(2),
        pass_version: 0,
    };
    let users: Vec<_> = loaded.users.iter().map(|user| (user.id, user.terms)).collect();
    assert_eq!(users, [(1, terms), (3, UserTerms::default())]);
    assert_eq!(loaded.bad_rows, [("users", "user 2: immune: \"2\" is neither 0 nor 1".into())]);
    let terms = TorrentTerms {
        status: TorrentStatus::Pending,
        featured: true,
        created_at_seconds: 1_700_000_000,
    };
    let torrents: Vec<_> = loaded.torrents.iter().map(|torrent| torrent.terms).collect();
    assert_eq!(torrents, [terms, TorrentTerms::default()]);
}

#[tokio::test]
async fn a_role_of_an_older_version_may_announce_and_is_not_immune() {
    let Some(redis) = Redis::new() else { return };
    let store = redis.open().await;
    let role = concat!(
        r#"{"id":1,"name":"user","priority":0,"upload_percent":100,"download_percent":100,"#,
        r#""upload_enabled":true,"download_enabled":true,"download_slots":null}"#
    );
    redis.command(&format!("HSET mika:roles 1 {role}")).await;
    let vip = RoleRecord { id: 2, name: "vip".into(), immune: true, ..RoleRecord::only() };
    let banned = RoleRecord { id: 3, name: "banned".into(), enabled: false, ..RoleRecord::only() };
    for role in [&vip, &banned] {
        store.put_role(role).await.unwrap();
    }
    let loaded = records::load(&store).await;
    assert_eq!(loaded.bad_rows, []);
    assert_eq!(loaded.roles, [RoleRecord::only(), vip, banned]);
}
