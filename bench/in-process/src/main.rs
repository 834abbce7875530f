//! Announces without sockets: mika, private with accounting and public, and aquatic_udp's swarm
//! code, on the same peers in the same order. Each writes its UDP reply. Then the bytes of an
//! announce over HTTP, parsed and encoded by mika and by aquatic_http.

mod aquatic;
mod case;
#[allow(dead_code, reason = "it has the operations of other benchmarks, too")]
#[path = "../../src/cases.rs"]
mod cases;
mod codec;
#[allow(dead_code, reason = "the same")]
#[path = "../../src/places.rs"]
mod places;
#[allow(dead_code, reason = "the same")]
#[path = "../../src/population.rs"]
mod population;
mod report;
#[expect(dead_code, reason = "the replies are written here, too")]
#[path = "../../src/sequence.rs"]
mod sequence;
mod swarms;

use anyhow::Result;
use clap::Parser;
use serde_json::json;

use codec::Codec;
use swarms::Swarms;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What `cases.rs` takes from the crate that it is a part of.
const ANNOUNCES_PER_RUN: u32 = 16;

/// Torrents and peers of each of them.
const CASES: [(u32, u32); 6] =
    [(1, 100), (1, 100_000), (10_000, 100), (20_000, 50), (100_000, 10), (500_000, 2)];

#[derive(Debug, Parser)]
#[command(about = "mika's announces beside aquatic's, in one process")]
struct Arguments {
    /// Peers asked for
    #[arg(long, default_value_t = 30)]
    numwant: u32,
    /// Measurements of each
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Announces of a measurement
    #[arg(long, default_value_t = 20_000)]
    announces: usize,
    /// Leaves out the cases with more peers
    #[arg(long, default_value_t = 1_000_000)]
    peers_max: u32,
    /// Prints one JSON object, with the figures of each round, instead of text
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let cases = CASES.into_iter().filter(|(torrents, each)| torrents * each <= arguments.peers_max);
    let Arguments { numwant, rounds, announces, .. } = arguments;
    let swarms = cases.map(|case| Swarms::measure(case, numwant, rounds, announces));
    let swarms = swarms.collect::<Result<Vec<_>>>()?;
    let mut codec = Codec::new()?;
    let timed = (1..=rounds).map(|number| codec.round(number));
    let timed = timed.collect::<Result<Vec<_>>>()?;
    if arguments.json {
        let swarms: Vec<_> = swarms.iter().map(Swarms::json).collect();
        let value = json!({
            "numwant": numwant,
            "announces": announces,
            "swarms": swarms,
            "codec": report::codec_json(&codec, &timed),
        });
        println!("{value}");
    } else {
        println!("{}", report::swarms(&swarms)?);
        println!("\n{}", report::codec(&codec, &timed)?);
    }
    Ok(())
}
