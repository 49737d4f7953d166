//! The last step of the way up: from the outbox to the socket.

use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use tokio_tungstenite::tungstenite::Message;

use super::connect::{BATCH_BYTES, Socket};
use super::error::UplinkError;
use super::shared::Shared;

/// Sends what the outbox has, in batches: at once when idle, in large writes under load.
pub(super) async fn write(sink: &mut SplitSink<Socket, Message>, shared: &Shared) -> UplinkError {
    loop {
        let mut batch_bytes = 0;
        while batch_bytes < BATCH_BYTES
            && let Some(frame) = shared.pop()
        {
            batch_bytes += frame.len();
            if let Err(error) = sink.feed(Message::Binary(frame)).await {
                return error.into();
            }
        }
        if batch_bytes == 0 {
            shared.filled().await;
            continue;
        }
        if let Err(error) = sink.flush().await {
            return error.into();
        }
        shared.sent();
    }
}
