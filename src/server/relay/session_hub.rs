//! Keystroke and output hop 4 of 8. One hub for each session: from one uplink channel to any number of viewers.
//!
//! Output arrives from [`crate::server::agent_socket`], is kept in an [`OutputLog`](crate::stream::OutputLog) while somebody watches, and is
//! pulled by each viewer's own task ([`crate::server::viewer_socket`]) as its credit allows: nothing is ever queued for a
//! viewer, so a slow one costs a position in the log, and is repainted. Keys pass the other way at once.
//!
//! Invariants: a viewer's output has no gap except behind a repaint. Nobody watches: nothing is subscribed or kept. All
//! viewers stand still: nothing is pulled. Time is handed in, and nothing here waits.

mod arrivals;
mod screens;
mod scripts;
mod state;
mod upstream;
mod watcher;
mod way;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use super::Uplink;
use crate::base::id::{SessionId, ViewerId};
use crate::base::offset::Offset;
use crate::base::problem::{Code, Problem};
use crate::server::auth::Caller;
use crate::stream::OverAcknowledged;
use crate::wire::frame::{Frame, InputOutcome, SnapshotAt, SnapshotFlags};
use crate::wire::message::{SessionAsk, SessionSays, Take, Theme};
use crate::wire::view::Person;

pub use scripts::Once;
use state::{Control, State, join};
pub use upstream::Violation;
pub use watcher::Arrival;
use watcher::{HistoryWish, Urgency, Watcher};
pub use way::heard_on;

/// A viewer's place in a hub.
pub type Slot = u64;

/// What somebody may do with a session's screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// See it.
    pub watch: bool,
    /// Type into it.
    pub may_type: bool,
    /// Have the keyboard at once, whoever has it now: they have adopted the session.
    pub seizes: bool,
}

/// People who are named as watching; a crowd is counted, not listed.
const PEOPLE_NAMED_MAX: usize = 20;

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
    /// Who watches, each once.
    people: Mutex<Vec<Person>>,
}

impl SessionHub {
    /// Of a session nobody watches.
    pub fn new(session: SessionId) -> Self {
        Self { session, state: Mutex::new(State::new()), viewers: AtomicU32::new(0), people: Mutex::default() }
    }

    /// Viewers attached now.
    pub fn viewers(&self) -> u32 {
        self.viewers.load(Ordering::Relaxed)
    }

    /// Who watches or types now, each once; at most twenty.
    pub fn people(&self) -> Vec<Person> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who may watch or type has changed.
    pub fn reconsider(&self, rights: impl Fn(&Caller) -> Rights) {
        let mut state = self.state();
        state.reconsider(rights);
        self.count(&state);
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
        let Some(watcher) = present(watchers, slot) else { return };
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
        let Some(watcher) = present(watchers, slot) else { return };
        (watcher.cols, watcher.rows) = (cols, rows);
        if let Some(upstream) = upstream {
            upstream.ask(SessionAsk::Resize { viewer: watcher.viewer, cols, rows });
        }
    }

