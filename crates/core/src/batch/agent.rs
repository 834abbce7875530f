//! The name of a client's program, as its requests tell it.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a client says in its `User-Agent` header: at most [`Agent::BYTES_MAX`] bytes of printable
/// text. It is kept in place, so that an announce allocates nothing for it.
///
/// Empty if the client does not say, and over UDP.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Agent {
    bytes: [u8; Agent::BYTES_MAX],
    length: u8,
}

impl Agent {
    /// Bytes that are kept: what the narrowest column of a site (`varchar(64)`) surely holds.
    pub const BYTES_MAX: usize = 63;

    /// No name.
    pub const NONE: Agent = Agent { bytes: [0; Self::BYTES_MAX], length: 0 };

    /// Takes a header's value. Of one that is too long the beginning is kept; control characters
    /// and what is not UTF-8 become `?`.
    pub fn new(value: &[u8]) -> Self {
        let kept = value.get(..Self::BYTES_MAX).unwrap_or(value);
        let is_odd = |byte: &u8| byte.wrapping_sub(b' ') > b'~' - b' ';
        if kept.iter().fold(false, |odd, byte| odd | is_odd(byte)) {
            return Self::of_odd(kept);
        }
        Self::of_text(kept)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The number of the program, see [`agent_id`](crate::detection::fingerprint::agent_id); 0 if
    /// there is no name.
    pub(crate) fn id(&self) -> u32 {
        crate::detection::fingerprint::agent_id(self.as_str())
    }

    /// `text` is valid and short enough.
    fn of_text(text: &[u8]) -> Self {
        let mut agent = Self::NONE;
        if let Some(place) = agent.bytes.get_mut(..text.len()) {
            place.copy_from_slice(text);
            agent.length = text.len() as u8;
        }
        agent
    }

    #[cold]
    fn of_odd(kept: &[u8]) -> Self {
        let mut text = String::with_capacity(Self::BYTES_MAX);
        let mut rest = kept;
        while !rest.is_empty() {
            let (valid, after) = match std::str::from_utf8(rest) {
                Ok(valid) => (valid, &[][..]),
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    // A character that the cut went through is left out; one that is none is told.
                    let bad = error.error_len().unwrap_or(after.len());
                    let end = if error.error_len().is_some() { "?" } else { "" };
                    let valid = std::str::from_utf8(valid).unwrap_or_default();
                    text.extend(valid.chars().map(printable));
                    text.push_str(end);
                    rest = after.get(bad..).unwrap_or_default();
                    continue;
                }
            };
            text.extend(valid.chars().map(printable));
            rest = after;
        }
        Self::of_text(text.as_bytes())
    }
}

fn printable(character: char) -> char {
    if character.is_control() { '?' } else { character }
}

impl Default for Agent {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<&str> for Agent {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Agent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Agent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Agent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a client")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Agent, E> {
                Ok(Agent::from(text))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;

    use super::*;

    #[test]
    fn an_agent_is_kept_as_sent() {
        assert_eq!(Agent::new(b"qBittorrent/4.6.5").as_str(), "qBittorrent/4.6.5");
        assert_eq!(Agent::new("Größe/1".as_bytes()).as_str(), "Größe/1");
        assert!(Agent::new(b"").is_empty());
    }

    #[test]
    fn a_long_agent_loses_its_end_between_two_characters() {
        assert_eq!(Agent::new(&[b'a'; 70]).as_str(), "a".repeat(63));
        let text = format!("{}ä", "a".repeat(62));
        assert_eq!(Agent::new(text.as_bytes()).as_str(), "a".repeat(62));
    }

    #[test]
    fn what_cannot_be_printed_is_replaced() {
        assert_eq!(Agent::new(b"a\0b\xffc\x1b[0m").as_str(), "a?b?c?[0m");
    }

    #[test]
    fn an_agent_is_read_from_a_string() {
        let agent = Agent::from("rtorrent/0.9.8");
        let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
            "rtorrent/0.9.8".into_deserializer();
        assert_eq!(Agent::deserialize(text).unwrap(), agent);
    }
}
