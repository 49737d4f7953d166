//! One PTY host's connection for the life of one uplink.
//!
//! Output flows host → outbox: read, re-addressed in place, queued. Keys flow uplink → queue → host. A host that does
//! not take what it is sent costs its own link, never another session's turn.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::shared::Shared;
use crate::base::limits::CONTROL_BYTES_MAX;
use crate::base::problem::Problem;
use crate::host::framed::{FrameReader, FrameWriter, FramedError};
use crate::wire::Frame;
use crate::wire::message::{self, FromAgent, SessionAsk, SessionSays};
use crate::wire::passing::{Passing, readdress};
use crate::wire::session::SessionInfo;

/// What may wait for one host, in bytes. A person types a few hundred in the 15 s after which input is dropped; the rest
/// is for pastes. A host this far behind has hung.
const HOST_QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Time a host has for its first message.
pub(super) const FIRST_WORD_WITHIN: Duration = Duration::from_secs(1);

/// The way to one host.
#[derive(Debug, Clone)]
pub(super) struct ToHost {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Mutex<BytesMut>,
    filled: Notify,
}

/// The host does not take what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hung;

impl ToHost {
    pub(super) fn new() -> Self {
        Self { queue: Arc::default() }
    }

    /// Queues a frame for the host.
    pub(super) fn send(&self, frame: &Frame) -> Result<(), Hung> {
        {
            let mut bytes = self.queue.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            if bytes.len() > HOST_QUEUE_BYTES_MAX {
                return Err(Hung);
            }
            frame.encode_with_length_into(&mut bytes);
        }
        self.queue.filled.notify_one();
        Ok(())
    }

    /// Everything queued, whole frames each behind its length, as soon as there is something.
    pub(super) async fn taken(&self) -> BytesMut {
        loop {
            let bytes = std::mem::take(&mut *self.queue.bytes.lock().unwrap_or_else(PoisonError::into_inner));
            if !bytes.is_empty() {
                return bytes;
            }
            self.queue.filled.notified().await;
        }
    }
}

