//! A page's line to one session, as `assets/app/wire/line.js` has it: resumes where it was, keeps what is typed until
//! it is answered, and here believes nothing without checking it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use sessionforge::base::id::{KeyId, OrganisationId, SessionId, UserId, ViewerId};
use sessionforge::base::limits::INPUT_KEPT_FOR;
use sessionforge::base::offset::Offset;
use sessionforge::server::auth::{Caller, Via};
use sessionforge::store::Role;
use sessionforge::stream::backoff::Backoff;
use sessionforge::wire::frame::{Frame, InputOutcome, SnapshotAt};
use sessionforge::wire::message::{self, From, FromViewer, Take, ToViewer};

use super::host::{output, screen};

/// What became of typed bytes, as the person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Applied,
    Refused,
    /// Not delivered in time: it may have arrived.
    Late,
}

pub struct Viewer {
    pub name: u8,
    pub who: Caller,
    id: ViewerId,
    /// Its connection, by number; `None` until `again_at`.
    pub tab: Option<u64>,
    pub again_at: Option<Instant>,
    pub backoff: Backoff,
    /// It reads and acknowledges nothing until then.
    pub stalled_until: Option<Instant>,
    pub live: bool,
    pub reached: Option<(Offset, u32)>,
    painting: Option<(SnapshotAt, Vec<u8>)>,
    history: Option<(u32, Offset, Vec<u8>)>,
    last_history: u32,
    pub consumed: u64,
    window: VecDeque<(u64, Instant)>,
    last_number: u64,
    pub fates: BTreeMap<u64, Fate>,
    size: (u16, u16),
    pub gone_back: u64,
}

impl Viewer {
    pub fn new(name: u8) -> Self {
        let via = Via::Key(KeyId::random());
        let (user, organisation, role) = (UserId::random(), OrganisationId::random(), Role::Owner);
        Self {
            name,
            who: Caller {
                user,
                organisation,
                role,
                via,
                scopes: None,
                expires_at: None,
                address: std::net::Ipv4Addr::LOCALHOST.into(),
            },
            id: ViewerId([name; 16]),
            tab: None,
            again_at: None,
            backoff: Backoff::new(),
            stalled_until: None,
            live: false,
            reached: None,
            painting: None,
            history: None,
            last_history: 0,
            consumed: 0,
            window: VecDeque::new(),
            last_number: 0,
            fates: BTreeMap::new(),
            size: (80, 24),
            gone_back: 0,
        }
    }

    pub fn is_settled(&self, end: Offset, epoch: u32) -> bool {
        self.live && self.reached == Some((end, epoch)) && self.painting.is_none() && self.window.is_empty()
    }

    pub fn due(&self) -> Option<Instant> {
        let late = self.window.front().map(|(_, at)| *at + INPUT_KEPT_FOR);
        [self.again_at, self.stalled_until, late].into_iter().flatten().min()
    }

    /// The connection is there: what it says first.
    pub fn attach(&mut self, channel: u32, session: SessionId) -> Frame {
        (self.consumed, self.painting, self.history, self.live) = (0, None, None, false);
        let from = self.reached.map_or(From::Snapshot, |(offset, epoch)| From::Offset { offset, epoch });
        let (cols, rows) = self.size;
        let (viewer, take, theme) = (self.id, Take::IfFree, None);
        message::to_frame(&FromViewer::Attach { channel, session, viewer, from, take, cols, rows, theme })
    }

    /// The connection broke.
    pub fn disconnected(&mut self, again_at: Instant) {
        (self.tab, self.again_at, self.live) = (None, Some(again_at), false);
    }

    pub fn key(&mut self, channel: u32, now: Instant) -> Option<Frame> {
        self.last_number += 1;
        self.window.push_back((self.last_number, now));
        self.live.then(|| self.input(channel, self.last_number))
    }

    pub fn take_control(&self, channel: u32) -> Option<Frame> {
        let (cols, rows) = self.size;
        self.live.then(|| message::to_frame(&FromViewer::TakeControl { channel, cols, rows }))
    }

