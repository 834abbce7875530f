//! Where the interface listens, and how many may call at a time.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use super::connection::serve;
use super::{Counts, Shared, SiteApi};
use crate::admin::{SocketPath, UnixSocket};
use crate::config::SiteApiConfig;

/// Connections at the same time; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 256;
/// How long to wait when the system gives no connection, such as for want of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long calls under way may go on when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the rates are counted on.
const TICK: Duration = Duration::from_secs(1);

/// The bound sockets of the interface; none, if it is off.
#[derive(Default)]
pub struct SiteApiListeners {
    tcp: Vec<TcpListener>,
    unix: Option<(UnixListener, SocketPath)>,
}

impl SiteApiListeners {
    /// Binds what is configured.
    ///
    /// # Errors
    ///
    /// Those of the system, with the address.
    pub fn bind(config: &SiteApiConfig) -> io::Result<Self> {
        let mut tcp = Vec::new();
        for address in &config.listen {
            let bound = TcpListener::bind(address).map_err(|error| {
                let text = format!("site_api.listen: {address} cannot be listened on: {error}");
                io::Error::new(error.kind(), text)
            })?;
            bound.set_nonblocking(true)?;
            tcp.push(bound);
        }
        let path = &config.unix_socket;
        let unix = match path.as_os_str().is_empty() {
            true => None,
            false => {
                let mode = u32::from_str_radix(&config.unix_socket_mode, 8).unwrap_or(0o660);
                let socket = UnixSocket::bind(path, mode).map_err(|error| {
                    let path = path.display();
                    let text = format!("site_api.unix_socket: {path}: {error}");
                    io::Error::new(error.kind(), text)
                })?;
                socket.listener.set_nonblocking(true)?;
                Some((socket.listener, socket.path))
            }
        };
        Ok(Self { tcp, unix })
    }

    fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.unix.is_none()
    }

    /// The addresses of the ports.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.tcp.iter().map(TcpListener::local_addr).collect()
    }
}

/// An interface that runs on a thread of its own until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningSiteApi {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl RunningSiteApi {
    /// Lets calls under way finish, for at most 5 s, and closes the ports.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the interface for the site has panicked");
        }
    }
}

impl Drop for RunningSiteApi {
    fn drop(&mut self) {
        self.end();
    }
}

impl SiteApi {
    /// Serves the interface, on a thread and a runtime of its own; `None` without sockets.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or no runtime.
    pub fn start(&self, listeners: SiteApiListeners) -> io::Result<Option<RunningSiteApi>> {
        if listeners.is_empty() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("mika-site-api".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Err(error) = accept(shared, listeners, stopped).await {
                    error!(%error, "the interface for the site does not run");
                }
            });
        })?;
        Ok(Some(RunningSiteApi { stop: Some(stop), thread: Some(thread) }))
    }
}

async fn accept(
    shared: Arc<Shared>,
    listeners: SiteApiListeners,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let limit = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut accepting = JoinSet::new();
    for tcp in listeners.tcp {
        let tcp = tokio::net::TcpListener::from_std(tcp)?;
        let (shared, limit) = (Arc::clone(&shared), Arc::clone(&limit));
        accepting.spawn(async move {
            accept_from(shared, limit, || async {
                let (stream, _) = tcp.accept().await?;
                stream.set_nodelay(true)?;
                Ok(stream)
            })
            .await;
        });
    }
    let mut path = None;
    if let Some((unix, socket_path)) = listeners.unix {
        path = Some(socket_path);
        let unix = tokio::net::UnixListener::from_std(unix)?;
        let (shared, limit) = (Arc::clone(&shared), Arc::clone(&limit));
        accepting.spawn(async move {
            accept_from(shared, limit, || async { Ok(unix.accept().await?.0) }).await;
        });
    }
    accepting.spawn(async move {
        loop {
            shared.tick();
            sleep(TICK).await;
        }
    });
    // The sender is dropped when it is time.
    let _ = stopped.await;
    drop(accepting);
    drop(path);
    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    if timeout(STOP_TIMEOUT, limit.acquire_many(all)).await.is_err() {
        warn!("calls of the site were under way for too long when the server stopped");
    }
    Ok(())
}

async fn accept_from<S, F>(shared: Arc<Shared>, limit: Arc<Semaphore>, next: impl Fn() -> F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<S>>,
{
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&limit).acquire_owned().await else { return };
        match next().await {
            Ok(stream) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let counts = &shared.counts;
                    Counts::count(&counts.connections);
                    let open = counts.connections_open.fetch_add(1, Ordering::Relaxed);
                    let open = open.saturating_add(1);
                    counts.connections_peak.fetch_max(open, Ordering::Relaxed);
                    serve(&shared, stream).await;
                    counts.connections_open.fetch_sub(1, Ordering::Relaxed);
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "the interface for the site cannot take a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
