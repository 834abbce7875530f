//! Running the API on a thread of its own, so that nothing here can delay an announce.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use thiserror::Error;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::connections::Peer;
use super::listeners::AdminListeners;
use super::problem::{self, Failure};
use super::{Admin, auth, once, openapi, routes};

/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests under way may go on when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is written when API tokens were used last.
const USES_INTERVAL: Duration = Duration::from_secs(60);

/// Why the API does not run.
#[derive(Debug, Error)]
#[error("the admin API cannot be started: {0}")]
pub struct StartError(#[from] io::Error);

/// An API that runs on its own thread until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningAdmin {
    address: Option<SocketAddr>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

impl RunningAdmin {
    /// The port that it listens on, if it does not listen on a unix socket only.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where clients find it: `http://…`, `https://…`, or `unix:/path`.
    pub fn url(&self) -> &str {
        &self.url
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
    /// Serves the API on bound sockets, on a thread and a runtime of its own.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or no runtime.
    pub fn start(&self, listeners: impl Into<AdminListeners>) -> Result<RunningAdmin, StartError> {
        let listeners = listeners.into();
        let (address, url) = (listeners.address()?, listeners.url()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let admin = self.clone();
        let thread = thread::Builder::new().name("mika-admin".to_owned()).spawn(move || {
            runtime.block_on(admin.serve(listeners, async { stopped.await.unwrap_or_default() }))
        })?;
        Ok(RunningAdmin { address, url, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves the API until `stop` is ready, and then for at most 5 s the requests under way.
    ///
    /// # Errors
    ///
    /// Those of the sockets.
    pub async fn serve(
        &self,
        listeners: AdminListeners,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (stopping, stopped) = watch::channel(false);
        let (connections, _path) = listeners.open()?;
        let mut servers = JoinSet::new();
        for listener in connections {
            let service = self.router().into_make_service_with_connect_info::<Peer>();
            let mut stopped = stopped.clone();
            let stop = async move {
                // The sender is there until the end; without it, it is the end, too.
                let _ = stopped.wait_for(|is_stopping| *is_stopping).await;
            };
            servers
                .spawn(axum::serve(listener, service).with_graceful_shutdown(stop).into_future());
        }
        let uses = tokio::spawn(keep_uses(self.clone()));
        let ended = tokio::select! {
            () = stop => Ok(()),
            // None ends before it is told to, unless its socket fails.
            Some(ended) = servers.join_next() => ended.map_err(io::Error::other).flatten(),
        };
        stopping.send_replace(true);
        let finished = async { while servers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_TIMEOUT, finished).await;
        uses.abort();
        self.access().keep_uses().await;
        ended
    }

    fn router(&self) -> Router {
        let (protected, _) = routes::routes().split_for_parts();
        let protected = protected
            .fallback(problem::not_found)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(DefaultBodyLimit::max(routes::BODY_BYTES_MAX))
            .layer(middleware::from_fn_with_state(self.clone(), once::once))
            .layer(middleware::from_fn_with_state(self.clone(), auth::authorize));
        let (open, _) = openapi::open_routes().split_for_parts();
        open.nest("/api/v1", protected)
            .fallback(problem::not_found)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(middleware::from_fn(in_time))
            .with_state(self.clone())
    }
}

/// Writes from time to time when API tokens were used last.
async fn keep_uses(admin: Admin) {
    loop {
        tokio::time::sleep(USES_INTERVAL).await;
        admin.access().keep_uses().await;
    }
}

/// Changes go on to their end even if their caller is told that it took too long.
async fn in_time(request: Request, next: Next) -> Result<Response, Failure> {
    // It takes as long as its body does.
    if request.uri().path() == "/api/v1/import" {
        return Ok(next.run(request).await);
    }
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answer.map_err(|_| {
        let seconds = REQUEST_TIMEOUT.as_secs();
        let detail = format!("not done within {seconds} s; a change may still be made");
        Failure::unavailable("timeout", detail)
    })
}
