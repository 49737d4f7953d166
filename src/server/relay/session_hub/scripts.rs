//! Scripts: they look at a session's screen as text and type into it, without being attached.
//!
//! What they ask for goes to the PTY host on the session's channel and comes back here. A broken way to the host answers
//! everybody who waits: their receiver ends.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
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

/// Inputs under an `Idempotency-Key` that are remembered of a session. The PTY host remembers them too, each as a viewer of
/// its own, so that a repeat is known as one also after a restart of the server.
const REMEMBERED_MAX: usize = 256;

/// How long at least. So [`REMEMBERED_MAX`] bounds how often a session may be typed into in this way: else the PTY host would
/// forget people's own input, which their pages send again for as long ([`crate::base::limits::VIEWERS_PER_SESSION_MAX`]).
const REMEMBERED_FOR: Duration = Duration::from_secs(15);

/// An input that may be asked for again, and is typed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    key: [u8; 16],
    /// Digest of key and text: another text under the same key is never taken for the first.
    both: [u8; 16],
}

impl Once {
    /// For `text` under `key`.
    pub fn new(key: [u8; 16], text: &[u8]) -> Self {
        let mut both = [0; 16];
        let digest = Sha256::new().chain_update(key).chain_update(text).finalize();
        both.iter_mut().zip(digest).for_each(|(to, byte)| *to = byte);
        Self { key, both }
    }
}

/// What is known of an input that was asked for before.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    once: Once,
    at: Instant,
    /// Bytes of output before it was first asked for.
    pub offset: Offset,
    /// The PTY host has said that it was typed.
    pub typed: bool,
}

/// Those who wait for an answer of the PTY host.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    last_request: u64,
    texts: BTreeMap<u64, oneshot::Sender<(Offset, ScreenText)>>,
    /// Newest number given to an input; they rise over restarts of the server too, because the host remembers them.
    last_input: u64,
    typed: HashMap<ViewerId, Typing>,
    /// The newest inputs that may be asked for again, oldest first.
    asked: VecDeque<Asked>,
}

/// A script that waits for the fate of its input.
#[derive(Debug)]
struct Typing {
    user: UserId,
    /// Number of its last piece.
    last: u64,
    told: oneshot::Sender<InputOutcome>,
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
        let Some(Typing { last, .. }) = self.typed.get(&viewer) else { return false };
        // Of one that was sent in pieces the last one's counts, or the first refusal.
        if (number >= *last || outcome != InputOutcome::Applied)
            && let Some(Typing { told, .. }) = self.typed.remove(&viewer)
        {
            let _ = told.send(outcome);
        }
        true
    }

    /// Remembers that an input is asked for.
    fn remember(&mut self, once: Once, offset: Offset, now: Instant) -> Result<(), Problem> {
        if self.asked.iter().any(|asked| asked.once == once) {
            return Ok(());
        }
        if self.asked.len() >= REMEMBERED_MAX {
            if self.asked.front().is_some_and(|oldest| now.duration_since(oldest.at) < REMEMBERED_FOR) {
                let text = "too many inputs with an Idempotency-Key in a row; try again in some seconds";
                return Err(Problem::new(Code::TooMany, text));
            }
            self.asked.pop_front();
        }
        self.asked.push_back(Asked { once, at: now, offset, typed: false });
        Ok(())
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

    /// What is known of an input that may have been asked for before; refuses another text under the same key.
    pub fn asked_before(&self, once: Once) -> Result<Option<Asked>, Problem> {
        let state = self.state();
        let asked = state.scripts.asked.iter().find(|asked| asked.once.key == once.key).copied();
        match asked {
            Some(asked) if asked.once != once => {
                let text = "this Idempotency-Key was used for another input; send a new one with each new input";
                Err(Problem::new(Code::Conflict, text))
            }
            asked => Ok(asked),
        }
    }

    /// Types for a script of `user`: takes the keyboard if nobody has it or if `take`, sends `bytes`, and says what became
    /// of them. `size` is the session's present one, which stays. Call [`Self::script_leaves`] once that is known.
    ///
    /// With `once` it is typed once, however often this is called; the offset is that of the output before.
    pub fn script_types(
        &self,
        user: UserId,
        once: Option<(Once, Offset)>,
        take: bool,
        (cols, rows): (u16, u16),
        bytes: &Bytes,
    ) -> Result<(ViewerId, oneshot::Receiver<InputOutcome>), Problem> {
        let viewer = script_of(user, self.session, once.map(|(once, _)| once));
        let mut state = self.state();
        let state = &mut *state;
        let upstream = state.upstream.as_ref().ok_or_else(offline)?;
        let scripts = &mut state.scripts;
        scripts.typed.retain(|_, typing| !typing.told.is_closed());
        if scripts.typed.values().any(|typing| typing.user == user) || scripts.typed.len() >= WAITING_MAX {
            return Err(Problem::new(Code::TooMany, "another script of yours types right now; try again"));
        }
        if let Some((once, offset)) = once {
            scripts.remember(once, offset, Instant::now())?;
        }
        let (cols, rows) = state.control.map_or((cols, rows), |control| (control.cols, control.rows));
        let take = if take { Take::Always } else { Take::IfFree };
        upstream.ask(SessionAsk::Join { viewer, take, cols, rows, theme: None });
        // Microseconds: one more than the last, also if the clock was set back meanwhile.
        // What is typed once has a viewer to itself, and the same numbers each time it is asked for.
        let mut number = if once.is_some() { 0 } else { scripts.last_input.max(unix_millis().saturating_mul(1_000)) };
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
        if once.is_none() {
            scripts.last_input = number;
        }
        let (told, receiver) = oneshot::channel();
        scripts.typed.insert(viewer, Typing { user, last: number, told });
        Ok((viewer, receiver))
    }

    /// An input has reached its terminal: whoever asks for it again is told so.
    pub fn typed_once(&self, once: Once) {
        let mut state = self.state();
        if let Some(asked) = state.scripts.asked.iter_mut().find(|asked| asked.once == once) {
            asked.typed = true;
        }
    }

    /// The script has typed: whoever wants the keyboard next gets it.
    pub fn script_leaves(&self, viewer: ViewerId) {
        let mut state = self.state();
        state.scripts.typed.remove(&viewer);
        if let Some(upstream) = &state.upstream {
            upstream.ask(SessionAsk::Leave { viewer });
        }
    }
}

/// What the PTY host calls the scripts of a person: one viewer, whichever key they come with; or one for each input that is
/// typed once.
fn script_of(user: UserId, session: crate::base::id::SessionId, once: Option<Once>) -> ViewerId {
    super::watcher::derived(user, session, once.map_or_else(ViewerId::default, |once| ViewerId(once.both)))
}

fn offline() -> Problem {
    Problem::new(Code::MachineOffline, "the session's machine is not connected")
}
