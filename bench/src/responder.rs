//! Answers of a fixed size, with the threads and sockets of mika's listeners and no tracker behind
//! them: what the system itself costs, below which no tracker can get.
//!
//! The sockets are those of [`mika_server::listen::bind`]. The loops are their own, as mika's are
//! tied to the tracker; they make the same system calls in the same order.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{ArgGroup, Parser};
use mika_server::listen::bind;

mod http;
mod udp;

/// The receive buffer that mika asks for.
const RECEIVE_BUFFER_BYTES: usize = 4_194_304;

/// The largest reply: what mika sends over UDP at most, and over HTTP with 500 peers.
const REPLY_BYTES_MAX: u32 = 65_536;
const UDP_REPLY_BYTES_MAX: u32 = 1400;

/// The command line of `responder`.
#[derive(Debug, Parser)]
#[command(
    about = "Answers like a tracker, with replies of a fixed size and nothing behind them",
    group(ArgGroup::new("protocol").required(true).multiple(true).args(["udp", "http"]))
)]
pub struct Arguments {
    /// Answers UDP.
    #[arg(long)]
    udp: bool,
    /// Answers HTTP, keeping a connection unless its first request asks for the opposite.
    #[arg(long)]
    http: bool,
    /// Threads for each, every one with a socket of its own.
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// The port on 127.0.0.1; it must be free.
    #[arg(long)]
    port: u16,
    /// Bytes of a reply: of the datagram, or of the HTTP reply with its headers.
    #[arg(long, default_value_t = 320)]
    reply_bytes: u32,
    /// Ends after so many seconds.
    #[arg(long, default_value_t = 3600)]
    seconds: u32,
}

/// Serves until the time is up.
///
/// # Errors
///
/// The port is in use, or a size makes no sense.
pub fn main(arguments: &Arguments) -> Result<()> {
    start(arguments)?;
    println!("answering on port {} with {} bytes", arguments.port, arguments.reply_bytes);
    thread::sleep(Duration::from_secs(arguments.seconds.into()));
    Ok(())
}

/// Starts threads that serve for ever.
fn start(arguments: &Arguments) -> Result<()> {
    let bytes = arguments.reply_bytes as usize;
    let max = if arguments.udp { UDP_REPLY_BYTES_MAX } else { REPLY_BYTES_MAX };
    ensure!((1..=64).contains(&arguments.threads), "threads: from 1 to 64");
    ensure!(arguments.reply_bytes <= max, "reply-bytes: at most {max}");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let threads = arguments.threads as usize;
    if arguments.udp {
        let reply = udp::reply(bytes)?;
        // It takes the port without sharing first, so that one in use is refused.
        for sockets in bind::bind_udp(&[address], threads, RECEIVE_BUFFER_BYTES)? {
            for socket in sockets {
                let reply = reply.clone();
                thread::Builder::new()
                    .name("respond-udp".to_owned())
                    .spawn(move || udp::run(&socket, &reply))?;
            }
        }
    }
    if arguments.http {
        let replies = http::Replies::new(bytes)?;
        for listeners in bind::bind_http(&[address], threads)? {
            for listener in listeners {
                let replies = replies.clone();
                thread::Builder::new().name("respond-http".to_owned()).spawn(move || {
                    if let Err(error) = http::run(listener, replies) {
                        eprintln!("{error:#}");
                    }
                })?;
            }
        }
    }
    Ok(())
}

/// Starts one for a test, on a port that is free; which it is.
#[cfg(test)]
pub(crate) fn start_for_test(reply_bytes: u32) -> u16 {
    for _ in 0..100 {
        let port = fastrand::u16(20_000..32_000);
        let arguments =
            Arguments { udp: true, http: true, threads: 2, port, reply_bytes, seconds: 0 };
        if start(&arguments).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_served_is_refused() {
        let port = start_for_test(320);
        for (udp, http) in [(true, false), (false, true)] {
            let arguments = Arguments { udp, http, threads: 1, port, reply_bytes: 320, seconds: 0 };
            assert!(start(&arguments).unwrap_err().to_string().contains("in use"));
        }
    }

    #[test]
    fn one_of_the_protocols_has_to_be_named() {
        assert!(Arguments::try_parse_from(["responder", "--port", "1"]).is_err());
        assert!(Arguments::try_parse_from(["responder", "--port", "1", "--udp"]).is_ok());
    }
}
