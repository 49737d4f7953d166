//! Tables that fit: columns as wide as what is in them, and the widest cut where the terminal ends.

use super::output::{Look, Output};

/// Between two columns.
const GAP: usize = 2;

/// A column is cut no further than this many characters.
const COLUMN_MIN: usize = 8;

/// One cell: its text, and how it looks on a terminal.
#[derive(Debug, Clone)]
pub(super) struct Cell(String, Look);

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self(text.into(), Look::Plain)
    }

    pub(super) fn new(text: impl Into<String>, look: Look) -> Self {
        Self(text.into(), look)
    }
}

/// Prints `rows` below `heads`. On a terminal no line is longer than it is wide; into a pipe nothing is cut.
pub(super) fn print(heads: &[&str], rows: &[Vec<Cell>], output: &mut Output) {
    let widths = widths(heads, rows, output.columns());
    let heads: Vec<Cell> = heads.iter().map(|head| Cell::new(*head, Look::Faint)).collect();
    for row in std::iter::once(&heads).chain(rows) {
        let last = row.len().saturating_sub(1);
        let mut line = String::new();
        for (at, (Cell(text, look), width)) in row.iter().zip(&widths).enumerate() {
            let text = cut(text, *width);
            // Nothing follows the last column, so nothing needs to be filled up.
            let fill = if at == last { 0 } else { width + GAP - text.chars().count() };
            line += &output.paint(*look, text);
            line.extend(std::iter::repeat_n(' ', fill));
        }
        output.line(line.trim_end());
    }
}

fn widths(heads: &[&str], rows: &[Vec<Cell>], columns: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..heads.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|Cell(text, _)| text.chars().count());
            cells.chain([heads[at].chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let Some(columns) = columns else { return widths };
    loop {
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let Some(widest) = widths.iter_mut().max_by_key(|width| **width) else { return widths };
        if total <= columns || *widest <= COLUMN_MIN {
            return widths;
        }
        *widest -= 1;
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_and_none_vanishes() {
        let rows = [vec![Cell::plain("ses_a1b2c3d4e5f6"), Cell::plain("x".repeat(100)), Cell::plain("y".repeat(40))]];
        let heads = ["ID", "NAME", "COMMAND"];
        assert_eq!(widths(&heads, &rows, None), [16, 100, 40]);
        let fitted = widths(&heads, &rows, Some(80));
        assert_eq!(fitted.iter().sum::<usize>() + 2 * GAP, 80);
        assert_eq!(fitted[0], 16, "what is short stays whole");
        assert_eq!(widths(&heads, &rows, Some(5)), [COLUMN_MIN; 3]);
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
