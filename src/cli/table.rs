//! Tables that fit: columns as wide as what is in them, and the widest cut where the terminal ends. Where even that does not
//! fit, each row is a list of its own.

use super::output::{Look, Output};
use crate::stream::screen::columns;

/// Between two columns.
const GAP: usize = 2;

/// A column is cut no further than this.
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
    if let Some(width) = output.columns().filter(|width| *width < total(&widths)) {
        return print_lists(heads, rows, width, output);
    }
    let heads: Vec<Cell> = heads.iter().map(|head| Cell::new(*head, Look::Faint)).collect();
    for row in std::iter::once(&heads).chain(rows) {
        let last = row.len().saturating_sub(1);
        let mut line = String::new();
        for (at, (Cell(text, look), width)) in row.iter().zip(&widths).enumerate() {
            let text = cut(text, *width);
            // Nothing follows the last column, so nothing needs to be filled up.
            let fill = if at == last { 0 } else { width + GAP - columns(&text) };
            line += &output.paint(*look, text);
            line.extend(std::iter::repeat_n(' ', fill));
        }
        output.line(line.trim_end());
    }
}

/// Each row's first cell, and the others below it with their heads.
fn print_lists(heads: &[&str], rows: &[Vec<Cell>], width: usize, output: &mut Output) {
    let label = heads.iter().skip(1).map(|head| columns(head)).max().unwrap_or(0) + 2 * GAP;
    for row in rows {
        for (at, (Cell(text, look), head)) in row.iter().zip(heads).enumerate() {
            if at == 0 {
                output.line(output.paint(*look, cut(text, width)));
            } else if !text.is_empty() {
                let head = output.paint(Look::Faint, format_args!("  {head:<0$}", label - GAP));
                let text = output.paint(*look, cut(text, width.saturating_sub(label).max(1)));
                output.line(format_args!("{head}{text}"));
            }
        }
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

fn widths(heads: &[&str], rows: &[Vec<Cell>], width: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..heads.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|Cell(text, _)| columns(text));
            cells.chain([columns(heads[at])]).max().unwrap_or(0)
        })
        .collect();
    let Some(width) = width else { return widths };
    loop {
        let total = total(&widths);
        let Some(widest) = widths.iter_mut().max_by_key(|width| **width) else { return widths };
        if total <= width || *widest <= COLUMN_MIN {
            return widths;
        }
        *widest -= 1;
    }
}

/// `text`, or as much of it as `width` columns take.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if columns(&cut) > width.saturating_sub(1) {
            cut.pop();
            break;
        }
    }
    cut + "…"
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
        assert_eq!(total(&fitted), 80);
        assert_eq!(fitted[0], 16, "what is short stays whole");
        assert_eq!(widths(&heads, &rows, Some(5)), [COLUMN_MIN; 3]);
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn wide_characters_count_as_what_they_take() {
        assert_eq!(cut("日本語日本語", 6), "日本…");
        assert_eq!(cut("🦀🦀", 4), "🦀🦀");
        assert_eq!(widths(&["NAME"], &[vec![Cell::plain("日本語")]], None), [6]);
    }
}
