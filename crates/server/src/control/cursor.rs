//! Cursors: where a list goes on, as a word that a caller gives back as it was.

use std::fmt::Write;

use super::ControlError;

/// Bytes as hexadecimal digits.
pub(crate) fn to_hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of exactly so many hexadecimal digits.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != N.checked_mul(2)? || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

/// What to say of a cursor that makes no sense.
pub(crate) fn not_a_cursor() -> ControlError {
    let detail = "the cursor is not one that this server gave: begin without one";
    ControlError::Invalid(detail.to_owned())
}
