//! One row of the live screen.

use super::cell::{Cell, Glyph, Pen, bg};

/// Cells of one row, with what is needed to leave most of them untouched.
#[derive(Debug, Clone)]
pub(super) struct Row {
    cells: Box<[Cell]>,
    /// Cells from here on are blank. Those before may be.
    used: usize,
    /// Only ASCII in the default pen. Such rows go to the scrollback at memory speed.
    plain: bool,
    /// The row continues the one above: text flowed over the margin.
    pub(super) wrapped: bool,
}

impl Row {
    pub(super) fn blank(cols: usize) -> Self {
        Self { cells: vec![Cell::BLANK; cols].into_boxed_slice(), used: 0, plain: true, wrapped: false }
    }

    pub(super) fn cols(&self) -> usize {
        self.cells.len()
    }

    #[inline]
    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Cells before the blank tail; the last one may still be blank.
    #[inline]
    pub(super) fn used(&self) -> &[Cell] {
        &self.cells[..self.used]
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    #[inline]
    pub(super) fn width(&self, at: usize) -> u32 {
        self.cells.get(at).map_or(1, |cell| cell.glyph.width())
    }

    /// Whether the cell is the right half of a wide character (or what is left of one).
    #[inline]
    pub(super) fn is_right_half(&self, at: usize) -> bool {
        self.cells.get(at).is_some_and(|cell| cell.glyph.0 == 0)
    }

    #[inline]
    fn touch(&mut self, end: usize, plain: bool) {
        self.used = self.used.max(end);
        self.plain &= plain;
    }

    /// Makes the row blank in `eraser`'s background, as a new line has it.
    #[inline]
    pub(super) fn clear(&mut self, eraser: Pen) {
        let plain = eraser == Pen::DEFAULT;
        let end = if plain { self.used } else { self.cells.len() };
        self.cells[..end].fill(Cell::null(eraser));
        self.used = if plain { 0 } else { end };
        self.plain = plain;
        self.wrapped = false;
    }

    /// Writes one cell. Beyond the margin nothing happens.
    #[inline]
    pub(super) fn set(&mut self, at: usize, glyph: Glyph, pen: Pen) {
        if let Some(cell) = self.cells.get_mut(at) {
            *cell = Cell { glyph, pen };
            self.touch(at + 1, pen == Pen::DEFAULT && glyph.is_ascii());
        }
    }

    /// Changes what stands in a cell and leaves how it looks.
    pub(super) fn set_glyph(&mut self, at: usize, glyph: Glyph) {
        let pen = self.cells[at].pen;
        self.set(at, glyph, pen);
    }

    /// Writes printable ASCII from `at` on; it fits.
    #[inline]
    pub(super) fn write_ascii(&mut self, at: usize, text: &[u8], pen: Pen) {
        let end = at + text.len();
        for (cell, byte) in self.cells[at..end].iter_mut().zip(text) {
            *cell = Cell { glyph: Glyph::new(u32::from(*byte), 1), pen };
        }
        self.touch(end, pen == Pen::DEFAULT);
    }

    /// Erases `start..end`. A wide character cut in half loses its other half too.
    pub(super) fn erase(&mut self, start: usize, end: usize, eraser: Pen) {
        let cols = self.cells.len();
        if start > 0 && self.width(start - 1) == 2 {
            self.set(start - 1, Glyph::NULL, eraser);
        }
        if end > 0 && end < cols && self.width(end - 1) == 2 {
            self.set(end, Glyph::NULL, eraser);
        }
        let end = end.min(cols);
        if start >= end {
            return;
        }
        if eraser == Pen::DEFAULT {
            // The blank tail is blank already.
            let stop = end.min(self.used);
            if start < stop {
                self.cells[start..stop].fill(Cell::BLANK);
                if end >= self.used {
                    self.used = start;
                }
            }
        } else {
            self.cells[start..end].fill(Cell::null(eraser));
            self.touch(end, false);
        }
    }

    /// Erases `start..end` but for protected cells (DECSEL, DECSED).
    pub(super) fn erase_unprotected(&mut self, start: usize, end: usize, eraser: Pen) {
        let protected = |row: &Self, at: usize| row.cells[at].pen.bg & bg::PROTECTED != 0;
        let cols = self.cells.len();
        if start > 0 && self.width(start - 1) == 2 && !protected(self, start - 1) {
            self.set(start - 1, Glyph::NULL, eraser);
        }
        if end > 0 && end < cols && self.width(end - 1) == 2 && !protected(self, end) {
            self.set(end, Glyph::NULL, eraser);
        }
        for at in start..end.min(cols) {
            if !protected(self, at) {
                self.set(at, Glyph::NULL, eraser);
            }
        }
    }

    /// Moves what is right of `at` by `n` cells and fills the gap; what passes the margin is gone.
    pub(super) fn insert(&mut self, at: usize, n: usize, eraser: Pen) {
        let cols = self.cells.len();
        let at = at % cols;
        if at > 0 && self.width(at - 1) == 2 {
            self.set(at - 1, Glyph::NULL, eraser);
        }
        let n = n.min(cols - at);
        self.cells.copy_within(at..cols - n, at + n);
        self.cells[at..at + n].fill(Cell::null(eraser));
        let end = if eraser == Pen::DEFAULT { (self.used + n).min(cols) } else { cols };
        self.touch(end.max(at), eraser == Pen::DEFAULT);
        if self.width(cols - 1) == 2 {
            self.set(cols - 1, Glyph::NULL, eraser);
        }
    }

    /// Removes `n` cells at `at` and fills up from the right.
    pub(super) fn delete(&mut self, at: usize, n: usize, eraser: Pen) {
        let cols = self.cells.len();
        let at = at % cols;
        let n = n.min(cols - at);
        self.cells.copy_within(at + n..cols, at);
        self.cells[cols - n..].fill(Cell::null(eraser));
        if eraser != Pen::DEFAULT {
            self.touch(cols, false);
        }
        if at > 0 && self.width(at - 1) == 2 {
            self.set(at - 1, Glyph::NULL, eraser);
        }
        if self.is_right_half(at) {
            self.set(at, Glyph::NULL, eraser);
        }
    }

    /// Fills the whole row with one cell (DECALN).
    pub(super) fn fill(&mut self, cell: Cell) {
        self.cells.fill(cell);
        self.wrapped = false;
        self.touch(self.cells.len(), cell.pen == Pen::DEFAULT);
    }

    /// Cuts the row or lengthens it with blanks.
    pub(super) fn resize(&mut self, cols: usize) {
        if cols != self.cells.len() {
            let mut cells = std::mem::take(&mut self.cells).into_vec();
            cells.resize(cols, Cell::BLANK);
            self.cells = cells.into_boxed_slice();
            self.used = self.used.min(cols);
            if cols > 0 && self.width(cols - 1) == 2 {
                // Only its left half is left. xterm.js keeps it; a snapshot could not: printed, it would wrap, and on a
                // screen of one row push all before it away.
                self.set_glyph(cols - 1, Glyph::NULL);
            }
        }
    }

    /// A row of exactly these cells, lengthened with blanks to `cols`.
    pub(super) fn from_cells(cells: &[Cell], cols: usize, wrapped: bool) -> Self {
        let mut row = Self::blank(cols);
        let n = cells.len().min(cols);
        row.cells[..n].copy_from_slice(&cells[..n]);
        row.used = n;
        row.plain = cells.iter().all(|cell| cell.pen == Pen::DEFAULT && cell.glyph.is_ascii());
        row.wrapped = wrapped;
        row
    }

    /// Columns up to the last character. Erased cells do not count, printed spaces do.
    pub(super) fn text_len(&self) -> usize {
        let last = self.used().iter().rposition(|cell| cell.glyph.has_content());
        last.map_or(0, |at| at + self.cells[at].glyph.width() as usize)
    }
}
