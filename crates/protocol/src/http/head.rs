//! The head of an HTTP request: request line and headers.

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};
use thiserror::Error;

/// The most headers a request may have.
pub const HEADERS_MAX: usize = 64;

/// What a buffer holds.
#[derive(Debug)]
pub enum ParsedHead<'a> {
    /// A head that is not complete yet.
    Partial,
    /// A complete head.
    Complete {
        /// What it says.
        head: RequestHead<'a>,
        /// How long it is; a body, or the next request, begins there.
        bytes: usize,
    },
    /// Something else, after which the connection cannot be used any more.
    Invalid(HttpError),
}

/// The method of a request, as far as a tracker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// Any other.
    Other,
}

/// Why a head is refused; the text is meant for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HttpError {
    /// Not HTTP, or a header with bytes that must not be there.
    #[error("this is not an HTTP request: check the scheme and port of the tracker's address")]
    Malformed,
    /// More than [`HEADERS_MAX`] headers.
    #[error("the request has more than 64 headers")]
    TooManyHeaders,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("the request is not HTTP/1.0 or HTTP/1.1")]
    Version,
    /// `Content-Length` is not a number, or there are several that differ.
    #[error("the request's Content-Length is invalid")]
    ContentLength,
}

impl HttpError {
    /// The status code that names the error (RFC 9110, RFC 6585).
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::ContentLength => 400,
            Self::TooManyHeaders => 431,
            Self::Version => 505,
        }
    }
}

impl From<httparse::Error> for HttpError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::TooManyHeaders,
            httparse::Error::Version => Self::Version,
            _ => Self::Malformed,
        }
    }
}

/// The head of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: Method,
    /// The request target as sent, for [`route`](super::route).
    pub target: &'a [u8],
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub version_minor: u8,
    /// Whether the connection stays open after the reply (RFC 9112, section 9.3).
    pub keep_alive: bool,
    /// The length of the body that follows; 0 when absent or [`RequestHead::chunked`].
    pub content_length: u64,
    /// A body in chunks follows (any `Transfer-Encoding`); its end is not known in advance, so
    /// that [`RequestHead::keep_alive`] is never set with it.
    pub chunked: bool,
    /// The first `User-Agent`; `None` if there is none.
    pub user_agent: Option<&'a [u8]>,
    /// All bytes of the head.
    bytes: &'a [u8],
}

impl<'a> RequestHead<'a> {
    /// The values of all headers called `name` (in any case), in order, without surrounding space.
    ///
    /// This reads the head again, which is meant for the one header that an operator names, such
    /// as `X-Forwarded-For`.
    pub fn headers<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let lines = self.bytes.trim_ascii_start().split(|&byte| byte == b'\n').skip(1);
        lines.filter_map(move |line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (line_name, value) = line.split_at_checked(colon)?;
            line_name
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| value.get(1..).unwrap_or_default().trim_ascii())
        })
    }

    /// The names of all headers, in order. This reads the head again, too.
    pub fn header_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let lines = self.bytes.trim_ascii_start().split(|&byte| byte == b'\n').skip(1);
        lines.filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            line.get(..colon)
        })
    }

    /// The `Host` header.
    pub fn host(&self) -> Option<&'a [u8]> {
        self.headers("host").next()
    }
}

/// Reads the head at the start of `buffer`.
///
/// The caller bounds the size of the buffer, and asks again when a partial head has grown.
///
/// Headers are read strictly, the target leniently: `httparse` takes any byte in it but space and
/// control characters, as long as the whole is UTF-8, and the request line of a client that sends
/// its `info_hash` unescaped is not. Such a line is taken apart here: the target is everything
/// between the method and the version, whatever its bytes.
pub fn parse_head(buffer: &[u8]) -> ParsedHead<'_> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = Request::new(&mut []);
    match request.parse_with_uninit_headers(buffer, &mut headers) {
        Ok(Status::Partial) => ParsedHead::Partial,
        Ok(Status::Complete(bytes)) => {
            let line = RequestLine {
                method: method(request.method.unwrap_or_default().as_bytes()),
                target: request.path.unwrap_or_default().as_bytes(),
                version_minor: request.version.unwrap_or_default(),
            };
            complete(line, request.headers, buffer, bytes)
        }
        // How a request line fails depends on which of its bytes is odd.
        Err(httparse::Error::Token | httparse::Error::Version | httparse::Error::NewLine) => {
            parse_leniently(buffer)
        }
        Err(error) => ParsedHead::Invalid(error.into()),
    }
}

