//! How a site knows that a request is ours.
//!
//! `X-Mika-Timestamp` is the time of the attempt, as a Unix time in seconds. `X-Mika-Signature` is
//! the HMAC-SHA256, in hex digits, of timestamp, a line feed, and the body, under the webhook's
//! key. A site refuses what is too old, so that nobody can send it again.

use std::io;

use hmac::{Hmac, Mac};
use sha2::Sha256;

pub(super) const TIMESTAMP: &str = "x-mika-timestamp";
pub(super) const SIGNATURE: &str = "x-mika-signature";
/// Ids of the first and the last notification: the same when a request is sent again.
pub(super) const DELIVERY: &str = "x-mika-delivery";

pub(super) fn sign(secret: &str, timestamp: &str, body: &[u8]) -> io::Result<String> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.map_err(|error| io::Error::other(error.to_string()))?;
    mac.update(timestamp.as_bytes());
    mac.update(b"\n");
    mac.update(body);
    Ok(hex(&mac.finalize().into_bytes()))
}

/// 256 bits from the operating system as hex digits.
pub(super) fn random_secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same as `printf '1800000000\n{}' | openssl dgst -sha256 -hmac 0123456789abcdef`.
    #[test]
    fn a_signature_is_what_openssl_says() {
        let signature = sign("0123456789abcdef", "1800000000", b"{}").unwrap();
        assert_eq!(signature, SIGNED);
    }

    const SIGNED: &str = "8864b0dceeafeb396f409a5fc1197dd7be1ff294bca2539da3bc960f8218d60c";
}
