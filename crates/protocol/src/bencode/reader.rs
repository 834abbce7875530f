//! The reader.

use thiserror::Error;

/// What [`parse`] accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest input, in bytes.
    pub bytes: usize,
    /// The deepest nesting of lists and dictionaries.
    pub depth: usize,
    /// Whether the keys of a dictionary must ascend, which excludes duplicates. Replies must;
    /// some torrent files do not.
    pub sorted_keys: bool,
}

impl Default for Limits {
    /// 1 MiB, 32 levels, sorted keys.
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 32, sorted_keys: true }
    }
}

/// What is wrong with an input, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{kind} at byte {offset}")]
pub struct Error {
    /// The first byte that cannot be accepted, or the length of an input that ends too early.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// What is wrong with an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ErrorKind {
    /// The input ends within a value.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// No value begins with this byte, or none may stand here.
    #[error("unexpected byte")]
    UnexpectedByte,
    /// An integer or a length with a leading zero, or the integer -0.
    #[error("leading zero")]
    LeadingZero,
    /// An integer under -2^63 or over 2^64 - 1.
    #[error("integer out of range")]
    IntegerRange,
    /// A string that reaches beyond the input.
    #[error("string longer than the input")]
    StringLength,
    /// A key that is not greater than the one before it.
    #[error("dictionary key out of order")]
    KeyOrder,
    /// Nesting deeper than [`Limits::depth`].
    #[error("too deeply nested")]
    TooDeep,
    /// An input longer than [`Limits::bytes`].
    #[error("input too long")]
    TooLong,
    /// More bytes after the value.
    #[error("bytes after the value")]
    TrailingBytes,
}

/// A value, borrowed from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// From -2^63 to 2^64 - 1.
    Integer(i128),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A list.
    List(List<'a>),
    /// A dictionary.
    Dict(Dict<'a>),
}

impl<'a> Value<'a> {
    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => i64::try_from(*integer).ok(),
            _ => None,
        }
    }

    /// The integer, if it is one and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(integer) => u64::try_from(*integer).ok(),
            _ => None,
        }
    }

    /// The byte string, if it is one.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<List<'a>> {
        match self {
            Self::List(list) => Some(*list),
            _ => None,
        }
    }

    /// The dictionary, if it is one.
    pub fn as_dict(&self) -> Option<Dict<'a>> {
        match self {
            Self::Dict(dict) => Some(*dict),
            _ => None,
        }
    }
}

/// A list that has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List<'a> {
    raw: &'a [u8],
}

impl<'a> List<'a> {
    /// The exact bytes of the list, from `l` to `e`.
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The items in order.
    pub fn iter(&self) -> ListIter<'a> {
        ListIter { scanner: Scanner::inside(self.raw) }
    }
}

impl<'a> IntoIterator for List<'a> {
    type Item = Value<'a>;
    type IntoIter = ListIter<'a>;

    fn into_iter(self) -> ListIter<'a> {
        self.iter()
    }
}

/// The items of a [`List`].
#[derive(Debug, Clone)]
pub struct ListIter<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Iterator for ListIter<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.scanner.value(usize::MAX).ok()
    }
}

/// A dictionary that has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dict<'a> {
    raw: &'a [u8],
}

impl<'a> Dict<'a> {
    /// The exact bytes of the dictionary, from `d` to `e`.
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The entries in order.
    pub fn iter(&self) -> DictIter<'a> {
        DictIter { scanner: Scanner::inside(self.raw) }
    }

    /// The first value under `key`.
    pub fn get(&self, key: &[u8]) -> Option<Value<'a>> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl<'a> IntoIterator for Dict<'a> {
    type Item = (&'a [u8], Value<'a>);
    type IntoIter = DictIter<'a>;

    fn into_iter(self) -> DictIter<'a> {
        self.iter()
    }
}

/// The entries of a [`Dict`].
#[derive(Debug, Clone)]
pub struct DictIter<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Iterator for DictIter<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.scanner.bytes().ok()?;
        Some((key, self.scanner.value(usize::MAX).ok()?))
    }
}

