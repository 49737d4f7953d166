//! Keystroke and output hop 4 of 8. One hub for each session: from one uplink channel to any number of viewers.
//!
//! Output arrives from [`crate::server::agent_socket`], is kept in an [`OutputLog`] while somebody watches, and is
//! pulled by each viewer's own task ([`crate::server::viewer_socket`]) as its credit allows: nothing is ever queued for a
//! viewer, so a slow one costs a position in the log, and is repainted. Keys pass the other way at once.
//!
//! Invariants: a viewer's output has no gap except behind a repaint. Nobody watches: nothing is subscribed or kept. All
//! viewers stand still: nothing is pulled. Time is handed in, and nothing here waits.

mod upstream;
mod watcher;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::Uplink;
use crate::base::id::{SessionId, ViewerId};
use crate::base::limits::{HUB_LOG_BYTES_MAX, VIEWERS_PER_SESSION_MAX};
use crate::base::offset::Offset;
use crate::base::problem::{Code, Problem};
use crate::stream::{OutputLog, OverAcknowledged, Painting, Reader, Step};
use crate::wire::frame::{Frame, InputOutcome, SnapshotAt, SnapshotFlags};
use crate::wire::message::{self, From, SessionAsk, SessionSays, Take, Theme, ToViewer};

pub use upstream::Violation;
use upstream::{Purpose, Subscription, Upstream};
pub use watcher::Arrival;
use watcher::{HistoryWish, Label, Urgency, Watcher};

/// A viewer's place in a hub.
pub type Slot = u64;

/// Output behind the last screen up to which it is painted again, in bytes: cheaper than asking the host for a new one,
/// and as far as a viewer is concerned as fast.
const SCREEN_REUSED_BYTES: u64 = 64 * 1024;

/// Scrollback snapshots on their way to viewers at a time. With one more, the oldest is given up: that viewer asks again.
const HISTORIES_MAX: usize = 4;

/// How far the log runs ahead of the furthest viewer, in windows of that viewer.
///
/// Enough that it never waits for the uplink, and little enough that a slow viewer does not draw a flood over it.
const WINDOWS_AHEAD: u64 = 4;
/// Least of the same, in bytes.
const AHEAD_BYTES_MIN: u64 = 32 * 1024;
/// Most of the same, in bytes: the other half is for viewers behind the furthest.
const AHEAD_BYTES_MAX: u64 = HUB_LOG_BYTES_MAX as u64 / 2;

/// What became of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// All there is for now.
    All,
    /// The same, but the number of viewers changed: tell it in a moment, by a pull that says so.
    CountLater,
    /// There is more.
    More,
    /// The channel is closed.
    Closed,
}

/// One session's hub.
#[derive(Debug)]
pub struct SessionHub {
    session: SessionId,
    state: Mutex<State>,
    viewers: AtomicU32,
}

#[derive(Debug)]
struct State {
    upstream: Option<Upstream>,
    log: OutputLog,
    /// Epoch of the repaint that the log's output follows; with it a viewer may resume, and the hub too.
    epoch: Option<u32>,
    /// The newest screen.
    screen: Option<(SnapshotAt, Bytes)>,
    watchers: HashMap<Slot, Watcher>,
    last_slot: Slot,
    hungry: Vec<Slot>,
    /// The furthest viewer's position, and how far the log may run ahead of it.
    furthest: Offset,
    ahead_max: u64,
    control: Option<Control>,
    ended: Option<Ended>,
    last_history: u64,
    /// The session is no more.
    gone: Option<Problem>,
}

#[derive(Debug, Clone, Copy)]
struct Control {
    controller: Option<ViewerId>,
    present: bool,
    cols: u16,
    rows: u16,
}

#[derive(Debug, Clone, Copy)]
struct Ended {
    offset: Offset,
    /// No screen will come any more.
    unpainted: bool,
}

impl SessionHub {
    /// Of a session nobody watches.
    pub fn new(session: SessionId) -> Self {
        Self { session, state: Mutex::new(State::new()), viewers: AtomicU32::new(0) }
    }

    /// Viewers attached now.
    pub fn viewers(&self) -> u32 {
        self.viewers.load(Ordering::Relaxed)
    }

