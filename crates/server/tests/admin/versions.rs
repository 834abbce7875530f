//! Changes that are made only to what their author has seen, and pages of API tokens.

use mika_client::types::{
    EventChange, NewApiToken, NewEvent, NewTorrent, NewUser, PageQuery, Scope,
};

use super::support::{HASH, Response, Server, problem, refused};

const FAR_SECONDS: u32 = 4_000_000_000;

fn tag(response: &Response) -> String {
    let tag = response.head.lines().find_map(|line| line.strip_prefix("etag: "));
    tag.unwrap_or_else(|| panic!("no ETag: {}", response.head)).to_owned()
}

/// Sends a request that counts only for one version.
fn send(server: &Server, method: &str, path: &str, tag: &str, body: &str) -> Response {
    let headers = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\nIf-Match: {tag}\r\n",
        super::support::TOKEN
    );
    server.request_with(method, path, &headers, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_token_is_replaced_and_taken_away_only_as_its_author_has_seen_it() {
    let server = Server::start().await;
    server.client.add_user(&NewUser::named("alice")).await.unwrap();
    server.client.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    let path = format!("/api/v1/tokens/alice/{HASH}");
    let missing = server.client.token("alice", HASH).await;
    assert_eq!(refused(missing), problem(404, "token_not_found"));
    // There is none yet, so that no version of it can be right, but `*` is.
    assert_eq!(send(&server, "PUT", &path, "\"1\"", "{}").status, 412);
    let first = send(&server, "PUT", &path, "*", "{}");
    assert_eq!((first.status, first.body.contains("\"download_percent\":0")), (200, true));
    let seen = server.request("GET", &path, "");
    assert_eq!((seen.status, tag(&seen)), (200, tag(&first)));

    let half = r#"{"download_percent":50}"#;
    let second = send(&server, "PUT", &path, &tag(&first), half);
    assert_eq!(second.status, 200);
    assert_ne!(tag(&second), tag(&first));
    let late = send(&server, "PUT", &path, &tag(&first), "{}");
    assert_eq!(late.code(), problem(412, "changed_meanwhile"));
    assert_eq!(send(&server, "DELETE", &path, &tag(&first), "").status, 412);
    assert_eq!(server.client.token("alice", HASH).await.unwrap().download_percent, 50);
    assert_eq!(send(&server, "DELETE", &path, &tag(&second), "").status, 204);
    assert_eq!(send(&server, "DELETE", &path, &tag(&second), "").status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_event_is_changed_and_deleted_only_as_its_author_has_seen_it() {
    let server = Server::start().await;
    let new = format!(r#"{{"name":"summer","ends_at":{FAR_SECONDS}}}"#);
    let added = server.request("POST", "/api/v1/events", &new);
    assert_eq!(added.status, 201);
    let path = "/api/v1/events/summer";
    assert_eq!(tag(&server.request("GET", path, "")), tag(&added));
    let double = r#"{"upload_percent":200}"#;
    let changed = send(&server, "PATCH", path, &tag(&added), double);
    assert_eq!(changed.status, 200, "{}", changed.body);
    let event = server.client.event("summer").await.unwrap();
    assert_eq!((event.upload_percent, event.download_percent), (200, 0));
    assert_eq!(event.ends_at, FAR_SECONDS);
    let late = send(&server, "PATCH", path, &tag(&added), r#"{"upload_percent":300}"#);
    assert_eq!(late.code(), problem(412, "changed_meanwhile"));
    assert_eq!(send(&server, "DELETE", path, &tag(&added), "").status, 412);
    assert_eq!(send(&server, "DELETE", path, &tag(&changed), "").status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_changed_event_stays_one_that_can_be() {
    let server = Server::start().await;
    let client = &server.client;
    let new = NewEvent {
        name: "summer".to_owned(),
        upload_percent: None,
        download_percent: None,
        starts_at: Some(2_000_000_000),
        ends_at: FAR_SECONDS,
    };
    let event = client.add_event(&new).await.unwrap();
    let longer = EventChange { ends_at: Some(FAR_SECONDS + 5), ..EventChange::default() };
    assert_eq!(client.update_event("summer", &longer).await.unwrap().ends_at, FAR_SECONDS + 5);
    let back = EventChange { ends_at: Some(FAR_SECONDS), ..EventChange::default() };
    assert_eq!(client.update_event("summer", &back).await.unwrap(), event);
    for wrong in [
        EventChange { ends_at: Some(2_000_000_000), ..EventChange::default() },
        EventChange { starts_at: Some(1), ends_at: Some(2), ..EventChange::default() },
        EventChange { starts_at: Some(FAR_SECONDS), ..EventChange::default() },
        EventChange { upload_percent: Some(10_001), ..EventChange::default() },
    ] {
        let refused = refused(client.update_event("summer", &wrong).await);
        assert_eq!(refused, problem(422, "invalid_value"), "{wrong:?}");
    }
    assert_eq!(client.event("summer").await.unwrap(), event);
    let missing = client.update_event("winter", &EventChange::default()).await;
    assert_eq!(refused(missing), problem(404, "event_not_found"));
    let renamed = server.request("PATCH", "/api/v1/events/summer", r#"{"name":"autumn"}"#);
    assert_eq!(renamed.status, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn api_tokens_are_listed_in_parts() {
    let server = Server::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        let new =
            NewApiToken { name: name.to_owned(), scopes: vec![Scope::Read], expires_at: None };
        server.client.create_api_token(&new).await.unwrap();
    }
    server.client.revoke_api_token(2).await.unwrap();
    let mut page = PageQuery { after_id: 0, limit: Some(2) };
    let mut parts = Vec::new();
    loop {
        let part = server.client.api_tokens_page(page).await.unwrap();
        parts.push(part.items.iter().map(|token| token.id).collect::<Vec<_>>());
        match part.next_after_id {
            Some(after_id) => page.after_id = after_id,
            None => break,
        }
    }
    assert_eq!(parts, [vec![1, 3], vec![4, 5]]);
    assert_eq!(server.client.api_tokens().await.unwrap().len(), 4);
    for limit in [0, 1001] {
        let page = PageQuery { after_id: 0, limit: Some(limit) };
        let refused = refused(server.client.api_tokens_page(page).await);
        assert_eq!(refused, problem(422, "invalid_value"));
    }
}