/// Checks that `input` is exactly one value, and returns it.
///
/// # Errors
///
/// The input breaks one of the `limits` or the format: lengths and integers have one form only,
/// without leading zeros.
pub fn parse<'a>(input: &'a [u8], limits: &Limits) -> Result<Value<'a>, Error> {
    if input.len() > limits.bytes {
        return Err(Error { offset: limits.bytes, kind: ErrorKind::TooLong });
    }
    let mut scanner = Scanner { input, at: 0, sorted_keys: limits.sorted_keys };
    let value = scanner.value(limits.depth)?;
    match scanner.peek() {
        None => Ok(value),
        Some(_) => Err(scanner.error(ErrorKind::TrailingBytes)),
    }
}

#[derive(Debug, Clone)]
struct Scanner<'a> {
    input: &'a [u8],
    at: usize,
    sorted_keys: bool,
}

impl<'a> Scanner<'a> {
    /// A scanner for what is between the first and the last byte of a list or a dictionary.
    fn inside(raw: &'a [u8]) -> Self {
        let (_, rest) = raw.split_at_checked(1).unwrap_or_default();
        let (inside, _) = rest.split_at_checked(rest.len().saturating_sub(1)).unwrap_or_default();
        Self { input: inside, at: 0, sorted_keys: false }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error { offset: self.at, kind }
    }

    /// The error for a byte that does not belong here, or for the lack of one.
    fn unexpected(&self) -> Error {
        self.error(match self.peek() {
            Some(_) => ErrorKind::UnexpectedByte,
            None => ErrorKind::UnexpectedEnd,
        })
    }

    fn skip(&mut self, byte: u8) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a value; `depth` more levels of lists and dictionaries are allowed in it.
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Error> {
        let start = self.at;
        match self.peek() {
            Some(b'i') => self.integer().map(Value::Integer),
            Some(b'0'..=b'9') => self.bytes().map(Value::Bytes),
            Some(b'l') => {
                let inner = depth.checked_sub(1).ok_or(self.error(ErrorKind::TooDeep))?;
                self.at += 1;
                while self.peek() != Some(b'e') {
                    self.value(inner)?;
                }
                self.at += 1;
                Ok(Value::List(List { raw: self.since(start) }))
            }
            Some(b'd') => {
                let inner = depth.checked_sub(1).ok_or(self.error(ErrorKind::TooDeep))?;
                self.at += 1;
                self.entries(inner)?;
                self.at += 1;
                Ok(Value::Dict(Dict { raw: self.since(start) }))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn entries(&mut self, depth: usize) -> Result<(), Error> {
        let mut previous: Option<&[u8]> = None;
        while self.peek() != Some(b'e') {
            let key_at = self.at;
            let key = self.bytes()?;
            if self.sorted_keys && previous.is_some_and(|previous| previous >= key) {
                return Err(Error { offset: key_at, kind: ErrorKind::KeyOrder });
            }
            previous = Some(key);
            self.value(depth)?;
        }
        Ok(())
    }

    fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.at).unwrap_or_default()
    }

    fn integer(&mut self) -> Result<i128, Error> {
        self.skip(b'i')?;
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        if negative && self.peek() == Some(b'0') {
            return Err(self.error(ErrorKind::LeadingZero));
        }
        let magnitude = i128::from(self.digits()?);
        let integer = if negative { -magnitude } else { magnitude };
        if integer < i128::from(i64::MIN) {
            return Err(Error { offset: start, kind: ErrorKind::IntegerRange });
        }
        self.skip(b'e')?;
        Ok(integer)
    }

    fn digits(&mut self) -> Result<u64, Error> {
        let start = self.at;
        let mut number: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at > start && number == 0 {
                return Err(Error { offset: start, kind: ErrorKind::LeadingZero });
            }
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(u64::from(digit - b'0')))
                .ok_or(Error { offset: start, kind: ErrorKind::IntegerRange })?;
            self.at += 1;
        }
        match self.at > start {
            true => Ok(number),
            false => Err(self.unexpected()),
        }
    }

    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let start = self.at;
        let length = self.digits()?;
        self.skip(b':')?;
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let bytes = end.and_then(|end| self.input.get(self.at..end));
        let bytes = bytes.ok_or(Error { offset: start, kind: ErrorKind::StringLength })?;
        self.at += bytes.len();
        Ok(bytes)
    }
}
