//! What HTTP clients do, and what they get.

use crate::support::*;

fn server() -> Server {
    Server::http(Options::default())
}

#[test]
fn a_connection_is_kept_alive_over_many_announces() {
    let server = server();
    let mut client = server.client();
    for port in 2000..2050 {
        let response = client.get(&announce(port));
        assert!(response.is_accepted(), "{response:?}");
        assert!(response.head.contains("Connection: keep-alive\r\n"), "{}", response.head);
    }
    assert_eq!(server.counters().connections_accepted, 1);
    assert_eq!(server.counters().announces, [[50, 0, 0, 0], [0; 4], [0; 4]]);
    assert_eq!(server.context.connections_open(), 1);
    server.stop();
}

#[test]
fn peers_are_told_about_each_other() {
    let server = server();
    let mut client = server.client();
    assert_eq!(client.get(&announce(2001)).peers(6), Vec::<&[u8]>::new());
    let response = client.get(&announce(2002));
    assert_eq!(response.peers(6), [[127, 0, 0, 1, 0x07, 0xd1]]);
    assert!(response.text().contains("11:external ip4:\\x7f\\x00\\x00\\x01"), "{response:?}");
    let response = client.get(&announce_with(2003, "&numwant=1"));
    assert_eq!(response.peers(6).len(), 1);
    server.stop();
}

#[test]
fn dictionaries_are_sent_to_clients_that_want_them() {
    let server = server();
    let mut client = server.client();
    client.get(&announce(2001));
    let target = announce(2002).replace("compact=1", "compact=0");
    let text = client.get(&target).text();
    assert!(text.contains("5:peersld2:ip9:127.0.0.14:porti2001eee"), "{text}");
    server.stop();
}

#[test]
fn the_tracker_id_is_sent_when_there_is_one() {
    let server = server();
    let mut client = server.client();
    assert!(!client.get(&announce(2001)).text().contains("tracker id"));
    let tracker_id = Some("node-1".to_owned());
    server.context.set_live(mika_server::listen::LiveSettings { tracker_id, ..Default::default() });
    assert!(client.get(&announce(2001)).text().contains("10:tracker id6:node-1"));
    server.stop();
}

#[test]
fn ipv6_clients_are_served_and_told_of_ipv6_peers() {
    let server = Server::http(Options { address: IPV6, ..Options::default() });
    let mut client = server.client();
    client.get(&announce(2001));
    let response = client.get(&announce(2002));
    let mut row = [0; 18];
    row[15] = 1;
    row[16..].copy_from_slice(&2001_u16.to_be_bytes());
    assert_eq!(response.peers(18), [row]);
    server.stop();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = server();
    let mut client = server.client();
    let requests = [request(&announce(2001)), request("/nothing"), request("/")].concat();
    client.send(&requests);
    assert!(client.response().is_accepted());
    assert_eq!(client.response().status, 404);
    assert_eq!(client.response().text(), "This is a BitTorrent tracker.\\n");
    server.stop();
}

#[test]
fn thousands_of_pipelined_requests_are_all_answered() {
    let server = server();
    let mut client = server.client();
    let mut sender = client.twin();
    let requests = request(&announce(2001)).repeat(3000);
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send(&requests));
        for _ in 0..3000 {
            assert!(client.response().is_accepted());
        }
    });
    server.stop();
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let server = server();
    let mut client = server.client();
    for byte in request(&announce(2001)).bytes() {
        client.send([byte]);
    }
    assert!(client.response().is_accepted());
    // And in two halves, with the next one on its heels.
    let both = request(&announce(2001)).repeat(2);
    let (first, second) = both.split_at(100);
    client.send(first);
    client.send(second);
    assert!(client.response().is_accepted());
    assert!(client.response().is_accepted());
    server.stop();
}

