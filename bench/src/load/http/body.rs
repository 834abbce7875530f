//! What a tracker says in its reply.

use mika_protocol::bencode::{self, Limits};

use crate::load::work::Task;

/// The peers of a good reply; otherwise why it is none.
pub(super) fn judge(body: &[u8], task: Task) -> Result<u64, String> {
    // Some trackers do not sort, and aquatic ends with an empty line.
    let limits = Limits { sorted_keys: false, ..Limits::default() };
    let Some(reply) =
        bencode::parse(body.trim_ascii_end(), &limits).ok().and_then(|value| value.as_dict())
    else {
        return Err("(not a bencoded dictionary)".to_owned());
    };
    if let Some(reason) = reply.get(b"failure reason") {
        return Err(String::from_utf8_lossy(reason.as_bytes().unwrap_or_default()).into_owned());
    }
    if matches!(task, Task::Scrape { .. }) {
        return match reply.get(b"files") {
            Some(_) => Ok(0),
            None => Err("(no files in the reply)".to_owned()),
        };
    }
    let Some(peers) = reply.get(b"peers") else {
        return Err("(no peers in the reply)".to_owned());
    };
    let v6 = reply.get(b"peers6").and_then(|value| value.as_bytes()).unwrap_or_default();
    let rows = match (peers.as_bytes(), peers.as_list()) {
        (Some(rows), _) => rows.len() / 6,
        (_, Some(list)) => list.iter().count(),
        _ => return Err("(peers are neither text nor a list)".to_owned()),
    };
    Ok((rows + v6.len() / 18) as u64)
}

#[cfg(test)]
mod tests {
    use mika_protocol::Event;

    use super::*;

    const ANNOUNCE: Task = Task::Announce { peer: 0, event: Event::None, attempt: 1 };

    #[test]
    fn peers_are_counted_in_either_form() {
        assert_eq!(judge(b"d8:intervali9e5:peers12:aaaaaabbbbbbe", ANNOUNCE), Ok(2));
        assert_eq!(judge(b"d5:peersld2:ip1:a4:porti1eeee", ANNOUNCE), Ok(1));
        assert_eq!(judge(b"d5:peers0:6:peers618:aaaaaaaaaaaaaaaaaae", ANNOUNCE), Ok(1));
        assert_eq!(judge(b"d5:peers0:8:completei0ee\r\n", ANNOUNCE), Ok(0));
        assert_eq!(judge(b"d5:filesdee", Task::Scrape { torrent: 0 }), Ok(0));
    }

    #[test]
    fn failures_have_the_trackers_words() {
        assert_eq!(judge(b"d14:failure reason2:noe", ANNOUNCE), Err("no".to_owned()));
        for body in [&b"hello"[..], b"d8:intervali9ee", b"d5:peersi3ee", b"i3e", b""] {
            assert!(judge(body, ANNOUNCE).unwrap_err().starts_with('('));
        }
    }
}
