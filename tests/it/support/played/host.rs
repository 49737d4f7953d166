//! One session's PTY host as the server knows it: its log, its reader and its input gate are the product's own. The
//! program in it sends back what it is sent, and its screen says how much that was.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::base::offset::Offset;
use sessionforge::stream::input_gate::{ConnectionId, InputGate, Verdict, Wish};
use sessionforge::stream::{OutputLog, Painting, Reader, Step};
use sessionforge::wire::Frame;
use sessionforge::wire::frame::{InputOutcome, SnapshotAt, SnapshotFlags};
use sessionforge::wire::message::{self, From, FromAgent, SessionAsk, SessionSays, Take};
use sessionforge::wire::session::{Exit, SessionInfo, SessionState};

/// Its screen, which nobody resizes.
const SIZE: (u16, u16) = (80, 24);

#[derive(Debug, Clone, Copy)]
struct Label {
    id: u32,
    at: SnapshotAt,
    history: bool,
}

/// The host.
#[derive(Debug)]
pub struct PlayedHost {
    /// What is known of its session.
    pub info: SessionInfo,
    /// The session on the agent's connection.
    pub channel: u32,
    /// Typed bytes that passed the gate.
    pub typed: u64,
    log: OutputLog,
    gate: InputGate,
    connection: ConnectionId,
    reader: Reader<Label>,
    /// Without a subscription it is sent only what it asked for.
    subscribed: bool,
    /// Goes before output.
    urgent: VecDeque<Frame>,
}

impl PlayedHost {
    /// Of a session whose program has just begun. It keeps `log_bytes_max` bytes of output.
    pub fn new(id: SessionId, log_bytes_max: usize) -> Self {
        Self {
            info: info(id),
            channel: 0,
            typed: 0,
            log: OutputLog::new(log_bytes_max),
            gate: InputGate::new(),
            connection: 0,
            reader: Reader::at(Offset::ZERO),
            subscribed: false,
            urgent: VecDeque::new(),
        }
    }

    /// The agent has a new connection, and the session this channel on it.
    pub fn connected(&mut self, channel: u32) {
        self.gate.connection_closed(self.connection);
        self.connection += 1;
        self.channel = channel;
        self.reader = Reader::at(Offset::ZERO);
        self.subscribed = false;
        self.urgent.clear();
        self.say_control();
    }

    /// Whether output is sent to somebody.
    pub fn is_watched(&self) -> bool {
        self.subscribed
    }

    /// Output that was printed and not sent yet, in bytes.
    pub fn unsent(&self) -> u64 {
        self.log.end().since(self.reader.position())
    }

    /// The program prints.
    pub fn print(&mut self, bytes: &[u8]) {
        self.log.append(bytes);
    }

    /// Something about the session changed.
    pub fn change(&mut self, change: impl FnOnce(&mut SessionInfo)) {
        change(&mut self.info);
        self.say(SessionSays::Info { info: self.info.clone() });
    }

    /// The program ends.
    pub fn end(&mut self) {
        self.gate.end();
        self.change(|info| {
            info.state = SessionState::Exited;
            info.exit = Some(Exit { code: Some(0), signal: None });
        });
    }

    /// A frame came for it.
    pub fn heard(&mut self, frame: Frame, now: Instant) {
        match frame {
            Frame::Input { viewer, number, bytes, .. } => self.on_input(viewer, number, &bytes),
            Frame::Ack { consumed, .. } => {
                self.reader.acked(consumed, now).expect("credit for what was sent");
            }
            other => panic!("no frame for a PTY host: {other:?}"),
        }
    }

    fn on_input(&mut self, viewer: ViewerId, number: u64, bytes: &[u8]) {
        let outcome = match self.gate.input(viewer, number) {
            Verdict::Apply => {
                self.typed += bytes.len() as u64;
                self.log.append(bytes);
                InputOutcome::Applied
            }
            Verdict::Repeat => InputOutcome::Applied,
            Verdict::NotController => InputOutcome::NotController,
            Verdict::Ended => InputOutcome::Ended,
        };
        self.urgent.push_back(Frame::InputAck { channel: self.channel, viewer, number, outcome });
    }

