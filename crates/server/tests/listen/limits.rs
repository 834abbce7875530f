//! What a client cannot do: send too much, too slowly, or too often at once.

use std::time::Duration;

use mika_server::listen::HttpSettings;

use crate::support::*;

const SOON: Duration = Duration::from_millis(150);

fn server(http: HttpSettings) -> Server {
    Server::http(Options { http, ..Options::default() })
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = server(HttpSettings { request_bytes_max: 2048, ..HttpSettings::default() });
    let mut client = server.client();
    client.send(request(&format!("/{}", "x".repeat(1900))));
    assert_eq!(client.response().status, 404);
    client.try_send(request(&format!("/{}", "x".repeat(100_000))).as_bytes());
    assert_eq!(client.response().status, 431);
    client.expect_end();
    assert_eq!(server.counters().parse_failures[1], 1);
    server.stop();
}

#[test]
fn too_many_headers_are_refused() {
    let server = server(HttpSettings::default());
    let mut client = server.client();
    client.send(format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100)));
    assert_eq!(client.response().status, 431);
    client.expect_end();
    server.stop();
}

#[test]
fn a_body_that_is_too_large_or_in_chunks_is_refused() {
    let server = server(HttpSettings { body_bytes_max: 1000, ..HttpSettings::default() });
    for header in ["Content-Length: 1001", "Transfer-Encoding: chunked"] {
        let mut client = server.client();
        client.send(format!("POST /announce HTTP/1.1\r\n{header}\r\n\r\n"));
        assert_eq!(client.response().status, 413);
        client.expect_end();
    }
    server.stop();
}

#[test]
fn a_client_that_waits_before_its_body_is_answered_and_closed() {
    let server = server(HttpSettings::default());
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    assert_eq!(client.response().status, 405);
    client.expect_end();
    server.stop();
}

#[test]
fn a_request_that_trickles_times_out_with_an_answer() {
    let server = server(HttpSettings { header_timeout: SOON, ..HttpSettings::default() });
    let mut client = server.client();
    client.send("GET /announce?info_ha");
    assert_eq!(client.response().status, 408);
    client.expect_end();
    // Bytes that keep coming do not help.
    let mut client = server.client();
    let mut feeder = client.twin();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            feeder.try_send(b"GET /");
            for _ in 0..40 {
                feeder.try_send(b"x");
                std::thread::sleep(SOON / 10);
            }
        });
        assert_eq!(client.response().status, 408);
    });
    assert_eq!(server.counters().connections_timed_out, 2);
    server.stop();
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let server = server(HttpSettings { header_timeout: SOON, ..HttpSettings::default() });
    server.client().expect_end();
    assert_eq!(server.counters().connections_timed_out, 1);
    server.stop();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = server(HttpSettings { idle_timeout: SOON, ..HttpSettings::default() });
    let mut client = server.client();
    assert!(client.get(&announce(2001)).is_accepted());
    client.expect_end();
    let counters = server.counters();
    assert_eq!((counters.connections_idled_out, counters.connections_timed_out), (1, 0));
    server.stop();
}

#[test]
fn a_client_that_takes_no_replies_is_dropped() {
    let server = server(HttpSettings { header_timeout: SOON, ..HttpSettings::default() });
    let mut client = server.client();
    let requests = request("/nothing").repeat(500);
    // Until the server stops reading, because it cannot send.
    while server.counters().connections_timed_out == 0 {
        client.try_send(requests.as_bytes());
    }
    server.wait_until(|server| server.context.connections_open() == 0);
    server.stop();
}

#[test]
fn connections_over_the_limit_are_closed_and_counted() {
    let server = server(HttpSettings { connections_max: 2, ..HttpSettings::default() });
    let (mut first, mut second) = (server.client(), server.client());
    assert!(first.get(&announce(2001)).is_accepted());
    assert!(second.get(&announce(2002)).is_accepted());
    server.client().expect_end();
    assert_eq!(server.counters().connections_refused, 1);
    drop(first);
    server.wait_until(|server| server.context.connections_open() == 1);
    assert!(server.client().get(&announce(2003)).is_accepted());
    server.stop();
}

#[test]
fn a_shutdown_finishes_the_request_that_is_arriving() {
    let server = server(HttpSettings::default());
    let mut idle = server.client();
    assert!(idle.get(&announce(2001)).is_accepted());
    let mut slow = server.client();
    let request = request(&announce(2002));
    let (first, second) = request.split_at(60);
    slow.send(first);
    let bytes = request.len() + first.len();
    server.wait_until(|server| server.counters().bytes_in[0] == bytes as u64);
    server.begin_to_stop();
    slow.send(second);
    let response = slow.response();
    assert!(response.is_accepted());
    assert!(response.head.contains("Connection: close\r\n"), "{}", response.head);
    slow.expect_end();
    idle.expect_end();
    server.stop();
}

#[test]
fn a_shutdown_does_not_wait_forever_for_a_request() {
    let http = HttpSettings { drain_timeout: SOON, ..HttpSettings::default() };
    let server = server(http);
    let mut client = server.client();
    client.send("GET /announce");
    server.wait_until(|server| server.counters().bytes_in[0] == 13);
    server.stop();
    client.expect_end();
}
