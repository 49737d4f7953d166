//! A server's address as a person writes it, read strictly: a slip must not become another address.

use std::net::IpAddr;

use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::http::uri::Uri;

use super::error::UplinkError;
use crate::base::authority;

/// Path of the agents' WebSocket on a server.
const AGENT_PATH: &str = "/api/v1/agent";

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether all that is said is encrypted.
    pub(super) is_secure: bool,
    /// Host and port as they stand in the address.
    pub(super) authority: String,
    /// Below which the server is, without a slash at its end; mostly nothing.
    pub(super) path: String,
}

impl Endpoint {
    pub(super) fn parse(server: &str, insecure_http: bool) -> Result<Self, UplinkError> {
        let error = || UplinkError::Address { server: server.to_owned() };
        let uri: Uri = server.trim_end_matches('/').parse().map_err(|_| error())?;
        let (scheme, usual_port) = match uri.scheme_str() {
            Some("https" | "wss") => ("wss", 443),
            Some("http" | "ws") => ("ws", 80),
            _ => return Err(error()),
        };
        let authority = uri.authority().ok_or_else(error)?.as_str();
        let (host, port) = authority::split(authority).filter(|_| uri.query().is_none()).ok_or_else(error)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        if scheme == "ws" && !insecure_http && !is_loopback(&host) {
            return Err(UplinkError::InsecureHttp { server: server.to_owned() });
        }
        let (authority, path) = (authority.to_owned(), uri.path().trim_end_matches('/').to_owned());
        Ok(Self { host, port: port.unwrap_or(usual_port), is_secure: scheme == "wss", authority, path })
    }

    /// `wss://…` or `ws://…`, the whole way to the agents' WebSocket.
    fn url(&self) -> String {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        format!("{scheme}://{}{}{AGENT_PATH}", self.authority, self.path)
    }

    /// Asks for the agents' WebSocket.
    pub(super) fn request(&self) -> Result<Request<()>, UplinkError> {
        Ok(self.url().into_client_request()?)
    }

    /// Whether it is this very machine, where no network and no proxy is between.
    pub(super) fn is_here(&self) -> bool {
        is_loopback(&self.host)
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// See [`super::fuzzing::server_address`].
#[cfg(fuzzing)]
pub(super) fn check_address(text: &str) {
    let Ok(endpoint) = Endpoint::parse(text, false) else { return };
    assert!(endpoint.url().starts_with("wss://") || is_loopback(&endpoint.host), "a key in the clear");
    let request = endpoint.request().expect("an address that was accepted can be connected to");
    let asked = request.uri();
    assert_eq!(asked.host().map(|host| host.trim_matches(['[', ']'])), Some(endpoint.host.as_str()));
    let usual = if asked.scheme_str() == Some("wss") { 443 } else { 80 };
    assert_eq!(asked.port_u16().unwrap_or(usual), endpoint.port);
    assert!(asked.path().ends_with(AGENT_PATH) && asked.query().is_none());
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_a_person_writes_it() {
        for (server, host, port, url) in [
            ("https://forge.example", "forge.example", 443, "wss://forge.example/api/v1/agent"),
            ("https://forge.example:8443/", "forge.example", 8443, "wss://forge.example:8443/api/v1/agent"),
            ("https://example.com/forge/", "example.com", 443, "wss://example.com/forge/api/v1/agent"),
            ("http://127.0.0.1:7373", "127.0.0.1", 7373, "ws://127.0.0.1:7373/api/v1/agent"),
            ("http://localhost", "localhost", 80, "ws://localhost/api/v1/agent"),
            ("http://[::1]:7373", "::1", 7373, "ws://[::1]:7373/api/v1/agent"),
        ] {
            let endpoint = Endpoint::parse(server, false).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.url().as_str()), (host, port, url));
            assert!(endpoint.request().is_ok());
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for server in [
            "forge.example",
            "",
            "ftp://forge.example",
            "https://",
            "https://me:pw@forge.example",
            "https://a b",
            "https://forge.example:99999",
            "https://forge.example:",
        ] {
            assert!(matches!(Endpoint::parse(server, true), Err(UplinkError::Address { .. })), "{server}");
        }
    }

    #[test]
    fn a_key_crosses_no_network_in_the_clear_unless_told_so() {
        for server in ["http://forge.example", "ws://10.0.0.1:7373", "http://127.0.0.1.example"] {
            assert!(matches!(Endpoint::parse(server, false), Err(UplinkError::InsecureHttp { .. })), "{server}");
            assert!(Endpoint::parse(server, true).is_ok(), "{server}");
        }
    }
}
