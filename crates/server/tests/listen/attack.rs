//! Requests that nobody should send, many of them.

use crate::support::*;

/// A request that has been damaged in up to four places.
fn mutate(random: &mut fastrand::Rng, request: &[u8]) -> Vec<u8> {
    let mut bytes = request.to_vec();
    for _ in 0..random.usize(1..=4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.usize(0..bytes.len());
        match random.u8(0..6) {
            0 => bytes[at] = random.u8(..),
            1 => bytes.insert(at, b"\0\r\n &=%?/:"[random.usize(0..10)]),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at + 1),
            4 => {
                let piece = bytes[at..(at + 30).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes[at] ^= 1 << random.u8(0..8),
        }
    }
    bytes
}

#[test]
fn a_worker_survives_thousands_of_broken_requests() {
    let server = Server::http(Options::default());
    let mut random = fastrand::Rng::with_seed(20_261_122);
    let originals = [
        request(&announce_with(2001, "&event=started&numwant=50&key=12345678")),
        request("/secret/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa&info_hash=bbbbbbbbbbbbbbbbbbbb"),
        format!("POST {} HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", announce(2001)),
        format!("HEAD {} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", announce(2001)),
    ];
    for round in 0..2000 {
        let original = &originals[round % originals.len()];
        let mut client = server.client();
        client.try_send(&mutate(&mut random, original.as_bytes()));
        if round % 2 == 0 {
            client.try_send(&mutate(&mut random, original.as_bytes()));
        }
        client.half_close();
        client.read_to_end();
    }
    for _ in 0..500 {
        let mut client = server.client();
        let garbage: Vec<u8> = (0..random.usize(1..3000)).map(|_| random.u8(..)).collect();
        client.try_send(&garbage);
        client.half_close();
        client.read_to_end();
    }
    let mut client = server.client();
    assert!(client.get(&announce(2001)).is_accepted());
    assert_eq!(server.counters().connections_accepted, 2501);
    server.stop();
}

#[test]
fn every_whole_request_of_a_mutated_target_is_answered() {
    let server = Server::http(Options::default());
    let mut random = fastrand::Rng::with_seed(7);
    let mut client = server.client();
    for _ in 0..3000 {
        let target = announce_with(2001, "&event=started&numwant=50");
        let mut target = mutate(&mut random, target.as_bytes());
        // What ends a target or a line would make it another request.
        target.retain(|byte| byte.is_ascii_graphic());
        let target = String::from_utf8(target).unwrap();
        let response = client.get(&format!("/{target}"));
        assert!(matches!(response.status, 200 | 404), "{target}: {response:?}");
    }
    assert_eq!(server.counters().connections_accepted, 1);
    server.stop();
}

#[test]
fn a_socket_survives_thousands_of_broken_datagrams() {
    let server = Server::udp(Options::default());
    let mut random = fastrand::Rng::with_seed(20_261_122);
    let mut client = crate::udp::Client::new(&server);
    let id = client.connect();
    let announce = crate::udp::announce(id, 7, 2001, b"\x02\x0c/x/announce?");
    for _ in 0..3000 {
        client.send(&mutate(&mut random, &announce));
        let garbage: Vec<u8> = (0..random.usize(0..200)).map(|_| random.u8(..)).collect();
        client.send(&garbage);
    }
    // Its replies are somewhere among those to the others.
    client.send(&crate::udp::announce(id, 0x1234_5678, 2001, b""));
    let accepted = [0, 0, 0, 1, 0x12, 0x34, 0x56, 0x78];
    while !client.receive().is_some_and(|reply| reply.starts_with(&accepted)) {
        client.send(&crate::udp::announce(id, 0x1234_5678, 2001, b""));
    }
    server.stop();
}
