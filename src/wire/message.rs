//! Control messages: typed JSON. Unknown fields are ignored, unknown kinds read as `Unknown`.
//!
//! Output, input, credit and pings are frames of their own ([`super::frame`]); all else is here, one enum per direction.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::attention::{Answer, Hook};
use super::frame::Frame;
use super::handoff::{HandoffAsk, HandoffView};
use super::load::Load;
use super::notice::Notice;
use super::session::{Launch, MachineFacts, ScreenText, SessionInfo};
use super::updating::UpdateReport;
use super::view::{MachineView, Person, SessionView};
use crate::base::id::{MachineId, SessionId, ViewerId};
use crate::base::offset::Offset;
use crate::base::problem::{Code, Problem};

/// Where a reader's output begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// A repaint with the visible screen, then everything after it.
    #[default]
    Snapshot,
    /// What follows this offset, if the log still has it and the size has not changed since; else a repaint.
    Offset {
        /// First byte wanted.
        offset: Offset,
        /// The epoch of the last snapshot the reader applied.
        epoch: u32,
    },
}

/// Whether a joining viewer wants the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// Only watch.
    Never,
    /// If the controller is not there, or this viewer was it.
    #[default]
    IfFree,
    /// In any case.
    Always,
}

/// Colours of the viewer's terminal, for programs that ask: `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Theme {
    /// Text.
    pub foreground: String,
    /// Ground.
    pub background: String,
    /// Cursor.
    pub cursor: String,
}

/// Asked of one session's PTY host, by the agent for the server or by a local viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SessionAsk {
    /// Send output from here on. A second one on a channel replaces the first.
    Subscribe {
        /// Where to begin.
        from: From,
    },
    /// Send no more output.
    Unsubscribe,
    /// Send a snapshot, answered by snapshot frames with this id.
    Snapshot {
        /// Chosen by the asker, never 0.
        id: u32,
        /// With the scrollback, or only the visible screen.
        history: bool,
    },
    /// Say what the screen shows, as text: now, or once there is output behind `after`. Answered by
    /// [`SessionSays::Text`]; a host that does not know it answers nothing.
    Text {
        /// Number of the request, on this connection.
        request: u64,
        /// Output the asker knows of.
        #[serde(default)]
        after: Option<Offset>,
    },
    /// A viewer is there. Answered by [`SessionSays::Control`].
    Join {
        /// Who.
        viewer: ViewerId,
        /// Whether it wants the keyboard.
        take: Take,
        /// Its size in cells, applied if it controls.
        cols: u16,
        /// See `cols`.
        rows: u16,
        /// Its colours.
        #[serde(default)]
        theme: Option<Theme>,
    },
    /// A viewer is gone; it is the controller again if it comes back before somebody takes control.
    Leave {
        /// Who.
        viewer: ViewerId,
    },
    /// The viewer's size changed. Applied if it controls.
    Resize {
        /// Who.
        viewer: ViewerId,
        /// Cells.
        cols: u16,
        /// Cells.
        rows: u16,
    },
    /// The viewer's colours changed. Applied if it controls.
    Theme {
        /// Who.
        viewer: ViewerId,
        /// The colours.
        theme: Theme,
    },
    /// End the program: hang up and terminate, or kill if `force`.
    Stop {
        /// Kill at once.
        force: bool,
    },
    /// One of Claude Code's hooks fired in the session. If it waits, answered by [`SessionSays::Answered`].
    Hook {
        /// What it says.
        hook: Box<Hook>,
    },
    /// Somebody answers what the session needs. How it ended is in its info; an answer that comes late changes nothing.
    Answer {
        /// Number of the need.
        need: u64,
        /// Chosen at random by whoever asks, to know its own answer again.
        token: u64,
        /// The answer.
        answer: Answer,
    },
    /// The end of the program has been recorded: the host may go, with its log and its last screen. Ignored while
    /// the program runs.
    Forget,
    /// A kind of a newer protocol.
    #[serde(other)]
    Unknown,
}

/// Said by a PTY host about its session.
#[allow(clippy::large_enum_variant, reason = "read and dropped one at a time, never kept in numbers")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SessionSays {
    /// What is known of it: first message on every connection, and again at every change.
    Info {
        /// All of it.
        info: SessionInfo,
    },
    /// Who may type, and the size that follows from it.
    Control {
        /// The controller, if there is one.
        controller: Option<ViewerId>,
        /// Whether that viewer is connected.
        present: bool,
        /// Cells.
        cols: u16,
        /// Cells.
        rows: u16,
    },
    /// What became of the need that a hook waits for; only to whoever told of the hook.
    Answered {
        /// `None`: it ended another way, and there is nothing more to wait for.
        answer: Option<Answer>,
    },
    /// What the screen shows.
    Text {
        /// The request's number.
        request: u64,
        /// After this much output.
        offset: Offset,
        /// As text.
        screen: ScreenText,
    },
    /// Every output byte has been sent and the program has ended. The last output offset.
    End {
        /// Total output bytes of the session.
        offset: Offset,
    },
    /// A kind of a newer protocol.
    #[serde(other)]
    Unknown,
}

