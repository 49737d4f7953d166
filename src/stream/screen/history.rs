//! Lines that have left the screen at the top, packed.
//!
//! A line of plain text takes a byte per character, a coloured one 16 bytes more per change of colour.
//! Nothing in here is ever edited: it is only pushed, dropped, read for a snapshot, or taken back whole
//! when the terminal's size changes.

use std::collections::VecDeque;

use super::cell::{Cell, Glyph, Pen};
use super::pool::Marks;
use super::row::Row;

/// Packed lines, in bytes. 5,000 lines of 120 columns with a new colour at every cell stay below it;
/// it is reached only by wider ones, which then keep fewer lines.
const BYTES_MAX: usize = 12 * 1024 * 1024;

/// One packed line without its blank tail.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: Text,
    /// Empty if all of the line is in the default pen, else covers the text.
    pub(super) runs: Vec<Run>,
    /// The line continues the one before it.
    pub(super) wrapped: bool,
}

/// What stands in the cells of a line.
#[derive(Debug)]
pub(super) enum Text {
    /// One byte a cell, zero for null cells.
    Ascii(Vec<u8>),
    Glyphs(Vec<Glyph>),
}

/// Cells in a row with the same pen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) pen: Pen,
    pub(super) cells: u32,
}

impl Line {
    /// Packs `row` into the memory of `old`, a line that nobody needs any more, as far as that fits.
    pub(super) fn pack(row: &Row, old: Option<Self>) -> Self {
        let cells = row.used();
        let blank = |cell: &Cell| *cell == Cell::BLANK;
        let len = cells.iter().rposition(|cell| !blank(cell)).map_or(0, |at| at + 1);
        let cells = &cells[..len];
        let (old_text, old_runs) = old.map_or((None, Vec::new()), |old| (Some(old.text), old.runs));
        let text = if row.is_plain() || cells.iter().all(|cell| cell.glyph.is_ascii()) {
            let old = if let Some(Text::Ascii(old)) = old_text { old } else { Vec::new() };
            Text::Ascii(refilled(old, len, cells.iter().map(|cell| (cell.glyph.0 & 0x7f) as u8)))
        } else {
            let old = if let Some(Text::Glyphs(old)) = old_text { old } else { Vec::new() };
            Text::Glyphs(refilled(old, len, cells.iter().map(|cell| cell.glyph)))
        };
        let runs = if row.is_plain() { Vec::new() } else { runs(cells, old_runs) };
        Self { text, runs, wrapped: row.wrapped }
    }

    pub(super) fn len(&self) -> usize {
        match &self.text {
            Text::Ascii(bytes) => bytes.len(),
            Text::Glyphs(glyphs) => glyphs.len(),
        }
    }

    pub(super) fn glyph(&self, at: usize) -> Glyph {
        match &self.text {
            Text::Ascii(bytes) => Glyph::new(u32::from(bytes[at]), 1),
            Text::Glyphs(glyphs) => glyphs[at],
        }
    }

    pub(super) fn first(&self) -> Cell {
        if self.len() == 0 {
            return Cell::BLANK;
        }
        Cell { glyph: self.glyph(0), pen: self.runs.first().map_or(Pen::DEFAULT, |run| run.pen) }
    }

    pub(super) fn unpack(&self, cols: usize) -> Row {
        let mut cells = Vec::with_capacity(self.len());
        if self.runs.is_empty() {
            cells.extend((0..self.len()).map(|at| Cell { glyph: self.glyph(at), pen: Pen::DEFAULT }));
        }
        for run in &self.runs {
            let start = cells.len();
            let end = start + run.cells as usize;
            cells.extend((start..end).map(|at| Cell { glyph: self.glyph(at), pen: run.pen }));
        }
        Row::from_cells(&cells, cols, self.wrapped)
    }

    fn bytes(&self) -> usize {
        let text = match &self.text {
            Text::Ascii(bytes) => bytes.capacity(),
            Text::Glyphs(glyphs) => glyphs.capacity() * size_of::<Glyph>(),
        };
        size_of::<Self>() + text + self.runs.capacity() * size_of::<Run>()
    }
}

/// `items`, of which there are `len`, in the memory of `old` if that is about as large.
fn refilled<T>(mut old: Vec<T>, len: usize, items: impl Iterator<Item = T>) -> Vec<T> {
    if !(len..=2 * len).contains(&old.capacity()) {
        old = Vec::with_capacity(len);
    }
    old.clear();
    old.extend(items);
    old
}

fn runs(cells: &[Cell], old: Vec<Run>) -> Vec<Run> {
    let pens = || cells.chunk_by(|one, next| one.pen == next.pen);
    if pens().all(|same| same[0].pen == Pen::DEFAULT) {
        return Vec::new();
    }
    refilled(old, pens().count(), pens().map(|same| Run { pen: same[0].pen, cells: same.len() as u32 }))
}

/// The scrollback: newest line last.
#[derive(Debug)]
pub(super) struct History {
    lines: VecDeque<Line>,
    lines_max: usize,
    bytes: usize,
}

impl History {
    pub(super) fn new(lines_max: usize) -> Self {
        Self { lines: VecDeque::new(), lines_max, bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn lines_max(&self) -> usize {
        self.lines_max
    }

    pub(super) fn lines(&self) -> &VecDeque<Line> {
        &self.lines
    }

    /// Whether `row` continues the line before it is part of the row; the history only stores it.
    pub(super) fn push(&mut self, row: &Row) {
        if self.lines_max == 0 {
            return;
        }
        // In a full scrollback the line that goes makes room for the one that comes: no memory is asked for or given back.
        let oldest = if self.lines.len() >= self.lines_max { self.pop_oldest() } else { None };
        let line = Line::pack(row, oldest);
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.bytes > BYTES_MAX && self.pop_oldest().is_some() {}
    }

    fn pop_oldest(&mut self) -> Option<Line> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.bytes();
        Some(line)
    }

    pub(super) fn pop(&mut self) -> Option<Line> {
        let line = self.lines.pop_back()?;
        self.bytes -= line.bytes();
        Some(line)
    }

    pub(super) fn clear(&mut self) {
        self.lines = VecDeque::new();
        self.bytes = 0;
    }

    pub(super) fn unwrap_line(&mut self, at: usize) {
        if let Some(line) = self.lines.get_mut(at) {
            line.wrapped = false;
        }
    }

    /// Marks every cluster and extended attribute that a line refers to.
    pub(super) fn mark(&self, clusters: &mut Marks, extended: &mut Marks) {
        for line in &self.lines {
            if let Text::Glyphs(glyphs) = &line.text {
                glyphs.iter().filter_map(|glyph| glyph.cluster_number()).for_each(|number| clusters.insert(number));
            }
            line.runs.iter().for_each(|run| extended.insert(run.pen.ext));
        }
    }
}
