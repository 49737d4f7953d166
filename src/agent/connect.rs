//! From a server's address to a WebSocket, with the key in a header, never in the address.

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::config::AgentConfig;
use super::dial::{self, Stream};
use super::endpoint::Endpoint;
use super::error::UplinkError;
use crate::base::limits::{FRAME_BYTES_MAX, HELLO_WITHIN};
use crate::base::secret::Secret;

/// The agent's end of the uplink.
pub(super) type Socket = WebSocketStream<Stream>;

/// Bytes handed to the system at a time, and bytes it may hold that have not left yet.
///
/// An echo that comes now waits behind this much of a flood, no more: large enough that system calls cost nothing at
/// full speed, small enough that 10 Mbit/s carry it in 50 ms.
pub(super) const BATCH_BYTES: usize = 64 * 1024;

/// Connects and upgrades.
pub(super) async fn connect(config: &AgentConfig) -> Result<Socket, UplinkError> {
    let endpoint = Endpoint::parse(&config.server, config.insecure_http)?;
    let mut request = endpoint.request()?;
    request.headers_mut().insert(AUTHORIZATION, bearer(&config.key)?);
    let stream = dial::dial(&endpoint, &config.way).await?;
    hold_little_unsent(stream.get_ref());

    let sizes = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(BATCH_BYTES)
        .max_write_buffer_size(2 * BATCH_BYTES + FRAME_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let upgrading = client_async_with_config(request, stream, Some(sizes));
    let (socket, _) = tokio::time::timeout(HELLO_WITHIN, upgrading).await.map_err(|_| UplinkError::NoAnswer)??;
    Ok(socket)
}

/// The key as the header `Authorization`.
pub(super) fn bearer(key: &Secret) -> Result<HeaderValue, UplinkError> {
    // A key is ASCII; one that cannot stand in a header was mistyped.
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| UplinkError::KeyRefused)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

#[cfg(target_os = "linux")]
use libc::TCP_NOTSENT_LOWAT;
/// From netinet/tcp.h of macOS; `libc` has it for other systems only.
#[cfg(target_os = "macos")]
const TCP_NOTSENT_LOWAT: libc::c_int = 0x201;

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
            TCP_NOTSENT_LOWAT,
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
