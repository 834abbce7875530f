//! A cursor over the bytes of a query, which decodes as it goes.

use std::net::{IpAddr, SocketAddr};

/// The value of each hex digit; 0xff for other bytes.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

fn hex_value(digit: u8) -> u8 {
    HEX.get(usize::from(digit)).copied().unwrap_or(0xff)
}

/// Returns from [`Query::name`] if one of these names comes next.
macro_rules! return_if_next {
    ($query:ident, $($name:literal),+) => {{
        $(if let Some(rest) = $query.rest.strip_prefix(concat!($name, "=").as_bytes()) {
            $query.rest = rest;
            return Some($name.as_bytes());
        })+
    }};
}

/// A cursor over `name=value&name=value`.
///
/// Only `&` separates. `%` followed by two hex digits is an escape and otherwise stands for
/// itself; so does `+`, which clients send raw in `info_hash` and `peer_id`.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    rest: &'a [u8],
}

impl<'a> Query<'a> {
    pub(crate) fn new(query: &'a [u8]) -> Self {
        Self { rest: query }
    }

    /// Steps over the next name and its `=`; the cursor is then at the value.
    #[inline]
    pub(crate) fn name(&mut self) -> Option<&'a [u8]> {
        // Comparing with a whole name is quicker than looking for its end, which takes a fifth of
        // the time of an announce.
        match self.rest.first()? {
            b'i' => return_if_next!(self, "info_hash"),
            b'p' => return_if_next!(self, "peer_id", "port"),
            b'u' => return_if_next!(self, "uploaded"),
            b'd' => return_if_next!(self, "downloaded"),
            b'l' => return_if_next!(self, "left"),
            b'n' => return_if_next!(self, "numwant", "no_peer_id"),
            b'c' => return_if_next!(self, "compact", "corrupt"),
            b'e' => return_if_next!(self, "event"),
            b'k' => return_if_next!(self, "key"),
            b's' => return_if_next!(self, "supportcrypto"),
            _ => {}
        }
        let end = self.rest.iter().position(|byte| matches!(byte, b'=' | b'&'));
        let (name, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        // A bare flag keeps its `&`, which ends its empty value.
        self.rest = rest.strip_prefix(b"=").unwrap_or(rest);
        Some(name)
    }

    /// The next byte of the value, decoded; `None` at its end.
    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        if first == b'&' {
            return None;
        }
        if first == b'%'
            && let [high, low, tail @ ..] = rest
        {
            let (high, low) = (hex_value(*high), hex_value(*low));
            if high | low < 16 {
                self.rest = tail;
                return Some(high << 4 | low);
            }
        }
        self.rest = rest;
        Some(first)
    }

    fn at_end_of_value(&self) -> bool {
        matches!(self.rest, [] | [b'&', ..])
    }

    /// The rest of the value as it stands; the cursor stays where it is.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.rest.split(|&byte| byte == b'&').next().unwrap_or_default()
    }

    /// Goes to the next name.
    #[inline]
    pub(crate) fn skip_value(&mut self) {
        while let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            if byte == b'&' {
                break;
            }
        }
    }

    /// A value of exactly `N` bytes.
    #[inline]
    pub(crate) fn exactly<const N: usize>(&mut self) -> Option<[u8; N]> {
        // Most peer ids have nothing to decode.
        if let Some((value, rest)) = self.rest.split_first_chunk::<N>()
            && value.iter().all(|byte| !matches!(byte, b'%' | b'&'))
        {
            self.rest = rest;
            return self.at_end_of_value().then_some(*value);
        }
        let mut value = [0; N];
        for slot in &mut value {
            *slot = self.byte()?;
        }
        self.at_end_of_value().then_some(value)
    }

    /// A decimal number, `u64::MAX` when larger than that.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        if self.at_end_of_value() {
            return None;
        }
        let mut number: u64 = 0;
        while let Some(byte) = self.byte() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number.saturating_mul(10).saturating_add(u64::from(digit));
        }
        Some(number)
    }

    /// Decodes the value into `buffer`; `None` when it does not fit.
    pub(crate) fn decode<'b>(&mut self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut length = 0;
        while let Some(byte) = self.byte() {
            *buffer.get_mut(length)? = byte;
            length += 1;
        }
        buffer.get(..length)
    }

    /// An address, with or without a port, in brackets or not; the port is dropped.
    pub(crate) fn address(&mut self) -> Option<IpAddr> {
        // The longest form is a bracketed, IPv4-mapped address with a port: 53 bytes.
        let mut buffer = [0; 64];
        let text = std::str::from_utf8(self.decode(&mut buffer)?).ok()?;
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let address = match bare.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
        };
        Some(address.to_canonical())
    }
}

/// Whether a value that should have been 20 bytes is an info-hash in hex digits.
pub(crate) fn is_hex_info_hash(raw: &[u8]) -> bool {
    raw.len() == 40 && raw.iter().all(u8::is_ascii_hexdigit)
}
