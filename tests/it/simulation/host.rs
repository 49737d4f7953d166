//! A PTY host made of the real log, reader and gate, wired as `src/host/connection.rs` wires them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sessionforge::base::limits::WINDOW_BYTES_MAX;
use sessionforge::base::offset::Offset;
use sessionforge::stream::input_gate::{InputGate, Verdict, Wish};
use sessionforge::stream::{OutputLog, Painting, Reader, Step};
use sessionforge::wire::frame::{Frame, InputOutcome, SnapshotAt, SnapshotFlags};
use sessionforge::wire::message::{self, From, SessionAsk, SessionSays, Take};

use super::pipe::Pipe;

/// A prime, so that no shift that a fault could cause looks right.
const PERIOD: usize = 65_521;

/// The longest piece that is looked at at once.
const PIECE_MAX: usize = 64 * 1024;

/// What the program prints: the byte at an offset is a function of the offset.
pub fn output(from: Offset, bytes: usize) -> &'static [u8] {
    static ALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let byte = |at: usize| ((at % PERIOD) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0];
        (0..PERIOD + PIECE_MAX).map(byte).collect()
    });
    let at = from.0 as usize % PERIOD;
    &ALL[at..at + bytes]
}

/// What is on the screen there: enough to tell the right one, and of several pieces.
pub fn screen(at: SnapshotAt, history: bool) -> Bytes {
    let line = format!("screen at {} of epoch {} {}\r\n", at.offset, at.epoch, if history { "and before" } else { "" });
    let times = 8 + (at.offset.0 % 7) as usize * if history { 400 } else { 60 };
    Bytes::from(line.repeat(times))
}

pub struct Host {
    pub log: OutputLog,
    pub epoch: u32,
    pub size: (u16, u16),
    pub gate: InputGate,
    /// How far the terminal model is behind the log, in bytes.
    pub behind: u64,
    /// Numbers applied, by the viewer that its payload names.
    pub typed: BTreeMap<u8, Vec<u64>>,
    control: u64,
    connections: u64,
}

#[derive(Clone, Copy)]
struct Label {
    id: u32,
    at: SnapshotAt,
    history: bool,
}

struct Pending {
    id: u32,
    history: bool,
    at_least: Offset,
    due: Instant,
}

/// One agent's connection.
pub struct Connection {
    id: u64,
    reader: Reader<Label>,
    reached: Offset,
    subscribed: bool,
    repaint: Option<Pending>,
    answer: Option<Pending>,
    requests: VecDeque<(u32, bool)>,
    urgent: VecDeque<Frame>,
    told_epoch: u32,
    told_control: u64,
}

impl Host {
    pub fn new(log_bytes: usize) -> Self {
        let (log, gate) = (OutputLog::new(log_bytes), InputGate::new());
        let (size, typed) = ((80, 24), BTreeMap::new());
        Self { log, epoch: 0, size, gate, behind: 0, typed, control: 0, connections: 0 }
    }

    pub fn print(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let piece = bytes.min(PIECE_MAX);
            self.log.append(output(self.log.end(), piece));
            bytes -= piece;
        }
    }

    pub fn connect(&mut self) -> Connection {
        self.connections += 1;
        Connection {
            id: self.connections,
            reader: Reader::at(Offset::ZERO),
            reached: Offset::ZERO,
            subscribed: false,
            repaint: None,
            answer: None,
            requests: VecDeque::new(),
            urgent: [self.says_control()].into(),
            told_epoch: self.epoch,
            told_control: self.control,
        }
    }

    pub fn closed(&mut self, connection: &Connection) {
        self.change_control(|gate| gate.connection_closed(connection.id));
    }

    fn says_control(&self) -> Frame {
        let controller = self.gate.controller();
        message::to_frame(&SessionSays::Control {
            controller: controller.map(|(viewer, _)| viewer),
            present: controller.is_some_and(|(_, present)| present),
            cols: self.size.0,
            rows: self.size.1,
        })
    }

    fn change_control(&mut self, change: impl FnOnce(&mut InputGate)) {
        let before = self.gate.controller();
        change(&mut self.gate);
        self.control += u64::from(self.gate.controller() != before);
    }

    fn resize(&mut self, viewer: sessionforge::base::id::ViewerId, size: (u16, u16)) {
        if self.gate.is_controller(viewer) && self.size != size {
            self.size = size;
            self.epoch += 1;
            self.control += 1;
        }
    }
}

impl Connection {
    pub fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    pub fn due(&self) -> Option<Instant> {
        [&self.repaint, &self.answer].into_iter().flatten().map(|pending| pending.due).min()
    }

