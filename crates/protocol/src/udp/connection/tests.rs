use std::net::IpAddr;

use super::{CONNECTION_ID_SECONDS_MAX, ConnectionIds};

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn ids() -> ConnectionIds {
    ConnectionIds::new(*b"0123456789abcdef")
}

#[test]
fn an_id_is_honoured_for_two_minutes_and_not_from_the_future() {
    let ids = ids();
    for issued_seconds in [0, 1, 255, 256, 1000, u32::MAX - 1000] {
        let id = ids.issue(CLIENT, issued_seconds);
        for age in 0..=CONNECTION_ID_SECONDS_MAX {
            assert!(ids.verify(id, CLIENT, issued_seconds + age), "{issued_seconds} + {age}");
        }
        for age in [121, 122, 255, 256, 257, 300, 512, 1000] {
            assert!(!ids.verify(id, CLIENT, issued_seconds + age), "{issued_seconds} + {age}");
        }
        for before in 1..=issued_seconds.min(600) {
            assert!(!ids.verify(id, CLIENT, issued_seconds - before), "-{before}");
        }
    }
}

#[test]
fn an_id_belongs_to_its_address_and_key() {
    let ids = ids();
    let id = ids.issue(CLIENT, 1000);
    assert!(!ids.verify(id, "192.0.2.2".parse().unwrap(), 1000));
    assert!(!ids.verify(id, "2001:db8::1".parse().unwrap(), 1000));
    assert!(ids.verify(id, "::ffff:192.0.2.1".parse().unwrap(), 1000));
    assert!(!ConnectionIds::new([0; 16]).verify(id, CLIENT, 1000));
    let v6 = "2001:db8::1".parse().unwrap();
    assert!(ids.verify(ids.issue(v6, 7), v6, 8));
}

#[test]
fn an_id_with_any_other_bit_is_refused() {
    let ids = ids();
    let id = ids.issue(CLIENT, 1000);
    for bit in 0..64 {
        assert!(!ids.verify(id ^ 1 << bit, CLIENT, 1000), "{bit}");
        assert!(!ids.verify(id ^ 1 << bit, CLIENT, 1100), "{bit}");
    }
    assert!(!ids.verify(0, CLIENT, 0));
}

#[test]
fn the_key_is_not_shown() {
    assert_eq!(format!("{:?}", ids()), "ConnectionIds(…)");
}
