//! Clients behind reverse proxies.

use mika_server::listen::{HttpSettings, LiveSettings};

use crate::support::*;

fn live(networks: &[&str], header: &str) -> LiveSettings {
    LiveSettings {
        trusted_proxies: networks.iter().map(|network| network.parse().unwrap()).collect(),
        client_address_header: (!header.is_empty()).then(|| header.to_owned()),
        ..LiveSettings::default()
    }
}

fn with_header(port: u16, header: &str) -> String {
    request(&announce(port)).replace("Host:", &format!("{header}\r\nHost:"))
}

/// The value of `external ip` as dotted decimals.
fn external_ip(response: &Response) -> String {
    let key = b"11:external ip4:";
    let at = response.body.windows(key.len()).position(|bytes| bytes == key).unwrap();
    let octets: [u8; 4] = response.body[at + key.len()..][..4].try_into().unwrap();
    std::net::Ipv4Addr::from(octets).to_string()
}

#[test]
fn a_trusted_proxy_names_the_client() {
    let live = live(&["127.0.0.0/8"], "X-Forwarded-For");
    let server = Server::http(Options { live, ..Options::default() });
    let mut client = server.client();
    client.send(with_header(2001, "X-Forwarded-For: 1.1.1.1, 192.0.2.7"));
    assert_eq!(external_ip(&client.response()), "192.0.2.7");
    // The next request on the same connection is another client's.
    client.send(with_header(2002, "x-forwarded-for: 192.0.2.8, 127.0.0.9"));
    let response = client.response();
    assert_eq!(external_ip(&response), "192.0.2.8");
    assert_eq!(response.peers(6), [[192, 0, 2, 7, 0x07, 0xd1]]);
    server.stop();
}

#[test]
fn a_trusted_proxy_that_names_nobody_fails_the_announce() {
    let live = live(&["127.0.0.0/8"], "X-Real-IP");
    let server = Server::http(Options { live, ..Options::default() });
    let mut client = server.client();
    assert!(client.get(&announce(2001)).failure().starts_with("the proxy did not say"));
    client.send(with_header(2001, "X-Real-IP: \u{ff}nonsense"));
    assert!(client.response().failure().starts_with("the proxy sent an invalid"));
    client.send(with_header(2001, "X-Real-IP: 192.0.2.7"));
    assert_eq!(external_ip(&client.response()), "192.0.2.7");
    assert_eq!(server.counters().parse_failures[4], 2);
    server.stop();
}

#[test]
fn a_stranger_cannot_name_another_client() {
    let live = live(&["10.0.0.0/8"], "X-Forwarded-For");
    let server = Server::http(Options { live, ..Options::default() });
    let mut client = server.client();
    client.send(with_header(2001, "X-Forwarded-For: 192.0.2.7"));
    assert_eq!(external_ip(&client.response()), "127.0.0.1");
    server.stop();
}

fn proxy_server(networks: &[&str]) -> Server {
    let http = HttpSettings { proxy_protocol: true, ..HttpSettings::default() };
    Server::http(Options { http, live: live(networks, ""), ..Options::default() })
}

/// A version 2 header for a connection from 192.0.2.9, with an extension.
fn version_2() -> Vec<u8> {
    let addresses = [192, 0, 2, 9, 10, 0, 0, 1, 0x13, 0x88, 0, 80, 4, 0, 1, 0];
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x10".as_slice(), &addresses].concat()
}

#[test]
fn a_proxy_header_of_either_version_names_the_client() {
    let server = proxy_server(&["127.0.0.1"]);
    let mut client = server.client();
    client.send("PROXY TCP4 192.0.2.7 10.0.0.1 5000 80\r\n".to_owned() + &request(&announce(2001)));
    assert_eq!(external_ip(&client.response()), "192.0.2.7");
    assert_eq!(external_ip(&client.get(&announce(2001))), "192.0.2.7");
    let mut client = server.client();
    client.send([version_2(), request(&announce(2002)).into_bytes()].concat());
    assert_eq!(external_ip(&client.response()), "192.0.2.9");
    // However it is cut.
    let mut client = server.client();
    for byte in [version_2(), request(&announce(2002)).into_bytes()].concat() {
        client.send([byte]);
    }
    assert_eq!(external_ip(&client.response()), "192.0.2.9");
    server.stop();
}

#[test]
fn a_health_check_of_the_proxy_is_answered_but_cannot_announce() {
    let server = proxy_server(&["127.0.0.1"]);
    let mut client = server.client();
    client.send("PROXY UNKNOWN\r\n");
    assert_eq!(client.get("/").status, 200);
    assert!(client.get(&announce(2001)).failure().starts_with("the proxy sent no client address"));
    server.stop();
}

#[test]
fn a_trusted_proxy_without_a_proxy_header_is_closed() {
    let server = proxy_server(&["127.0.0.1"]);
    for bytes in [request("/").as_bytes(), b"PROXY TCP4 x y 1 2\r\n", b"PROXY "] {
        let mut client = server.client();
        client.send(bytes);
        client.half_close();
        client.expect_end();
    }
    assert_eq!(server.counters().proxy_failures, 3);
    server.stop();
}

#[test]
fn a_proxy_header_of_a_stranger_is_not_http() {
    let server = proxy_server(&["10.0.0.0/8"]);
    let mut client = server.client();
    client.send("PROXY TCP4 192.0.2.7 10.0.0.1 5000 80\r\n".to_owned() + &request(&announce(2001)));
    assert_eq!(client.response().status, 400);
    let mut client = server.client();
    assert_eq!(external_ip(&client.get(&announce(2001))), "127.0.0.1");
    server.stop();
}
