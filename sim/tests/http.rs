//! A tracker that people run, over loopback HTTP, beside the core that is called directly.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a proof that cannot go on fails"
)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, anyhow, ensure};
use mika_client::types::{NewTorrent, NewUser};
use mika_durability::server::{Admin, Site, Tuning};
use mika_durability::totals::from_store;
use mika_durability::wire::{self, Carrier, Failure, Line};
use mika_protocol::Event;
use mika_sim::client::Announce;
use mika_sim::simulation::Simulation;
use mika_sim::tracker::{
    Direct, NUMWANT_MAX, Reply, START_SECONDS, Strategy, Tracker, info_hash, passkey_text,
};
use mika_sim::world::{TorrentPlan, World, WorldPlan};

/// Where this test's ports begin: no other test has the number.
const TEST_NUMBER: u16 = 48;

/// Asks both trackers; goes on with what the core said.
struct Both {
    direct: Direct,
    site: Site,
    lines: BTreeMap<usize, Line>,
    first_address: Ipv4Addr,
}

impl Tracker for Both {
    fn announce(&mut self, announce: &Announce, now_seconds: u32, reply: &mut Reply) -> Result<()> {
        self.direct.announce(announce, now_seconds, reply)?;
        let tracker = self.site.announce_v4();
        let address = u32::from(self.first_address) + u32::try_from(announce.user)?;
        let address = IpAddr::V4(address.into());
        let line = self.lines.entry(announce.user);
        let line = line.or_insert_with(|| Line::new(Carrier::KeepAlive, address, tracker));
        let over_http =
            line.announce(&on_the_wire(announce), &|| false).map_err(|failure| match failure {
                Failure::Lost(error) => anyhow!("lost: {error}"),
                Failure::Refused(reason) => anyhow!("refused: {reason}"),
            })?;
        let counts = (over_http.seeders, over_http.leechers, over_http.peers.len());
        let direct = (reply.seeders, reply.leechers, reply.peers.len());
        // A farewell is answered without peers, and its counts are nobody's business.
        ensure!(
            announce.event == Event::Stopped || counts == direct,
            "{counts:?} over HTTP, {direct:?} by function call: {announce:?}"
        );
        Ok(())
    }

    fn begin(&mut self, now_seconds: u32) {
        self.direct.begin(now_seconds);
    }

    fn tidy(&mut self, now_seconds: u32) {
        self.direct.tidy(now_seconds);
    }
}

fn on_the_wire(announce: &Announce) -> wire::Announce {
    wire::Announce {
        passkey: passkey_text(announce.user),
        info_hash: info_hash(announce.torrent),
        peer_id: announce.peer_id,
        port: announce.port,
        uploaded: announce.uploaded,
        downloaded: announce.downloaded,
        left: announce.left,
        event: match announce.event {
            Event::None => wire::Event::None,
            Event::Started => wire::Event::Started,
            Event::Completed => wire::Event::Completed,
            Event::Stopped => wire::Event::Stopped,
        },
        numwant: announce.numwant.unwrap_or(NUMWANT_MAX),
    }
}

fn name(user: usize) -> String {
    format!("user{user:04}")
}

fn register(admin: &Admin, world: &World) {
    admin.call(async |client| {
        for user in 0..world.users.len() {
            let mut new = NewUser::named(name(user));
            new.passkey = Some(passkey_text(user));
            client.add_user(&new).await.unwrap();
        }
        for torrent in 0..world.torrents.len() {
            client.add_torrent(&NewTorrent::new(info_hash(torrent))).await.unwrap();
        }
    });
}

#[test]
fn a_tracker_over_http_answers_and_counts_as_the_core_does_by_function_call() {
    let plan = WorldPlan {
        users: 120,
        torrents: vec![
            TorrentPlan::FlashCrowd {
                released_at_hours: 0.1,
                racers: 15,
                downloads: 40.0,
                decay_hours: 0.5,
            },
            TorrentPlan::LongTail { seeders: 70, downloads_per_hour: 8.0 },
        ],
        hours: 3,
        warm_up_hours: 0,
        first_address: Ipv4Addr::new(127, 9, 1, 0),
        stopped_lost: 0.0,
    };
    let world = World::new(plan, 6);
    let dir = tempfile::tempdir().unwrap();
    let site = Site::new(dir.path(), &dir.path().join("data"), TEST_NUMBER, &Tuning::default());
    site.change_config("numwant_max = 500", &format!("numwant_max = {NUMWANT_MAX}"));
    let server = site.start();
    register(&site.admin(), &world);
    let direct = Direct::new(&world, Strategy::Uniform).unwrap();
    let first_address = world.plan.first_address;
    let both = Both { direct, site, lines: BTreeMap::new(), first_address };
    let mut simulation = Simulation::new(&world, both).unwrap();
    simulation.run().unwrap();
    simulation.stop_all().unwrap();
    let announces = simulation.measures().announces;
    assert!(announces > 500, "{announces} announces");

    let truth = simulation.user_totals();
    let tracker = simulation.tracker();
    tracker.site.admin().flush().unwrap();
    let stored = from_store(tracker.site.store());
    let mut counted = vec![(0, 0); truth.len()];
    for (user, traffic) in tracker.direct.drain(START_SECONDS) {
        counted[user] = (traffic.uploaded_raw, traffic.downloaded_raw);
    }
    for (user, truth) in truth.iter().enumerate() {
        let stored = &stored.users[&name(user)];
        assert_eq!((stored.uploaded_raw, stored.downloaded_raw), *truth, "user {user}, HTTP");
        assert_eq!(counted[user], *truth, "user {user}, function call");
    }
    assert!(truth.iter().map(|(uploaded, _)| uploaded).sum::<u64>() > 10_000_000_000);
    assert!(server.terminate().success());
}
