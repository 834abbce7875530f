//! The token and the signature of a request.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

use crate::store::StoreError;

/// A site refuses a request whose time is further from its own clock than this, in seconds.
pub const SIGNATURE_WINDOW_SECONDS: u64 = 300;

pub(super) const TIMESTAMP: HeaderName = HeaderName::from_static("x-mika-timestamp");
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("x-mika-signature");

/// What is sent to prove who asks; the variants that are wrong are for the conformance run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    Right,
    NoToken,
    WrongToken,
    NoSignature,
    /// The signature of another body.
    WrongSignature,
    /// The signature of another target.
    OtherTarget,
    /// Rightly signed, but long ago.
    OldTimestamp,
    /// Rightly signed, but in the future.
    FutureTimestamp,
}

/// Makes the headers of a request.
pub(super) struct Auth {
    token: Option<HeaderValue>,
    secret: Vec<u8>,
}

impl Auth {
    pub(super) fn new(token: &str, secret: &str) -> Result<Self, StoreError> {
        let token = match token {
            "" => None,
            token => Some(bearer(token)?),
        };
        Ok(Self { token, secret: secret.as_bytes().to_vec() })
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub(super) fn has_secret(&self) -> bool {
        !self.secret.is_empty()
    }

    /// The headers for a request for `target`, which is path and query as the site sees them.
    pub(super) fn headers(
        &self,
        credentials: Credentials,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Result<HeaderMap, StoreError> {
        let mut headers = HeaderMap::new();
        match (credentials, &self.token) {
            (Credentials::NoToken, _) | (_, None) => {}
            (Credentials::WrongToken, Some(_)) => {
                headers.insert(AUTHORIZATION, bearer("not-the-token")?);
            }
            (_, Some(token)) => {
                headers.insert(AUTHORIZATION, token.clone());
            }
        }
        if !self.has_secret() || credentials == Credentials::NoSignature {
            return Ok(headers);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let far = SIGNATURE_WINDOW_SECONDS.saturating_mul(2);
        let timestamp = match credentials {
            Credentials::OldTimestamp => now.saturating_sub(far),
            Credentials::FutureTimestamp => now.saturating_add(far),
            _ => now,
        };
        let wrong = credentials == Credentials::WrongSignature;
        let signed = if wrong { b"another body" } else { body };
        let other = format!("{target}x");
        let target = if credentials == Credentials::OtherTarget { &other } else { target };
        let signature = signature(&self.secret, timestamp, method, target, signed)?;
        headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
        let value = HeaderValue::from_str(&signature);
        headers.insert(SIGNATURE, value.map_err(|error| StoreError::Broken(error.to_string()))?);
        Ok(headers)
    }
}

fn bearer(token: &str) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        StoreError::Broken("the token has characters that a header cannot carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// `sha256=` and the hex digits of HMAC-SHA256 over time, method, target and body, each of the
/// first three followed by a line feed.
fn signature(
    secret: &[u8],
    timestamp: u64,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<String, StoreError> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret)
        .map_err(|_| StoreError::Broken("the secret cannot be used as a key".to_owned()))?;
    mac.update(format!("{timestamp}\n{method}\n{target}\n").as_bytes());
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256={hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected digests were computed with Python's `hmac`.
    #[test]
    fn a_signature_is_the_hmac_of_time_method_target_and_body() {
        let sign = |body: &[u8]| {
            signature(b"secret", 1_700_000_000, "POST", "/api/batch?x=1", body).unwrap()
        };
        assert_eq!(sign(b"{}"), EXPECTED);
        assert_ne!(sign(b"{ }"), EXPECTED);
    }

    const EXPECTED: &str =
        "sha256=68170d3edeb811d14a102dbb983b0737ead1212adab9ba247244036d6adb9c1f";

    #[test]
    fn a_token_that_no_header_carries_is_refused_without_being_told() {
        let error = Auth::new("line\nbreak", "").err().unwrap();
        assert!(matches!(&error, StoreError::Broken(text) if !text.contains("break")), "{error}");
    }
}
