//! One attached terminal: everything that happens to it, one thing at a time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::keys::Keys;
use super::line::{Heard, Line};
use super::picture::Picture;
#[cfg(unix)]
use super::signals::stand_still;
use super::signals::{Signal, Signals};
use super::terminal::{self, Terminal};
use super::typing::Typing;
use super::{Left, Options};
use crate::base::id::{SessionId, ViewerId};
use crate::base::limits::INPUT_KEPT_FOR;
use crate::host::client::ConnectError;
use crate::host::runtime_dir;
use crate::pty::Size;
use crate::wire::frame::{Frame, SnapshotAt};
use crate::wire::message::{From, SessionAsk, SessionSays, Take, from_json};
use crate::wire::session::{Exit, SessionState};

/// Output that waits for the terminal, in bytes, before the host is read no further: a few screens.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// The way to a host that broke is tried again after this long.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// Time for the last words of each side when both still answer.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(2);

/// Who types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    Us,
    Another,
    Nobody,
}

/// See the module's text.
pub(super) struct Attached {
    dir: PathBuf,
    socket: PathBuf,
    session: SessionId,
    options: Options,
    viewer: ViewerId,
    terminal: Terminal,
    signals: Signals,
    /// `None` while it is broken, since `broken_at`.
    line: Option<Line>,
    broken_at: Instant,
    keys: Keys,
    typing: Typing,
    size: Size,
    picture: Picture,
    controller: Controller,
    /// Where output goes on, once the screen was painted.
    painted: Option<SnapshotAt>,
    exit: Option<Exit>,
}

/// One thing that happened.
enum Event {
    Signal(Signal),
    Typed(std::io::Result<Vec<u8>>),
    Heard(Heard),
    Written(std::io::Result<()>),
    /// A time is up.
    Time,
}

impl Attached {
    /// On `line`, which was opened for `viewer`; `place` is the runtime directory, the socket and the session.
    pub(super) fn new(
        (dir, socket, session): (PathBuf, PathBuf, SessionId),
        options: Options,
        viewer: ViewerId,
        size: Size,
        line: Line,
        terminal: Terminal,
        signals: Signals,
    ) -> Self {
        Self {
            dir,
            socket,
            session,
            options,
            viewer,
            terminal,
            signals,
            line: Some(line),
            broken_at: Instant::now(),
            keys: Keys::new(options.detach),
            typing: Typing::new(viewer),
            size,
            picture: Picture::None,
            controller: Controller::Nobody,
            painted: None,
            exit: None,
        }
    }

