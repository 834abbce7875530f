//! Instructions per operation, counted by callgrind: the same on every run, so that a gate of a
//! few percent means something. Run it through `bench/gate`.
#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has to stop")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use mika_bench::ANNOUNCES_PER_RUN;
use mika_bench::population::{Peer, Population, START_SECONDS, drain};
use mika_core::{Mode, PeerList, Source, Tracker};
use mika_protocol::http::{self, ParsedHead, Peers, Route};
use mika_protocol::udp::{self, ConnectionIds, UdpRequest};
use mika_protocol::{AnnounceRequest, PeerId};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));

fn main() {}
