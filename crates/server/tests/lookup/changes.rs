//! What the site changes reaches the tracker.

use std::time::Duration;

use mika_server::control;
use mika_server::lookup::follow;

use crate::support::{PASSKEY, Server, Site, announce, is_accepted, settings};

const INTERVAL: Duration = Duration::from_millis(20);

#[test]
fn what_changes_at_the_site_after_the_load_is_in_force_soon() {
    let site = Site::start();
    site.add_user(1, PASSKEY);
    site.add_torrent(1, 'a');
    let server = Server::start(&site, settings());
    let store = site.store();
    let load = control::load(store.as_ref(), &server.tracker, 1_800_000_000);
    let report = server.runtime.block_on(load).unwrap();
    assert_eq!((report.roles, report.users, report.torrents, report.bad_rows), (1, 1, 1, 0));
    assert!(store.tells_changes());
    let _entered = server.runtime.enter();
    let task = follow(store, server.control.clone(), INTERVAL);

    let mut client = server.client();
    assert!(is_accepted(&client.get(announce(PASSKEY, 'a', 2001))));
    assert_eq!(server.lookup.asked_total(), 0);
    site.execute(
        "UPDATE torrents SET deleted = 1, reason = 'a duplicate' WHERE id = 1;
         INSERT INTO torrents (id, info_hash) VALUES (2, CAST('bbbbbbbbbbbbbbbbbbbb' AS BLOB));
         INSERT INTO tokens (user_id, torrent_id) VALUES (1, 2);",
    );
    server.wait_until(|server| {
        server.client().get(announce(PASSKEY, 'a', 2001)).contains("a duplicate")
    });
    assert!(is_accepted(&client.get(announce(PASSKEY, 'b', 2001))));
    site.execute("INSERT INTO client_rules VALUES ('-XX', 0, 'not this one')");
    server.wait_until(|server| {
        server.client().get(announce(PASSKEY, 'b', 2001)).contains("client is not allowed")
    });
    site.execute("DELETE FROM client_rules");
    server.wait_until(|server| is_accepted(&server.client().get(announce(PASSKEY, 'b', 2001))));
    site.execute("UPDATE users SET deleted = 1");
    server.wait_until(|server| {
        server.client().get(announce(PASSKEY, 'b', 2001)).contains("account is closed")
    });
    task.abort();
    server.stop();
}

#[test]
fn a_resync_keeps_what_the_site_has_and_closes_what_it_has_no_more() {
    let site = Site::start();
    site.add_user(1, PASSKEY);
    site.add_torrent(1, 'a');
    let server = Server::start(&site, settings());
    let resync = |since| server.runtime.block_on(server.control.resync(since)).unwrap();
    assert!(!resync(Some(0)).was_full, "without a load there are no changes yet");
    let report = resync(None);
    assert_eq!((report.load.users, report.load.torrents, report.retired), (1, 1, 0));

    let mut client = server.client();
    site.add_torrent(2, 'b');
    assert!(is_accepted(&client.get(announce(PASSKEY, 'b', 2001))));
    site.execute(
        "DELETE FROM torrents WHERE id = 1; INSERT INTO events VALUES ('e', 100, 0, 1, 2000000000)",
    );
    let report = resync(Some(0));
    assert_eq!((report.load.torrents, report.load.events, report.retired), (1, 1, 0));
    assert!(is_accepted(&client.get(announce(PASSKEY, 'a', 2001))), "it was not asked for");
    let report = resync(None);
    assert_eq!((report.load.torrents, report.load.events, report.retired), (1, 1, 1));
    assert!(client.get(announce(PASSKEY, 'a', 2001)).contains("torrent deleted"));
    assert!(is_accepted(&client.get(announce(PASSKEY, 'b', 2001))));
    server.stop();
}
