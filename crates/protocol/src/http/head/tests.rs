use super::{HEADERS_MAX, HttpError, Method, ParsedHead, RequestHead, parse_head};

fn complete(request: &[u8]) -> (RequestHead<'_>, usize) {
    match parse_head(request) {
        ParsedHead::Complete { head, bytes } => (head, bytes),
        other => panic!("{other:?}: {}", request.escape_ascii()),
    }
}

fn head_with(version: &str, headers: &str) -> RequestHead<'static> {
    let request = format!("GET /announce HTTP/1.{version}\r\n{headers}\r\n");
    complete(Vec::leak(request.into_bytes())).0
}

fn invalid(request: &[u8]) -> HttpError {
    match parse_head(request) {
        ParsedHead::Invalid(error) => error,
        other => panic!("{other:?}: {}", request.escape_ascii()),
    }
}

#[test]
fn a_head_is_partial_until_its_empty_line() {
    let request = b"GET /announce?a HTTP/1.1\r\nHost: tracker.example\r\n\r\nGET /next";
    for end in 0..request.len() - 9 {
        assert!(matches!(parse_head(&request[..end]), ParsedHead::Partial), "{end}");
    }
    let (head, bytes) = complete(request);
    assert_eq!(bytes, request.len() - 9);
    assert_eq!((head.method, head.target), (Method::Get, b"/announce?a".as_slice()));
    assert_eq!((head.version_minor, head.keep_alive), (1, true));
    assert_eq!((head.content_length, head.chunked), (0, false));
    assert_eq!(head.host(), Some(b"tracker.example".as_slice()));
}

#[test]
fn methods_are_told_apart() {
    assert_eq!(complete(b"HEAD / HTTP/1.1\r\n\r\n").0.method, Method::Head);
    assert_eq!(complete(b"POST / HTTP/1.1\r\n\r\n").0.method, Method::Other);
    assert_eq!(complete(b"get / HTTP/1.1\r\n\r\n").0.method, Method::Other);
}

#[test]
fn the_version_and_the_connection_header_decide_on_keeping_alive() {
    assert!(head_with("1", "").keep_alive);
    assert!(!head_with("0", "").keep_alive);
    assert!(!head_with("1", "Connection: close\r\n").keep_alive);
    assert!(!head_with("1", "CONNECTION: Upgrade ,  ClOsE\r\n").keep_alive);
    assert!(head_with("1", "Connection: closed\r\n").keep_alive);
    assert!(head_with("0", "connection: Keep-Alive\r\n").keep_alive);
    assert!(!head_with("0", "Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
}

#[test]
fn a_body_is_announced_by_its_length_or_by_chunks() {
    assert_eq!(head_with("1", "Content-Length: 17\r\n").content_length, 17);
    let same = "Content-Length: 17\r\ncontent-length:17 \r\n";
    assert_eq!(head_with("1", same).content_length, 17);
    let head = head_with("1", "Content-Length: 17\r\nTransfer-Encoding: chunked\r\n");
    assert_eq!((head.content_length, head.chunked, head.keep_alive), (0, true, false));
}

#[test]
fn a_doubtful_length_is_refused() {
    for value in ["x", "", "-1", "+1", "1,1", "0x10", "18446744073709551616"] {
        let request = format!("GET / HTTP/1.1\r\nContent-Length: {value}\r\n\r\n");
        assert_eq!(invalid(request.as_bytes()), HttpError::ContentLength, "{value}");
    }
    let differing = b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(invalid(differing), HttpError::ContentLength);
}

#[test]
fn all_values_of_a_header_are_found_in_order() {
    let request = b"\r\nGET / HTTP/1.1\r\nX-Forwarded-For:  192.0.2.1, 192.0.2.2 \r\n\
                    X-Forwarded-Forx: no\r\nx-forwarded-for:\r\nX-FORWARDED-FOR:192.0.2.3\r\n\r\n";
    let (head, _) = complete(request);
    let values: Vec<_> = head.headers("X-Forwarded-For").collect();
    assert_eq!(values, [b"192.0.2.1, 192.0.2.2".as_slice(), b"", b"192.0.2.3"]);
    assert_eq!(head.headers("x-real-ip").count(), 0);
    assert_eq!(head.host(), None);
}

#[test]
fn sixty_four_headers_are_read_and_one_more_is_refused() {
    let headers = "X: y\r\n".repeat(HEADERS_MAX);
    let request = format!("GET / HTTP/1.1\r\n{headers}\r\n");
    assert_eq!(complete(request.as_bytes()).0.headers("x").count(), 64);
    let request = format!("GET / HTTP/1.1\r\n{headers}X: y\r\n\r\n");
    assert_eq!(invalid(request.as_bytes()), HttpError::TooManyHeaders);
    assert_eq!(HttpError::TooManyHeaders.status(), 431);
    let lenient = [b"GET /\xff HTTP/1.1\r\n".as_slice(), headers.as_bytes(), b"X: y\r\n\r\n"];
    assert_eq!(invalid(&lenient.concat()), HttpError::TooManyHeaders);
}

#[test]
fn any_byte_in_a_target_is_answered() {
    for target in [
        b"/announce?info_hash=\x80\xff\xfe".as_slice(),
        "/announce?ip=é".as_bytes(),
        b"/announce?peer_id=a b\tc",
        b"/announce HTTP/1.1",
        b"/ HTTP/1.1 x",
        b"/announce?peer_id=\x00\x01\x7f",
        b"/announce?\"<>\\^`{|}#",
    ] {
        let rest = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".as_slice();
        let request = [b"\r\nGET ".as_slice(), target, rest].concat();
        for end in 0..request.len() {
            assert!(matches!(parse_head(&request[..end]), ParsedHead::Partial), "{end}");
        }
        let followed = [request.as_slice(), b"GET"].concat();
        let (head, bytes) = complete(&followed);
        assert_eq!(head.target.escape_ascii().to_string(), target.escape_ascii().to_string());
        assert_eq!((bytes, head.keep_alive), (request.len(), false));
        assert_eq!(head.host(), Some(b"x".as_slice()));
    }
}

#[test]
fn what_is_not_http_is_refused_at_once() {
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"\x13BitTorrent protocol",
        b"GET\x00/",
        b"GET /announce\r\n",
        b"GET /announce\xff\r\n",
        b"GET  HTTP/1.1\r\n",
        b"G\xffT / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \x00\r\n\r\n",
    ] {
        assert_eq!(invalid(bytes), HttpError::Malformed, "{}", bytes.escape_ascii());
    }
    assert_eq!(invalid(b"GET / HTTP/2.0\r\n\r\n"), HttpError::Version);
    assert_eq!(invalid(b"GET /\xff HTTP/2.0\r\n\r\n"), HttpError::Version);
}

#[test]
fn the_first_user_agent_is_found_on_the_way() {
    let agent = |request: &'static [u8]| match parse_head(request) {
        ParsedHead::Complete { head, .. } => head.user_agent.map(<[u8]>::to_vec),
        other => panic!("{other:?}"),
    };
    let two = b"GET /a HTTP/1.1\r\nuser-AGENT:  qBittorrent/4.6.5 \r\nUser-Agent: b\r\n\r\n";
    assert_eq!(agent(two), Some(b"qBittorrent/4.6.5".to_vec()));
    assert_eq!(agent(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"), None);
    assert_eq!(agent(b"GET /a?\xe9 HTTP/1.1\r\nUser-Agent: a\r\n\r\n"), Some(b"a".to_vec()));
}