    /// A viewer's colours changed.
    pub fn theme(&self, slot: Slot, theme: Theme) {
        let mut state = self.state();
        let State { watchers, upstream, .. } = &mut *state;
        let Some(watcher) = present(watchers, slot) else { return };
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

    /// A viewer's page has heard that the way is broken: a pong of [`heard_on`] came.
    pub fn heard(&self, slot: Slot) {
        if let Some(watcher) = self.state().watchers.get_mut(&slot) {
            watcher.way.heard();
            watcher.wake();
        }
    }

    /// A viewer typed. While its way is not whole it is neither passed on nor acknowledged: the page sends it again.
    pub fn input(&self, slot: Slot, number: u64, bytes: Bytes) {
        let mut state = self.state();
        let State { watchers, upstream, .. } = &mut *state;
        let Some(watcher) = present(watchers, slot) else { return };
        if !watcher.may_type() {
            watcher.input_acked(number, InputOutcome::NotController);
            return;
        }
        let Some(upstream) = upstream.as_ref().filter(|_| watcher.way.passes()) else { return };
        tracing::trace!(hop = "k4", session = %self.session, bytes = bytes.len(), "input");
        let input = Frame::Input { channel: upstream.channel(), viewer: watcher.viewer, number, bytes };
        if upstream.uplink().send(upstream.channel(), input).is_err() {
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

    /// The uplink broke, or the session's channel on it is closed. An uplink that was replaced changes nothing.
    pub fn offline(&self, uplink: &Arc<Uplink>) {
        self.state().offline(uplink);
    }

    /// Asks the PTY host something that concerns the session as a whole, if there is a way to it that is not `known`.
    /// The way it was asked on.
    pub fn ask(&self, known: Option<&Arc<Uplink>>, ask: SessionAsk) -> Option<Arc<Uplink>> {
        let state = self.state();
        let upstream = state.upstream.as_ref()?;
        let uplink = upstream.uplink();
        if known.is_some_and(|known| Arc::ptr_eq(known, uplink)) {
            return None;
        }
        upstream.ask(ask);
        Some(Arc::clone(uplink))
    }

    /// Output came on a channel. Of any other than that of [`SessionHub::online`] it means nothing: the connection was
    /// replaced a moment ago, and its last frames are read late.
    pub fn output(&self, uplink: &Arc<Uplink>, channel: u32, offset: Offset, bytes: &[u8]) -> Result<(), Violation> {
        tracing::trace!(hop = "b4", session = %self.session, bytes = bytes.len(), "output");
        let mut state = self.state();
        if state.is_upstream(uplink, channel) { state.output(offset, bytes) } else { Ok(()) }
    }

    /// A piece of a snapshot came on a channel.
    pub fn snapshot(
        &self,
        uplink: &Arc<Uplink>,
        channel: u32,
        id: u32,
        at: SnapshotAt,
        flags: SnapshotFlags,
        piece: &[u8],
    ) -> Result<(), Violation> {
        let mut state = self.state();
        if state.is_upstream(uplink, channel) { state.snapshot(id, at, flags, piece) } else { Ok(()) }
    }

    /// The fate of a viewer's input came. It is that of the input, over whichever connection it is told.
    pub fn input_acked(&self, viewer: ViewerId, number: u64, outcome: InputOutcome) {
        let mut state = self.state();
        if !state.scripts.input_acked(viewer, number, outcome)
            && let Some(watcher) = state.watcher_of(viewer)
        {
            watcher.input_acked(number, outcome);
        }
    }

    /// Whether, by this word of the PTY host, a terminal on the machine itself takes the keyboard from a viewer here. To be
    /// asked before [`Self::says`].
    pub fn is_taken_at_the_machine(&self, uplink: &Arc<Uplink>, channel: u32, says: &SessionSays) -> bool {
        let SessionSays::Control { controller: Some(now), present: true, .. } = says else { return false };
        let mut state = self.state();
        let before = state.control.and_then(|control| control.controller).filter(|before| before != now);
        let ours = before.is_some_and(|before| state.watcher_of(before).is_some());
        ours && state.is_upstream(uplink, channel) && !state.knows(*now)
    }

    /// The PTY host said something on a channel that concerns viewers.
    pub fn says(&self, uplink: &Arc<Uplink>, channel: u32, says: SessionSays) {
        let mut state = self.state();
        if !state.is_upstream(uplink, channel) {
            return;
        }
        match says {
            SessionSays::Text { request, offset, screen } => state.scripts.text(request, offset, screen),
            SessionSays::Control { controller, present, cols, rows } => {
                state.control = Some(Control { controller, present, cols, rows });
                state.watchers.values_mut().for_each(|watcher| watcher.control_changed(Urgency::Now));
            }
            SessionSays::End { offset } => state.end(offset),
            SessionSays::Info { .. } | SessionSays::Answered { .. } | SessionSays::Unknown => {}
        }
    }

    /// The session is no more, for this reason.
    pub fn gone(&self, problem: &Problem) {
        let mut state = self.state();
        state.watchers.values_mut().for_each(|watcher| watcher.dismiss(problem.clone()));
        state.upstream = None;
        state.scripts.offline();
        state.gone = Some(problem.clone());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, state: &State) {
        let mut people: Vec<Person> = Vec::new();
        let mut viewers = 0;
        for watcher in state.watchers.values().filter(|watcher| watcher.dismissed.is_none()) {
            viewers += 1;
            if people.len() < PEOPLE_NAMED_MAX && people.iter().all(|person| person.id != watcher.who().user) {
                people.push(watcher.person());
            }
        }
        people.sort_by(|one, other| one.name.cmp(&other.name));
        self.viewers.store(viewers, Ordering::Relaxed);
        *self.people.lock().unwrap_or_else(PoisonError::into_inner) = people;
    }
}

/// Who is not on its way out: what such a one still says comes late, and may be of another size or colour.
fn present(watchers: &mut HashMap<Slot, Watcher>, slot: Slot) -> Option<&mut Watcher> {
    watchers.get_mut(&slot).filter(|watcher| watcher.dismissed.is_none())
}
