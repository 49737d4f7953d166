//! The terminal model: what a session's screen shows, kept without any viewer.
//!
//! It is fed every byte the program writes, answers what the program asks, and can say at any offset how
//! to rebuild the screen: [`Screen::snapshot`]. Its measure is xterm.js 6.0.0, the terminal in the
//! browser: the same bytes lead to the same cells, cursor and modes, oddities included
//! (`docs/decisions/0002-terminal-model.md`; `tests/it/fidelity.rs` compares the two).
//!
//! Invariants: no byte string and no size makes it panic; its memory is bounded by the bounds named in
//! its modules; it has no clock and no I/O.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "columns, rows, widths and colour channels fit every integer they are put in; the bounds are checked where they enter"
)]

mod buffer;
mod cell;
mod charset;
mod colors;
mod control;
mod cursor;
mod edit;
mod history;
mod late;
mod modes;
mod osc;
mod params;
mod parser;
mod pool;
mod print;
mod replies;
mod resize;
mod row;
mod sgr;
mod snapshot;
mod tabs;
mod terminal;
#[cfg(test)]
mod tests;
mod utf8;
mod width;

use std::time::{Duration, Instant};

pub use late::LateScreen;
use parser::Parser;
use terminal::Terminal;
pub use width::columns;

use crate::base::limits::{COLS_MAX, ROWS_MAX};

/// How long a synchronized update (mode 2026) may hold back drawing. xterm.js gives up after as long.
const SYNCHRONIZED_MAX: Duration = Duration::from_secs(1);

/// Smallest width, in columns: a wide character must fit (xterm.js has the same).
const COLS_MIN: u16 = 2;

/// Colours of the viewer's theme, as programs are told them. Red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenTheme {
    /// Text.
    pub foreground: [u8; 3],
    /// Behind the text.
    pub background: [u8; 3],
    /// The cursor.
    pub cursor: [u8; 3],
}

impl Default for ScreenTheme {
    /// What xterm.js has without a theme: white on black.
    fn default() -> Self {
        Self { foreground: [0xff; 3], background: [0; 3], cursor: [0xff; 3] }
    }
}

/// What happened since it was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScreenEvents {
    /// How often the bell rang.
    pub bells: u32,
    /// The title is another one, or was set again.
    pub title_changed: bool,
    /// What the program said of itself, in its order; at most [`SIGNALS_MAX`].
    pub signals: Vec<ScreenSignal>,
}

/// Signals kept until they are taken. A program that says more says nothing.
pub const SIGNALS_MAX: usize = 16;

/// What a program says of itself to whoever watches its terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenSignal {
    /// The bell rang.
    Bell,
    /// A notification (OSC 9, 99, 777), at most 500 bytes.
    Notice(String),
    /// Progress is shown, or no more (OSC 9;4).
    Progress(bool),
    /// A shell shows its prompt (OSC 133;A).
    Prompt,
    /// It runs a command (OSC 133;C).
    CommandStarts,
    /// The command has ended (OSC 133;D).
    CommandEnds,
}

/// Where the cursor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenCursor {
    /// Column from zero; equal to the number of columns while a wrap is pending.
    pub column: u16,
    /// Row from zero.
    pub row: u16,
    /// Whether the program shows it.
    pub visible: bool,
}

/// One session's screen and scrollback.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal,
    parser: Parser,
    /// When the synchronized update began that is going on.
    synchronized_since: Option<Instant>,
}

