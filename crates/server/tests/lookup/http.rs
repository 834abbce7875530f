//! Over HTTP.

use std::time::Duration;

use mika_server::lookup::LookupSettings;

use crate::support::{PASSKEY, Server, Site, announce, is_accepted, settings};

const SOON: &str = "it will work in a moment";
const UNREGISTERED: &str = "torrent not registered";

#[test]
fn the_first_announce_of_a_new_user_for_a_new_torrent_is_answered() {
    let site = Site::start();
    let server = Server::start(&site, settings());
    site.add_user(1, PASSKEY);
    site.add_torrent(1, 'a');
    let mut client = server.client();
    let body = client.get(announce(PASSKEY, 'a', 2001));
    assert!(is_accepted(&body), "{body}");
    assert_eq!(server.lookup.asked_total(), 2);
    assert!(is_accepted(&client.get(announce(PASSKEY, 'a', 2001))));
    assert_eq!(server.lookup.asked_total(), 2);
    assert_eq!(server.lookup.parked(), 0);
    assert_eq!(server.unregistered(), [], "it was registered all the time");
    server.stop();
}

#[test]
fn what_the_site_does_not_know_is_refused_and_not_asked_again() {
    let site = Site::start();
    let server = Server::start(&site, settings());
    server.know_user();
    let mut client = server.client();
    for _ in 0..3 {
        let body = client.get(announce(PASSKEY, 'b', 2001));
        assert!(body.contains(UNREGISTERED), "{body}");
        let body = client.get(announce("nobody", 'b', 2001));
        assert!(body.contains("passkey unknown"), "{body}");
    }
    assert_eq!(server.lookup.asked_total(), 2);
    assert_eq!(server.unregistered(), [(1, 'b')]);
    server.stop();
}

#[test]
fn a_hundred_announces_of_one_torrent_are_one_question() {
    let site = Site::start();
    let server = Server::start(&site, settings());
    server.know_user();
    site.add_user(1, PASSKEY);
    site.add_torrent(1, 'a');
    let mut clients: Vec<_> = (0..100).map(|_| server.client()).collect();
    for (client, port) in clients.iter_mut().zip(2000..) {
        client.send(&[announce(PASSKEY, 'a', port)]);
    }
    let bodies: Vec<_> = clients.iter_mut().map(|client| client.receive()).collect();
    // Three sessions of one user may be on a torrent; what the others are told is not "unknown".
    assert_eq!(bodies.iter().filter(|body| is_accepted(body)).count(), 3);
    assert!(bodies.iter().all(|body| !body.contains(UNREGISTERED) && !body.contains(SOON)));
    assert_eq!(server.lookup.asked_total(), 1);
    server.stop();
}

#[test]
fn pipelined_announces_are_answered_in_their_order() {
    let site = Site::start();
    let server = Server::start(&site, settings());
    server.know_user();
    site.add_torrent(1, 'a');
    site.add_torrent(2, 'c');
    let mut client = server.client();
    let targets = ["/".to_owned(), announce(PASSKEY, 'a', 2001), announce(PASSKEY, 'b', 2001)];
    let more = ["/".to_owned(), announce(PASSKEY, 'c', 2002), "/elsewhere".to_owned()];
    client.send(&[targets, more].concat());
    let bodies: Vec<_> = (0..6).map(|_| client.receive()).collect();
    assert!(bodies[0].contains("BitTorrent tracker"), "{bodies:?}");
    assert!(is_accepted(&bodies[1]), "{bodies:?}");
    assert!(bodies[2].contains(UNREGISTERED), "{bodies:?}");
    assert!(bodies[3].contains("BitTorrent tracker"), "{bodies:?}");
    assert!(is_accepted(&bodies[4]), "{bodies:?}");
    assert!(bodies[5].contains("there is nothing here"), "{bodies:?}");
    server.stop();
}

#[test]
fn while_the_site_hangs_others_are_answered_and_who_waits_is_told_to_come_back() {
    let site = Site::hangs();
    let wait = Duration::from_secs(2);
    let server = Server::start(&site, LookupSettings { wait, ..settings() });
    server.know_user();
    let (mut waiting, mut other) = (server.client(), server.client());
    waiting.send(&[announce(PASSKEY, 'a', 2001), "/".to_owned()]);
    server.wait_until(|server| server.lookup.parked() == 1);
    // The only worker is free, and what it knows it answers.
    assert!(other.get("/".to_owned()).contains("BitTorrent tracker"));
    let body = waiting.receive();
    assert!(body.contains(SOON), "{body}");
    assert!(body.contains("8:retry ini1e") || body.contains("8:retry in1:1"), "{body}");
    assert!(waiting.receive().contains("BitTorrent tracker"));
    assert_eq!(server.lookup.parked(), 0);
    // The passkey of nobody waits too, and is not told to wait for an hour.
    let body = other.get(announce("somebody", 'a', 2001));
    assert!(body.contains(SOON) && !body.contains("3600"), "{body}");
    server.stop();
}

