//! The output log and the terminal model behind it. Output hop 2 of 8, the half that interprets.
//!
//! The model runs on a thread of its own, as one more reader of the log, so that parsing (25 ms for 1 MiB) delays
//! neither a byte to a reader nor a key to the program. It is the one reader that may never skip: the terminal is
//! read only while the model is less than [`MODEL_BEHIND_BYTES_MAX`] behind.
//!
//! Invariant: a snapshot labelled with an offset holds every byte before it and none after.

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::screen_text::screen_text;
use crate::base::limits::{NAME_BYTES_MAX, OUTPUT_LOG_BYTES_MAX, SCROLLBACK_LINES};
use crate::base::offset::Offset;
use crate::pty::Size;
use crate::stream::output_log::OutputLog;
use crate::stream::screen::{SIGNALS_MAX, Screen, ScreenSignal, ScreenTheme};
use crate::wire::frame::SnapshotAt;
use crate::wire::message::Theme;
use crate::wire::session::ScreenText;

/// How far the model may be behind the newest output before the terminal is read no further, in bytes: about 25 ms
/// of its work, and half of the log, so that a reader is never more than the other half from being repainted.
pub(super) const MODEL_BEHIND_BYTES_MAX: u32 = 1024 * 1024;

/// Fed to the model at a time, in bytes: below 1 ms, so that a snapshot never waits for longer than that.
const FEED_BYTES_MAX: usize = 32 * 1024;

/// Answers to a program's queries that wait to be written to it, in bytes. A program that asks for more without
/// reading gets no more.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// Stack of the model's thread, in bytes; it touches a few pages of it.
const STACK_BYTES: usize = 512 * 1024;

const _: () = assert!(2 * MODEL_BEHIND_BYTES_MAX as usize <= OUTPUT_LOG_BYTES_MAX, "the model is never overrun");

/// A screen as escape sequences.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) at: SnapshotAt,
    pub(super) history: bool,
    pub(super) bytes: Bytes,
}

/// Asked of the model's thread, in order.
enum Job {
    /// Once everything before `at` has been fed.
    Resize {
        at: Offset,
        epoch: u32,
        size: Size,
    },
    /// Once everything before `at_least` has been fed.
    Snapshot {
        at_least: Offset,
        history: bool,
        reply: oneshot::Sender<Snapshot>,
    },
    /// Once everything before `at_least` has been fed.
    Text {
        at_least: Offset,
        reply: oneshot::Sender<(Offset, ScreenText)>,
    },
    Theme(ScreenTheme),
}

/// What both threads see.
struct State {
    log: OutputLog,
    jobs: VecDeque<Job>,
    /// Everything before it has been fed.
    fed: Offset,
    replies: Vec<u8>,
    title: Option<String>,
    title_changed: bool,
    signals: Vec<ScreenSignal>,
    /// The model's thread waits to be woken.
    asleep: bool,
    closed: bool,
}

/// A title that a program has set, or taken back.
pub(super) type Title = Option<String>;

/// What the model has to say, taken by [`Model::take_news`].
#[derive(Debug, Default)]
pub(super) struct News {
    /// To be written to the program.
    pub(super) replies: Vec<u8>,
    /// The title changed to this.
    pub(super) title: Option<Title>,
    /// What the program said of itself.
    pub(super) signals: Vec<ScreenSignal>,
}

