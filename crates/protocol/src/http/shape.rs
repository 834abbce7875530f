//! How a client writes its requests. It matters for no answer; programs differ in it, and tools
//! that pass themselves off as one often get it wrong.

/// Parameters whose order counts; the others come and go.
const PARAMETERS: [&str; 12] = [
    "info_hash",
    "peer_id",
    "port",
    "uploaded",
    "downloaded",
    "left",
    "corrupt",
    "key",
    "numwant",
    "compact",
    "no_peer_id",
    "supportcrypto",
];

/// Headers whose order counts; proxies add others.
const HEADERS: [&str; 6] =
    ["host", "user-agent", "accept", "accept-encoding", "accept-language", "connection"];

/// How a request is written, in 32 bits; what nobody has looked at is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape(u32);

/// In which case hex digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HexCase {
    /// There is no digit that would tell.
    #[default]
    Unknown,
    /// `ab`
    Lower,
    /// `AB`
    Upper,
    /// Both, or what should be hex digits is something else.
    Other,
}

const HEADERS_SHIFT: u32 = 16;
const ESCAPES_SHIFT: u32 = 24;
const KEY_SHIFT: u32 = 26;

impl HexCase {
    const ALL: [HexCase; 4] = [Self::Unknown, Self::Lower, Self::Upper, Self::Other];

    fn of_bits(bits: u32) -> Self {
        Self::ALL.get((bits & 3) as usize).copied().unwrap_or_default()
    }

    fn of_digit(digit: u8) -> Self {
        match digit {
            b'a'..=b'f' => Self::Lower,
            b'A'..=b'F' => Self::Upper,
            _ => Self::Unknown,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, Self::Unknown) | (Self::Unknown, one) => one,
            (one, other) if one == other => one,
            _ => Self::Other,
        }
    }

    /// Of the escapes in a value.
    fn of_escapes(value: &[u8]) -> Self {
        let escapes = value.windows(3).filter(|it| it.first() == Some(&b'%'));
        let digits = escapes.flat_map(|it| it.iter().skip(1));
        digits.fold(Self::Unknown, |case, digit| case.and(Self::of_digit(*digit)))
    }

    /// Of a `key`: eight hex digits, as most programs write a number of 32 bits.
    fn of_key(value: &[u8]) -> Self {
        if value.len() != 8 || !value.iter().all(u8::is_ascii_hexdigit) {
            return Self::Other;
        }
        value.iter().fold(Self::Unknown, |case, digit| case.and(Self::of_digit(*digit)))
    }
}

impl Shape {
    /// The shape of an announce's query.
    pub fn of_query(query: &[u8]) -> Self {
        let mut order = Hash::default();
        let (mut escapes, mut key) = (HexCase::Unknown, HexCase::Unknown);
        for parameter in query.split(|&byte| byte == b'&') {
            let mut halves = parameter.splitn(2, |&byte| byte == b'=');
            let name = halves.next().unwrap_or_default();
            let value = halves.next().unwrap_or_default();
            match name {
                b"info_hash" | b"peer_id" => escapes = escapes.and(HexCase::of_escapes(value)),
                b"key" => key = HexCase::of_key(value),
                _ => {}
            }
            if PARAMETERS.iter().any(|it| it.as_bytes() == name) {
                order.word(name);
            }
        }
        let forms = (escapes as u32) << ESCAPES_SHIFT | (key as u32) << KEY_SHIFT;
        Self(order.bits(16) | forms)
    }

    /// Parameters in an order, of which nothing else is known.
    pub fn of_order<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut order = Hash::default();
        let counted = names.into_iter().filter(|name| PARAMETERS.contains(name));
        counted.for_each(|name| order.word(name.as_bytes()));
        Self(order.bits(16))
    }

    /// The same with the order of a request's headers, by their names in any case. To be left out
    /// if a proxy has written them.
    #[must_use]
    pub fn with_headers<'a>(self, names: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut order = Hash::default();
        for name in names {
            if let Some(name) = HEADERS.iter().find(|it| it.as_bytes().eq_ignore_ascii_case(name)) {
                order.word(name.as_bytes());
            }
        }
        let others = self.0 & !(0xff << HEADERS_SHIFT);
        Self(others | order.bits(8) << HEADERS_SHIFT)
    }

    /// As a number; 0 if nothing is known.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// From a number.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The order of the parameters as a number; 0 if it is unknown.
    pub fn order(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// The order of the headers as a number; 0 if it is unknown.
    pub fn headers(self) -> u8 {
        (self.0 >> HEADERS_SHIFT & 0xff) as u8
    }

    /// How the escapes of `info_hash` and `peer_id` are written.
    pub fn escapes(self) -> HexCase {
        HexCase::of_bits(self.0 >> ESCAPES_SHIFT)
    }

    /// How `key` is written; unknown too if there is none.
    pub fn key(self) -> HexCase {
        HexCase::of_bits(self.0 >> KEY_SHIFT)
    }
}

