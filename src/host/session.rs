//! Keystroke hop 7 of 8 · output hop 2 of 8. One task owns one terminal.
//!
//! Keys arrive from the [`connection`](super::connection)s, pass the [`InputGate`] and leave through [`Pty::poll_write`].
//! Output arrives from [`Pty::poll_read`], is kept in the log of the [`Model`], and is offered to the connections.
//! Everything here happens on one thread; nothing here waits for a reader, a viewer or the program.
//!
//! This file is what connections see and ask; `task` is what moves the bytes.

mod attending;
mod draining;
mod task;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use self::draining::Draining;
use super::attention::Attention;
use super::input_queue::InputQueue;
use super::model::{Model, Snapshot};
use crate::base::id::{ConversationId, ViewerId};
use crate::base::limits::{COLS_MAX, ROWS_MAX};
use crate::base::offset::Offset;
use crate::pty::{Ending, Pty, Size};
use crate::stream::input_gate::{ConnectionId, InputGate, Verdict, Wish};
use crate::stream::output_log::OutputLog;
use crate::wire::frame::InputOutcome;
use crate::wire::message::{SessionSays, Take, Theme};
use crate::wire::session::{Exit, ScreenText, SessionInfo, SessionState};

/// Sizes are applied at most this often, so that dragging a window does not make the program redraw for each cell.
const RESIZE_EVERY: Duration = Duration::from_millis(50);

/// From asking a program to end to killing it.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// What has changed, for connections that have seen an earlier state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Versions {
    /// Of [`Session::info`].
    pub(super) info: u64,
    /// Of the part of it that is said at once: everything but title, and activity that only output shows.
    pub(super) state: u64,
    /// Of [`Session::control`].
    pub(super) control: u64,
    /// Of the screen's size.
    pub(super) epoch: u32,
}

/// One program in one terminal, and who types into it. Shared by the tasks of one thread.
pub(super) struct Session {
    inner: RefCell<Inner>,
    model: Model,
    /// Told to connections: output, information or control has changed, or input has room again.
    changed: Notify,
    /// Told to the session's task: there is something to write, a new time to wait for, or an end to carry out.
    kick: Notify,
    connections: Cell<ConnectionId>,
}

struct Inner {
    /// `None` once the program has ended and its last output was read.
    pty: Option<Box<dyn Pty>>,
    gate: InputGate,
    queue: InputQueue,
    /// The terminal took no more when it was last offered something.
    stuck: bool,
    info: SessionInfo,
    versions: Versions,
    /// The size asked for last; applied at `resize_at`.
    wanted: Size,
    resize_at: Option<Instant>,
    resized_at: Option<Instant>,
    attention: Attention,
    kill_at: Option<Instant>,
    /// Since the program ended.
    draining: Option<Draining>,
    /// Nothing had the terminal open; it is looked at again then.
    unreadable_until: Option<Instant>,
    forgotten: bool,
}

/// What became of a numbered input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// Answer it so.
    Answer(InputOutcome),
    /// The terminal takes no more now: offer it again when the session has changed.
    NoRoom,
}

impl Session {
    /// Of a program that was started just now.
    pub(super) fn new(pty: Box<dyn Pty>, info: SessionInfo) -> io::Result<Rc<Self>> {
        let size = Size { cols: info.cols, rows: info.rows };
        Ok(Rc::new(Self {
            inner: RefCell::new(Inner {
                pty: Some(pty),
                gate: InputGate::new(),
                queue: InputQueue::default(),
                stuck: false,
                info,
                versions: Versions::default(),
                wanted: size,
                resize_at: None,
                resized_at: None,
                attention: Attention::new(),
                kill_at: None,
                draining: None,
                unreadable_until: None,
                forgotten: false,
            }),
            model: Model::start(size)?,
            changed: Notify::new(),
            kick: Notify::new(),
            connections: Cell::new(0),
        }))
    }

    /// A number for a new connection.
    pub(super) fn connection(&self) -> ConnectionId {
        self.connections.replace(self.connections.get() + 1)
    }

    /// A connection is gone, with every viewer on it.
    pub(super) fn connection_closed(&self, on: ConnectionId) {
        self.change_control(|gate| gate.connection_closed(on));
    }

    /// Wakes at the next change. Make it before looking.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// What has changed.
    pub(super) fn versions(&self) -> Versions {
        self.inner.borrow().versions
    }

    /// Everything known of the session.
    pub(super) fn info(&self) -> SessionInfo {
        self.inner.borrow().info.clone()
    }

    /// Who may type, and the size.
    pub(super) fn control(&self) -> SessionSays {
        let inner = self.inner.borrow();
        let controller = inner.gate.controller();
        SessionSays::Control {
            controller: controller.map(|(viewer, _)| viewer),
            present: controller.is_some_and(|(_, present)| present),
            cols: inner.info.cols,
            rows: inner.info.rows,
        }
    }

    /// Whether the program has ended and its last output is in the log.
    pub(super) fn is_over(&self) -> bool {
        self.inner.borrow().pty.is_none()
    }

    /// Looks at the log.
    pub(super) fn with_log<T>(&self, look: impl FnOnce(&mut OutputLog) -> T) -> T {
        self.model.with_log(look)
    }

    /// A snapshot at `at_least` or later, of the screen's present size.
    pub(super) fn snapshot(&self, at_least: Offset, history: bool) -> oneshot::Receiver<Snapshot> {
        self.model.snapshot(at_least, history)
    }

    /// The visible screen as text, at `at_least` or later.
    pub(super) fn text(&self, at_least: Offset) -> oneshot::Receiver<(Offset, ScreenText)> {
        self.model.text(at_least)
    }