/// The log and its model, seen from the session's thread.
pub(super) struct Model {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    news: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half done here: every change under the lock is complete in itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// An empty log and a blank screen.
    pub(super) fn start(size: Size) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                log: OutputLog::new(OUTPUT_LOG_BYTES_MAX),
                jobs: VecDeque::new(),
                fed: Offset::ZERO,
                replies: Vec::new(),
                title: None,
                title_changed: false,
                signals: Vec::new(),
                asleep: false,
                closed: false,
            }),
            wake: Condvar::new(),
            news: Notify::new(),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("model".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || paint(&theirs, size))?;
        Ok(Self { shared })
    }

    /// Takes in output. The model's thread hears of it with the next [`Self::go_on`].
    pub(super) fn append(&self, bytes: &[u8]) {
        self.shared.lock().log.append(bytes);
    }

    /// Wakes the model's thread if it waits for output. Apart from [`Self::append`], so that waking it costs the
    /// readers of an idle session nothing: they are served first.
    pub(super) fn go_on(&self) {
        self.wake(self.shared.lock());
    }

    /// Whether the terminal may be read: the model is near enough.
    pub(super) fn has_room(&self) -> bool {
        let state = self.shared.lock();
        state.log.end().since(state.fed) < u64::from(MODEL_BEHIND_BYTES_MAX)
    }

    /// Looks at the log.
    pub(super) fn with_log<T>(&self, look: impl FnOnce(&mut OutputLog) -> T) -> T {
        look(&mut self.shared.lock().log)
    }

    /// The screen has another size from the newest offset on.
    pub(super) fn resize(&self, epoch: u32, size: Size) {
        let mut state = self.shared.lock();
        let at = state.log.end();
        state.jobs.push_back(Job::Resize { at, epoch, size });
        self.wake(state);
    }

    /// The colours that programs are told.
    pub(super) fn set_theme(&self, theme: &Theme) {
        let Some(theme) = screen_theme(theme) else { return };
        let mut state = self.shared.lock();
        // Only the newest counts, so themes never pile up.
        state.jobs.retain(|job| !matches!(job, Job::Theme(_)));
        state.jobs.push_back(Job::Theme(theme));
        self.wake(state);
    }

    /// A snapshot at `at_least` or later. The answer fails to come only when the model is gone.
    pub(super) fn snapshot(&self, at_least: Offset, history: bool) -> oneshot::Receiver<Snapshot> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.shared.lock();
        state.jobs.push_back(Job::Snapshot { at_least, history, reply });
        self.wake(state);
        answer
    }

    /// The visible screen as text, at `at_least` or later. The answer fails to come only when the model is gone.
    pub(super) fn text(&self, at_least: Offset) -> oneshot::Receiver<(Offset, ScreenText)> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.shared.lock();
        state.jobs.push_back(Job::Text { at_least, reply });
        self.wake(state);
        answer
    }

    /// Returns when there is news, or there may be room.
    pub(super) async fn stirred(&self) {
        self.shared.news.notified().await;
    }

    /// What the model has to say since the last call.
    pub(super) fn take_news(&self) -> News {
        let mut state = self.shared.lock();
        let title = std::mem::take(&mut state.title_changed).then(|| state.title.clone());
        News { replies: std::mem::take(&mut state.replies), title, signals: std::mem::take(&mut state.signals) }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if std::mem::take(&mut state.asleep) {
            drop(state);
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        self.wake(state);
    }
}

/// The model's thread.
///
/// No output should make the model panic. If some does, the session must not stand still for it: the model begins again
/// with a blank screen behind that output.
fn paint(shared: &Shared, size: Size) {
    let mut painter = Painter::new(shared, size);
    while std::panic::catch_unwind(AssertUnwindSafe(|| painter.run())).is_err() {
        let Size { cols, rows } = painter.size;
        painter.screen = Screen::new(cols, rows, SCROLLBACK_LINES);
        let mut state = shared.lock();
        state.fed = state.log.end();
    }
}

struct Painter<'s> {
    shared: &'s Shared,
    screen: Screen,
    epoch: u32,
    size: Size,
}

/// What the thread does next.
enum Work {
    Feed(Bytes),
    Do(Job),
    Stop,
}

impl<'s> Painter<'s> {
    fn new(shared: &'s Shared, size: Size) -> Self {
        Self { shared, screen: Screen::new(size.cols, size.rows, SCROLLBACK_LINES), epoch: 0, size }
    }

    fn run(&mut self) {
        loop {
            match self.next() {
                Work::Feed(bytes) => self.feed(&bytes),
                Work::Do(job) => self.carry_out(job),
                Work::Stop => return,
            }
        }
    }

