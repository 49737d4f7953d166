//! Host and port, as they stand in an address: `sf.example.org`, `10.0.0.7:7373`, `[::1]:7373`.

use std::net::Ipv6Addr;

/// The host, brackets included, and the port if one is named; `None` if it is no such thing.
///
/// Stricter than the URI grammar: a person's slip (`sf[:80`, port 99999) must not become another address.
pub fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_bytes = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(host_bytes)?;
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        // Digits alone: a number may have a sign in Rust, a port has none.
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    is_host.then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        assert_eq!(split("sf.example.org"), Some(("sf.example.org", None)));
        assert_eq!(split("10.0.0.7:7373"), Some(("10.0.0.7", Some(7373))));
        assert_eq!(split("[::1]:7373"), Some(("[::1]", Some(7373))));
        assert_eq!(split("[::1]"), Some(("[::1]", None)));
    }

    #[test]
    fn a_slip_is_no_address() {
        for wrong in
            ["", ":80", "sf:", "sf:99999", "sf:+80", "sf:8a", "sf[:80", "[::1", "[sf]:80", "[::1]80", "me@sf", "a b"]
        {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
