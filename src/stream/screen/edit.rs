//! Erasing, inserting and deleting.

use super::cell::{Cell, Glyph, Pen};
use super::terminal::Terminal;

/// A change that all rows of the region undergo at one column.
#[derive(Clone, Copy)]
pub(super) enum Columns {
    Insert,
    Delete,
}

impl Terminal {
    /// ED, and DECSED with `selective`.
    pub(super) fn erase_in_display(&mut self, what: usize, selective: bool) {
        let (cols, origin) = (self.cols, self.modes.origin);
        let buffer = self.buffer();
        buffer.restrict(cols, origin);
        let (x, y) = (buffer.x, buffer.y);
        match what {
            0 => {
                self.erase_in_row(y, x, cols, x == 0, selective);
                for row in y + 1..self.rows {
                    self.erase_row(row, selective);
                }
            }
            1 => {
                self.erase_in_row(y, 0, x + 1, true, selective);
                if x + 1 >= cols {
                    self.unwrap_line(y + 1);
                }
                for row in 0..y {
                    self.erase_row(row, selective);
                }
            }
            2 => {
                for row in 0..self.rows {
                    self.erase_row(row, selective);
                }
            }
            3 => buffer.history.clear(),
            _ => {}
        }
    }

    /// The line at `line`, counted from the scrollback's first, is no continuation any more. (xterm.js
    /// counts from there where it means the screen; so it must here.)
    fn unwrap_line(&mut self, line: usize) {
        let buffer = self.buffer();
        match line.checked_sub(buffer.history.len()) {
            None => buffer.history.unwrap_line(line),
            Some(row) => {
                if let Some(row) = buffer.rows.get_mut(row) {
                    row.wrapped = false;
                }
            }
        }
    }

    /// EL, and DECSEL with `selective`.
    pub(super) fn erase_in_line(&mut self, what: usize, selective: bool) {
        let (cols, origin) = (self.cols, self.modes.origin);
        let buffer = self.buffer();
        buffer.restrict(cols, origin);
        let (x, y) = (buffer.x, buffer.y);
        match what {
            0 => self.erase_in_row(y, x, cols, x == 0, selective),
            1 => self.erase_in_row(y, 0, x + 1, false, selective),
            2 => self.erase_in_row(y, 0, cols, true, selective),
            _ => {}
        }
    }

    fn erase_in_row(&mut self, y: usize, start: usize, end: usize, unwrap: bool, selective: bool) {
        let eraser = self.pen.eraser();
        let row = &mut self.buffer().rows[y];
        if selective {
            row.erase_unprotected(start, end, eraser);
        } else {
            row.erase(start, end, eraser);
        }
        if unwrap {
            row.wrapped = false;
        }
    }

    fn erase_row(&mut self, y: usize, selective: bool) {
        let (cols, eraser) = (self.cols, self.pen.eraser());
        let row = &mut self.buffer().rows[y];
        if selective {
            row.erase_unprotected(0, cols, eraser);
        } else {
            row.clear(eraser);
        }
        row.wrapped = false;
    }

    /// ECH.
    pub(super) fn erase_chars(&mut self, n: usize) {
        self.restrict_cursor();
        let eraser = self.pen.eraser();
        let buffer = self.buffer();
        let x = buffer.x;
        buffer.row().erase(x, x.saturating_add(n), eraser);
    }

    /// ICH.
    pub(super) fn insert_chars(&mut self, n: usize) {
        self.restrict_cursor();
        let eraser = self.pen.eraser();
        let buffer = self.buffer();
        let x = buffer.x;
        buffer.row().insert(x, n, eraser);
    }

    /// DCH.
    pub(super) fn delete_chars(&mut self, n: usize) {
        self.restrict_cursor();
        let eraser = self.pen.eraser();
        let buffer = self.buffer();
        let x = buffer.x;
        buffer.row().delete(x, n, eraser);
    }

    /// IL and DL: only inside the region.
    pub(super) fn insert_lines(&mut self, n: usize) {
        self.in_region_at_cursor(|buffer, eraser| buffer.insert_rows(buffer.y, n, eraser));
    }

    /// See [`Self::insert_lines`].
    pub(super) fn delete_lines(&mut self, n: usize) {
        self.in_region_at_cursor(|buffer, eraser| buffer.remove_rows(buffer.y, n, eraser));
    }

    fn in_region_at_cursor(&mut self, change: impl FnOnce(&mut super::buffer::Buffer, Pen)) {
        self.restrict_cursor();
        let eraser = self.pen.eraser();
        let buffer = self.buffer();
        if (buffer.top..=buffer.bottom).contains(&buffer.y) {
            change(buffer, eraser);
            buffer.x = 0;
        }
    }

    /// SU: unlike a line feed it keeps nothing in the scrollback.
    pub(super) fn scroll_up(&mut self, n: usize) {
        let eraser = self.pen.eraser();
        let buffer = self.buffer();
        buffer.remove_rows(buffer.top, n, eraser);
    }

    /// SD. Its new lines have no background colour.
    pub(super) fn scroll_down(&mut self, n: usize) {
        let buffer = self.buffer();
        buffer.insert_rows(buffer.top, n, Pen::DEFAULT);
    }

    /// SL, SR, DECIC and DECDC: all rows of the region at one column.
    pub(super) fn edit_columns(&mut self, at: Option<usize>, n: usize, change: Columns) {
        let eraser = self.pen.eraser();
        let buffer = self.buffer();
        if !(buffer.top..=buffer.bottom).contains(&buffer.y) {
            return;
        }
        let at = at.unwrap_or(buffer.x);
        for row in &mut buffer.rows[buffer.top..=buffer.bottom] {
            match change {
                Columns::Insert => row.insert(at, n, eraser),
                Columns::Delete => row.delete(at, n, eraser),
            }
            row.wrapped = false;
        }
    }

    /// DECALN: the screen full of E, to adjust a tube.
    pub(super) fn alignment_pattern(&mut self) {
        let pen = Pen { ext: 0, ..self.pen };
        self.set_cursor(0, 0);
        let buffer = self.buffer();
        let first = buffer.y;
        for row in &mut buffer.rows[first..] {
            row.fill(Cell { glyph: Glyph::new(u32::from(b'E'), 1), pen });
        }
        self.set_cursor(0, 0);
    }
}
