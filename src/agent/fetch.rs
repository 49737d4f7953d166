//! One request to a server that is no WebSocket, on the way that the agent takes.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::dial::{self, Way};
use super::endpoint::Endpoint;
use super::error::UplinkError;

/// Time a server has to answer, and for each further piece of its answer.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The head of the answer to `GET path`, with its body still to come.
pub(super) async fn get(
    endpoint: &Endpoint,
    way: &Way,
    path: &str,
    bearer: Option<HeaderValue>,
) -> Result<Response<Incoming>, UplinkError> {
    let stream = dial::dial(endpoint, way).await?;
    let asking = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::get(format!("{}{path}", endpoint.path)).header(HOST, &endpoint.authority);
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        // The path of an address that was read forms a request; if not, an empty one fails the same way.
        sender.send_request(request.body(Empty::<Bytes>::new()).unwrap_or_default()).await
    };
    let answered = tokio::time::timeout(ANSWER_WITHIN, asking).await.map_err(|_| UplinkError::NoAnswer)?;
    answered.map_err(|cause| UplinkError::Unreachable(std::io::Error::other(cause.to_string())))
}

/// A whole body of at most `bytes_max`.
pub(super) async fn whole(body: Incoming, bytes_max: usize) -> Result<Bytes, UplinkError> {
    let reading = Limited::new(body, bytes_max).collect();
    let read = tokio::time::timeout(ANSWER_WITHIN, reading).await.map_err(|_| UplinkError::NoAnswer)?;
    // An answer without an end, or one that ends too soon.
    read.map(http_body_util::Collected::to_bytes).map_err(|_| UplinkError::NotSessionForge)
}
