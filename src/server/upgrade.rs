//! From an HTTP request to a WebSocket: the checks, the 101, and the socket that follows it.
//!
//! Who may come is decided before, by the handler's extractors ([`super::auth`]), `Origin` included.

use std::future::Future;

use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::answer::ApiError;
use crate::base::limits::FRAME_BYTES_MAX;
use crate::base::problem::Code;

/// A WebSocket to a page or an agent.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Bytes read from a socket at once, at most. Peers send keys and acknowledgements, agents output of one
/// frame; the library's 128 KiB per connection would be most of an idle agent's memory.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Bytes that may wait inside a socket's writer. Credit bounds what is sent; this is the last fence, and
/// one frame fits however long it is.
const WRITE_BUFFER_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;

/// A request that asks for a WebSocket, checked.
pub struct Upgrade {
    accept: HeaderValue,
    on_upgrade: OnUpgrade,
}

impl Upgrade {
    /// The 101, and the socket once the 101 was sent. The caller spawns what waits for it.
    pub fn accept(self) -> (Response, impl Future<Output = Result<Socket, hyper::Error>> + Send) {
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept),
        ];
        let socket = async move {
            let stream = TokioIo::new(self.on_upgrade.await?);
            Ok(WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits())).await)
        };
        ((StatusCode::SWITCHING_PROTOCOLS, headers).into_response(), socket)
    }
}

/// Bounds of every WebSocket of the server.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        // Frames are collected until somebody flushes or a batch is full: one system call for many.
        .write_buffer_size(2 * super::socket::BATCH_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let asks = parts.method == Method::GET
            && names(&parts.headers, &header::CONNECTION, "upgrade")
            && names(&parts.headers, &header::UPGRADE, "websocket")
            && parts.headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asks);
        let (Some(key), Some(on_upgrade)) = (key, parts.extensions.remove::<OnUpgrade>()) else {
            return Err(ApiError::new(Code::BadRequest, "this address is a WebSocket, version 13: connect with one"));
        };
        let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
            .map_err(|_| ApiError::new(Code::BadRequest, "the WebSocket key is not valid"))?;
        Ok(Self { accept, on_upgrade })
    }
}

/// Whether a header's comma-separated list names `word`.
fn names(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// Whether a request asks to become something else than HTTP.
pub(super) fn is_upgrade(request: &Request) -> bool {
    names(request.headers(), &header::CONNECTION, "upgrade")
}
