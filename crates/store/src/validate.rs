//! What a record may contain, in words for the person who typed it. Every adapter that is a
//! [`Catalog`](crate::Catalog) checks with these before it writes; each error is
//! [`StoreError::Invalid`].

use mika_protocol::Passkey;

use crate::catalog::{NewTorrent, NewUser, TorrentPatch, UserPatch};
use crate::record::{ClientRuleRecord, EventRecord, RoleRecord};
use crate::store::StoreError;

/// Longest name, in characters.
const NAME_LENGTH: usize = 64;
const PREFIX_LENGTH: usize = 20;
/// Longest title, reason or note, in characters.
const TEXT_LENGTH: usize = 1024;
/// The largest total that every database holds.
const TOTAL_LIMIT: u64 = i64::MAX as u64;

/// Nothing, or [`StoreError::Invalid`].
pub type Valid = Result<(), StoreError>;

fn invalid(text: impl Into<String>) -> Valid {
    Err(StoreError::Invalid(text.into()))
}

/// 1 to 64 characters, none of them a control character, not only blanks.
fn name(what: &str, text: &str) -> Valid {
    let length = text.chars().count();
    if length == 0 || length > NAME_LENGTH {
        return invalid(format!("{what} has 1 to {NAME_LENGTH} characters, this one {length}"));
    }
    if text.chars().any(char::is_control) {
        return invalid(format!("{what} has no control characters (line breaks, tabs)"));
    }
    if text.trim() != text {
        return invalid(format!("{what} does not begin or end with a space"));
    }
    Ok(())
}

/// At most 1024 characters, none of them a control character.
fn text(what: &str, text: &str) -> Valid {
    let length = text.chars().count();
    if length > TEXT_LENGTH {
        return invalid(format!("{what} has at most {TEXT_LENGTH} characters, this one {length}"));
    }
    if text.chars().any(char::is_control) {
        return invalid(format!("{what} has no control characters (line breaks, tabs)"));
    }
    Ok(())
}

/// 1 to 64 letters, digits, `_` and `-`. The passkey itself is not repeated in the error.
pub fn passkey(text: &str) -> Valid {
    if Passkey::new(text.as_bytes()).is_none() {
        return invalid(format!(
            "a passkey has 1 to {} characters: letters, digits, `_` and `-`",
            Passkey::BYTES_MAX
        ));
    }
    Ok(())
}

/// 1 to 20 bytes of printable ASCII.
pub fn prefix(text: &str) -> Valid {
    let allowed = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if text.is_empty() || text.len() > PREFIX_LENGTH || !text.bytes().all(allowed) {
        return invalid(format!(
            "a peer id prefix has 1 to {PREFIX_LENGTH} characters of printable ASCII"
        ));
    }
    Ok(())
}

fn total(what: &str, bytes: u64) -> Valid {
    if bytes > TOTAL_LIMIT {
        return invalid(format!("{what} is at most {TOTAL_LIMIT} bytes, not {bytes}"));
    }
    Ok(())
}

/// Name and passkey of a user to be added. Whether they are free and the role exists is the
/// store's to say.
pub fn new_user(user: &NewUser) -> Valid {
    name("a user name", &user.name)?;
    passkey(&user.passkey)
}

/// Whatever a patch of a user sets; totals are at most `i64::MAX`.
pub fn user_patch(patch: &UserPatch) -> Valid {
    patch.name.as_deref().map_or(Ok(()), |text| name("a user name", text))?;
    patch.passkey.as_deref().map_or(Ok(()), passkey)?;
    patch.uploaded.map_or(Ok(()), |bytes| total("uploaded", bytes))?;
    patch.downloaded.map_or(Ok(()), |bytes| total("downloaded", bytes))
}

/// A title of at most 1024 characters, and two info-hashes that differ.
pub fn new_torrent(torrent: &NewTorrent) -> Valid {
    text("a title", &torrent.title)?;
    if torrent.info_hash_v2 == Some(torrent.info_hash) {
        return invalid("the two info hashes of a hybrid torrent differ");
    }
    Ok(())
}

/// Title and reason of at most 1024 characters.
pub fn torrent_patch(patch: &TorrentPatch) -> Valid {
    patch.title.as_deref().map_or(Ok(()), |title| text("a title", title))?;
    patch.reason.as_deref().map_or(Ok(()), |reason| text("a reason", reason))
}

/// A role's name.
pub fn role(role: &RoleRecord) -> Valid {
    name("a role name", &role.name)
}

/// Prefix and note of a client rule.
pub fn client_rule(rule: &ClientRuleRecord) -> Valid {
    prefix(&rule.prefix)?;
    text("a note", &rule.name)
}

/// Name and times of an event.
pub fn event(event: &EventRecord) -> Valid {
    name("an event name", &event.name)?;
    if event.ends_at_seconds <= event.starts_at_seconds {
        return invalid("an event ends after it starts");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
