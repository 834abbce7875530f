//! What a site changes in its tables by itself comes into force.

use mika_core::site::Preset;
use mika_test_servers::{SqlMode, fixtures};

use super::site::{Client, Report, Setup, Site};

const UNIT3D: Setup = Setup {
    fixture: fixtures::UNIT3D,
    mode: SqlMode::Strict,
    schema: "unit3d",
    preset: Preset::Unit3d,
};

const GAZELLE: Setup = Setup {
    fixture: fixtures::GAZELLE_OPS,
    mode: SqlMode::Strict,
    schema: "gazelle",
    preset: Preset::Gazelle,
};

fn hash(torrent_id: u8) -> [u8; 20] {
    let mut hash = [0; 20];
    hash[19] = torrent_id;
    hash
}

fn leeching(downloaded: u64) -> Report {
    Report { downloaded, left: 1000, ..Report::default() }
}

fn told(site: &mut Site, client: &Client, info_hash: [u8; 20]) -> String {
    match site.announce(client, info_hash, leeching(0)) {
        Ok(_) => "welcome".to_owned(),
        Err(refusal) => site.tracker.explain(refusal).text,
    }
}

#[tokio::test]
async fn changes_in_the_sites_tables_are_found_by_their_time() {
    let Some(mut site) = Site::start(UNIT3D).await else { return };
    let control = site.control();
    let u12 = Client::of(12, "-qB4650-twelve", "10.0.0.12", 50012);
    let fresh = Client::with_passkey(&"f".repeat(32), "-qB4650-twelve", "10.0.0.12", 50012);
    assert_eq!(told(&mut site, &u12, hash(101)), "welcome");
    let since = site.now_seconds - 5;
    site.query(
        "UPDATE users SET passkey = REPEAT('f', 32), updated_at = NOW() WHERE id = 12;
         UPDATE torrents SET deleted_at = NOW() WHERE id = 102;
         INSERT INTO torrents (id, name, description, file_name, num_file, size, user_id,
             info_hash, status, created_at, updated_at)
             VALUES (200, 't200', '', 't200', 1, 1, 1, UNHEX(LPAD(HEX(200), 40, '0')), 1, NOW(),
                 NOW());
         DELETE FROM freeleech_tokens;
         INSERT INTO blacklist_clients (name, peer_id_prefix) VALUES ('Foo/1.0', '-FO1000-')",
    );
    let report = control.resync(Some(since)).await.unwrap();
    assert!(!report.was_full);
    assert_eq!(report.load.users, 1);
    assert_eq!(
        told(&mut site, &u12, hash(101)),
        "Passkey does not exist. Please re-download the .torrent file."
    );
    assert_eq!(told(&mut site, &fresh, hash(200)), "welcome");
    assert_eq!(told(&mut site, &fresh, hash(102)), "Torrent has been deleted.");
    let foo = Client { peer_id: *b"-FO1000-abcdefghijkl", ..fresh.clone() };
    assert_eq!(
        told(&mut site, &foo, hash(101)),
        "Client is not acceptable. Please check our blacklist."
    );
    // Without the token the download counts; the peer is the one of before.
    site.announce(&fresh, hash(101), leeching(700)).unwrap();
    site.flush().await;
    assert_eq!(
        site.query("SELECT downloaded FROM history WHERE user_id = 12 AND torrent_id = 101"),
        "700"
    );
}

#[tokio::test]
async fn a_full_look_finds_what_is_gone_and_leaves_the_rest() {
    let Some(mut site) = Site::start(GAZELLE).await else { return };
    let control = site.control();
    let bob = Client::with_passkey(&"b".repeat(32), "-TR4000-bob", "10.0.0.2", 51413);
    let alice = Client::with_passkey(&"a".repeat(32), "-TR4000-alice", "10.0.0.1", 51413);
    assert_eq!(told(&mut site, &bob, [b'D'; 20]), "welcome");
    site.query(
        "UPDATE users_main SET Enabled = '2' WHERE ID = 2;
         SET FOREIGN_KEY_CHECKS = 0; DELETE FROM torrents WHERE ID = 11",
    );
    // Nothing in these tables says when they changed.
    assert_eq!(control.resync(Some(0)).await.unwrap().retired, 0);
    assert_eq!(told(&mut site, &bob, [b'D'; 20]), "welcome");
    let report = control.resync(None).await.unwrap();
    assert!(report.was_full);
    assert_eq!((report.retired, report.load.users, report.load.torrents), (2, 3, 3));
    assert_eq!(told(&mut site, &bob, [b'D'; 20]), "Passkey not found");
    assert_eq!(told(&mut site, &alice, [b'B'; 20]), "Unregistered torrent");
    assert_eq!(told(&mut site, &alice, [b'D'; 20]), "welcome");
    // What a client says of a torrent without a row is no dead letter.
    site.query(
        "DELETE FROM torrents_leech_stats WHERE TorrentID = 13; DELETE FROM torrents WHERE ID = 13",
    );
    assert_eq!(control.resync(None).await.unwrap().retired, 1);
    let seeding = Report { uploaded: 50, ..leeching(0) };
    assert!(site.announce(&alice, [b'D'; 20], seeding).is_err());
    assert_eq!(site.flush().await.dead_letters, []);
    assert_eq!(site.query("SELECT Uploaded FROM users_leech_stats WHERE UserID = 1"), "50");
    site.query("UPDATE users_main SET Enabled = '1' WHERE ID = 2");
    assert_eq!(control.resync(None).await.unwrap().retired, 0);
    assert_eq!(told(&mut site, &bob, [b'A'; 20]), "welcome");
}
