use super::*;

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn contains(network_text: &str, address: &str) -> bool {
    network(network_text).contains(address.parse().unwrap())
}

#[test]
fn a_network_contains_its_first_and_last_address_and_no_other() {
    assert!(contains("10.0.0.0/8", "10.0.0.0"));
    assert!(contains("10.0.0.0/8", "10.255.255.255"));
    assert!(!contains("10.0.0.0/8", "9.255.255.255"));
    assert!(!contains("10.0.0.0/8", "11.0.0.0"));
    assert!(contains("2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert!(!contains("2001:db8::/32", "2001:db9::"));
}

#[test]
fn a_bare_address_is_a_network_of_one() {
    assert!(contains("::1", "::1"));
    assert!(!contains("::1", "::2"));
    assert!(contains("192.0.2.7", "192.0.2.7"));
    assert!(!contains("192.0.2.7", "192.0.2.6"));
    assert_eq!(network("192.0.2.7/32"), network("192.0.2.7"));
    assert_eq!(network("192.0.2.7/32").to_string(), "192.0.2.7");
}

#[test]
fn a_mapped_address_is_found_in_its_ipv4_network() {
    assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert!(!contains("10.0.0.0/8", "::ffff:11.1.2.3"));
}

#[test]
fn a_mapped_network_is_its_ipv4_network() {
    assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
    assert_eq!(network("::ffff:0.0.0.0/96"), network("0.0.0.0/0"));
    assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
}

#[test]
fn the_whole_of_one_family_holds_nothing_of_the_other() {
    assert!(contains("0.0.0.0/0", "203.0.113.9"));
    assert!(!contains("0.0.0.0/0", "::1"));
    assert!(contains("::/0", "2001:db8::1"));
    assert!(!contains("::/0", "203.0.113.9"));
    assert!(!contains("::/0", "::ffff:203.0.113.9"));
}

#[test]
fn what_is_not_a_network_is_refused_with_its_reason() {
    let error = |text: &str| text.parse::<Network>().unwrap_err().to_string();
    assert_eq!(error("10.0.0/8"), "`10.0.0` is not an IP address");
    assert_eq!(error(""), "`` is not an IP address");
    assert_eq!(error("10.0.0.0/33"), "`/33` is not a prefix length from 0 to 32");
    assert_eq!(error("::/129"), "`/129` is not a prefix length from 0 to 128");
    assert_eq!(error("10.0.0.0/"), "`/` is not a prefix length from 0 to 32");
    assert_eq!(error("10.0.0.0/+8"), "`/+8` is not a prefix length from 0 to 32");
    assert_eq!(
        error("10.1.2.3/8"),
        "the address has bits outside of its prefix; did you mean `10.0.0.0/8`?"
    );
}

proptest::proptest! {
    #[test]
    fn every_network_contains_the_address_it_is_made_from(bits: u128, prefix in 0u8..=128) {
        let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
        let network = match Network::new(address, prefix) {
            Ok(network) | Err(NetworkError::HostBits(network)) => network,
            Err(other) => panic!("{other}"),
        };
        proptest::prop_assert!(network.contains(address));
        proptest::prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
    }

    #[test]
    fn every_ipv4_network_contains_its_addresses_in_both_spellings(bits: u32, prefix in 0u8..=32) {
        let address = Ipv4Addr::from_bits(bits);
        let network = match Network::new(IpAddr::V4(address), prefix) {
            Ok(network) | Err(NetworkError::HostBits(network)) => network,
            Err(other) => panic!("{other}"),
        };
        proptest::prop_assert!(network.contains(IpAddr::V4(address)));
        proptest::prop_assert!(network.contains(IpAddr::V6(address.to_ipv6_mapped())));
    }
}
