//! Which function a control, an escape sequence or a control sequence calls.

use super::ScreenSignal;
use super::charset::Charset;
use super::edit::Columns;
use super::params::Params;
use super::terminal::Terminal;

/// Packs prefix, intermediate and final bytes, as the parser collects them.
const fn key<const N: usize>(bytes: &[u8; N]) -> u32 {
    let mut packed = 0;
    let mut at = 0;
    while at < N {
        packed = packed << 8 | bytes[at] as u32;
        at += 1;
    }
    packed
}

const QUESTION: u32 = key(b"?");
const GREATER: u32 = key(b">");
const EQUALS: u32 = key(b"=");
const SPACE: u32 = key(b" ");
const QUOTE: u32 = key(b"\"");
const APOSTROPHE: u32 = key(b"'");
const BANG: u32 = key(b"!");
const DOLLAR: u32 = key(b"$");
const QUESTION_DOLLAR: u32 = key(b"?$");

impl Terminal {
    /// C0 and C1 controls.
    pub(super) fn execute(&mut self, code: u32) {
        match code {
            0x07 => {
                self.bells = self.bells.saturating_add(1);
                self.signal(ScreenSignal::Bell);
            }
            0x08 => self.backspace(),
            0x09 => self.tab(1),
            0x0a..=0x0c => self.line_feed(),
            0x0d => self.buffer().x = 0,
            0x0e => self.charsets.shift(1),
            0x0f => self.charsets.shift(0),
            0x84 => self.index(),
            0x85 => self.next_line(),
            0x88 => self.set_tab(),
            _ => {}
        }
        self.printed = 0;
    }

    fn next_line(&mut self) {
        self.buffer().x = 0;
        self.index();
    }

    fn set_tab(&mut self) {
        let buffer = self.buffer();
        buffer.tabs.set(buffer.x, true);
    }

    /// `ESC`, intermediates, final byte.
    pub(super) fn escape(&mut self, collected: u32, last: u8) {
        match (collected, last) {
            (0, b'7') => self.save_cursor(),
            (0, b'8') => self.restore_cursor(),
            (0, b'D') => self.index(),
            (0, b'E') => self.next_line(),
            (0, b'H') => self.set_tab(),
            (0, b'M') => self.reverse_index(),
            (0, b'=') => self.modes.application_keypad = true,
            (0, b'>') => self.modes.application_keypad = false,
            (0, b'c') => self.reset(),
            (0, b'n' | b'}') => self.charsets.shift(2),
            (0, b'o' | b'|') => self.charsets.shift(3),
            (0, b'~') => self.charsets.shift(1),
            (0x25, b'@' | b'G') => {
                self.charsets.shift(0);
                self.charsets.designate(0, Charset::ASCII);
            }
            (0x23, b'8') => self.alignment_pattern(),
            (0x28..=0x2b | 0x2d | 0x2e, name) => {
                if let Some(charset) = Charset::named(name) {
                    let slot = match collected {
                        0x28 => 0,
                        0x29 | 0x2d => 1,
                        0x2a | 0x2e => 2,
                        _ => 3,
                    };
                    self.charsets.designate(slot, charset);
                }
            }
            _ => {}
        }
    }

    /// `CSI`, parameters, intermediates, final byte.
    pub(super) fn csi(&mut self, collected: u32, last: u8, params: &Params) {
        match collected {
            0 => self.csi_plain(last, params),
            QUESTION => match last {
                b'h' => self.set_private_modes(params, true),
                b'l' => self.set_private_modes(params, false),
                b'J' => self.erase_in_display(params.get(0), true),
                b'K' => self.erase_in_line(params.get(0), true),
                b'n' => self.report_private_status(params.get(0)),
                _ => {}
            },
            GREATER => match last {
                b'c' => self.report_secondary_attributes(params.get(0)),
                b'q' => self.report_version(params.get(0)),
                _ => {}
            },
            EQUALS if last == b'c' => self.report_tertiary_attributes(params.get(0)),
            SPACE => match last {
                b'@' => self.edit_columns(Some(0), params.count(0), Columns::Delete),
                b'A' => self.edit_columns(Some(0), params.count(0), Columns::Insert),
                b'q' => self.set_cursor_style(params.get(0)),
                _ => {}
            },
            APOSTROPHE => match last {
                b'}' => self.edit_columns(None, params.count(0), Columns::Insert),
                b'~' => self.edit_columns(None, params.count(0), Columns::Delete),
                _ => {}
            },
            QUOTE if last == b'q' => self.set_protection(params.get(0)),
            BANG if last == b'p' => self.soft_reset(),
            DOLLAR if last == b'p' => self.report_mode(params.get(0)),
            QUESTION_DOLLAR if last == b'p' => self.report_private_mode(params.get(0)),
            _ => {}
        }
    }

