//! "Did you mean …?" for names that do not exist.

/// How alike two names have to be; 1 is equality. Low enough for `intervall` to find
/// `interval_seconds`, high enough to say nothing about an unrelated word.
const LIKENESS_LEAST: f64 = 0.8;

/// Parts of names shorter than this are in too many names to hint at one.
const PART_BYTES_LEAST: usize = 4;

/// The name that is most like `wrong`, if any is.
pub(super) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (likeness(wrong, name), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_LEAST)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

fn likeness(wrong: &str, name: &str) -> f64 {
    let likeness = strsim::jaro_winkler(wrong, name);
    let is_part = wrong.len() >= PART_BYTES_LEAST && name.contains(wrong);
    if is_part { likeness.max(LIKENESS_LEAST) } else { likeness }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: [&str; 4] =
        ["interval_seconds", "min_interval_seconds", "numwant_max", "peer_timeout_seconds"];

    #[test]
    fn a_slip_of_the_pen_finds_the_name() {
        assert_eq!(nearest("intervall", NAMES), Some("interval_seconds"));
        assert_eq!(nearest("min_interval_secs", NAMES), Some("min_interval_seconds"));
        assert_eq!(nearest("numwant_mx", NAMES), Some("numwant_max"));
    }

    #[test]
    fn a_part_of_a_name_finds_the_name() {
        assert_eq!(nearest("timeout", NAMES), Some("peer_timeout_seconds"));
    }

    #[test]
    fn an_unrelated_word_finds_nothing() {
        assert_eq!(nearest("colour", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
    }
}
