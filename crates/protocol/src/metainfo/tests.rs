use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::{MetainfoError, TorrentHashes, info_hashes};
use crate::bencode::Tree;
use crate::ids::InfoHash;

fn torrent(info: &str) -> Result<TorrentHashes, MetainfoError> {
    info_hashes(format!("d8:announce9:http://x/4:info{info}e").as_bytes())
}

fn sha1(info: &str) -> Option<InfoHash> {
    Some(InfoHash(Sha1::digest(info).into()))
}

fn sha256(info: &str) -> Option<[u8; 32]> {
    Some(Sha256::digest(info).into())
}

#[test]
fn the_hash_of_a_known_torrent_is_the_known_hash() {
    // The digest comes from sha1sum over the bytes of the info dictionary.
    let known = torrent("d6:lengthi5e4:name5:a.txt12:piece lengthi16384e6:pieces0:e").unwrap();
    assert_eq!(known.v1.unwrap().to_string(), "e70821096597415c57ae25f765693641fa627fac");
}

#[test]
fn a_v1_torrent_has_the_sha1_of_its_exact_info() {
    let info = "d6:lengthi1048576e4:name5:caf\u{e9}6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1ee";
    let hashes = torrent(info).unwrap();
    assert_eq!(hashes.v1, sha1(info));
    assert_eq!((hashes.v2, hashes.v2_truncated()), (None, None));
    assert_eq!((hashes.name.as_str(), hashes.private, hashes.size_bytes), ("café", true, 1 << 20));

    let unsorted = "d6:pieces0:4:name2:\u{e9}6:lengthi7ee";
    assert_eq!(torrent(unsorted).unwrap().v1, sha1(unsorted));
}

#[test]
fn padding_does_not_count_as_size() {
    let info = "d5:filesld6:lengthi100e4:pathl1:aeed4:attr1:p6:lengthi28e4:pathl1:peed\
                4:attr2:xh6:lengthi7e4:pathl1:beee4:name1:d6:pieces0:7:privatei0ee";
    let hashes = torrent(info).unwrap();
    assert_eq!((hashes.size_bytes, hashes.private), (107, false));
}

#[test]
fn a_v2_torrent_has_the_sha256_and_the_sum_of_its_file_tree() {
    let info = "d9:file treed1:ad0:d6:lengthi10eee1:dd1:bd0:d6:lengthi5eee1:cd0:d6:lengthi0eeeee\
                12:meta versioni2e4:name3:two12:piece lengthi16384ee";
    let hashes = torrent(info).unwrap();
    assert_eq!((hashes.v1, hashes.v2), (None, sha256(info)));
    assert_eq!((hashes.name.as_str(), hashes.private, hashes.size_bytes), ("two", false, 15));
    let truncated = hashes.v2_truncated().unwrap();
    assert_eq!(truncated.0, hashes.v2.unwrap()[..20]);
}

#[test]
fn a_hybrid_has_both_hashes() {
    let info = "d9:file treed1:ad0:d6:lengthi10eeee6:lengthi10e12:meta versioni2e4:name1:a\
                6:pieces0:e";
    let hashes = torrent(info).unwrap();
    assert_eq!((hashes.v1, hashes.v2, hashes.size_bytes), (sha1(info), sha256(info), 10));
}

#[test]
fn what_is_not_a_torrent_is_refused_with_the_reason() {
    assert!(matches!(info_hashes(b"<html>"), Err(MetainfoError::Bencode(_))));
    for file in [b"i1e".as_slice(), b"de", b"d4:info0:e", b"d4:infoi1ee"] {
        assert_eq!(info_hashes(file), Err(MetainfoError::Info));
    }
    for (info, error) in [
        ("de", MetainfoError::NoVersion),
        ("d6:lengthi1e6:piecesi1ee", MetainfoError::NoVersion),
        ("d12:meta version1:2e", MetainfoError::NoVersion),
        ("d12:meta versioni3e6:pieces0:e", MetainfoError::Version(3)),
        ("d6:pieces0:e", MetainfoError::Size),
        ("d6:lengthi-1e6:pieces0:e", MetainfoError::Size),
        ("d5:filesl0:e6:pieces0:e", MetainfoError::Size),
        ("d12:meta versioni2ee", MetainfoError::Size),
        ("d9:file treed1:ad0:deee12:meta versioni2ee", MetainfoError::Size),
    ] {
        assert_eq!(torrent(info), Err(error), "{info}");
    }
    let large = "d5:filesld6:lengthi18446744073709551615eed6:lengthi1eee6:pieces0:e";
    assert_eq!(torrent(large), Err(MetainfoError::Size));
    assert_eq!(
        info_hashes(b"d4:infoi1x").unwrap_err().to_string(),
        "not a torrent file: unexpected byte at byte 9"
    );
}

#[test]
fn a_written_torrent_is_read_back() {
    let info = Tree::dict([
        ("pieces", Tree::from("aaaaaaaaaaaaaaaaaaaa")),
        ("name", Tree::from("n")),
        ("length", Tree::from(9_u64)),
    ]);
    let mut info_bytes = Vec::new();
    info.encode(&mut info_bytes);
    let mut file = Vec::new();
    Tree::dict([("info", info)]).encode(&mut file);
    let hashes = info_hashes(&file).unwrap();
    assert_eq!(hashes.v1, Some(InfoHash(Sha1::digest(&info_bytes).into())));
    assert_eq!((hashes.name.as_str(), hashes.size_bytes), ("n", 9));
}
