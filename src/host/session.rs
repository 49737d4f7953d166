//! Keystroke hop 7 of 8 · output hop 2 of 8. One task owns one terminal.
//!
//! Keys arrive from the [`connection`](super::connection)s, pass the [`InputGate`] and leave through [`Pty::poll_write`].
//! Output arrives from [`Pty::poll_read`], is kept in the log of the [`Model`], and is offered to the connections.
//! Everything here happens on one thread; nothing here waits for a reader, a viewer or the program.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::input_queue::InputQueue;
use super::model::{Model, Snapshot};
use crate::base::id::ViewerId;
use crate::base::limits::{COLS_MAX, ROWS_MAX};
use crate::base::offset::Offset;
use crate::pty::{Ending, Pty, Size};
use crate::stream::input_gate::{ConnectionId, InputGate, Verdict, Wish};
use crate::stream::output_log::OutputLog;
use crate::wire::frame::InputOutcome;
use crate::wire::message::{SessionSays, Take, Theme};
use crate::wire::session::{Activity, Exit, SessionInfo, SessionState};

/// One turn of reading the terminal, in bytes: about 2 ms at the speed of a PTY, so a key never waits for longer.
const READ_BYTES_MAX: usize = 64 * 1024;

/// A program is at work until it has been silent for this long.
const WORKING_FOR: Duration = Duration::from_secs(2);

/// Sizes are applied at most this often, so that dragging a window does not make the program redraw for each cell.
const RESIZE_EVERY: Duration = Duration::from_millis(50);

/// After the program's end the terminal is read on while something it started still prints, until a silence of this
/// long, and in all at most for [`DRAIN_MAX`].
const DRAIN_SILENCE: Duration = Duration::from_millis(100);
/// See [`DRAIN_SILENCE`].
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// A terminal that no process has open is looked at again after this long, while its program runs.
const REOPENED_WITHIN: Duration = Duration::from_secs(1);

/// From asking a program to end to killing it.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// A session nobody has forgotten keeps its last screen for this long after its end. Then only its facts remain.
pub(super) const KEPT_AFTER_END: Duration = Duration::from_hours(24);

