//! The model's thread: takes output in, rests while there is none, and carries out what it is asked.

use std::panic::AssertUnwindSafe;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Job, MODEL_BEHIND_BYTES_MAX, Rest, Shared, Snapshot, State};
use crate::base::limits::{NAME_BYTES_MAX, SCROLLBACK_LINES};
use crate::base::offset::Offset;
use crate::host::screen_text::screen_text;
use crate::pty::Size;
use crate::stream::screen::{LateScreen, SIGNALS_MAX};
use crate::wire::frame::SnapshotAt;

/// Fed to the model at a time, in bytes: below 1 ms, so that a snapshot never waits for longer than that.
const FEED_BYTES_MAX: usize = 32 * 1024;

/// Taken in without a rest, in bytes, before more is let gather: more than a screen that is drawn anew.
const FLOOD_BYTES: usize = 16 * 1024;

/// How long output gathers in a flood. A query in it is answered so much later; a wake for each read, thousands a second,
/// cost more than all parsing.
const GATHER_FOR: Duration = Duration::from_millis(1);

/// After so much silence what was put off is taken in. Whoever asks sooner gets it sooner.
const SETTLE_AFTER: Duration = Duration::from_millis(20);

/// Answers to a program's queries that wait to be written to it, in bytes. A program that asks for more without
/// reading gets no more.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// The model's thread.
///
/// No output should make the model panic. If some does, the session must not stand still for it: the model begins again
/// with a blank screen behind that output.
pub(super) fn paint(shared: &Shared, size: Size) {
    let mut painter = Painter::new(shared, size);
    while std::panic::catch_unwind(AssertUnwindSafe(|| painter.run())).is_err() {
        let Size { cols, rows } = painter.size;
        painter.screen = LateScreen::new(cols, rows, SCROLLBACK_LINES);
        let mut state = shared.lock();
        state.fed = state.log.end();
    }
}

struct Painter<'s> {
    shared: &'s Shared,
    screen: LateScreen,
    epoch: u32,
    size: Size,
    /// Since the last rest, in bytes.
    taken_in: usize,
    fed_at: Instant,
}

/// What the thread does next.
enum Work {
    Feed(Bytes),
    Do(Job),
    /// Take in some of what was put off.
    Settle,
    Stop,
}

impl<'s> Painter<'s> {
    fn new(shared: &'s Shared, size: Size) -> Self {
        let screen = LateScreen::new(size.cols, size.rows, SCROLLBACK_LINES);
        Self { shared, screen, epoch: 0, size, taken_in: 0, fed_at: Instant::now() }
    }

    fn run(&mut self) {
        loop {
            match self.next() {
                Work::Feed(bytes) => self.feed(&bytes),
                Work::Do(job) => self.carry_out(job),
                Work::Settle => self.screen.settle_some(Instant::now()),
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
            let now = Instant::now();
            if self.screen.is_late() && now >= self.fed_at + SETTLE_AFTER {
                return Work::Settle;
            }
            let wait = self.rest_until(now, &mut state).map(|until| until.saturating_duration_since(now));
            state = match wait {
                None => self.shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => self.shared.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.rest = Rest::No;
        }
    }

    /// There is nothing to do: says how to rest, and until when at most.
    fn rest_until(&mut self, now: Instant, state: &mut State) -> Option<Instant> {
        let tick = self.screen.unsettled().tick(now);
        if std::mem::take(&mut self.taken_in) >= FLOOD_BYTES {
            state.rest = Rest::Gathering;
            return Some(now + GATHER_FOR);
        }
        state.rest = Rest::Asleep;
        let settle = self.screen.is_late().then(|| self.fed_at + SETTLE_AFTER);
        [tick, settle].into_iter().flatten().min()
    }

    fn feed(&mut self, bytes: &Bytes) {
        let (count, mut replies) = (bytes.len(), Vec::new());
        self.fed_at = Instant::now();
        self.taken_in += count;
        self.screen.feed(bytes, self.fed_at, &mut replies);
        let screen = self.screen.unsettled();
        let mut signals = screen.take_events().signals;
        let title = screen.title();
        let mut state = self.shared.lock();
        let was_behind = state.log.end().since(state.fed) >= u64::from(MODEL_BEHIND_BYTES_MAX);
        state.fed = state.fed + count;
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
                self.screen.settled(Instant::now()).resize(size.cols, size.rows);
            }
            Job::Theme(theme) => self.screen.set_theme(theme),
            Job::Text { reply, .. } => {
                let offset = self.shared.lock().fed;
                // Who asked may have gone meanwhile.
                let _ = reply.send((offset, screen_text(self.screen.settled(Instant::now()))));
            }
            Job::Snapshot { history, reply, .. } => {
                if reply.is_closed() {
                    return; // Who asked is gone.
                }
                let offset = self.shared.lock().fed;
                let Size { cols, rows } = self.size;
                let at = SnapshotAt { offset, epoch: self.epoch, cols, rows };
                let bytes = Bytes::from(self.screen.settled(Instant::now()).snapshot(history));
                // Who asked may have gone meanwhile.
                let _ = reply.send(Snapshot { at, history, bytes });
            }
        }
    }
}

/// The front of `text`, at most `max` bytes of whole characters.
fn bounded(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
