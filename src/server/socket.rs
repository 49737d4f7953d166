//! A WebSocket that carries our frames: greeting, pulse, batches and good-bye, the same for pages and agents.
//!
//! One task for each connection, which reads, writes and waits in one place. What is to be sent is asked for when the
//! last batch is on its way, never queued: so what matters most goes next, and memory is bounded by one batch.

use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::pulse::{Beat, Pulse};
use super::relay::Line;
use crate::base::gap::Gap;
use crate::base::limits::{FRAME_PAYLOAD_BYTES_MAX, HELLO_WITHIN, PING_EVERY};
use crate::base::problem::Code;
use crate::wire::Frame;
use crate::wire::close::Close;
use crate::wire::hello::{Hello, Role};

/// Payload that is sent in one go, in bytes: few system calls under load, and what matters more waits for no more.
pub(super) const BATCH_BYTES: usize = 2 * FRAME_PAYLOAD_BYTES_MAX;

/// Frames taken in before answers to them go out.
const FRAMES_AT_ONCE: usize = 16;

/// Time to say good-bye.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// A close reason, in bytes (RFC 6455, 5.5: control frames carry 125, two of them the code).
const REASON_BYTES_MAX: usize = 123;

/// Why a conversation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bye {
    /// We hang up.
    Close(Close),
    /// We hang up because of what was sent, and say what it was.
    Bad(String),
    /// The peer has gone.
    Gone,
}

impl Bye {
    /// A peer that broke the protocol.
    pub(super) fn bad(what: impl std::fmt::Display) -> Self {
        Self::Bad(what.to_string())
    }
}

impl From<WsError> for Bye {
    fn from(error: WsError) -> Self {
        match error {
            // A closed laptop, not a broken protocol.
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone,
            WsError::Capacity(_) | WsError::Protocol(_) | WsError::Utf8(_) => Self::bad(error),
            _ => Self::Gone,
        }
    }
}

/// One side of a conversation once both have greeted.
pub(super) trait Conversation {
    /// What wakes it and ends it.
    fn line(&self) -> &Line;

    /// A frame came. Pings are answered already.
    fn heard(&mut self, frame: Frame) -> Result<(), Bye>;

    /// What to send now: about [`BATCH_BYTES`], most important first. Asked again when that is on its way.
    fn fill(&mut self, out: &mut Vec<Frame>) -> Result<(), Bye>;

    /// When to ask again even if nothing happens.
    fn later(&self) -> Option<Instant> {
        None
    }
}

/// A connection.
pub(super) struct FrameSocket<S> {
    ws: WebSocketStream<S>,
    scratch: BytesMut,
    /// Everything is in the system's hands.
    flushed: bool,
    pulse: Pulse,
    pings: u64,
    pong: Option<u64>,
    /// Whether this machine stood still since the connection began.
    gap: Arc<Gap>,
}