    /// Waits for something to do. A job goes first as soon as its offset is reached.
    fn next(&mut self) -> Work {
        let mut state = self.shared.lock();
        loop {
            if state.closed {
                return Work::Stop;
            }
            let due = match state.jobs.front() {
                None => None,
                Some(Job::Theme(_)) => Some(Offset::ZERO),
                Some(Job::Resize { at, .. }) => Some(*at),
                Some(Job::Snapshot { at_least, .. } | Job::Text { at_least, .. }) => Some(*at_least),
            };
            if due.is_some_and(|due| due <= state.fed)
                && let Some(job) = state.jobs.pop_front()
            {
                return Work::Do(job);
            }
            let until_job = due.map_or(usize::MAX, |due| usize::try_from(due.since(state.fed)).unwrap_or(usize::MAX));
            let fed = state.fed;
            // Never overrun, see `has_room`; should it be, the next offset kept is the best there is.
            let bytes = match state.log.read(fed, FEED_BYTES_MAX.min(until_job)) {
                Ok(bytes) => bytes,
                Err(behind) => {
                    state.fed = behind.start;
                    continue;
                }
            };
            if !bytes.is_empty() {
                return Work::Feed(bytes);
            }
            state.asleep = true;
            let now = Instant::now();
            state = match self.screen.tick(now) {
                None => self.shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let wait = until.saturating_duration_since(now);
                    self.shared.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let mut replies = Vec::new();
        self.screen.feed(bytes, Instant::now(), &mut replies);
        let mut signals = self.screen.take_events().signals;
        let title = self.screen.title();
        let mut state = self.shared.lock();
        let was_behind = state.log.end().since(state.fed) >= u64::from(MODEL_BEHIND_BYTES_MAX);
        state.fed = state.fed + bytes.len();
        let mut news = was_behind;
        if !replies.is_empty() && state.replies.len() + replies.len() <= REPLY_BYTES_MAX {
            state.replies.extend_from_slice(&replies);
            news = true;
        }
        if !signals.is_empty() && state.signals.len() < SIGNALS_MAX {
            state.signals.append(&mut signals);
            news = true;
        }
        let title = title.map(|title| bounded(title, NAME_BYTES_MAX));
        if state.title.as_deref() != title {
            state.title = title.map(str::to_owned);
            state.title_changed = true;
            news = true;
        }
        drop(state);
        if news {
            self.shared.news.notify_one();
        }
    }

    fn carry_out(&mut self, job: Job) {
        match job {
            Job::Resize { epoch, size, .. } => {
                (self.epoch, self.size) = (epoch, size);
                self.screen.resize(size.cols, size.rows);
            }
            Job::Theme(theme) => self.screen.set_theme(theme),
            Job::Text { reply, .. } => {
                let offset = self.shared.lock().fed;
                // Who asked may have gone meanwhile.
                let _ = reply.send((offset, screen_text(&self.screen)));
            }
            Job::Snapshot { history, reply, .. } => {
                if reply.is_closed() {
                    return; // Who asked is gone.
                }
                let offset = self.shared.lock().fed;
                let Size { cols, rows } = self.size;
                let at = SnapshotAt { offset, epoch: self.epoch, cols, rows };
                let bytes = Bytes::from(self.screen.snapshot(history));
                // Who asked may have gone meanwhile.
                let _ = reply.send(Snapshot { at, history, bytes });
            }
        }
    }
}

/// Three colours written `#rrggbb`; `None` if one of them is not.
fn screen_theme(theme: &Theme) -> Option<ScreenTheme> {
    let colour = |text: &str| {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some([red, green, blue])
    };
    Some(ScreenTheme {
        foreground: colour(&theme.foreground)?,
        background: colour(&theme.background)?,
        cursor: colour(&theme.cursor)?,
    })
}

/// The front of `text`, at most `max` bytes of whole characters.
fn bounded(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
