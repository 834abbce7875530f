//! What must not be written down.
//!
//! A request is written down before anybody knows whether it will be refused, so the rules are the
//! same for all. A value is kept only where the route of the request has a place for it, which
//! the [OpenAPI document](super::super::openapi) says; of everything else there is but the name:
//!
//! * In a body, a field that the route does not know, or that has text where the route has none,
//!   has no value. Neither has one whose name says that it is a secret ([`SECRET_WORDS`]).
//! * A key of the configuration has its value if there is such a key and it is not a
//!   [secret one](crate::config::Key::is_secret).
//! * A URL loses its user part and its query, wherever it is ([`url::shown`]).
//! * In a path, what could be a passkey is cut short; where there is no such route, only those
//!   parts are kept that others have. A parameter behind the `?` is treated like a field.
//!
//! `true`, `false` and `null` are always kept.

mod url;

use std::collections::HashSet;
use std::sync::LazyLock;

use axum::http::{Method, Uri};
use serde_json::Value;

use super::super::openapi;
use crate::config::Config;

/// In place of what is not written down.
const HIDDEN: &str = "…";
/// What is in the name of a field whose value is a secret.
const SECRET_WORDS: [&str; 5] = ["passkey", "secret", "token", "password", "private"];
/// From this length on, a segment that could be a passkey is taken for one.
const PASSKEY_CHARS: usize = 16;
/// How much of it is shown.
const SHOWN_CHARS: usize = 4;
/// No id of a user has more digits.
const ID_CHARS_MAX: usize = 10;
/// Longest name of a field that is shown though the route does not know it.
const NAME_CHARS_MAX: usize = 64;
/// How deep schemas refer to each other at most.
const REFERENCES_MAX: u8 = 8;

/// The parts of paths that are the same in every request to a route.
static FIXED_SEGMENTS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let segments = openapi::operations().flat_map(|(path, ..)| path.split('/'));
    segments.filter(|segment| !segment.starts_with('{')).collect()
});

/// The route of a request, as far as there is one.
#[derive(Clone, Copy)]
pub(super) struct Route {
    /// Such as `/api/v1/users/{user}`.
    template: Option<&'static str>,
    operation: Option<&'static Value>,
}

impl Route {
    /// The route with a template that the router found.
    pub(super) fn of(template: Option<&str>, method: &Method) -> Self {
        let Some((template, methods)) = template.and_then(openapi::path) else {
            return Self { template: None, operation: None };
        };
        let operation = methods.get(method.as_str().to_ascii_lowercase());
        Self { template: Some(template), operation }
    }

    /// Takes out of a body what must not be written down.
    pub(super) fn redact(self, body: &mut Value) {
        const SCHEMA: &str = "/requestBody/content/application~1json/schema";
        match body {
            Value::Object(fields) if self.is_of_config() => {
                let taken = std::mem::take(fields);
                fields.extend(taken.into_iter().map(|(name, value)| config_value(name, value)));
            }
            body => {
                let schema = self.operation.and_then(|operation| operation.pointer(SCHEMA));
                redact(body, &alternatives(schema));
            }
        }
    }

    fn is_of_config(self) -> bool {
        let path = self.template.and_then(|path| path.strip_prefix(openapi::PREFIX));
        path == Some("/config") && self.operation.is_some()
    }

    /// The path with its query.
    pub(super) fn path(self, uri: &Uri) -> String {
        let segments: Vec<&str> = uri.path().split('/').collect();
        let template = self.template.map(|path| path.split('/').collect::<Vec<_>>());
        let shown: Vec<String> = match template.filter(|it| it.len() == segments.len()) {
            Some(template) => {
                let before = std::iter::once(&"").chain(&segments);
                let parts = segments.iter().zip(before).zip(template);
                parts.map(|((segment, before), part)| shown_part(segment, before, part)).collect()
            }
            None => {
                let is_fixed = |segment: &str| FIXED_SEGMENTS.contains(segment);
                let show = |segment| if is_fixed(segment) { segment } else { HIDDEN };
                segments.into_iter().map(|segment| show(segment).to_owned()).collect()
            }
        };
        let query = uri.query().map(|query| {
            let pairs: Vec<String> = query.split('&').map(|pair| self.parameter(pair)).collect();
            format!("?{}", pairs.join("&"))
        });
        format!("{}{}", shown.join("/"), query.unwrap_or_default())
    }

    /// A parameter behind the `?`.
    fn parameter(self, pair: &str) -> String {
        let Some((name, value)) = pair.split_once('=') else { return HIDDEN.to_owned() };
        let parameters = self.operation.and_then(|operation| operation.get("parameters"));
        let mut parameters = parameters.and_then(Value::as_array).into_iter().flatten();
        let is_known = parameters.any(|parameter| {
            parameter.get("in").is_some_and(|place| place == "query")
                && parameter.get("name").is_some_and(|it| it == name)
        });
        let has_url = decoded(value).contains("://");
        let value = if is_known && !is_secret(name) && !has_url { value } else { HIDDEN };
        format!("{}={value}", shown_name(name))
    }
}