/// A host that has said what its session is, ready to be linked.
#[derive(Debug)]
pub(super) struct Greeted<R, W> {
    /// What it said.
    pub(super) info: SessionInfo,
    frames: FrameReader<R>,
    writer: W,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Greeted<R, W> {
    /// Waits for the host's first message on a connection whose greetings have been exchanged.
    pub(super) async fn wait(mut frames: FrameReader<R>, writer: FrameWriter<W>) -> Result<Self, FramedError> {
        while let Some(frame) = frames.next().await? {
            let Frame::Control(json) = frame else { continue };
            if let Ok(SessionSays::Info { info }) = message::from_json(&json) {
                return Ok(Self { info, frames, writer: writer.into_stream() });
            }
        }
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }

    /// Tells it that its session is forgotten, and waits until it has gone.
    pub(super) async fn forget(mut self) -> Result<(), FramedError> {
        let mut told = BytesMut::new();
        message::to_frame(&SessionAsk::Forget).encode_with_length_into(&mut told);
        self.writer.write_all_buf(&mut told).await?;
        while self.frames.next_raw().await?.is_some() {}
        Ok(())
    }

    /// Splits it into the handle for keys, and the work to be run until the host is gone.
    pub(super) fn link(self, channel: u32, shared: Arc<Shared>) -> (ToHost, impl Future<Output = Gone>) {
        let to_host = ToHost::new();
        let queue = to_host.clone();
        let Self { mut info, frames, writer } = self;
        let run = async move {
            let cause = tokio::select! {
                outcome = pass_up(frames, channel, &shared, &mut info) => outcome,
                outcome = pass_down(writer, &queue, &shared) => outcome,
            };
            if let Err(cause) = cause {
                tracing::debug!(session = %info.id, %cause, "host connection ended");
            }
            Gone { channel, info }
        };
        (to_host, run)
    }
}

/// A host's connection has ended.
#[derive(Debug)]
pub(super) struct Gone {
    /// Where it was.
    pub(super) channel: u32,
    /// The last that was known of its session.
    pub(super) info: SessionInfo,
}

async fn pass_up<R: AsyncRead + Unpin>(
    mut frames: FrameReader<R>,
    channel: u32,
    shared: &Shared,
    info: &mut SessionInfo,
) -> io::Result<()> {
    while let Some(mut frame) = frames.next_raw().await.map_err(io::Error::other)? {
        match readdress(&mut frame, channel).map_err(io::Error::other)? {
            Passing::Output => {
                tracing::trace!(hop = "b6", channel, bytes = frame.len(), "output");
                shared.send_output(channel, frame.freeze()).await;
            }
            Passing::InputAck => shared.send_raw(frame.freeze()).map_err(io::Error::other)?,
            Passing::Control => match passed_up(channel, &frame.freeze().slice(1..)).map_err(io::Error::other)? {
                None => {}
                Some((wrapped, SessionSays::End { .. })) => shared.send_output(channel, wrapped).await,
                Some((wrapped, says)) => {
                    shared.send_raw(wrapped).map_err(io::Error::other)?;
                    if let SessionSays::Info { info: newer } = says {
                        *info = newer;
                    }
                }
            },
            Passing::Other => {}
        }
    }
    Ok(())
}

/// A host's message as the uplink carries it, and what it says. `None` if the server would refuse the frame for its
/// length: arguments near their bound, which it has been told before.
///
/// Spliced, not re-written: what a newer host says reaches a newer server through an older agent whole. So it is read
/// twice: as one JSON value, and as the server will read it, where one more level of nesting may be one too many. The
/// server would hang up on the whole machine; here it costs the host's own link.
pub(super) fn passed_up(channel: u32, says: &[u8]) -> Result<Option<(Bytes, SessionSays)>, Problem> {
    let said: SessionSays = message::from_json(says)?;
    let head = format!(r#"{{"kind":"session","channel":{channel},"says":"#);
    let json = [head.as_bytes(), says, b"}"].concat();
    if json.len() > CONTROL_BYTES_MAX {
        return Ok(None);
    }
    message::from_json::<FromAgent>(&json)?;
    Ok(Some((Frame::Control(json.into()).encode(), said)))
}

/// The server's message to a host as the host's own socket carries it, with all that a newer server may have put there.
pub(super) fn bare_ask(json: &[u8]) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Wrapped {
        ask: serde_json::Value,
    }
    let wrapped: Wrapped = serde_json::from_slice(json).ok()?;
    serde_json::to_vec(&wrapped.ask).ok()
}

async fn pass_down<W: AsyncWrite + Unpin>(mut writer: W, queue: &ToHost, shared: &Shared) -> io::Result<()> {
    loop {
        let mut bytes = queue.taken().await;
        if shared.slept() {
            // Typed before this machine slept: the program must not have it now. The viewer decides anew.
            return Err(io::Error::other("the machine slept"));
        }
        writer.write_all_buf(&mut bytes).await?;
        writer.flush().await?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A message nested as deeply as can be read passed the agent; wrapped it was one level deeper, and the server hung
    /// up on the whole machine. `fuzz/fuzz_targets/messages.rs` looks for more of the kind.
    #[test]
    fn a_message_that_the_server_cannot_read_costs_its_host_and_not_the_machine() {
        let nested = |depth: usize| format!(r#"{{"kind":"news","it":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let deepest = (1..200).take_while(|depth| message::from_json::<SessionSays>(nested(*depth).as_bytes()).is_ok());
        let deepest = deepest.last().unwrap();
        for depth in [1, deepest - 1, deepest, deepest + 1] {
            match passed_up(7, nested(depth).as_bytes()) {
                Err(_) => assert!(depth >= deepest, "{depth}"),
                Ok(passed) => {
                    let (frame, says) = passed.unwrap();
                    let Ok(Frame::Control(json)) = Frame::decode(frame) else { unreachable!("it is one") };
                    let read = message::from_json::<FromAgent>(&json).unwrap();
                    assert_eq!(read, FromAgent::Session { channel: 7, says });
                }
            }
        }
        assert!(passed_up(7, nested(deepest).as_bytes()).is_err(), "one level too many for the server");
    }
}
