//! The output log and the terminal model behind it. Output hop 2 of 8, the half that interprets.
//!
//! The model runs on a thread of its own, as one more reader of the log, so that parsing (25 ms for 1 MiB) delays
//! neither a byte to a reader nor a key to the program. It is the one reader that may never skip: the terminal is
//! read only while the model is less than [`MODEL_BEHIND_BYTES_MAX`] behind.
//!
//! In a flood it costs the program and its readers as little as it can: it lets output gather instead of being woken for each
//! read, and takes in what scrolls away unseen only when somebody looks ([`LateScreen`](crate::stream::LateScreen)).
//!
//! Invariant: a snapshot labelled with an offset holds every byte before it and none after.

mod painter;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use self::painter::paint;
use crate::base::limits::OUTPUT_LOG_BYTES_MAX;
use crate::base::offset::Offset;
use crate::pty::Size;
use crate::stream::output_log::OutputLog;
use crate::stream::screen::{ScreenSignal, ScreenTheme};
use crate::wire::frame::SnapshotAt;
use crate::wire::message::Theme;
use crate::wire::session::ScreenText;

/// How far the model may be behind the newest output before the terminal is read no further, in bytes: about 25 ms
/// of its work, and half of the log, so that a reader is never more than the other half from being repainted.
pub(super) const MODEL_BEHIND_BYTES_MAX: u32 = 1024 * 1024;

/// What gathers meanwhile wakes the model at this size, in bytes: far from [`MODEL_BEHIND_BYTES_MAX`].
const GATHER_BYTES_MAX: u64 = 256 * 1024;

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
    rest: Rest,
    closed: bool,
}

/// What the model's thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing, it works.
    No,
    /// More output than would gather in a moment, or a job.
    Gathering,
    /// Output, or a job.
    Asleep,
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
                rest: Rest::No,
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
        let state = self.shared.lock();
        if state.rest != Rest::Gathering || state.log.end().since(state.fed) >= GATHER_BYTES_MAX {
            self.wake(state);
        }
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
        if std::mem::replace(&mut state.rest, Rest::No) != Rest::No {
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
