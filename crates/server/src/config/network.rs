//! IP networks, as in `10.0.0.0/8`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

#[cfg(test)]
mod tests;

/// The number of bits that `::ffff:0:0/96` (RFC 4291, 2.5.5.2) puts before an IPv4 address.
const MAPPED_BITS: u8 = 96;

/// A network: an address and the number of leading bits that all its members share.
///
/// IPv4-mapped IPv6 is IPv4 here, both in the network (`::ffff:10.0.0.0/104` is `10.0.0.0/8`)
/// and in the address that is looked for. So `::/0` holds every IPv6 address, but no IPv4 one,
/// however the socket reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// What stands before the `/` is not an IPv4 or IPv6 address.
    #[error("`{0}` is not an IP address")]
    Address(String),
    /// What stands after the `/` is not a number, or more than 32 (IPv4) or 128 (IPv6).
    #[error("`/{prefix}` is not a prefix length from 0 to {most}")]
    Prefix {
        /// The text after the `/`.
        prefix: String,
        /// The longest prefix that this kind of address can have.
        most: u8,
    },
    /// The address has bits behind the prefix: most likely one of the two is a slip.
    #[error("the address has bits outside of its prefix; did you mean `{0}`?")]
    HostBits(Network),
}

impl Network {
    /// The network of `prefix_bits` shared bits that starts at `address`.
    ///
    /// # Errors
    ///
    /// When the prefix is longer than the address, or the address has bits behind it.
    pub fn new(address: IpAddr, prefix_bits: u8) -> Result<Self, NetworkError> {
        let most = bits(address);
        if prefix_bits > most {
            return Err(NetworkError::Prefix { prefix: prefix_bits.to_string(), most });
        }
        let first = first_address(address, prefix_bits);
        let network = match first.to_canonical() {
            IpAddr::V4(v4) if first.is_ipv6() && prefix_bits >= MAPPED_BITS => {
                let prefix_bits = prefix_bits.saturating_sub(MAPPED_BITS);
                Self { address: IpAddr::V4(v4), prefix_bits }
            }
            _ => Self { address: first, prefix_bits },
        };
        if first == address { Ok(network) } else { Err(NetworkError::HostBits(network)) }
    }

    /// Whether an address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && first_address(address, self.prefix_bits) == self.address
    }
}

/// How many bits an address of this family has.
fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with all bits behind the prefix cleared.
fn first_address(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let host_bits = u32::from(bits(address).saturating_sub(prefix_bits));
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `10.0.0.0/8`; a bare address is the network of that one address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr =
            address.parse().map_err(|_| NetworkError::Address(address.to_owned()))?;
        let most = bits(address);
        let Some(prefix) = prefix else { return Self::new(address, most) };
        let wrong = || NetworkError::Prefix { prefix: prefix.to_owned(), most };
        if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        Self::new(address, prefix.parse().map_err(|_| wrong())?)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix_bits == bits(self.address) {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix_bits)
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A visitor, and not a `String` that is parsed afterwards: an error that arises within
        /// the deserializer keeps the place of the entry in its list.
        struct NetworkVisitor;

        impl Visitor<'_> for NetworkVisitor {
            type Value = Network;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a network such as \"10.0.0.0/8\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Network, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(NetworkVisitor)
    }
}
