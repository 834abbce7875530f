use mika_client::types::{NewRole, NewUser, PageQuery, UserChange};

use super::support::{HASH, Server, problem, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_new_user_gets_a_random_passkey_and_an_announce_url() {
    let server = Server::start().await;
    let user = server.client.add_user(&NewUser::named("alice")).await.unwrap();
    assert_eq!((user.id, user.name.as_str(), user.role.as_str()), (1, "alice", "user"));
    assert_eq!(user.passkey.len(), 32);
    assert!(user.passkey.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    let url = format!("http://t.example:34000/{}/announce", user.passkey);
    assert_eq!(user.announce_url, url);
    assert_eq!((user.announced_at, user.ratio, user.site_id), (None, None, None));
    assert!(user.download_enabled && !user.deleted && user.created_at > 1_700_000_000);
    let other = server.client.add_user(&NewUser::named("bob")).await.unwrap();
    assert_ne!(other.passkey, user.passkey);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_json_of_a_user_has_exactly_the_documented_fields() {
    let server = Server::start().await;
    let response = server.request("POST", "/api/v1/users", r#"{"name":"alice"}"#);
    assert_eq!(response.status, 201);
    let json: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    let mut names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = [
        "id",
        "site_id",
        "name",
        "passkey",
        "role",
        "download_enabled",
        "deleted",
        "upload_percent",
        "download_percent",
        "immune",
        "address_hidden",
        "wait_seconds",
        "peers_max",
        "uploaded",
        "downloaded",
        "uploaded_raw",
        "downloaded_raw",
        "seed_seconds",
        "snatches",
        "ratio",
        "announced_at",
        "created_at",
        "announce_url",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_user_is_found_by_id_name_and_passkey_in_this_order() {
    let server = Server::start().await;
    let client = &server.client;
    let add = async |name: &str, passkey: &str| {
        let new = NewUser { passkey: Some(passkey.to_owned()), ..NewUser::named(name) };
        client.add_user(&new).await.unwrap().id
    };
    assert_eq!(add("alice", "first_key").await, 1);
    assert_eq!(add("1", "second_key").await, 2);
    assert_eq!(add("77", "third_key").await, 3);
    assert_eq!(add("first_key", "alice").await, 4);
    assert_eq!(add("a b/c?d#e%20é", "fifth_key").await, 5);
    let id = async |key: &str| client.user(key).await.map(|user| user.id).unwrap_or(0);
    assert_eq!(id("1").await, 1);
    assert_eq!(id("name:1").await, 2);
    assert_eq!(id("77").await, 3);
    assert_eq!(id("id:77").await, 0);
    assert_eq!(id("alice").await, 1);
    assert_eq!(id("passkey:alice").await, 4);
    assert_eq!(id("second_key").await, 2);
    assert_eq!(id("first_key").await, 4);
    assert_eq!(id("passkey:first_key").await, 1);
    assert_eq!(id("a b/c?d#e%20é").await, 5);
    assert_eq!(refused(client.user("nobody").await), problem(404, "user_not_found"));
    assert_eq!(refused(client.user("..").await), problem(404, "user_not_found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unknown_passkey_is_not_repeated() {
    let server = Server::start().await;
    let error = server.client.user("0123456789abcdef0123456789abcdef").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("0123456789abcdef"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn names_and_passkeys_are_unique() {
    let server = Server::start().await;
    let client = &server.client;
    let new = NewUser { passkey: Some("key".to_owned()), ..NewUser::named("alice") };
    client.add_user(&new).await.unwrap();
    assert_eq!(refused(client.add_user(&new).await), problem(409, "name_taken"));
    let same_key = NewUser { name: "bob".to_owned(), ..new };
    assert_eq!(refused(client.add_user(&same_key).await), problem(409, "passkey_taken"));
    client.add_user(&NewUser::named("bob")).await.unwrap();
    let rename = UserChange { name: Some("alice".to_owned()), ..UserChange::default() };
    assert_eq!(refused(client.update_user("bob", &rename).await), problem(409, "name_taken"));
    let rekey = UserChange { passkey: Some("key".to_owned()), ..UserChange::default() };
    assert_eq!(refused(client.update_user("bob", &rekey).await), problem(409, "passkey_taken"));
    assert_eq!(client.update_user("alice", &rename).await.unwrap().name, "alice");
    assert_eq!(client.update_user("alice", &rekey).await.unwrap().passkey, "key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn values_that_no_user_can_have_are_refused() {
    let server = Server::start().await;
    let long = "x".repeat(65);
    for name in ["", " a", "a ", "a\nb", "a\u{0}", "..", ".", "\u{9f}x", long.as_str()] {
        let result = server.client.add_user(&NewUser::named(name)).await;
        assert_eq!(refused(result), problem(422, "invalid_value"), "{name:?}");
    }
    for passkey in ["", "a b", "é", "a/b", long.as_str()] {
        let new = NewUser { passkey: Some(passkey.to_owned()), ..NewUser::named("a") };
        assert_eq!(refused(server.client.add_user(&new).await), problem(422, "invalid_value"));
    }
    let new = NewUser { role: Some("king".to_owned()), ..NewUser::named("a") };
    assert_eq!(refused(server.client.add_user(&new).await), problem(422, "invalid_value"));
    assert!(server.client.users(PageQuery::default()).await.unwrap().items.is_empty());
    assert_eq!(server.tracker.stats().users, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_change_touches_only_what_it_names() {
    let server = Server::start().await;
    let client = &server.client;
    let new = NewUser { site_id: Some(-5), ..NewUser::named("alice") };
    let before = client.add_user(&new).await.unwrap();
    client.add_role(&NewRole { name: "vip".to_owned(), ..NewRole::default() }).await.unwrap();
    let change = UserChange {
        role: Some("vip".to_owned()),
        uploaded: Some(3_000),
        downloaded: Some(2_000),
        ..UserChange::default()
    };
    let after = client.update_user("alice", &change).await.unwrap();
    assert_eq!((after.role.as_str(), after.ratio), ("vip", Some(1.5)));
    assert_eq!((after.uploaded_raw, after.site_id), (0, Some(-5)));
    assert_eq!(after.passkey, before.passkey);
    let nothing = UserChange::default();
    assert_eq!(client.update_user("alice", &nothing).await.unwrap(), after);
    let clear = server.request("PATCH", "/api/v1/users/alice", r#"{"site_id":null}"#);
    assert_eq!(clear.status, 200);
    assert_eq!(client.user("alice").await.unwrap().site_id, None);
    let most = UserChange { uploaded: Some(i64::MAX as u64), ..UserChange::default() };
    assert_eq!(client.update_user("1", &most).await.unwrap().uploaded, i64::MAX as u64);
    let more = UserChange { uploaded: Some(1 << 63), ..UserChange::default() };
    let result = client.update_user("1", &more).await;
    assert_eq!(refused(result), problem(422, "invalid_value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_new_passkey_replaces_the_old_one() {
    let server = Server::start().await;
    let before = server.client.add_user(&NewUser::named("alice")).await.unwrap();
    let change = UserChange { new_passkey: true, ..UserChange::default() };
    let after = server.client.update_user("alice", &change).await.unwrap();
    assert_ne!(after.passkey, before.passkey);
    assert_eq!(after.passkey.len(), 32);
    let refusal = server.announce(&before.passkey, HASH).unwrap_err();
    assert_eq!(refusal, mika_core::Refusal::PasskeyUnknown);
    let both = UserChange { passkey: Some("k".to_owned()), ..change };
    let result = server.client.update_user("alice", &both).await;
    assert_eq!(refused(result), problem(422, "invalid_value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lists_come_in_parts() {
    let server = Server::start().await;
    for number in 1..=5 {
        server.client.add_user(&NewUser::named(format!("user{number}"))).await.unwrap();
    }
    let page = async |after_id, limit| {
        let page = server.client.users(PageQuery { after_id, limit: Some(limit) }).await.unwrap();
        (page.items.iter().map(|user| user.id).collect::<Vec<_>>(), page.next_after_id)
    };
    assert_eq!(page(0, 2).await, (vec![1, 2], Some(2)));
    assert_eq!(page(2, 2).await, (vec![3, 4], Some(4)));
    assert_eq!(page(4, 2).await, (vec![5], None));
    assert_eq!(page(5, 2).await, (vec![], None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn of_simultaneous_additions_of_a_name_one_succeeds() {
    let server = Server::start().await;
    let attempts = (0..20).map(|_| {
        let client = server.client.clone();
        tokio::spawn(async move { client.add_user(&NewUser::named("alice")).await })
    });
    let attempts: Vec<_> = attempts.collect();
    let mut added = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => added += 1,
            refusal => assert_eq!(refused(refusal), problem(409, "name_taken")),
        }
    }
    assert_eq!(added, 1);
    assert_eq!(server.tracker.stats().users, 1);
}
