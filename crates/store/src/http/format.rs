//! JSON, and MessagePack for sites that speak it. Both have the same structure: MessagePack maps
//! have the same field names, and hashes and addresses are texts in it too.

use reqwest::header::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What every request accepts.
pub(super) const ACCEPT: HeaderValue =
    HeaderValue::from_static("application/msgpack, application/json;q=0.9");

/// What a request accepts that wants JSON.
pub(super) const ACCEPT_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    MessagePack,
}

impl Format {
    /// What a `Content-Type` says; sites that say nothing of use send JSON.
    pub(super) fn of(content_type: Option<&HeaderValue>) -> Self {
        let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
                Self::MessagePack
            }
            _ => Self::Json,
        }
    }

    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
        })
    }

    pub(super) fn encode<T: Serialize>(self, value: &T) -> Result<Vec<u8>, String> {
        match self {
            Self::Json => serde_json::to_vec(value).map_err(|error| error.to_string()),
            Self::MessagePack => {
                let mut bytes = Vec::new();
                let mut serializer =
                    rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable();
                value.serialize(&mut serializer).map_err(|error| error.to_string())?;
                Ok(bytes)
            }
        }
    }

    pub(super) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, String> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
            Self::MessagePack => {
                let mut from = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
                T::deserialize(&mut from).map_err(|error| error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mika_core::batch::{Batch, RegisteredRow};
    use mika_protocol::InfoHash;

    use super::*;

    #[test]
    fn both_formats_carry_the_same_names_and_texts() {
        let row = RegisteredRow {
            torrent_id: RegisteredRow::FIRST_ID,
            info_hash: InfoHash([0xab; 20]),
            registered_at_seconds: 7,
        };
        let batch = Batch { number: 3, registered: vec![row], ..Batch::default() };
        for format in [Format::Json, Format::MessagePack] {
            let bytes = format.encode(&batch).unwrap();
            assert_eq!(format.decode::<Batch>(&bytes).unwrap(), batch);
            let value: serde_json::Value = format.decode(&bytes).unwrap();
            assert_eq!(value["registered"][0]["info_hash"], "ab".repeat(20));
        }
    }

    #[test]
    fn what_is_not_said_to_be_messagepack_is_json() {
        let of = |text| Format::of(Some(&HeaderValue::from_static(text)));
        assert_eq!(of("Application/MsgPack; v=1"), Format::MessagePack);
        assert_eq!(of("application/json; charset=utf-8"), Format::Json);
        assert_eq!(Format::of(None), Format::Json);
    }
}