#[test]
fn odd_queries_are_answered() {
    let server = server();
    let mut client = server.client();
    for parameters in [
        "&supportcrypto",
        "&flag&another",
        "&trackerid=a=b==",
        "&numwant=-1",
        "&numwant=",
        "&numwant=99999999999999999999",
        "&port=3000&port=x",
        "&event=unheard-of",
        "&event=",
        "&",
        "&&&=&=&",
        "&key=%zz%",
        "&ip=not.an.address",
        "&ipv6=%5B2001%3Adb8%3A%3A1%5D%3A80",
    ] {
        let response = client.get(&announce_with(2001, parameters));
        assert!(response.is_accepted(), "{parameters}: {response:?}");
    }
    let escaped = announce(2001).replace("aaaaaaaaaaaaaaaaaaaa", &"%61%FF%00%0A".repeat(5));
    assert!(client.get(&escaped).is_accepted());
    let raw = announce(2001).replace("aaaaaaaaaaaaaaaaaaaa", &"+~!*'".repeat(4));
    assert!(client.get(&raw).is_accepted());
    server.stop();
}

#[test]
fn unescaped_bytes_in_the_info_hash_are_answered() {
    let server = server();
    let mut client = server.client();
    let request = request(&announce(2001)).into_bytes();
    let raw: Vec<u8> = request.iter().map(|&byte| if byte == b'a' { 0xfe } else { byte }).collect();
    // The words `announce` and `downloaded` have to stay what they are.
    let at = request.windows(20).position(|bytes| bytes == [b'a'; 20]).unwrap();
    let mut mixed = request.clone();
    mixed[at..at + 20].copy_from_slice(&raw[at..at + 20]);
    client.send(&mixed);
    assert!(client.response().is_accepted());
    server.stop();
}

#[test]
fn announces_that_cannot_be_read_fail_with_a_reason() {
    let server = server();
    let mut client = server.client();
    let cases = [
        ("/announce".to_owned(), "info_hash is missing"),
        ("/announce?info_hash=short".to_owned(), "info_hash is not 20 bytes"),
        (announce(2001).replace("&port=2001", ""), "port is missing"),
        (announce(2001).replace("left=100", "left=many"), "left is not a decimal number"),
        ("/a.b/announce".to_owned(), "invalid passkey"),
        ("/scrape".to_owned(), "info_hash is missing"),
        ("/scrape?info_hash=xyz".to_owned(), "info_hash is not 20 bytes"),
    ];
    for (target, reason) in cases {
        let response = client.get(&target);
        let failure = response.failure();
        assert!(failure.starts_with(reason), "{target}: {failure}");
        assert!(response.text().contains("8:intervali"), "{response:?}");
        assert!(response.text().contains("8:retry in"), "{response:?}");
    }
    let failures = server.counters().parse_failures;
    assert_eq!(failures, [0, 0, 0, 0, 0, 1, 4, 2, 0]);
    server.stop();
}

#[test]
fn refusals_of_the_tracker_say_when_to_come_back() {
    let server = Server::http(Options { mode: mika_core::Mode::Private, ..Options::default() });
    let mut client = server.client();
    let refusal = mika_core::Refusal::PasskeyMissing;
    let explanation = server.context.tracker.explain(refusal);
    let response = client.get(&announce(2001));
    assert_eq!(response.failure(), explanation.text);
    let interval = format!("8:intervali{}e12:min interval", explanation.interval_seconds.unwrap());
    assert!(response.text().contains(&interval), "{response:?}");
    assert_eq!(client.get("/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa").failure(), explanation.text);
    assert_eq!(server.counters().refused.as_flattened()[refusal.index()], 2);
    server.stop();
}

#[test]
fn users_of_a_private_tracker_are_told_of_each_other() {
    let server = Server::http(Options { mode: mika_core::Mode::Private, ..Options::default() });
    server.add_user(1, "key1");
    server.add_user(2, "key2");
    let mut client = server.client();
    let of = |user: &str, target: String| target.replace("/announce", user);
    assert!(client.get(&of("/key1/announce", announce(2001))).is_accepted());
    assert!(client.get(&of("/announce/key1", announce(2003))).is_accepted());
    let response = client.get(&of("/key2/announce", announce(2002)));
    let mut ports: Vec<u16> =
        response.peers(6).iter().map(|row| u16::from_be_bytes([row[4], row[5]])).collect();
    ports.sort_unstable();
    assert_eq!(ports, [2001, 2003]);
    let scrape =
        client.get("/key1/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa&info_hash=unknown-to-the-world");
    assert_eq!(scrape.text().matches("8:completei").count(), 1, "{scrape:?}");
    let failure = client.get(&of("/key3/announce", announce(2002))).failure();
    assert_eq!(failure, mika_core::Refusal::PasskeyUnknown.text());
    server.stop();
}

