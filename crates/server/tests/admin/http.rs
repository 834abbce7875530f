//! What a caller can get wrong before anything is looked up.

use mika_server::admin::AdminToken;

use super::support::{Server, TOKEN, problem};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_below_api_is_answered_without_the_token() {
    let server = Server::start().await;
    for path in ["/api/v1/users", "/api/v1/stats", "/api/v1/nothing", "/api/v1/users/1"] {
        let response = server.request_with("GET", path, "", "");
        assert_eq!(response.code(), problem(401, "unauthorized"), "{path}");
        assert!(response.head.contains("www-authenticate: bearer"), "{}", response.head);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn only_the_very_token_opens_the_api() {
    let server = Server::start().await;
    let wrong = [
        "Bearer ".to_owned(),
        format!("Bearer {TOKEN}0"),
        format!("Bearer {}", &TOKEN[1..]),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
        format!("Bearer {}", TOKEN.to_uppercase()),
    ];
    for value in wrong {
        let headers = format!("Authorization: {value}\r\n");
        let response = server.request_with("GET", "/api/v1/stats", &headers, "");
        assert_eq!(response.code(), problem(401, "unauthorized"), "{value}");
    }
    let headers = format!("Authorization: bearer  {TOKEN}\r\n");
    assert_eq!(server.request_with("GET", "/api/v1/stats", &headers, "").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_replaced_token_stops_working_at_once() {
    let server = Server::start().await;
    server.admin.set_token(AdminToken::new("another-token-of-this-server").unwrap());
    assert_eq!(server.request("GET", "/api/v1/stats", "").status, 401);
    let headers = "Authorization: Bearer another-token-of-this-server\r\n";
    assert_eq!(server.request_with("GET", "/api/v1/stats", headers, "").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn paths_and_methods_that_do_not_exist_are_told_so() {
    let server = Server::start().await;
    for path in ["/", "/api", "/api/v2/users", "/api/v1/", "/api/v1/users/1/2"] {
        assert_eq!(server.request("GET", path, "").code(), problem(404, "route_not_found"));
    }
    let response = server.request("PUT", "/api/v1/users", "{}");
    assert_eq!(response.code(), problem(405, "method_not_allowed"));
    let response = server.request("POST", "/health", "");
    assert_eq!(response.code(), problem(405, "method_not_allowed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bodies_that_are_not_json_or_not_as_documented_are_refused() {
    let server = Server::start().await;
    let post = |body: &str| server.request("POST", "/api/v1/users", body).code();
    assert_eq!(post(""), problem(400, "malformed_json"));
    assert_eq!(post("{\"name\":"), problem(400, "malformed_json"));
    assert_eq!(post("{\"name\":\"a\"}x"), problem(400, "malformed_json"));
    assert_eq!(post("{}"), problem(422, "invalid_body"));
    assert_eq!(post("[1]"), problem(422, "invalid_body"));
    assert_eq!(post("[\"a\"]"), problem(422, "invalid_body"));
    assert_eq!(post("{\"name\":7}"), problem(422, "invalid_body"));
    assert_eq!(post("{\"name\":\"a\",\"rolle\":\"x\"}"), problem(422, "invalid_body"));
    assert_eq!(post("{\"name\":\"a\",\"name\":\"b\"}"), problem(422, "invalid_body"));
    assert_eq!(post("{\"name\":\"\\ud800\"}"), problem(400, "malformed_json"));
    let deep = format!("{{\"name\":{}}}", "[".repeat(1000));
    assert!(matches!(post(&deep).0, 400 | 422));
    let huge = "9".repeat(400);
    let change = format!("{{\"uploaded\":{huge}}}");
    assert!(matches!(server.request("PATCH", "/api/v1/users/1", &change).status, 400 | 422));
    assert!(server.client.users(Default::default()).await.unwrap().items.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_needs_its_content_type() {
    let server = Server::start().await;
    let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: text/plain\r\n");
    let response = server.request_with("POST", "/api/v1/users", &headers, "{\"name\":\"a\"}");
    assert_eq!(response.code(), problem(415, "not_json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_over_the_limit_is_refused() {
    let server = Server::start().await;
    let body = format!("{{\"name\":\"{}\"}}", "a".repeat(70_000));
    let response = server.request("POST", "/api/v1/users", &body);
    assert_eq!(response.code(), problem(413, "body_too_large"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn paths_and_queries_that_cannot_be_read_are_refused() {
    let server = Server::start().await;
    let get = |path: &str| server.request("GET", path, "").code();
    assert_eq!(get("/api/v1/users/%ff"), problem(400, "invalid_path"));
    assert_eq!(get("/api/v1/torrents/abc"), problem(400, "invalid_info_hash"));
    assert_eq!(get("/api/v1/users?after_id=x"), problem(400, "invalid_query"));
    assert_eq!(get("/api/v1/users?after=1"), problem(400, "invalid_query"));
    assert_eq!(get("/api/v1/users?limit=0"), problem(422, "invalid_value"));
    assert_eq!(get("/api/v1/users?limit=1001"), problem(422, "invalid_value"));
    assert_eq!(get("/api/v1/users?after_id=4294967296"), problem(400, "invalid_query"));
    assert_eq!(get("/api/v1/users/%00"), problem(404, "user_not_found"));
    assert_eq!(get("/api/v1/roles/%27%20OR%201=1"), problem(404, "role_not_found"));
}
