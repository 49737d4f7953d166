//! The connection to the session's PTY host.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::base::id::ViewerId;
use crate::base::limits::{PING_EVERY, SILENCE_MAX};
use crate::host::client::{ConnectError, HostClient, HostReader, HostWriter};
use crate::host::framed::FramedError;
use crate::pty::Size;
use crate::wire::frame::Frame;
use crate::wire::hello::Role;
use crate::wire::message::{From, SessionAsk, Take, to_frame};

/// Time a host has to take a connection. It needs less than a millisecond.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Output is acknowledged when so much of it came, in bytes: a small part of any window but the smallest. Each
/// acknowledgement wakes the host.
const ACKNOWLEDGED_BYTES: u64 = 16 * 1024;

/// Less is acknowledged after this long, when an echo has long been shown. A hundredth of what a window is worth.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(1);

/// The host says who controls when it greets, and again in answer to `Join`: only then it is known of this viewer.
const CONTROLS_BEFORE_OURS: u32 = 1;

/// One connection, joined and subscribed.
pub(super) struct Line {
    pub(super) reader: HostReader,
    pub(super) writer: HostWriter,
    viewer: ViewerId,
    consumed: u64,
    acknowledged: u64,
    /// Since when something has come that is not acknowledged.
    owed_since: Option<Instant>,
    controls: u32,
    heard: Instant,
    pinged: Instant,
}

impl Line {
    /// Connects, joins and subscribes.
    pub(super) async fn open(
        socket: &Path,
        viewer: ViewerId,
        take: Take,
        size: Size,
        from: From,
    ) -> Result<Self, ConnectError> {
        let connecting = tokio::time::timeout(CONNECT_WITHIN, HostClient::connect(socket, Role::Viewer));
        let (reader, writer) = connecting.await.unwrap_or(Err(ConnectError::Silent))?.split();
        let now = Instant::now();
        let mut line = Self {
            reader,
            writer,
            viewer,
            consumed: 0,
            acknowledged: 0,
            owed_since: None,
            controls: 0,
            heard: now,
            pinged: now,
        };
        line.join(take, size);
        line.ask(&SessionAsk::Subscribe { from });
        Ok(line)
    }

    /// Queues an ask.
    pub(super) fn ask(&mut self, ask: &SessionAsk) {
        self.writer.queue(&to_frame(ask));
    }

    /// Queues what says that this viewer is there, and whether it wants the keyboard.
    pub(super) fn join(&mut self, take: Take, Size { cols, rows }: Size) {
        self.ask(&SessionAsk::Join { viewer: self.viewer, take, cols, rows, theme: None });
    }

    /// Queues the new size of this viewer's terminal.
    pub(super) fn resize(&mut self, Size { cols, rows }: Size) {
        self.ask(&SessionAsk::Resize { viewer: self.viewer, cols, rows });
    }

    /// Who controls was said; whether that holds for this viewer.
    pub(super) fn control_said(&mut self) -> bool {
        self.controls = self.controls.saturating_add(1);
        self.controls > CONTROLS_BEFORE_OURS
    }

    /// Payload of output or snapshots came.
    pub(super) fn consumed(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
        self.owed_since.get_or_insert_with(Instant::now);
    }

    /// Queues the acknowledgement of all that came if that is due. When it will be if it is not.
    pub(super) fn acknowledge(&mut self) -> Option<Instant> {
        let due = self.owed_since? + ACKNOWLEDGED_WITHIN;
        if self.consumed - self.acknowledged < ACKNOWLEDGED_BYTES && Instant::now() < due {
            return Some(due);
        }
        self.acknowledged = self.consumed;
        self.owed_since = None;
        self.writer.queue(&Frame::Ack { channel: 0, consumed: self.consumed });
        None
    }

    /// It was heard of, or could not be listened to.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// When to look at the clock again.
    pub(super) fn next_look(&self) -> Instant {
        (self.heard.max(self.pinged) + PING_EVERY).min(self.heard + SILENCE_MAX)
    }

    /// Asks a silent host whether it is there. Whether it has been silent for too long.
    pub(super) fn look(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.heard.max(self.pinged) + PING_EVERY {
            self.pinged = now;
            self.writer.queue(&Frame::Ping(0));
        }
        now >= self.heard + SILENCE_MAX
    }
}

/// The next thing that happens on the way to the host.
pub(super) enum Heard {
    Frame(Frame),
    /// The connection is broken.
    Broken,
}

impl std::convert::From<Result<Option<Frame>, FramedError>> for Heard {
    fn from(next: Result<Option<Frame>, FramedError>) -> Self {
        match next {
            Ok(Some(frame)) => Self::Frame(frame),
            Ok(None) | Err(_) => Self::Broken,
        }
    }
}

impl std::convert::From<io::Error> for Heard {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}