/// The schemas that a value may have, without references.
fn alternatives(schema: Option<&'static Value>) -> Vec<&'static Value> {
    fn collect(schema: &'static Value, depth: u8, found: &mut Vec<&'static Value>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(schema) = reference.and_then(openapi::referenced) {
            collect(schema, depth, found);
        }
        for name in ["oneOf", "anyOf", "allOf"] {
            let several = schema.get(name).and_then(Value::as_array).into_iter().flatten();
            several.for_each(|schema| collect(schema, depth, found));
        }
        found.push(schema);
    }
    let mut found = Vec::new();
    if let Some(schema) = schema {
        collect(schema, REFERENCES_MAX, &mut found);
    }
    found
}

fn redact(value: &mut Value, schemas: &[&'static Value]) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(_) if is_type(schemas, "integer") || is_type(schemas, "number") => {}
        Value::String(text) if is_type(schemas, "string") => *text = url::shown(text),
        Value::Number(_) | Value::String(_) => hide(value),
        Value::Array(items) => {
            let of_items = schemas.iter().filter_map(|schema| schema.get("items"));
            let of_items: Vec<_> = of_items.flat_map(|schema| alternatives(Some(schema))).collect();
            items.iter_mut().for_each(|item| redact(item, &of_items));
        }
        Value::Object(fields) => {
            let taken = std::mem::take(fields);
            fields.extend(taken.into_iter().map(|(name, value)| field(name, value, schemas)));
        }
    }
}

fn is_type(schemas: &[&Value], wanted: &str) -> bool {
    schemas.iter().filter_map(|schema| schema.get("type")).any(|kind| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == wanted),
        kind => kind == wanted,
    })
}

fn field(name: String, mut value: Value, schemas: &[&'static Value]) -> (String, Value) {
    let of_field = |schema: &&'static Value| schema.get("properties")?.get(&name);
    let known: Vec<_> = schemas.iter().filter_map(of_field).collect();
    if known.is_empty() {
        hide(&mut value);
        return (shown_name(&name), value);
    }
    if is_secret(&name) || is_broken_url(&name, &value) {
        hide(&mut value);
    } else {
        let known: Vec<_> = known.into_iter().flat_map(|it| alternatives(Some(it))).collect();
        redact(&mut value, &known);
    }
    (name, value)
}

/// A key of the configuration, and what of its value may be seen.
fn config_value(name: String, mut value: Value) -> (String, Value) {
    let mut keys = Config::SECTIONS.iter().flat_map(|section| section.keys);
    match keys.find(|key| key.path() == name) {
        None => {
            hide(&mut value);
            return (shown_name(&name), value);
        }
        Some(key) if key.is_secret || is_broken_url(&name, &value) => hide(&mut value),
        Some(_) => without_url_secrets(&mut value),
    }
    (name, value)
}

fn without_url_secrets(value: &mut Value) {
    match value {
        Value::String(text) => *text = url::shown(text),
        Value::Array(items) => items.iter_mut().for_each(without_url_secrets),
        Value::Object(fields) => fields.values_mut().for_each(without_url_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text that should be a URL and is none: nobody knows where in it a password is.
fn is_broken_url(name: &str, value: &Value) -> bool {
    name.contains("url") && value.as_str().is_some_and(|text| !text.contains("://"))
}

fn is_secret(name: &str) -> bool {
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn hide(value: &mut Value) {
    if !matches!(value, Value::Null | Value::Bool(_)) {
        *value = Value::String(HIDDEN.to_owned());
    }
}

/// A name that nobody knows, unless it looks like something else.
fn shown_name(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_name = name.len() <= NAME_CHARS_MAX && name.bytes().all(is_plain);
    if is_name { name.to_owned() } else { HIDDEN.to_owned() }
}

/// A segment of a path, with the one before and what the route calls it.
fn shown_part(segment: &str, before: &str, part: &str) -> String {
    let names_user = part == "{user}" || (part == "{key}" && before != "torrent");
    if names_user { without_passkey(segment) } else { segment.to_owned() }
}

/// What names a user in a path. A passkey can do that, so what could be one is cut short.
fn without_passkey(segment: &str) -> String {
    let key = decoded(segment);
    let is_id = key.len() <= ID_CHARS_MAX && key.bytes().all(|byte| byte.is_ascii_digit());
    let passkey = key.strip_prefix("passkey:");
    if passkey.is_none() && (is_id || key.starts_with("name:") || key.len() < PASSKEY_CHARS) {
        return segment.to_owned();
    }
    format!("{}…", passkey.unwrap_or(&key).chars().take(SHOWN_CHARS).collect::<String>())
}

/// A text without percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| first == b'%').and_then(|it| u8::from_str_radix(it, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
