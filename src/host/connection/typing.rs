//! What a connection's viewers have typed and the terminal does not take yet.
//!
//! Typed bytes are acknowledged when they are in the session's queue, in order. While that is full they wait here,
//! unacknowledged, so that the asks behind them on the same connection are heard.

use std::collections::VecDeque;

use bytes::Bytes;

use super::CHANNEL;
use crate::base::id::ViewerId;
use crate::host::session::{Input, Session};
use crate::wire::frame::Frame;

/// Input that one connection has sent and the terminal does not take yet, in bytes, before the connection is read no
/// further. Far more than a person pastes.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// One numbered input.
pub(super) struct Typed {
    viewer: ViewerId,
    number: u64,
    bytes: Bytes,
    /// It was looked through for a key that overtakes.
    offered: bool,
}

impl Typed {
    pub(super) fn new(viewer: ViewerId, number: u64, bytes: Bytes) -> Self {
        Self { viewer, number, bytes, offered: false }
    }

    /// What it costs to keep.
    fn cost(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }
}

/// See the module's text.
#[derive(Default)]
pub(super) struct Typing {
    waiting: VecDeque<Typed>,
    /// Sum of their costs.
    bytes: usize,
}

impl Typing {
    /// Whether the connection may be read further.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < WAITING_BYTES_MAX
    }

    /// Types at once, or behind what waits already.
    pub(super) fn take(&mut self, mut typed: Typed, session: &Session, mut answer: impl FnMut(Frame)) {
        typed.offered = session.is_stuck();
        if let Some(rest) = session.overtake(typed.viewer, typed.number, &typed.bytes) {
            typed.bytes = rest;
            self.throw_away(typed.viewer, self.waiting.len());
        }
        self.bytes += typed.cost();
        self.waiting.push_back(typed);
        self.type_on(session, &mut answer);
    }

    /// Types what waits, as far as there is room now.
    pub(super) fn go_on(&mut self, session: &Session, mut answer: impl FnMut(Frame)) {
        if session.is_stuck() {
            self.overtake(session);
        }
        self.type_on(session, &mut answer);
    }

    fn type_on(&mut self, session: &Session, answer: &mut impl FnMut(Frame)) {
        while let Some(Typed { viewer, number, bytes, .. }) = self.waiting.front() {
            let (viewer, number) = (*viewer, *number);
            match session.input(viewer, number, bytes) {
                Input::Answer(outcome) => answer(Frame::InputAck { channel: CHANNEL, viewer, number, outcome }),
                Input::NoRoom => return,
            }
            self.bytes -= self.waiting.pop_front().map_or(0, |typed| typed.cost());
        }
    }

    /// Lets keys like Ctrl-C overtake the rest. Each input is looked through once, when the terminal takes no more.
    fn overtake(&mut self, session: &Session) {
        for index in (0..self.waiting.len()).rev() {
            let Some(typed) = self.waiting.get_mut(index) else { return };
            if std::mem::replace(&mut typed.offered, true) {
                return; // So was everything before it.
            }
            if let Some(rest) = session.overtake(typed.viewer, typed.number, &typed.bytes) {
                self.bytes -= typed.bytes.len() - rest.len();
                typed.bytes = rest;
                let viewer = typed.viewer;
                self.throw_away(viewer, index);
                return;
            }
        }
    }

    /// What this viewer typed before a key that overtook it goes the way it would have gone in the terminal: taken,
    /// answered, and thrown away. `until` is the key's place among what waits.
    fn throw_away(&mut self, viewer: ViewerId, until: usize) {
        for typed in self.waiting.iter_mut().take(until).filter(|typed| typed.viewer == viewer) {
            self.bytes -= typed.bytes.len();
            typed.bytes = Bytes::new();
        }
    }
}
