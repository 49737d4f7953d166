//! Answers to what programs ask.
//!
//! The PTY host answers always and alone; what viewers' terminals answer is dropped. So nothing here may
//! claim what xterm.js 6.0.0 cannot do. In particular `CSI ? u` stays unanswered: that is how a program
//! learns that there is no kitty keyboard, and without an answer none turns it on.

use super::colors::{self, Slot};
use super::sgr;
use super::terminal::Terminal;

/// Answers that one call of `feed` may produce, in bytes. A program that asks without reading must not
/// fill memory; what it does not get it will not miss.
const REPLIES_BYTES_MAX: usize = 64 * 1024;

/// Device attributes: a VT100 with advanced video, as xterm.js says it is.
const PRIMARY: &str = "\x1b[?1;2c";
/// Terminal type and the version of xterm that xterm.js stands in for.
const SECONDARY: &str = "\x1b[>0;276;0c";
/// Site and number of the unit: none.
const TERTIARY: &str = "\x1bP!|00000000\x1b\\";

impl Terminal {
    fn reply(&mut self, text: &str) {
        if self.replies.len() + text.len() <= REPLIES_BYTES_MAX {
            self.replies.extend_from_slice(text.as_bytes());
        }
    }

    /// DA1.
    pub(super) fn report_primary_attributes(&mut self, kind: usize) {
        if kind == 0 {
            self.reply(PRIMARY);
        }
    }

    /// DA2.
    pub(super) fn report_secondary_attributes(&mut self, kind: usize) {
        if kind == 0 {
            self.reply(SECONDARY);
        }
    }

    /// DA3.
    pub(super) fn report_tertiary_attributes(&mut self, kind: usize) {
        if kind == 0 {
            self.reply(TERTIARY);
        }
    }

    /// XTVERSION.
    pub(super) fn report_version(&mut self, kind: usize) {
        if kind == 0 {
            self.reply(concat!("\x1bP>|SessionForge(", env!("CARGO_PKG_VERSION"), ")\x1b\\"));
        }
    }

    /// DSR.
    pub(super) fn report_status(&mut self, what: usize) {
        match what {
            5 => self.reply("\x1b[0n"),
            6 => self.report_cursor(""),
            _ => {}
        }
    }

    /// DSR with a question mark.
    pub(super) fn report_private_status(&mut self, what: usize) {
        if what == 6 {
            self.report_cursor("?");
        }
    }

    fn report_cursor(&mut self, mark: &str) {
        let buffer = self.active();
        let text = format!("\x1b[{mark}{};{}R", buffer.y + 1, buffer.x + 1);
        self.reply(&text);
    }

    /// DECRQM of an ANSI mode.
    pub(super) fn report_mode(&mut self, mode: usize) {
        let text = format!("\x1b[{mode};{}$y", self.modes.report(mode));
        self.reply(&text);
    }

    /// DECRQM of a private mode.
    pub(super) fn report_private_mode(&mut self, mode: usize) {
        let text = format!("\x1b[?{mode};{}$y", self.modes.report_private(mode, self.on_alternate));
        self.reply(&text);
    }

    /// Size in cells. Pixels are the viewers' affair, and they differ.
    pub(super) fn report_size(&mut self, what: usize) {
        let kind = match what {
            18 => 8,
            19 => 9,
            _ => return,
        };
        let text = format!("\x1b[{kind};{};{}t", self.rows, self.cols);
        self.reply(&text);
    }

    pub(super) fn report_color(&mut self, name: &str, slot: Slot) {
        let text = format!("\x1b]{name};{}\x1b\\", colors::name(self.colors.get(slot)));
        self.reply(&text);
    }

    /// Device control strings: DECRQSS and XTGETTCAP.
    pub(super) fn dcs(&mut self, collected: u32, last: u8, payload: &str) {
        match (collected, last) {
            (0x24, b'q') => self.report_setting(payload),
            (0x2b, b'q') => payload.split(';').for_each(|name| self.report_capability(name)),
            _ => {}
        }
    }

    /// DECRQSS.
    fn report_setting(&mut self, name: &str) {
        let buffer = self.active();
        let value = match name {
            "r" => format!("{};{}r", buffer.top + 1, buffer.bottom + 1),
            "m" => {
                let mut codes = Vec::new();
                sgr::write(self.pen, Some(&self.extended), &mut codes);
                let codes = String::from_utf8_lossy(&codes).into_owned();
                let codes = codes.trim_start_matches("\x1b[").to_owned();
                if codes == "m" { "0m".to_owned() } else { codes }
            }
            " q" => format!("{} q", self.modes.cursor_style.max(1)),
            "\"q" => format!("{}\"q", u8::from(self.pen.bg & super::cell::bg::PROTECTED != 0)),
            "\"p" => "61;1\"p".to_owned(),
            _ => {
                self.reply("\x1bP0$r\x1b\\");
                return;
            }
        };
        self.reply(&format!("\x1bP1$r{value}\x1b\\"));
    }

    /// XTGETTCAP: names and values are in hexadecimal.
    fn report_capability(&mut self, name: &str) {
        let value = match unhex(name).as_deref() {
            Some(b"TN" | b"name") => "xterm-256color",
            Some(b"Co" | b"colors") => "256",
            Some(b"RGB") => "8/8/8",
            _ => {
                self.reply(&format!("\x1bP0+r{}\x1b\\", if is_hex(name) { name } else { "" }));
                return;
            }
        };
        let mut reply = format!("\x1bP1+r{name}=");
        for digit in value.bytes().flat_map(|byte| [byte >> 4, byte & 15]) {
            reply.extend(char::from_digit(digit.into(), 16));
        }
        reply.push_str("\x1b\\");
        self.reply(&reply);
    }
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !is_hex(text) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
