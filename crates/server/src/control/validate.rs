//! What a value may be, whoever gives it.

use super::error::ControlError;

/// The largest multiplier, in percent.
pub(super) const PERCENT_MAX: u16 = 10_000;
/// Longest name of a user, role or event, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Longest title of a torrent, in characters.
const TITLE_CHARS_MAX: usize = 255;
/// Longest reason, in characters: clients show it in a narrow column.
const REASON_CHARS_MAX: usize = 200;
/// Longest prefix of a client rule: a whole peer id.
const PREFIX_BYTES_MAX: usize = 20;
/// Largest total: databases have signed 64-bit integers.
const TOTAL_BYTES_MAX: u64 = i64::MAX as u64;

type Valid = Result<(), ControlError>;

fn invalid(detail: String) -> Valid {
    Err(ControlError::Invalid(detail))
}

/// 1 to 64 characters without control characters, not blank at either end, usable in a URL.
pub(super) fn name(what: &str, text: &str) -> Valid {
    length(what, text, NAME_CHARS_MAX)?;
    if text.is_empty() {
        return invalid(format!("{what} is empty: it has 1 to {NAME_CHARS_MAX} characters"));
    }
    if text.trim() != text {
        return invalid(format!("{what} begins or ends with a space"));
    }
    if matches!(text, "." | "..") {
        return invalid(format!("{what} is {text:?}, which no URL can name"));
    }
    Ok(())
}

pub(super) fn title(text: &str) -> Valid {
    length("title", text, TITLE_CHARS_MAX)
}

pub(super) fn reason(text: &str) -> Valid {
    length("reason", text, REASON_CHARS_MAX)
}

pub(super) fn note(text: &str) -> Valid {
    length("name", text, NAME_CHARS_MAX)
}

fn length(what: &str, text: &str, chars_max: usize) -> Valid {
    let chars = text.chars().count();
    if chars > chars_max {
        return invalid(format!("{what} has {chars} characters: at most {chars_max} are allowed"));
    }
    if text.chars().any(char::is_control) {
        return invalid(format!("{what} contains a control character (a line break or a tab?)"));
    }
    Ok(())
}

pub(super) fn percent(what: &str, percent: u16) -> Valid {
    if percent > PERCENT_MAX {
        return invalid(format!("{what} is {percent}: it is 0 to {PERCENT_MAX}"));
    }
    Ok(())
}

/// Both multipliers, where given.
pub(super) fn percents(upload: Option<u16>, download: Option<u16>) -> Valid {
    percent("upload_percent", upload.unwrap_or_default())?;
    percent("download_percent", download.unwrap_or_default())
}

pub(super) fn total(what: &str, bytes: Option<u64>) -> Valid {
    match bytes {
        Some(bytes) if bytes > TOTAL_BYTES_MAX => {
            invalid(format!("{what} is {bytes}: at most {TOTAL_BYTES_MAX} is allowed"))
        }
        _ => Ok(()),
    }
}

/// The text of the error never repeats the passkey.
pub(super) fn passkey(text: &str) -> Result<mika_protocol::Passkey, ControlError> {
    mika_protocol::Passkey::new(text.as_bytes()).ok_or_else(|| {
        ControlError::Invalid("passkey: 1 to 64 of A-Z a-z 0-9 _ - are allowed".to_owned())
    })
}

pub(super) fn prefix(text: &str) -> Valid {
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if text.is_empty() || text.len() > PREFIX_BYTES_MAX || !printable {
        let most = PREFIX_BYTES_MAX;
        return invalid(format!("prefix: 1 to {most} characters of printable ASCII are allowed"));
    }
    if matches!(text, "." | "..") {
        return invalid(format!("prefix is {text:?}, which no URL can name"));
    }
    Ok(())
}
