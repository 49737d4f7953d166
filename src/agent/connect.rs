//! From a server's address to a WebSocket: checks, TCP, TLS, and the key in a header, never in the address.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::uri::Uri;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::config::AgentConfig;
use super::error::UplinkError;
use crate::base::authority;
use crate::base::limits::{FRAME_BYTES_MAX, HELLO_WITHIN};

/// The agent's end of the uplink.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Path of the agents' WebSocket on a server.
const AGENT_PATH: &str = "/api/v1/agent";

/// Bytes handed to the system at a time, and bytes it may hold that have not left yet.
///
/// An echo that comes now waits behind this much of a flood, no more: large enough that system calls cost nothing at
/// full speed, small enough that 10 Mbit/s carry it in 50 ms.
pub(super) const BATCH_BYTES: usize = 64 * 1024;

/// Time for name resolution and TCP on each try.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Connects and upgrades.
pub(super) async fn connect(config: &AgentConfig) -> Result<Socket, UplinkError> {
    let endpoint = Endpoint::parse(&config.server, config.insecure_http)?;
    let mut request = endpoint.request()?;
    // A key is ASCII; one that cannot stand in a header was mistyped.
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {}", config.key.expose())).map_err(|_| UplinkError::KeyRefused)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);

    let connecting = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
    let stream = tokio::time::timeout(CONNECT_WITHIN, connecting)
        .await
        .map_err(|_| UplinkError::NoAnswer)?
        .map_err(UplinkError::Unreachable)?;
    stream.set_nodelay(true).map_err(UplinkError::Unreachable)?;
    hold_little_unsent(&stream);

    let sizes = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(BATCH_BYTES)
        .max_write_buffer_size(2 * BATCH_BYTES + FRAME_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let upgrading = client_async_tls_with_config(request, stream, Some(sizes), None);
    let (socket, _) = tokio::time::timeout(HELLO_WITHIN, upgrading).await.map_err(|_| UplinkError::NoAnswer)??;
    Ok(socket)
}

/// Keeps the system from queueing a flood that an echo would have to wait for. Best effort: it is a hint.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn hold_little_unsent(stream: &TcpStream) {
    use std::os::fd::AsRawFd as _;

    let bytes = libc::c_int::try_from(BATCH_BYTES).unwrap_or(libc::c_int::MAX);
    let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or_default();
    // SAFETY: the descriptor is open for as long as `stream` is borrowed, and the option is a C int of `size` bytes.
    let outcome = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NOTSENT_LOWAT,
            std::ptr::from_ref(&bytes).cast(),
            size,
        )
    };
    if outcome != 0 {
        tracing::debug!("the system does not bound unsent bytes");
    }
}

/// Elsewhere the system's own bound stays.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn hold_little_unsent(_stream: &TcpStream) {}

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint {
    /// Name or address, without brackets.
    host: String,
    port: u16,
    /// `wss://…` or `ws://…`, the whole way to the agents' WebSocket.
    url: String,
}

impl Endpoint {
    fn parse(server: &str, insecure_http: bool) -> Result<Self, UplinkError> {
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
        let path = uri.path().trim_end_matches('/');
        let url = format!("{scheme}://{authority}{path}{AGENT_PATH}");
        Ok(Self { host, port: port.unwrap_or(usual_port), url })
    }

    fn request(&self) -> Result<Request<()>, UplinkError> {
        Ok(self.url.as_str().into_client_request()?)
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// See [`super::fuzzing::server_address`].
#[cfg(fuzzing)]
pub(super) fn check_address(text: &str) {
    let Ok(endpoint) = Endpoint::parse(text, false) else { return };
    assert!(endpoint.url.starts_with("wss://") || is_loopback(&endpoint.host), "a key in the clear");
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
            assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.url.as_str()), (host, port, url));
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
