//! The screen as escape sequences.
//!
//! A terminal that reads them right after a reset shows the same and is in the same state. Lines that
//! flowed over the margin are written without a break, so the viewer can break them anew.

mod lines;
mod state;
mod view;

use super::parser::Parser;
use super::terminal::Terminal;
pub(super) use view::write_row;

/// Ends what an earlier program left changed and a reset does not restore: colours, cursor, line feeds.
const PREAMBLE: &[u8] = b"\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\\x1b[?25h\x1b[20l";

/// Writes the whole state, with the scrollback if `history`.
pub(super) fn write(terminal: &Terminal, parser: &Parser, history: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * 1024);
    out.extend_from_slice(PREAMBLE);
    terminal.colors.write(&mut out);
    let mut lines = lines::Painter::new(terminal, out);
    let skipped = if history { lines.history_to_skip(&terminal.main) } else { terminal.main.history.len() };
    if history {
        state::write_stale_saved(terminal, &terminal.main, skipped, &mut lines);
    }
    lines.paint(&terminal.main, skipped);
    if terminal.on_alternate {
        state::write_buffer(terminal, &terminal.main, history, &mut lines);
        lines.enter_alternate();
        lines.paint(&terminal.alternate, 0);
        state::write_buffer(terminal, &terminal.alternate, false, &mut lines);
    } else {
        state::write_saved_of_alternate(terminal, &mut lines);
        state::write_buffer(terminal, &terminal.main, history, &mut lines);
    }
    state::write_modes(terminal, &mut lines);
    let mut out = lines.finish();
    parser.unfinished(&mut out);
    out
}
