//! Running the API on a thread of its own, so that nothing here can delay an announce.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use thiserror::Error;
use tokio::sync::oneshot;

use super::connections::Connections;
use super::problem::Failure;
use super::{Admin, routes, status};

/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests under way may go on when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the API does not run.
#[derive(Debug, Error)]
#[error("the admin API cannot be started: {0}")]
pub struct StartError(#[from] io::Error);

/// An API that runs on its own thread until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningAdmin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

impl RunningAdmin {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets requests under way finish, for at most 5 s, and closes the port.
    ///
    /// # Errors
    ///
    /// When the API had ended before by itself.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        drop(self.stop.take());
        match self.thread.take() {
            None => Ok(()),
            Some(thread) => {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the admin API panicked")))
            }
        }
    }
}

impl Drop for RunningAdmin {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the admin API ended badly");
        }
    }
}

impl Admin {
    /// Serves the API on a bound socket, on a thread and a runtime of its own.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or no runtime.
    pub fn start(&self, listener: TcpListener) -> Result<RunningAdmin, StartError> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let admin = self.clone();
        let thread = thread::Builder::new().name("mika-admin".to_owned()).spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                admin.serve(listener, async { stopped.await.unwrap_or_default() }).await
            })
        })?;
        Ok(RunningAdmin { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves the API until `stop` is ready, and then for at most 5 s the requests under way.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (stopping, stopped) = oneshot::channel::<()>();
        let stop = async move {
            stop.await;
            drop(stopping);
        };
        let server = axum::serve(Connections::new(listener), self.router());
        let server = server.with_graceful_shutdown(stop).into_future();
        let too_late = async {
            stopped.await.unwrap_or_default();
            tokio::time::sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            result = server => result,
            () = too_late => Ok(()),
        }
    }

    fn router(&self) -> Router {
        Router::new()
            .nest("/api/v1", routes::router(self))
            .route("/health", get(status::health))
            .route("/ready", get(status::ready))
            .route("/metrics", get(status::metrics))
            .fallback(routes::not_found)
            .method_not_allowed_fallback(routes::method_not_allowed)
            .layer(middleware::from_fn(in_time))
            .with_state(self.clone())
    }
}

/// Changes go on to their end even if their caller is told that it took too long.
async fn in_time(request: Request, next: Next) -> Result<Response, Failure> {
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answer.map_err(|_| {
        let seconds = REQUEST_TIMEOUT.as_secs();
        let detail = format!("not done within {seconds} s; a change may still be made");
        Failure::unavailable("timeout", detail)
    })
}
