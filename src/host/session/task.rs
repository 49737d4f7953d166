//! The session's own task: moves bytes between terminal, log and queue, and keeps the times.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::draining::Draining;
use super::{Inner, Session, now_millis};
use crate::base::offset::Offset;
use crate::host::attention::Moment;
use crate::pty::Ending;
use crate::wire::session::{ScreenText, SessionState};

/// One turn of reading the terminal, in bytes: about 2 ms at the speed of a PTY, so a key never waits for longer.
const READ_BYTES_MAX: usize = 64 * 1024;

/// A terminal that no process has open is looked at again after this long, while its program runs.
const REOPENED_WITHIN: Duration = Duration::from_secs(1);

/// A session nobody has forgotten keeps its last screen for this long after its end. Then only its facts remain.
const KEPT_AFTER_END: Duration = Duration::from_hours(24);

impl Session {
    /// Moves bytes until the program has ended and its last output is in the log.
    pub(in crate::host) async fn run(&self) {
        let mut buffer = vec![0; READ_BYTES_MAX];
        let mut looking = None;
        while !self.is_over() {
            let deadline = self.inner.borrow().next_deadline();
            let printed = tokio::select! {
                biased;
                // First, so that no time is up before everything there is has been read.
                read = poll_fn(|cx| self.poll_pty(cx, &mut buffer)) => {
                    self.printed(&buffer[..read.unwrap_or(0)]);
                    true
                }
                () = self.kick.notified() => false,
                () = self.model.stirred() => false,
                () = at(deadline) => false,
                seen = seen(&mut looking) => {
                    self.seen(seen);
                    false
                }
            };
            self.hear_model();
            self.keep_time();
            if looking.is_none() && self.inner.borrow_mut().attention.looks_at(Instant::now()) {
                looking = Some(self.text(self.with_log(|log| log.end())));
            }
            if printed {
                if !self.is_over() {
                    // Connections take their turn between two reads, however much there is to read.
                    tokio::task::yield_now().await;
                }
                self.model.go_on();
            }
        }
    }

    /// Waits until the session may be let go: forgotten, or kept for long enough. Whether it was forgotten.
    pub(in crate::host) async fn kept(&self) -> bool {
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
            inner.draining = Some(Draining::new(Instant::now()));
            inner.gate.end();
            inner.queue.clear();
            inner.info.exit = Some(exit.into());
            self.kick.notify_one(); // There is a new time to wait for.
        }
        let readable = inner.draining.is_some() || inner.unreadable_until.is_none();
        if !readable || !self.model.has_room() {
            return Poll::Pending;
        }
        let read = pty.poll_read(cx, buffer);
        if let (Poll::Pending, Some(draining)) = (&read, &mut inner.draining) {
            draining.caught_up();
        }
        read
    }

    fn printed(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.output_ended();
        }
        self.model.append(bytes);
        let mut inner = self.inner.borrow_mut();
        let now = Instant::now();
        inner.attention.printed(now);
        if let Some(draining) = &mut inner.draining {
            draining.printed(bytes.len(), now);
        }
        if inner.draining.is_none() {
            inner.tell_attention();
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
        inner.attention.end();
        inner.tell_attention();
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
        let mut told = false;
        let at = Moment { now: Instant::now(), millis: now_millis() };
        news.signals.into_iter().for_each(|signal| inner.attention.signal(signal, at));
        if inner.draining.is_none() {
            told = inner.tell_attention();
        }
        if let Some(title) = news.title {
            inner.info.title = title;
            inner.versions.info += 1;
            told = true;
        }
        drop(inner);
        if told {
            self.changed.notify_waiters();
        }
    }

    /// The screen was looked at, unless the model broke over it.
    fn seen(&self, screen: Option<ScreenText>) {
        let mut inner = self.inner.borrow_mut();
        if let Some(screen) = screen {
            inner.attention.looked(&screen.lines);
        }
        if inner.draining.is_none() && inner.tell_attention() {
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
        inner.attention.keep_time(now);
        if inner.draining.is_none() && inner.tell_attention() {
            self.changed.notify_waiters();
        }
        if inner.over_at().is_some_and(|at| at <= now) {
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
    fn over_at(&self) -> Option<Instant> {
        self.pty.as_ref().and(self.draining.as_ref())?.over_at()
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.resize_at, self.kill_at, self.unreadable_until, self.over_at(), self.attention.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The screen that was asked for; never without one.
async fn seen(looking: &mut Option<oneshot::Receiver<(Offset, ScreenText)>>) -> Option<ScreenText> {
    let Some(answer) = looking else { return std::future::pending().await };
    let seen = answer.await;
    *looking = None;
    seen.ok().map(|(_, screen)| screen)
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