/// FNV-1a: it names things of a few words, and nobody gains by two that are alike.
#[derive(Debug, Clone, Copy)]
struct Hash(u32);

impl Default for Hash {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Hash {
    fn word(&mut self, word: &[u8]) {
        let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        self.0 = word.iter().chain(b" ").fold(self.0, step);
    }

    /// Folded to so many bits, and never 0.
    fn bits(self, bits: u32) -> u32 {
        let folded = self.0 ^ self.0 >> 16;
        let folded = if bits == 8 { folded ^ folded >> 8 } else { folded };
        (folded & ((1 << bits) - 1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"info_hash=E%8e%e3%88%a7&peer_id=-qB4520-abc&port=1&uploaded=0&\
        downloaded=0&left=0&corrupt=0&key=22F3A72B&event=started&numwant=200&compact=1&\
        no_peer_id=1&supportcrypto=1&redundant=0";
    const ORDER: &str = "info_hash peer_id port uploaded downloaded left corrupt key numwant \
        compact no_peer_id supportcrypto";

    #[test]
    fn the_shape_of_a_query_has_its_order_and_how_it_is_escaped() {
        let shape = Shape::of_query(QUERY);
        assert_eq!(shape.order(), Shape::of_order(ORDER.split_whitespace()).order());
        assert_eq!((shape.escapes(), shape.key()), (HexCase::Lower, HexCase::Upper));
        assert_eq!(shape.headers(), 0);
        assert_eq!(Shape::from_bits(shape.bits()), shape);
    }

    #[test]
    fn another_order_is_another_shape_and_what_comes_and_goes_is_not() {
        let of = |names: &str| Shape::of_order(names.split_whitespace());
        assert_ne!(of("info_hash peer_id"), of("peer_id info_hash"));
        assert_eq!(of("info_hash event peer_id redundant"), of("info_hash peer_id"));
        assert_ne!(of("").order(), 0);
    }

    #[test]
    fn cases_of_escapes_and_keys_are_told_apart() {
        let escapes =
            |hash: &str| Shape::of_query(format!("info_hash={hash}").as_bytes()).escapes();
        assert_eq!(escapes("%8E%00x"), HexCase::Upper);
        assert_eq!(escapes("%8e%0Ax"), HexCase::Other);
        assert_eq!(escapes("%80ab%12"), HexCase::Unknown);
        let key = |key: &str| Shape::of_query(format!("key={key}").as_bytes()).key();
        assert_eq!(key("58e9ba35"), HexCase::Lower);
        assert_eq!(key("54308943"), HexCase::Unknown);
        assert_eq!(key("8e9ba35"), HexCase::Other, "a leading zero is missing");
        assert_eq!(key("%FF%5E"), HexCase::Other);
        assert_eq!(Shape::of_query(b"left=0").key(), HexCase::Unknown);
    }

    #[test]
    fn the_order_of_headers_counts_whatever_their_case_and_not_what_proxies_add() {
        let of = |names: &[&str]| {
            Shape::default().with_headers(names.iter().map(|it| it.as_bytes())).headers()
        };
        let real = of(&["Host", "User-Agent", "Accept-Encoding", "Connection"]);
        assert_ne!(real, 0);
        assert_eq!(
            real,
            of(&["host", "X-Forwarded-For", "user-agent", "accept-encoding", "connection"])
        );
        assert_ne!(real, of(&["User-Agent", "Host", "Accept-Encoding", "Connection"]));
    }

    #[test]
    fn no_bytes_panic() {
        for bytes in [&b""[..], b"&&==&", b"%", b"info_hash=%", b"key", b"info_hash=%f", b"\xff%"] {
            let shape = Shape::of_query(bytes);
            assert_ne!(shape.order(), 0);
        }
    }
}
