//! TLS for the HTTPS listeners, with certificates that can be replaced while the server runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// The certificate chain and key that new connections are served with.
///
/// Connections that are open keep what they began with.
pub struct TlsCertificates {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
}

/// Why a certificate cannot be used; the text names the file and says what to do.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or has nothing of the kind that is needed.
    #[error("{} has no usable PEM {what}: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// The key is of an unsupported kind, or not that of the certificate.
    #[error("{} does not fit {}: {source}", key.display(), certificate.display())]
    Mismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
        /// What TLS says.
        source: rustls::Error,
    },
    /// The cryptography library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[source] rustls::Error),
}

struct Current {
    certified: ArcSwap<CertifiedKey>,
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current(…)")
    }
}

impl fmt::Debug for TlsCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsCertificates(…)")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified.load_full())
    }
}

impl TlsCertificates {
    /// Reads a certificate chain, the server's own first, and its private key, both PEM.
    ///
    /// TLS 1.2 and 1.3 are offered, with session tickets, so that a client that comes back saves
    /// the expensive half of the handshake.
    ///
    /// # Errors
    ///
    /// See [`TlsError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let certified = ArcSwap::from_pointee(read(certificate, key)?);
        let current = Arc::new(Current { certified });
        let resolver = Arc::<Current>::clone(&current);
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let mut config = builder
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
        Ok(Self { config: Arc::new(config), current })
    }

    /// Reads the files again, or others.
    ///
    /// # Errors
    ///
    /// See [`TlsError`]; the certificate then stays what it was.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), TlsError> {
        self.current.certified.store(Arc::new(read(certificate, key)?));
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let pem_error = |path: &Path, what, error: rustls_pki_types::pem::Error| TlsError::Pem {
        path: path.to_owned(),
        what,
        reason: error.to_string(),
    };
    let chain = CertificateDer::pem_slice_iter(&read_file(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| pem_error(certificate, "certificate", error))?;
    if chain.is_empty() {
        let no_items = rustls_pki_types::pem::Error::NoItemsFound;
        return Err(pem_error(certificate, "certificate", no_items));
    }
    let private = PrivateKeyDer::from_pem_slice(&read_file(key)?)
        .map_err(|error| pem_error(key, "private key", error))?;
    CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider()).map_err(|source| {
        TlsError::Mismatch { key: key.to_owned(), certificate: certificate.to_owned(), source }
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
