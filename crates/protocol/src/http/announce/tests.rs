use super::parse_announce;
use crate::announce::{
    AnnounceError, AnnounceRequest, COUNTER_MAX_BYTES, Event, LEFT_UNKNOWN_BYTES, Parameter,
};

const REQUIRED: &str = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-TR3000-bbbbbbbbbbbb&port=6881\
                        &uploaded=1&downloaded=2&left=3";

fn parse(query: &str) -> Result<AnnounceRequest, AnnounceError> {
    parse_announce(query.as_bytes(), None)
}

/// Parses the required parameters followed by `more`.
fn with(more: &str) -> AnnounceRequest {
    parse(&format!("{REQUIRED}&{more}")).unwrap()
}

/// Parses the required parameters with the value of one of them replaced.
fn replacing(name: &str, value: &str) -> Result<AnnounceRequest, AnnounceError> {
    let pairs = REQUIRED.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if key == name => format!("{name}={value}"),
        _ => pair.to_owned(),
    });
    parse(&pairs.collect::<Vec<_>>().join("&"))
}

#[test]
fn the_required_parameters_are_enough() {
    let request = parse(REQUIRED).unwrap();
    assert_eq!(request.info_hash.0, [b'a'; 20]);
    assert_eq!(&request.peer_id.0, b"-TR3000-bbbbbbbbbbbb");
    assert_eq!(request.passkey, None);
    assert_eq!((request.port, request.uploaded, request.downloaded), (6881, 1, 2));
    assert_eq!((request.left, request.event, request.paused), (3, Event::None, false));
    assert_eq!((request.numwant, request.compact, request.no_peer_id), (None, true, false));
    assert_eq!((request.claimed_v4, request.claimed_v6), (None, None));
    assert_eq!((request.corrupt, request.compact_given), (0, false));
}

#[test]
fn what_was_discarded_is_told_in_corrupt_and_never_fails_an_announce() {
    assert_eq!(with("corrupt=50").corrupt, 50);
    assert_eq!(with("corrupt=abc&corrupt=7").corrupt, 7);
    assert_eq!(with("corrupt=1125899906842625").corrupt, 0);
    assert!(with("compact=0").compact_given);
}

#[test]
fn a_missing_parameter_is_named_in_the_order_of_importance() {
    let expected = [
        ("info_hash", Parameter::InfoHash),
        ("peer_id", Parameter::PeerId),
        ("port", Parameter::Port),
        ("uploaded", Parameter::Uploaded),
        ("downloaded", Parameter::Downloaded),
        ("left", Parameter::Left),
    ];
    for (at, (name, parameter)) in expected.into_iter().enumerate() {
        let query = REQUIRED.split('&').take(at).collect::<Vec<_>>().join("&");
        assert_eq!(parse(&query).unwrap_err(), AnnounceError::Missing(parameter));
        assert_eq!(parameter.name(), name);
    }
    assert_eq!(
        parse("").unwrap_err().to_string(),
        "info_hash is missing: add this address to a BitTorrent client as a tracker"
    );
}

#[test]
fn upper_and_lower_case_escapes_are_the_same() {
    let upper = replacing("info_hash", "E%8E%E3%88%A7TB%B1%8Bf_%C6J%5BIK%91%C0%D8%7B").unwrap();
    let lower = replacing("info_hash", "E%8e%e3%88%a7TB%b1%8bf%5f%c6J%5bIK%91%c0%d8%7b").unwrap();
    assert_eq!(upper.info_hash, lower.info_hash);
    assert_eq!(upper.info_hash.to_string(), "458ee388a75442b18b665fc64a5b494b91c0d87b");
}

#[test]
fn a_plus_is_a_plus() {
    let request = replacing("peer_id", "++++++++++++++++++++").unwrap();
    assert_eq!(request.peer_id.0, [b'+'; 20]);
}

#[test]
fn an_equals_sign_belongs_to_the_value() {
    let request = replacing("peer_id", "-XX0001-====%3d=====a").unwrap_err();
    assert_eq!(request, AnnounceError::PeerIdLength);
    let request = replacing("peer_id", "-XX0001-====%3d======").unwrap_err();
    assert_eq!(request, AnnounceError::PeerIdLength);
    let request = replacing("peer_id", "-XX0001-====%3d=====").unwrap_err();
    assert_eq!(request, AnnounceError::PeerIdLength);
    let request = replacing("peer_id", "-XX0001-====%3d=======").unwrap();
    assert_eq!(&request.peer_id.0, b"-XX0001-============");
}

