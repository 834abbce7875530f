//! `docs/http-store.openapi.json` says what the code does: every path that is called and every
//! field that is read or sent is in it.

use std::collections::BTreeSet;
use std::path::Path;

use mika_core::batch::{
    Batch, HistoryRow, RegisteredRow, SessionRow, SnatchRow, TokenUseRow, TorrentRow, Traffic,
    UnregisteredRow, UserRow,
};
use mika_protocol::InfoHash;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::Value;

use super::apply::{BatchReply, CheckpointJson, ForgetJson, RefusedRow, TABLES};
use super::load::{ChangesJson, Page};
use super::push::{CountsJson, PeersJson};
use super::wire::{ClientRuleJson, EventJson, RoleJson, TokenJson, TorrentJson, UserJson};

fn document() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/http-store.openapi.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The fields that a type is read from.
struct Fields<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        Err(Error::custom("only the fields are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Reads nothing, so that its owner can be asked for its fields.
#[derive(serde::Deserialize)]
struct Nothing {}

fn fields_of<T: DeserializeOwned>() -> Vec<&'static str> {
    let mut fields = Vec::new();
    assert!(T::deserialize(Fields(&mut fields)).is_err());
    fields
}

fn fields_sent<T: Serialize>(value: &T) -> Vec<String> {
    serde_json::to_value(value).unwrap().as_object().unwrap().keys().cloned().collect()
}

/// Names of the document's schema that it lacks.
fn missing(document: &Value, schema: &str, fields: &[impl AsRef<str>]) -> Vec<String> {
    let properties = &document["components"]["schemas"][schema]["properties"];
    let lacks = |field: &&str| properties.get(*field).is_none();
    let names = fields.iter().map(AsRef::as_ref);
    names.filter(lacks).map(|field| format!("{schema}.{field}")).collect()
}

#[test]
fn every_field_that_is_read_is_in_the_document() {
    let document = document();
    let read = [
        ("Role", fields_of::<RoleJson>()),
        ("User", fields_of::<UserJson>()),
        ("Torrent", fields_of::<TorrentJson>()),
        ("ClientRule", fields_of::<ClientRuleJson>()),
        ("Token", fields_of::<TokenJson>()),
        ("Event", fields_of::<EventJson>()),
        ("UserPage", fields_of::<Page<Nothing>>()),
        ("Changes", fields_of::<ChangesJson>()),
        ("Checkpoint", fields_of::<CheckpointJson>()),
        ("BatchReply", fields_of::<BatchReply>()),
        ("Refused", fields_of::<RefusedRow>()),
    ];
    for (schema, fields) in read {
        assert!(!fields.is_empty(), "{schema}");
        assert_eq!(missing(&document, schema, &fields), [""; 0]);
        let properties = &document["components"]["schemas"][schema]["properties"];
        let told: BTreeSet<_> = properties.as_object().unwrap().keys().cloned().collect();
        let known: BTreeSet<_> = fields.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!(told, known, "{schema} has fields that nobody reads");
    }
}

#[test]
fn every_field_that_is_sent_is_in_the_document() {
    let document = document();
    let traffic = Traffic::default();
    let user =
        UserRow { user_id: 1, traffic, seed_seconds: 0, snatches: 0, announced_at_seconds: 0 };
    let snatch = SnatchRow { user_id: 1, torrent_id: 1, snatched_at_seconds: 0, address: None };
    let token_use = TokenUseRow { user_id: 1, torrent_id: 1, downloaded_raw: 0, finished: false };
    let unregistered =
        UnregisteredRow { user_id: 1, info_hash: InfoHash([1; 20]), announced_at_seconds: 0 };
    let registered =
        RegisteredRow { torrent_id: 1, info_hash: InfoHash([1; 20]), registered_at_seconds: 0 };
    let counts =
        CountsJson { batch: 1, torrent_id: 1, seeders: 0, leechers: 0, announced_at_seconds: 0 };
    let sent = [
        ("Batch", fields_sent(&Batch::default())),
        ("Traffic", fields_sent(&traffic)),
        ("UserRow", fields_sent(&user)),
        ("TorrentRow", fields_sent(&TorrentRow::default())),
        ("HistoryRow", fields_sent(&HistoryRow::default())),
        ("SessionRow", fields_sent(&SessionRow::new(1, InfoHash([1; 20]), 1, 1))),
        ("RegisteredRow", fields_sent(&registered)),
        ("SnatchRow", fields_sent(&snatch)),
        ("TokenUseRow", fields_sent(&token_use)),
        ("UnregisteredRow", fields_sent(&unregistered)),
        ("Counts", fields_sent(&counts)),
        ("Peers", fields_sent(&PeersJson { batch: 1, torrent_id: 1, peers: Vec::new() })),
        ("Forget", fields_sent(&ForgetJson { checkpoint: 1 })),
    ];
    for (schema, fields) in sent {
        assert_eq!(missing(&document, schema, &fields), [""; 0]);
    }
    let tables = &document["components"]["schemas"]["Refused"]["properties"]["table"]["enum"];
    assert_eq!(tables, &serde_json::json!(TABLES));
}

/// The sources have each path in one piece: `"/api/…`.
#[test]
fn every_path_that_is_called_is_in_the_document() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = std::fs::read_dir(folder.join("http")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file() && !path.ends_with("openapi.rs"));
    let mut called = BTreeSet::new();
    for file in files.chain([folder.join("http.rs")]) {
        let source = std::fs::read_to_string(file).unwrap();
        for rest in source.split("\"/api/").skip(1) {
            let path = rest.split(['"', '?', '…']).next().unwrap();
            let path = path.replace("{hash}", "{info_hash}").replace("{text}", "{passkey}");
            called.insert(format!("/api/{path}"));
        }
    }
    // `{name}` stands for the lists; the others are prefixes in texts.
    assert!(called.remove("/api/{name}"));
    for list in ["roles", "users", "torrents", "client_rules", "tokens", "events"] {
        called.insert(format!("/api/{list}"));
    }
    called.retain(|path| !path.ends_with('/') && path != "/api/user");
    let document = document();
    let told: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(called, told);
}
