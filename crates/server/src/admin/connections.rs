//! The connections of the API: not too many, and none that idles for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};
use tracing::warn;

/// Connections at the same time; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 128;
/// How long nothing may be received or sent. Longer than any request may take.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait when the system gives no connection, such as for want of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A listener with a limit.
pub(super) struct Connections {
    listener: Kind,
    free: Arc<Semaphore>,
}

/// What connections are made by.
pub(super) enum Kind {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(UnixListener),
}

/// Who has made a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Tcp(SocketAddr),
    Unix,
}

impl Connections {
    /// All listeners of a server share one limit.
    pub(super) fn limit() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(CONNECTIONS_MAX))
    }

    pub(super) fn new(listener: Kind, limit: &Arc<Semaphore>) -> Self {
        Self { listener, free: Arc::clone(limit) }
    }

    async fn next(&self) -> io::Result<(Stream, Peer)> {
        match &self.listener {
            Kind::Tcp(listener, tls) => {
                let (stream, address) = listener.accept().await?;
                // Answers are written whole, so waiting for more makes them late.
                stream.set_nodelay(true)?;
                let stream = match tls {
                    None => Stream::Plain(stream),
                    Some(tls) => Stream::Handshake(Box::new(tls.accept(stream))),
                };
                Ok((stream, Peer::Tcp(address)))
            }
            Kind::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::Unix))
            }
        }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = Peer;

    async fn accept(&mut self) -> (Connection, Peer) {
        // The semaphore is never closed, so that the permit is always there in the end.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        loop {
            match self.next().await {
                Ok((stream, peer)) => {
                    let idle = Box::pin(tokio::time::sleep(IDLE_TIMEOUT));
                    return (Connection { stream, idle, _permit: permit }, peer);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "the admin API cannot take a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        match &self.listener {
            Kind::Tcp(listener, _) => listener.local_addr().map(Peer::Tcp),
            Kind::Unix(_) => Ok(Peer::Unix),
        }
    }
}

/// Whether an error is about a connection that was given up before it was taken.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}

impl Connected<IncomingStream<'_, Connections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        *stream.remote_addr()
    }
}

/// A connection that ends when nothing happens on it.
pub(super) struct Connection {
    stream: Stream,
    idle: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// The bytes of a connection. The handshake of TLS is made when the first of them are wanted, so
/// that a client that does not finish it holds up nobody.
enum Stream {
    Plain(TcpStream),
    Handshake(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// What bytes are read from and written to.
trait Bytes: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Bytes for T {}

impl Stream {
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Bytes>>> {
        if let Self::Handshake(accept) = self {
            let stream = ready!(Pin::new(accept.as_mut()).poll(context))?;
            *self = Self::Tls(Box::new(stream));
        }
        Poll::Ready(match self {
            Self::Plain(stream) => Ok(Pin::new(stream)),
            Self::Tls(stream) => Ok(Pin::new(stream.as_mut())),
            Self::Unix(stream) => Ok(Pin::new(stream)),
            Self::Handshake(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl Connection {
    /// Passes on what the stream said; a stream that waits does so until the connection idles out.
    fn unless_idle<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.idle.as_mut().reset(Instant::now() + IDLE_TIMEOUT);
            return polled;
        }
        self.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = match self.stream.poll_open(context) {
            Poll::Ready(Ok(stream)) => stream.poll_read(context, buffer),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.unless_idle(context, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = match self.stream.poll_open(context) {
            Poll::Ready(Ok(stream)) => stream.poll_write(context, bytes),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.unless_idle(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream.poll_open(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            // There is nothing to say goodbye to.
            Stream::Handshake(_) => Poll::Ready(Ok(())),
            stream => ready!(stream.poll_open(context))?.poll_shutdown(context),
        }
    }
}