    /// It is asked something.
    pub fn asked(&mut self, ask: &SessionAsk) {
        match *ask {
            SessionAsk::Subscribe { from } => {
                match from {
                    From::Offset { offset, epoch: 0 } if (self.log.start()..=self.log.end()).contains(&offset) => {
                        self.reader.go_on_at(offset);
                    }
                    From::Offset { .. } | From::Snapshot => {
                        self.reader.go_on_at(Offset::ZERO);
                        self.reader.repaint_needed();
                    }
                }
                self.subscribed = true;
            }
            SessionAsk::Unsubscribe => self.subscribed = false,
            SessionAsk::Snapshot { id, history } => {
                let painting = Painting::of(self.label(id, history), self.screen());
                if history {
                    self.reader.answered(painting);
                } else {
                    self.reader.answered_at_once(painting);
                }
            }
            SessionAsk::Join { viewer, take, .. } => {
                let wish = match take {
                    Take::Never => Wish::Watch,
                    Take::IfFree => Wish::TypeIfFree,
                    Take::Always => Wish::Type,
                };
                self.gate.join(viewer, wish, self.connection);
                self.say_control();
            }
            SessionAsk::Leave { viewer } => {
                self.gate.leave(viewer, self.connection);
                self.say_control();
            }
            SessionAsk::Stop { .. } => self.end(),
            SessionAsk::Resize { .. }
            | SessionAsk::Theme { .. }
            | SessionAsk::Text { .. }
            | SessionAsk::Forget
            | SessionAsk::Hook { .. }
            | SessionAsk::Answer { .. }
            | SessionAsk::Unknown => {}
        }
    }

    /// The next frame it sends, if there is one.
    pub fn next(&mut self, now: Instant) -> Option<Frame> {
        if let Some(frame) = self.urgent.pop_front() {
            return Some(frame);
        }
        let channel = self.channel;
        if !self.subscribed {
            self.reader.go_on_at(self.log.end());
        }
        loop {
            match self.reader.step(&mut self.log, now) {
                Step::Output { offset, bytes } => return Some(Frame::Output { channel, offset, bytes }),
                Step::Paint { label, first, last, bytes } | Step::Answer { label, first, last, bytes } => {
                    let flags = SnapshotFlags { first, last, history: label.history };
                    return Some(Frame::Snapshot { channel, id: label.id, at: label.at, flags, bytes });
                }
                Step::Repaint => {
                    let painting = Painting::of(self.label(0, false), self.screen());
                    self.reader.repainted(self.log.end(), painting);
                }
                Step::Wait => return None,
            }
        }
    }

    /// What stands on its screen: how many typed bytes it has sent back.
    fn screen(&self) -> Bytes {
        Bytes::from(self.typed.to_string())
    }

    fn label(&self, id: u32, history: bool) -> Label {
        let at = SnapshotAt { offset: self.log.end(), epoch: 0, cols: SIZE.0, rows: SIZE.1 };
        Label { id, at, history }
    }

    fn say(&mut self, says: SessionSays) {
        let frame = message::to_frame(&FromAgent::Session { channel: self.channel, says });
        self.urgent.push_back(frame);
    }

    fn say_control(&mut self) {
        let controller = self.gate.controller();
        self.say(SessionSays::Control {
            controller: controller.map(|(viewer, _)| viewer),
            present: controller.is_some_and(|(_, present)| present),
            cols: SIZE.0,
            rows: SIZE.1,
        });
    }

    /// Where its output ends.
    pub fn offset(&self) -> Offset {
        self.log.end()
    }
}

/// What a played session says of itself.
fn info(id: SessionId) -> SessionInfo {
    SessionInfo {
        args: vec!["--resume".to_owned()],
        workdir: "/srv/project".to_owned(),
        title: Some("a played session".to_owned()),
        pid: Some(4711),
        started_at: 1_700_000_000_000,
        ..SessionInfo::new(id, "claude")
    }
}
