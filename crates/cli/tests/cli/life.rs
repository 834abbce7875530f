//! The whole life of a site, by command line alone. Clients announce over plain HTTP.

use serde_json::{Value, json};

use super::live;
use super::support::Tracker;

/// What happens is told from the start on, and not from the first listener on.
const NOTIFY: &str = "[notify]\nalways = true\n";
const FILM: &str = "0102030405060708090a0b0c0d0e0f1011121314";
const ALBUM: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct Site {
    tracker: Tracker,
    port: u16,
}

impl Site {
    fn open() -> Self {
        let port = live::free_port();
        Self { tracker: Tracker::start_with(&live::config(port, NOTIFY)), port }
    }

    /// `mika client … --json`, in words separated by spaces.
    fn mika(&self, command: &str) -> Value {
        self.tracker.json(&command.split(' ').collect::<Vec<_>>())
    }

    /// An announce of somebody's only client, and what the tracker answers.
    fn announce(&self, passkey: &str, peer: char, hash: &str, parameters: &str) -> String {
        let escaped: String = (0..20).map(|at| format!("%{}", &hash[2 * at..2 * at + 2])).collect();
        let name: String = std::iter::repeat_n(peer, 12).collect();
        let target = format!(
            "/{passkey}/announce?info_hash={escaped}&peer_id=-TR4050-{name}&port=6881&compact=1\
             &{parameters}"
        );
        live::get(self.port, &target)
    }

    /// One after the other, so that what was announced is counted.
    fn totals(&self, user: &str) -> (u64, u64, u64, u64) {
        self.mika("flush");
        let user = self.mika(&format!("user get {user}"));
        let bytes = |name: &str| user[name].as_u64().unwrap();
        (bytes("uploaded"), bytes("uploaded_raw"), bytes("downloaded"), bytes("downloaded_raw"))
    }
}

#[test]
fn the_whole_life_of_a_site_goes_by_command_line() {
    let site = Site::open();

    // Two classes of users: those of the second have double upload.
    let member = site.mika("role add member --priority 1");
    assert_eq!((&member["upload_percent"], &member["enabled"]), (&json!(100), &json!(true)));
    let donor = site.mika("role add donor --priority 2 --upload-percent 200 --immune true");
    assert_eq!((&donor["upload_percent"], &donor["immune"]), (&json!(200), &json!(true)));
    let banned = site.mika("role add banned --enabled false");
    assert_eq!(banned["enabled"], json!(false));

    // Two users and two torrents.
    let alice = site.mika("user add alice --role member");
    let bob = site.mika("user add bob --role donor");
    let (alice_key, bob_key) =
        (alice["passkey"].as_str().unwrap(), bob["passkey"].as_str().unwrap());
    assert_eq!((&alice["role"], &bob["role"]), (&json!("member"), &json!("donor")));
    assert_ne!(alice_key, bob_key);
    for (hash, title) in [(FILM, "Film"), (ALBUM, "Album")] {
        let torrent = site.mika(&format!("torrent add --info-hash {hash} --title {title}"));
        assert_eq!((&torrent["title"], &torrent["seeders"]), (&json!(title), &json!(0)));
    }

    // Bob seeds, Alice leeches and is told of him.
    let reply = site.announce(bob_key, 'b', FILM, "event=started&uploaded=0&downloaded=0&left=0");
    assert!(reply.contains("8:completei1e"), "{reply}");
    let reply =
        site.announce(alice_key, 'a', FILM, "event=started&uploaded=0&downloaded=0&left=1000");
    assert!(reply.contains("10:incompletei1e") && reply.contains("5:peers6:"), "{reply}");
    let sessions = site.mika(&format!("session torrent {FILM}"));
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    assert_eq!(site.mika("session user alice")[0]["left"], json!(1000));
    let swarms = site.mika("swarm list");
    assert_eq!((&swarms[0]["seeders"], &swarms[0]["leechers"]), (&json!(1), &json!(1)));

    // The snatch. The bytes are Bob's upload, twice, and Alice's download.
    site.announce(alice_key, 'a', FILM, "event=completed&uploaded=0&downloaded=1000&left=0");
    site.announce(bob_key, 'b', FILM, "uploaded=1000&downloaded=0&left=0");
    assert_eq!(site.totals("alice"), (0, 0, 1000, 1000));
    assert_eq!(site.totals("bob"), (2000, 1000, 0, 0));
    assert_eq!(site.mika("user get alice")["snatches"], json!(1));
    let film = site.mika(&format!("torrent get {FILM}"));
    assert_eq!((&film["seeders"], &film["snatches"]), (&json!(2), &json!(1)));
    let events = site.mika("events list --kind snatch");
    assert_eq!(events[0]["user_id"], alice["id"]);

    // Now she seeds, too.
    site.announce(alice_key, 'a', FILM, "uploaded=300&downloaded=1000&left=0");
    assert_eq!(site.totals("alice"), (300, 300, 1000, 1000));

    // A token: what she downloads of the album is not counted.
    let token = site.mika(&format!("token add alice {ALBUM} --ends +7d"));
    assert_eq!((&token["user"], &token["download_percent"]), (&json!("alice"), &json!(0)));
    site.announce(alice_key, 'c', ALBUM, "event=started&uploaded=0&downloaded=0&left=500");
    site.announce(alice_key, 'c', ALBUM, "event=completed&uploaded=0&downloaded=500&left=0");
    assert_eq!(site.totals("alice"), (300, 300, 1000, 1500));

    // A ban, and its end.
    assert_eq!(site.mika("user set alice --role banned")["role"], json!("banned"));
    let reply = site.announce(alice_key, 'a', FILM, "uploaded=300&downloaded=1000&left=0");
    assert!(reply.contains("14:failure reason") && reply.contains("banned"), "{reply}");
    assert_eq!(site.mika("user list --role banned")[0]["name"], json!("alice"));
    site.mika("user set alice --role member");
    let reply = site.announce(alice_key, 'a', FILM, "uploaded=300&downloaded=1000&left=0");
    assert!(reply.contains("8:completei2e"), "{reply}");

    // Her passkey has leaked: the old one is refused at once, the totals stay.
    let changed = site.mika("user set alice --new-passkey");
    let new_key = changed["passkey"].as_str().unwrap();
    assert_ne!(new_key, alice_key);
    let reply = site.announce(alice_key, 'a', FILM, "uploaded=300&downloaded=1000&left=0");
    assert!(reply.contains("14:failure reason"), "{reply}");
    let reply = site.announce(new_key, 'a', FILM, "uploaded=400&downloaded=1000&left=0");
    assert!(reply.contains("8:completei2e"), "{reply}");
    assert_eq!(site.totals("alice"), (400, 400, 1000, 1500));

    // The film is a dupe: clients are told so. What they did before they knew counts.
    let deleted = site.mika(&format!("torrent delete {FILM} --reason dupe"));
    assert_eq!((&deleted["deleted"], &deleted["reason"]), (&json!(true), &json!("dupe")));
    let reply = site.announce(new_key, 'a', FILM, "uploaded=500&downloaded=1000&left=0");
    assert!(reply.contains("14:failure reason") && reply.contains("dupe"), "{reply}");
    assert_eq!(site.totals("alice"), (500, 500, 1000, 1500));
    let left = site.mika("torrent list --deleted false");
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["title"], json!("Album"));

    // Who did all that?
    let audit = site.mika("audit --path /api/v1/torrents");
    let audit = audit.as_array().unwrap();
    assert_eq!(audit.last().unwrap()["method"], json!("DELETE"));
    assert_eq!(audit.len(), 3);
}
