//! Each preset on the tables of its site, in a real MariaDB: what is loaded, what counts, and what
//! is written. The numbers are those of the checks that each site's contract lists.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod gazelle;
mod gazelle_call;
mod gazelle_outage;
mod gazelle_start;
mod gazelle_wire;
mod resync;
#[path = "../support/running.rs"]
mod running;
mod site;
mod site_api;
mod unit3d;
mod whole;
mod xbt;
mod xbt_site;
mod xbt_udp;
