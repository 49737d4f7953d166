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
    pub(super) runs: Box<[Run]>,
    /// The line continues the one before it.
    pub(super) wrapped: bool,
}

/// What stands in the cells of a line.
#[derive(Debug)]
pub(super) enum Text {
    /// One byte a cell, zero for null cells.
    Ascii(Box<[u8]>),
    Glyphs(Box<[Glyph]>),
}

/// Cells in a row with the same pen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) pen: Pen,
    pub(super) cells: u32,
}

impl Line {
    pub(super) fn pack(row: &Row) -> Self {
        let cells = row.used();
        let blank = |cell: &Cell| *cell == Cell::BLANK;
        let len = cells.iter().rposition(|cell| !blank(cell)).map_or(0, |at| at + 1);
        let cells = &cells[..len];
        let ascii = row.is_plain() || cells.iter().all(|cell| cell.glyph.is_ascii());
        let text = if ascii {
            Text::Ascii(cells.iter().map(|cell| (cell.glyph.0 & 0x7f) as u8).collect())
        } else {
            Text::Glyphs(cells.iter().map(|cell| cell.glyph).collect())
        };
        let runs = if row.is_plain() { Box::default() } else { runs(cells) };
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
            Text::Ascii(bytes) => bytes.len(),
            Text::Glyphs(glyphs) => size_of_val::<[Glyph]>(glyphs),
        };
        size_of::<Self>() + text + size_of_val::<[Run]>(&self.runs)
    }
}

fn runs(cells: &[Cell]) -> Box<[Run]> {
    let mut runs: Vec<Run> = Vec::new();
    for cell in cells {
        match runs.last_mut() {
            Some(run) if run.pen == cell.pen => run.cells += 1,
            _ => runs.push(Run { pen: cell.pen, cells: 1 }),
        }
    }
    if runs.iter().all(|run| run.pen == Pen::DEFAULT) { Box::default() } else { runs.into_boxed_slice() }
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
        let line = Line::pack(row);
        self.bytes += line.bytes();
        if self.lines.len() >= self.lines_max {
            self.drop_oldest();
        }
        self.lines.push_back(line);
        while self.bytes > BYTES_MAX {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.bytes -= line.bytes();
        }
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