    pub fn resize(&mut self, channel: u32, cols: u16) -> Option<Frame> {
        self.size.0 = cols;
        let (cols, rows) = self.size;
        self.live.then(|| message::to_frame(&FromViewer::Resize { channel, cols, rows }))
    }

    pub fn ask_history(&mut self, channel: u32) -> Option<Frame> {
        let (reached, _) = self.reached.filter(|_| self.live)?;
        self.last_history += 1;
        self.history = Some((self.last_history, reached, Vec::new()));
        Some(message::to_frame(&FromViewer::History { channel, id: self.last_history }))
    }

    fn input(&self, channel: u32, number: u64) -> Frame {
        let bytes = Bytes::from([&[self.name][..], &number.to_be_bytes()].concat());
        Frame::Input { channel, viewer: self.id, number, bytes }
    }

    pub fn expire(&mut self, now: Instant) {
        while let Some((number, _)) = self.window.pop_front_if(|(_, at)| now >= *at + INPUT_KEPT_FOR) {
            self.fates.insert(number, Fate::Late);
        }
    }

    fn answered(&mut self, until: u64, fate: Fate) {
        while let Some((number, _)) = self.window.pop_front_if(|(number, _)| *number <= until) {
            self.fates.insert(number, fate);
        }
    }

    /// What it is sent on `channel`; what it answers at once goes into `out`.
    pub fn take(&mut self, frame: Frame, channel: u32, now: Instant, out: &mut Vec<Frame>) {
        match frame {
            Frame::Output { offset, bytes, .. } => {
                let (reached, _) = self.reached.as_mut().expect("a screen comes first");
                assert!(self.painting.is_none(), "output within a repaint");
                assert_eq!(offset, *reached, "output without a gap, in order");
                assert!(bytes == output(offset, bytes.len()), "the bytes that the program printed at {offset}");
                *reached = *reached + bytes.len();
                self.consumed += bytes.len() as u64;
            }
            Frame::Snapshot { id: 0, at, flags, bytes, .. } => {
                self.consumed += bytes.len() as u64;
                if flags.first {
                    self.painting = Some((at, Vec::new()));
                }
                let (of, all) = self.painting.as_mut().expect("a repaint has a first piece");
                assert_eq!(*of, at, "pieces of one repaint");
                all.extend_from_slice(&bytes);
                if flags.last
                    && let Some((at, all)) = self.painting.take()
                {
                    assert!(all == screen(at, false), "the screen of {at:?}, whole");
                    let had = self.reached.map_or(Offset::ZERO, |(offset, _)| offset);
                    self.gone_back = self.gone_back.max(had.since(at.offset));
                    self.reached = Some((at.offset, at.epoch));
                }
            }
            Frame::Snapshot { id, at, flags, bytes, .. } => {
                self.consumed += bytes.len() as u64;
                let Some((_, had, all)) = self.history.as_mut().filter(|(asked, ..)| *asked == id) else { return };
                all.extend_from_slice(&bytes);
                if flags.last {
                    assert!(*all == screen(at, true), "the scrollback of {at:?}, whole");
                    assert!(at.offset >= *had, "at or after what it had when it asked");
                    self.history = None;
                }
            }
            Frame::InputAck { number, outcome, .. } => match outcome {
                InputOutcome::Applied => self.answered(number, Fate::Applied),
                InputOutcome::NotController | InputOutcome::Ended => self.answered(number, Fate::Refused),
            },
            Frame::Ping(number) => out.push(Frame::Pong(number)),
            Frame::Control(json) => match message::from_json(&json).unwrap() {
                ToViewer::Attached { live, .. } | ToViewer::Live { live, .. } => {
                    self.live = live;
                    if live {
                        self.backoff.reset();
                        self.expire(now);
                        out.extend(self.window.iter().map(|(number, _)| self.input(channel, *number)));
                    }
                }
                ToViewer::Detached { problem, .. } => panic!("sent away: {problem}"),
                _ => {}
            },
            other => panic!("{other:?}"),
        }
    }
}