#[test]
fn an_incomplete_escape_stands_for_itself() {
    let request = replacing("peer_id", "%%%zz%4-XX0001-bbbb%%").unwrap_err();
    assert_eq!(request, AnnounceError::PeerIdLength);
    let request = replacing("peer_id", "%%%zz%4-XX0001-bbb%%").unwrap();
    assert_eq!(&request.peer_id.0, b"%%%zz%4-XX0001-bbb%%");
}

#[test]
fn a_bare_flag_is_answered() {
    for query in [
        format!("flag&{REQUIRED}"),
        format!("{REQUIRED}&flag"),
        format!("&&{REQUIRED}&&=&=x&compact"),
        REQUIRED.replace('&', "&requirecrypto&"),
    ] {
        assert_eq!(parse(&query).unwrap().left, 3, "{query}");
    }
}

#[test]
fn a_semicolon_does_not_separate() {
    assert_eq!(with("event=started;numwant=5").event, Event::None);
    assert_eq!(with("event=started;numwant=5").numwant, None);
}

#[test]
fn the_first_valid_occurrence_counts() {
    let request = parse(&format!("{REQUIRED}&info_hash=cccccccccccccccccccc&left=9")).unwrap();
    assert_eq!((request.info_hash.0, request.left), ([b'a'; 20], 3));
    let request = parse(&format!("info_hash=short&left=&port=x&uploaded=-5&{REQUIRED}")).unwrap();
    assert_eq!((request.info_hash.0, request.left, request.uploaded), ([b'a'; 20], 3, 1));
    let request = with("event=bogus&event=stopped&event=started&numwant=-1&numwant=7&numwant=8");
    assert_eq!((request.event, request.numwant), (Event::Stopped, Some(7)));
    let request = with("compact=x&compact=0&compact=1&no_peer_id=1&no_peer_id=0");
    assert_eq!((request.compact, request.no_peer_id), (false, true));
    let request = with("ip=example.org&ip=192.0.2.1&ipv4=192.0.2.2");
    assert_eq!(request.claimed_v4, Some([192, 0, 2, 1].into()));
}

#[test]
fn an_info_hash_must_be_twenty_bytes() {
    for (value, error) in [
        ("", AnnounceError::InfoHashLength),
        ("aaaaaaaaaaaaaaaaaaa", AnnounceError::InfoHashLength),
        ("aaaaaaaaaaaaaaaaaaaaa", AnnounceError::InfoHashLength),
        ("458ee388a75442b18b665fc64a5b494b91c0d87b", AnnounceError::InfoHashHex),
        ("458EE388A75442B18B665FC64A5B494B91C0D87B", AnnounceError::InfoHashHex),
        ("458ee388a75442b18b665fc64a5b494b91c0d87x", AnnounceError::InfoHashLength),
    ] {
        assert_eq!(replacing("info_hash", value).unwrap_err(), error, "{value}");
    }
}

#[test]
fn ports_are_sixteen_bits_and_zero_is_left_to_admission() {
    assert_eq!(replacing("port", "0").unwrap().port, 0);
    assert_eq!(replacing("port", "65535").unwrap().port, 65535);
    assert_eq!(replacing("port", "%36881").unwrap().port, 6881);
    for value in ["", "65536", "-1", "6881x", "x", "99999999999999999999999"] {
        assert_eq!(replacing("port", value).unwrap_err(), AnnounceError::Port, "{value}");
    }
}

#[test]
fn counters_are_bounded() {
    let limit = COUNTER_MAX_BYTES.to_string();
    assert_eq!(limit, "1125899906842624");
    assert_eq!(replacing("uploaded", &limit).unwrap().uploaded, COUNTER_MAX_BYTES);
    assert_eq!(replacing("downloaded", "007").unwrap().downloaded, 7);
    for value in ["1125899906842625", "18446744073709551615", "18446744073709551616"] {
        for (name, parameter) in
            [("uploaded", Parameter::Uploaded), ("downloaded", Parameter::Downloaded)]
        {
            let error = AnnounceError::CounterTooLarge(parameter);
            assert_eq!(replacing(name, value).unwrap_err(), error, "{name}={value}");
        }
    }
    for value in ["", "-1", "1.5", "1e3", " 1", "+1"] {
        let error = AnnounceError::Counter(Parameter::Uploaded);
        assert_eq!(replacing("uploaded", value).unwrap_err(), error, "{value}");
    }
}

