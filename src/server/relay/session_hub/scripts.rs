//! Scripts: they look at a session's screen as text and type into it, without being attached.
//!
//! What they ask for goes to the PTY host on the session's channel and comes back here. A broken way to the host answers
//! everybody who waits: their receiver ends.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::SessionHub;
use crate::base::clock::unix_millis;
use crate::base::id::{UserId, ViewerId};
use crate::base::limits::INPUT_BYTES_MAX;
use crate::base::offset::Offset;
use crate::base::problem::{Code, Problem};
use crate::wire::frame::{Frame, InputOutcome};
use crate::wire::message::{SessionAsk, Take};
use crate::wire::session::ScreenText;

/// Scripts that wait for a session's screen at a time, and that type into it.
const WAITING_MAX: usize = 64;

/// Those who wait for an answer of the PTY host.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    last_request: u64,
    texts: BTreeMap<u64, oneshot::Sender<(Offset, ScreenText)>>,
    /// Newest number given to an input; they rise over restarts of the server too, because the host remembers them.
    last_input: u64,
    typed: HashMap<ViewerId, (u64, oneshot::Sender<InputOutcome>)>,
}

impl Scripts {
    /// A screen came. One that nobody waits for any more is dropped.
    pub(super) fn text(&mut self, request: u64, offset: Offset, screen: ScreenText) {
        if let Some(waiting) = self.texts.remove(&request) {
            // Whoever asked may have given up.
            let _ = waiting.send((offset, screen));
        }
    }

    /// The fate of an input came; whether it was a script's.
    /// Whether it is that of scripts, and types now.
    pub(super) fn types(&self, viewer: ViewerId) -> bool {
        self.typed.contains_key(&viewer)
    }

    pub(super) fn input_acked(&mut self, viewer: ViewerId, number: u64, outcome: InputOutcome) -> bool {
        let Some((last, _)) = self.typed.get(&viewer) else { return false };
        // Of one that was sent in pieces the last one's counts, or the first refusal.
        if (number >= *last || outcome != InputOutcome::Applied)
            && let Some((_, waiting)) = self.typed.remove(&viewer)
        {
            let _ = waiting.send(outcome);
        }
        true
    }

    /// The way to the PTY host is broken.
    pub(super) fn offline(&mut self) {
        self.texts.clear();
        self.typed.clear();
    }
}

impl SessionHub {
    /// Asks for the screen as text: as it is now, or once there is output behind `after`.
    pub fn ask_text(&self, after: Option<Offset>) -> Result<oneshot::Receiver<(Offset, ScreenText)>, Problem> {
        let mut state = self.state();
        let upstream = state.upstream.as_ref().ok_or_else(offline)?;
        let request = state.scripts.last_request + 1;
        upstream.ask(SessionAsk::Text { request, after });
        state.scripts.last_request = request;
        // Those who gave up make room.
        state.scripts.texts.retain(|_, waiting| !waiting.is_closed());
        if state.scripts.texts.len() >= WAITING_MAX {
            return Err(Problem::new(Code::TooMany, "too many scripts wait for this session; try again soon"));
        }
        let (sender, receiver) = oneshot::channel();
        state.scripts.texts.insert(request, sender);
        Ok(receiver)
    }

    /// Types for a script of `user`: takes the keyboard if nobody has it or if `take`, sends `bytes`, and says what became
    /// of them. `size` is the session's present one, which stays. Call [`Self::script_leaves`] once that is known.
    pub fn script_types(
        &self,
        user: UserId,
        take: bool,
        (cols, rows): (u16, u16),
        bytes: &Bytes,
    ) -> Result<oneshot::Receiver<InputOutcome>, Problem> {
        let viewer = script_of(user, self.session);
        let mut state = self.state();
        let state = &mut *state;
        let upstream = state.upstream.as_ref().ok_or_else(offline)?;
        let scripts = &mut state.scripts;
        scripts.typed.retain(|_, (_, waiting)| !waiting.is_closed());
        if scripts.typed.contains_key(&viewer) || scripts.typed.len() >= WAITING_MAX {
            return Err(Problem::new(Code::TooMany, "another script of yours types right now; try again"));
        }
        let (cols, rows) = state.control.map_or((cols, rows), |control| (control.cols, control.rows));
        let take = if take { Take::Always } else { Take::IfFree };
        upstream.ask(SessionAsk::Join { viewer, take, cols, rows, theme: None });
        // Microseconds: one more than the last, also if the clock was set back meanwhile.
        let mut number = scripts.last_input.max(unix_millis().saturating_mul(1_000));
        for piece in bytes.chunks(INPUT_BYTES_MAX) {
            number += 1;
            let bytes = bytes.slice_ref(piece);
            let channel = upstream.channel();
            let input = Frame::Input { channel, viewer, number, bytes };
            if upstream.uplink().send(channel, input).is_err() {
                upstream.ask(SessionAsk::Leave { viewer });
                return Err(Problem::new(Code::TooMany, "the machine takes no more input for now; try again soon"));
            }
        }
        scripts.last_input = number;
        let (sender, receiver) = oneshot::channel();
        scripts.typed.insert(viewer, (number, sender));
        Ok(receiver)
    }

    /// The script has typed: whoever wants the keyboard next gets it.
    pub fn script_leaves(&self, user: UserId) {
        let viewer = script_of(user, self.session);
        let mut state = self.state();
        state.scripts.typed.remove(&viewer);
        if let Some(upstream) = &state.upstream {
            upstream.ask(SessionAsk::Leave { viewer });
        }
    }
}

/// What the PTY host calls the scripts of a person: one viewer, whichever key they come with.
fn script_of(user: UserId, session: crate::base::id::SessionId) -> ViewerId {
    super::watcher::derived(user, session, ViewerId::default())
}

fn offline() -> Problem {
    Problem::new(Code::MachineOffline, "the session's machine is not connected")
}
