//! A viewer's way to the program, and whether its keys may pass. Pure.
//!
//! A key that was under way when the way broke is lost; the page sends it again when it hears that the way is whole. But
//! a key sent after it, before the page heard of the break, would overtake it on the new way, and the PTY host, to whom
//! numbers never go back, would take the lost one for a repeat. So the page is told that the way is broken, and asked a
//! ping that it answers behind everything it had sent. What comes before that answer is not passed on: the page sends
//! it again with the rest.

use crate::wire::frame::Frame;
use crate::wire::message::{self, ToViewer};

/// Pings that ask a page whether it has heard. Those of the connection's own pulse count from 1.
const ASKS: u64 = 1 << 63;

/// The channel that a pong speaks of, if the ping was one of these.
pub fn heard_on(pong: u64) -> Option<u32> {
    (pong & ASKS != 0).then(|| u32::try_from(pong & !ASKS).ok()).flatten()
}

/// See the module's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The page has been told nothing yet, and so has sent nothing.
    Unsaid,
    /// Keys pass.
    Whole,
    /// It broke, and the page does not know.
    Broke,
    /// The page was told so, and has not answered yet.
    Told,
    /// The page sends nothing until it hears that the way is whole.
    Still,
}

impl Way {
    /// Whether what the page sends may be passed on.
    pub(super) fn passes(self) -> bool {
        self == Self::Whole
    }

    /// Whether the page knows how it is. Until then the end is not told: "whole" behind it would look like a new life.
    pub(super) fn is_known(self) -> bool {
        matches!(self, Self::Whole | Self::Still)
    }

    /// What was passed on may be lost.
    pub(super) fn broke(&mut self) {
        if *self == Self::Whole {
            *self = Self::Broke;
        }
    }

    /// The page has heard that it is broken.
    pub(super) fn heard(&mut self) {
        if *self == Self::Told {
            *self = Self::Still;
        }
    }

    /// What the page on `channel` is to be told, while the way is `whole` now or not.
    pub(super) fn tell(&mut self, channel: u32, whole: bool, out: &mut Vec<Frame>) {
        match (*self, whole) {
            (Self::Unsaid, live) => {
                out.push(message::to_frame(&ToViewer::Attached { channel, live }));
                *self = if live { Self::Whole } else { Self::Still };
            }
            (Self::Broke, _) => {
                out.push(message::to_frame(&ToViewer::Live { channel, live: false }));
                out.push(Frame::Ping(ASKS | u64::from(channel)));
                *self = Self::Told;
            }
            (Self::Still, true) => {
                out.push(message::to_frame(&ToViewer::Live { channel, live: true }));
                *self = Self::Whole;
            }
            (Self::Whole | Self::Told, _) | (Self::Still, false) => {}
        }
    }
}