struct RequestLine<'a> {
    method: Method,
    target: &'a [u8],
    version_minor: u8,
}

fn parse_leniently(buffer: &[u8]) -> ParsedHead<'_> {
    let start = buffer.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or_default();
    let request = buffer.get(start..).unwrap_or_default();
    let Some(line_bytes) = request.iter().position(|&byte| byte == b'\n') else {
        // What cannot become a request line is refused before its end, which may never come.
        let plausible = request.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        return match request.get(plausible) {
            Some(b' ') if plausible > 0 => ParsedHead::Partial,
            _ => ParsedHead::Invalid(HttpError::Malformed),
        };
    };
    let (line, rest) = request.split_at_checked(line_bytes + 1).unwrap_or_default();
    let line = match parse_request_line(line) {
        Ok(line) => line,
        Err(error) => return ParsedHead::Invalid(error),
    };
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    match httparse::parse_headers(rest, &mut headers) {
        Ok(Status::Partial) => ParsedHead::Partial,
        Ok(Status::Complete((header_bytes, headers))) => {
            complete(line, headers, buffer, start + line_bytes + 1 + header_bytes)
        }
        Err(error) => ParsedHead::Invalid(error.into()),
    }
}

/// Takes a request line apart at its first and its last space.
fn parse_request_line(line: &[u8]) -> Result<RequestLine<'_>, HttpError> {
    let mut words = line.trim_ascii_end().splitn(2, |&byte| byte == b' ');
    let name = words.next().unwrap_or_default();
    let mut words = words.next().unwrap_or_default().rsplitn(2, |&byte| byte == b' ');
    let version = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    if name.is_empty() || !name.iter().all(u8::is_ascii_uppercase) || target.is_empty() {
        return Err(HttpError::Malformed);
    }
    let version_minor = match version {
        b"HTTP/1.0" => 0,
        b"HTTP/1.1" => 1,
        _ if version.starts_with(b"HTTP/") => return Err(HttpError::Version),
        _ => return Err(HttpError::Malformed),
    };
    Ok(RequestLine { method: method(name), target, version_minor })
}

fn method(name: &[u8]) -> Method {
    match name {
        b"GET" => Method::Get,
        b"HEAD" => Method::Head,
        _ => Method::Other,
    }
}

fn complete<'a>(
    line: RequestLine<'a>,
    headers: &[Header<'a>],
    buffer: &'a [u8],
    bytes: usize,
) -> ParsedHead<'a> {
    let RequestLine { method, target, version_minor } = line;
    match Framing::of(headers, version_minor) {
        Ok(Framing { keep_alive, content_length, chunked, user_agent }) => ParsedHead::Complete {
            head: RequestHead {
                method,
                target,
                version_minor,
                keep_alive,
                content_length,
                chunked,
                user_agent,
                bytes: buffer.get(..bytes).unwrap_or(buffer),
            },
            bytes,
        },
        Err(error) => ParsedHead::Invalid(error),
    }
}

/// What the headers say about the body, the connection and the client.
struct Framing<'a> {
    keep_alive: bool,
    content_length: u64,
    chunked: bool,
    user_agent: Option<&'a [u8]>,
}

impl<'a> Framing<'a> {
    fn of(headers: &[Header<'a>], version_minor: u8) -> Result<Self, HttpError> {
        let mut keep_alive = version_minor > 0;
        let mut close = false;
        let mut chunked = false;
        let mut content_length = None;
        let mut user_agent = None;
        for header in headers {
            // The lengths sort out nearly every header without a look at its name.
            // Nearly all clients spell names in the usual way, which is compared at once.
            let is = |name: &str| header.name == name || header.name.eq_ignore_ascii_case(name);
            let first = header.name.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
            match header.name.len() {
                10 if first == b'c' && is("Connection") => {
                    for token in header.value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                        keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                        close |= token.eq_ignore_ascii_case(b"close");
                    }
                }
                10 if first == b'u' && is("User-Agent") => {
                    user_agent = user_agent.or(Some(header.value));
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    let length = parse_length(header.value).ok_or(HttpError::ContentLength)?;
                    if content_length.is_some_and(|known| known != length) {
                        return Err(HttpError::ContentLength);
                    }
                    content_length = Some(length);
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => chunked = true,
                _ => {}
            }
        }
        Ok(Self {
            keep_alive: keep_alive && !close && !chunked,
            content_length: if chunked { 0 } else { content_length.unwrap_or_default() },
            chunked,
            user_agent,
        })
    }
}

/// Digits only: `u64::from_str` alone would take a sign.
fn parse_length(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
