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

/// A number of so many decimal digits is below 2^64.
const DIGITS_THAT_FIT: usize = 19;

fn hex_value(digit: u8) -> u8 {
    HEX.get(usize::from(digit)).copied().unwrap_or(0xff)
}

/// A parameter that a tracker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    InfoHash,
    PeerId,
    Port,
    Uploaded,
    Downloaded,
    Left,
    Corrupt,
    Event,
    Numwant,
    Compact,
    NoPeerId,
    /// `ip`, `ipv4` or `ipv6`.
    Address,
    Passkey,
    Other,
}

impl Name {
    fn of(name: &[u8]) -> Self {
        match name {
            b"info_hash" => Self::InfoHash,
            b"peer_id" => Self::PeerId,
            b"port" => Self::Port,
            b"uploaded" => Self::Uploaded,
            b"downloaded" => Self::Downloaded,
            b"left" => Self::Left,
            b"corrupt" => Self::Corrupt,
            b"event" => Self::Event,
            b"numwant" => Self::Numwant,
            b"compact" => Self::Compact,
            b"no_peer_id" => Self::NoPeerId,
            b"ip" | b"ipv4" | b"ipv6" => Self::Address,
            b"passkey" => Self::Passkey,
            _ => Self::Other,
        }
    }
}

/// Returns from [`Query::name`] if one of these names comes next.
macro_rules! return_if_next {
    ($query:ident, $($text:literal => $name:ident),+) => {{
        $(if let Some(rest) = $query.rest.strip_prefix(concat!($text, "=").as_bytes()) {
            $query.rest = rest;
            return Some(Name::$name);
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
    #[inline(always)]
    pub(crate) fn name(&mut self) -> Option<Name> {
        // Comparing with a whole name is quicker than looking for its end, which takes a fifth of
        // the time of an announce.
        match self.rest.first()? {
            b'i' => return_if_next!(self, "info_hash" => InfoHash),
            b'p' => return_if_next!(self, "peer_id" => PeerId, "port" => Port),
            b'u' => return_if_next!(self, "uploaded" => Uploaded),
            b'd' => return_if_next!(self, "downloaded" => Downloaded),
            b'l' => return_if_next!(self, "left" => Left),
            b'n' => return_if_next!(self, "numwant" => Numwant, "no_peer_id" => NoPeerId),
            b'c' => return_if_next!(self, "compact" => Compact, "corrupt" => Corrupt),
            b'e' => return_if_next!(self, "event" => Event),
            b'k' => return_if_next!(self, "key" => Other),
            b's' => return_if_next!(self, "supportcrypto" => Other),
            b'r' => return_if_next!(self, "redundant" => Other),
            _ => {}
        }
        self.any_name()
    }

    #[inline(never)]
    fn any_name(&mut self) -> Option<Name> {
        let end = self.rest.iter().position(|byte| matches!(byte, b'=' | b'&'));
        let (name, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        // A bare flag keeps its `&`, which ends its empty value.
        self.rest = rest.strip_prefix(b"=").unwrap_or(rest);
        Some(Name::of(name))
    }

    /// The next byte of the value, decoded; `None` at its end.
    #[inline(always)]
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
    #[inline(always)]
    pub(crate) fn skip_value(&mut self) {
        let mut rest = self.rest;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            if *byte == b'&' {
                break;
            }
        }
        self.rest = rest;
    }

    /// A value of exactly `N` bytes.
    #[inline]
    pub(crate) fn exactly<const N: usize>(&mut self) -> Option<[u8; N]> {
        // Most peer ids have nothing to decode. All bytes are looked at, sixteen at a time.
        if let Some((value, rest)) = self.rest.split_first_chunk::<N>() {
            let odd = value.iter().fold(false, |odd, &byte| odd | (byte == b'%') | (byte == b'&'));
            if !odd {
                self.rest = rest;
                return self.at_end_of_value().then_some(*value);
            }
        }
        let mut cursor = *self;
        let mut value = [0; N];
        for slot in &mut value {
            *slot = cursor.byte()?;
        }
        *self = cursor;
        self.at_end_of_value().then_some(value)
    }

    /// A decimal number, `u64::MAX` when larger than that.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        // Nearly all numbers are of plain digits, and so few of them that the number fits.
        let mut number: u64 = 0;
        let mut digits = 0;
        while let Some(digit) = self.rest.get(digits).map(|byte| byte.wrapping_sub(b'0'))
            && digit < 10
            && digits < DIGITS_THAT_FIT
        {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        let rest = self.rest.get(digits..).unwrap_or_default();
        if digits > 0 && matches!(rest, [] | [b'&', ..]) {
            self.rest = rest;
            return Some(number);
        }
        self.odd_number()
    }

    /// A number that is escaped, or has many digits, or is none.
    #[inline(never)]
    fn odd_number(&mut self) -> Option<u64> {
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
