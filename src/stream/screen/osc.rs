//! Operating system commands: title, links, colours, and what a program says of its own state. All others are the
//! viewer's affair.

use std::sync::Arc;

use super::ScreenSignal;
use super::colors::{self, Slot};
use super::pool::{LINK_BYTES_MAX, Link, LinkIdentity};
use super::terminal::Terminal;

/// A notification's text, in bytes.
const NOTICE_BYTES_MAX: usize = 500;

impl Terminal {
    pub(super) fn osc(&mut self, payload: &str) {
        let (number, data) = payload.split_once(';').unwrap_or((payload, ""));
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        match number.parse() {
            Ok(0_u32 | 2) => self.set_title(data),
            Ok(4) => self.indexed_colors(data),
            Ok(8) => self.hyperlink(data),
            Ok(number @ (9 | 99 | 777)) => self.notification(number, data),
            Ok(133) => self.prompt(data),
            Ok(first @ 10..=12) => self.special_colors(first, data),
            Ok(104) => self.reset_indexed_colors(data),
            Ok(110) => self.colors.reset(Slot::Foreground),
            Ok(111) => self.colors.reset(Slot::Background),
            Ok(112) => self.colors.reset(Slot::Cursor),
            _ => {}
        }
    }

    /// `9;text` (iTerm2), `9;4;state;percent` (`ConEmu`), `99;metadata;text` (kitty), `777;notify;title;text` (rxvt).
    fn notification(&mut self, number: u32, data: &str) {
        let text = match number {
            9 => {
                let (first, rest) = data.split_once(';').unwrap_or((data, ""));
                if first == "4" {
                    // 0 removes it; an error or a pause is progress that is still shown.
                    return self.signal(ScreenSignal::Progress(!rest.starts_with('0')));
                }
                // `ConEmu`'s other commands are numbers, too.
                if first.bytes().all(|byte| byte.is_ascii_digit()) && first.len() <= 2 { "" } else { data }
            }
            99 => match data.split_once(';') {
                // In base64, or only its title's beginning or an icon: that it calls is enough.
                Some((metadata, _)) if metadata.contains("e=1") => "A notification.",
                Some((metadata, _)) if metadata.contains("p=icon") || metadata.contains("p=?") => "",
                Some((_, text)) => text,
                None => "",
            },
            _ => data.strip_prefix("notify;").map_or("", |said| said.trim_matches(';')),
        };
        if !text.is_empty() {
            let text = &text[..text.floor_char_boundary(NOTICE_BYTES_MAX)];
            self.signal(ScreenSignal::Notice(text.to_owned()));
        }
    }

    /// A shell's marks around its prompt and its commands (`FinalTerm`).
    fn prompt(&mut self, data: &str) {
        match data.as_bytes().first() {
            Some(b'A') => self.signal(ScreenSignal::Prompt),
            Some(b'C') => self.signal(ScreenSignal::CommandStarts),
            Some(b'D') => self.signal(ScreenSignal::CommandEnds),
            _ => {}
        }
    }

    /// `parameters;address`. An empty address ends the link.
    fn hyperlink(&mut self, data: &str) {
        let Some((parameters, uri)) = data.split_once(';') else { return };
        let parameters = parameters.trim();
        if uri.is_empty() {
            if parameters.is_empty() {
                self.set_link(None);
            }
            return;
        }
        let name = parameters.split(':').find_map(|part| part.strip_prefix("id=")).filter(|name| !name.is_empty());
        if uri.len() + name.map_or(0, str::len) > LINK_BYTES_MAX {
            self.set_link(None);
            return;
        }
        let identity = if let Some(name) = name {
            LinkIdentity::Named(name.into())
        } else {
            self.links_opened += 1;
            LinkIdentity::Numbered(self.links_opened)
        };
        self.set_link(Some(Arc::new(Link { identity, uri: uri.into() })));
    }

    /// Pairs of index and colour, or index and `?`.
    fn indexed_colors(&mut self, data: &str) {
        let mut parts = data.split(';');
        while let (Some(index), Some(color)) = (parts.next(), parts.next()) {
            let digits = index.bytes().all(|byte| byte.is_ascii_digit());
            let Some(index) = index.parse().ok().filter(|_| digits) else { continue };
            if color == "?" {
                self.report_color(&format!("4;{index}"), Slot::Indexed(index));
            } else if let Some(color) = colors::parse(color) {
                self.colors.set(Slot::Indexed(index), color);
            }
        }
    }

    fn reset_indexed_colors(&mut self, data: &str) {
        if data.is_empty() {
            self.colors.reset_indexed();
        }
        data.split(';')
            .filter_map(|index| index.parse().ok())
            .for_each(|index| self.colors.reset(Slot::Indexed(index)));
    }

    /// `OSC 10` may go on with the colours of 11 and 12.
    fn special_colors(&mut self, first: u32, data: &str) {
        for (number, color) in (first..=12).zip(data.split(';')) {
            let slot = match number {
                10 => Slot::Foreground,
                11 => Slot::Background,
                _ => Slot::Cursor,
            };
            if color == "?" {
                self.report_color(&number.to_string(), slot);
            } else if let Some(color) = colors::parse(color) {
                self.colors.set(slot, color);
            }
        }
    }
}