#[test]
fn a_number_may_be_escaped_or_long_and_means_the_same() {
    let uploaded = |value| replacing("uploaded", value).map(|announce| announce.uploaded);
    assert_eq!(uploaded("12%330"), Ok(1230));
    assert_eq!(uploaded("0000000000000000000000000042"), Ok(42));
    assert_eq!(uploaded("1125899906842624"), Ok(1 << 50));
    assert_eq!(with("numwant=99999999999999999999").numwant, Some(u32::MAX));
    assert_eq!(with("numwant=18446744073709551617").numwant, Some(u32::MAX));
    assert_eq!(uploaded("12x"), Err(AnnounceError::Counter(Parameter::Uploaded)));
    assert_eq!(uploaded("12%2"), Err(AnnounceError::Counter(Parameter::Uploaded)));
}

#[test]
fn a_size_that_the_client_does_not_know_is_one_value() {
    for value in ["-1", "9223372036854775807", "18446744073709551615"] {
        assert_eq!(replacing("left", value).unwrap().left, LEFT_UNKNOWN_BYTES, "{value}");
    }
    assert_eq!(replacing("left", "16384").unwrap().left, 16384);
    for (value, error) in [
        ("-2", AnnounceError::Counter(Parameter::Left)),
        ("1125899906842625", AnnounceError::CounterTooLarge(Parameter::Left)),
        ("9223372036854775808", AnnounceError::CounterTooLarge(Parameter::Left)),
        ("99999999999999999999", AnnounceError::CounterTooLarge(Parameter::Left)),
    ] {
        assert_eq!(replacing("left", value).unwrap_err(), error, "{value}");
    }
}

#[test]
fn events_are_known_or_none() {
    assert_eq!(with("event=started").event, Event::Started);
    assert_eq!(with("event=stopped").event, Event::Stopped);
    assert_eq!(with("event=completed").event, Event::Completed);
    for value in ["", "empty", "Started", "update"] {
        let request = with(&format!("event={value}"));
        assert_eq!((request.event, request.paused), (Event::None, false), "{value}");
    }
    let request = with("event=paused");
    assert_eq!((request.event, request.paused), (Event::None, true));
}

#[test]
fn numwant_is_a_wish() {
    for (value, numwant) in [
        ("0", Some(0)),
        ("200", Some(200)),
        ("-1", None),
        ("", None),
        ("many", None),
        ("4294967296", Some(u32::MAX)),
        ("99999999999999999999999", Some(u32::MAX)),
    ] {
        assert_eq!(with(&format!("numwant={value}")).numwant, numwant, "{value}");
    }
}

#[test]
fn claimed_addresses_are_taken_when_they_parse() {
    let v4 = Some([192, 0, 2, 7].into());
    for value in ["ip=192.0.2.7", "ipv4=192.0.2.7", "ipv4=192.0.2.7:6881", "ip=::ffff:192.0.2.7"] {
        let request = with(value);
        assert_eq!((request.claimed_v4, request.claimed_v6), (v4, None), "{value}");
    }
    let v6 = Some("2001:db8::7".parse().unwrap());
    for value in [
        "ip=2001:db8::7",
        "ipv6=2001%3Adb8%3a%3A7",
        "ipv6=[2001:db8::7]",
        "ipv6=[2001:db8::7]:6881",
        "ipv6=%5B2001%3Adb8%3A%3A7%5D%3A6881",
    ] {
        let request = with(value);
        assert_eq!((request.claimed_v4, request.claimed_v6), (None, v6), "{value}");
    }
    let long = "a".repeat(300);
    for value in ["", "seed.example.org", "192.0.2", "[::1", "192.0.2.7:99999", "%ff%fe", &long] {
        let request = with(&format!("ip={value}&ipv4={value}&ipv6={value}"));
        assert_eq!((request.claimed_v4, request.claimed_v6), (None, None), "{value}");
    }
}
