//! Which peers the tracker hands out.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mika_client::types::NewUser;
use mika_protocol::PeerId;

use super::PROBE_CARRIER;
use crate::model::{Families, Machine, Phase, Population, Seat};
use crate::server::Site;
use crate::wire::{Announce, Event, Line, Reply};

/// A leecher that wants all peers and leaves at once.
pub struct Probe {
    passkey: String,
    v4: Line,
    v6: Line,
}

impl Probe {
    /// The name of its user, who moves no byte.
    pub const USER: &'static str = "probe";

    /// Adds the user of probes to a tracker.
    pub fn register(site: &Site) -> String {
        let user = NewUser::named(Self::USER);
        site.admin().call(async |client| client.add_user(&user).await).expect("a user").passkey
    }

    /// A probe with the passkey of its user.
    pub fn new(site: &Site, passkey: &str) -> Self {
        let v4 = IpAddr::V4(Ipv4Addr::new(127, 9, 9, 9));
        let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
        Self {
            passkey: passkey.to_owned(),
            v4: Line::new(PROBE_CARRIER, v4, site.announce_v4()),
            v6: Line::new(PROBE_CARRIER, v6, site.announce_v6()),
        }
    }

    /// All peers of a torrent, and their counts without the probe.
    pub fn peers(&mut self, torrent: &crate::model::Torrent) -> Reply {
        let mut announce = Announce {
            passkey: self.passkey.clone(),
            info_hash: torrent.info_hash,
            peer_id: PeerId(*b"-MK0000-durability--"),
            port: 1999,
            uploaded: 0,
            downloaded: 0,
            left: 1 << 20,
            event: Event::Started,
            numwant: 500,
        };
        // Over IPv6, as the same session, so that the second reply has both families.
        self.v4.announce(&announce, &|| false).expect("a probe over IPv4");
        let mut reply = self.v6.announce(&announce, &|| false).expect("a probe over IPv6");
        announce.event = Event::Stopped;
        self.v4.announce(&announce, &|| false).expect("the end of a probe");
        reply.leechers -= 1;
        reply
    }
}

/// What a probe has to see of one torrent: those it must, and those it must not.
pub fn expected_peers<'m>(
    population: &Population,
    machines: impl Iterator<Item = &'m Machine>,
) -> Vec<(BTreeSet<SocketAddr>, BTreeSet<SocketAddr>)> {
    let mut expected = vec![(BTreeSet::new(), BTreeSet::new()); population.torrents.len()];
    for machine in machines {
        for seat in &machine.seats {
            let (there, gone) = &mut expected[seat.torrent];
            if seat.phase == Phase::Absent {
                gone.extend(endpoints(machine, seat));
            } else if seat.is_certain() {
                there.extend(endpoints(machine, seat));
            }
        }
    }
    expected
}

fn endpoints(machine: &Machine, seat: &Seat) -> Vec<SocketAddr> {
    let v4 = (machine.v4, seat.port).into();
    let v6 = (Ipv6Addr::LOCALHOST, seat.port).into();
    match machine.families {
        Families::V4 => vec![v4],
        Families::V6 => vec![v6],
        Families::Both => vec![v4, v6],
    }
}
