//! Single rows, for a terminal of another size than the screen's.

use super::super::cell::Pen;
use super::super::terminal::Terminal;
use super::lines::Painter;

/// One row as far as `cols` columns reach, in the default pen again at its end. The reader's cursor stands at the
/// beginning of a row that is empty.
pub(in super::super) fn write_row(terminal: &Terminal, row: usize, cols: usize) -> Vec<u8> {
    let mut out = Painter::new(terminal, Vec::new());
    let Some(row) = terminal.active().rows.get(row) else { return out.finish() };
    let mut end = row.used().len().min(cols);
    if end == cols && end > 0 && row.cells()[end - 1].glyph.width() == 2 {
        end -= 1; // Its right half would not fit.
    }
    out.paint_cells(&row.used()[..end], false, None, cols);
    out.take_pen(Pen::DEFAULT);
    out.finish()
}