#[test]
fn scrapes_count_the_torrents_asked_for() {
    let server = server();
    let mut client = server.client();
    client.get(&announce(2001));
    let text = client.get("/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa").text();
    let counts = "d8:completei0e10:downloadedi0e11:downloaders";
    assert!(text.starts_with(&format!("d5:filesd20:aaaaaaaaaaaaaaaaaaaa{counts}")), "{text}");
    assert!(text.contains("10:incompletei1e"), "{text}");
    // Those over the limit are left out.
    let many: String = (0..100).map(|number| format!("&info_hash={number:020}")).collect();
    let text = client.get(&format!("/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa{many}")).text();
    assert!(text.matches("8:completei").count() <= 74, "{text}");
    assert_eq!(server.counters().scrapes, [2, 0, 0]);
    server.stop();
}

#[test]
fn other_paths_and_methods_are_answered_and_the_connection_goes_on() {
    let server = server();
    let mut client = server.client();
    assert_eq!(client.get("/favicon.ico").status, 404);
    assert_eq!(client.get("/").status, 200);
    client.send("DELETE /announce HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.response().status, 405);
    client.send("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\nhello\r\nyou!");
    client.send(request(&announce(2001)));
    assert_eq!(client.response().status, 405);
    assert!(client.response().is_accepted());
    server.stop();
}

#[test]
fn a_get_with_a_body_is_answered_and_the_body_skipped() {
    let server = server();
    let mut client = server.client();
    let with_body = request(&announce(2001)).replace("Host:", "Content-Length: 40000\r\nHost:");
    client.send(with_body);
    assert!(client.response().is_accepted());
    client.send("x".repeat(40_000));
    client.send(request("/"));
    assert_eq!(client.response().status, 200);
    server.stop();
}

#[test]
fn head_is_answered_with_the_head_alone() {
    let server = server();
    let mut client = server.client();
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.send(request("/nothing"));
    let head = client.head();
    assert_eq!(head.status, 200);
    assert!(head.head.contains("Content-Length: 30\r\n"), "{}", head.head);
    assert_eq!(client.response().status, 404);
    server.stop();
}

#[test]
fn connections_are_closed_when_the_client_wants_it() {
    let server = server();
    for request in [
        format!("GET {} HTTP/1.0\r\n\r\n", announce(2001)),
        format!("GET {} HTTP/1.1\r\nConnection: close\r\n\r\n", announce(2001)),
    ] {
        let mut client = server.client();
        client.send(request);
        let response = client.response();
        assert!(response.is_accepted());
        assert!(response.head.contains("Connection: close\r\n"), "{}", response.head);
        client.expect_end();
    }
    let mut client = server.client();
    client.send(format!("GET {} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", announce(2001)));
    assert!(client.response().is_accepted());
    assert!(client.get(&announce(2001)).is_accepted());
    server.stop();
}

#[test]
fn a_client_that_half_closes_gets_its_answers() {
    let server = server();
    let mut client = server.client();
    client.send(request(&announce(2001)).repeat(2));
    client.half_close();
    assert!(client.response().is_accepted());
    assert!(client.response().is_accepted());
    client.expect_end();
    server.stop();
}

#[test]
fn what_is_not_http_is_told_so_and_closed() {
    let server = server();
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01".as_slice(),
        b"\x13BitTorrent protocol",
        b"hello there\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"\0\0\0\0",
    ] {
        let mut client = server.client();
        client.send(bytes);
        let response = client.response();
        assert_eq!(response.status, 400, "{response:?}");
        client.expect_end();
    }
    let mut client = server.client();
    client.send("GET / HTTP/2.0\r\n\r\n");
    assert!(matches!(client.response().status, 400 | 505));
    client.expect_end();
    server.stop();
}

#[test]
fn workers_share_the_port_and_the_swarms() {
    let server = Server::http(Options { workers: 4, ..Options::default() });
    let mut clients: Vec<_> = (0..16).map(|_| server.client()).collect();
    for (client, port) in clients.iter_mut().zip(2000..) {
        assert!(client.get(&announce(port)).is_accepted());
    }
    assert_eq!(clients[0].get(&announce(2000)).peers(6).len(), 15);
    assert_eq!(server.counters().announces[0], [17, 0, 0, 0]);
    server.stop();
}
