//! A session seen by somebody who does not type: its size is another's, so its picture is drawn from a model of it, as much
//! as fits here, and never by its own escape sequences.

use std::time::Instant;

use crate::pty::Size;
use crate::stream::screen::Screen;
use crate::wire::frame::SnapshotAt;

/// The picture, and what of it is on the terminal already.
#[derive(Debug)]
pub(super) struct View {
    screen: Screen,
    /// Rows as they were last written, from the top.
    shown: Vec<Vec<u8>>,
    changed: bool,
}

impl View {
    pub(super) fn new() -> Self {
        Self { screen: Screen::new(80, 24, 0), shown: Vec::new(), changed: true }
    }

    /// Begins anew with a screen of this size.
    pub(super) fn reset(&mut self, at: SnapshotAt) {
        self.screen = Screen::new(at.cols, at.rows, 0);
        self.changed = true;
    }

    /// Takes in a piece of a snapshot, or output.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant) {
        // What the program asks is answered by the PTY host.
        self.screen.feed(bytes, now, &mut Vec::new());
        self.changed = true;
    }

    /// Whether there is something new to draw.
    pub(super) fn has_changed(&self) -> bool {
        self.changed
    }

    /// There is something to draw besides the session.
    pub(super) fn stir(&mut self) {
        self.changed = true;
    }

    /// What is on the terminal is not what was written there.
    pub(super) fn redraw(&mut self) {
        self.shown.clear();
        self.changed = true;
    }

    /// Draws what is new, for a terminal of this size, with `hint` in its last row.
    pub(super) fn draw(&mut self, size: Size, hint: Option<&str>, out: &mut Vec<u8>) {
        self.changed = false;
        let rows = size.rows.saturating_sub(u16::from(hint.is_some())).max(1);
        let cursor = self.screen.cursor();
        // Where not all rows fit, those with the cursor do.
        let first = (cursor.row + 1).saturating_sub(rows);
        out.extend_from_slice(b"\x1b[?2026h\x1b[?25l");
        self.shown.resize(usize::from(size.rows), b"\0".to_vec());
        for (row, shown) in (0_u16..).zip(&mut self.shown) {
            let drawn = match hint {
                Some(hint) if row == rows => hint_row(hint, size.cols),
                _ => self.screen.row(first + row, size.cols),
            };
            if *shown != drawn {
                out.extend_from_slice(format!("\x1b[{};1H\x1b[m\x1b[K", row + 1).as_bytes());
                out.extend_from_slice(&drawn);
                *shown = drawn;
            }
        }
        if cursor.visible && cursor.column < size.cols {
            out.extend_from_slice(
                format!("\x1b[{};{}H\x1b[?25h", cursor.row - first + 1, cursor.column + 1).as_bytes(),
            );
        }
        out.extend_from_slice(b"\x1b[?2026l");
    }
}

fn hint_row(hint: &str, cols: u16) -> Vec<u8> {
    let text: String = hint.chars().take(usize::from(cols)).collect();
    format!("\x1b[7m{text}\x1b[m").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view_of(cols: u16, rows: u16, output: &str) -> View {
        let mut view = View::new();
        view.reset(SnapshotAt { cols, rows, ..SnapshotAt::default() });
        view.feed(output.as_bytes(), Instant::now());
        view
    }

    /// What a terminal of this size shows after `view` was drawn on it.
    fn drawn(view: &mut View, cols: u16, rows: u16, hint: Option<&str>, terminal: &mut Screen) -> Vec<String> {
        let mut out = Vec::new();
        view.draw(Size { cols, rows }, hint, &mut out);
        terminal.feed(&out, Instant::now(), &mut Vec::new());
        terminal.text()
    }

    #[test]
    fn a_larger_screen_is_seen_around_its_cursor_and_as_wide_as_it_fits() {
        let mut view = view_of(20, 5, "0123456789abc\r\ntwo\r\nthree\r\nfour\r\n$ ");
        let mut terminal = Screen::new(10, 3, 0);
        assert_eq!(drawn(&mut view, 10, 3, None, &mut terminal), ["three", "four", "$"]);
        assert_eq!(terminal.cursor().row, 2);
        view.feed(b"\x1b[H", Instant::now());
        assert_eq!(drawn(&mut view, 10, 3, None, &mut terminal), ["0123456789", "two", "three"]);
    }

    #[test]
    fn only_what_changed_is_drawn_again() {
        let mut view = view_of(20, 5, "one\r\ntwo");
        let mut out = Vec::new();
        view.draw(Size { cols: 20, rows: 5 }, None, &mut out);
        out.clear();
        view.feed(b"!", Instant::now());
        view.draw(Size { cols: 20, rows: 5 }, None, &mut out);
        let text = String::from_utf8_lossy(&out);
        assert!(text.contains("two!") && !text.contains("one"), "{text:?}");
    }

    #[test]
    fn a_wide_character_that_does_not_fit_and_colours_leave_the_margin_whole() {
        let mut view = view_of(20, 2, "\x1b[41mab你好\x1b[K");
        let mut terminal = Screen::new(5, 2, 0);
        assert_eq!(drawn(&mut view, 5, 2, None, &mut terminal), ["ab你", ""]);
    }

    #[test]
    fn a_hint_takes_the_last_row_and_gives_it_back() {
        let mut view = view_of(20, 3, "one\r\ntwo\r\nthree");
        let mut terminal = Screen::new(20, 3, 0);
        assert_eq!(drawn(&mut view, 20, 3, Some("watching"), &mut terminal), ["two", "three", "watching"]);
        assert_eq!(drawn(&mut view, 20, 3, None, &mut terminal), ["one", "two", "three"]);
    }
}