    /// Somebody wants to watch.
    pub fn attach(&self, arrival: Arrival) -> Result<Slot, Problem> {
        let viewer = watcher::derived(arrival.page.who.user, self.session, arrival.viewer);
        let mut state = self.state();
        let slot = state.attach(arrival, viewer)?;
        self.count(&state);
        Ok(slot)
    }

    /// A viewer is gone.
    pub fn detach(&self, slot: Slot) {
        let mut state = self.state();
        state.detach(slot);
        self.count(&state);
    }

    /// A viewer wants the keyboard.
    pub fn take_control(&self, slot: Slot, cols: u16, rows: u16) {
        let mut state = self.state();
        let State { watchers, upstream, .. } = &mut *state;
        let Some(watcher) = watchers.get_mut(&slot) else { return };
        (watcher.cols, watcher.rows) = (cols, rows);
        if !watcher.may_type() {
            return;
        }
        watcher.take = Take::Always;
        if let Some(upstream) = upstream {
            join(upstream, watcher);
        }
        watcher.take = Take::IfFree;
    }

    /// A viewer's terminal changed its size.
    pub fn resize(&self, slot: Slot, cols: u16, rows: u16) {
        let mut state = self.state();
        let State { watchers, upstream, .. } = &mut *state;
        let Some(watcher) = watchers.get_mut(&slot) else { return };
        (watcher.cols, watcher.rows) = (cols, rows);
        if let Some(upstream) = upstream {
            upstream.ask(SessionAsk::Resize { viewer: watcher.viewer, cols, rows });
        }
    }

    /// A viewer's colours changed.
    pub fn theme(&self, slot: Slot, theme: Theme) {
        let mut state = self.state();
        let State { watchers, upstream, .. } = &mut *state;
        let Some(watcher) = watchers.get_mut(&slot) else { return };
        watcher.theme = Some(theme.clone());
        if let Some(upstream) = upstream {
            upstream.ask(SessionAsk::Theme { viewer: watcher.viewer, theme });
        }
    }

    /// A viewer wants the scrollback, under its own number `id`.
    pub fn history(&self, slot: Slot, id: u32) {
        let mut state = self.state();
        if let Some(watcher) = state.watchers.get_mut(&slot) {
            watcher.history = Some(HistoryWish { id, asked: false });
            state.ask_history();
        }
    }

    /// A viewer typed. While the machine is away it is neither passed on nor acknowledged: the page sends it again.
    pub fn input(&self, slot: Slot, number: u64, bytes: Bytes) {
        let mut state = self.state();
        let State { watchers, upstream, .. } = &mut *state;
        let Some(watcher) = watchers.get_mut(&slot).filter(|watcher| watcher.dismissed.is_none()) else { return };
        if !watcher.may_type() {
            watcher.input_acked(number, InputOutcome::NotController);
            return;
        }
        let Some(upstream) = upstream else { return };
        tracing::trace!(hop = "k4", session = %self.session, bytes = bytes.len(), "input");
        let input = Frame::Input { channel: upstream.channel(), viewer: watcher.viewer, number, bytes };
        if upstream.uplink().send(input).is_err() {
            // A later key must not overtake this one, so the channel is over; what was typed stays with the page.
            watcher.dismiss(Problem::new(
                Code::TooMany,
                "the machine takes no more input for now: too much was pasted at once, or its line is stuck",
            ));
        }
    }

    /// A viewer has consumed this much.
    pub fn acked(&self, slot: Slot, consumed: u64, now: Instant) -> Result<(), OverAcknowledged> {
        match self.state().watchers.get_mut(&slot) {
            Some(watcher) => watcher.reader.acked(consumed, now),
            None => Ok(()),
        }
    }

    /// What is to be sent to a viewer now: about `bytes_max` of payload, appended to `out`.
    pub fn pull(&self, slot: Slot, now: Instant, bytes_max: usize, tell_count: bool, out: &mut Vec<Frame>) -> Pulled {
        let mut state = self.state();
        let pulled = state.pull(slot, now, bytes_max, tell_count, self.viewers(), out);
        if pulled == Pulled::Closed {
            state.detach(slot);
            self.count(&state);
        }
        pulled
    }

    /// The machine is there, and the session has this channel on its uplink.
    pub fn online(&self, uplink: &Arc<Uplink>, channel: u32) {
        self.state().online(uplink, channel);
    }