#[test]
fn no_more_announces_wait_than_may() {
    let site = Site::hangs();
    let server = Server::start(&site, LookupSettings { parked_max: 2, ..settings() });
    server.know_user();
    let mut waiting: Vec<_> = ['a', 'b'].map(|letter| (server.client(), letter)).into();
    for (client, letter) in &mut waiting {
        client.send(&[announce(PASSKEY, *letter, 2001)]);
    }
    server.wait_until(|server| server.lookup.parked() == 2 && server.lookup.asked_total() == 2);
    let body = server.client().get(announce(PASSKEY, 'c', 2001));
    assert!(body.contains(SOON), "{body}");
    assert_eq!(server.lookup.asked_total(), 2);
    server.stop();
}

#[test]
fn a_look_up_that_failed_is_not_taken_for_an_answer() {
    let site = Site::start();
    let dead = Server::start(&site, settings());
    dead.know_user();
    drop(site);
    let body = dead.client().get(announce(PASSKEY, 'a', 2001));
    assert!(body.contains(SOON), "{body}");
    assert_eq!(dead.lookup.asked_total(), 1);
    let body = dead.client().get(announce(PASSKEY, 'a', 2001));
    assert!(body.contains(SOON), "{body}");
    assert_eq!(dead.lookup.asked_total(), 2, "a failure is not remembered as an answer");
    assert_eq!(dead.unregistered(), [], "nobody has said that it is not registered");
    dead.stop();
}

#[test]
fn what_the_site_has_deleted_is_refused_once_it_was_asked_again() {
    let site = Site::start();
    let known = Duration::from_millis(1);
    let server = Server::start(&site, LookupSettings { known, ..settings() });
    site.add_user(1, PASSKEY);
    site.add_torrent(1, 'a');
    let mut client = server.client();
    assert!(is_accepted(&client.get(announce(PASSKEY, 'a', 2001))));
    site.execute("DELETE FROM torrents");
    let task = server.lookup.refresh();
    server.wait_until(|server| {
        server.client().get(announce(PASSKEY, 'a', 2001)).contains("torrent deleted")
    });
    task.abort();
    server.stop();
}

#[test]
fn the_metrics_tell_what_became_of_look_ups() {
    let site = Site::start();
    let server = Server::start(&site, settings());
    site.add_user(1, PASSKEY);
    site.add_torrent(1, 'a');
    let mut client = server.client();
    client.get(announce(PASSKEY, 'a', 2001));
    client.get(announce(PASSKEY, 'b', 2001));
    client.get(announce(PASSKEY, 'b', 2001));
    let told = |asked: u32, found: u32, unknown: u32, failed: u32, open: u32| {
        [
            format!("s_asked_total {asked}"),
            format!("s_total{{result=\"found\"}} {found}"),
            format!("s_total{{result=\"unknown\"}} {unknown}"),
            format!("s_total{{result=\"failed\"}} {failed}"),
            "_parked 0".to_owned(),
            "_not_parked_total 0".to_owned(),
            format!("_breaker_open {open}"),
        ]
    };
    assert_eq!(server.metrics(), told(3, 2, 1, 0, 0));
    drop(site);
    for letter in ['c', 'd', 'e', 'f', 'g', 'h'] {
        let body = client.get(announce(PASSKEY, letter, 2001));
        assert!(body.contains(SOON), "{body}");
    }
    // Five failures in a row are enough; after them the site is left alone.
    assert_eq!(server.metrics(), told(9, 2, 1, 6, 1));
    server.stop();

    let site = Site::hangs();
    let server = Server::start(&site, LookupSettings { parked_max: 1, ..settings() });
    server.know_user();
    let mut waiting = server.client();
    waiting.send(&[announce(PASSKEY, 'a', 2001)]);
    server.wait_until(|server| server.lookup.parked() == 1 && server.lookup.asked_total() == 1);
    assert!(server.client().get(announce(PASSKEY, 'c', 2001)).contains(SOON));
    let told = server.metrics();
    assert_eq!(told[4..], ["_parked 1", "_not_parked_total 1", "_breaker_open 0"]);
    server.stop();
}
