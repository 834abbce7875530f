use super::write_response;

fn response(status: u16, keep_alive: bool, body: &[u8]) -> String {
    let mut out = b"before".to_vec();
    write_response(&mut out, status, keep_alive, |out| out.extend_from_slice(body));
    String::from_utf8(out).unwrap()
}

#[test]
fn the_length_is_exact_whatever_its_digits() {
    for length in [0, 9, 10, 99, 100, 999, 1000, 123_456] {
        let body = "x".repeat(length);
        assert_eq!(
            response(200, true, body.as_bytes()),
            format!(
                "beforeHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            )
        );
    }
}

#[test]
fn a_status_has_its_reason_and_a_closing_reply_says_so() {
    assert_eq!(
        response(404, false, b"no"),
        "beforeHTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nConnection: close\r\n\
         Content-Length: 2\r\n\r\nno"
    );
    assert_eq!(
        response(405, true, b"no"),
        "beforeHTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Type: text/plain\r\n\
         Connection: keep-alive\r\nContent-Length: 2\r\n\r\nno"
    );
    assert!(response(299, false, b"").starts_with("beforeHTTP/1.1 299 \r\n"));
}