    /// A viewer is there.
    pub(super) fn join(&self, viewer: ViewerId, take: Take, size: Size, theme: Option<Theme>, on: ConnectionId) {
        let wish = match take {
            Take::Never => Wish::Watch,
            Take::IfFree => Wish::TypeIfFree,
            Take::Always => Wish::Type,
        };
        self.change_control(|gate| gate.join(viewer, wish, on));
        self.resize(viewer, size);
        if let Some(theme) = theme {
            self.set_theme(viewer, &theme);
        }
    }

    /// A viewer is gone.
    pub(super) fn leave(&self, viewer: ViewerId, on: ConnectionId) {
        self.change_control(|gate| gate.leave(viewer, on));
    }

    fn change_control(&self, change: impl FnOnce(&mut InputGate)) {
        let mut inner = self.inner.borrow_mut();
        let before = inner.gate.controller();
        change(&mut inner.gate);
        if inner.gate.controller() != before {
            inner.versions.control += 1;
            drop(inner);
            self.changed.notify_waiters();
        }
    }

    /// The size follows the controller; others' sizes mean nothing.
    pub(super) fn resize(&self, viewer: ViewerId, size: Size) {
        let mut inner = self.inner.borrow_mut();
        let size = bounded(size);
        if !inner.gate.is_controller(viewer) || size == inner.wanted {
            return;
        }
        inner.wanted = size;
        let now = Instant::now();
        inner.resize_at = Some(inner.resized_at.map_or(now, |last| now.max(last + RESIZE_EVERY)));
        drop(inner);
        self.kick.notify_one();
    }

    /// The controller's colours are the ones that programs are told.
    pub(super) fn set_theme(&self, viewer: ViewerId, theme: &Theme) {
        if self.inner.borrow().gate.is_controller(viewer) {
            self.model.set_theme(theme);
        }
    }

    /// Typed bytes, numbered by their viewer.
    pub(super) fn input(&self, viewer: ViewerId, number: u64, bytes: &Bytes) -> Input {
        let mut inner = self.inner.borrow_mut();
        // Asked before the gate, which takes an input that it lets pass for applied.
        if !inner.queue.has_room() && inner.gate.is_controller(viewer) {
            return Input::NoRoom;
        }
        let outcome = match inner.gate.input(viewer, number) {
            Verdict::Apply => {
                inner.queue.push(bytes.clone());
                inner.attention.typed(bytes, Instant::now());
                if inner.tell_attention() {
                    self.changed.notify_waiters();
                }
                self.kick.notify_one();
                InputOutcome::Applied
            }
            Verdict::Repeat => InputOutcome::Applied,
            Verdict::NotController => InputOutcome::NotController,
            Verdict::Ended => InputOutcome::Ended,
        };
        Input::Answer(outcome)
    }

    /// Whether the terminal took no more when it was last offered something.
    pub(super) fn is_stuck(&self) -> bool {
        self.inner.borrow().stuck
    }

    /// Whether `bytes` hold a key like Ctrl-C that overtook everything the terminal does not take.
    ///
    /// If so, what was typed before it is thrown away, as the terminal does when such a key reaches it, and so are
    /// `bytes` up to the key; their rest is still to be typed.
    pub(super) fn overtake(&self, viewer: ViewerId, number: u64, bytes: &Bytes) -> Option<Bytes> {
        let mut inner = self.inner.borrow_mut();
        if !inner.stuck || !inner.gate.would_apply(viewer, number) {
            return None;
        }
        let done = inner.pty.as_mut()?.interrupt(bytes)?;
        inner.queue.clear();
        drop(inner);
        self.changed.notify_waiters();
        Some(bytes.slice(done..))
    }

    /// Ends the program.
    pub(super) fn stop(&self, force: bool) {
        let mut inner = self.inner.borrow_mut();
        if inner.info.state == SessionState::Exited && !force {
            return;
        }
        if let Some(pty) = &mut inner.pty {
            pty.end(if force { Ending::Kill } else { Ending::HangUp });
        }
        if !force {
            inner.kill_at = Some(inner.kill_at.unwrap_or_else(|| Instant::now() + KILL_AFTER));
        }
        drop(inner);
        self.kick.notify_one();
    }

    /// The conversation the program is in, as far as it is known.
    pub(super) fn conversation(&self) -> Option<ConversationId> {
        self.inner.borrow().info.conversation
    }

    /// Which conversation the program was in turned out.
    pub(super) fn set_conversation(&self, conversation: Option<ConversationId>) {
        let mut inner = self.inner.borrow_mut();
        if inner.info.conversation == conversation {
            return;
        }
        inner.info.conversation = conversation;
        inner.versions.info += 1;
        inner.versions.state += 1;
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Lets go of a session that is over.
    pub(super) fn forget(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.forgotten = inner.pty.is_none();
        drop(inner);
        self.kick.notify_one();
    }
}

/// A size that the terminal model and xterm.js can have as well: a wide character fits.
pub(super) fn bounded(size: Size) -> Size {
    Size { cols: size.cols.clamp(2, COLS_MAX), rows: size.rows.clamp(1, ROWS_MAX) }
}

/// Milliseconds since 1970 by this machine's clock.
pub(super) fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl From<crate::pty::Exit> for Exit {
    fn from(exit: crate::pty::Exit) -> Self {
        match exit {
            crate::pty::Exit::Code(code) => Self { code: Some(code), signal: None },
            crate::pty::Exit::Signal(name) => Self { code: None, signal: Some(name) },
        }
    }
}