    /// Until it is over.
    pub(super) async fn run(&mut self) -> Left {
        loop {
            let left = match self.next_event().await {
                Event::Signal(signal) => self.signalled(signal),
                Event::Typed(Ok(typed)) if !typed.is_empty() => self.typed(&typed),
                Event::Typed(_) | Event::Written(Err(_)) => Some(Left::TerminalGone),
                Event::Heard(Heard::Frame(frame)) => self.heard(frame),
                Event::Heard(Heard::Broken) => self.broken(),
                Event::Written(Ok(())) => None,
                Event::Time => self.time_is_up().await,
            };
            if let Some(left) = left {
                return left;
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let mut deadline = self.deadline();
        // What is typed before it is known who controls waits in the terminal.
        let reads = self.typing.has_room() && !matches!(self.picture, Picture::None);
        let waiting = self.terminal.output.waiting();
        let Terminal { input, output } = &mut self.terminal;
        let Some(line) = &mut self.line else {
            return tokio::select! {
                biased;
                signal = self.signals.next() => Event::Signal(signal),
                typed = input.read(), if reads => Event::Typed(typed),
                shown = output.write_some(), if waiting > 0 => Event::Written(shown),
                () = tokio::time::sleep_until(deadline.into()) => Event::Time,
            };
        };
        if waiting < WAITING_BYTES_MAX {
            deadline = line.acknowledge().map_or(deadline, |due| due.min(deadline));
        } else {
            line.heard(); // Nobody listens to it.
        }
        let queued = line.writer.queued() > 0;
        let event = tokio::select! {
            biased;
            signal = self.signals.next() => Event::Signal(signal),
            typed = input.read(), if reads => Event::Typed(typed),
            sent = line.writer.write_some(), if queued => match sent {
                Ok(()) => Event::Written(Ok(())),
                Err(error) => Event::Heard(error.into()),
            },
            shown = output.write_some(), if waiting > 0 => Event::Written(shown),
            next = line.reader.next(), if waiting < WAITING_BYTES_MAX => Event::Heard(next.into()),
            () = tokio::time::sleep_until(deadline.into()) => Event::Time,
        };
        if let Event::Heard(_) = event {
            line.heard();
        }
        event
    }

    fn deadline(&self) -> Instant {
        let line = self.line.as_ref().map_or_else(|| Instant::now() + RETRY_EVERY, Line::next_look);
        self.picture.draws_at().filter(|_| self.painted.is_some()).map_or(line, |draws| line.min(draws))
    }

    async fn time_is_up(&mut self) -> Option<Left> {
        if self.picture.draws_at().is_some_and(|at| at <= Instant::now()) {
            self.draw();
        }
        let Some(line) = &mut self.line else { return self.connect_again().await };
        line.look().then(|| Left::Unreachable {
            cause: "its PTY host does not answer any more".to_owned(),
            undelivered: self.typing.give_up(),
        })
    }

    // --- The connection.

    fn broken(&mut self) -> Option<Left> {
        if self.line.take().is_some() {
            self.broken_at = Instant::now();
        }
        None
    }

    async fn connect_again(&mut self) -> Option<Left> {
        let from = match self.painted {
            Some(SnapshotAt { offset, epoch, .. }) => From::Offset { offset, epoch },
            None => From::Snapshot,
        };
        // Who had taken the keyboard and lost it meanwhile does not take it a second time.
        let take = if self.options.take == Take::Never { Take::Never } else { Take::IfFree };
        match Line::open(&self.socket, self.viewer, take, self.size, from).await {
            Ok(mut line) => {
                self.typing.again().for_each(|frame| line.writer.queue(&frame));
                self.line = Some(line);
                None
            }
            Err(ConnectError::Gone) => {
                let facts = runtime_dir::read_facts(&self.dir, self.session);
                let exited = facts.filter(|facts| facts.info.state == SessionState::Exited);
                Some(match exited {
                    Some(facts) => Left::Ended(facts.info.exit),
                    None => Left::Lost { undelivered: self.typing.give_up() },
                })
            }
            Err(error) if self.broken_at.elapsed() > INPUT_KEPT_FOR => {
                Some(Left::Unreachable { cause: error.to_string(), undelivered: self.typing.give_up() })
            }
            Err(_) => None,
        }
    }

    fn heard(&mut self, frame: Frame) -> Option<Left> {
        match frame {
            Frame::Output { offset, bytes, .. } => {
                self.consumed(bytes.len());
                if let Some(at) = &mut self.painted {
                    if at.offset != offset {
                        return self.broken(); // Not ours to guess what is between.
                    }
                    at.offset = offset + bytes.len();
                    self.picture.show(&bytes, self.terminal.output.out());
                }
            }
            Frame::Snapshot { id: 0, at, flags, bytes, .. } => {
                self.consumed(bytes.len());
                let out = self.terminal.output.out();
                if flags.first {
                    self.painted = Some(at);
                    self.picture.begin(at, self.size, out);
                }
                if self.painted.is_some() {
                    self.picture.show(&bytes, out);
                }
            }
            Frame::InputAck { number, .. } => self.typing.answered(number),
            Frame::Control(json) => return self.told(from_json(&json).unwrap_or(SessionSays::Unknown)),
            Frame::Ping(number) => {
                if let Some(line) = &mut self.line {
                    line.writer.queue(&Frame::Pong(number));
                }
            }
            // Not for a viewer to hear, or of a newer protocol.
            _ => {}
        }
        None
    }

    fn consumed(&mut self, bytes: usize) {
        if let Some(line) = &mut self.line {
            line.consumed(bytes);
        }
    }

    fn told(&mut self, says: SessionSays) -> Option<Left> {
        match says {
            SessionSays::Info { info } => self.exit = info.exit,
            SessionSays::Control { controller, present, .. } => {
                if self.line.as_mut().is_some_and(Line::control_said) {
                    self.controller = match controller {
                        Some(viewer) if viewer == self.viewer => Controller::Us,
                        Some(_) if present => Controller::Another,
                        _ => Controller::Nobody,
                    };
                    self.choose_picture();
                }
            }
            SessionSays::End { .. } => return Some(Left::Ended(self.exit.take())),
            SessionSays::Text { .. } | SessionSays::Answered { .. } | SessionSays::Unknown => {}
        }
        None
    }

    // --- The person.

    fn typed(&mut self, typed: &[u8]) -> Option<Left> {
        let detaches = self.keys.find(typed);
        let typed = &typed[..detaches.unwrap_or(typed.len())];
        match &mut self.picture {
            Picture::Own { .. } => {
                for frame in self.typing.typed(typed) {
                    if let Some(line) = &mut self.line {
                        line.writer.queue(&frame);
                    }
                }
            }
            Picture::Drawn { .. } if !typed.is_empty() => {
                self.picture.hint_again();
                if self.options.take != Take::Never && (typed.contains(&b'\r') || typed.contains(&b'\n')) {
                    let size = self.size;
                    if let Some(line) = &mut self.line {
                        line.join(Take::Always, size);
                    }
                }
            }
            Picture::Drawn { .. } | Picture::None => {}
        }
        detaches.map(|_| Left::Detached)
    }

    fn signalled(&mut self, signal: Signal) -> Option<Left> {
        match signal {
            Signal::End(number) => return Some(Left::Signal(number)),
            #[cfg(unix)]
            Signal::Pause => {
                self.terminal.output.discard();
                terminal::leave();
                stand_still();
            }
            #[cfg(unix)]
            Signal::Continued => {
                if self.terminal.make_raw().is_err() {
                    return Some(Left::TerminalGone);
                }
                self.picture = Picture::None;
                self.choose_picture();
                self.resized();
            }
            Signal::Resized => self.resized(),
        }
        None
    }

    fn resized(&mut self) {
        self.size = terminal::size();
        if let Some(line) = &mut self.line {
            line.resize(self.size);
        }
        self.picture.resized(self.terminal.output.out());
    }

    /// Who controls has the program's own bytes, who watches a drawing. A change begins with a new painting.
    fn choose_picture(&mut self) {
        let ours = self.controller == Controller::Us;
        match &mut self.picture {
            Picture::Own { .. } if ours => return,
            Picture::Drawn { .. } if !ours => return self.picture.hint_again(),
            Picture::None | Picture::Own { .. } | Picture::Drawn { .. } => {}
        }
        let is_first = matches!(self.picture, Picture::None) && self.painted.is_none();
        let out = self.terminal.output.out();
        self.picture = if ours { Picture::own(out) } else { Picture::drawn(out) };
        if !is_first {
            self.painted = None;
            if let Some(line) = &mut self.line {
                line.ask(&SessionAsk::Subscribe { from: From::Snapshot });
            }
        }
    }

    fn draw(&mut self) {
        if self.painted.is_some() && self.terminal.output.waiting() < WAITING_BYTES_MAX {
            let hint = self.hint();
            self.picture.draw(self.size, &hint, self.terminal.output.out());
        }
    }

    fn hint(&self) -> String {
        let who = match (self.options.take, self.controller) {
            (Take::Never, _) => "read-only",
            (_, Controller::Another) => "watching: somebody else has the keyboard",
            (_, Controller::Us | Controller::Nobody) => "watching: nobody has the keyboard",
        };
        let takes = if self.options.take == Take::Never { "" } else { " · Enter takes it" };
        format!(" {who}{takes} · {} detaches ", self.options.detach)
    }

    // --- The end.

    /// What both sides should still have, as far as they take it now.
    pub(super) async fn say_goodbye(&mut self, left: &Left) {
        let to_host = async {
            if let Some(line) = &mut self.line {
                // What was typed before the key that detaches is the program's.
                let _ = line.writer.flush().await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS_WITHIN, to_host).await;
        match left {
            Left::Ended(_) | Left::Lost { .. } => {
                let _ = tokio::time::timeout(LAST_WORDS_WITHIN, self.terminal.output.flush()).await;
            }
            Left::Detached | Left::Unreachable { .. } | Left::Signal(_) | Left::TerminalGone => {
                self.terminal.output.discard();
            }
        }
    }
}
