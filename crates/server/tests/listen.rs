//! The servers of `mika_server::listen`, driven over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption should fail the test"
)]

#[path = "listen/attack.rs"]
mod attack;
#[path = "listen/detection.rs"]
mod detection;
#[path = "listen/http.rs"]
mod http;
#[path = "listen/limits.rs"]
mod limits;
#[path = "listen/proxy.rs"]
mod proxy;
#[path = "listen/site.rs"]
mod site;
#[path = "listen/sockets.rs"]
mod sockets;
#[path = "listen/support.rs"]
mod support;
#[path = "listen/tls.rs"]
mod tls;
#[path = "listen/udp.rs"]
mod udp;
