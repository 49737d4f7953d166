//! The hub's way to its session's PTY host: what it subscribed to, what it asked for, and the credit it gives.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::base::limits::{SNAPSHOT_BYTES_MAX, WINDOW_BYTES_MAX};
use crate::base::offset::Offset;
use crate::server::relay::Uplink;
use crate::server::relay::memory::{Held, Share};
use crate::wire::frame::{SnapshotAt, SnapshotFlags};
use crate::wire::message::{From, SessionAsk};

/// One visible screen, in bytes: 500 rows of 1,000 cells with a new colour in every fourth one.
const SCREEN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An agent sent what no agent of ours sends. Its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Output that does not follow what came before.
    #[error("output at {got} does not follow {expected}")]
    Gap {
        /// The offset that was next.
        expected: Offset,
        /// The offset that came.
        got: Offset,
    },
    /// More than it had credit for.
    #[error("more than {max} bytes were sent without credit")]
    OverCredit {
        /// In bytes.
        max: u64,
    },
    /// The server gives this machine no more memory.
    #[error("the screens of this machine's sessions take more memory than the server has for one machine")]
    NoMemory,
    /// A snapshot beyond its bound.
    #[error("a snapshot is longer than the {max} bytes allowed")]
    SnapshotTooLarge {
        /// In bytes.
        max: usize,
    },
}

/// What output the hub gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subscription {
    /// None. `stale`: output of an earlier subscription may still come on this connection.
    None { stale: bool },
    /// It waits for the repaint that a subscription begins with; output before that is of an earlier one.
    Fresh,
    /// It waits for output that follows the end of the log; output beyond that is of an earlier one.
    Resuming,
    /// Output follows the end of the log.
    Following,
}

/// What a piece of a snapshot belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Sent to every reader: at the start, after a resize, or because the hub fell behind.
    Repaint,
    /// The visible screen, for viewers that wait for one.
    Screen,
    /// The scrollback, for viewers that asked.
    History,
    /// Nobody asked for it.
    Unasked,
}

/// What may come that was not acknowledged, in bytes. An agent of ours stays below a window, and a frame.
const UNACKNOWLEDGED_MAX: u64 = 4 * WINDOW_BYTES_MAX as u64;

/// A snapshot that is arriving.
#[derive(Debug, Default)]
struct Assembly(Option<(SnapshotAt, BytesMut, Held)>);

impl Assembly {
    /// Takes a piece; gives the whole once it is there.
    fn take(
        &mut self,
        at: SnapshotAt,
        flags: SnapshotFlags,
        piece: &[u8],
        max: usize,
        share: &Arc<Share>,
    ) -> Result<Option<(SnapshotAt, Bytes)>, Violation> {
        if flags.first {
            self.0 = Some((at, BytesMut::with_capacity(piece.len()), Held::none(share)));
        }
        // A piece whose beginning was not seen is the rest of something that is no longer wanted.
        let Some((_, bytes, held)) = &mut self.0 else { return Ok(None) };
        if bytes.len() + piece.len() > max {
            self.0 = None;
            return Err(Violation::SnapshotTooLarge { max });
        }
        if held.set(bytes.len() + piece.len()).is_err() {
            self.0 = None;
            return Err(Violation::NoMemory);
        }
        bytes.extend_from_slice(piece);
        if !flags.last {
            return Ok(None);
        }
        Ok(self.0.take().map(|(at, bytes, held)| (at, held.with(bytes))))
    }
}

/// One session's channel on the uplink of its machine.
#[derive(Debug)]
pub(super) struct Upstream {
    uplink: Arc<Uplink>,
    channel: u32,
    pub(super) subscription: Subscription,
    /// The host was asked for a repaint; it is on its way.
    pub(super) repaint_asked: bool,
    screen_asked: Option<u32>,
    history_asked: Option<u32>,
    last_id: u32,
    repaint: Assembly,
    screen: Assembly,
    history: Assembly,
    /// Payload bytes of output and snapshots since the channel began, and how many of them were acknowledged.
    received: u64,
    acked: u64,
}

impl Upstream {
    pub(super) fn new(uplink: Arc<Uplink>, channel: u32) -> Self {
        Self {
            uplink,
            channel,
            subscription: Subscription::None { stale: false },
            repaint_asked: false,
            screen_asked: None,
            history_asked: None,
            last_id: 0,
            repaint: Assembly::default(),
            screen: Assembly::default(),
            history: Assembly::default(),
            received: 0,
            acked: 0,
        }
    }

    pub(super) fn uplink(&self) -> &Arc<Uplink> {
        &self.uplink
    }

    pub(super) fn channel(&self) -> u32 {
        self.channel
    }

    pub(super) fn is(&self, uplink: &Arc<Uplink>, channel: u32) -> bool {
        Arc::ptr_eq(&self.uplink, uplink) && self.channel == channel
    }

    pub(super) fn ask(&self, ask: SessionAsk) {
        self.uplink.ask(self.channel, ask);
    }

    /// Begins to get output, from where the log ends if that is known.
    pub(super) fn subscribe(&mut self, known: Option<(Offset, u32)>) {
        let stale = self.subscription == Subscription::None { stale: true };
        let from = if let Some((offset, epoch)) = known {
            self.subscription = if stale { Subscription::Resuming } else { Subscription::Following };
            From::Offset { offset, epoch }
        } else {
            self.subscription = Subscription::Fresh;
            From::Snapshot
        };
        self.ask(SessionAsk::Subscribe { from });
    }

