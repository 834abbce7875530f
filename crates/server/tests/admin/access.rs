//! API tokens, scopes, failures and the audit log.

use mika_client::Client;
use mika_client::types::{AuditQuery, NewApiToken, NewTorrent, NewUser, Scope};
use mika_server::admin::{Access, AccessSettings};

use super::support::{HASH, Server, TOKEN, problem, refused};

async fn token(server: &Server, name: &str, scopes: &[Scope]) -> String {
    let new = NewApiToken { name: name.to_owned(), scopes: scopes.to_vec(), expires_at: None };
    server.client.create_api_token(&new).await.unwrap().token
}

fn now_seconds() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u32::try_from(since.as_secs()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_token_opens_what_its_scopes_name_and_nothing_else() {
    let server = Server::start().await;
    server.client.add_user(&NewUser::named("alice")).await.unwrap();
    let missing = problem(403, "scope_missing");

    let reader = server.client_with(&token(&server, "reader", &[Scope::Read]).await);
    reader.stats().await.unwrap();
    reader.users(Default::default()).await.unwrap();
    assert_eq!(refused(reader.add_user(&NewUser::named("bob")).await), missing);
    assert_eq!(refused(reader.add_torrent(&NewTorrent::new(HASH)).await), missing);
    assert_eq!(refused(reader.delete_role("user").await), missing);
    assert_eq!(refused(reader.flush().await), missing);
    assert_eq!(refused(reader.api_tokens().await), missing);
    assert_eq!(refused(reader.audit(&AuditQuery::default()).await), missing);

    let uploader = [Scope::TorrentsWrite];
    let uploader = server.client_with(&token(&server, "uploader", &uploader).await);
    uploader.add_torrent(&NewTorrent::new(HASH)).await.unwrap();
    assert_eq!(refused(uploader.stats().await), missing);
    assert_eq!(refused(uploader.add_user(&NewUser::named("bob")).await), missing);

    let admin = server.client_with(&token(&server, "boss", &[Scope::Admin]).await);
    admin.add_user(&NewUser::named("bob")).await.unwrap();
    assert_eq!(admin.api_tokens().await.unwrap().len(), 3);
    assert_eq!(server.request("PUT", "/api/v1/users", "").status, 405);
    assert_eq!(server.client.users(Default::default()).await.unwrap().items.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn passkeys_are_shown_to_those_only_who_may_change_users() {
    let server = Server::start().await;
    let alice = server.client.add_user(&NewUser::named("alice")).await.unwrap();
    let reader = server.client_with(&token(&server, "reader", &[Scope::Read]).await);
    let shown = reader.user("alice").await.unwrap();
    assert_eq!((shown.id, shown.passkey.as_str(), shown.announce_url.as_str()), (1, "", ""));
    let listed = reader.users(Default::default()).await.unwrap();
    assert!(listed.items.iter().all(|user| user.passkey.is_empty()));
    let both = [Scope::Read, Scope::UsersWrite];
    let both = server.client_with(&token(&server, "site", &both).await);
    assert_eq!(both.user("alice").await.unwrap(), alice);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_secret_is_shown_once_and_kept_as_a_hash() {
    let server = Server::start().await;
    let expires_at = Some(now_seconds() + 1000);
    let scopes = vec![Scope::Read, Scope::Config, Scope::Read];
    let new = NewApiToken { name: "site".to_owned(), scopes, expires_at };
    let created = server.client.create_api_token(&new).await.unwrap();
    assert!(created.token.starts_with("mika_1_") && created.token.len() == 7 + 64);
    assert!(!format!("{created:?}").contains(&created.token));
    let api_token = created.api_token;
    assert_eq!((api_token.id, api_token.created_by.as_str()), (1, "admin"));
    assert_eq!(api_token.scopes, [Scope::Read, Scope::Config]);
    assert_eq!((api_token.expires_at, api_token.last_used_at), (expires_at, None));
    let secret = created.token.rsplit('_').next().unwrap();
    for file in ["api-tokens.json", "audit.jsonl"] {
        let text = std::fs::read_to_string(server.folder().join(file)).unwrap();
        assert!(text.contains("site") && !text.contains(secret), "{file}");
    }
    server.client_with(&created.token).stats().await.unwrap();
    let used = server.client.api_token(1).await.unwrap();
    assert!(used.last_used_at.is_some_and(|at| at >= api_token.created_at));
    assert_eq!(used.last_used_from.as_deref(), Some("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_revoked_token_is_refused_at_once_and_its_number_is_not_used_again() {
    let server = Server::start().await;
    let secret = token(&server, "site", &[Scope::Read]).await;
    let client = server.client_with(&secret);
    client.stats().await.unwrap();
    server.client.revoke_api_token(1).await.unwrap();
    assert_eq!(refused(client.stats().await), problem(401, "unauthorized"));
    let gone = problem(404, "api_token_not_found");
    assert_eq!(refused(server.client.revoke_api_token(1).await), gone);
    assert_eq!(refused(server.client.api_token(1).await), gone);
    assert!(token(&server, "site", &[Scope::Read]).await.starts_with("mika_2_"));
    let text = std::fs::read_to_string(server.folder().join("api-tokens.json")).unwrap();
    assert!(text.contains("\"id\": 2") && !text.contains("\"id\": 1"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tokens_that_cannot_be_are_refused() {
    let server = Server::start().await;
    let add = async |name: &str, scopes: &[Scope], expires_at: Option<u32>| {
        let new = NewApiToken { name: name.to_owned(), scopes: scopes.to_vec(), expires_at };
        refused(server.client.create_api_token(&new).await)
    };
    let invalid = problem(422, "invalid_value");
    let long = "x".repeat(65);
    for name in ["", long.as_str(), "a\nb", "admin", "signal"] {
        assert_eq!(add(name, &[Scope::Read], None).await, invalid, "{name:?}");
    }
    assert_eq!(add("a", &[], None).await, invalid);
    assert_eq!(add("a", &[Scope::Read], Some(now_seconds())).await, invalid);
    token(&server, "a", &[Scope::Read]).await;
    assert_eq!(add("a", &[Scope::Read], None).await, problem(409, "name_taken"));
    let body = r#"{"name":"b","scopes":["write"]}"#;
    let response = server.request("POST", "/api/v1/api-tokens", body);
    assert_eq!(response.code(), problem(422, "invalid_body"));
    let response = server.request("GET", "/api/v1/api-tokens/x", "");
    assert_eq!(response.code(), problem(400, "invalid_path"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tokens_and_their_expiry_outlive_a_restart_and_a_damaged_file_is_told() {
    let server = Server::start().await;
    // Soon, but not before it is made, however busy the machine is.
    let expires_at = Some(now_seconds() + 3);
    let new = NewApiToken { name: "short".to_owned(), scopes: vec![Scope::Read], expires_at };
    let short = server.client.create_api_token(&new).await.unwrap().token;
    let open = || Access::open(server.folder(), 1 << 20, AccessSettings::default());
    assert!(open().is_ok());
    let client = server.client_with(&short);
    loop {
        match client.stats().await {
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            expired => {
                assert_eq!(refused(expired), problem(401, "token_expired"));
                break;
            }
        }
    }
    std::fs::write(server.folder().join("api-tokens.json"), "{").unwrap();
    let error = open().err().unwrap().to_string();
    assert!(error.contains("api-tokens.json is damaged"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_guesses_tokens_has_to_wait_and_who_repeats_one_locks_nobody_out() {
    let server = Server::start().await;
    let stale = server.client_with("a-token-of-yesterday");
    let mut limited = 0;
    for _ in 0..40 {
        let (status, code) = refused(stale.stats().await);
        match status {
            401 => assert_eq!(code, "unauthorized"),
            _ => {
                assert_eq!((status, code.as_str()), (429, "too_many_failures"));
                limited += 1;
            }
        }
    }
    assert!((5..=10).contains(&limited), "{limited}");
    server.client.stats().await.unwrap();
    let mut answers = Vec::new();
    for number in 0..40 {
        let headers = format!("Authorization: Bearer guess-number-{number}\r\n");
        answers.push(server.request_with("GET", "/api/v1/stats", &headers, ""));
    }
    let last = answers.last().unwrap();
    assert_eq!(last.code(), problem(429, "too_many_failures"));
    assert!(last.head.contains("retry-after: "), "{}", last.head);
    assert_eq!(refused(server.client.stats().await), problem(429, "too_many_failures"));
    server.client.health().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_change_is_in_the_audit_log_without_its_secrets() {
    let server = Server::start().await;
    let site = server.client_with(&token(&server, "site", &[Scope::UsersWrite]).await);
    let alice = NewUser { passkey: Some("sesame".to_owned()), ..NewUser::named("alice") };
    site.add_user(&alice).await.unwrap();
    refused(site.add_user(&alice).await);
    refused(site.add_torrent(&NewTorrent::new(HASH)).await);
    site.delete_user("passkey:sesame").await.unwrap();
    server.client.stats().await.unwrap();
    let log = server.client.audit(&AuditQuery::default()).await.unwrap().items;
    let lines: Vec<_> = log
        .iter()
        .map(|it| format!("{} {} {} {:?}", it.actor, it.method, it.path, it.status))
        .collect();
    let expected = [
        "admin POST /api/v1/api-tokens Some(201)",
        "site POST /api/v1/users Some(201)",
        "site POST /api/v1/users Some(409)",
        "site DELETE /api/v1/users/sesa… Some(200)",
    ];
    assert_eq!(lines, expected);
    assert_eq!((log[1].token_id, log[1].address.as_str()), (Some(1), "127.0.0.1"));
    let request = log[1].request.as_ref().unwrap();
    assert_eq!(request, &serde_json::json!({ "name": "alice", "passkey": "…" }));
    let query = AuditQuery { actor: Some("site".to_owned()), limit: Some(1), ..Default::default() };
    let page = server.client.audit(&query).await.unwrap();
    assert_eq!((page.items.len(), page.next_after_id), (1, Some(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_audit_log_has_no_secret_of_a_request_that_was_refused() {
    let server = Server::start().await;
    let url = "http://user:s3cret@host/hook?key=s3cret";
    let requests = [
        ("PATCH", "/api/v1/config", serde_json::json!({ "store.url": "mysql://u:s3cret@h/x" })),
        ("PATCH", "/api/v1/config", serde_json::json!({ "admin.token": "s3cret" })),
        (
            "PATCH",
            "/api/v1/config",
            serde_json::json!({ "site.torrent_pass_private_key": "s3cret" }),
        ),
        ("PATCH", "/api/v1/config", serde_json::json!({ "geo.maxmind_license_key": "s3cret" })),
        ("POST", "/api/v1/webhooks", serde_json::json!({ "url": url })),
        ("POST", "/api/v1/users", serde_json::json!({ "name": "bob", "passkeyy": "s3cret" })),
        ("POST", "/api/v1/user/s3cret?passkey=s3cret", serde_json::json!({ "name": "s3cret" })),
        ("PUT", "/api/v1/users", serde_json::json!({ "name": "s3cret" })),
    ];
    for (method, path, body) in &requests {
        let status = server.request(method, path, &body.to_string()).status;
        assert!(status >= 400, "{method} {path}: {status}");
    }
    let text = std::fs::read_to_string(server.folder().join("audit.jsonl")).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    let log = server.client.audit(&AuditQuery::default()).await.unwrap().items;
    let lines: Vec<_> =
        log.iter().map(|it| format!("{} {}", it.path, it.request.as_ref().unwrap())).collect();
    let expected = [
        r#"/api/v1/config {"store.url":"…"}"#,
        r#"/api/v1/config {"admin.token":"…"}"#,
        r#"/api/v1/config {"site.torrent_pass_private_key":"…"}"#,
        r#"/api/v1/config {"geo.maxmind_license_key":"…"}"#,
        r#"/api/v1/webhooks {"url":"http://…@host/hook?…"}"#,
        r#"/api/v1/users {"name":"bob","passkeyy":"…"}"#,
        r#"/api/v1/…/…?passkey=… {"name":"…"}"#,
        r#"/api/v1/users {"name":"…"}"#,
    ];
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_client_is_told_of_a_url_it_cannot_use() {
    assert!(Client::new("unix:", TOKEN).is_err());
    assert!(Client::with_authority("https://t.example", TOKEN, b"no PEM").is_err());
}
