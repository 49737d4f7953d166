//! A screen that takes a flood in late: most of what a flood prints scrolls away before anybody looks.
//!
//! Plain and coloured lines are put off as they come. Once enough lines follow, what is in front of them can no longer be
//! seen, in the scrollback either, and all that is taken from it is the pen that it leaves. Everything else, and whoever
//! looks, has the rest taken in first ([`LateScreen::settled`]); so what is shown is what a [`Screen`] would show that was
//! fed every byte at once.
//!
//! Why that holds: put off is only text, CR, LF, TAB, SGR and EL, on a screen that scrolls as a whole. None of these
//! changes a mode, a margin, a tab stop, a saved cursor, a title, or answers. Where pieces are passed over, the rest starts at
//! another place than it would have; but from its first CR on it stands in the right column, after one screen of line
//! feeds in the last row, and after one more screen and one more scrollback everything that stood elsewhere is gone.
//! `tests` compare the two on random output.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::utf8::printable_ascii;
use super::{Screen, ScreenTheme};

/// Output that is put off, in bytes. A screen and 5,000 lines of scrollback of 200 bytes each; of longer lines the oldest are
/// taken in, as without all this.
const PUT_OFF_BYTES_MAX: usize = 1024 * 1024;

/// The same in pieces, which may be small: some 64 KiB of memory.
const PUT_OFF_PIECES_MAX: usize = 1024;

/// A shorter piece of output is no flood, and is taken in at once.
const FLOOD_BYTES_MIN: usize = 1024;

/// See the module's text.
#[derive(Debug)]
pub struct LateScreen {
    screen: Screen,
    put_off: VecDeque<Piece>,
    /// Of all that is put off.
    bytes: usize,
    line_feeds: usize,
    scan: Scan,
    /// [`FLOOD_BYTES_MIN`]; less in tests.
    flood_bytes_min: usize,
}

/// One piece of output that is put off.
#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    line_feeds: usize,
    /// Those behind its first CR, if it has one.
    line_feeds_in_place: Option<usize>,
    /// What stands before it in this piece leaves nothing to the pen.
    pen_from: usize,
}

impl LateScreen {
    /// See [`Screen::new`].
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        Self {
            screen: Screen::new(cols, rows, scrollback_lines),
            put_off: VecDeque::new(),
            bytes: 0,
            line_feeds: 0,
            scan: Scan::Ground,
            flood_bytes_min: FLOOD_BYTES_MIN,
        }
    }

    /// Takes output in, as [`Screen::feed`] does, now or later. What is put off answers nothing.
    pub fn feed(&mut self, bytes: &Bytes, now: Instant, replies: &mut Vec<u8>) {
        if self.put_off.is_empty() {
            if bytes.len() < self.flood_bytes_min || !self.screen.scrolls_as_a_whole() {
                return self.screen.feed(bytes, now, replies);
            }
            self.scan = Scan::Ground;
        }
        let Some(piece) = self.scan.piece(bytes) else {
            return self.settled(now).feed(bytes, now, replies);
        };
        self.bytes += bytes.len();
        self.line_feeds += piece.line_feeds;
        self.put_off.push_back(piece);
        self.pass_over();
        while self.bytes > PUT_OFF_BYTES_MAX || self.put_off.len() > PUT_OFF_PIECES_MAX {
            self.settle_some(now);
        }
    }

    /// Whether something is put off.
    pub fn is_late(&self) -> bool {
        !self.put_off.is_empty()
    }

    /// Takes in some of what is put off: the oldest piece.
    pub fn settle_some(&mut self, now: Instant) {
        if let Some(piece) = self.take_oldest() {
            // Nothing of it asks.
            self.screen.feed(&piece.bytes, now, &mut Vec::new());
        }
    }

    /// The screen, with everything taken in.
    pub fn settled(&mut self, now: Instant) -> &mut Screen {
        while self.is_late() {
            self.settle_some(now);
        }
        &mut self.screen
    }

    /// What does not hang on what is put off: title, events, a synchronized update.
    pub fn unsettled(&mut self) -> &mut Screen {
        &mut self.screen
    }

    /// See [`Screen::set_theme`].
    pub fn set_theme(&mut self, theme: ScreenTheme) {
        self.screen.set_theme(theme);
    }

    /// Forgets the oldest pieces, as far as they can no longer be seen.
    fn pass_over(&mut self) {
        let unseen_behind = self.screen.line_feeds_to_replace_all();
        while let (Some(oldest), Some(next)) = (self.put_off.front(), self.put_off.get(1)) {
            let Some(in_place) = next.line_feeds_in_place else { return };
            let later = self.line_feeds - oldest.line_feeds - next.line_feeds;
            if in_place + later < unseen_behind {
                return;
            }
            if let Some(piece) = self.take_oldest() {
                self.screen.skim(&piece.bytes[piece.pen_from..]);
            }
        }
    }

    fn take_oldest(&mut self) -> Option<Piece> {
        let piece = self.put_off.pop_front()?;
        self.bytes -= piece.bytes.len();
        self.line_feeds -= piece.line_feeds;
        if self.put_off.is_empty() {
            self.put_off.shrink_to(0);
        }
        Some(piece)
    }
}

/// Where in a sequence the end of the last piece stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    Ground,
    /// Behind 0xc2, with which C1 controls begin.
    MaybeC1,
    Escape,
    Csi,
}

impl Scan {
    /// Looks through the next output. `None` if it holds anything but what can be put off.
    fn piece(&mut self, bytes: &Bytes) -> Option<Piece> {
        let (mut line_feeds, mut before_return, mut has_returned) = (0, 0, false);
        let mut pen_from = if *self == Self::Ground { bytes.len() } else { 0 };
        // Where the sequence at hand begins, if that is in this piece.
        let mut begins = None;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self {
                Self::Ground => match byte {
                    0x20..=0x7e => {
                        at += printable_ascii(&bytes[at..]);
                        continue;
                    }
                    b'\n' => line_feeds += 1,
                    b'\r' if has_returned => {}
                    b'\r' => (has_returned, before_return) = (true, line_feeds),
                    0x1b => (*self, begins) = (Self::Escape, Some(at)),
                    0xc2 => *self = Self::MaybeC1,
                    b'\t' | 0x80.. => {}
                    _ => return None,
                },
                Self::MaybeC1 if (0x80..0xa0).contains(&byte) => return None,
                Self::MaybeC1 => {
                    *self = Self::Ground;
                    continue;
                }
                Self::Escape if byte == b'[' => *self = Self::Csi,
                Self::Csi if matches!(byte, b'0'..=b';') => {}
                Self::Csi if matches!(byte, b'm' | b'K') => {
                    *self = Self::Ground;
                    let resets = begins.is_some_and(|begins| byte == b'm' && resets_pen(&bytes[begins + 2..=at]));
                    pen_from = if resets { begins.unwrap_or(0) } else { pen_from.min(begins.unwrap_or(0)) };
                }
                Self::Escape | Self::Csi => return None,
            }
            at += 1;
        }
        if let (Self::Escape | Self::Csi, Some(begins)) = (&self, begins) {
            pen_from = pen_from.min(begins);
        }
        let line_feeds_in_place = has_returned.then_some(line_feeds - before_return);
        Some(Piece { bytes: bytes.clone(), line_feeds, line_feeds_in_place, pen_from })
    }
}

/// Whether the parameters of an SGR, final byte included, begin with a zero: what was before is of no account.
fn resets_pen(parameters: &[u8]) -> bool {
    matches!(parameters, [b'm' | b';', ..] | [b'0', b'm' | b';', ..])
}

#[cfg(test)]
mod tests;