    /// The same from an earlier offset, if output is subscribed to and none has come yet.
    pub(super) fn subscribe_again(&mut self, offset: Offset, epoch: u32) {
        if self.is_joined() {
            self.subscription = Subscription::Resuming;
            self.ask(SessionAsk::Subscribe { from: From::Offset { offset, epoch } });
        }
    }

    /// Wants no more output.
    pub(super) fn unsubscribe(&mut self) {
        if !matches!(self.subscription, Subscription::None { .. }) {
            self.ask(SessionAsk::Unsubscribe);
            self.subscription = Subscription::None { stale: true };
        }
        self.repaint_asked = false;
        self.screen_asked = None;
        self.history_asked = None;
        self.repaint = Assembly::default();
        self.screen = Assembly::default();
        self.history = Assembly::default();
    }

    /// Whether a screen is on its way.
    pub(super) fn awaits_screen(&self) -> bool {
        self.repaint_asked || self.screen_asked.is_some() || self.subscription == Subscription::Fresh
    }

    pub(super) fn awaits_history(&self) -> bool {
        self.history_asked.is_some()
    }

    /// Asks for the visible screen. Output goes on beside it.
    pub(super) fn ask_screen(&mut self) {
        let id = self.next_id();
        self.screen_asked = Some(id);
        self.ask(SessionAsk::Snapshot { id, history: false });
    }

    /// Asks for the newest screen instead of the output up to it.
    pub(super) fn ask_repaint(&mut self) {
        self.repaint_asked = true;
        self.ask(SessionAsk::Subscribe { from: From::Snapshot });
    }

    /// Asks for the scrollback.
    pub(super) fn ask_history(&mut self) {
        let id = self.next_id();
        self.history_asked = Some(id);
        self.ask(SessionAsk::Snapshot { id, history: true });
    }

    fn next_id(&mut self) -> u32 {
        // Never 0, which means a repaint.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }

    /// Whether what is asked of the host is answered from where the log is.
    pub(super) fn is_joined(&self) -> bool {
        matches!(self.subscription, Subscription::Following | Subscription::Resuming)
    }

    /// How many of the first bytes of output at `offset` the log has already; `None` if it is of an earlier
    /// subscription. A byte's offset never changes, so output that comes twice is the same.
    pub(super) fn accept(&mut self, offset: Offset, end: Offset) -> Result<Option<usize>, Violation> {
        match self.subscription {
            Subscription::None { .. } | Subscription::Fresh => Ok(None),
            Subscription::Resuming if offset > end => Ok(None),
            Subscription::Following if offset > end => Err(Violation::Gap { expected: end, got: offset }),
            Subscription::Resuming | Subscription::Following => {
                self.subscription = Subscription::Following;
                Ok(Some(usize::try_from(end.since(offset)).unwrap_or(usize::MAX)))
            }
        }
    }

    /// Payload bytes have come.
    pub(super) fn received(&mut self, bytes: usize) -> Result<(), Violation> {
        self.received += bytes as u64;
        let within = self.received - self.acked <= UNACKNOWLEDGED_MAX;
        if within { Ok(()) } else { Err(Violation::OverCredit { max: UNACKNOWLEDGED_MAX }) }
    }

    /// Gives credit for everything but the newest `held` bytes.
    pub(super) fn settle(&mut self, held: u64) {
        let consumed = self.received.saturating_sub(held);
        if consumed > self.acked {
            self.acked = consumed;
            self.uplink.ack(self.channel, consumed);
        }
    }

    /// Takes a piece of a snapshot; gives the whole, and what it is for, once it is there.
    pub(super) fn snapshot(
        &mut self,
        id: u32,
        at: SnapshotAt,
        flags: SnapshotFlags,
        piece: &[u8],
    ) -> Result<Option<(Purpose, SnapshotAt, Bytes)>, Violation> {
        let purpose = match Some(id) {
            Some(0) if matches!(self.subscription, Subscription::None { .. }) => Purpose::Unasked,
            Some(0) => Purpose::Repaint,
            id if id == self.screen_asked => Purpose::Screen,
            id if id == self.history_asked => Purpose::History,
            _ => Purpose::Unasked,
        };
        let share = &self.uplink.memory;
        let whole = match purpose {
            Purpose::Repaint => self.repaint.take(at, flags, piece, SCREEN_BYTES_MAX, share)?,
            Purpose::Screen => self.screen.take(at, flags, piece, SCREEN_BYTES_MAX, share)?,
            Purpose::History => match self.history.take(at, flags, piece, SNAPSHOT_BYTES_MAX, share) {
                // Scrollback is the first to go without: its viewers ask again when they scroll.
                Err(Violation::NoMemory) => {
                    self.history_asked = None;
                    None
                }
                taken => taken?,
            },
            Purpose::Unasked => None,
        };
        let Some((at, bytes)) = whole else { return Ok(None) };
        match purpose {
            Purpose::Repaint => {
                self.repaint_asked = false;
                self.subscription = Subscription::Following;
            }
            Purpose::Screen => self.screen_asked = None,
            Purpose::History => self.history_asked = None,
            Purpose::Unasked => {}
        }
        Ok(Some((purpose, at, bytes)))
    }
}
