//! Rows and scrollback as text with colours.

use std::sync::Arc;

use super::super::buffer::Buffer;
use super::super::cell::{Cell, Glyph, Pen, bg, color};
use super::super::history::{Line, Text};
use super::super::pool::{Link, LinkIdentity};
use super::super::row::Row;
use super::super::sgr;
use super::super::terminal::Terminal;
use super::super::width::width;
use crate::base::limits::SNAPSHOT_BYTES_MAX;

/// What a line may take of a snapshot at most, for each change of colour and each character: decides how
/// much history fits.
const RUN_BYTES_MAX: usize = 48;

/// Writes cells and remembers how the terminal that reads it will stand.
pub(super) struct Painter<'a> {
    terminal: &'a Terminal,
    out: Vec<u8>,
    pen: Pen,
    link: Option<Arc<Link>>,
}

impl<'a> Painter<'a> {
    pub(super) fn new(terminal: &'a Terminal, out: Vec<u8>) -> Self {
        Self { terminal, out, pen: Pen::DEFAULT, link: None }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `CSI`, a number, a final byte. One is left out where it is what absence means.
    pub(super) fn csi(&mut self, number: usize, last: u8) {
        self.push(b"\x1b[");
        if number != 1 {
            sgr::write_number(number, &mut self.out);
        }
        self.out.push(last);
    }

    /// Goes to a row and column, both from zero.
    pub(super) fn go_to(&mut self, x: usize, y: usize) {
        self.push(b"\x1b[");
        sgr::write_number(y + 1, &mut self.out);
        self.out.push(b';');
        sgr::write_number(x + 1, &mut self.out);
        self.out.push(b'H');
    }

    /// Takes up a pen, with its link.
    pub(super) fn take_pen(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        let extended = self.terminal.extended_of(pen);
        let link = extended.and_then(|extended| extended.link.clone());
        if (pen.bg ^ self.pen.bg) & bg::PROTECTED != 0 {
            self.push(if pen.bg & bg::PROTECTED != 0 { b"\x1b[1\"q" } else { b"\x1b[0\"q" });
        }
        if link != self.link {
            self.take_link(link);
        }
        sgr::write(pen, extended, &mut self.out);
        if pen.bg & bg::PROTECTED != 0 {
            // SGR 0 ends protection as well.
            self.push(b"\x1b[1\"q");
        }
        self.pen = pen;
    }

    /// Forgets what the pen was: something else changed it.
    pub(super) fn forget_pen(&mut self) {
        self.pen = Pen { fg: u32::MAX, bg: u32::MAX, ext: u32::MAX };
    }

    fn take_link(&mut self, link: Option<Arc<Link>>) {
        self.push(b"\x1b]8;");
        if let Some(link) = &link {
            if let LinkIdentity::Named(name) = &link.identity {
                self.push(b"id=");
                self.push(name.as_bytes());
            }
            self.out.push(b';');
            self.push(link.uri.as_bytes());
        } else {
            self.out.push(b';');
        }
        self.push(b"\x1b\\");
        self.link = link;
    }

    /// Leaves the main screen for an empty alternate one. Mode 47 saves no cursor: that one is set already.
    pub(super) fn enter_alternate(&mut self) {
        self.take_pen(Pen::DEFAULT);
        self.push(b"\x1b[?47h\x1b[H");
    }

    /// Writes a screen from its first row on, which is where the reader's cursor is; before it the scrollback
    /// but for the oldest `skipped` lines.
    pub(super) fn paint(&mut self, buffer: &Buffer, skipped: usize) {
        let lines = buffer.history.lines();
        let above = lines.len() - skipped;
        // Rows below the last text need not be written, but to scroll all of the history out.
        let blank = |row: &&Row| row.used().iter().all(|cell| *cell == Cell::BLANK) && !row.wrapped;
        let tail = buffer.rows.iter().rev().take_while(blank).count();
        let rows = if above > 0 { buffer.rows.len() } else { buffer.rows.len() - tail };
        let cols = self.terminal.cols;
        for at in skipped..lines.len() {
            let line = &lines[at];
            let next = match lines.get(at + 1) {
                Some(next) => next.wrapped.then(|| next.first()),
                None => first_cell(&buffer.rows[0]),
            };
            self.paint_line(line, at > skipped && line.wrapped, next, cols);
            self.end_line(next.is_some());
        }
        for (at, row) in buffer.rows[..rows].iter().enumerate() {
            let first = at == 0 && above == 0;
            let next = buffer.rows[..rows].get(at + 1).and_then(first_cell);
            self.paint_cells(row.used(), row.wrapped && !first, next, cols);
            if at + 1 < rows {
                self.end_line(next.is_some());
            }
        }
    }

    /// How many of the oldest lines do not fit a snapshot.
    pub(super) fn history_to_skip(&self, buffer: &Buffer) -> usize {
        let screen = buffer.rows.len() * self.terminal.cols * RUN_BYTES_MAX;
        let mut left = SNAPSHOT_BYTES_MAX.saturating_sub(screen + self.out.len());
        let fits = buffer.history.lines().iter().rev().take_while(|line| {
            let glyph_bytes = if matches!(line.text, Text::Ascii(_)) { 1 } else { 8 };
            let size = 8 + line.len() * glyph_bytes + line.runs.len() * RUN_BYTES_MAX;
            left.checked_sub(size).map(|rest| left = rest).is_some()
        });
        buffer.history.len() - fits.count()
    }

    /// Ends a row: a continued one by going on writing, others by a line feed in the default pen, whose
    /// background the new line takes.
    fn end_line(&mut self, next_continues: bool) {
        if !next_continues {
            if self.pen.bg != 0 {
                self.take_pen(Pen { bg: 0, ..Pen::DEFAULT });
            }
            self.push(b"\r\n");
        }
    }

    fn paint_line(&mut self, line: &Line, continues: bool, next: Option<Cell>, cols: usize) {
        // By far the most common line is copied.
        if let (Text::Ascii(text), true, false, None) = (&line.text, line.runs.is_empty(), continues, next)
            && !text.contains(&0)
        {
            self.take_pen(Pen::DEFAULT);
            self.push(text);
            return;
        }
        let row = line.unpack(cols.max(line.len()));
        self.paint_cells(row.used(), continues, next, cols);
    }

    /// Writes the cells of one row. `continues`: it flowed over the margin, so its first cell must be printed
    /// for the reader to wrap as well. `next`: what the next row begins with, if it continues this one.
    pub(super) fn paint_cells(&mut self, cells: &[Cell], continues: bool, next: Option<Cell>, cols: usize) {
        let len = cells.iter().rposition(|cell| *cell != Cell::BLANK).map_or(0, |at| at + 1);
        let mut at = 0;
        if continues {
            at = self.wrap(cells.first().copied().unwrap_or(Cell::BLANK));
        }
        // Where the next row begins with a wide character, the last column may be empty: it did not fit.
        // The reader leaves it empty as well, in the pen of that character.
        let last = cells.get(cols - 1).copied().unwrap_or(Cell::BLANK);
        let gap = next.is_some_and(|next| next.glyph.width() == 2 && last == Cell::null(next.pen));
        let margin = if gap { cols - 1 } else { cols };
        while at < len {
            let cell = cells[at];
            if cell.glyph == Glyph::NULL && cell.pen == cell.pen.eraser() {
                let run = cells[at..len].iter().take_while(|other| **other == cell).count();
                if next.is_some() && at + run >= margin {
                    break;
                }
                self.skip(cell.pen, run, at + run == cols && (at > 0 || !continues));
                at += run;
                continue;
            }
            self.paint_cell(cell);
            at += 1;
            if cell.glyph.width() == 2 && cells.get(at).is_some_and(|next| next.glyph.0 == 0) {
                at += 1;
            }
        }
        if next.is_some() {
            // Blanks up to the margin, so that what comes next wraps.
            for at in at..margin {
                self.take_pen(cells.get(at).map_or(Pen::DEFAULT, |cell| cell.pen));
                self.push(b" ");
            }
        }
    }

    /// Makes the reader flow into a continued row, and says how many of its cells are written with that.
    fn wrap(&mut self, first: Cell) -> usize {
        // Only what takes a column flows over. Anything else is preceded by a blank that is erased again.
        let prints = first.glyph.has_content() && first.glyph.width() > 0 && !self.begins_with_mark(first.glyph);
        if prints {
            self.paint_cell(first);
        } else {
            self.push(b" ");
        }
        if self.pen.bg & color::MASK != 0 {
            // If the reader scrolled, the new row is in this background to its end.
            self.take_pen(Pen::DEFAULT);
            self.push(b"\x1b[K");
        }
        if prints {
            return first.glyph.width() as usize;
        }
        self.push(b"\x08");
        self.take_pen(Pen::DEFAULT);
        self.push(b"\x1b[X");
        0
    }

    /// Passes over erased cells, painting their background: `to_end` if nothing comes after them and the row
    /// would not stop being a continuation, which EL at its first cell makes it.
    fn skip(&mut self, pen: Pen, run: usize, to_end: bool) {
        if pen != Pen::DEFAULT {
            self.take_pen(pen);
            if to_end {
                self.push(b"\x1b[K");
                return;
            }
            self.csi(run, b'X');
        }
        self.csi(run, b'C');
    }

    /// Whether a glyph is a combining mark with nothing to join.
    fn begins_with_mark(&self, glyph: Glyph) -> bool {
        if glyph.is_ascii() {
            return false;
        }
        let first = match glyph.cluster_number() {
            Some(number) => self.terminal.clusters.get(number).and_then(|text| text.chars().next()).map(u32::from),
            None => Some(glyph.code()),
        };
        first.is_some_and(|ch| width(ch) == 0)
    }

    /// Writes one cell's character.
    pub(super) fn paint_cell(&mut self, cell: Cell) {
        self.take_pen(cell.pen);
        let glyph = cell.glyph;
        if glyph.is_ascii() {
            let byte = (glyph.0 & 0x7f) as u8;
            self.out.push(if byte == 0 { b' ' } else { byte });
            return;
        }
        if !glyph.has_content() {
            self.out.push(b' ');
            return;
        }
        if self.begins_with_mark(glyph) {
            // A mark that stands alone must not join what was printed before it: any sequence between does.
            sgr::write(cell.pen, self.terminal.extended_of(cell.pen), &mut self.out);
        }
        match glyph.cluster_number() {
            Some(number) => self.push_text(self.terminal.clusters.get(number).map_or("", |text| text)),
            None => self.push_char(glyph.code()),
        }
    }

    fn push_text(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    fn push_char(&mut self, code: u32) {
        let ch = char::from_u32(code).unwrap_or(' ');
        self.push(ch.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// The pen the reader has after all this, if it is known.
    pub(super) fn set_final_pen(&mut self, pen: Pen) {
        self.pen = pen;
    }
}

/// What a row begins with, if it continues the one above.
fn first_cell(row: &Row) -> Option<Cell> {
    row.wrapped.then(|| row.cells()[0])
}
