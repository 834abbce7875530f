//! Where the API listens: an address, plain or with TLS, a unix socket, or both.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{AccessFlags, access};
use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;

use super::connections::{Connections, Kind};
use crate::config::AdminConfig;
use crate::listen::tls::{TlsCertificates, TlsError};

/// Connections that wait for the unix socket.
const BACKLOG: i32 = 128;

/// The bound sockets of the API.
pub struct AdminListeners {
    tcp: Option<TcpListener>,
    tls: Option<Arc<TlsCertificates>>,
    unix: Option<UnixSocket>,
}

/// A socket in the file system that is listened to.
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    pub(crate) path: SocketPath,
}

/// A socket in the file system, which is removed in the end.
#[derive(Debug)]
pub(crate) struct SocketPath(PathBuf);

/// Why the API does not listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The port.
    #[error(
        "the admin API cannot listen on {address}: {source}; choose another admin.listen, or stop \
         what uses it"
    )]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The unix socket.
    #[error(
        "the admin API cannot listen on {path}: {source}; choose another admin.unix_socket",
        path = path.display()
    )]
    Unix {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The certificate.
    #[error("admin.certificate_file and admin.key_file: {0}")]
    Tls(#[from] TlsError),
}

impl AdminListeners {
    /// Binds what is configured.
    ///
    /// # Errors
    ///
    /// See [`ListenError`].
    pub fn bind(config: &AdminConfig) -> Result<Self, ListenError> {
        let tls = match config.certificate_file.as_os_str().is_empty() {
            true => None,
            false => {
                let loaded = TlsCertificates::load(&config.certificate_file, &config.key_file)?;
                Some(Arc::new(loaded))
            }
        };
        let address = config.listen;
        let bound = config.tcp.then(|| TcpListener::bind(address)).transpose();
        let tcp = bound.map_err(|source| ListenError::Tcp { address, source })?;
        let path = &config.unix_socket;
        let mode = u32::from_str_radix(&config.unix_socket_mode, 8).unwrap_or(0o600);
        let unix = match path.as_os_str().is_empty() {
            true => None,
            false => {
                let bound = UnixSocket::bind(path, mode);
                Some(bound.map_err(|source| ListenError::Unix { path: path.clone(), source })?)
            }
        };
        Ok(Self { tcp, tls, unix })
    }

    /// The certificate that can be replaced while the API runs.
    pub(crate) fn certificates(&self) -> Option<Arc<TlsCertificates>> {
        self.tls.clone()
    }

    /// The address of the port.
    pub(super) fn address(&self) -> io::Result<Option<SocketAddr>> {
        self.tcp.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Where clients find it: `http://…`, `https://…`, or `unix:/path`.
    pub(super) fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let path = self.unix.as_ref().map(|unix| format!("unix:{}", unix.path.0.display()));
        let url = self.address()?.map(|address| format!("{scheme}://{address}"));
        Ok(url.or(path).unwrap_or_default())
    }

    /// To be called on the runtime that serves them.
    pub(super) fn open(self) -> io::Result<(Vec<Connections>, Option<SocketPath>)> {
        let (limit, mut opened) = (Connections::limit(), Vec::new());
        if let Some(tcp) = self.tcp {
            tcp.set_nonblocking(true)?;
            let tcp = tokio::net::TcpListener::from_std(tcp)?;
            let tls = self.tls.map(|tls| tls.acceptor());
            opened.push(Connections::new(Kind::Tcp(tcp, tls), &limit));
        }
        let mut path = None;
        if let Some(unix) = self.unix {
            unix.listener.set_nonblocking(true)?;
            let listener = tokio::net::UnixListener::from_std(unix.listener)?;
            opened.push(Connections::new(Kind::Unix(listener), &limit));
            path = Some(unix.path);
        }
        Ok((opened, path))
    }
}

impl From<TcpListener> for AdminListeners {
    fn from(listener: TcpListener) -> Self {
        Self { tcp: Some(listener), tls: None, unix: None }
    }
}

impl UnixSocket {
    /// Nobody can connect before the file has its mode, for only then is it listened to.
    pub(crate) fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let bound = SocketPath(path.to_owned());
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        socket.listen(BACKLOG)?;
        Ok(Self { listener: socket.into(), path: bound })
    }

    /// Whether it could be had at a path, with the error that a start would have; nothing is made
    /// or removed.
    pub(crate) fn try_path(path: &Path) -> io::Result<()> {
        is_stale(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        access(parent.unwrap_or(Path::new(".")), AccessFlags::W_OK | AccessFlags::X_OK)?;
        Ok(())
    }
}

/// Removes the socket of a process that was killed; anything else is left alone.
fn remove_stale(path: &Path) -> io::Result<()> {
    match is_stale(path)? {
        true => fs::remove_file(path),
        false => Ok(()),
    }
}

/// Whether the socket of a process that was killed is there; an error if the path is taken.
fn is_stale(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(there) if !there.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "this is not a socket"));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        Err(error) => Err(error),
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        // The next start removes what is left.
        let _ = fs::remove_file(&self.0);
    }
}
