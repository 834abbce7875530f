//! Announces and scrapes over UDP (BEP 15, BEP 41).
//!
//! # What a datagram can cause
//!
//! A source address can be forged, so that no reply is larger than what its request has earned:
//! a connect gets 16 bytes for 16; a wrong or expired connection id gets an error that is cut to
//! the size of the request; what is not of the protocol gets silence. Only a connection id that
//! went to the very address proves that it is real, and earns peers, counts and full texts, up to
//! [`REPLY_BYTES_MAX`].
//!
//! A scrape carries no passkey (BEP 15, BEP 41). On a private tracker it is answered when its
//! source address and port have announced with a valid passkey in the last
//! [`UdpSettings::connection_id_seconds`] seconds, on the same socket as clients do.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use mika_protocol::udp::{CONNECTION_ID_SECONDS_MAX, ConnectionIds};
use nix::sys::socket::{SockaddrIn, SockaddrIn6};
use rustls::crypto::aws_lc_rs;

use super::context::ListenContext;
use super::shutdown::ShutdownSignal;
use super::workers::Workers;
use crate::config::Config;

mod answer;
mod batch;
mod identified;

/// Bytes of a reply at most: a datagram that fits the usual path (MTU of 1500 and less) in one
/// piece. 230 IPv4 peers or 76 IPv6 peers; what a client wants beyond that is left out.
pub const REPLY_BYTES_MAX: usize = 1400;

/// Settings of the UDP workers, for as long as they run.
#[derive(Debug, Clone)]
pub struct UdpSettings {
    /// Issues and verifies connection ids.
    pub connection_ids: ConnectionIds,
    /// How long a connection id is honoured; at most [`CONNECTION_ID_SECONDS_MAX`].
    pub connection_id_seconds: u32,
    /// Sources per worker that are remembered to have announced with a passkey.
    pub identified_max: usize,
    /// Cores that its threads are kept to; any if there are none.
    pub announce_cores: Vec<u16>,
}

impl UdpSettings {
    /// The defaults, with a fresh random key for connection ids.
    ///
    /// # Errors
    ///
    /// The operating system has no random bytes.
    pub fn new() -> io::Result<Self> {
        let mut key = [0; 16];
        let random = aws_lc_rs::default_provider().secure_random;
        random.fill(&mut key).map_err(|_| io::Error::other("no random bytes"))?;
        Ok(Self {
            connection_ids: ConnectionIds::new(key),
            connection_id_seconds: CONNECTION_ID_SECONDS_MAX,
            identified_max: 65_536,
            announce_cores: Vec::new(),
        })
    }

    /// What the configuration says, with a key for connection ids that outlives the process.
    ///
    /// # Errors
    ///
    /// As [`UdpSettings::new`].
    pub fn of(config: &Config, connection_id_key: [u8; 16]) -> io::Result<Self> {
        let connection_id_seconds = config.udp.connection_id_seconds;
        let connection_ids = ConnectionIds::new(connection_id_key);
        let announce_cores = config.tracker.announce_cores.clone();
        Ok(Self { connection_id_seconds, connection_ids, announce_cores, ..Self::new()? })
    }
}

/// Serves until the shutdown, one thread for each socket of each worker.
///
/// `workers` is what [`bind_udp`](super::bind::bind_udp) returned. After the shutdown, datagrams
/// that have arrived are still answered.
///
/// # Errors
///
/// A thread cannot be had.
pub fn serve(
    workers: Vec<Vec<UdpSocket>>,
    settings: &UdpSettings,
    context: &Arc<ListenContext>,
    shutdown: &ShutdownSignal,
) -> io::Result<Workers> {
    let mut threads = Workers::on(&settings.announce_cores);
    for address in
        workers.first().into_iter().flatten().filter_map(|socket| socket.local_addr().ok())
    {
        tracing::info!(%address, workers = workers.len(), "listening for UDP");
    }
    for (index, sockets) in workers.into_iter().enumerate() {
        for socket in sockets {
            let is_ipv6 = socket.local_addr()?.is_ipv6();
            let name = format!("udp{}-{index}", if is_ipv6 { "6" } else { "4" });
            let (settings, context) = (settings.clone(), Arc::clone(context));
            let shutdown = shutdown.clone();
            threads.start(name, move |ready| {
                let responder = answer::Responder::new(settings, context);
                let _ = ready.send(Ok(()));
                if is_ipv6 {
                    batch::run::<SockaddrIn6>(&socket, responder, &shutdown);
                } else {
                    batch::run::<SockaddrIn>(&socket, responder, &shutdown);
                }
            })?;
        }
    }
    Ok(threads)
}
