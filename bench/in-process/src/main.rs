//! Announces without sockets: mika, private with accounting and public, and aquatic_udp's swarm
//! code, on the same peers in the same order. Each writes its UDP reply.

mod aquatic;
mod case;
#[path = "../../src/population.rs"]
mod population;
#[expect(dead_code, reason = "the replies are written here, too")]
#[path = "../../src/sequence.rs"]
mod sequence;

use anyhow::Result;
use clap::Parser;

use case::Case;
use sequence::spread;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("CPU ns per announce, min/median/max of {} rounds", arguments.rounds);
    println!(
        "{:<19}{:<21}{:<21}{:<21}{}",
        "torrents x peers", "aquatic", "mika private", "mika public", "aquatic : private, public"
    );
    for (torrents, peers_per_torrent) in CASES {
        let mut case = Case::new(torrents, peers_per_torrent, arguments.numwant)?;
        let mut figures = [vec![], vec![], vec![]];
        for round in 1..=arguments.rounds {
            for (figures, figure) in figures.iter_mut().zip(case.round(arguments.announces, round)?)
            {
                figures.push(figure);
            }
        }
        let [aquatic, private, public] = figures.map(spread).map(Option::unwrap_or_default);
        let show = |(low, middle, high): (f64, f64, f64)| {
            format!("{:<21}", format!("{low:.0}/{middle:.0}/{high:.0}"))
        };
        println!(
            "{:<19}{}{}{}{:.2}, {:.2}",
            format!("{torrents} x {peers_per_torrent}"),
            show(aquatic),
            show(private),
            show(public),
            aquatic.1 / private.1,
            aquatic.1 / public.1,
        );
    }
    Ok(())
}
