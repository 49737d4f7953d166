//! A played PTY host, and played viewers that check every byte.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::base::id::{KeyId, MachineId, OrganisationId, SessionId, UserId, ViewerId};
use crate::base::offset::Offset;
use crate::base::secret::Secret;
use crate::server::auth::permissions::{Permission, Whose};
use crate::server::auth::{Caller, Via};
use crate::server::relay::{Arrival, Page, Pulled, SessionHub, Slot, Uplink};
use crate::store::Role;
use crate::wire::Frame;
use crate::wire::frame::{InputOutcome, SnapshotAt, SnapshotFlags};
use crate::wire::message::{self, From, SessionAsk, Take, ToAgent, ToViewer};

pub(super) const CHANNEL: u32 = 3;

/// A hub, the host above it, and the time.
pub(super) struct World {
    pub(super) hub: SessionHub,
    pub(super) uplink: Arc<Uplink>,
    pub(super) host: Host,
    pub(super) now: Instant,
}

/// A PTY host that keeps everything, obeys credit, and counts what it was asked.
#[derive(Default)]
pub(super) struct Host {
    pub(super) output: Vec<u8>,
    pub(super) epoch: u32,
    pub(super) sent: Option<u64>,
    pub(super) sent_bytes: u64,
    pub(super) acked: u64,
    pub(super) subscribes: Vec<From>,
    pub(super) unsubscribed: usize,
    pub(super) snapshots: Vec<(u32, bool)>,
    pub(super) unanswered: VecDeque<(u32, bool)>,
    pub(super) joins: Vec<(ViewerId, Take)>,
    pub(super) leaves: usize,
    pub(super) resizes: usize,
    pub(super) inputs: Vec<(ViewerId, u64, Bytes)>,
    /// Whether snapshots that are asked for are taken at once.
    pub(super) quick: bool,
}

pub(super) const HOST_WINDOW: u64 = 512 * 1024;

/// What stands on the screen at an offset: enough to tell a right one.
pub(super) fn screen_at(offset: u64) -> Bytes {
    Bytes::from(format!("screen at {offset}"))
}

pub(super) fn byte_at(offset: u64) -> u8 {
    (offset % 251) as u8
}

impl World {
    pub(super) fn new() -> Self {
        let uplink = Arc::new(Uplink::new(MachineId::random(), OrganisationId::random(), KeyId::random()));
        let hub = SessionHub::new(SessionId::random());
        let host = Host { quick: true, ..Host::default() };
        let world = Self { hub, uplink, host, now: Instant::now() };
        world.hub.online(&world.uplink, CHANNEL);
        world
    }

    /// Another server, which knows nothing of streams, and a new connection of the agent that is not online yet.
    pub(super) fn restart_server(&mut self) {
        self.hub = SessionHub::new(SessionId::random());
        self.uplink = Arc::new(Uplink::new(MachineId::random(), OrganisationId::random(), KeyId::random()));
        (self.host.sent, self.host.sent_bytes, self.host.acked) = (None, 0, 0);
    }

    pub(super) fn print(&mut self, bytes: usize) {
        let from = self.host.output.len() as u64;
        self.host.output.extend((from..from + bytes as u64).map(byte_at));
    }

    pub(super) fn end(&self) -> u64 {
        self.host.output.len() as u64
    }

