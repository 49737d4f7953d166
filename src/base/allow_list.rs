//! From which addresses an organisation lets people and machines in. Pure.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Networks of one list: an office, its branches, a VPN. Each request goes through all of them.
pub const NETWORKS_MAX: usize = 64;

/// Addresses and networks, IPv4 and IPv6. An empty list lets everybody in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllowList(Vec<IpNet>);

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowListError {
    /// Neither an address nor a network.
    #[error("{0:?} is no address and no network: write 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32")]
    NotANetwork(String),
    /// More than [`NETWORKS_MAX`].
    #[error("a list has at most {NETWORKS_MAX} addresses and networks; join some into larger networks")]
    TooMany,
}

impl AllowList {
    /// A list as people write it: an address is the network of it alone, and `10.1.2.3/8` is `10.0.0.0/8`.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, AllowListError> {
        let mut networks = entries.iter().map(|entry| network(entry.as_ref())).collect::<Result<Vec<_>, _>>()?;
        networks.sort();
        networks.dedup();
        if networks.len() > NETWORKS_MAX {
            return Err(AllowListError::TooMany);
        }
        Ok(Self(networks))
    }

    /// Whether somebody at `address` is let in.
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether everybody is let in, because nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One text for each network; a single address without its length.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|network| {
            let alone = network.prefix_len() == network.max_prefix_len();
            if alone { network.addr().to_string() } else { network.to_string() }
        })
    }
}

/// As it stands in the audit log.
impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("any address");
        }
        f.write_str(&self.entries().collect::<Vec<_>>().join(" "))
    }
}

fn network(text: &str) -> Result<IpNet, AllowListError> {
    let text = text.trim();
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map_err(|_| AllowListError::NotANetwork(text.to_owned()))?.trunc();
    // An IPv4 address is looked at as one, however it came, so a list must name it as one too.
    Ok(match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (address @ IpAddr::V4(_), Some(length)) if network.addr().is_ipv6() => {
            IpNet::new(address, length).unwrap_or(network)
        }
        _ => network,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_and_networks_of_both_families_are_let_in_and_nobody_else() {
        let list =
            AllowList::parse(&["10.1.2.3/8", "203.0.113.7", "2001:db8::/32", " ::1 ", "::ffff:192.0.2.0/120"]).unwrap();
        for inside in ["10.255.0.1", "203.0.113.7", "2001:db8:1::9", "::1", "::ffff:10.0.0.1", "192.0.2.255"] {
            assert!(list.admits(ip(inside)), "{inside}");
        }
        for outside in ["11.0.0.1", "203.0.113.8", "2001:db9::1", "::2", "::ffff:11.0.0.1", "127.0.0.1", "192.0.3.0"] {
            assert!(!list.admits(ip(outside)), "{outside}");
        }
        assert_eq!(list.to_string(), "10.0.0.0/8 192.0.2.0/24 203.0.113.7 ::1 2001:db8::/32");
    }

    #[test]
    fn nothing_listed_lets_everybody_in() {
        let list = AllowList::parse::<&str>(&[]).unwrap();
        assert!(list.admits(ip("198.51.100.1")) && list.admits(ip("2001:db8::1")));
        assert_eq!(list.to_string(), "any address");
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["", "10.0.0.0/33", "10.0.0", "example.org", "10.0.0.0/8/8", "2001:db8::/129"] {
            assert_eq!(AllowList::parse(&[wrong]), Err(AllowListError::NotANetwork(wrong.to_owned())));
        }
        let many: Vec<_> = (0..=NETWORKS_MAX).map(|n| format!("10.0.{n}.1")).collect();
        assert_eq!(AllowList::parse(&many), Err(AllowListError::TooMany));
        assert!(AllowList::parse(&vec!["10.0.0.1"; 100]).is_ok(), "the same twice is once");
    }
}
