//! Stores in database servers: real ones, each with a directory and processes of its own.

mod commits;
mod deadlocks;
mod kills;
mod outage;
mod repair;
mod start;

/// Users, torrents and seats of a small site.
const SMALL: [usize; 3] = [40, 50, 300];
