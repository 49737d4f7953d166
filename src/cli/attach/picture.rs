//! What the terminal shows of the session, and the bytes that bring it there.

use std::time::{Duration, Instant};

use super::filter::Filter;
use super::terminal;
use super::view::View;
use crate::pty::Size;
use crate::wire::frame::SnapshotAt;

/// A picture of a session that somebody else types into is drawn at most this often.
const DRAW_EVERY: Duration = Duration::from_millis(33);

/// How long a watcher is told what the keys are.
const HINT_FOR: Duration = Duration::from_secs(4);

/// All methods append to `out` what the terminal is to be sent.
pub(super) enum Picture {
    /// Nothing of the session yet.
    None,
    /// The program's own bytes, in a terminal of the session's size.
    Own {
        filter: Filter,
        /// What the person had on the screen before is where it can be scrolled back to.
        pushed_up: bool,
    },
    /// Drawn from a model.
    Drawn { view: Box<View>, drawn_at: Instant, hint_until: Instant },
}

impl Picture {
    /// Turns to the program's own bytes.
    pub(super) fn own(out: &mut Vec<u8>) -> Self {
        terminal::neutral(out);
        Self::Own { filter: Filter::new(), pushed_up: false }
    }

    /// Turns to a drawing.
    pub(super) fn drawn(out: &mut Vec<u8>) -> Self {
        terminal::neutral(out);
        out.extend_from_slice(b"\x1b[?1049h\x1b[H\x1b[2J");
        terminal::on_alternate(true);
        let now = Instant::now();
        Self::Drawn { view: Box::new(View::new()), drawn_at: now, hint_until: now + HINT_FOR }
    }

    /// The screen becomes a snapshot, whose pieces come next.
    pub(super) fn begin(&mut self, at: SnapshotAt, size: Size, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Own { filter, pushed_up } => {
                terminal::neutral(out);
                *filter = Filter::new();
                if !std::mem::replace(pushed_up, true) {
                    let rows = size.rows;
                    out.extend_from_slice(format!("\x1b[{rows};1H{}", "\n".repeat(usize::from(rows))).as_bytes());
                }
                // Not ED 2, for which some terminals keep a copy of each screen that is erased.
                out.extend_from_slice(b"\x1b[H\x1b[J");
            }
            Self::Drawn { view, .. } => view.reset(at),
        }
    }

    /// A piece of a snapshot, or output.
    pub(super) fn show(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Own { filter, .. } => {
                filter.feed(bytes, out);
                terminal::on_alternate(filter.on_alternate());
            }
            Self::Drawn { view, .. } => view.feed(bytes, Instant::now()),
        }
    }

    /// The terminal has another size.
    pub(super) fn resized(&mut self, out: &mut Vec<u8>) {
        if let Self::Drawn { view, .. } = self {
            out.extend_from_slice(b"\x1b[H\x1b[2J");
            view.redraw();
        }
    }

    /// Who watches is told the keys once more.
    pub(super) fn hint_again(&mut self) {
        if let Self::Drawn { view, hint_until, .. } = self {
            *hint_until = Instant::now() + HINT_FOR;
            view.stir();
        }
    }

    /// When [`Self::draw`] has something to do.
    pub(super) fn draws_at(&self) -> Option<Instant> {
        match self {
            Self::Drawn { view, drawn_at, .. } if view.has_changed() => Some(*drawn_at + DRAW_EVERY),
            Self::Drawn { drawn_at, hint_until, .. } if drawn_at < hint_until => Some(*hint_until),
            _ => None,
        }
    }

    /// Brings a drawing up to date.
    pub(super) fn draw(&mut self, size: Size, hint: &str, out: &mut Vec<u8>) {
        if let Self::Drawn { view, drawn_at, hint_until } = self {
            let now = Instant::now();
            view.draw(size, (*hint_until > now).then_some(hint), out);
            *drawn_at = now;
        }
    }
}
