//! Times as people write and read them, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_SECONDS: u64 = 86_400;

/// How a time may be given, for `--help`.
pub const FORMS: &str = "+30m, +12h, +7d, +2w, 2027-01-31, 2027-01-31T18:00:00Z or Unix seconds";

/// A time on the command line, as a Unix time in seconds.
pub fn parse(text: &str) -> Result<u32, String> {
    let seconds = match text.strip_prefix('+') {
        Some(span) => parse_span(span).and_then(|span| span.checked_add(now_seconds())),
        None if text.contains('-') => parse_date(text),
        None => text.parse().ok(),
    };
    let seconds = seconds.ok_or_else(|| format!("a time is {FORMS}"))?;
    u32::try_from(seconds).map_err(|_| "a time is not after February 2106".to_owned())
}

/// The same for a time that has passed: `-7d` in place of `+7d`.
pub fn parse_past(text: &str) -> Result<u32, String> {
    let Some(span) = text.strip_prefix('-') else { return parse(text) };
    let seconds = parse_span(span).and_then(|span| now_seconds().checked_sub(span));
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    seconds.ok_or_else(|| "a time is -30m, -12h, -7d, -2w, a date or Unix seconds".to_owned())
}

/// `2027-01-31 18:00:00 UTC`.
pub fn format(seconds: u32) -> String {
    let (days, rest) = (u64::from(seconds) / DAY_SECONDS, u64::from(seconds) % DAY_SECONDS);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// The same for something that may never have been.
pub fn format_optional(seconds: Option<u32>) -> String {
    seconds.map_or_else(|| "never".to_owned(), format)
}

pub fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// `30m`, `12h`, `7d`, `2w`.
fn parse_span(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY_SECONDS,
        "w" => 7 * DAY_SECONDS,
        _ => return None,
    };
    digits(number)?.checked_mul(unit_seconds)
}

/// `2027-01-31`, `2027-01-31T18:00`, `2027-01-31T18:00:00Z`; a space may stand for the `T`.
fn parse_date(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':').map(digits);
    let (hour, minute) = (time.next()??, time.next()??);
    let second = time.next().unwrap_or(Some(0))?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_until(year, month, day)?;
    Some(days * DAY_SECONDS + hour * 3600 + minute * 60 + second)
}

fn digits(text: &str) -> Option<u64> {
    let short = !text.is_empty() && text.len() <= 10;
    (short && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

/// Days from 1970-01-01 to a date; `None` if there is no such date up to 2106.
fn days_until(year: u64, month: u64, day: u64) -> Option<u64> {
    let exists = (1970..=2106).contains(&year) && (1..=12).contains(&month);
    if !exists || day == 0 || day > days_in(year, month) {
        return None;
    }
    let years: u64 = (1970..year).map(days_in_year).sum();
    let months: u64 = (1..month).map(|month| days_in(year, month)).sum();
    Some(years + months + day - 1)
}

/// Year, month and day so many days after 1970-01-01.
fn date_of(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_has_passed_is_said_with_a_minus() {
        let hour_ago = || u32::try_from(now_seconds()).unwrap() - 3600;
        let (before, parsed, after) = (hour_ago(), parse_past("-1h").unwrap(), hour_ago());
        assert!((before..=after).contains(&parsed));
        assert_eq!(parse_past("1970-01-02"), Ok(86_400));
        assert!(parse_past("-1y").is_err() && parse_past("-99999w").is_err());
    }

    #[test]
    fn a_date_is_read_as_utc() {
        assert_eq!(parse("1970-01-01"), Ok(0));
        assert_eq!(parse("2000-02-29T12:34:56Z"), Ok(951_827_696));
        assert_eq!(parse("2026-11-22 10:00"), Ok(1_795_341_600));
        assert_eq!(parse("1795341600"), Ok(1_795_341_600));
    }

    #[test]
    fn what_is_formatted_can_be_read_again() {
        for seconds in [0, 951_782_399, 951_782_400, 1_709_164_800, u32::MAX] {
            let text = format(seconds);
            assert_eq!(parse(text.strip_suffix(" UTC").unwrap()), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn a_span_counts_from_now() {
        let expected = now_seconds() + 7 * DAY_SECONDS;
        let parsed = u64::from(parse("+7d").unwrap());
        assert!((expected..expected + 60).contains(&parsed));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let wrong = ["", "+", "+7", "+d", "+7y", "2026-02-29", "2026-13-01", "2026-1", "-5", "x"];
        for text in wrong.into_iter().chain(["2026-01-01T24:00", "2200-01-01", "99999999999"]) {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