    #[inline]
    fn csi_plain(&mut self, last: u8, params: &Params) {
        match last {
            b'm' => self.select_graphics(params),
            b'H' | b'f' => self.set_cursor(params.count(1) as i64 - 1, params.count(0) as i64 - 1),
            b'K' => self.erase_in_line(params.get(0), false),
            b'A' => self.cursor_up(params.count(0)),
            b'B' => self.cursor_down(params.count(0)),
            b'C' | b'a' => self.move_cursor(params.count(0) as i64, 0),
            b'D' => self.move_cursor(-(params.count(0) as i64), 0),
            b'E' => {
                self.cursor_down(params.count(0));
                self.buffer().x = 0;
            }
            b'F' => {
                self.cursor_up(params.count(0));
                self.buffer().x = 0;
            }
            b'G' | b'`' => self.cursor_to_column(params.count(0)),
            b'd' => self.cursor_to_row(params.count(0)),
            b'e' => self.move_cursor(0, params.count(0) as i64),
            b'I' => self.tab(params.count(0)),
            b'Z' => self.tab_back(params.count(0)),
            b'J' => self.erase_in_display(params.get(0), false),
            b'X' => self.erase_chars(params.count(0)),
            b'@' => self.insert_chars(params.count(0)),
            b'P' => self.delete_chars(params.count(0)),
            b'L' => self.insert_lines(params.count(0)),
            b'M' => self.delete_lines(params.count(0)),
            b'S' => self.scroll_up(params.count(0)),
            b'T' => self.scroll_down(params.count(0)),
            b'b' => self.repeat(params.count(0)),
            b'g' => self.clear_tabs(params.get(0)),
            b'h' => params.values().iter().for_each(|mode| self.modes.set(*mode, true)),
            b'l' => params.values().iter().for_each(|mode| self.modes.set(*mode, false)),
            b'r' => self.set_region(params),
            b's' => self.save_cursor(),
            b'u' => self.restore_cursor(),
            b'c' => self.report_primary_attributes(params.get(0)),
            b'n' => self.report_status(params.get(0)),
            b't' => self.report_size(params.get(0)),
            _ => {}
        }
    }

    fn set_private_modes(&mut self, params: &Params, on: bool) {
        for mode in params.values() {
            match (mode, on) {
                (2, true) => (0..4).for_each(|slot| self.charsets.designate(slot, Charset::ASCII)),
                (6, _) => {
                    self.modes.origin = on;
                    self.set_cursor(0, 0);
                }
                (1048, true) => self.save_cursor(),
                (1048, false) => self.restore_cursor(),
                (47 | 1047 | 1049, true) => {
                    if *mode == 1049 {
                        self.save_cursor();
                    }
                    self.enter_alternate();
                }
                (47 | 1047 | 1049, false) => {
                    self.leave_alternate();
                    if *mode == 1049 {
                        self.restore_cursor();
                    }
                }
                _ => self.modes.set_private(*mode, on),
            }
        }
    }

    /// DECSCUSR. Styles that do not exist change nothing.
    fn set_cursor_style(&mut self, style: usize) {
        if let Ok(style @ 0..=6) = u8::try_from(style) {
            self.modes.cursor_style = style;
        }
    }

    /// DECSCA.
    fn set_protection(&mut self, protection: usize) {
        use super::cell::bg::PROTECTED;
        match protection {
            1 => self.pen.bg |= PROTECTED,
            0 | 2 => self.pen.bg &= !PROTECTED,
            _ => {}
        }
    }
}
