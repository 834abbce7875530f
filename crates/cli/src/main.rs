//! The binary `mika`: the tracker and the command line that administers it.
#![forbid(unsafe_code)]

mod client;
mod config;
mod doctor;
mod exit;
mod geo;
mod manual;
mod output;
mod schema;
mod serve;
mod store;
mod time;
mod top;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 not found, 4 conflicts with what is there,
5 server not reachable, 6 the token is refused or may not do it, 78 mistakes in the configuration.";

/// A private-first BitTorrent tracker.
#[derive(Debug, Parser)]
#[command(name = "mika", version, after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the tracker.
    Serve(serve::ServeArguments),
    /// Check a configuration, or write one that explains every key.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look at the SQL of the store's tables, adapt it, and try it on the database.
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Say how much memory the limits allow, and what this machine lacks for a configuration.
    Doctor(doctor::DoctorArguments),
    /// Fetch files of geo data, and ask them.
    #[command(subcommand)]
    Geo(geo::GeoCommand),
    /// Check what is to be a tracker's store.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Administer a running tracker: users, torrents, roles and rules.
    Client(Box<client::ClientArguments>),
    /// Watch a running tracker: announces, refusals, swarms and the store, live.
    Top(Box<top::TopArguments>),
    /// Print the completions for a shell.
    Completions(manual::CompletionsArguments),
    /// Print the manual page, or write a page per command into a directory.
    Man(manual::ManArguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => arguments.run(),
        Command::Config(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Doctor(arguments) => arguments.run(),
        Command::Geo(command) => command.run(),
        Command::Store(command) => command.run(),
        Command::Client(arguments) => arguments.run(),
        Command::Top(arguments) => arguments.run(),
        Command::Completions(arguments) => arguments.run(Arguments::command()),
        Command::Man(arguments) => arguments.run(Arguments::command()),
    };
    exit::report(result)
}
