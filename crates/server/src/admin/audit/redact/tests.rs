use serde_json::json;

use super::*;

fn shown(template: &str, uri: &str) -> String {
    Route::of(Some(template), &Method::DELETE).path(&uri.parse().unwrap())
}

fn redacted(method: &Method, template: &str, mut body: Value) -> Value {
    Route::of(Some(template), method).redact(&mut body);
    body
}

#[test]
fn passkeys_in_a_path_are_cut_short_and_names_are_not() {
    for (user, expected) in [
        ("alice", "alice"),
        ("42", "42"),
        ("name:a-name-of-more-than-16", "name:a-name-of-more-than-16"),
        ("passkey:0123abc", "0123…"),
        ("passkey%3A0123abc", "0123…"),
        ("%70asskey:0123abc", "0123…"),
        ("0123456789abcdef", "0123…"),
        ("01234567890123456789012345678901", "0123…"),
    ] {
        for (template, path) in [
            ("/api/v1/users/{user}", "/api/v1/users/USER"),
            ("/api/v1/tokens/{user}/{info_hash}", "/api/v1/tokens/USER/ab"),
            ("/api/v1/detection/suspects/{user}", "/api/v1/detection/suspects/USER"),
            ("/api/v1/traces/{subject}/{key}", "/api/v1/traces/user/USER"),
        ] {
            let found = shown(template, &path.replace("USER", user));
            assert_eq!(found, path.replace("USER", expected));
        }
    }
    let hash = "/api/v1/torrents/0123456789abcdef0123456789abcdef01234567?reason=a%20fake";
    assert_eq!(shown("/api/v1/torrents/{info_hash}", hash), hash);
    let trace = "/api/v1/traces/torrent/0123456789abcdef0123456789abcdef01234567";
    assert_eq!(shown("/api/v1/traces/{subject}/{key}", trace), trace);
}

#[test]
fn of_a_path_that_no_route_has_only_known_parts_are_written_down() {
    let found = Route::of(None, &Method::POST)
        .path(&"/api/v1/user/leakme123?passkey=leakme123&leakme123".parse().unwrap());
    assert_eq!(found, "/api/v1/…/…?passkey=…&…");
    let found = shown("/api/v1/torrents/{info_hash}", "/api/v1/torrents/ab?reasn=x&reason=a:%2f/u");
    assert_eq!(found, "/api/v1/torrents/ab?reasn=…&reason=…");
}

#[test]
fn no_secret_of_the_configuration_is_written_down() {
    let mut secrets = 0;
    for key in Config::SECTIONS.iter().flat_map(|section| section.keys) {
        for value in [json!("mysql://u:s3cret@h/?x"), json!(["s3cret"]), json!({ "s3cret": 1 })] {
            let body = json!({ key.path(): value });
            let found = redacted(&Method::PATCH, "/api/v1/config", body).to_string();
            if key.is_secret {
                secrets += 1;
                assert_eq!(found, json!({ key.path(): "…" }).to_string());
            } else if value.is_string() {
                assert!(!found.contains("s3cret"), "{found}");
            }
        }
    }
    assert!(secrets >= 3 * 8, "{secrets}");
    let body = json!({
        "tracker.interval_seconds": 900, "log.filter": "info", "http.listen": ["127.0.0.1:1"],
        "store.uurl": "mysql://u:s3cret@h/x", "mysql://u:s3cret@h/x": 1, "admin.token": null,
        "tracker.announce_url_base": "u:s3cret@h",
    });
    let expected = json!({
        "tracker.interval_seconds": 900, "log.filter": "info", "http.listen": ["127.0.0.1:1"],
        "store.uurl": "…", "…": "…", "admin.token": null, "tracker.announce_url_base": "…",
    });
    assert_eq!(redacted(&Method::PATCH, "/api/v1/config", body), expected);
}

#[test]
fn a_webhook_s_url_has_no_user_and_no_query() {
    let url = "http://user:hookpw77@host/hook?key=hookkey88";
    let body = json!({ "url": url, "secret": "s3cret", "filter": { "kinds": ["snatched"] } });
    let expected = json!({
        "url": "http://…@host/hook?…", "secret": "…", "filter": { "kinds": ["snatched"] },
    });
    assert_eq!(redacted(&Method::POST, "/api/v1/webhooks", body), expected);
    let body = json!({ "url": "http:/user:hookpw77@host", "new_secret": true });
    let expected = json!({ "url": "…", "new_secret": true });
    assert_eq!(redacted(&Method::PATCH, "/api/v1/webhooks/{id}", body), expected);
}

#[test]
fn a_field_that_the_route_does_not_know_has_its_name_only() {
    let body = json!({
        "name": "alice", "passkey": "s3cret", "passkeyy": "leakme123", "pin": 1234, "vip": true,
        "peers_max": "leakme123", "role": ["leakme123"], "Passkey": { "is": "leakme123" },
    });
    let expected = json!({
        "name": "alice", "passkey": "…", "passkeyy": "…", "pin": "…", "vip": true,
        "peers_max": "…", "role": ["…"], "Passkey": "…",
    });
    assert_eq!(redacted(&Method::POST, "/api/v1/users", body), expected);
    let bulk = json!({
        "upsert": [{ "id": 1, "passkey": "s3cret", "passkeyy": "leakme123" }],
        "delete": [{ "name": "bob" }],
    });
    let expected = json!({
        "upsert": [{ "id": 1, "passkey": "…", "passkeyy": "…" }], "delete": [{ "name": "bob" }],
    });
    assert_eq!(redacted(&Method::POST, "/api/v1/bulk/users", bulk), expected);
}

#[test]
fn where_no_body_is_expected_none_is_written_down() {
    for (method, template) in [
        (&Method::POST, "/api/v1/flush"),
        (&Method::POST, "/api/v1/import"),
        (&Method::PUT, "/api/v1/users"),
        (&Method::POST, "/api/v1/nothing"),
    ] {
        let found = redacted(method, template, json!({ "name": "leakme123", "n": [1] }));
        assert_eq!(found, json!({ "name": "…", "n": "…" }), "{template}");
        assert_eq!(redacted(method, template, json!("leakme123")), json!("…"));
        assert_eq!(redacted(method, template, json!(["leakme123"])), json!(["…"]));
    }
}

/// A new field with a text in it has to be thought about: is it a secret?
#[test]
fn these_are_all_fields_whose_text_is_written_down() {
    fn texts(schemas: &[&'static Value], found: &mut std::collections::BTreeSet<&'static str>) {
        for schema in schemas {
            texts(&alternatives(schema.get("items")), found);
            let fields = schema.get("properties").and_then(Value::as_object);
            for (name, schema) in fields.into_iter().flatten() {
                let of_field = alternatives(Some(schema));
                let of_items = of_field.iter().filter_map(|schema| schema.get("items"));
                let of_items: Vec<_> = of_items.flat_map(|it| alternatives(Some(it))).collect();
                let is_text = is_type(&of_field, "string") || is_type(&of_items, "string");
                if is_text && !is_secret(name) {
                    found.insert(name);
                }
                texts(&of_field, found);
            }
        }
    }
    let mut found = std::collections::BTreeSet::new();
    for (_, _, operation) in openapi::operations() {
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        texts(&alternatives(schema), &mut found);
    }
    let expected = [
        "ids",
        "info_hash",
        "info_hash_v2",
        "kinds",
        "label",
        "name",
        "prefix",
        "reason",
        "role",
        "scopes",
        "status",
        "strategies",
        "title",
        "url",
    ];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
}
