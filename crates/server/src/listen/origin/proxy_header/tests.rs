use super::*;

fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [V2_SIGNATURE.as_slice(), &[command, family], &length, addresses].concat()
}

fn complete(bytes: &[u8]) -> (usize, Option<String>) {
    match parse(bytes) {
        Ok(Parsed::Complete(length, address)) => (length, address.map(|a| a.to_string())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn version_1_names_the_client() {
    let line = b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 80\r\n";
    assert_eq!(complete(line), (line.len(), Some("192.0.2.7".to_owned())));
    let line = b"PROXY TCP6 2001:db8::7 ::1 5000 80\r\nGET / HTTP/1.1\r\n";
    assert_eq!(complete(line), (36, Some("2001:db8::7".to_owned())));
    assert_eq!(complete(b"PROXY UNKNOWN\r\n"), (15, None));
    assert_eq!(complete(b"PROXY UNKNOWN ff:ff ::1 1 2\r\n"), (29, None));
}

#[test]
fn version_2_names_the_client() {
    let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x13, 0x88, 0, 80];
    assert_eq!(complete(&v2(0x21, 0x11, &v4)), (28, Some("192.0.2.7".to_owned())));
    let with_extension = [v4.as_slice(), &[4, 0, 1, 0]].concat();
    assert_eq!(complete(&v2(0x21, 0x11, &with_extension)), (32, Some("192.0.2.7".to_owned())));
    let mut v6 = [0; 36];
    v6[..2].copy_from_slice(&[0x20, 0x01]);
    v6[15] = 7;
    assert_eq!(complete(&v2(0x21, 0x21, &v6)), (52, Some("2001::7".to_owned())));
    assert_eq!(complete(&v2(0x20, 0, &[])), (16, None));
    assert_eq!(complete(&v2(0x21, 0x31, &[0; 216])), (232, None));
}

#[test]
fn every_prefix_of_a_header_is_partial() {
    let line = b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 80\r\n".to_vec();
    let binary = v2(0x21, 0x11, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for header in [line, binary] {
        for length in 0..header.len() {
            assert_eq!(parse(&header[..length]).unwrap(), Parsed::Partial, "{length}");
        }
    }
}

#[test]
fn anything_else_is_refused() {
    for bytes in [
        b"GET / HTTP/1.1\r\n".as_slice(),
        b"PROXY TCP4 2001:db8::7 ::1 5000 80\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 80\n",
        b"PROXY TCP5 192.0.2.7 10.0.0.1 5000 80\r\n",
        b"PROXY \xff\r\n",
        &[b"PROXY UNKNOWN ".as_slice(), &[b'x'; 100]].concat(),
        &v2(0x31, 0x11, &[0; 12]),
        &v2(0x22, 0x11, &[0; 12]),
        &v2(0x21, 0x11, &[0; 11]),
        &v2(0x21, 0x21, &[0; 35]),
        &v2(0x21, 0x41, &[0; 35]),
        &v2(0x21, 0x11, &[0; 2000]),
    ] {
        assert!(parse(bytes).is_err(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn fuzz_no_header_panics_and_none_is_longer_than_its_bytes() {
    bolero::check!().with_iterations(20_000).with_max_len(300).for_each(|bytes: &[u8]| {
        for start in [&b""[..], b"PROXY ", b"PROXY TCP4 ", V2_SIGNATURE, &v2(0x21, 0x11, &[])] {
            let header = [start, bytes].concat();
            if let Ok(Parsed::Complete(length, _)) = parse(&header) {
                assert!(length <= header.len());
                // Its length does not depend on what follows.
                assert_eq!(complete(&header[..length]).0, length);
            }
        }
    });
}
