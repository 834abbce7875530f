//! The writer.

use std::collections::BTreeMap;

use super::reader::Value;
use crate::decimal;

/// A value that owns what it holds, to be built and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// An integer; the reader takes those from -2^63 to 2^64 - 1.
    Integer(i128),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Tree>),
    /// A dictionary, which the map keeps sorted.
    Dict(BTreeMap<Vec<u8>, Tree>),
}

impl Tree {
    /// A dictionary of these entries; of several under one key the last stays.
    pub fn dict<K: Into<Vec<u8>>>(entries: impl IntoIterator<Item = (K, Tree)>) -> Self {
        Self::Dict(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Appends the bencoded value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(integer) => out.extend_from_slice(format!("i{integer}e").as_bytes()),
            Self::Bytes(bytes) => append_bytes(out, bytes),
            Self::List(items) => {
                out.push(b'l');
                items.iter().for_each(|item| item.encode(out));
                out.push(b'e');
            }
            Self::Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    append_bytes(out, key);
                    value.encode(out);
                }
                out.push(b'e');
            }
        }
    }
}

fn append_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    decimal::append(out, bytes.len() as u64);
    out.push(b':');
    out.extend_from_slice(bytes);
}

impl From<i64> for Tree {
    fn from(integer: i64) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<u64> for Tree {
    fn from(integer: u64) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<&[u8]> for Tree {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<Value<'_>> for Tree {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Integer(integer) => Self::Integer(integer),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::List(list) => Self::List(list.iter().map(Self::from).collect()),
            Value::Dict(dict) => {
                Self::dict(dict.iter().map(|(key, value)| (key, Self::from(value))))
            }
        }
    }
}
