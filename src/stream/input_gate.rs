//! The input gate: which typed bytes reach the program, and who may type and set the size. Pure.
//!
//! Invariants: a number of a viewer is applied at most once, whatever is sent again after a reconnect; only the
//! controller's input is applied; what was answered once is answered the same again.

use std::collections::{HashMap, VecDeque};

use crate::base::id::ViewerId;
use crate::base::limits::VIEWERS_PER_SESSION_MAX;

/// Runs of refused numbers that are remembered of a viewer.
///
/// A run ends when its viewer takes the keyboard again, and a page sends again what it typed within the last 15 seconds:
/// nobody loses and takes the keyboard so often in that time.
const REFUSED_RUNS_MAX: usize = 8;

/// A connection to the PTY host, over which viewers come and go.
pub type ConnectionId = u64;

/// Whether a joining viewer wants the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Only watch.
    Watch,
    /// If the controller is not there, or this viewer was it.
    TypeIfFree,
    /// Take the keyboard in any case.
    Type,
}

/// What to do with a numbered input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write it, then answer that it was applied.
    Apply,
    /// A repeat of one that was applied: only answer so.
    Repeat,
    /// Answer that another viewer controls the session.
    NotController,
    /// Answer that the program has ended.
    Ended,
}

/// What is remembered of a viewer that typed.
#[derive(Debug, Default)]
struct Seen {
    /// Newest number answered.
    last: u64,
    /// The newest runs of refused numbers, first and last of each, oldest run first.
    refused: VecDeque<(u64, u64)>,
    /// When it last typed, on the gate's own count.
    at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Controller {
    viewer: ViewerId,
    /// The connection it is on, while it is there.
    on: Option<ConnectionId>,
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct InputGate {
    controller: Option<Controller>,
    /// At most [`VIEWERS_PER_SESSION_MAX`]; whoever typed longest ago is forgotten first, never the controller.
    seen: HashMap<ViewerId, Seen>,
    turns: u64,
    ended: bool,
}

impl InputGate {
    /// A gate nobody has passed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who may type, and whether it is connected.
    pub fn controller(&self) -> Option<(ViewerId, bool)> {
        self.controller.map(|controller| (controller.viewer, controller.on.is_some()))
    }

    /// Whether `viewer` may type and set the size.
    pub fn is_controller(&self, viewer: ViewerId) -> bool {
        self.controller.is_some_and(|controller| controller.viewer == viewer)
    }

    /// A viewer is there. Whether it controls now is asked by [`Self::is_controller`].
    pub fn join(&mut self, viewer: ViewerId, wish: Wish, on: ConnectionId) {
        let takes = match (wish, self.controller) {
            // Who controls and comes back only to watch lets go of the keyboard.
            (Wish::Watch, Some(controller)) if controller.viewer == viewer => {
                self.controller = None;
                false
            }
            (Wish::Watch, _) => false,
            (Wish::TypeIfFree, Some(controller)) => controller.viewer == viewer || controller.on.is_none(),
            (Wish::TypeIfFree, None) | (Wish::Type, _) => true,
        };
        if takes {
            self.controller = Some(Controller { viewer, on: Some(on) });
        }
    }

    /// A viewer is gone. It stays the controller until somebody takes its place; a word that comes late over a
    /// connection it has left already means nothing.
    pub fn leave(&mut self, viewer: ViewerId, on: ConnectionId) {
        if let Some(controller) = &mut self.controller
            && *controller == (Controller { viewer, on: Some(on) })
        {
            controller.on = None;
        }
    }

    /// A connection is gone, and every viewer that was on it.
    pub fn connection_closed(&mut self, on: ConnectionId) {
        if let Some(controller) = &mut self.controller
            && controller.on == Some(on)
        {
            controller.on = None;
        }
    }

    /// The program has ended: no input passes any more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether [`Self::input`] would say [`Verdict::Apply`].
    pub fn would_apply(&self, viewer: ViewerId, number: u64) -> bool {
        let is_repeat = self.seen.get(&viewer).is_some_and(|seen| number <= seen.last);
        !self.ended && !is_repeat && self.is_controller(viewer)
    }

    /// Input `number` of `viewer` is here: decides, and remembers what it decided.
    pub fn input(&mut self, viewer: ViewerId, number: u64) -> Verdict {
        self.turns += 1;
        if let Some(seen) = self.seen.get_mut(&viewer)
            && number <= seen.last
        {
            seen.at = self.turns;
            let refused = seen.refused.iter().any(|(first, last)| (first..=last).contains(&&number));
            return if refused { Verdict::NotController } else { Verdict::Repeat };
        }
        let verdict = if self.ended {
            Verdict::Ended
        } else if self.is_controller(viewer) {
            Verdict::Apply
        } else {
            Verdict::NotController
        };
        match verdict {
            // Nothing can be applied after the end, so nothing needs to be remembered.
            Verdict::Ended => {}
            _ => self.remember(viewer, number, verdict),
        }
        verdict
    }

    fn remember(&mut self, viewer: ViewerId, number: u64, verdict: Verdict) {
        if self.seen.len() >= VIEWERS_PER_SESSION_MAX && !self.seen.contains_key(&viewer) {
            let oldest = self.seen.iter().filter(|(id, _)| !self.is_controller(**id)).min_by_key(|(_, seen)| seen.at);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.seen.remove(&oldest);
            }
        }
        let seen = self.seen.entry(viewer).or_default();
        if verdict == Verdict::NotController {
            match seen.refused.back_mut() {
                // A run goes on only from the number answered last; anything applied in between begins a new one.
                Some(run) if run.1 == seen.last => run.1 = number,
                _ => {
                    if seen.refused.len() >= REFUSED_RUNS_MAX {
                        seen.refused.pop_front();
                    }
                    seen.refused.push_back((number, number));
                }
            }
        }
        seen.last = number;
        seen.at = self.turns;
    }
}

#[cfg(test)]
mod tests;
