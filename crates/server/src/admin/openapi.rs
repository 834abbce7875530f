//! The OpenAPI document, made from the routes themselves, and the page that shows it.
//!
//! A handler says what is its own. What follows from the kind of a route is added here: that it
//! needs a token, that its body can be too large, and so on. The scopes that the document names
//! are those that [`auth`](super::auth) asks for, since it reads them from here.

mod page;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Admin, routes, status};

/// Where the routes are that need a token.
pub(super) const PREFIX: &str = "/api/v1";

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
static TEXT: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string_pretty(&*DOCUMENT).unwrap_or_default() + "\n");

/// The document as it is checked in and served.
pub fn document() -> &'static str {
    &TEXT
}

/// What needs no token.
pub(super) fn open_routes() -> OpenApiRouter<Admin> {
    described_open_routes()
        .route("/api/v1/openapi.json", axum::routing::get(serve_document))
        .merge(page::routes())
}

fn described_open_routes() -> OpenApiRouter<Admin> {
    OpenApiRouter::new()
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
        .routes(routes!(status::metrics))
        .routes(routes!(routes::geo::about))
}

async fn serve_document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}

/// Every operation of the document: path, method in lower case, and description.
pub(super) fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS
            .into_iter()
            .filter_map(move |method| Some((path.as_str(), method, item.get(method)?)))
    })
}

/// A path of the document as the router has it, and its operations by method in lower case.
pub(super) fn path(template: &str) -> Option<(&'static str, &'static Value)> {
    let paths = DOCUMENT.get("paths").and_then(Value::as_object)?;
    paths.get_key_value(template).map(|(path, operations)| (path.as_str(), operations))
}

/// What a `$ref` of the document refers to.
pub(super) fn referenced(reference: &str) -> Option<&'static Value> {
    DOCUMENT.pointer(reference.strip_prefix('#')?)
}

fn build() -> Value {
    let described = described_open_routes().nest(PREFIX, routes::routes()).into_openapi();
    let mut document = serde_json::to_value(described).unwrap_or_default();
    if let Some(document) = document.as_object_mut() {
        document.insert("info".to_owned(), info());
        document.insert("servers".to_owned(), json!([{ "url": "/" }]));
        document.remove("tags");
    }
    bound_integers(&mut document);
    if let Some(components) = object(&mut document, "components") {
        components.insert("securitySchemes".to_owned(), security_schemes());
        components.insert("responses".to_owned(), responses());
    }
    let paths = object(&mut document, "paths").into_iter().flatten();
    for item in paths.filter_map(|(_, item)| item.as_object_mut()) {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                complete(method, operation);
            }
        }
    }
    document
}

fn object<'a>(of: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    let entry = of.as_object_mut()?.entry(name.to_owned());
    entry.or_insert_with(|| json!({})).as_object_mut()
}

fn info() -> Value {
    json!({
        "title": "mika admin API",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Times are Unix times in seconds, amounts are bytes, multipliers are whole \
            percents (100 counts every byte once, 0 is freeleech). A body with a field that is \
            not listed is refused. Errors are problem documents (RFC 9457) whose `code` is stable.",
        "license": { "name": "MIT OR Apache-2.0" },
    })
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "The admin token, or an API token with the scope that the operation \
                names. `admin` includes every scope.",
        },
    })
}

/// Says of every unsigned integer how large it can be: generators know the formats, readers of
/// JSON Schema the bounds.
fn bound_integers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        Value::Object(fields) => {
            let most = match fields.get("format").and_then(Value::as_str) {
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64") => Some(u64::MAX),
                _ => None,
            };
            if let Some(most) = most {
                fields.entry("minimum").or_insert(json!(0));
                fields.entry("maximum").or_insert(json!(most));
            }
            fields.values_mut().for_each(bound_integers);
        }
        _ => {}
    }
}

