use mika_protocol::http::{ParsedHead, parse_head};

use super::*;

fn client(from: &str, headers: &str) -> Result<String, OriginError> {
    let request = format!("GET /announce HTTP/1.1\r\n{headers}\r\n");
    let ParsedHead::Complete { head, .. } = parse_head(request.as_bytes()) else {
        panic!("the test's own request does not parse")
    };
    let live = LiveSettings {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/16".parse().unwrap()],
        client_address_header: Some("X-Forwarded-For".to_owned()),
        ..LiveSettings::default()
    };
    let origin = Origin::of(SocketAddr::new(from.parse().unwrap(), 9));
    origin.client(&head, &live).map(|address| address.to_string())
}

#[test]
fn a_stranger_is_not_believed() {
    assert_eq!(client("192.0.2.1", "X-Forwarded-For: 1.2.3.4\r\n").unwrap(), "192.0.2.1");
    assert_eq!(client("::ffff:192.0.2.1", "").unwrap(), "192.0.2.1");
}

#[test]
fn the_rightmost_stranger_is_the_client() {
    let client = |headers| client("10.0.0.1", headers).unwrap();
    assert_eq!(client("X-Forwarded-For: 1.2.3.4\r\n"), "1.2.3.4");
    assert_eq!(client("x-forwarded-for: 6.6.6.6, 1.2.3.4\r\n"), "1.2.3.4");
    assert_eq!(client("X-Forwarded-For: 6.6.6.6,1.2.3.4, 10.0.0.7,fd00::1\r\n"), "1.2.3.4");
    assert_eq!(client("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\n"), "1.2.3.4");
    assert_eq!(client("X-Forwarded-For: forged, 1.2.3.4\r\n"), "1.2.3.4");
}

#[test]
fn a_list_of_proxies_alone_means_its_first() {
    assert_eq!(client("10.0.0.1", "X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n").unwrap(), "10.1.1.1");
}

#[test]
fn addresses_come_in_several_forms() {
    for (text, address) in [
        ("1.2.3.4:5678", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
    ] {
        let header = format!("X-Forwarded-For:{text}\r\n");
        assert_eq!(client("fd00::9", &header).unwrap(), address);
    }
}

#[test]
fn a_proxy_that_does_not_say_is_an_error() {
    use OriginError::{HeaderInvalid, HeaderMissing};
    assert_eq!(client("10.0.0.1", "Host: x\r\n"), Err(HeaderMissing));
    assert_eq!(client("10.0.0.1", "X-Forwarded-For:\r\n"), Err(HeaderInvalid));
    assert_eq!(client("10.0.0.1", "X-Forwarded-For: unknown\r\n"), Err(HeaderInvalid));
    assert_eq!(client("10.0.0.1", "X-Forwarded-For: 1.2.3.4, \r\n"), Err(HeaderInvalid));
    assert_eq!(client("10.0.0.1", "X-Forwarded-For: 1.2.3.4, x, 10.1.1.1\r\n"), Err(HeaderInvalid));
}