    pub fn take(&mut self, frame: Frame, host: &mut Host, now: Instant) {
        match frame {
            Frame::Input { viewer, number, bytes, .. } => {
                let outcome = match host.gate.input(viewer, number) {
                    Verdict::Apply => {
                        assert_eq!(bytes[1..], number.to_be_bytes(), "each input is its number's");
                        let typed = host.typed.entry(bytes[0]).or_default();
                        assert!(typed.last().is_none_or(|last| *last < number), "once and in order");
                        typed.push(number);
                        InputOutcome::Applied
                    }
                    Verdict::Repeat => InputOutcome::Applied,
                    Verdict::NotController => InputOutcome::NotController,
                    Verdict::Ended => InputOutcome::Ended,
                };
                self.urgent.push_back(Frame::InputAck { channel: 0, viewer, number, outcome });
            }
            Frame::Ack { consumed, .. } => self.reader.acked(consumed, now).expect("credit for what was sent"),
            Frame::Control(json) => self.ask(&message::from_json(&json).unwrap(), host),
            other => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, ask: &SessionAsk, host: &mut Host) {
        match *ask {
            SessionAsk::Subscribe { from } => {
                let kept = host.log.start()..=host.log.end();
                let had =
                    if let From::Offset { offset, .. } = from { offset.min(host.log.end()) } else { Offset::ZERO };
                self.reached = self.reached.max(self.reader.position()).max(had);
                match from {
                    From::Offset { offset, epoch } if epoch == host.epoch && kept.contains(&offset) => {
                        self.reader.go_on_at(offset);
                    }
                    From::Offset { .. } | From::Snapshot => {
                        self.reader.go_on_at(Offset::ZERO);
                        self.reader.repaint_needed();
                    }
                }
                (self.repaint, self.subscribed) = (None, true);
            }
            SessionAsk::Unsubscribe => self.subscribed = false,
            SessionAsk::Snapshot { id, history } => self.requests.push_back((id, history)),
            SessionAsk::Join { viewer, take, cols, rows, .. } => {
                let wish = match take {
                    Take::Never => Wish::Watch,
                    Take::IfFree => Wish::TypeIfFree,
                    Take::Always => Wish::Type,
                };
                host.change_control(|gate| gate.join(viewer, wish, self.id));
                host.resize(viewer, (cols, rows));
                self.tell_control(host);
            }
            SessionAsk::Leave { viewer } => host.change_control(|gate| gate.leave(viewer, self.id)),
            SessionAsk::Resize { viewer, cols, rows } => host.resize(viewer, (cols, rows)),
            SessionAsk::Theme { .. }
            | SessionAsk::Text { .. }
            | SessionAsk::Stop { .. }
            | SessionAsk::Forget
            | SessionAsk::Hook { .. }
            | SessionAsk::Answer { .. }
            | SessionAsk::Unknown => {}
        }
    }

    fn tell_control(&mut self, host: &Host) {
        self.told_control = host.control;
        self.urgent.push_back(host.says_control());
    }

    /// Whether anything was sent.
    pub fn fill(&mut self, host: &mut Host, pipe: &mut Pipe, now: Instant) -> bool {
        if self.told_control != host.control {
            self.tell_control(host);
        }
        if self.told_epoch != host.epoch {
            self.told_epoch = host.epoch;
            if self.repaint.take().is_some() {
                self.reader.repaint_failed();
            }
            self.reader.repaint_needed();
        }
        self.take_snapshots(host, now);
        let mut sent = false;
        while pipe.has_room() {
            self.next_request(now);
            let Some(frame) = self.urgent.pop_front().or_else(|| self.step(host, now)) else { break };
            pipe.send(&frame, now);
            sent = true;
            assert!(self.reader.credit().outstanding() <= u64::from(WINDOW_BYTES_MAX), "outstanding within the window");
        }
        sent
    }

    fn step(&mut self, host: &mut Host, now: Instant) -> Option<Frame> {
        loop {
            if !self.subscribed {
                self.reader.go_on_at(host.log.end());
            }
            match self.reader.step(&mut host.log, now) {
                Step::Output { offset, bytes } => return Some(Frame::Output { channel: 0, offset, bytes }),
                Step::Paint { label, first, last, bytes } | Step::Answer { label, first, last, bytes } => {
                    let flags = SnapshotFlags { first, last, history: label.history };
                    return Some(Frame::Snapshot { channel: 0, id: label.id, at: label.at, flags, bytes });
                }
                Step::Repaint => self.repaint = Some(self.pending(0, false, now)),
                Step::Wait => return None,
            }
        }
    }

    fn pending(&self, id: u32, history: bool, now: Instant) -> Pending {
        let at_least = if self.subscribed { self.reader.position() } else { Offset::ZERO };
        Pending { id, history, at_least, due: now + Duration::from_millis(1) }
    }

    fn next_request(&mut self, now: Instant) {
        if self.answer.is_some() {
            return;
        }
        let visible = self.requests.iter().position(|(_, history)| !history);
        let next = match visible {
            Some(next) if !self.reader.is_answering_at_once() => Some(next),
            None if !self.reader.is_answering() => Some(0),
            _ => None,
        };
        if let Some((id, history)) = next.and_then(|next| self.requests.remove(next)) {
            let pending = self.pending(id, history, now);
            self.answer = Some(Pending { at_least: pending.at_least.max(self.reached), ..pending });
        }
    }

    fn take_snapshots(&mut self, host: &Host, now: Instant) {
        let painted = |pending: Pending| {
            let offset = (host.log.end() - host.behind).max(pending.at_least);
            let at = SnapshotAt { offset, epoch: host.epoch, cols: host.size.0, rows: host.size.1 };
            Painting::of(Label { id: pending.id, at, history: pending.history }, screen(at, pending.history))
        };
        let offset = |pending: &Pending| (host.log.end() - host.behind).max(pending.at_least);
        if let Some(pending) = self.repaint.take_if(|pending| pending.due <= now) {
            self.reader.repainted(offset(&pending), painted(pending));
        }
        if let Some(pending) = self.answer.take_if(|pending| pending.due <= now) {
            if pending.history {
                self.reader.answered(painted(pending));
            } else {
                self.reader.answered_at_once(painted(pending));
            }
        }
    }
}
