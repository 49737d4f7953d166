//! A screen as the text that scripts read.

use crate::base::limits::CONTROL_BYTES_MAX;
use crate::stream::screen::Screen;
use crate::wire::session::ScreenText;

/// A screen as text, in bytes: as JSON, where a quote takes two, it fits one message with room to spare.
const TEXT_BYTES_MAX: usize = CONTROL_BYTES_MAX / 4;

/// The screen as a message holds it.
pub fn screen_text(screen: &Screen) -> ScreenText {
    let (cols, rows) = screen.size();
    let cursor = screen.cursor();
    let mut lines = screen.text();
    let mut bytes: usize = lines.iter().map(String::len).sum();
    let mut cut = false;
    while bytes > TEXT_BYTES_MAX {
        bytes -= lines.remove(0).len();
        cut = true;
    }
    ScreenText {
        cols,
        rows,
        lines,
        cursor_column: cursor.column,
        cursor_row: cursor.row,
        cursor_visible: cursor.visible,
        alternate: screen.is_alternate(),
        cut,
    }
}
