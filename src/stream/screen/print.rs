//! Printing: what characters do to the screen.

use super::cell::Glyph;
use super::charset::Charset;
use super::terminal::Terminal;
use super::utf8::{Decoded, decode, printable_ascii};
use super::width::width;

impl Terminal {
    /// Prints what `bytes` begin with, up to the first control or incomplete character, and says how
    /// many bytes that was.
    pub(super) fn print(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        let mut started = false;
        while at < bytes.len() {
            let ascii = printable_ascii(&bytes[at..]);
            if ascii > 0 {
                self.begin_run(&mut started);
                self.print_ascii(&bytes[at..at + ascii]);
                at += ascii;
                continue;
            }
            if bytes[at] < 0x80 {
                break;
            }
            match decode(&bytes[at..]) {
                Decoded::Char(..0xa0, _) | Decoded::Incomplete => break,
                Decoded::Char(ch, len) => {
                    self.begin_run(&mut started);
                    self.print_char(ch);
                    at += len;
                }
                Decoded::Invalid(len) => at += len,
            }
        }
        if started {
            self.end_run();
        }
        at
    }

    /// One character alone, a run of its own.
    pub(super) fn print_one(&mut self, ch: u32) {
        self.begin_run(&mut false);
        self.print_char(ch);
        self.end_run();
    }

    /// A run that starts on the right half of a wide character takes its left half away.
    #[inline]
    fn begin_run(&mut self, started: &mut bool) {
        if *started {
            return;
        }
        *started = true;
        let pen = self.pen;
        let buffer = self.buffer();
        let x = buffer.x;
        if x > 0 && buffer.row().width(x - 1) == 2 {
            buffer.row().set(x - 1, Glyph::NULL, pen);
        }
    }

    /// A run that ends on the left half of a wide character takes its right half away.
    #[inline]
    fn end_run(&mut self) {
        let pen = self.pen;
        let buffer = self.buffer();
        let x = buffer.x;
        if buffer.row().is_right_half(x) {
            buffer.row().set(x, Glyph::NULL, pen);
        }
    }

    #[inline]
    fn print_ascii(&mut self, mut text: &[u8]) {
        if self.charsets.active != Charset::ASCII || self.modes.insert {
            for byte in text {
                self.print_char(self.charsets.active.translate(*byte));
            }
            return;
        }
        let (cols, pen) = (self.cols, self.pen);
        while !text.is_empty() {
            if self.buffer().x >= cols {
                if self.modes.autowrap {
                    self.wrap();
                } else {
                    self.buffer().x = cols - 1;
                }
            }
            let buffer = self.buffer();
            let x = buffer.x;
            let (fits, rest) = text.split_at(text.len().min(cols - x));
            buffer.row().write_ascii(x, fits, pen);
            buffer.x = x + fits.len();
            text = rest;
        }
        self.printed = 1 << 1;
    }

    fn print_char(&mut self, ch: u32) {
        let (cols, pen) = (self.cols, self.pen);
        let mut columns = width(ch);
        let before = self.printed >> 1;
        let joins = columns == 0 && before > 0;
        if joins {
            columns = before;
        }
        self.printed = columns << 1 | u32::from(joins);
        let taken = columns as usize;
        let mut x = self.buffer().x;
        if joins && x > 0 {
            let back = if self.buffer().row().width(x - 1) > 0 { 1 } else { 2 };
            if let Some(at) = x.checked_sub(back) {
                self.join_at(at, ch, columns);
            }
            return;
        }
        if !joins && x + taken > cols {
            if self.modes.autowrap {
                // A wide character leaves the last column empty.
                (x..cols).for_each(|at| self.buffer().row().set(at, Glyph::NULL, pen));
                self.wrap();
            } else {
                self.buffer().x = cols - 1;
                if taken == 2 {
                    return;
                }
            }
            x = self.buffer().x;
        }
        let insert = self.modes.insert;
        let buffer = self.buffer();
        let row = buffer.row();
        if insert {
            row.insert(x, if joins { 0 } else { taken }, pen);
        }
        row.set(x, Glyph::new(ch, columns), pen);
        if taken == 2 {
            row.set(x + 1, Glyph(0), pen);
        }
        buffer.x = (x + taken.max(1)).min(cols);
    }

    /// Puts a combining mark into the cell at `at`.
    fn join_at(&mut self, at: usize, mark: u32, columns: u32) {
        let glyph = self.buffer().row().cells()[at].glyph;
        let joined =
            if glyph.has_content() { self.join(glyph, mark).with_width(columns) } else { Glyph::new(mark, columns) };
        self.buffer().row().set_glyph(at, joined);
    }

    /// Goes on in the next line because text flowed over the margin.
    fn wrap(&mut self) {
        let eraser = self.pen.eraser();
        let rows = self.rows;
        let buffer = self.buffer();
        buffer.x = 0;
        if buffer.y == buffer.bottom {
            buffer.scroll(eraser, true);
        } else {
            buffer.y = (buffer.y + 1).min(rows - 1);
            buffer.row().wrapped = true;
        }
    }

    /// REP: the last character once more, `n` times.
    pub(super) fn repeat(&mut self, n: usize) {
        let columns = (self.printed >> 1) as usize;
        if self.printed == 0 {
            return;
        }
        let Some(at) = self.buffer().x.checked_sub(columns) else { return };
        let Some(cell) = self.buffer().row().cells().get(at).copied() else { return };
        let mut text = String::new();
        self.push_glyph(cell.glyph, &mut text);
        if text.is_empty() {
            return;
        }
        self.begin_run(&mut false);
        // More than a screenful shows nothing new, and a number is cheaper to send than to obey.
        for _ in 0..n.min(self.cols * self.rows) {
            for ch in text.chars() {
                match u8::try_from(ch) {
                    Ok(byte @ 0x20..0x7f) => self.print_char(self.charsets.active.translate(byte)),
                    _ => self.print_char(u32::from(ch)),
                }
            }
        }
        self.end_run();
    }
}