impl Screen {
    /// An empty screen. The size is brought within 2 × 1 and `COLS_MAX` × `ROWS_MAX`.
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        let (cols, rows) = clamp_size(cols, rows);
        Self { terminal: Terminal::new(cols, rows, scrollback_lines), parser: Parser::new(), synchronized_since: None }
    }

    /// Takes output in. Answers to what the program asks are appended to `replies`, at most 64 KiB a call;
    /// they belong on the PTY whoever watches.
    pub fn feed(&mut self, bytes: &[u8], now: Instant, replies: &mut Vec<u8>) {
        self.parser.feed(bytes, &mut self.terminal);
        replies.append(&mut self.terminal.replies);
        if self.terminal.modes.synchronized {
            self.synchronized_since.get_or_insert(now);
        } else {
            self.synchronized_since = None;
        }
    }

    /// Whether a line feed in the last row moves all rows up, and the next byte begins something.
    fn scrolls_as_a_whole(&self) -> bool {
        let buffer = self.terminal.active();
        buffer.top == 0 && buffer.bottom + 1 == buffer.rows.len() && self.parser.is_at_rest()
    }

    /// How many line feeds it takes until nothing is left of what is on the screen and above it now.
    fn line_feeds_to_replace_all(&self) -> usize {
        let buffer = self.terminal.active();
        2 * buffer.rows.len() + buffer.history.lines_max()
    }

    /// Takes from output that will not be seen the pen that it leaves.
    fn skim(&mut self, bytes: &[u8]) {
        self.parser.skim(bytes, &mut self.terminal);
    }

    /// Ends a synchronized update that takes too long. Says when to ask again.
    pub fn tick(&mut self, now: Instant) -> Option<Instant> {
        let until = self.synchronized_since? + SYNCHRONIZED_MAX;
        if now < until {
            return Some(until);
        }
        self.terminal.modes.synchronized = false;
        self.synchronized_since = None;
        None
    }

    /// Gives the screen another size, within the bounds of [`Self::new`]. Lines are broken anew.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        let (cols, rows) = clamp_size(cols, rows);
        self.terminal.resize(cols, rows);
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        (self.terminal.cols as u16, self.terminal.rows as u16)
    }

    /// Tells the colours that programs learn when they ask.
    pub fn set_theme(&mut self, theme: ScreenTheme) {
        self.terminal.colors.theme = theme;
    }

    /// Escape sequences that rebuild everything on an xterm.js terminal of the same size that was just
    /// reset: with `history` also the scrollback, as far as `SNAPSHOT_BYTES_MAX` allows. What comes after
    /// the snapshot's offset can follow at once, inside a sequence or character as well.
    pub fn snapshot(&self, history: bool) -> Vec<u8> {
        snapshot::write(&self.terminal, &self.parser, history)
    }

    /// One visible row as far as `cols` columns reach, as text with colours for a terminal of another size: it stands at
    /// the beginning of an empty row, in the default pen, and is in that pen again at the end. Nothing beyond the last row.
    pub fn row(&self, row: u16, cols: u16) -> Vec<u8> {
        snapshot::write_row(&self.terminal, usize::from(row), usize::from(cols))
    }

    /// The title the program gave, at most 1 KiB.
    pub fn title(&self) -> Option<&str> {
        self.terminal.title.as_deref()
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> ScreenEvents {
        ScreenEvents {
            bells: std::mem::take(&mut self.terminal.bells),
            title_changed: std::mem::take(&mut self.terminal.title_changed),
            signals: std::mem::take(&mut self.terminal.signals),
        }
    }

    /// The visible rows as plain text, without trailing blanks.
    pub fn text(&self) -> Vec<String> {
        let row_text = |row: &row::Row| {
            let mut text = String::new();
            for cell in row.used() {
                if cell.glyph == cell::Glyph::NULL {
                    text.push(' ');
                } else {
                    self.terminal.push_glyph(cell.glyph, &mut text);
                }
            }
            text.truncate(text.trim_end().len());
            text
        };
        self.terminal.active().rows.iter().map(row_text).collect()
    }

    /// The cursor.
    pub fn cursor(&self) -> ScreenCursor {
        let buffer = self.terminal.active();
        ScreenCursor { column: buffer.x as u16, row: buffer.y as u16, visible: !self.terminal.modes.cursor_hidden }
    }

    /// Whether a full-screen program has the alternate screen.
    pub fn is_alternate(&self) -> bool {
        self.terminal.on_alternate
    }

    /// Lines that have left the screen at the top and are kept.
    pub fn scrollback_lines(&self) -> usize {
        self.terminal.main.history.len()
    }
}

fn clamp_size(cols: u16, rows: u16) -> (usize, usize) {
    (usize::from(cols.clamp(COLS_MIN, COLS_MAX)), usize::from(rows.clamp(1, ROWS_MAX)))
}
