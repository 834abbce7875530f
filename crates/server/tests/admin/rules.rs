use mika_client::types::{
    ClientRuleChange, NewClientRule, NewEvent, NewRole, NewToken, NewTorrent, NewUser, RoleChange,
};

use super::support::{HASH, HASH_V2, Server, problem, refused};

const FAR_SECONDS: u32 = 4_000_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_role_is_added_changed_and_deleted_by_name() {
    let server = Server::start().await;
    let client = &server.client;
    let new = NewRole { name: "vip".to_owned(), download_percent: Some(50), ..NewRole::default() };
    let added = client.add_role(&new).await.unwrap();
    assert_eq!((added.id, added.upload_percent, added.download_percent), (2, 100, 50));
    assert_eq!(added.download_slots, None);
    assert_eq!(refused(client.add_role(&new).await), problem(409, "name_taken"));
    let change = RoleChange {
        name: Some("VIP 2".to_owned()),
        download_slots: Some(Some(3)),
        ..RoleChange::default()
    };
    let changed = client.update_role("vip", &change).await.unwrap();
    assert_eq!((changed.id, changed.download_percent, changed.download_slots), (2, 50, Some(3)));
    assert_eq!(refused(client.role("vip").await), problem(404, "role_not_found"));
    let unlimited = RoleChange { download_slots: Some(None), ..RoleChange::default() };
    assert_eq!(client.update_role("VIP 2", &unlimited).await.unwrap().download_slots, None);
    client.delete_role("VIP 2").await.unwrap();
    assert_eq!(client.roles().await.unwrap().len(), 1);
    assert_eq!(refused(client.delete_role("VIP 2").await), problem(404, "role_not_found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_role_that_a_user_has_is_not_deleted() {
    let server = Server::start().await;
    server.client.add_user(&NewUser::named("alice")).await.unwrap();
    assert_eq!(refused(server.client.delete_role("user").await), problem(409, "role_in_use"));
    assert_eq!(server.client.roles().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn roles_with_impossible_values_are_refused() {
    let server = Server::start().await;
    let invalid = problem(422, "invalid_value");
    for name in ["", "..", "a\nb"] {
        let new = NewRole { name: name.to_owned(), ..NewRole::default() };
        assert_eq!(refused(server.client.add_role(&new).await), invalid, "{name:?}");
    }
    let change = RoleChange { upload_percent: Some(u16::MAX), ..RoleChange::default() };
    assert_eq!(refused(server.client.update_role("user", &change).await), invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_rule_is_added_changed_and_deleted_by_prefix() {
    let server = Server::start().await;
    let client = &server.client;
    let new = |prefix: &str| NewClientRule {
        prefix: prefix.to_owned(),
        allowed: None,
        name: "a note".to_owned(),
    };
    assert!(client.add_client_rule(&new("-TR3")).await.unwrap().allowed);
    assert_eq!(refused(client.add_client_rule(&new("-TR3")).await), problem(409, "prefix_taken"));
    let deny = ClientRuleChange { allowed: Some(false), name: None };
    let changed = client.update_client_rule("-TR3", &deny).await.unwrap();
    assert_eq!((changed.allowed, changed.name.as_str()), (false, "a note"));
    client.add_client_rule(&new("a/?#% ")).await.unwrap();
    assert_eq!(client.client_rule("a/?#% ").await.unwrap().prefix, "a/?#% ");
    assert_eq!(client.client_rules().await.unwrap().len(), 2);
    client.delete_client_rule("a/?#% ").await.unwrap();
    let missing = problem(404, "client_rule_not_found");
    assert_eq!(refused(client.delete_client_rule("a/?#% ").await), missing);
    assert_eq!(refused(client.update_client_rule("-XX", &deny).await), missing);
    let long = "x".repeat(21);
    for prefix in ["", "é", "a\n", ".", long.as_str()] {
        let result = client.add_client_rule(&new(prefix)).await;
        assert_eq!(refused(result), problem(422, "invalid_value"), "{prefix:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_token_is_given_replaced_listed_and_taken_away() {
    let server = Server::start().await;
    let client = &server.client;
    client.add_user(&NewUser::named("alice")).await.unwrap();
    client.add_user(&NewUser::named("bob")).await.unwrap();
    client.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    let token = client.put_token("alice", HASH, &NewToken::default()).await.unwrap();
    assert_eq!((token.upload_percent, token.download_percent, token.ends_at), (100, 0, None));
    assert_eq!((token.user.as_str(), token.info_hash), ("alice", HASH));
    let new =
        NewToken { download_percent: Some(50), ends_at: Some(FAR_SECONDS), ..NewToken::default() };
    client.put_token("1", HASH, &new).await.unwrap();
    client.put_token("bob", HASH, &new).await.unwrap();
    let tokens = client.tokens(Some("alice")).await.unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!((tokens[0].download_percent, tokens[0].ends_at), (50, Some(FAR_SECONDS)));
    assert_eq!(client.tokens(None).await.unwrap().len(), 2);
    client.delete_token("alice", HASH).await.unwrap();
    let missing = problem(404, "token_not_found");
    assert_eq!(refused(client.delete_token("alice", HASH).await), missing);
    assert_eq!(refused(client.tokens(Some("eve")).await), problem(404, "user_not_found"));
    let elsewhere = client.put_token("alice", HASH_V2, &new).await;
    assert_eq!(refused(elsewhere), problem(404, "torrent_not_found"));
    let past = NewToken { ends_at: Some(1), ..new };
    let past = client.put_token("alice", HASH, &past).await;
    assert_eq!(refused(past), problem(422, "invalid_value"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_event_is_a_freeleech_from_now_on_unless_said_otherwise() {
    let server = Server::start().await;
    let client = &server.client;
    let new = NewEvent {
        name: "summer".to_owned(),
        upload_percent: None,
        download_percent: None,
        starts_at: None,
        ends_at: FAR_SECONDS,
    };
    let event = client.add_event(&new).await.unwrap();
    assert_eq!((event.upload_percent, event.download_percent), (100, 0));
    assert!(event.starts_at > 1_700_000_000);
    assert_eq!(refused(client.add_event(&new).await), problem(409, "name_taken"));
    assert_eq!(client.events().await.unwrap(), [event]);
    for (starts_at, ends_at) in [(None, 1), (Some(FAR_SECONDS), FAR_SECONDS), (Some(1), 2)] {
        let wrong = NewEvent { name: "x".to_owned(), starts_at, ends_at, ..new.clone() };
        assert_eq!(refused(client.add_event(&wrong).await), problem(422, "invalid_value"));
    }
    client.delete_event("summer").await.unwrap();
    assert_eq!(refused(client.delete_event("summer").await), problem(404, "event_not_found"));
}
