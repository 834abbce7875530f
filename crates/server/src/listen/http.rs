//! Announces and scrapes over HTTP and HTTPS.
//!
//! # What a client can rely on
//!
//! Every complete request is answered, in order, whatever it says: announces and scrapes with
//! status 200 and bencode, `GET /` with a line of text, other paths with 404, other methods with
//! 405. A connection is closed when the client asks for it, and after an answer that says why:
//! 400 for what is not HTTP, 408 for a request that did not arrive in time, 413 for a body and
//! 431 for a head that is too large. Pipelined requests are answered in one write.
//!
//! # Memory
//!
//! Bytes are received into, and replies are built in, buffers of the worker. A connection has
//! memory of its own only for a request that has arrived in part, or for a reply that the client
//! does not take: at most [`HttpSettings::request_bytes_max`] for the one and about 170 KiB for
//! the other. An idle connection costs its task and its entry in the event loop: 1.6 KiB measured
//! with 8000 of them, and 12.3 KiB with TLS, which keeps keys and buffers.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use mika_core::PeerList;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::time::{Instant, sleep};

use super::context::{HttpSettings, ListenContext};
use super::shutdown::ShutdownSignal;
use super::tls::TlsCertificates;
use super::workers::{Ready, Workers};
use crate::counters::WorkerCounters;

mod accept;
mod answer;
mod connection;

/// The sockets of one worker.
#[derive(Debug, Default)]
pub struct WorkerListeners {
    /// For HTTP.
    pub plain: Vec<TcpListener>,
    /// For HTTPS.
    pub tls: Vec<TcpListener>,
}

impl WorkerListeners {
    /// Gives each worker its share of what [`bind_http`](super::bind::bind_http) returned, once
    /// for HTTP and once for HTTPS; either may be empty.
    pub fn zip(plain: Vec<Vec<TcpListener>>, tls: Vec<Vec<TcpListener>>) -> Vec<Self> {
        let workers = plain.len().max(tls.len());
        let (mut plain, mut tls) = (plain.into_iter(), tls.into_iter());
        (0..workers)
            .map(|_| Self {
                plain: plain.next().unwrap_or_default(),
                tls: tls.next().unwrap_or_default(),
            })
            .collect()
    }
}

/// Serves until the shutdown, one thread for each element of `workers`.
///
/// After the shutdown no connection is accepted any more, requests that have arrived or are
/// arriving are answered (for at most [`HttpSettings::drain_timeout`]), and idle connections are
/// closed.
///
/// # Errors
///
/// A thread or its event loop cannot be had.
pub fn serve(
    workers: Vec<WorkerListeners>,
    certificates: Option<&TlsCertificates>,
    settings: &HttpSettings,
    context: &Arc<ListenContext>,
    shutdown: &ShutdownSignal,
) -> io::Result<Workers> {
    let mut threads = Workers::on(&settings.announce_cores);
    if let Some(first) = workers.first() {
        log_addresses("HTTP", &first.plain, workers.len());
        log_addresses("HTTPS", &first.tls, workers.len());
    }
    for (index, listeners) in workers.into_iter().enumerate() {
        let acceptor = certificates.map(TlsCertificates::acceptor);
        let (settings, context) = (settings.clone(), Arc::clone(context));
        let shutdown = shutdown.clone();
        threads.start(format!("http-{index}"), move |ready| {
            let worker = Rc::new(Worker::new(settings, context));
            run(worker, listeners, acceptor, shutdown, ready);
        })?;
    }
    Ok(threads)
}

fn log_addresses(protocol: &str, listeners: &[TcpListener], workers: usize) {
    for address in listeners.iter().filter_map(|listener| listener.local_addr().ok()) {
        tracing::info!(%address, workers, "listening for {protocol}");
    }
}

/// What the connections of one thread share.
pub(in crate::listen) struct Worker {
    settings: HttpSettings,
    context: Arc<ListenContext>,
    counters: Arc<CachePadded<WorkerCounters>>,
    buffers: RefCell<Buffers>,
    /// Connections that are not idle.
    busy: Cell<usize>,
    /// No further request is waited for.
    closing: Cell<bool>,
}

/// Memory that one connection uses at a time, and never across an `await`.
struct Buffers {
    input: Box<[u8]>,
    output: Vec<u8>,
    peers: PeerList,
}

impl Worker {
    fn new(settings: HttpSettings, context: Arc<ListenContext>) -> Self {
        let buffers = Buffers {
            input: vec![0; settings.request_bytes_max].into_boxed_slice(),
            output: Vec::new(),
            peers: PeerList::new(fastrand::u64(..)),
        };
        Self {
            counters: context.counters.register(),
            settings,
            context,
            buffers: RefCell::new(buffers),
            busy: Cell::new(0),
            closing: Cell::new(false),
        }
    }

    /// Waits until no connection is in the middle of a request, or the time is up.
    async fn drained(&self) {
        /// Requests that were in the socket's buffer at the shutdown are read meanwhile.
        const GRACE: Duration = Duration::from_millis(50);
        const STEP: Duration = Duration::from_millis(5);
        let deadline = Instant::now() + self.settings.drain_timeout;
        sleep(GRACE).await;
        while self.busy.get() > 0 && Instant::now() < deadline {
            sleep(STEP).await;
        }
    }
}

fn run(
    worker: Rc<Worker>,
    listeners: WorkerListeners,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    mut shutdown: ShutdownSignal,
    ready: &Ready,
) {
    let runtime = match start(&worker, listeners, acceptor, &shutdown) {
        Ok(runtime) => runtime,
        Err(error) => {
            // The receiver is `Workers::start`, which waits for this.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    runtime.block_on(async {
        shutdown.triggered().await;
        worker.closing.set(true);
        worker.drained().await;
    });
    let unfinished = worker.busy.get();
    if unfinished > 0 {
        tracing::warn!(unfinished, "requests did not arrive in time before the stop");
    }
}

fn start(
    worker: &Rc<Worker>,
    listeners: WorkerListeners,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    shutdown: &ShutdownSignal,
) -> io::Result<LocalRuntime> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(LocalOptions::default())?;
    runtime.block_on(async {
        for listener in listeners.plain {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let worker = Rc::clone(worker);
            tokio::task::spawn_local(accept::accept(worker, listener, None, shutdown.clone()));
        }
        for listener in listeners.tls {
            let acceptor = acceptor.clone().ok_or_else(|| io::Error::other("no certificate"))?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let worker = Rc::clone(worker);
            let acceptor = Some(acceptor);
            tokio::task::spawn_local(accept::accept(worker, listener, acceptor, shutdown.clone()));
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(runtime)
}
