//! The OpenAPI document is the one that is checked in, and says what the code does.

use std::path::Path;

use serde_json::Value;

use super::support::Server;

#[test]
fn the_checked_in_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let document = mika_server::admin::document();
    if std::env::var_os("MIKA_UPDATE").is_some() {
        std::fs::write(&path, document).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == document,
        "docs/openapi.json is out of date: run this test with MIKA_UPDATE=1"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_below_api_one_scope() {
    let document: Value = serde_json::from_str(mika_server::admin::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let scopes = ["read", "torrents:write", "users:write", "config", "admin"];
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} twice");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            let security = &operation["security"];
            if path.starts_with("/api/") {
                let scope = security[0]["token"][0].as_str().unwrap_or_default();
                assert!(scopes.contains(&scope), "{method} {path}: {security}");
                assert_eq!(security.as_array().unwrap().len(), 1);
                assert_eq!(security[0]["token"].as_array().unwrap().len(), 1);
                assert!(method == "get" || scope != "read", "{method} {path} changes something");
            } else {
                assert!(security.is_null(), "{method} {path}");
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let described = &answer["description"];
                let is_reference = answer["$ref"].is_string();
                assert!(
                    is_reference || described.as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path}: {status} has no description"
                );
            }
        }
    }
    assert!(names.len() > 25);
}

#[test]
fn whatever_takes_if_match_may_say_that_it_does_not_match() {
    let document: Value = serde_json::from_str(mika_server::admin::document()).unwrap();
    let mut found = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            let takes_it = parameters.any(|it| it["name"] == "If-Match");
            assert_eq!(operation["responses"]["412"].is_object(), takes_it, "{method} {path}");
            found += usize::from(takes_it);
        }
    }
    assert_eq!(found, 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_document_is_served_without_a_token() {
    let server = Server::start().await;
    let response = server.request_with("GET", "/api/v1/openapi.json", "", "");
    assert_eq!(response.status, 200);
    assert_eq!(response.body, mika_server::admin::document());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_page_is_served_and_may_load_nothing_from_elsewhere() {
    let server = Server::start().await;
    let files = [
        ("/docs", "text/html", "/docs/page.js"),
        ("/docs/page.js", "text/javascript", "/api/v1/openapi.json"),
        ("/docs/page.css", "text/css", "body"),
    ];
    for (path, kind, content) in files {
        let response = server.request_with("GET", path, "", "");
        assert_eq!(response.status, 200, "{path}");
        assert!(response.head.contains(&format!("content-type: {kind}")), "{}", response.head);
        assert!(response.head.contains("content-security-policy: default-src 'none'"));
        assert!(response.body.contains(content) && !response.body.contains("https://"), "{path}");
    }
}
