//! One of the two screens of a terminal: rows, cursor, margins, tab stops, and what scrolled away.

use super::cell::Pen;
use super::charset::Charset;
use super::history::History;
use super::row::Row;
use super::tabs::Tabs;

/// What DECSC keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Saved {
    pub x: usize,
    /// Counted from the first line of the scrollback, as xterm.js does: text that scrolls takes the
    /// saved place along.
    pub line: usize,
    /// Colours and flags; an extended attribute is not saved.
    pub fg: u32,
    pub bg: u32,
    /// `None` before anything was saved or when no set was in use.
    pub charset: Option<Charset>,
}

impl Saved {
    pub(super) const NOTHING: Saved = Saved { x: 0, line: 0, fg: 0, bg: 0, charset: None };
}

/// One screen. The cursor's `x` may equal the number of columns: the next character then wraps.
#[derive(Debug)]
pub(super) struct Buffer {
    pub rows: Vec<Row>,
    pub history: History,
    pub x: usize,
    pub y: usize,
    /// First and last row of the scrolling region.
    pub top: usize,
    pub bottom: usize,
    pub tabs: Tabs,
    pub saved: Saved,
}

impl Buffer {
    pub(super) fn new(cols: usize, rows: usize, scrollback_lines: usize) -> Self {
        Self {
            rows: (0..rows).map(|_| Row::blank(cols)).collect(),
            history: History::new(scrollback_lines),
            x: 0,
            y: 0,
            top: 0,
            bottom: rows - 1,
            tabs: Tabs::new(cols),
            saved: Saved::NOTHING,
        }
    }

    /// Back to the start but for the saved cursor: what the alternate screen is when it is left.
    pub(super) fn empty(&mut self, cols: usize) {
        for row in &mut self.rows {
            row.clear(Pen::DEFAULT);
        }
        self.x = 0;
        self.y = 0;
        self.top = 0;
        self.bottom = self.rows.len() - 1;
        self.tabs = Tabs::new(cols);
    }

    #[inline]
    pub(super) fn row(&mut self) -> &mut Row {
        &mut self.rows[self.y]
    }

    /// Moves the region up by one line, into the scrollback if it starts at the screen's top.
    #[inline]
    pub(super) fn scroll(&mut self, eraser: Pen, wrapped: bool) {
        if self.top == 0 {
            self.history.push(&self.rows[0]);
        }
        self.rows[self.top..=self.bottom].rotate_left(1);
        let row = &mut self.rows[self.bottom];
        row.clear(eraser);
        row.wrapped = wrapped;
    }

    /// Removes `n` rows at `at`, moves the rest of the region up, and keeps nothing of them.
    pub(super) fn remove_rows(&mut self, at: usize, n: usize, eraser: Pen) {
        let region = &mut self.rows[at..=self.bottom];
        let n = n.min(region.len());
        region.rotate_left(n);
        let kept = region.len() - n;
        region[kept..].iter_mut().for_each(|row| row.clear(eraser));
    }

    /// Moves the region down by `n` rows from `at` on; what passes the bottom is gone.
    pub(super) fn insert_rows(&mut self, at: usize, n: usize, eraser: Pen) {
        let region = &mut self.rows[at..=self.bottom];
        let n = n.min(region.len());
        region.rotate_right(n);
        region[..n].iter_mut().for_each(|row| row.clear(eraser));
    }

    /// Keeps the cursor on the screen, or inside the region when the origin mode wants it there.
    #[inline]
    pub(super) fn restrict(&mut self, x_max: usize, origin: bool) {
        self.x = self.x.min(x_max);
        self.y = if origin { self.y.clamp(self.top, self.bottom) } else { self.y.min(self.rows.len() - 1) };
    }

    /// Row of the saved cursor on the screen as it is now; it may lie below the last row.
    pub(super) fn saved_row(&self) -> usize {
        self.saved.line.saturating_sub(self.history.len())
    }

    /// Whether the saved cursor's line is on the screen.
    pub(super) fn saved_on_screen(&self) -> bool {
        let first = self.history.len();
        (first..first + self.rows.len()).contains(&self.saved.line)
    }
}
