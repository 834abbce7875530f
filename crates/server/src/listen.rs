//! The sockets that clients talk to: HTTP, HTTPS and UDP.
//!
//! Sockets are bound first ([`bind`]) and handed to [`http::serve`] and [`udp::serve`], together
//! with what the workers share ([`ListenContext`]) and a [`ShutdownSignal`]; so tests drive the
//! very same servers on ports of their own.
//!
//! Every worker is one thread with its own socket on each address (`SO_REUSEPORT`): the kernel
//! spreads clients over them, and an announce is received, judged and answered on one thread. It
//! waits for nothing but its own socket, which is why nothing here knows of a store. An announce
//! that waits for a [`lookup`] is put aside, and its worker goes on.
//!
//! * [`bind`]: sockets, and why one cannot be had.
//! * [`http`]: the HTTP workers; `http/connection.rs` is the life of a connection,
//!   `http/answer.rs` that of a request.
//! * [`lookup`]: announces that wait for what the tracker does not know.
//! * [`origin`]: who the client is, behind proxies.
//! * [`tls`]: certificates that can be replaced while the server runs.
//! * [`udp`]: the UDP workers.

pub mod bind;
mod context;
pub mod http;
pub mod lookup;
pub mod origin;
mod shutdown;
pub mod tls;
pub mod udp;
mod workers;

pub use context::{HttpSettings, ListenContext, LiveSettings};
pub use shutdown::{Shutdown, ShutdownSignal};
pub use workers::Workers;
