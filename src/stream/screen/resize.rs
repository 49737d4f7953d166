//! A change of size: lines are joined and broken anew.

use super::buffer::Buffer;
use super::cell::Cell;
use super::row::Row;
use super::terminal::Terminal;

impl Terminal {
    pub(super) fn resize(&mut self, cols: usize, rows: usize) {
        if (cols, rows) == (self.cols, self.rows) {
            return;
        }
        self.main.resize(cols, rows, true);
        self.alternate.resize(cols, rows, false);
        self.main.tabs.grow(cols);
        self.alternate.tabs.grow(cols);
        self.cols = cols;
        self.rows = rows;
        // What was printed last may stand elsewhere now.
        self.printed = 0;
    }
}

impl Buffer {
    fn resize(&mut self, cols: usize, rows: usize, reflows: bool) {
        let old_cols = self.rows[0].cols();
        let old_rows = self.rows.len();
        if rows > old_rows {
            self.grow_rows(cols.max(old_cols), rows);
        } else {
            self.shrink_rows(rows);
        }
        self.x = self.x.min(cols - 1);
        self.y = self.y.min(rows - 1);
        self.saved.x = self.saved.x.min(cols - 1);
        self.top = 0;
        self.bottom = rows - 1;
        if cols != old_cols && reflows {
            self.reflow(cols, rows);
        }
        self.rows.iter_mut().for_each(|row| row.resize(cols));
    }

    /// New rows come from the scrollback when the cursor is on the last row, else from below.
    fn grow_rows(&mut self, cols: usize, rows: usize) {
        let mut taken = 0;
        while self.rows.len() < rows {
            let from_above = self.y + taken + 1 >= self.rows.len();
            match from_above.then(|| self.history.pop()).flatten() {
                Some(line) => {
                    self.rows.insert(0, line.unpack(cols.max(line.len())));
                    taken += 1;
                }
                None => self.rows.push(Row::blank(cols)),
            }
        }
        self.y += taken;
    }

    /// Rows below the cursor go first, then those at the top go to the scrollback.
    fn shrink_rows(&mut self, rows: usize) {
        while self.rows.len() > rows {
            if self.rows.len() > self.y + 1 {
                self.rows.pop();
            } else {
                let row = self.rows.remove(0);
                self.history.push(&row);
                self.y = self.y.saturating_sub(1);
            }
        }
    }

    /// Breaks every line anew but the cursor's, which its program is expected to draw again.
    fn reflow(&mut self, cols: usize, rows: usize) {
        let old_cols = self.rows[0].cols();
        let nothing_above = self.history.len() == 0;
        let cursor = self.history.len() + self.y;
        let saved = self.saved.line;
        // Blank rows below the cursor are not part of any text.
        let used = self.rows.iter().rposition(|row| !row.used().is_empty()).map_or(0, |at| at + 1).max(self.y + 1);
        let below = self.rows.split_off(used.min(self.rows.len())).len();
        let mut lines: Vec<Row> = Vec::with_capacity(self.history.len() + self.rows.len());
        while let Some(line) = self.history.pop() {
            lines.push(line.unpack(old_cols.max(line.len())));
        }
        lines.reverse();
        lines.append(&mut self.rows);

        let mut broken: Vec<Row> = Vec::with_capacity(lines.len());
        let (mut new_cursor, mut new_saved) = (0, 0);
        let mut start = 0;
        while start < lines.len() {
            let wrapped = lines[start + 1..].iter().take_while(|line| line.wrapped).count();
            let end = start + 1 + wrapped;
            let first = broken.len();
            if (start..end).contains(&cursor) {
                new_cursor = first + (cursor - start);
                broken.extend(lines[start..end].iter().cloned());
            } else {
                break_line(&lines[start..end], cols, &mut broken);
            }
            if (start..end).contains(&saved) {
                new_saved = (first + (saved - start)).min(broken.len() - 1);
            }
            start = end;
        }

        // The screen's last row stays its last. Only where nothing has scrolled away yet do longer lines
        // use up the blank rows below first.
        let blank = if cols < old_cols && nothing_above { 0 } else { below };
        let top = (broken.len() + blank).saturating_sub(rows);
        let top = top.clamp((new_cursor + 1).saturating_sub(rows), new_cursor);
        for mut row in broken.drain(..top) {
            row.resize(cols);
            self.history.push(&row);
        }
        broken.truncate(rows);
        while broken.len() < rows {
            broken.push(Row::blank(cols));
        }
        self.rows = broken;
        // The history may have dropped its oldest lines meanwhile.
        self.y = new_cursor - top;
        self.saved.line = (new_saved + self.history.len()).saturating_sub(top);
    }
}

/// Breaks one logical line, given as its rows, into rows of `cols`.
fn break_line(rows: &[Row], cols: usize, broken: &mut Vec<Row>) {
    let mut cells: Vec<Cell> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let next = rows.get(at + 1);
        let mut end = if next.is_some() { row.cols() } else { row.text_len() };
        // The last column is empty where a wide character did not fit: it is no part of the text.
        let empty = row.cells().last().is_some_and(|cell| *cell == Cell { glyph: super::cell::Glyph::NULL, ..*cell });
        if next.is_some_and(|next| next.width(0) == 2) && empty {
            end -= 1;
        }
        cells.extend_from_slice(&row.cells()[..end.min(row.cols())]);
    }
    let mut wrapped = rows[0].wrapped;
    let mut rest = &cells[..];
    loop {
        let mut end = rest.len().min(cols);
        if end == cols && rest[end - 1].glyph.width() == 2 {
            end -= 1;
        }
        let (row, after) = rest.split_at(end);
        broken.push(Row::from_cells(row, cols, wrapped));
        wrapped = true;
        rest = after;
        if rest.is_empty() {
            return;
        }
    }
}
