//! Just enough of HTTP to find a reply's body.

/// As much of a reply as has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    Incomplete,
    Complete(Response<'a>),
    /// It will never be understood; the text says why.
    Broken(&'static str),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
    /// The server closes the connection.
    pub(super) closes: bool,
}

/// `ended` says that nothing more comes.
pub(super) fn parse(bytes: &[u8], ended: bool) -> Parsed<'_> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Parsed::Incomplete;
    };
    let (head, rest) = bytes.split_at(end);
    let rest = rest.get(4..).unwrap_or_default();
    let Ok(head) = str::from_utf8(head) else { return Parsed::Broken("(headers are no text)") };
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let Some(version) = status_line.strip_prefix("HTTP/1.") else {
        return Parsed::Broken("(not HTTP/1)");
    };
    let mut closes = version.starts_with('0');
    let Some(Ok(status)) = version.split(' ').nth(1).map(str::parse) else {
        return Parsed::Broken("(no HTTP status)");
    };
    let mut length: Option<usize> = None;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            if value.eq_ignore_ascii_case("close") {
                closes = true;
            } else if value.eq_ignore_ascii_case("keep-alive") {
                closes = false;
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Parsed::Broken("(a chunked reply, which load does not read)");
        } else if name.eq_ignore_ascii_case("content-encoding") {
            return Parsed::Broken("(a compressed reply, which nobody asked for)");
        }
    }
    match length {
        Some(length) => match rest.get(..length) {
            Some(body) => Parsed::Complete(Response { status, body, closes }),
            None => Parsed::Incomplete,
        },
        None if ended => Parsed::Complete(Response { status, body: rest, closes: true }),
        None => Parsed::Incomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_complete_when_its_length_has_arrived() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nConnection: keep-alive\r\n\r\nabcd";
        for end in 0..whole.len() - 1 {
            assert_eq!(parse(&whole[..end], false), Parsed::Incomplete);
        }
        let complete = Response { status: 200, body: b"abc", closes: false };
        assert_eq!(parse(whole, false), Parsed::Complete(complete));
    }

    #[test]
    fn without_a_length_it_ends_with_the_connection() {
        let whole = b"HTTP/1.0 404 Not Found\r\n\r\nabc";
        assert_eq!(parse(whole, false), Parsed::Incomplete);
        let complete = Response { status: 404, body: b"abc", closes: true };
        assert_eq!(parse(whole, true), Parsed::Complete(complete));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (bytes, word) in [
            (&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], "chunked"),
            (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "compressed"),
            (b"HTTP/2 200\r\n\r\n", "HTTP/1"),
            (b"HTTP/1.1\r\n\r\n", "status"),
        ] {
            let Parsed::Broken(text) = parse(bytes, false) else { panic!() };
            assert!(text.contains(word), "{text}");
        }
    }
}
