//! URLs without what may be secret in them.

use super::HIDDEN;

/// A text in which a URL has no user part, no query and no fragment: scheme, host and path stay.
///
/// Where a URL is not well-formed enough to tell them apart, no more than its scheme stays. A text
/// without a URL stays as it is.
pub(super) fn shown(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else { return text.to_owned() };
    let host_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(host_end);
    if before.contains('@') || tail.contains('@') {
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        return format!("{scheme}://{HIDDEN}");
    }
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => ("…@", host),
        None => ("", authority),
    };
    let (path, query) = match tail.find(['?', '#']) {
        Some(end) => (tail.get(..end).unwrap_or_default(), "?…"),
        None => (tail, ""),
    };
    format!("{before}://{user}{host}{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_url_keeps_its_scheme_host_and_path() {
        for (text, expected) in [
            ("no URL", "no URL"),
            ("https://host.example/a/b", "https://host.example/a/b"),
            ("http://user:hookpw77@host/hook?key=hookkey88", "http://…@host/hook?…"),
            ("http://user:pw@host", "http://…@host"),
            ("http://host?key=s3cret", "http://host?…"),
            ("http://host/#s3cret", "http://host/?…"),
            ("mysql://u:s3@cret@h:3306/x", "mysql://…@h:3306/x"),
            ("see https://h/a, https://h/?k=s3cret", "see https://h/a, https://h/?…"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn of_a_url_with_an_ambiguous_password_no_more_than_the_scheme_is_left() {
        for text in [
            "http://u:s3/cret@host/",
            "http://u:s3?cret@host/",
            "http://u:s3#cret@host/",
            "http:\\\\u:s3cret@http://host/",
            "http://host/?s3=a@cret",
            "http://a/,http://u:s3cret@b/",
        ] {
            assert_eq!(shown(text), "http://…", "{text}");
        }
    }
}
