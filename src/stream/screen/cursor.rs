//! Moving the cursor.

use super::params::Params;
use super::terminal::Terminal;

impl Terminal {
    /// Puts the cursor somewhere; rows count from the region's top in origin mode.
    pub(super) fn set_cursor(&mut self, x: i64, y: i64) {
        let (cols, origin) = (self.cols, self.modes.origin);
        let buffer = self.buffer();
        let y = if origin { y + buffer.top as i64 } else { y };
        buffer.x = x.max(0) as usize;
        buffer.y = y.max(0) as usize;
        buffer.restrict(cols - 1, origin);
    }

    /// Keeps the cursor on the last column at most: a pending wrap is off.
    pub(super) fn restrict_cursor(&mut self) {
        let (cols, origin) = (self.cols, self.modes.origin);
        self.buffer().restrict(cols - 1, origin);
    }

    /// Moves by cells. In origin mode xterm.js counts the region's top twice; so it must here.
    pub(super) fn move_cursor(&mut self, dx: i64, dy: i64) {
        self.restrict_cursor();
        let (x, y) = (self.buffer().x as i64, self.buffer().y as i64);
        self.set_cursor(x + dx, y + dy);
    }

    pub(super) fn cursor_up(&mut self, n: usize) {
        let buffer = self.buffer();
        let n = if buffer.y >= buffer.top { n.min(buffer.y - buffer.top) } else { n };
        self.move_cursor(0, -(n as i64));
    }

    pub(super) fn cursor_down(&mut self, n: usize) {
        let buffer = self.buffer();
        let n = if buffer.y <= buffer.bottom { n.min(buffer.bottom - buffer.y) } else { n };
        self.move_cursor(0, n as i64);
    }

    /// CHA and HPA.
    pub(super) fn cursor_to_column(&mut self, column: usize) {
        let y = self.buffer().y as i64;
        self.set_cursor(column as i64 - 1, y);
    }

    /// VPA.
    pub(super) fn cursor_to_row(&mut self, row: usize) {
        let x = self.buffer().x as i64;
        self.set_cursor(x, row as i64 - 1);
    }

    pub(super) fn line_feed(&mut self) {
        let (cols, rows, newline, eraser) = (self.cols, self.rows, self.modes.newline, self.pen.eraser());
        let buffer = self.buffer();
        if newline {
            buffer.x = 0;
        }
        if buffer.y == buffer.bottom {
            buffer.scroll(eraser, false);
        } else if buffer.y + 1 < rows {
            buffer.y += 1;
            buffer.row().wrapped = false;
        }
        if buffer.x >= cols {
            buffer.x -= 1;
        }
    }

    /// IND: like a line feed, but the line it comes to stays a continuation if it is one.
    pub(super) fn index(&mut self) {
        self.restrict_cursor();
        let (rows, eraser) = (self.rows, self.pen.eraser());
        let buffer = self.buffer();
        if buffer.y == buffer.bottom {
            buffer.scroll(eraser, false);
        } else {
            buffer.y = (buffer.y + 1).min(rows - 1);
        }
        self.restrict_cursor();
    }

    /// RI.
    pub(super) fn reverse_index(&mut self) {
        self.restrict_cursor();
        let eraser = self.pen.eraser();
        let buffer = self.buffer();
        if buffer.y == buffer.top {
            buffer.insert_rows(buffer.top, 1, eraser);
        } else {
            buffer.y = buffer.y.saturating_sub(1);
            self.restrict_cursor();
        }
    }

    pub(super) fn backspace(&mut self) {
        let (cols, origin) = (self.cols, self.modes.origin);
        if !self.modes.reverse_wrap {
            self.restrict_cursor();
            let buffer = self.buffer();
            buffer.x = buffer.x.saturating_sub(1);
            return;
        }
        let buffer = self.buffer();
        buffer.restrict(cols, origin);
        if buffer.x > 0 {
            buffer.x -= 1;
        } else if buffer.y > buffer.top && buffer.y <= buffer.bottom && buffer.row().wrapped {
            buffer.row().wrapped = false;
            buffer.y -= 1;
            buffer.x = cols - 1;
            // The empty last column before a wide character that did not fit.
            let glyph = buffer.row().cells()[cols - 1].glyph;
            if glyph.width() > 0 && !glyph.has_content() {
                buffer.x -= 1;
            }
        }
        self.restrict_cursor();
    }

    pub(super) fn tab(&mut self, n: usize) {
        let cols = self.cols;
        let buffer = self.buffer();
        if buffer.x < cols {
            for _ in 0..n.min(cols) {
                buffer.x = buffer.tabs.next(buffer.x, cols);
            }
        }
    }

    pub(super) fn tab_back(&mut self, n: usize) {
        let cols = self.cols;
        let buffer = self.buffer();
        if buffer.x < cols {
            for _ in 0..n.min(cols) {
                buffer.x = buffer.tabs.previous(buffer.x, cols);
            }
        }
    }

    /// TBC.
    pub(super) fn clear_tabs(&mut self, which: usize) {
        let buffer = self.buffer();
        match which {
            0 => buffer.tabs.set(buffer.x, false),
            3 => buffer.tabs.clear(),
            _ => {}
        }
    }

    /// DECSTBM.
    pub(super) fn set_region(&mut self, params: &Params) {
        let top = params.count(0);
        let bottom = match params.get(1) {
            0 => self.rows,
            bottom => bottom.min(self.rows),
        };
        if bottom > top {
            let buffer = self.buffer();
            buffer.top = top - 1;
            buffer.bottom = bottom - 1;
            self.set_cursor(0, 0);
        }
    }
}
