//! Bencode (BEP 3): a bounded reader that borrows, and a writer that sorts keys.
//!
//! [`parse`] checks the whole input once and allocates nothing. Lists and dictionaries are read
//! from the input again when they are walked, so that memory does not depend on what a stranger
//! sends; each level of nesting costs one more pass, of which [`Limits::depth`] sets the most.
//!
//! ```
//! use mika_protocol::bencode::{self, Limits, Value};
//!
//! let reply = bencode::parse(b"d8:intervali1800e5:peers0:e", &Limits::default())?;
//! let Value::Dict(reply) = reply else { panic!() };
//! assert_eq!(reply.get(b"interval").and_then(|value| value.as_u64()), Some(1800));
//! # Ok::<(), bencode::Error>(())
//! ```

mod reader;
mod tree;

pub use reader::{Dict, DictIter, Error, ErrorKind, Limits, List, ListIter, Value, parse};
pub use tree::Tree;

#[cfg(test)]
mod tests;