    /// The host hears what it was asked, and sends as far as credit goes.
    pub(super) fn host_turn(&mut self) {
        while let Some(frame) = self.uplink.next() {
            match frame {
                Frame::Ack { channel: CHANNEL, consumed } => {
                    assert!(consumed <= self.host.sent_bytes && consumed > self.host.acked, "credit for what was sent");
                    self.host.acked = consumed;
                }
                Frame::Input { channel: CHANNEL, viewer, number, bytes } => {
                    self.host.inputs.push((viewer, number, bytes));
                }
                Frame::Control(json) => match message::from_json(&json).unwrap() {
                    ToAgent::Session { channel: CHANNEL, ask } => self.on_ask(&ask),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
        if self.host.quick {
            self.answer();
        }
        while let Some(sent) = self.host.sent
            && sent < self.end()
            && self.host.sent_bytes - self.host.acked + 32_768 <= HOST_WINDOW
        {
            let until = (sent + 32_768).min(self.end());
            let piece = self.host.output[sent as usize..until as usize].to_vec();
            self.host.sent_bytes += piece.len() as u64;
            self.host.sent = Some(until);
            self.hub.output(&self.uplink, CHANNEL, Offset(sent), &piece).unwrap();
        }
    }

    pub(super) fn on_ask(&mut self, ask: &SessionAsk) {
        match *ask {
            SessionAsk::Subscribe { from } => {
                self.host.subscribes.push(from);
                match from {
                    From::Offset { offset, epoch } if epoch == self.host.epoch => self.host.sent = Some(offset.0),
                    From::Offset { .. } | From::Snapshot => self.repaint(),
                }
            }
            SessionAsk::Unsubscribe => {
                self.host.unsubscribed += 1;
                self.host.sent = None;
            }
            SessionAsk::Snapshot { id, history } => {
                self.host.snapshots.push((id, history));
                self.host.unanswered.push_back((id, history));
            }
            SessionAsk::Join { viewer, take, .. } => self.host.joins.push((viewer, take)),
            SessionAsk::Leave { .. } => self.host.leaves += 1,
            SessionAsk::Resize { .. } => self.host.resizes += 1,
            SessionAsk::Text { .. }
            | SessionAsk::Theme { .. }
            | SessionAsk::Stop { .. }
            | SessionAsk::Hook { .. }
            | SessionAsk::Answer { .. }
            | SessionAsk::Forget
            | SessionAsk::Unknown => {}
        }
    }

    pub(super) fn snapshot(&mut self, id: u32, history: bool) {
        let at = SnapshotAt { offset: Offset(self.end()), epoch: self.host.epoch, cols: 80, rows: 24 };
        let bytes = screen_at(self.end());
        let (head, tail) = bytes.split_at(4);
        for (first, piece) in [(true, head), (false, tail)] {
            self.host.sent_bytes += piece.len() as u64;
            self.hub
                .snapshot(&self.uplink, CHANNEL, id, at, SnapshotFlags { first, last: !first, history }, piece)
                .unwrap();
        }
    }

    pub(super) fn repaint(&mut self) {
        self.snapshot(0, false);
        self.host.sent = Some(self.end());
    }

    pub(super) fn answer(&mut self) {
        while let Some((id, history)) = self.host.unanswered.pop_front() {
            self.snapshot(id, history);
        }
    }

    pub(super) fn resize(&mut self) {
        self.host.epoch += 1;
        self.repaint();
    }

    pub(super) fn arrival(viewer: &Viewer, from: From) -> Arrival {
        Arrival {
            page: Arc::clone(&viewer.page),
            channel: viewer.channel,
            viewer: viewer.id,
            from,
            may_type: viewer.page.who.allows(Permission::TypeSession, Whose::Own),
            take: Take::IfFree,
            cols: 80,
            rows: 24,
            theme: None,
        }
    }

    pub(super) fn join(&self, viewer: &mut Viewer, from: From) {
        viewer.slot = self.hub.attach(Self::arrival(viewer, from)).unwrap();
        viewer.closed = false;
    }

    pub(super) fn viewer(&self) -> Viewer {
        let mut viewer = Viewer::new(Role::Owner);
        self.join(&mut viewer, From::Snapshot);
        viewer
    }

    /// Everybody does what there is to do, until there is nothing.
    pub(super) fn settle(&mut self, viewers: &mut [&mut Viewer]) {
        for _ in 0..200 {
            self.now += Duration::from_micros(300);
            self.host_turn();
            for viewer in viewers.iter_mut().filter(|viewer| !viewer.stalled) {
                viewer.turn(&self.hub, self.now);
            }
        }
    }
}

/// A viewer that checks every byte, and shows the screen it was painted with.
pub(super) struct Viewer {
    pub(super) page: Arc<Page>,
    pub(super) id: ViewerId,
    pub(super) channel: u32,
    pub(super) slot: Slot,
    /// It does not acknowledge and does not look.
    pub(super) stalled: bool,
    pub(super) closed: bool,
    /// It was asked whether it has heard that its way is broken.
    pub(super) asked: bool,
    pub(super) consumed: u64,
    pub(super) painted: Vec<u8>,
    pub(super) next: Option<u64>,
    pub(super) output: u64,
    pub(super) repaints: usize,
    pub(super) histories: Vec<(u32, Vec<u8>)>,
    pub(super) messages: Vec<ToViewer>,
    pub(super) acks: Vec<(u64, InputOutcome)>,
}

impl Viewer {
    pub(super) fn new(role: Role) -> Self {
        let organisation = OrganisationId::random();
        let via = Via::Browser(Secret::new("a cookie").hash());
        let who = Caller {
            user: UserId::random(),
            organisation,
            role,
            via,
            scopes: None,
            expires_at: None,
            address: std::net::Ipv4Addr::LOCALHOST.into(),
        };
        Self::at(&Arc::new(Page::new(who, "Ada".to_owned())), ViewerId::random(), 9)
    }

    pub(super) fn at(page: &Arc<Page>, id: ViewerId, channel: u32) -> Self {
        Self {
            page: Arc::clone(page),
            id,
            channel,
            slot: 0,
            stalled: false,
            closed: false,
            asked: false,
            consumed: 0,
            painted: Vec::new(),
            next: None,
            output: 0,
            repaints: 0,
            histories: Vec::new(),
            messages: Vec::new(),
            acks: Vec::new(),
        }
    }

    /// Takes what there is and acknowledges it at once.
    pub(super) fn turn(&mut self, hub: &SessionHub, now: Instant) {
        self.look(hub, now);
        self.acknowledge(hub, now);
    }

    pub(super) fn look(&mut self, hub: &SessionHub, now: Instant) {
        let mut out = Vec::new();
        loop {
            let pulled = hub.pull(self.slot, now, 65_536, true, &mut out);
            let more = pulled == Pulled::More;
            self.closed |= pulled == Pulled::Closed;
            out.drain(..).for_each(|frame| self.take(frame));
            if std::mem::take(&mut self.asked) {
                hub.heard(self.slot);
            } else if !more {
                break;
            }
        }
    }

    pub(super) fn acknowledge(&self, hub: &SessionHub, now: Instant) {
        hub.acked(self.slot, self.consumed, now).unwrap();
    }

    pub(super) fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Output { channel, offset, bytes } => {
                assert_eq!(channel, self.channel);
                assert_eq!(Some(offset.0), self.next, "output without a gap");
                assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == byte_at(offset.0 + at as u64)));
                self.next = Some(offset.0 + bytes.len() as u64);
                self.output += bytes.len() as u64;
                self.consumed += bytes.len() as u64;
            }
            Frame::Snapshot { id: 0, at, flags, bytes, .. } => {
                if flags.first {
                    self.painted.clear();
                }
                self.painted.extend_from_slice(&bytes);
                self.consumed += bytes.len() as u64;
                if flags.last {
                    assert_eq!(self.painted, screen_at(at.offset.0), "a whole screen of that offset");
                    self.repaints += 1;
                    self.next = Some(at.offset.0);
                }
            }
            Frame::Snapshot { id, bytes, flags, .. } => {
                if flags.first {
                    self.histories.push((id, Vec::new()));
                }
                self.histories.last_mut().unwrap().1.extend_from_slice(&bytes);
                self.consumed += bytes.len() as u64;
            }
            Frame::Control(json) => self.messages.push(message::from_json(&json).unwrap()),
            Frame::InputAck { viewer, number, outcome, .. } => {
                assert_eq!(viewer, self.id, "acknowledged under the page's own number");
                self.acks.push((number, outcome));
            }
            Frame::Ping(number) => self.asked = super::super::heard_on(number) == Some(self.channel),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn is_at(&self, end: u64) -> bool {
        self.next == Some(end)
    }
}
