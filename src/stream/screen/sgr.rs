//! SGR: the pen's colours and attributes, set by a program and written for a snapshot.

use super::cell::{Pen, bg, color, fg};
use super::params::Params;
use super::pool::{Extended, UNDERLINE_COLOR_RESET};
use super::terminal::Terminal;

impl Terminal {
    #[inline]
    pub(super) fn select_graphics(&mut self, params: &Params) {
        let values = params.values();
        let mut at = 0;
        while at < values.len() {
            let pen = &mut self.pen;
            match values[at] {
                0 => self.reset_graphics(),
                code @ 30..=37 => paint(&mut pen.fg, color::BASIC | (code - 30) as u32),
                code @ 40..=47 => paint(&mut pen.bg, color::BASIC | (code - 40) as u32),
                code @ 90..=97 => paint(&mut pen.fg, color::BASIC | (code - 90) as u32 | 8),
                code @ 100..=107 => paint(&mut pen.bg, color::BASIC | (code - 100) as u32 | 8),
                39 => paint(&mut pen.fg, 0),
                49 => paint(&mut pen.bg, 0),
                38 | 48 | 58 => at += self.extended_color(params, at),
                1 => pen.fg |= fg::BOLD,
                2 => pen.bg |= bg::DIM,
                3 => pen.bg |= bg::ITALIC,
                4 => self.set_underline(params.subs(at).first().copied().unwrap_or(1)),
                5 => pen.fg |= fg::BLINK,
                7 => pen.fg |= fg::INVERSE,
                8 => pen.fg |= fg::INVISIBLE,
                9 => pen.fg |= fg::STRIKE,
                21 => self.set_underline(2),
                22 => {
                    pen.fg &= !fg::BOLD;
                    pen.bg &= !bg::DIM;
                }
                23 => pen.bg &= !bg::ITALIC,
                24 => self.set_underline(0),
                25 => pen.fg &= !fg::BLINK,
                27 => pen.fg &= !fg::INVERSE,
                28 => pen.fg &= !fg::INVISIBLE,
                29 => pen.fg &= !fg::STRIKE,
                53 => pen.bg |= bg::OVERLINE,
                55 => pen.bg &= !bg::OVERLINE,
                59 => {
                    self.extended.color = UNDERLINE_COLOR_RESET;
                    self.extend_pen();
                }
                _ => {}
            }
            at += 1;
        }
    }

    #[inline]
    fn reset_graphics(&mut self) {
        self.pen.fg = 0;
        self.pen.bg = 0;
        if self.pen.ext != 0 || self.extended != Extended::default() {
            self.extended.underline = 0;
            self.extended.color = 0;
            self.extend_pen();
        }
    }

    fn set_underline(&mut self, style: i32) {
        // An empty or unknown style is the single line.
        let style = u8::try_from(style).ok().filter(|style| *style <= 5).unwrap_or(1);
        if style == 0 {
            self.pen.fg &= !fg::UNDERLINE;
        } else {
            self.pen.fg |= fg::UNDERLINE;
        }
        if self.extended.underline != style {
            self.extended.underline = style;
        }
        self.extend_pen();
    }

    /// `38`, `48` or `58` at `at`: the colour may follow as parameters, as sub-parameters, or as a mixture
    /// with or without a colour space. Says how many parameters that took.
    fn extended_color(&mut self, params: &Params, at: usize) -> usize {
        let values = params.values();
        // Code, kind, colour space, and up to three channels.
        let mut found = [0, 0, -1, 0, 0, 0];
        let mut space = 0;
        let mut taken = 0;
        loop {
            found[taken + space] = values[at + taken];
            let subs = params.subs(at + taken);
            if !subs.is_empty() {
                for (i, sub) in subs.iter().enumerate() {
                    if i > 0 && i + taken + 1 + space >= found.len() {
                        break;
                    }
                    if found[1] == 5 {
                        space = 1;
                    }
                    if let Some(slot) = found.get_mut(taken + i + 1 + space) {
                        *slot = *sub;
                    }
                }
                break;
            }
            if found[1] == 5 && taken + space >= 2 || found[1] == 2 && taken + space >= 5 {
                break;
            }
            if found[1] != 0 {
                space = 1;
            }
            taken += 1;
            if taken + at >= values.len() || taken + space >= found.len() {
                break;
            }
        }
        let channel = |value: i32| if value == -1 { 0 } else { value as u32 & 0xff };
        let color = match found[1] {
            2 => color::RGB | channel(found[3]) << 16 | channel(found[4]) << 8 | channel(found[5]),
            5 => color::INDEXED | channel(found[3]),
            _ => return taken,
        };
        match found[0] {
            38 => paint(&mut self.pen.fg, color),
            48 => paint(&mut self.pen.bg, color),
            58 => {
                self.extended.color = color;
                // A colour without an underline extends nothing yet.
                self.renumber_extended();
            }
            _ => {}
        }
        taken
    }
}

