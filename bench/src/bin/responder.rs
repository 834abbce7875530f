//! A server that answers like a tracker and is none; see [`mika_bench::responder`].

use anyhow::Result;
use clap::Parser as _;
use mika_bench::responder::{Arguments, main as respond};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    respond(&Arguments::parse())
}
