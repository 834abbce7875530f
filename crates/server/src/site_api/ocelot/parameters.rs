//! The query of a call as Gazelle writes it: only info-hashes are escaped, all else is there as it
//! is, and of several parameters with one name the last counts.

use mika_protocol::InfoHash;

use super::hashes_in;

/// The parameters of one call.
pub(super) struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    pub(super) fn of(query: &'a [u8]) -> Self {
        // A browser's fragment would be none of a site's.
        Self(query.split(|&byte| byte == b' ').next().unwrap_or_default())
    }

    /// The value of a parameter as sent; empty, if it has none.
    pub(super) fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut values = self.0.split(|&byte| byte == b'&').filter_map(|pair| {
            let at = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let (key, value) = pair.split_at_checked(at)?;
            (key == name).then(|| value.get(1..).unwrap_or_default())
        });
        values.next_back()
    }

    /// A number without a sign.
    pub(super) fn number(&self, name: &[u8]) -> Option<u32> {
        std::str::from_utf8(self.get(name)?).ok()?.parse().ok()
    }

    /// Whether a parameter is anything but `0`; `None` if it is not there.
    pub(super) fn flag(&self, name: &[u8]) -> Option<bool> {
        self.get(name).map(|value| value != b"0")
    }

    /// The info-hash that the call is about.
    pub(super) fn info_hash(&self) -> Option<InfoHash> {
        match hashes_in(&unescaped(self.get(b"info_hash")?)?)?.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// The info-hashes that the call is about: `info_hash`, or several in `info_hashes`.
    pub(super) fn info_hashes(&self) -> Option<Vec<InfoHash>> {
        match self.get(b"info_hashes") {
            Some(many) => hashes_in(&unescaped(many)?),
            None => Some(vec![self.info_hash()?]),
        }
    }
}

/// `%` has to be followed by two hex digits; `+` stands for itself.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            plain => plain,
        };
        bytes.push(byte);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_as_they_are_and_the_last_of_a_name_counts() {
        let parameters = Parameters::of(b"peer_id=#ut-1+%41&id=7&id=8&empty=&flag HTTP/1.1");
        assert_eq!(parameters.get(b"peer_id"), Some(b"#ut-1+%41".as_slice()));
        assert_eq!(parameters.number(b"id"), Some(8));
        assert_eq!(parameters.get(b"empty"), Some(b"".as_slice()));
        assert_eq!(parameters.flag(b"flag"), Some(true));
        assert_eq!(parameters.get(b"none"), None);
    }

    #[test]
    fn info_hashes_are_unescaped_and_must_be_whole() {
        let hash = format!("info_hash={}%0a%FFb", "A".repeat(17));
        let expected = [vec![b'A'; 17], vec![0x0a, 0xff, b'b']].concat();
        let found = Parameters::of(hash.as_bytes()).info_hash().unwrap();
        assert_eq!(found.0.as_slice(), expected);
        for wrong in ["info_hash=", "info_hash=AA", "info_hash=%G1", "id=1"] {
            assert_eq!(Parameters::of(wrong.as_bytes()).info_hash(), None, "{wrong}");
        }
        let many = format!("info_hashes={}", "B".repeat(40));
        assert_eq!(Parameters::of(many.as_bytes()).info_hashes().map(|it| it.len()), Some(2));
    }
}