    /// The uplink broke, or the session's channel on it is closed.
    pub fn offline(&self, uplink: &Arc<Uplink>, channel: u32) {
        self.state().offline(uplink, channel);
    }

    /// The way to the PTY host, for requests that concern the session as a whole.
    pub fn ask(&self, ask: SessionAsk) -> Result<(), Problem> {
        match &self.state().upstream {
            Some(upstream) => {
                upstream.ask(ask);
                Ok(())
            }
            None => Err(Problem::new(Code::MachineOffline, "the session's machine is not connected")),
        }
    }

    /// Output came on the channel of [`SessionHub::online`].
    pub fn output(&self, offset: Offset, bytes: &[u8]) -> Result<(), Violation> {
        tracing::trace!(hop = "b4", session = %self.session, bytes = bytes.len(), "output");
        self.state().output(offset, bytes)
    }

    /// A piece of a snapshot came.
    pub fn snapshot(&self, id: u32, at: SnapshotAt, flags: SnapshotFlags, piece: &[u8]) -> Result<(), Violation> {
        self.state().snapshot(id, at, flags, piece)
    }

    /// The fate of a viewer's input came.
    pub fn input_acked(&self, viewer: ViewerId, number: u64, outcome: InputOutcome) {
        if let Some(watcher) = self.state().watcher_of(viewer) {
            watcher.input_acked(number, outcome);
        }
    }

    /// The PTY host said something that concerns viewers.
    pub fn says(&self, says: &SessionSays) {
        let mut state = self.state();
        match *says {
            SessionSays::Control { controller, present, cols, rows } => {
                state.control = Some(Control { controller, present, cols, rows });
                state.watchers.values_mut().for_each(|watcher| watcher.control_changed(Urgency::Now));
            }
            SessionSays::End { offset } => state.end(offset),
            SessionSays::Info { .. } | SessionSays::Unknown => {}
        }
    }

