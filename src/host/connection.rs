//! One connection to a PTY host: the agent, or a terminal on the same machine. Several at a time.
//!
//! What is sent first: answers to input and pings, then what changed about the session, then output and snapshots
//! within the reader's credit. Bounded on both sides: a peer that does not read costs one write buffer, its place in
//! the log and at most one snapshot of each kind; a peer that sends too much is not read any further.

mod answers;
mod texts;
mod typing;

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use self::texts::Texts;
use self::typing::{Typed, Typing};
use super::framed::{FrameReader, FrameWriter, FramedError};
use super::model::Snapshot;
use super::session::{Session, Versions};
use crate::base::limits::HELLO_WITHIN;
use crate::base::offset::Offset;
use crate::base::problem::Problem;
use crate::pty::Size;
use crate::stream::credit::OverAcknowledged;
use crate::stream::input_gate::ConnectionId;
use crate::stream::reader::{Painting, Reader, Step};
use crate::wire::frame::{Frame, SnapshotFlags};
use crate::wire::hello::{Hello, Role};
use crate::wire::message::{self, From, SessionAsk, SessionSays};

/// The only channel of a host's socket.
const CHANNEL: u32 = 0;

/// Frames are made while less than this waits to be written, in bytes: enough for one write at full speed.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Snapshot requests of one connection that wait for their turn. More are not read.
const REQUESTS_MAX: usize = 64;

/// Changes of title and activity are said at most this often.
const INFO_EVERY: Duration = Duration::from_millis(250);

/// Time for reading what a peer sent before it was gone. It is in the socket already, with its end behind it.
const HEARD_OUT_WITHIN: Duration = Duration::from_secs(1);

/// Why a connection ended, other than by its peer's wish.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Framed(#[from] FramedError),
    #[error("no hello came in time")]
    Silent,
    #[error("{0}")]
    Hello(Problem),
    #[error(transparent)]
    Credit(#[from] OverAcknowledged),
    #[error("a control message could not be understood: {0}")]
    Message(Problem),
}

impl std::convert::From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Framed(error.into())
    }
}

/// What the frames of a snapshot say of it.
#[derive(Debug, Clone, Copy)]
struct Label {
    id: u32,
    at: crate::wire::frame::SnapshotAt,
    history: bool,
}

/// A snapshot the model was asked for.
struct Pending {
    id: u32,
    history: bool,
    reply: oneshot::Receiver<Snapshot>,
}

/// Greets, then serves until either side closes.
pub(super) async fn serve<S>(stream: S, session: Rc<Session>) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reading, writing) = tokio::io::split(stream);
    let (mut frames, mut writer) = (FrameReader::small(reading), FrameWriter::new(writing));
    writer.send(&Hello::of(Role::Host).to_frame()).await?;
    let first = timeout(HELLO_WITHIN, frames.next()).await.map_err(|_| ConnectionError::Silent)??;
    let Some(first) = first else { return Ok(()) };
    Hello::expect(&first).map_err(ConnectionError::Hello)?;

    let mut connection = Connection::new(session, writer);
    let result = connection.run(&mut frames).await;
    if let Err(ConnectionError::Framed(FramedError::Io(_))) = result {
        let _ = timeout(HEARD_OUT_WITHIN, connection.hear_out(&mut frames)).await;
    }
    connection.closed();
    result
}

struct Connection<W> {
    id: ConnectionId,
    session: Rc<Session>,
    writer: FrameWriter<W>,
    reader: Reader<Label>,
    /// The furthest that the reader is known to have been, whatever it is painted with since.
    reached: Offset,
    /// Without a subscription the reader stands at the log's end and is sent only what it asked for.
    subscribed: bool,
    repaint: Option<Pending>,
    answer: Option<Pending>,
    requests: VecDeque<(u32, bool)>,
    texts: Texts,
    typing: Typing,
    /// What the peer has been told of.
    told: Versions,
    info_told_at: Instant,
    /// A change of title or activity is said then.
    info_due: Option<Instant>,
    end_told: bool,
    /// The need whose end a hook waits for.
    waits_for: Option<u64>,
}

impl<W: AsyncWrite + Unpin> Connection<W> {
    fn new(session: Rc<Session>, writer: FrameWriter<W>) -> Self {
        Self {
            id: session.connection(),
            told: session.versions(),
            session,
            writer,
            reader: Reader::at(Offset::ZERO),
            reached: Offset::ZERO,
            subscribed: false,
            repaint: None,
            answer: None,
            requests: VecDeque::new(),
            texts: Texts::default(),
            typing: Typing::default(),
            info_told_at: Instant::now(),
            info_due: None,
            end_told: false,
            waits_for: None,
        }
    }