enum Event {
    Flushed,
    Heard(Frame),
    Nothing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> FrameSocket<S> {
    pub(super) fn new(ws: WebSocketStream<S>, gap: Arc<Gap>) -> Self {
        let (scratch, flushed, pings, pong) = (BytesMut::new(), true, 0, None);
        Self { ws, scratch, flushed, pulse: Pulse::new(Instant::now()), pings, pong, gap }
    }

    /// Greets, and waits for the peer's greeting.
    pub(super) async fn greet(&mut self) -> Result<Hello, Bye> {
        self.push(&Hello::of(Role::Server).to_frame())?;
        let first = self.next_within(HELLO_WITHIN).await?;
        Hello::expect(&first).map_err(|problem| match problem.code {
            Code::VersionMismatch => Bye::Close(Close::VersionMismatch),
            _ => Bye::bad(problem),
        })
    }

    /// The next frame, if it comes in time. For what must come in order before the conversation.
    pub(super) async fn next_within(&mut self, time: Duration) -> Result<Frame, Bye> {
        let next = async {
            loop {
                match self.event().await? {
                    Event::Heard(Frame::Pong(_)) | Event::Flushed | Event::Nothing => {}
                    Event::Heard(frame) => return Ok(frame),
                }
            }
        };
        tokio::time::timeout(time, next).await.unwrap_or(Err(Bye::Close(Close::Silent)))
    }

    /// Talks until there is a reason to stop.
    pub(super) async fn converse(&mut self, talk: &mut impl Conversation) -> Bye {
        match self.talk(talk).await {
            Ok(never) => match never {},
            Err(bye) => bye,
        }
    }

    async fn talk(&mut self, talk: &mut impl Conversation) -> Result<std::convert::Infallible, Bye> {
        let mut out = Vec::new();
        let mut pulse = std::pin::pin!(tokio::time::sleep(PING_EVERY));
        loop {
            if let Some(why) = talk.line().closing() {
                return Err(Bye::Close(why));
            }
            if self.flushed {
                self.batch(talk, &mut out)?;
            }
            tokio::select! {
                biased;
                event = self.event() => self.on_event(event?, talk)?,
                () = talk.line().woken() => {}
                () = pulse.as_mut() => {
                    let due = self.beat()?;
                    pulse.as_mut().reset(due);
                }
                () = sleep_until(talk.later()) => {}
            }
        }
    }

    fn batch(&mut self, talk: &mut impl Conversation, out: &mut Vec<Frame>) -> Result<(), Bye> {
        if let Some(number) = self.pong.take() {
            self.push(&Frame::Pong(number))?;
        }
        talk.fill(out)?;
        for frame in out.drain(..) {
            self.push(&frame)?;
        }
        if self.flushed && self.scratch.capacity() > 0 {
            // Idle connections are many; only busy ones keep a buffer.
            self.scratch = BytesMut::new();
            *out = Vec::new();
        }
        Ok(())
    }

    fn on_event(&mut self, event: Event, talk: &mut impl Conversation) -> Result<(), Bye> {
        let Event::Heard(frame) = event else { return Ok(()) };
        talk.heard(frame)?;
        for _ in 1..FRAMES_AT_ONCE {
            match self.ws.next().now_or_never() {
                Some(message) => match self.take(message)? {
                    Event::Heard(frame) => talk.heard(frame)?,
                    Event::Flushed | Event::Nothing => {}
                },
                None => break,
            }
        }
        Ok(())
    }

    /// Sends a ping if it was quiet here or there, gives up if it was quiet there for too long; when to look again.
    fn beat(&mut self) -> Result<Instant, Bye> {
        let now = Instant::now();
        self.awake()?;
        loop {
            match self.pulse.beat(now) {
                Beat::Rest(until) => return Ok(until),
                Beat::Gone => return Err(Bye::Close(Close::Silent)),
                Beat::Ask => {
                    self.pings += 1;
                    let ping = Frame::Ping(self.pings);
                    self.push(&ping)?;
                }
            }
        }
    }

    /// What came while this machine stood still is not to be used.
    fn awake(&self) -> Result<(), Bye> {
        if self.gap.passed(SystemTime::now()) { Err(Bye::Close(Close::Slept)) } else { Ok(()) }
    }

    /// Puts a frame into the writer's buffer.
    fn push(&mut self, frame: &Frame) -> Result<(), Bye> {
        frame.encode_into(&mut self.scratch);
        let bytes = self.scratch.split().freeze();
        self.ws.start_send_unpin(Message::Binary(bytes))?;
        self.flushed = false;
        self.pulse.sent(Instant::now());
        Ok(())
    }

    /// Writes what is to be written, and reads meanwhile.
    async fn event(&mut self) -> Result<Event, Bye> {
        let message = std::future::poll_fn(|cx| {
            if !self.flushed && self.ws.poll_flush_unpin(cx)?.is_ready() {
                self.flushed = true;
                self.pulse.flushed();
                return Poll::Ready(Ok::<_, WsError>(None));
            }
            self.ws.poll_next_unpin(cx).map(|message| Ok(Some(message)))
        })
        .await?;
        match message {
            None => Ok(Event::Flushed),
            Some(message) => self.take(message),
        }
    }

    fn take(&mut self, message: Option<Result<Message, WsError>>) -> Result<Event, Bye> {
        self.awake()?;
        self.pulse.heard(Instant::now());
        match message {
            Some(Ok(Message::Binary(bytes))) => match Frame::decode(bytes).map_err(Bye::bad)? {
                Frame::Ping(number) => {
                    self.pong = Some(number);
                    Ok(Event::Nothing)
                }
                Frame::Unknown(_) => Ok(Event::Nothing),
                frame => Ok(Event::Heard(frame)),
            },
            Some(Ok(Message::Text(_))) => Err(Bye::bad("text messages are not part of the protocol")),
            // WebSocket's own pings are answered by the library.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Event::Nothing),
            Some(Ok(Message::Close(_))) | None => Err(Bye::Gone),
            Some(Err(error)) => Err(error.into()),
        }
    }

    /// Says good-bye, for a short while.
    pub(super) async fn close(mut self, bye: Bye) {
        let (close, reason) = match bye {
            Bye::Gone => return,
            Bye::Close(close) => (close, close.reason().to_owned()),
            Bye::Bad(what) => (Close::BadFrame, cut(format!("{}: {what}", Close::BadFrame.reason()))),
        };
        let frame = CloseFrame { code: close.code().into(), reason: reason.into() };
        let parting = async {
            // A peer that does not wait for it has gone already.
            let _ = self.ws.send(Message::Close(Some(frame))).await;
            // Until the peer has closed too, so that it has read the reason.
            while let Some(Ok(_)) = self.ws.next().await {}
        };
        let _ = tokio::time::timeout(CLOSE_WITHIN, parting).await;
    }
}

async fn sleep_until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

fn cut(mut reason: String) -> String {
    let end = (0..=REASON_BYTES_MAX.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
    reason.truncate(end);
    reason
}
