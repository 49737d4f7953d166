//! Tab stops.

use crate::base::limits::COLS_MAX;

/// Columns between the stops a terminal starts with.
const EVERY: usize = 8;

/// Which columns stop a tab. Stops beyond the margin are kept for when the terminal grows again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tabs(Box<[bool]>);

impl Tabs {
    pub(super) fn new(cols: usize) -> Self {
        // One more: a stop can be set while the cursor waits behind the last column.
        let mut stops = vec![false; usize::from(COLS_MAX) + 1].into_boxed_slice();
        stops[..cols].iter_mut().step_by(EVERY).for_each(|stop| *stop = true);
        Self(stops)
    }

    pub(super) fn is_set(&self, x: usize) -> bool {
        self.0.get(x).copied().unwrap_or(false)
    }

    pub(super) fn set(&mut self, x: usize, stop: bool) {
        if let Some(slot) = self.0.get_mut(x) {
            *slot = stop;
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(false);
    }

    /// The next stop right of `x`, or the last column.
    pub(super) fn next(&self, x: usize, cols: usize) -> usize {
        (x + 1..cols).find(|at| self.0[*at]).unwrap_or(cols - 1)
    }

    /// The next stop left of `x`, or the first column.
    pub(super) fn previous(&self, x: usize, cols: usize) -> usize {
        (1..x.min(cols)).rev().find(|at| self.0[*at]).unwrap_or(0)
    }

    /// Stops for columns that come in sight when a terminal grows to `cols`.
    pub(super) fn grow(&mut self, cols: usize) {
        let mut at = if self.is_set(cols) { cols } else { self.previous(cols, cols) };
        while at < cols {
            self.0[at] = true;
            at += EVERY;
        }
    }
}
