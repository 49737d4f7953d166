//! Keeps a session's last screen on disk, so that it can be shown when this process is no more.
//!
//! It stands beside the way of a byte: woken once when an idle session prints, not at each output. The model's thread makes
//! the picture, a thread of its own writes it. A disk that hangs holds up this task and nothing else.

use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::last_screen::{self, HISTORY_BYTES_MAX, LastScreen};
use super::session::{Session, now_millis};
use crate::base::id::SessionId;
use crate::base::offset::Offset;

/// From the first change of a screen at rest to its picture: what an echo or a repaint prints has come by then.
const SETTLE: Duration = Duration::from_millis(200);

/// A screen that goes on changing is written this often: a screen of 10 kB is then 5 kB/s, and 0.1 ms of the model's
/// thread every two seconds; in a flood some 5 ms, for what it has put off.
const EVERY: Duration = Duration::from_secs(2);

/// From a write that failed to the next try: a full disk is not helped by asking it all the time.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Which screen: nothing but output and size changes it.
type Mark = (Offset, u32);

/// See the module's text.
pub(super) struct Keeper {
    session: Rc<Session>,
    id: SessionId,
    dir: PathBuf,
    kept: Option<Mark>,
    failed: bool,
}

impl Keeper {
    /// Keeps the screen of `session` in the runtime directory `dir`.
    pub(super) fn new(session: Rc<Session>, dir: PathBuf) -> Self {
        let id = session.info().id;
        Self { session, id, dir, kept: None, failed: false }
    }

    /// Works until `over` drops, which is when the last output is in the log; then keeps the scrollback as well.
    pub(super) async fn run(mut self, mut over: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                _ = &mut over => break,
                () = self.changes() => {}
            }
            if timeout(SETTLE, &mut over).await.is_ok() {
                break;
            }
            self.keep(false).await;
            let rest = if self.failed { AFTER_FAILURE } else { EVERY };
            if timeout(rest, &mut over).await.is_ok() {
                break;
            }
        }
        self.keep(true).await;
    }

    /// Returns when the screen is not the one that is kept.
    async fn changes(&self) {
        loop {
            let mut changed = pin!(self.session.changed());
            changed.as_mut().enable(); // Listening first, then looking.
            if self.kept != Some(self.mark()) {
                return;
            }
            changed.await;
        }
    }

    fn mark(&self) -> Mark {
        (self.session.with_log(|log| log.end()), self.session.versions().epoch)
    }

    async fn keep(&mut self, history: bool) {
        let (end, _) = self.mark();
        let at_least = if history { end } else { Offset::ZERO };
        // The model does not answer only when it broke over the output before, and began again.
        let Ok(screen) = self.session.snapshot(at_least, false).await else { return };
        let history = if history { self.session.snapshot(at_least, true).await.ok() } else { None };
        let history = history.filter(|whole| whole.at == screen.at && whole.bytes.len() <= HISTORY_BYTES_MAX);
        let last = LastScreen {
            taken_at: now_millis(),
            at: screen.at,
            screen: screen.bytes,
            history: history.map(|whole| whole.bytes),
        };
        let mark = (last.at.offset, last.at.epoch);
        let (dir, id) = (self.dir.clone(), self.id);
        match on_disk_thread(move || last_screen::write(&dir, id, &last)).await {
            Some(Ok(())) => (self.kept, self.failed) = (Some(mark), false),
            Some(Err(error)) => {
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::warn!(%error, "the last screen could not be kept");
                }
            }
            None => self.failed = true,
        }
    }
}

/// Does what may block, on a thread of its own. `None` if it panicked, or if the system has no thread to give.
pub(super) async fn on_disk_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    // Without a thread the runtime panics; in a task of its own that costs nothing but this answer.
    let task = tokio::task::spawn_local(async move { tokio::task::spawn_blocking(work).await.ok() });
    task.await.ok().flatten()
}
