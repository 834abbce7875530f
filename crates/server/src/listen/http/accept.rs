//! From a listener to connections.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Worker;
use super::connection::Connection;
use crate::counters::Carrier;
use crate::listen::context::Place;
use crate::listen::origin::{Origin, proxy_header};
use crate::listen::shutdown::ShutdownSignal;

/// How long to wait after a failure such as running out of file descriptors: without a pause the
/// loop would turn as fast as it can, and there is no connection to lose, they wait in the kernel.
const BACK_OFF: Duration = Duration::from_millis(100);

/// At most one warning in this time, however often accepting fails.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Accepts connections until the shutdown.
pub(super) async fn accept(
    worker: Rc<Worker>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut shutdown: ShutdownSignal,
) {
    let mut stop = pin!(shutdown.triggered());
    let mut warned: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            // In this order, so that what waits to be accepted at the shutdown still is.
            biased;
            accepted = listener.accept() => accepted,
            () = &mut stop => return,
        };
        match accepted {
            Ok((stream, peer)) => admit(&worker, stream, peer, tls.as_ref()),
            Err(error) => {
                worker.counters.accept_failures.increment();
                if is_of_one_connection(&error) {
                    continue;
                }
                if warned.is_none_or(|at| at.elapsed() > WARNING_INTERVAL) {
                    warned = Some(Instant::now());
                    let advice = "raise the limit of open files";
                    tracing::warn!(%error, advice, "connections cannot be accepted");
                }
                sleep(BACK_OFF).await;
            }
        }
    }
}

/// Whether the error says something about the connection, rather than about this process.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn admit(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, tls: Option<&TlsAcceptor>) {
    worker.counters.connections_accepted.increment();
    let Some(place) = worker.context.take_place(worker.settings.connections_max) else {
        worker.counters.connections_refused.increment();
        return;
    };
    let origin = Origin::of(peer);
    let proxied =
        worker.settings.proxy_protocol && origin.is_trusted(&worker.context.live().trusted_proxies);
    let worker = Rc::clone(worker);
    // Three kinds of task, so that the plain one, of which there are most, is not as large as TLS.
    match tls.cloned() {
        None if !proxied => {
            let connection = Connection::new(worker, stream, origin, Carrier::Http, place);
            tokio::task::spawn_local(connection.run());
        }
        None => drop(tokio::task::spawn_local(serve_proxied(worker, stream, place))),
        Some(tls) => {
            let origin = (!proxied).then_some(origin);
            tokio::task::spawn_local(serve_tls(worker, stream, origin, tls, place));
        }
    }
}

async fn serve_proxied(worker: Rc<Worker>, mut stream: TcpStream, place: Place) {
    let Some(origin) = read_proxy_header(&worker, &mut stream).await else { return };
    Connection::new(worker, stream, origin, Carrier::Http, place).run().await;
}

/// `origin` is `None` when a PROXY header will tell.
async fn serve_tls(
    worker: Rc<Worker>,
    mut stream: TcpStream,
    origin: Option<Origin>,
    tls: TlsAcceptor,
    place: Place,
) {
    let origin = match origin {
        Some(origin) => origin,
        None => match read_proxy_header(&worker, &mut stream).await {
            Some(origin) => origin,
            None => return,
        },
    };
    match timeout(worker.settings.header_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            Connection::new(worker, stream, origin, Carrier::Https, place).run().await;
        }
        Ok(Err(_)) => worker.counters.tls_failures.increment(),
        Err(_) => worker.counters.connections_timed_out.increment(),
    }
}

async fn read_proxy_header(worker: &Worker, stream: &mut TcpStream) -> Option<Origin> {
    match timeout(worker.settings.header_timeout, proxy_header::read(stream)).await {
        Ok(Ok(origin)) => return Some(origin),
        Ok(Err(_)) => worker.counters.proxy_failures.increment(),
        Err(_) => worker.counters.connections_timed_out.increment(),
    }
    None
}