    async fn run<R: AsyncRead + Unpin>(&mut self, frames: &mut FrameReader<R>) -> Result<(), ConnectionError> {
        let session = Rc::clone(&self.session);
        self.tell_info();
        self.tell_control();
        loop {
            let mut changed = pin!(session.changed());
            changed.as_mut().enable(); // Listening first, then looking.
            self.typing.go_on(&session, |answer| self.writer.queue(&answer));
            self.tell();
            self.fill();
            self.texts.go_on(&session);
            let reads = self.typing.has_room()
                && self.requests.len() < REQUESTS_MAX
                && self.writer.queued() < 2 * WRITE_BYTES_MAX;
            let writes = self.writer.queued() > 0;
            tokio::select! {
                biased;
                frame = frames.next(), if reads => match frame? {
                    Some(frame) => self.take(frame)?,
                    None => return Ok(()),
                },
                written = self.writer.write_some(), if writes => written?,
                snapshot = reply(&mut self.repaint) => self.repainted(snapshot),
                snapshot = reply(&mut self.answer) => self.answered(snapshot),
                said = self.texts.answer() => self.writer.queue(&message::to_frame(&said.unwrap_or(SessionSays::Unknown))),
                () = &mut changed => {}
                () = at(self.info_due) => {}
            }
        }
    }

    /// Carries out what was sent before the connection broke. Writing fails as soon as the peer is gone, and what it
    /// said last, a stop or a key, may not have been read by then.
    async fn hear_out<R: AsyncRead + Unpin>(&mut self, frames: &mut FrameReader<R>) {
        while self.typing.has_room() && self.requests.len() < REQUESTS_MAX {
            let Ok(Some(frame)) = frames.next().await else { return };
            let Ok(()) = self.take(frame) else { return };
            self.writer.throw_away();
        }
    }

    // --- What comes in.

    fn take(&mut self, frame: Frame) -> Result<(), ConnectionError> {
        match frame {
            Frame::Input { viewer, number, bytes, .. } => {
                let typed = Typed::new(viewer, number, bytes);
                self.typing.take(typed, &self.session, |answer| self.writer.queue(&answer));
            }
            Frame::Ack { consumed, .. } => self.reader.acked(consumed, std::time::Instant::now())?,
            Frame::Ping(number) => self.writer.queue(&Frame::Pong(number)),
            Frame::Control(json) => self.ask(message::from_json(&json).map_err(ConnectionError::Message)?),
            // Not for a host to hear, or of a newer protocol.
            _ => {}
        }
        Ok(())
    }

    fn ask(&mut self, ask: SessionAsk) {
        match ask {
            SessionAsk::Subscribe { from } => self.subscribe(from),
            SessionAsk::Unsubscribe => self.subscribed = false,
            SessionAsk::Snapshot { id: 0, .. } | SessionAsk::Unknown => {}
            SessionAsk::Text { request, after } => self.texts.ask(request, after),
            SessionAsk::Snapshot { id, history } => self.requests.push_back((id, history)),
            SessionAsk::Join { viewer, take, cols, rows, theme } => {
                self.session.join(viewer, take, Size { cols, rows }, theme, self.id);
                self.tell_control(); // An answer is owed even when nothing changed.
            }
            SessionAsk::Leave { viewer } => self.session.leave(viewer, self.id),
            SessionAsk::Resize { viewer, cols, rows } => self.session.resize(viewer, Size { cols, rows }),
            SessionAsk::Theme { viewer, theme } => self.session.set_theme(viewer, &theme),
            SessionAsk::Stop { force } => self.session.stop(force),
            SessionAsk::Forget => self.session.forget(),
            SessionAsk::Answer { need, token, answer } => self.session.answer(need, token, answer),
            SessionAsk::Hook { hook } => self.waits_for = self.session.hook(&hook).or(self.waits_for),
        }
    }

    fn subscribe(&mut self, from: From) {
        let epoch_now = self.session.versions().epoch;
        let (start, end) = self.session.with_log(|log| (log.start(), log.end()));
        let had = if let From::Offset { offset, .. } = from { offset.min(end) } else { Offset::ZERO };
        self.reached = self.reached.max(self.reader.position()).max(had);
        match from {
            From::Offset { offset, epoch } if epoch == epoch_now && (start..=end).contains(&offset) => {
                self.reader.go_on_at(offset);
            }
            From::Offset { .. } | From::Snapshot => {
                // Whatever the reader had before is painted over, so a snapshot at any offset will do.
                self.reader.go_on_at(Offset::ZERO);
                self.reader.repaint_needed();
            }
        }
        self.repaint = None;
        self.subscribed = true;
        self.end_told = false;
    }

    // --- What goes out.

