//! The same peers and announces for aquatic's swarms.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use aquatic_common::{CanonicalSocketAddr, ServerStartInstant, ValidUntil};
use aquatic_udp::common::StatisticsMessage;
use aquatic_udp::config::Config;
use aquatic_udp::swarm::TorrentMaps;
use aquatic_udp_protocol::{AnnounceRequest, Request};
use crossbeam_channel::{Receiver, Sender, unbounded};
use mika_core::Source;
use mika_protocol::Event;
use rand::SeedableRng;
use rand::rngs::SmallRng;

/// A public tracker without sockets.
pub struct Aquatic {
    maps: TorrentMaps,
    config: Config,
    statistics: (Sender<StatisticsMessage>, Receiver<StatisticsMessage>),
    random: SmallRng,
    valid_until: ValidUntil,
}

/// One announce as it takes them.
pub struct Announce {
    request: AnnounceRequest,
    address: CanonicalSocketAddr,
}

impl Announce {
    /// The same announce, by way of the datagram that carries it.
    pub fn of(announce: &mika_protocol::AnnounceRequest, source: &Source) -> Result<Self> {
        let mut datagram = Vec::with_capacity(98);
        datagram.extend(0_u64.to_be_bytes());
        datagram.extend(1_u32.to_be_bytes());
        datagram.extend(0_u32.to_be_bytes());
        datagram.extend(announce.info_hash.0);
        datagram.extend(announce.peer_id.0);
        for counter in [announce.downloaded, announce.left, announce.uploaded] {
            datagram.extend(counter.to_be_bytes());
        }
        let event: u32 = match announce.event {
            Event::None => 0,
            Event::Completed => 1,
            Event::Started => 2,
            Event::Stopped => 3,
        };
        let numwant = announce.numwant.unwrap_or(50);
        for word in [event, 0, 0, numwant] {
            datagram.extend(word.to_be_bytes());
        }
        datagram.extend(announce.port.to_be_bytes());
        let Ok(Request::Announce(request)) = Request::parse_bytes(&datagram, 1) else {
            bail!("not an announce");
        };
        let address = CanonicalSocketAddr::new(SocketAddr::new(source.ip, announce.port));
        Ok(Self { request, address })
    }
}

impl Aquatic {
    pub fn new(numwant: u32) -> Result<Self> {
        let mut config = Config::default();
        config.protocol.max_response_peers = usize::try_from(numwant)?;
        let valid_until = ValidUntil::new(ServerStartInstant::new(), 3600);
        let (statistics, random) = (unbounded(), SmallRng::seed_from_u64(1));
        Ok(Self { maps: TorrentMaps::default(), config, statistics, random, valid_until })
    }

    /// Announces, and writes the reply to `out`.
    pub fn announce(&mut self, announce: &Announce, out: &mut Vec<u8>) -> Result<()> {
        let response = self.maps.announce(
            &self.config,
            &self.statistics.0,
            &mut self.random,
            &announce.request,
            announce.address,
            self.valid_until,
        );
        out.clear();
        response.write_bytes(out).context("not written")
    }
}