/// The refusals that are the same everywhere.
fn responses() -> Value {
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": {
                "application/problem+json": {
                    "schema": { "$ref": "#/components/schemas/Problem" },
                },
            },
        })
    };
    let seconds = json!({ "type": "integer", "minimum": 1 });
    let mut limited = problem("Too many failures from this address: wait.");
    if let Some(limited) = limited.as_object_mut() {
        let header = json!({ "description": "Seconds to wait.", "schema": seconds });
        limited.insert("headers".to_owned(), json!({ "Retry-After": header }));
    }
    json!({
        "400": problem("It cannot be read: path, query or JSON."),
        "401": problem("The token is missing, unknown or expired."),
        "403": problem("The token does not have the scope."),
        "404": problem("There is no such record."),
        "409": problem("It collides with another record."),
        "410": problem("What the cursor stands for is not known any more: begin without one."),
        "412": problem("Somebody has changed it since: read it again."),
        "413": problem("The body is too large."),
        "415": problem("The body is not of the type that is expected."),
        "422": problem("A value is not allowed, or a field is unknown."),
        "429": limited,
        "503": problem("It may work later: the store is away, or something else is missing."),
    })
}

/// Adds the answers that follow from the kind of an operation.
fn complete(method: &str, operation: &mut Map<String, Value>) {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let within = |place: &str| {
        let is_there = |parameter: &Value| parameter.get("in").is_some_and(|it| it == place);
        parameters.is_some_and(|parameters| parameters.iter().any(is_there))
    };
    let (has_path, has_query) = (within("path"), within("query"));
    let has_body = operation.contains_key("requestBody");
    let is_protected = operation.contains_key("security");
    let applies = |status: &str| match status {
        "400" => has_path || has_query || has_body || (is_protected && method == "post"),
        "401" | "403" | "429" => is_protected,
        "404" => has_path,
        "409" => is_protected && matches!(method, "post" | "put" | "patch"),
        "413" => has_body || (is_protected && method == "post"),
        "415" => has_body,
        "422" => has_path || has_query || has_body || (is_protected && method == "post"),
        _ => true,
    };
    operation.get_mut("parameters").into_iter().for_each(name_info_hashes);
    if is_protected && method == "post" {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(idempotency_key());
        }
    }
    let common = ["400", "401", "403", "404", "409", "413", "415", "422", "429", "503"];
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else {
        return;
    };
    let described = answers.values_mut().filter_map(Value::as_object_mut);
    described.for_each(send_problems_as_problems);
    for status in ["410", "412", "422"] {
        let has_text = |it: &Value| it.as_str().is_some_and(|text| !text.is_empty());
        let is_bare = |answer: &&mut Value| {
            !["description", "$ref"].iter().any(|name| answer.get(name).is_some_and(has_text))
        };
        if let Some(answer) = answers.get_mut(status).filter(is_bare) {
            *answer = json!({ "$ref": format!("#/components/responses/{status}") });
        }
    }
    for status in common.into_iter().filter(|status| applies(status)) {
        let reference = json!({ "$ref": format!("#/components/responses/{status}") });
        answers.entry(status.to_owned()).or_insert(reference);
    }
    for (status, answer) in answers {
        let text = match status.as_str() {
            "200" => "Done.",
            "201" => "It is there now.",
            "204" => "It is gone.",
            "410" => "It is not there any more: begin anew.",
            "412" => "It was changed meanwhile: read it again.",
            _ => continue,
        };
        if let Some(answer) = answer.as_object_mut() {
            fill_description(answer, text);
        }
    }
}

/// A parameter of that name is an info-hash, and its schema says what that is.
fn name_info_hashes(parameters: &mut Value) {
    let parameters = parameters.as_array_mut().into_iter().flatten();
    for parameter in parameters.filter_map(Value::as_object_mut) {
        if parameter.get("name").is_some_and(|name| name == "info_hash") {
            let schema = json!({ "$ref": "#/components/schemas/InfoHash" });
            parameter.insert("schema".to_owned(), schema);
        }
    }
}

/// What every POST may have.
fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "A name of this request, chosen by you: sent again within 24 hours, it is \
            not done again, and answered as before.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
    })
}

fn fill_description(answer: &mut Map<String, Value>, text: &str) {
    let description = answer.entry("description").or_insert_with(|| json!(""));
    if description == "" {
        *description = json!(text);
    }
}

/// Problems that a handler lists itself have the type that all problems have.
fn send_problems_as_problems(answer: &mut Map<String, Value>) {
    let Some(content) = answer.get_mut("content").and_then(Value::as_object_mut) else { return };
    let is_problem = |body: &Value| {
        body.pointer("/schema/$ref").is_some_and(|name| name == "#/components/schemas/Problem")
    };
    if content.get("application/json").is_some_and(is_problem)
        && let Some(body) = content.remove("application/json")
    {
        content.insert("application/problem+json".to_owned(), body);
    }
}