    /// Says what has changed about the session.
    fn tell(&mut self) {
        let now = self.session.versions();
        if now.state != self.told.state {
            self.info_due = Some(self.info_told_at);
        } else if now.info != self.told.info && self.info_due.is_none() {
            self.info_due = Some(self.info_told_at + INFO_EVERY);
        }
        if self.info_due.is_some_and(|due| due <= Instant::now()) {
            self.tell_info();
        }
        self.tell_answer();
        if now.control != self.told.control {
            self.tell_control();
        }
        if now.epoch != self.told.epoch {
            self.told.epoch = now.epoch;
            // Reader and model need not re-wrap alike, so the screen is painted anew. A snapshot that was asked for
            // before is of the wrong size.
            if self.repaint.take().is_some() {
                self.reader.repaint_failed();
            }
            self.reader.repaint_needed();
        }
    }

    fn tell_control(&mut self) {
        self.told.control = self.session.versions().control;
        self.writer.queue(&message::to_frame(&self.session.control()));
    }

    fn tell_info(&mut self) {
        let now = self.session.versions();
        (self.told.info, self.told.state) = (now.info, now.state);
        self.info_due = None;
        self.info_told_at = Instant::now();
        self.writer.queue(&message::to_frame(&SessionSays::Info { info: self.session.info() }));
    }

    /// Makes frames of output and snapshots, as far as credit and the write buffer go.
    fn fill(&mut self) {
        self.next_request();
        while self.writer.queued() < WRITE_BYTES_MAX {
            let (reader, subscribed) = (&mut self.reader, self.subscribed);
            let step = self.session.with_log(|log| {
                if !subscribed {
                    reader.go_on_at(log.end());
                }
                reader.step(log, std::time::Instant::now())
            });
            match step {
                Step::Output { offset, bytes } => {
                    self.writer.queue(&Frame::Output { channel: CHANNEL, offset, bytes });
                }
                Step::Paint { label, first, last, bytes } | Step::Answer { label, first, last, bytes } => {
                    let flags = SnapshotFlags { first, last, history: label.history };
                    self.writer.queue(&Frame::Snapshot { channel: CHANNEL, id: label.id, at: label.at, flags, bytes });
                    self.next_request();
                }
                Step::Repaint => {
                    let reply = self.session.snapshot(self.at_least(), false);
                    self.repaint = Some(Pending { id: 0, history: false, reply });
                }
                Step::Wait => break,
            }
        }
        self.tell_end();
    }

    fn tell_end(&mut self) {
        if self.end_told || !self.subscribed || !self.session.is_over() {
            return;
        }
        let end = self.session.with_log(|log| log.end());
        if self.reader.follows() && self.reader.position() == end {
            self.end_told = true;
            self.writer.queue(&message::to_frame(&SessionSays::End { offset: end }));
        }
    }

    /// Asks the model for the next snapshot that was requested, one at a time.
    fn next_request(&mut self) {
        if self.answer.is_some() {
            return;
        }
        // The visible screen goes before any scrollback, and may be sent beside one.
        let visible = self.requests.iter().position(|(_, history)| !history);
        let next = match visible {
            Some(next) if !self.reader.is_answering_at_once() => Some(next),
            None if !self.reader.is_answering() => Some(0),
            _ => None,
        };
        if let Some((id, history)) = next.and_then(|next| self.requests.remove(next)) {
            // While a repaint is on its way the reader stands nowhere; who asked stands where it was.
            let reply = self.session.snapshot(self.at_least().max(self.reached), history);
            self.answer = Some(Pending { id, history, reply });
        }
    }

    /// A snapshot must hold what the reader has been sent; not the newest output, which the model may not know yet.
    fn at_least(&self) -> Offset {
        if self.subscribed { self.reader.position() } else { Offset::ZERO }
    }

    fn repainted(&mut self, snapshot: Option<Snapshot>) {
        self.repaint = None;
        match snapshot {
            Some(snapshot) => {
                let label = Label { id: 0, at: snapshot.at, history: snapshot.history };
                self.reader.repainted(snapshot.at.offset, Painting::of(label, snapshot.bytes));
            }
            // The model broke over it and began again; so do we.
            None => self.reader.repaint_failed(),
        }
    }

    fn answered(&mut self, snapshot: Option<Snapshot>) {
        let Some(pending) = self.answer.take() else { return };
        let Some(Snapshot { at, history, bytes }) = snapshot else {
            self.requests.push_front((pending.id, pending.history));
            return;
        };
        let painting = Painting::of(Label { id: pending.id, at, history }, bytes);
        if history {
            self.reader.answered(painting);
        } else {
            self.reader.answered_at_once(painting);
        }
    }
}

/// The model's answer; pending while nothing was asked.
async fn reply(pending: &mut Option<Pending>) -> Option<Snapshot> {
    match pending {
        Some(pending) => (&mut pending.reply).await.ok(),
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
