//! What must not be written down.

use axum::http::Uri;
use serde_json::Value;

/// Fields whose values are secrets.
const SECRETS: [&str; 4] = ["passkey", "secret", "token", "password"];
/// From this length on, a segment that could be a passkey is taken for one.
const PASSKEY_CHARS: usize = 16;
/// How much of it is shown.
const SHOWN_CHARS: usize = 4;

/// Replaces secrets within a body.
pub(super) fn json(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRETS.contains(&name.as_str()) && !value.is_null() {
                    *value = Value::String("…".to_owned());
                } else {
                    json(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(json),
        _ => {}
    }
}

/// The path with its query. A user may be named by passkey, so what could be one is cut short.
pub(super) fn path(uri: &Uri) -> String {
    let path: Vec<String> = {
        let mut before = "";
        let shorten = |segment| {
            let names_user = matches!(before, "users" | "tokens");
            before = segment;
            if names_user { without_passkey(segment) } else { String::from(segment) }
        };
        uri.path().split('/').map(shorten).collect()
    };
    let query = uri.query().map(|query| {
        let shorten = |pair: &str| match pair.split_once('=') {
            Some(("user", key)) => format!("user={}", without_passkey(key)),
            _ => pair.to_owned(),
        };
        query.split('&').map(shorten).collect::<Vec<_>>().join("&")
    });
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query}", path.join("/"))
}

fn without_passkey(key: &str) -> String {
    let is_named = key.starts_with("name:") || key.starts_with("name%3A");
    let says_so = key.starts_with("passkey:") || key.to_ascii_lowercase().starts_with("passkey%3a");
    let digits = key.bytes().all(|byte| byte.is_ascii_digit());
    if says_so || (!is_named && !digits && key.len() >= PASSKEY_CHARS) {
        let secret = key.trim_start_matches("passkey:");
        return format!("{}…", secret.chars().take(SHOWN_CHARS).collect::<String>());
    }
    key.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_cut_short_and_names_are_not() {
        let shown = |text: &str| path(&text.parse().unwrap());
        assert_eq!(shown("/api/v1/users/alice"), "/api/v1/users/alice");
        assert_eq!(shown("/api/v1/users/42"), "/api/v1/users/42");
        assert_eq!(shown("/api/v1/users/passkey:0123abc"), "/api/v1/users/0123…");
        assert_eq!(shown("/api/v1/users/0123456789abcdef"), "/api/v1/users/0123…");
        assert_eq!(shown("/api/v1/tokens/0123456789abcdef/ab"), "/api/v1/tokens/0123…/ab");
        assert_eq!(shown("/api/v1/x?user=0123456789abcdef&b=1"), "/api/v1/x?user=0123…&b=1");
        let hash = "/api/v1/torrents/0123456789abcdef0123456789abcdef01234567?reason=x";
        assert_eq!(shown(hash), hash);
    }

    #[test]
    fn secrets_are_replaced_however_deep_they_are() {
        let text = r#"{"name":"a","passkey":"p","items":[{"secret":"s","token":null}]}"#;
        let mut value = serde_json::from_str(text).unwrap();
        json(&mut value);
        let expected = r#"{"items":[{"secret":"…","token":null}],"name":"a","passkey":"…"}"#;
        assert_eq!(value.to_string(), expected);
    }
}
