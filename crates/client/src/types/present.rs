//! A field of a change that may be absent (leave it), `null` (clear it) or a value.

use serde::{Deserialize, Deserializer};

pub(super) fn deserialize<'de, T, D>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(from).map(Some)
}
