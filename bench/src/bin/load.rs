//! A load generator for UDP and HTTP trackers; see [`mika_bench::load`].

use anyhow::Result;
use clap::Parser as _;
use mika_bench::load::{Arguments, main as load};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    load(Arguments::parse())
}