#[inline]
fn paint(word: &mut u32, color: u32) {
    *word = *word & !color::MASK | color;
}

/// Writes the SGR that makes a terminal's pen `pen`, from any other. Links are no part of it.
pub(super) fn write(pen: Pen, extended: Option<&Extended>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b[");
    let start = out.len();
    write_codes(pen, out);
    write_underline(pen, extended, out);
    if out.len() == start {
        out.push(b'm');
        return;
    }
    out.splice(start..start, *b"0;");
    // Every code ends in a separator; the last one becomes the end.
    if let Some(last) = out.last_mut() {
        *last = b'm';
    }
}

/// Writes the SGR that gives a terminal's pen all of `pen` but its underline, which stays what it is.
pub(super) fn write_but_underline(pen: Pen, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b[22;23;25;27;28;29;55;39;49;");
    write_codes(pen, out);
    if let Some(last) = out.last_mut() {
        *last = b'm';
    }
}

fn write_codes(pen: Pen, out: &mut Vec<u8>) {
    const FG: [(u32, u8); 5] =
        [(fg::BOLD, b'1'), (fg::BLINK, b'5'), (fg::INVERSE, b'7'), (fg::INVISIBLE, b'8'), (fg::STRIKE, b'9')];
    const BG: [(u32, &[u8]); 3] = [(bg::DIM, b"2;"), (bg::ITALIC, b"3;"), (bg::OVERLINE, b"53;")];
    if pen.fg & !color::MASK != 0 {
        for (flag, code) in FG {
            if pen.fg & flag != 0 {
                out.extend_from_slice(&[code, b';']);
            }
        }
    }
    if pen.bg & !color::MASK != 0 {
        for (flag, code) in BG {
            if pen.bg & flag != 0 {
                out.extend_from_slice(code);
            }
        }
    }
    write_color(pen.fg, [b"3", b"9", b"38"], out);
    write_color(pen.bg, [b"4", b"10", b"48"], out);
}

fn write_underline(pen: Pen, extended: Option<&Extended>, out: &mut Vec<u8>) {
    match extended.map_or(0, |extended| extended.underline) {
        0 | 1 if pen.fg & fg::UNDERLINE != 0 => out.extend_from_slice(b"4;"),
        0 | 1 => {}
        style => out.extend_from_slice(&[b'4', b':', b'0' + style, b';']),
    }
    match extended.map_or(0, |extended| extended.color) {
        0 => {}
        UNDERLINE_COLOR_RESET => out.extend_from_slice(b"59;"),
        color => write_color(color & color::MASK, [b"", b"", b"58"], out),
    }
}

fn write_color(word: u32, [dark, bright, code]: [&[u8]; 3], out: &mut Vec<u8>) {
    match word & color::KIND {
        color::BASIC if code != b"58" => {
            let index = (word & 0xff) as u8;
            out.extend_from_slice(if index < 8 { dark } else { bright });
            out.extend_from_slice(&[b'0' + (index & 7), b';']);
        }
        color::RGB => {
            out.extend_from_slice(code);
            out.extend_from_slice(b";2;");
            for shift in [16, 8, 0] {
                write_number((word >> shift & 0xff) as usize, out);
                out.push(b';');
            }
        }
        0 => {}
        _ => {
            out.extend_from_slice(code);
            out.extend_from_slice(b";5;");
            write_number((word & 0xff) as usize, out);
            out.push(b';');
        }
    }
}

/// A decimal number, without allocation.
pub(super) fn write_number(number: usize, out: &mut Vec<u8>) {
    if number >= 10 {
        write_number(number / 10, out);
    }
    out.push(b'0' + (number % 10) as u8);
}
