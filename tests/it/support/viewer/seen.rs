//! What a viewer has seen, kept in order and checked against the protocol as it comes.

use std::collections::{BTreeMap, BTreeSet};

use sessionforge::base::id::{MachineId, SessionId};
use sessionforge::base::offset::Offset;
use sessionforge::base::problem::Problem;
use sessionforge::wire::frame::{InputOutcome, SnapshotAt, SnapshotFlags};
use sessionforge::wire::message::ToViewer;
use sha2::{Digest, Sha256};

use super::super::screen::Screen;
use super::super::socket::Closed;
use super::Manners;

/// Who may type, as last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// This viewer.
    pub you: bool,
    /// Somebody who is connected.
    pub present: bool,
    /// Viewers attached.
    pub viewers: u32,
    /// Size of the session.
    pub size: (u16, u16),
}

/// What a viewer has seen.
pub struct Seen {
    /// Its terminal.
    pub screen: Screen,
    /// Offset of the next output byte.
    pub offset: Offset,
    /// Epoch of the last repaint.
    pub epoch: u32,
    /// Complete repaints.
    pub repaints: u32,
    /// Output bytes, without snapshots.
    pub output_bytes: u64,
    /// Snapshot bytes of repaints.
    pub repaint_bytes: u64,
    /// SHA-256 over all output bytes.
    pub digest: Sha256,
    /// The last output bytes, at least 256 if there were so many.
    pub tail: Vec<u8>,
    /// What the protocol forbids and happened all the same.
    pub violations: Vec<String>,
    /// Who may type.
    pub control: Option<Control>,
    /// Whether the way to the program is whole.
    pub live: bool,
    /// Connections made so far.
    pub connections: u32,
    /// Whether there is one now, and the session is attached.
    pub attached: bool,
    /// Why the session was detached.
    pub detached: Option<Problem>,
    /// The program ended at this offset.
    pub ended: Option<Offset>,
    /// Fates of inputs, by number; an acknowledgement answers all before it too.
    pub input_acks: BTreeMap<u64, InputOutcome>,
    /// Snapshots that were asked for, by request, and whether they are complete.
    pub snapshots: BTreeMap<u32, (SnapshotAt, Vec<u8>, bool)>,
    /// Machines it was told of.
    pub machines: BTreeSet<MachineId>,
    /// Sessions it was told of.
    pub sessions: BTreeSet<SessionId>,
    /// How each connection ended.
    pub closed: Vec<Closed>,
    /// Whether a repaint has begun and not ended.
    pub(super) painting: bool,
    /// Payload bytes consumed on this connection.
    pub(super) consumed: u64,
}

impl Seen {
    pub(super) fn new(manners: &Manners) -> Self {
        Self {
            screen: Screen::new(manners.cols, manners.rows),
            offset: Offset::ZERO,
            epoch: 0,
            repaints: 0,
            output_bytes: 0,
            repaint_bytes: 0,
            digest: Sha256::new(),
            tail: Vec::new(),
            violations: Vec::new(),
            control: None,
            live: false,
            connections: 0,
            attached: false,
            detached: None,
            ended: None,
            input_acks: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            machines: BTreeSet::new(),
            sessions: BTreeSet::new(),
            closed: Vec::new(),
            painting: false,
            consumed: 0,
        }
    }

    pub(super) fn output(&mut self, offset: Offset, bytes: &[u8], manners: &Manners) {
        if let Some(script) = &manners.script
            && let Err(wrong) = script.check_output(offset, bytes)
        {
            self.violations.push(wrong);
        }
        if offset != self.offset {
            self.violations.push(format!("output at {offset} after {} was expected", self.offset));
        }
        if self.repaints == 0 {
            self.violations.push(format!("output at {offset} before the first repaint"));
        }
        self.offset = offset + bytes.len();
        self.output_bytes += bytes.len() as u64;
        self.consumed += bytes.len() as u64;
        self.digest.update(bytes);
        if manners.screen {
            self.screen.feed(bytes);
        }
        if self.tail.len() > 64 * 1024 {
            self.tail.drain(..self.tail.len() - 256);
        }
        self.tail.extend_from_slice(bytes);
    }

    pub(super) fn told(&mut self, message: ToViewer) {
        match message {
            ToViewer::Attached { live, .. } => (self.attached, self.live) = (true, live),
            ToViewer::Detached { problem, .. } => (self.attached, self.detached) = (false, Some(problem)),
            ToViewer::Live { live, .. } => self.live = live,
            ToViewer::Control { you, present, viewers, cols, rows, .. } => {
                self.control = Some(Control { you, present, viewers, size: (cols, rows) });
            }
            ToViewer::Fleet { machines, sessions } => {
                self.machines = machines.iter().map(|machine| machine.id).collect();
                self.sessions = sessions.iter().map(|session| session.info.id).collect();
            }
            ToViewer::Machine { machine } => _ = self.machines.insert(machine.id),
            ToViewer::Session { session } => _ = self.sessions.insert(session.info.id),
            ToViewer::End { offset, .. } => self.ended = Some(offset),
            _ => {}
        }
    }

    pub(super) fn snapshot(&mut self, id: u32, at: SnapshotAt, flags: SnapshotFlags, bytes: &[u8], manners: &Manners) {
        self.consumed += bytes.len() as u64;
        if id != 0 {
            let (_, kept, complete) = self.snapshots.entry(id).or_insert((at, Vec::new(), false));
            kept.extend_from_slice(bytes);
            *complete = flags.last;
            return;
        }
        if flags.first {
            self.screen.reset(at);
            self.painting = true;
        }
        if manners.screen {
            self.screen.feed(bytes);
        }
        self.repaint_bytes += bytes.len() as u64;
        if flags.last {
            (self.offset, self.epoch, self.painting) = (at.offset, at.epoch, false);
            self.repaints += 1;
            if manners.screen
                && let Some(script) = &manners.script
                && let Err(wrong) = script.check_screen(at.offset, &self.screen.text())
            {
                self.violations.push(wrong);
            }
        }
    }
}