    /// The session is no more, for this reason.
    pub fn gone(&self, problem: &Problem) {
        let mut state = self.state();
        state.watchers.values_mut().for_each(|watcher| watcher.dismiss(problem.clone()));
        state.upstream = None;
        state.gone = Some(problem.clone());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, state: &State) {
        let viewers = state.watchers.values().filter(|watcher| watcher.dismissed.is_none()).count();
        self.viewers.store(u32::try_from(viewers).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

impl State {
    fn new() -> Self {
        Self {
            upstream: None,
            log: OutputLog::new(HUB_LOG_BYTES_MAX),
            epoch: None,
            screen: None,
            watchers: HashMap::new(),
            last_slot: 0,
            hungry: Vec::new(),
            furthest: Offset::ZERO,
            ahead_max: AHEAD_BYTES_MIN,
            control: None,
            ended: None,
            last_history: 0,
            gone: None,
        }
    }

    fn attach(&mut self, arrival: Arrival, viewer: ViewerId) -> Result<Slot, Problem> {
        if let Some(problem) = &self.gone {
            return Err(problem.clone());
        }
        if self.watchers.len() >= VIEWERS_PER_SESSION_MAX {
            return Err(Problem::new(
                Code::TooMany,
                "this session has as many viewers as it can have; try again later",
            ));
        }
        if let Some(before) = self.watcher_of(viewer) {
            // The same tab over a new connection, before the old one was noticed to be dead.
            before.dismiss(Problem::new(Code::Conflict, "this terminal was opened again in another place"));
        }
        let reader = self.reader_from(arrival.from);
        let mut watcher = Watcher::new(arrival, viewer, reader, self.upstream.is_some());
        if self.control.is_some() {
            watcher.control_changed(Urgency::Now);
        }
        watcher.wake();
        if let Some(upstream) = &mut self.upstream {
            join(upstream, &mut watcher);
        }
        self.last_slot += 1;
        self.watchers.insert(self.last_slot, watcher);
        self.watchers.values_mut().for_each(|watcher| watcher.control_changed(Urgency::Soon));
        self.subscribe();
        Ok(self.last_slot)
    }

    /// A reader that goes on where the viewer stands, if that can be; else one that is painted.
    fn reader_from(&mut self, from: From) -> Reader<Label> {
        let From::Offset { offset, epoch } = from else { return Reader::unpainted() };
        let idle = self.watchers.is_empty() && self.epoch.is_none();
        if idle {
            // Nothing is known here: the host decides, and repaints if it knows better.
            self.log.restart_at(offset);
            self.furthest = offset;
            self.epoch = Some(epoch);
        }
        // A viewer may be ahead after a restart of this server, but never by more than was on its way.
        let known = offset >= self.log.start() && offset.since(self.log.end()) <= HUB_LOG_BYTES_MAX as u64;
        if self.epoch == Some(epoch) && known { Reader::at(offset) } else { Reader::unpainted() }
    }

    fn detach(&mut self, slot: Slot) {
        let Some(gone) = self.watchers.remove(&slot) else { return };
        let replaced = self.watcher_of(gone.viewer).is_some();
        if let Some(upstream) = self.upstream.as_mut().filter(|_| !replaced) {
            upstream.ask(SessionAsk::Leave { viewer: gone.viewer });
        }
        self.watchers.values_mut().for_each(|watcher| watcher.control_changed(Urgency::Soon));
        if self.watchers.is_empty() {
            self.fall_idle();
            return;
        }
        self.furthest = self.watchers.values().map(|watcher| watcher.reader.position()).max().unwrap_or_default();
        self.settle();
    }

    /// Nobody watches: nothing is subscribed and nothing kept.
    fn fall_idle(&mut self) {
        let mut upstream = self.upstream.take();
        if let Some(upstream) = &mut upstream {
            upstream.unsubscribe();
            upstream.settle(0);
        }
        let (last_slot, gone) = (self.last_slot, self.gone.take());
        *self = Self { upstream, last_slot, gone, ..Self::new() };
    }

    fn subscribe(&mut self) {
        let known = self.epoch.map(|epoch| (self.log.end(), epoch));
        if let Some(upstream) = &mut self.upstream
            && let Subscription::None { .. } = upstream.subscription
        {
            upstream.subscribe(known);
        }
    }

    fn online(&mut self, uplink: &Arc<Uplink>, channel: u32) {
        if self.upstream.as_ref().is_some_and(|upstream| upstream.is(uplink, channel)) {
            return;
        }
        let mut upstream = Upstream::new(Arc::clone(uplink), channel);
        self.ended = None;
        for watcher in self.watchers.values_mut() {
            watcher.live = true;
            watcher.told_end = false;
            join(&mut upstream, watcher);
            watcher.wake();
        }
        self.upstream = Some(upstream);
        if self.watchers.is_empty() {
            return;
        }
        self.subscribe();
        if self.watchers.values().any(|watcher| watcher.reader.awaits_repaint()) {
            self.ask_screen();
        }
        self.ask_history();
    }

    fn offline(&mut self, uplink: &Arc<Uplink>, channel: u32) {
        if !self.upstream.as_ref().is_some_and(|upstream| upstream.is(uplink, channel)) {
            return;
        }
        self.upstream = None;
        for watcher in self.watchers.values_mut() {
            watcher.live = false;
            if let Some(wish) = &mut watcher.history {
                wish.asked = false;
            }
            watcher.wake();
        }
    }

    fn output(&mut self, offset: Offset, bytes: &[u8]) -> Result<(), Violation> {
        let Some(upstream) = &mut self.upstream else { return Ok(()) };
        upstream.received(bytes.len());
        let known = upstream.accept(offset, self.log.end())?;
        if let Some(new) = known.and_then(|known| bytes.get(known..)) {
            self.log.append(new);
            for slot in self.hungry.drain(..) {
                if let Some(watcher) = self.watchers.get_mut(&slot) {
                    watcher.hungry = false;
                    watcher.wake();
                }
            }
        }
        self.settle();
        Ok(())
    }

    fn snapshot(&mut self, id: u32, at: SnapshotAt, flags: SnapshotFlags, piece: &[u8]) -> Result<(), Violation> {
        let Some(upstream) = &mut self.upstream else { return Ok(()) };
        upstream.received(piece.len());
        let whole = upstream.snapshot(id, at, flags, piece)?;
        match whole {
            Some((Purpose::Repaint, at, bytes)) => self.repainted(at, bytes),
            Some((Purpose::Screen, at, bytes)) => {
                self.screen = Some((at, bytes.clone()));
                for watcher in self.watchers.values_mut().filter(|watcher| watcher.reader.awaits_repaint()) {
                    paint(watcher, at, &bytes);
                }
            }
            Some((Purpose::History, at, bytes)) => self.history_came(at, &bytes),
            Some((Purpose::Unasked, ..)) | None => {}
        }
        self.settle();
        Ok(())
    }

    /// The host painted the hub: so everybody is.
    fn repainted(&mut self, at: SnapshotAt, bytes: Bytes) {
        self.log.restart_at(at.offset);
        self.furthest = at.offset;
        self.epoch = Some(at.epoch);
        for watcher in self.watchers.values_mut() {
            paint(watcher, at, &bytes);
        }
        self.screen = Some((at, bytes));
        self.ask_history();
    }

    fn history_came(&mut self, at: SnapshotAt, bytes: &Bytes) {
        let mut on_the_way: Vec<u64> = self
            .watchers
            .values()
            .filter(|watcher| watcher.reader.is_answering())
            .map(|watcher| watcher.history_number)
            .collect();
        on_the_way.sort_unstable();
        on_the_way.dedup();
        let given_up = on_the_way.first().filter(|_| on_the_way.len() >= HISTORIES_MAX).copied();
        self.last_history += 1;
        for watcher in self.watchers.values_mut() {
            if Some(watcher.history_number) == given_up {
                watcher.reader.cancel_answer();
            }
            if let Some(wish) = watcher.history.take_if(|wish| wish.asked) {
                watcher.history_number = self.last_history;
                let label = Label { id: wish.id, at, history: true };
                watcher.reader.answered(Painting::of(label, bytes.clone()));
                watcher.wake();
            }
        }
        self.ask_history();
    }

    fn end(&mut self, offset: Offset) {
        let unpainted = !self.upstream.as_ref().is_some_and(Upstream::is_joined);
        self.ended = Some(Ended { offset, unpainted });
        self.watchers.values_mut().for_each(Watcher::wake);
        if !self.has_usable_screen() {
            // Whoever comes later is painted from it: the host may be gone by then.
            self.ask_screen();
        }
    }

    fn pull(
        &mut self,
        slot: Slot,
        now: Instant,
        bytes_max: usize,
        tell_count: bool,
        viewers: u32,
        out: &mut Vec<Frame>,
    ) -> Pulled {
        let control = self.control;
        let Some(watcher) = self.watchers.get_mut(&slot) else { return Pulled::Closed };
        watcher.looked();
        if let Some(problem) = watcher.dismissed.take() {
            out.push(message::to_frame(&ToViewer::Detached { channel: watcher.channel, problem }));
            return Pulled::Closed;
        }
        watcher.take_news(out);
        let told = watcher.control == Urgency::Now || tell_count && watcher.control == Urgency::Soon;
        if told && let Some(control) = control {
            out.push(control_frame(watcher, control, viewers));
            watcher.control = Urgency::Told;
        }
        let later = watcher.control == Urgency::Soon && control.is_some();
        if self.pull_output(slot, now, bytes_max, out) {
            return Pulled::More;
        }
        if later { Pulled::CountLater } else { Pulled::All }
    }

    /// Takes output until there is no more, no more credit, or enough; whether it was enough.
    fn pull_output(&mut self, slot: Slot, now: Instant, bytes_max: usize, out: &mut Vec<Frame>) -> bool {
        let mut taken = 0;
        let enough = loop {
            let Some(watcher) = self.watchers.get_mut(&slot) else { return false };
            if taken >= bytes_max {
                break true;
            }
            let frame = match watcher.reader.step(&mut self.log, now) {
                Step::Output { offset, bytes } => Frame::Output { channel: watcher.channel, offset, bytes },
                Step::Paint { label, first, last, bytes } | Step::Answer { label, first, last, bytes } => {
                    let flags = SnapshotFlags { first, last, history: label.history };
                    Frame::Snapshot { channel: watcher.channel, id: label.id, at: label.at, flags, bytes }
                }
                Step::Repaint => {
                    self.paint_or_ask(slot);
                    continue;
                }
                Step::Wait => break false,
            };
            if let Frame::Output { bytes, .. } | Frame::Snapshot { bytes, .. } = &frame {
                taken += bytes.len();
            }
            out.push(frame);
        };
        self.after_pull(slot, out);
        enough
    }

    /// A viewer has taken what it could: it may be at the end, and the furthest.
    fn after_pull(&mut self, slot: Slot, out: &mut Vec<Frame>) {
        let Some(watcher) = self.watchers.get_mut(&slot) else { return };
        let position = watcher.reader.position();
        if position >= self.log.end() {
            if !std::mem::replace(&mut watcher.hungry, true) {
                self.hungry.push(slot);
            }
            let shown = watcher.reader.follows();
            if let Some(ended) = self.ended.filter(|ended| !watcher.told_end && (shown || ended.unpainted)) {
                watcher.told_end = true;
                out.push(watcher.end(ended.offset));
            }
        }
        if position >= self.furthest {
            self.furthest = position;
            let ahead = WINDOWS_AHEAD * watcher.reader.credit().window();
            self.ahead_max = ahead.clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
        }
        self.settle();
    }

    /// A viewer needs a screen: the last one if that is nearly as good, else a new one.
    fn paint_or_ask(&mut self, slot: Slot) {
        let usable = self.has_usable_screen();
        match (self.screen.as_ref().filter(|_| usable), self.watchers.get_mut(&slot)) {
            (Some((at, bytes)), Some(watcher)) if at.offset >= watcher.reader.position() => {
                paint(watcher, *at, bytes);
            }
            _ => self.ask_screen(),
        }
    }

    /// Whether the last screen and what came after it are nearly as good as a new one.
    fn has_usable_screen(&self) -> bool {
        self.screen.as_ref().is_some_and(|(at, _)| {
            at.offset >= self.log.start() && self.log.end().since(at.offset) <= SCREEN_REUSED_BYTES
        })
    }

    fn ask_screen(&mut self) {
        let Some(upstream) = &mut self.upstream else { return };
        if !upstream.is_joined() || upstream.awaits_screen() {
            return;
        }
        if self.watchers.values().any(|watcher| watcher.reader.follows()) {
            upstream.ask_screen();
        } else {
            // Nobody needs the output between: the host paints the hub, and leaves it out.
            upstream.ask_repaint();
        }
        self.settle();
    }

    fn ask_history(&mut self) {
        let Some(upstream) = &mut self.upstream else { return };
        if !upstream.is_joined() || upstream.awaits_history() {
            return;
        }
        let mut wanted = false;
        for wish in self.watchers.values_mut().filter_map(|watcher| watcher.history.as_mut()) {
            wish.asked = true;
            wanted = true;
        }
        if wanted {
            upstream.ask_history();
        }
    }

    /// Gives the host credit for what came, unless the log runs too far ahead of everybody.
    fn settle(&mut self) {
        let Some(upstream) = &mut self.upstream else { return };
        let ahead = self.log.end().since(self.furthest);
        let held = if upstream.awaits_screen() { 0 } else { ahead.saturating_sub(self.ahead_max) };
        upstream.settle(held);
    }

    fn watcher_of(&mut self, viewer: ViewerId) -> Option<&mut Watcher> {
        self.watchers.values_mut().find(|watcher| watcher.viewer == viewer && watcher.dismissed.is_none())
    }
}

/// Tells the host that a viewer is there. The second time it asks only for what it had.
fn join(upstream: &mut Upstream, watcher: &mut Watcher) {
    upstream.ask(SessionAsk::Join {
        viewer: watcher.viewer,
        take: watcher.take,
        cols: watcher.cols,
        rows: watcher.rows,
        theme: watcher.theme.clone(),
    });
    if watcher.take == Take::Always {
        watcher.take = Take::IfFree;
    }
}

fn paint(watcher: &mut Watcher, at: SnapshotAt, bytes: &Bytes) {
    watcher.reader.repainted(at.offset, Painting::of(Label { id: 0, at, history: false }, bytes.clone()));
    watcher.wake();
}

fn control_frame(watcher: &Watcher, control: Control, viewers: u32) -> Frame {
    message::to_frame(&ToViewer::Control {
        channel: watcher.channel,
        you: control.controller == Some(watcher.viewer),
        present: control.present,
        viewers,
        cols: control.cols,
        rows: control.rows,
    })
}
