//! The terminal's state, and what all its functions share.

use std::sync::Arc;

use super::ScreenTheme;
use super::buffer::{Buffer, Saved};
use super::cell::{Glyph, Pen, bg};
use super::charset::Charset;
use super::colors::Colors;
use super::modes::Modes;
use super::pool::{CLUSTER_BYTES_MAX, Extended, Marks, Pool};
use super::row::Row;
use super::{SIGNALS_MAX, ScreenSignal};

/// Title, in bytes. No tab or window shows more.
pub(super) const TITLE_BYTES_MAX: usize = 1024;

/// A full pool is swept once in so many refusals.
const REFUSED_BETWEEN_SWEEPS: u32 = 1024;

/// Everything that output can change. Follows xterm.js 6.0.0 in every visible effect, its oddities
/// included, because the browser's terminal is one and both must show the same.
#[derive(Debug)]
pub(super) struct Terminal {
    pub cols: usize,
    pub rows: usize,
    pub main: Buffer,
    pub alternate: Buffer,
    pub on_alternate: bool,
    pub pen: Pen,
    /// What `pen.ext` numbers, kept apart because a pen can hold one that no cell may show yet.
    pub extended: Extended,
    pub modes: Modes,
    pub charsets: Charsets,
    pub clusters: Pool<Box<str>>,
    pub extendeds: Pool<Extended>,
    pub colors: Colors,
    pub title: Option<String>,
    pub links_opened: u64,
    /// How often a full pool refused since it was last swept.
    refused: u32,
    /// Width of what was printed last, if nothing but printing happened since: what a combining mark
    /// joins and REP repeats. The low bit says that it already joined something.
    pub printed: u32,
    pub bells: u32,
    pub title_changed: bool,
    pub signals: Vec<ScreenSignal>,
    /// Answers for the program, until `feed` hands them out.
    pub replies: Vec<u8>,
}

/// Designated character sets and the one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charsets {
    pub designated: [Charset; 4],
    pub level: usize,
    /// Usually `designated[level]`, but DECRC brings back a set without its designation.
    pub active: Charset,
}

impl Charsets {
    pub(super) const START: Charsets = Charsets { designated: [Charset::ASCII; 4], level: 0, active: Charset::ASCII };

    pub(super) fn designate(&mut self, slot: usize, charset: Charset) {
        self.designated[slot] = charset;
        if self.level == slot {
            self.active = charset;
        }
    }

    pub(super) fn shift(&mut self, level: usize) {
        self.level = level;
        self.active = self.designated[level];
    }
}