/// What has changed, for connections that have seen an earlier state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Versions {
    /// Of [`Session::info`].
    pub(super) info: u64,
    /// Of the part of it that is said at once: everything but activity and title.
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
    last_output: Option<Instant>,
    kill_at: Option<Instant>,
    /// When the program ended, until its last output was read.
    draining: Option<Instant>,
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
                last_output: None,
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

    // --- For connections.

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
    pub(super) fn overtake(&self, viewer: ViewerId, bytes: &Bytes) -> Option<Bytes> {
        let mut inner = self.inner.borrow_mut();
        if !inner.stuck || !inner.gate.is_controller(viewer) {
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

    /// Lets go of a session that is over.
    pub(super) fn forget(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.forgotten = inner.pty.is_none();
        drop(inner);
        self.kick.notify_one();
    }

    // --- The session's own task.

    /// Moves bytes until the program has ended and its last output is in the log.
    pub(super) async fn run(&self) {
        let mut buffer = vec![0; READ_BYTES_MAX];
        while !self.is_over() {
            let deadline = self.inner.borrow().next_deadline();
            tokio::select! {
                biased;
                () = self.kick.notified() => {}
                () = self.model.stirred() => {}
                () = at(deadline) => {}
                read = poll_fn(|cx| self.poll_pty(cx, &mut buffer)) => self.printed(&buffer[..read.unwrap_or(0)]),
            }
            self.hear_model();
            self.keep_time();
            // Connections take their turn between two reads, however much there is to read.
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the session may be let go: forgotten, or kept for long enough. Whether it was forgotten.
    pub(super) async fn kept(&self) -> bool {
        let until = Instant::now() + KEPT_AFTER_END;
        loop {
            tokio::select! {
                () = self.kick.notified() => {}
                () = sleep_until(until) => return false,
            }
            if self.inner.borrow().forgotten {
                return true;
            }
        }
    }

    /// Writes what waits and reads what is there, whichever can be done.
    fn poll_pty(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let Some(pty) = &mut inner.pty else { return Poll::Ready(Ok(0)) };
        let had_room = inner.queue.has_room();
        let was_stuck = std::mem::take(&mut inner.stuck);
        while !inner.queue.is_empty() {
            match pty.poll_write(cx, inner.queue.front()) {
                Poll::Ready(Ok(bytes)) => inner.queue.written(bytes),
                // Nobody will read it any more; how the program ended is seen elsewhere.
                Poll::Ready(Err(_)) => inner.queue.clear(),
                Poll::Pending => {
                    inner.stuck = true;
                    if !was_stuck {
                        // A key like Ctrl-C may be in it already, here or where a connection holds more.
                        inner.queue.overtake(|typed| pty.interrupt(typed));
                        self.changed.notify_waiters();
                    }
                    break;
                }
            }
        }
        if !had_room && inner.queue.has_room() {
            self.changed.notify_waiters();
        }
        if inner.draining.is_none()
            && let Poll::Ready(exit) = pty.poll_exit(cx)
        {
            inner.draining = Some(Instant::now());
            inner.gate.end();
            inner.queue.clear();
            inner.info.exit = Some(exit.into());
            inner.last_output = inner.last_output.max(inner.draining);
            self.kick.notify_one(); // There is a new time to wait for.
        }
        let readable = inner.draining.is_some() || inner.unreadable_until.is_none();
        if readable && self.model.has_room() { pty.poll_read(cx, buffer) } else { Poll::Pending }
    }

    fn printed(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.output_ended();
        }
        self.model.append(bytes);
        let mut inner = self.inner.borrow_mut();
        inner.last_output = Some(Instant::now());
        if inner.info.activity == Activity::Idle && inner.draining.is_none() {
            inner.info.activity = Activity::Working;
            inner.versions.info += 1;
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// The terminal has no more, or cannot be read, which is taken for the same.
    fn output_ended(&self) {
        let mut inner = self.inner.borrow_mut();
        if inner.info.exit.is_some() {
            self.end(&mut inner);
        } else {
            // No process has the terminal open, but the program lives: it may open it again (as /dev/tty).
            inner.unreadable_until = Some(Instant::now() + REOPENED_WITHIN);
        }
    }

    /// The program has ended and all it printed was read.
    fn end(&self, inner: &mut Inner) {
        inner.pty = None;
        inner.queue.clear();
        inner.info.state = SessionState::Exited;
        inner.info.activity = Activity::Idle;
        inner.info.ended_at = Some(now_millis());
        inner.versions.info += 1;
        inner.versions.state += 1;
        self.changed.notify_waiters();
    }

    fn hear_model(&self) {
        let news = self.model.take_news();
        let mut inner = self.inner.borrow_mut();
        if !news.replies.is_empty() && inner.pty.is_some() && inner.queue.has_room() {
            inner.queue.push(Bytes::from(news.replies));
        }
        if let Some(title) = news.title {
            inner.info.title = title;
            inner.versions.info += 1;
            drop(inner);
            self.changed.notify_waiters();
        }
    }

    /// Does what is due.
    fn keep_time(&self) {
        let now = Instant::now();
        let mut inner = self.inner.borrow_mut();
        if inner.resize_at.is_some_and(|at| at <= now) {
            inner.resize_at = None;
            inner.resized_at = Some(now);
            self.apply_size(&mut inner);
        }
        if inner.unreadable_until.is_some_and(|at| at <= now) {
            inner.unreadable_until = None;
        }
        if inner.kill_at.is_some_and(|at| at <= now) {
            inner.kill_at = None;
            if let Some(pty) = &mut inner.pty {
                pty.end(Ending::Kill);
            }
        }
        if inner.info.activity == Activity::Working && inner.idle_at().is_some_and(|at| at <= now) {
            inner.info.activity = Activity::Idle;
            inner.versions.info += 1;
            self.changed.notify_waiters();
        }
        if inner.drained_at().is_some_and(|at| at <= now) {
            self.end(&mut inner);
        }
    }

    fn apply_size(&self, inner: &mut Inner) {
        let size = inner.wanted;
        let Some(pty) = &mut inner.pty else { return };
        if (size.cols, size.rows) == (inner.info.cols, inner.info.rows) {
            return;
        }
        if let Err(error) = pty.resize(size) {
            tracing::warn!(%error, "the terminal cannot be resized");
            return;
        }
        (inner.info.cols, inner.info.rows) = (size.cols, size.rows);
        inner.versions.epoch += 1;
        inner.versions.control += 1;
        inner.versions.info += 1;
        inner.versions.state += 1;
        self.model.resize(inner.versions.epoch, size);
        self.changed.notify_waiters();
    }
}

impl Inner {
    fn idle_at(&self) -> Option<Instant> {
        self.last_output.map(|at| at + WORKING_FOR)
    }

    fn drained_at(&self) -> Option<Instant> {
        let ended = self.draining?;
        let silent = self.last_output.unwrap_or(ended) + DRAIN_SILENCE;
        self.pty.as_ref().map(|_| silent.min(ended + DRAIN_MAX))
    }

    fn next_deadline(&self) -> Option<Instant> {
        let idle_at = if self.info.activity == Activity::Working { self.idle_at() } else { None };
        [self.resize_at, self.kill_at, self.unreadable_until, self.drained_at(), idle_at].into_iter().flatten().min()
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
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

#[cfg(test)]
mod tests;
