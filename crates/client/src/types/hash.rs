//! An info-hash in JSON: 40 hex digits, or on the way in the 64 of v2 (BEP 52).

use mika_protocol::InfoHash;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// An info-hash: 40 hex digits, or on the way in the 64 of v2 (BEP 52).
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(
    as = InfoHash,
    pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$",
    examples("0123456789abcdef0123456789abcdef01234567"),
)]
pub(super) struct Hex(#[expect(dead_code, reason = "only its schema is used")] String);

pub(super) fn serialize<S: Serializer>(hash: &InfoHash, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(hash)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<InfoHash, D::Error> {
    let text = String::deserialize(from)?;
    InfoHash::from_hex(&text).map_err(D::Error::custom)
}

/// The same for a hash that may be `null` or absent.
pub(super) mod optional {
    use super::*;

    pub(in crate::types) fn serialize<S: Serializer>(
        hash: &Option<InfoHash>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => to.collect_str(hash),
            None => to.serialize_none(),
        }
    }

    pub(in crate::types) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<InfoHash>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| InfoHash::from_hex(&text).map_err(D::Error::custom)).transpose()
    }
}
