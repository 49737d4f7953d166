//! Operating system commands: title, links, colours. All others are the viewer's affair.

use std::sync::Arc;

use super::colors::{self, Slot};
use super::pool::{LINK_BYTES_MAX, Link, LinkIdentity};
use super::terminal::Terminal;

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
            Ok(first @ 10..=12) => self.special_colors(first, data),
            Ok(104) => self.reset_indexed_colors(data),
            Ok(110) => self.colors.reset(Slot::Foreground),
            Ok(111) => self.colors.reset(Slot::Background),
            Ok(112) => self.colors.reset(Slot::Cursor),
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
