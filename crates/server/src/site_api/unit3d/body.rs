//! The bodies of UNIT3D's calls, read leniently: unknown fields are ignored.

use mika_protocol::Passkey;
use serde_json::{Map, Value};

use super::Wrong;

/// Multipliers in percent at most.
const PERCENT_MAX: i64 = 1000;

/// A JSON object. Has no `Debug`: it holds passkeys.
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        match serde_json::from_slice(bytes).ok()? {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A whole number, also one that is written as a text or with a fraction.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_i64().or_else(|| {
                // Beyond the range of i64 both ways, where a cast stays at the end.
                number.as_f64().map(|number| number as i64)
            }),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// An id that has to be there.
    pub(super) fn id(&self, name: &'static str) -> Result<u32, Wrong> {
        let id = self.number(name).and_then(|id| u32::try_from(id).ok());
        id.ok_or(Wrong::Field(name))
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(is) => Some(*is),
            _ => self.number(name).map(|number| number != 0),
        }
    }

    /// A multiplier.
    pub(super) fn percent(&self, name: &str) -> Option<u16> {
        u16::try_from(self.number(name)?.clamp(0, PERCENT_MAX)).ok()
    }

    /// A passkey and its text: 32 bytes. `None` if it is not there, or `null`.
    pub(super) fn passkey(&self, name: &'static str) -> Result<Option<(String, Passkey)>, Wrong> {
        let Some(value) = self.0.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let text = value.as_str().filter(|text| text.len() == 32);
        let passkey = text.and_then(|text| Some((text.to_owned(), Passkey::new(text.as_bytes())?)));
        passkey.map(Some).ok_or(Wrong::Field(name))
    }

    /// What a call about a client names: a text, or its bytes as a list.
    pub(super) fn agent(&self) -> Option<String> {
        match self.0.get("peer_id_prefix")? {
            Value::String(text) => Some(text.clone()),
            Value::Array(bytes) => {
                let byte = |value: &Value| value.as_u64().and_then(|it| u8::try_from(it).ok());
                let bytes = bytes.iter().map(byte).collect::<Option<Vec<u8>>>()?;
                String::from_utf8(bytes).ok()
            }
            _ => None,
        }
    }
}
