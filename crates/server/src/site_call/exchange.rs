//! One request and what comes back.

use std::io;
use std::sync::Arc;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Target;

/// Bytes of an answer that are read at most; only its first line matters.
const ANSWER_BYTES_MAX: u64 = 65_536;

/// Why a call did not succeed. No text contains the key.
#[derive(Debug, Error)]
pub enum CallError {
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {0} s")]
    Timeout(u64),
    /// The site answered something else than 200.
    #[error(
        "the site answered {0}: are site_call.url and site_call.key right, and does the site know \
         this machine's address as that of its tracker?"
    )]
    Status(u16),
    /// What came is not HTTP.
    #[error("the site's answer is not HTTP")]
    Answer,
}

/// Sends a request and returns the status of the answer.
pub(super) async fn exchange(target: &Target, request: &[u8]) -> Result<u16, CallError> {
    let stream = TcpStream::connect(target.address()).await?;
    match target.tls() {
        None => over(stream, request).await,
        Some(tls) => {
            let connector = TlsConnector::from(Arc::clone(&tls.config));
            over(connector.connect(tls.name.clone(), stream).await?, request).await
        }
    }
}

/// Reads to the end: a page whose reader leaves early may be given up by the web server.
async fn over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> Result<u16, CallError> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await;
    // Some servers end TLS without saying so, which is no error once the status is there.
    match (status(&answer), read) {
        (Some(status), _) => Ok(status),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(_)) => Err(CallError::Answer),
    }
}

/// The status in `HTTP/1.1 200 OK`.
fn status(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?;
    let digits = rest.get(2..5).filter(|_| rest.get(1) == Some(&b' '))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::Token;
    use super::*;

    #[test]
    fn the_status_is_in_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 500"), Some(500));
        for none in ["", "HTTP/1.1", "HTTP/1.1 2", "HTTP/2 200", "hello", "HTTP/1.1 abc"] {
            assert_eq!(status(none.as_bytes()), None, "{none}");
        }
    }

    async fn https_site() -> (u16, rcgen::Certificate, tokio::task::JoinHandle<Vec<u8>>) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else {
                return Vec::new();
            };
            let mut request = vec![0; 4096];
            let bytes = stream.read(&mut request).await.unwrap_or(0);
            request.truncate(bytes);
            // Without the close of TLS.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            request
        });
        (port, made.cert, site)
    }

    #[tokio::test]
    async fn over_tls_the_site_has_to_be_who_it_says() {
        let (port, certificate, site) = https_site().await;
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let target = Target::with_tls(&format!("https://localhost:{port}"), config);
        let request = target.request("k", &[Token::of(2, 10)]);
        assert_eq!(exchange(&target, request.as_bytes()).await.unwrap(), 200);
        assert_eq!(site.await.unwrap(), request.into_bytes());

        // A certificate that nobody trusts: the key is not sent.
        let (port, _, site) = https_site().await;
        let target = Target::parse(&format!("https://localhost:{port}")).unwrap();
        let request = target.request("k", &[Token::of(2, 10)]);
        let exchanged = exchange(&target, request.as_bytes());
        let error = tokio::time::timeout(Duration::from_secs(20), exchanged).await.unwrap();
        assert!(matches!(error, Err(CallError::Connection(_))), "{error:?}");
        assert_eq!(site.await.unwrap(), b"");
    }
}