impl Terminal {
    pub(super) fn new(cols: usize, rows: usize, scrollback_lines: usize) -> Self {
        Self {
            cols,
            rows,
            main: Buffer::new(cols, rows, scrollback_lines),
            alternate: Buffer::new(cols, rows, 0),
            on_alternate: false,
            pen: Pen::DEFAULT,
            extended: Extended::default(),
            modes: Modes::START,
            charsets: Charsets::START,
            clusters: Pool::new(),
            extendeds: Pool::new(),
            colors: Colors::new(ScreenTheme::default()),
            title: None,
            links_opened: 0,
            refused: 0,
            printed: 0,
            bells: 0,
            title_changed: false,
            signals: Vec::new(),
            replies: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn buffer(&mut self) -> &mut Buffer {
        if self.on_alternate { &mut self.alternate } else { &mut self.main }
    }

    pub(super) fn active(&self) -> &Buffer {
        if self.on_alternate { &self.alternate } else { &self.main }
    }

    /// RIS: everything but the title, the theme and what xterm.js forgets to reset.
    pub(super) fn reset(&mut self) {
        let scrollback_lines = self.main.history.lines_max();
        self.main = Buffer::new(self.cols, self.rows, scrollback_lines);
        self.alternate = Buffer::new(self.cols, self.rows, 0);
        self.on_alternate = false;
        self.pen = Pen::DEFAULT;
        self.extended = Extended::default();
        self.charsets = Charsets::START;
        self.modes.full_reset();
        self.clusters = Pool::new();
        self.extendeds = Pool::new();
    }

    /// DECSTR.
    pub(super) fn soft_reset(&mut self) {
        self.modes.soft_reset();
        self.pen = Pen::DEFAULT;
        self.extended = Extended::default();
        self.charsets = Charsets::START;
        let rows = self.rows;
        let buffer = self.buffer();
        buffer.top = 0;
        buffer.bottom = rows - 1;
        buffer.saved = Saved { x: 0, line: buffer.history.len(), fg: 0, bg: 0, charset: None };
    }

    pub(super) fn enter_alternate(&mut self) {
        if self.on_alternate {
            return;
        }
        let eraser = self.pen.eraser();
        self.alternate.rows.iter_mut().for_each(|row| row.clear(eraser));
        self.alternate.x = self.main.x;
        self.alternate.y = self.main.y;
        self.on_alternate = true;
    }

    pub(super) fn leave_alternate(&mut self) {
        if !self.on_alternate {
            return;
        }
        self.main.x = self.alternate.x;
        self.main.y = self.alternate.y;
        self.alternate.empty(self.cols);
        self.on_alternate = false;
    }

    pub(super) fn save_cursor(&mut self) {
        let pen = self.pen;
        let charset = (self.charsets.active != Charset::ASCII).then_some(self.charsets.active);
        let buffer = self.buffer();
        buffer.saved = Saved { x: buffer.x, line: buffer.history.len() + buffer.y, fg: pen.fg, bg: pen.bg, charset };
    }

    pub(super) fn restore_cursor(&mut self) {
        let (x_max, origin) = (self.cols - 1, self.modes.origin);
        let buffer = self.buffer();
        let saved = buffer.saved;
        buffer.x = saved.x;
        buffer.y = buffer.saved_row();
        buffer.restrict(x_max, origin);
        self.pen.fg = saved.fg;
        self.pen.bg = saved.bg;
        self.charsets.active = saved.charset.unwrap_or(Charset::ASCII);
    }

    pub(super) fn signal(&mut self, signal: ScreenSignal) {
        if self.signals.len() < SIGNALS_MAX {
            self.signals.push(signal);
        }
    }

    pub(super) fn set_title(&mut self, title: &str) {
        let mut end = title.len().min(TITLE_BYTES_MAX);
        while !title.is_char_boundary(end) {
            end -= 1;
        }
        self.title = Some(title[..end].to_owned());
        self.title_changed = true;
    }

    /// Takes over `self.extended` into the pen, as a changed underline or link does.
    pub(super) fn extend_pen(&mut self) {
        self.renumber_extended();
        if self.extended.is_empty() {
            self.pen.bg &= !bg::EXTENDED;
        } else {
            self.pen.bg |= bg::EXTENDED;
        }
    }

    /// Finds a number for `self.extended` without a say on whether it counts.
    pub(super) fn renumber_extended(&mut self) {
        if self.extended == Extended::default() {
            self.pen.ext = 0;
            return;
        }
        let mut number = self.extendeds.number(&self.extended);
        if number.is_none() && self.sweep() {
            number = self.extendeds.number(&self.extended);
        }
        self.pen.ext = number.unwrap_or(0);
    }

    /// Appends a combining mark to what a glyph shows.
    pub(super) fn join(&mut self, glyph: Glyph, mark: u32) -> Glyph {
        let (width, mark) = (glyph.width(), char::from_u32(mark));
        let mut text = String::new();
        match glyph.cluster_number() {
            Some(number) => text.push_str(self.clusters.get(number).map_or("", |text| text)),
            None => text.extend(char::from_u32(glyph.code())),
        }
        if text.len() + 4 > CLUSTER_BYTES_MAX {
            return glyph;
        }
        text.extend(mark);
        let text = text.into_boxed_str();
        let mut number = self.clusters.number(&text);
        if number.is_none() && self.sweep() {
            number = self.clusters.number(&text);
        }
        number.map_or(glyph, |number| Glyph::cluster(number, width))
    }

    /// Frees what no cell refers to any more in the pools. Where that freed little it is not tried again at
    /// once: it looks at every cell, and a program must not make each of its bytes cost that.
    fn sweep(&mut self) -> bool {
        self.refused = (self.refused + 1) % REFUSED_BETWEEN_SWEEPS;
        if self.refused != 1 {
            return false;
        }
        let (mut clusters, mut extended) = (Marks::new(), Marks::new());
        for buffer in [&self.main, &self.alternate] {
            buffer.history.mark(&mut clusters, &mut extended);
            for cell in buffer.rows.iter().flat_map(Row::used) {
                cell.glyph.cluster_number().into_iter().for_each(|number| clusters.insert(number));
                extended.insert(cell.pen.ext);
            }
        }
        extended.insert(self.pen.ext);
        self.clusters.sweep(&clusters);
        self.extendeds.sweep(&extended);
        true
    }

    /// The extended attribute that counts for `pen`.
    pub(super) fn extended_of(&self, pen: Pen) -> Option<&Extended> {
        self.extendeds.get(pen.extended())
    }

    /// Text of a glyph, without allocation.
    pub(super) fn push_glyph(&self, glyph: Glyph, out: &mut String) {
        match glyph.cluster_number() {
            Some(number) => out.push_str(self.clusters.get(number).map_or("", |text| text)),
            None if glyph.code() != 0 => out.extend(char::from_u32(glyph.code())),
            None => {}
        }
    }

    /// What a link's cells share: see [`Extended::link`].
    pub(super) fn set_link(&mut self, link: Option<Arc<super::pool::Link>>) {
        self.extended.link = link;
        self.extend_pen();
    }
}