/// Server to agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToAgent {
    /// The machine is known and its agent welcome.
    Registered {
        /// Keep it and say it at the next connection.
        machine: MachineId,
        /// Name of the organisation it belongs to.
        organisation: String,
    },
    /// Start a session. The same `session` twice starts it once and is answered the same twice.
    Start {
        /// Number of the request.
        request: u64,
        /// The id it will have.
        session: SessionId,
        /// What to run.
        launch: Launch,
    },
    /// Start a session that goes on with another's conversation: the same program, directory and name. As for `Start`.
    Resume {
        /// Number of the request.
        request: u64,
        /// The id it will have.
        session: SessionId,
        /// The one that has ended.
        from: SessionId,
        /// Cells.
        cols: u16,
        /// Cells.
        rows: u16,
    },
    /// Forget a session that has ended, its log and its last screen.
    Forget {
        /// Number of the request.
        request: u64,
        /// Which.
        session: SessionId,
    },
    /// Bring the agent to a version that the server has. Done is that it has begun; how it goes is said by
    /// [`FromAgent::Update`]. Only of an agent that says [`UpdateWay::Page`](super::updating::UpdateWay::Page).
    Update {
        /// Number of the request.
        request: u64,
        /// Which.
        version: String,
    },
    /// For one session's PTY host.
    Session {
        /// The session on this connection.
        channel: u32,
        /// What.
        ask: SessionAsk,
    },
    /// How the handoff that was asked about is, or why there is no answer.
    Handoff {
        /// The request's number.
        request: u64,
        /// How it is.
        #[serde(default)]
        handoff: Option<Box<HandoffView>>,
        /// Why that is not told.
        #[serde(default)]
        problem: Option<Problem>,
    },
    /// A kind of a newer protocol.
    #[serde(other)]
    Unknown,
}

/// Agent to server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FromAgent {
    /// Right after hello.
    Register {
        /// As told by an earlier `registered`, if any.
        #[serde(default)]
        machine: Option<MachineId>,
        /// What machine this is.
        facts: MachineFacts,
    },
    /// All sessions of this machine, right after `registered`: what is missing here is gone.
    Sessions {
        /// Each with the channel it has on this connection.
        sessions: Vec<Announced>,
    },
    /// A session that came later.
    Opened {
        /// With its channel.
        announced: Announced,
    },
    /// How busy the machine is. Now and then, and only when it has changed.
    Load {
        /// How busy.
        load: Load,
    },
    /// How the update that the server asked for goes.
    Update {
        /// How.
        update: UpdateReport,
    },
    /// A session was forgotten; its channel is not used again on this connection.
    Closed {
        /// Which.
        channel: u32,
    },
    /// From one session's PTY host.
    Session {
        /// The session on this connection.
        channel: u32,
        /// What.
        says: SessionSays,
    },
    /// A program here, or somebody at the machine, asks for a session's handoff. Answered by [`ToAgent::Handoff`].
    Handoff {
        /// Number of the request, on this connection.
        request: u64,
        /// Of which session.
        session: SessionId,
        /// What.
        ask: HandoffAsk,
    },
    /// A request was carried out, or why not.
    Done {
        /// The request's number.
        request: u64,
        /// `None` when it was.
        problem: Option<Problem>,
    },
    /// A kind of a newer protocol.
    #[serde(other)]
    Unknown,
}

/// A session and its channel on an uplink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Chosen by the agent, unique on this connection, never reused on it.
    pub channel: u32,
    /// What is known of the session.
    pub info: SessionInfo,
}

/// Page to server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FromViewer {
    /// Watch a session, and perhaps type. Answered by `attached` or `detached`.
    Attach {
        /// Chosen by the page, unused on this connection.
        channel: u32,
        /// Which session.
        session: SessionId,
        /// This tab, the same over reconnects.
        viewer: ViewerId,
        /// Where output begins.
        #[serde(default)]
        from: From,
        /// Whether it wants the keyboard.
        #[serde(default)]
        take: Take,
        /// Its size in cells.
        cols: u16,
        /// Its size in cells.
        rows: u16,
        /// Its colours.
        #[serde(default)]
        theme: Option<Theme>,
    },
    /// Watch it no more.
    Detach {
        /// Which.
        channel: u32,
    },
    /// Take the keyboard.
    TakeControl {
        /// Of which.
        channel: u32,
        /// Size in cells that comes with it.
        cols: u16,
        /// Size in cells that comes with it.
        rows: u16,
    },
    /// The terminal on the page changed its size. Applied if this viewer controls.
    Resize {
        /// Of which.
        channel: u32,
        /// Cells.
        cols: u16,
        /// Cells.
        rows: u16,
    },
    /// The page's colours changed.
    Theme {
        /// Of which.
        channel: u32,
        /// Colours.
        theme: Theme,
    },
    /// Send the scrollback too: answered by snapshot frames with this id.
    History {
        /// Of which.
        channel: u32,
        /// Chosen by the page, never 0.
        id: u32,
    },
    /// Whether a person has this page before them, and which session it shows then. They are not notified of that one.
    Looking {
        /// The window has the focus and the page is visible.
        here: bool,
        /// The session whose terminal it shows.
        #[serde(default)]
        session: Option<SessionId>,
    },
    /// A kind of a newer protocol.
    #[serde(other)]
    Unknown,
}

