use super::{Error, ErrorKind, Limits, Tree, Value, parse};

fn read(input: &[u8]) -> Value<'_> {
    parse(input, &Limits::default()).unwrap()
}

fn refusal(input: &[u8]) -> (usize, ErrorKind) {
    let Error { offset, kind } = parse(input, &Limits::default()).unwrap_err();
    (offset, kind)
}

#[test]
fn integers_reach_from_the_smallest_signed_to_the_largest_unsigned() {
    assert_eq!(read(b"i0e").as_u64(), Some(0));
    assert_eq!(read(b"i-1e").as_i64(), Some(-1));
    assert_eq!(read(b"i-1e").as_u64(), None);
    assert_eq!(read(b"i-9223372036854775808e").as_i64(), Some(i64::MIN));
    assert_eq!(read(b"i18446744073709551615e").as_u64(), Some(u64::MAX));
    assert_eq!(read(b"i18446744073709551615e").as_i64(), None);
    assert_eq!(refusal(b"i-9223372036854775809e"), (1, ErrorKind::IntegerRange));
    assert_eq!(refusal(b"i18446744073709551616e"), (1, ErrorKind::IntegerRange));
}

#[test]
fn integers_and_lengths_have_one_form() {
    assert_eq!(refusal(b"i00e"), (1, ErrorKind::LeadingZero));
    assert_eq!(refusal(b"i-0e"), (2, ErrorKind::LeadingZero));
    assert_eq!(refusal(b"i-01e"), (2, ErrorKind::LeadingZero));
    assert_eq!(refusal(b"ie"), (1, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"i-e"), (2, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"i1"), (2, ErrorKind::UnexpectedEnd));
    assert_eq!(refusal(b"i1.5e"), (2, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"i+1e"), (1, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"01:a"), (0, ErrorKind::LeadingZero));
    assert_eq!(refusal(b"00:"), (0, ErrorKind::LeadingZero));
}

#[test]
fn strings_stay_within_the_input() {
    assert_eq!(read(b"0:").as_bytes(), Some(b"".as_slice()));
    assert_eq!(read(b"3:a:e").as_bytes(), Some(b"a:e".as_slice()));
    assert_eq!(refusal(b"4:abc"), (0, ErrorKind::StringLength));
    assert_eq!(refusal(b"l1:a9:abce"), (4, ErrorKind::StringLength));
    assert_eq!(refusal(b"18446744073709551615:a"), (0, ErrorKind::StringLength));
    assert_eq!(refusal(b"18446744073709551616:a"), (0, ErrorKind::IntegerRange));
    assert_eq!(refusal(b"3"), (1, ErrorKind::UnexpectedEnd));
    assert_eq!(refusal(b"3abc"), (1, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"-1:"), (0, ErrorKind::UnexpectedByte));
}

#[test]
fn lists_and_dictionaries_are_walked_in_order() {
    let value = read(b"d1:ali1e2:xxlee1:bd1:ci-3eee");
    let dict = value.as_dict().unwrap();
    assert_eq!(dict.iter().map(|(key, _)| key).collect::<Vec<_>>(), [b"a", b"b"]);
    let list = dict.get(b"a").and_then(|value| value.as_list()).unwrap();
    assert_eq!(list.raw(), b"li1e2:xxlee");
    let items: Vec<_> = list.into_iter().collect();
    assert_eq!(items.len(), 3);
    assert_eq!((items[0], items[1]), (Value::Integer(1), Value::Bytes(b"xx")));
    assert_eq!(items[2].as_list().unwrap().iter().count(), 0);
    let inner = dict.get(b"b").and_then(|value| value.as_dict()).unwrap();
    assert_eq!(inner.raw(), b"d1:ci-3ee");
    assert_eq!(inner.get(b"c").and_then(|value| value.as_i64()), Some(-3));
    assert_eq!(inner.get(b"a"), None);
    assert_eq!(inner.into_iter().count(), 1);
}

#[test]
fn broken_structures_are_refused_where_they_break() {
    assert_eq!(refusal(b""), (0, ErrorKind::UnexpectedEnd));
    assert_eq!(refusal(b"x"), (0, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"e"), (0, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"li1e"), (4, ErrorKind::UnexpectedEnd));
    assert_eq!(refusal(b"d1:a"), (4, ErrorKind::UnexpectedEnd));
    assert_eq!(refusal(b"d1:ae"), (4, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"di1ei2ee"), (1, ErrorKind::UnexpectedByte));
    assert_eq!(refusal(b"i1ei2e"), (3, ErrorKind::TrailingBytes));
    assert_eq!(refusal(b"i1e\n"), (3, ErrorKind::TrailingBytes));
}

#[test]
fn keys_ascend_unless_told_otherwise() {
    for (input, offset) in [(b"d1:bi1e1:ai2ee", 7), (b"d1:ai1e1:ai2ee", 7)] {
        assert_eq!(refusal(input), (offset, ErrorKind::KeyOrder));
        let lenient = Limits { sorted_keys: false, ..Limits::default() };
        let dict = parse(input, &lenient).unwrap().as_dict().unwrap();
        let first = if input[3] == b'b' { 2 } else { 1 };
        assert_eq!(dict.get(b"a").and_then(|value| value.as_u64()), Some(first));
    }
    assert_eq!(read(b"d1:ai1e2:aai2ee").as_dict().unwrap().iter().count(), 2);
}

#[test]
fn size_and_depth_are_bounded() {
    let limits = Limits { bytes: 6, depth: 2, sorted_keys: true };
    assert!(parse(b"ll1:ee", &limits).is_err());
    assert!(parse(b"lldeee", &limits).is_err());
    assert_eq!(
        parse(b"lldeee", &limits).unwrap_err(),
        Error { offset: 2, kind: ErrorKind::TooDeep }
    );
    assert!(parse(b"lli1eee", &limits).is_err());
    assert_eq!(
        parse(b"lli1eee", &limits).unwrap_err(),
        Error { offset: 6, kind: ErrorKind::TooLong }
    );
    assert!(parse(b"llei1e", &limits).is_err());
    assert!(parse(b"lledee", &limits).is_ok());
    let deep = vec![b'l'; 1 << 20];
    assert_eq!(refusal(&deep), (32, ErrorKind::TooDeep));
    assert_eq!(parse(&deep, &limits).unwrap_err().to_string(), "input too long at byte 6");
}

#[test]
fn a_tree_sorts_its_keys_and_is_read_back() {
    let tree = Tree::dict([
        ("zeta", Tree::from("last")),
        ("alpha", Tree::List(vec![Tree::from(u64::MAX), Tree::from(-5_i64)])),
        ("Alpha", Tree::from([0xff, 0].as_slice())),
        ("mid", Tree::dict::<&str>([])),
    ]);
    let mut out = Vec::new();
    tree.encode(&mut out);
    assert_eq!(out, b"d5:Alpha2:\xff\x005:alphali18446744073709551615ei-5ee3:midde4:zeta4:laste");
    assert_eq!(Tree::from(read(&out)), tree);
}
