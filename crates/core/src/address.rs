//! Which addresses are of use to whom, and endpoints in the wire format of peer lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

/// An IPv4 endpoint as in a compact peer list (BEP 23).
pub(crate) type Endpoint4 = [u8; 6];
/// An IPv6 endpoint as in a compact peer list (BEP 7).
pub(crate) type Endpoint6 = [u8; 18];

/// Whether an address is reachable only on its own machine or network: such a peer is handed
/// only to askers at such addresses.
pub fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_local_v4(ip),
        IpAddr::V6(ip) => is_local_v6(ip),
    }
}

fn is_local_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let carrier_grade_nat = a == 100 && (b & 0xc0) == 64;
    ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_unspecified()
        || carrier_grade_nat
}

fn is_local_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local() || ip.is_unspecified()
}

pub(crate) fn endpoint4(ip: Ipv4Addr, port: u16) -> Endpoint4 {
    let [a, b, c, d] = ip.octets();
    let [high, low] = port.to_be_bytes();
    [a, b, c, d, high, low]
}

pub(crate) fn endpoint6(ip: Ipv6Addr, port: u16) -> Endpoint6 {
    let mut endpoint = [0; 18];
    let bytes = ip.octets().into_iter().chain(port.to_be_bytes());
    endpoint.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    endpoint
}

pub(crate) fn socket4([a, b, c, d, high, low]: Endpoint4) -> Option<SocketAddrV4> {
    let port = u16::from_be_bytes([high, low]);
    (port != 0).then(|| SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port))
}

pub(crate) fn socket6(endpoint: Endpoint6) -> Option<SocketAddrV6> {
    let (ip, port) = endpoint.split_first_chunk::<16>()?;
    let port = u16::from_be_bytes(port.try_into().ok()?);
    (port != 0).then(|| SocketAddrV6::new(Ipv6Addr::from(*ip), port, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_private_and_link_local_addresses_are_local_and_public_ones_are_not() {
        for local in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2001:db8::1", "203.0.113.9"] {
            assert!(!is_local(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn an_endpoint_survives_the_wire_format() {
        let v4: SocketAddrV4 = "203.0.113.9:6881".parse().unwrap();
        assert_eq!(endpoint4(*v4.ip(), v4.port()), [203, 0, 113, 9, 0x1a, 0xe1]);
        assert_eq!(socket4(endpoint4(*v4.ip(), v4.port())), Some(v4));
        let v6: SocketAddrV6 = "[2001:db8::7]:51413".parse().unwrap();
        assert_eq!(socket6(endpoint6(*v6.ip(), v6.port())), Some(v6));
        assert_eq!(socket4([0; 6]), None);
    }
}
