//! Passes that are derived from a secret of the site's, as the XBT tracker makes them: each is good
//! for one user on one torrent, and the site stores none of them.
//!
//! ```text
//! pass = 8 hex digits of the user's id
//!      + 24 hex digits: the first 12 bytes of SHA-1("<secret> <version> <user's id> " + info-hash)
//! ```

use mika_protocol::{AnnounceRequest, InfoHash, Passkey};
use sha1::{Digest, Sha1};

use super::Tracker;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::site::PassSecret;
use crate::users::User;

/// Hex digits of the user's id.
const ID_DIGITS: usize = 8;
/// Hex digits of the rest.
const PROOF_DIGITS: usize = 24;

impl Tracker {
    /// Whoever a pass was derived for; `None` if the site does not derive passes, or this is none.
    #[cold]
    #[inline(never)]
    pub(super) fn derived_user(
        &self,
        rules: &Rules,
        passkey: &Passkey,
        info_hash: InfoHash,
    ) -> Option<User> {
        let secret = &rules.settings.site.pass_secret;
        let text = std::str::from_utf8(passkey.as_bytes()).ok()?;
        if secret.is_empty() || text.len() != ID_DIGITS + PROOF_DIGITS {
            return None;
        }
        let (id, proof) = text.split_at_checked(ID_DIGITS)?;
        let id = u32::from_str_radix(id, 16).ok()?;
        let user = self.users.by_index(self.users.index_of(id)?)?;
        let version = self.terms.of(&user).unwrap_or_default().pass_version;
        is_same(proof, &proof_of(secret, version, id, info_hash)).then_some(user)
    }

    /// Admits a stranger whose pass is a derived one.
    #[cold]
    pub(super) fn admit_derived(
        &self,
        rules: &Rules,
        request: &AnnounceRequest,
        refusal: Refusal,
    ) -> Result<User, Refusal> {
        let (Refusal::PasskeyUnknown, Some(passkey)) = (refusal, &request.passkey) else {
            return Err(refusal);
        };
        match self.derived_user(rules, passkey, request.info_hash) {
            None => Err(refusal),
            Some(user) if user.deleted => Err(Refusal::UserDeleted),
            Some(user) => Ok(user),
        }
    }

    /// Whoever announces: by a passkey of the user's own, or by one that is derived.
    pub(super) fn user_of(&self, passkey: &Passkey, info_hash: Option<InfoHash>) -> Option<User> {
        self.users.by_passkey(passkey).or_else(|| {
            let info_hash = info_hash?;
            self.derived_user(&self.rules.load(), passkey, info_hash)
        })
    }
}

fn proof_of(secret: &PassSecret, version: u32, id: u32, info_hash: InfoHash) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("{} {version} {id} ", secret.expose()));
    hash.update(info_hash.0);
    let digits = hash.finalize().into_iter().take(PROOF_DIGITS / 2);
    digits.map(|byte| format!("{byte:02x}")).collect()
}

/// Takes the same time wherever the two differ.
fn is_same(guess: &str, proof: &str) -> bool {
    let differ = |(one, other): (u8, u8)| one.to_ascii_lowercase() ^ other;
    let differences = guess.bytes().zip(proof.bytes()).map(differ);
    guess.len() == proof.len() && differences.fold(0, |all, one| all | one) == 0
}
