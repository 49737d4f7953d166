//! The address a request comes from: the peer's, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::{Extensions, HeaderMap, HeaderName, header, request::Parts};

use super::super::Shared;
use super::super::answer::ApiError;
use crate::store::USER_AGENT_BYTES_MAX;

/// The client's address, to count attempts by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<Arc<Shared>> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        Ok(of(parts, shared))
    }
}

/// What a browser is known by when it signs in.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    /// Where it is.
    pub(crate) address: IpAddr,
    /// What it says it is; only shown to its person.
    pub(crate) user_agent: Option<String>,
}

impl FromRequestParts<Arc<Shared>> for Browser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let ClientAddress(address) = of(parts, shared);
        let said = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        // A header value that reads as text is ASCII, so any place is between two characters.
        let user_agent = said.map(|text| text.chars().take(USER_AGENT_BYTES_MAX).collect());
        Ok(Self { address, user_agent })
    }
}

/// The address of whoever sent this request.
pub(super) fn of(parts: &Parts, shared: &Shared) -> ClientAddress {
    ClientAddress(both(&parts.extensions, &parts.headers, shared).1)
}

/// The addresses of whoever is connected, a proxy perhaps, and of whoever asks.
pub(in crate::server) fn both(extensions: &Extensions, headers: &HeaderMap, shared: &Shared) -> (IpAddr, IpAddr) {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    // Every connection says its peer; without one all count as the same.
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
    (peer, client(peer, headers, &shared.config.trusted_proxies))
}

/// Each proxy appends whom it saw: the last address that is not a trusted proxy's is the client's. What
/// stands before it the client may have invented.
pub(in crate::server) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let said = headers.get_all(HeaderName::from_static("x-forwarded-for")).iter().rev();
    let mut said = said.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(','));
    let mut address = peer;
    while trusted.contains(&address) {
        match said.next().map(|text| text.trim().parse::<IpAddr>()) {
            Some(Ok(before)) => address = before.to_canonical(),
            _ => break,
        }
    }
    address
}

/// What counts as one address: an IPv6 customer has a whole /64.
pub(in crate::server) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((u128::from(six) >> 64 << 64).into()),
        IpAddr::V4(four) => IpAddr::V4(four),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_its_own_word() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1, 2.2.2.2, 10.0.0.2".parse().unwrap());
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        assert_eq!(client(ip("10.0.0.1"), &headers, &trusted), ip("2.2.2.2"));
        assert_eq!(client(ip("3.3.3.3"), &headers, &trusted), ip("3.3.3.3"));
        assert_eq!(client(ip("10.0.0.1"), &headers, &[]), ip("10.0.0.1"));
        headers.insert("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(client(ip("10.0.0.1"), &headers, &trusted), ip("10.0.0.1"));
    }
}