/// Server to page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToViewer {
    /// Everything the caller may see, right after hello.
    Fleet {
        /// All machines.
        machines: Vec<MachineView>,
        /// All sessions.
        sessions: Vec<SessionView>,
    },
    /// A machine appeared or changed.
    Machine {
        /// All of it.
        machine: MachineView,
    },
    /// A machine was removed.
    MachineGone {
        /// Which.
        id: MachineId,
    },
    /// A session appeared or changed.
    Session {
        /// All of it.
        session: SessionView,
    },
    /// A session was removed.
    SessionGone {
        /// Which.
        id: SessionId,
    },
    /// The channel is open: output follows.
    Attached {
        /// Which.
        channel: u32,
        /// Whether the machine is connected now. If not, `live` follows when it is.
        live: bool,
    },
    /// The channel is closed, or was never opened.
    Detached {
        /// Which.
        channel: u32,
        /// Why.
        problem: Problem,
    },
    /// The way to the session's program broke or was mended. After mending, send unacknowledged input again.
    Live {
        /// Which.
        channel: u32,
        /// Whether it is whole.
        live: bool,
    },
    /// Who may type.
    Control {
        /// Which.
        channel: u32,
        /// Whether it is this viewer.
        you: bool,
        /// Whether a controller is connected.
        present: bool,
        /// Who that is. `None` while it is connected: a terminal on the machine itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        who: Option<Person>,
        /// Whether this viewer may take the keyboard at all.
        #[serde(default = "yes")]
        may_type: bool,
        /// Viewers attached now.
        viewers: u32,
        /// Size of the session in cells.
        cols: u16,
        /// Size of the session in cells.
        rows: u16,
    },
    /// Something to show the person, beside what the fleet says.
    Notice {
        /// In words.
        notice: Notice,
        /// With a tone.
        #[serde(default)]
        sound: bool,
        /// As a notification of the system.
        #[serde(default)]
        desktop: bool,
    },
    /// What was to be shown with this tag is over.
    NoticeOver {
        /// The tag.
        tag: String,
    },
    /// Every output byte has been sent and the program has ended.
    End {
        /// Which.
        channel: u32,
        /// Total output bytes.
        offset: Offset,
    },
    /// A kind of a newer protocol.
    #[serde(other)]
    Unknown,
}

fn yes() -> bool {
    true
}

/// `message` as a control frame.
pub fn to_frame<T: Serialize>(message: &T) -> Frame {
    // Our messages are enums of strings and numbers; such values always have a JSON form.
    Frame::Control(Bytes::from(serde_json::to_vec(message).unwrap_or_default()))
}

/// Reads a control frame's payload.
pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(json)
        .map_err(|error| Problem::new(Code::BadRequest, format!("a control message cannot be understood: {error}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_fields_of_a_newer_protocol_are_tolerated() {
        assert_eq!(from_json::<FromViewer>(br#"{"kind":"teleport","to":"moon"}"#).unwrap(), FromViewer::Unknown);
        assert_eq!(
            from_json::<SessionAsk>(br#"{"kind":"stop","force":true,"politely":1}"#).unwrap(),
            SessionAsk::Stop { force: true }
        );
        assert_eq!(
            from_json::<ToAgent>(br#"{"kind":"session","channel":3,"ask":{"kind":"sing"}}"#).unwrap(),
            ToAgent::Session { channel: 3, ask: SessionAsk::Unknown }
        );
        assert!(from_json::<FromViewer>(b"{").is_err());
    }

    #[test]
    fn an_attach_needs_little() {
        let json = br#"{"kind":"attach","channel":1,"session":"ses_a1b2c3d4e5f6","viewer":"000102030405060708090a0b0c0d0e0f","cols":80,"rows":24}"#;
        let FromViewer::Attach { from, take, theme, .. } = from_json(json).unwrap() else {
            unreachable!("it is an attach")
        };
        assert_eq!((from, take, theme), (From::Snapshot, Take::IfFree, None));
        let resumed = serde_json::to_string(&From::Offset { offset: Offset(7), epoch: 1 }).unwrap();
        assert_eq!(resumed, r#"{"offset":{"offset":7,"epoch":1}}"#);
    }
}
