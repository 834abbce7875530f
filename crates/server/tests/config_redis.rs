//! The keys of the Redis store: what is needed, and what is never shown.
#![allow(clippy::unwrap_used)]

use mika_server::config::{Config, StoreKind};

fn load(overrides: &[(&str, &str)]) -> Result<Config, String> {
    let pairs = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Config::load(None, [], pairs).map_err(|error| error.to_string())
}

#[test]
fn a_redis_store_needs_a_url() {
    let error = load(&[("store.kind", "redis")]).unwrap_err();
    assert!(error.contains("needs `store.url` or `store.url_file`"), "{error}");
    let url = "redis://:open-sesame@127.0.0.1:6379/0";
    let config = load(&[("store.kind", "redis"), ("store.url", url)]).unwrap();
    assert_eq!(config.store.kind, StoreKind::Redis);
    assert_eq!(config.store.url.expose(), url);
    assert_eq!(config.store.prefix, "mika:");
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn the_url_of_a_redis_store_may_be_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), " redis://:open-sesame@127.0.0.1/0 \n").unwrap();
    let path = file.path().to_str().unwrap();
    let config = load(&[("store.kind", "redis"), ("store.url_file", path)]).unwrap();
    assert_eq!(config.store.url.expose(), "redis://:open-sesame@127.0.0.1/0");

    let both = [("store.url_file", path), ("store.url", "redis://:other-word@127.0.0.1/0")];
    let error = load(&both).unwrap_err();
    assert!(error.contains("`store.url` and `store.url_file` are both given"), "{error}");
    assert!(!error.contains("other-word") && !error.contains("sesame"), "{error}");
}
