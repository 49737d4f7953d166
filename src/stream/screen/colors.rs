//! The colours programs may ask for and change (OSC 4, 10, 11, 12 and their resets).

use super::ScreenTheme;

/// Which of a terminal's colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Indexed(u8),
    Foreground,
    Background,
    Cursor,
}

pub(super) type Rgb = [u8; 3];

/// The theme, and what the program has put over it.
#[derive(Debug)]
pub(super) struct Colors {
    pub theme: ScreenTheme,
    special: [Option<Rgb>; 3],
    /// Sorted by nothing: few programs change more than sixteen.
    indexed: Vec<(u8, Rgb)>,
}

impl Colors {
    pub(super) fn new(theme: ScreenTheme) -> Self {
        Self { theme, special: [None; 3], indexed: Vec::new() }
    }

    pub(super) fn set(&mut self, slot: Slot, color: Rgb) {
        match slot {
            Slot::Foreground => self.special[0] = Some(color),
            Slot::Background => self.special[1] = Some(color),
            Slot::Cursor => self.special[2] = Some(color),
            Slot::Indexed(index) => {
                self.indexed.retain(|(at, _)| *at != index);
                self.indexed.push((index, color));
            }
        }
    }

    pub(super) fn reset(&mut self, slot: Slot) {
        match slot {
            Slot::Foreground => self.special[0] = None,
            Slot::Background => self.special[1] = None,
            Slot::Cursor => self.special[2] = None,
            Slot::Indexed(index) => self.indexed.retain(|(at, _)| *at != index),
        }
    }

    pub(super) fn reset_indexed(&mut self) {
        self.indexed.clear();
    }

    pub(super) fn get(&self, slot: Slot) -> Rgb {
        match slot {
            Slot::Foreground => self.special[0].unwrap_or(self.theme.foreground),
            Slot::Background => self.special[1].unwrap_or(self.theme.background),
            Slot::Cursor => self.special[2].unwrap_or(self.theme.cursor),
            Slot::Indexed(index) => {
                let changed = self.indexed.iter().find(|(at, _)| *at == index);
                changed.map_or_else(|| standard(index), |(_, color)| *color)
            }
        }
    }

    /// Sequences that bring a terminal in its theme's colours to these.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (number, color) in [10, 11, 12].into_iter().zip(self.special) {
            if let Some(color) = color {
                out.extend_from_slice(format!("\x1b]{number};{}\x1b\\", name(color)).as_bytes());
            }
        }
        for (index, color) in &self.indexed {
            out.extend_from_slice(format!("\x1b]4;{index};{}\x1b\\", name(*color)).as_bytes());
        }
    }
}

/// A colour as X11 writes it, sixteen bits a channel.
pub(super) fn name([r, g, b]: Rgb) -> String {
    format!("rgb:{r:02x}{r:02x}/{g:02x}{g:02x}/{b:02x}{b:02x}")
}

/// Reads `rgb:r/g/b` with one to four digits a channel, and `#rgb` with one to four.
pub(super) fn parse(text: &str) -> Option<Rgb> {
    let text = text.to_ascii_lowercase();
    if let Some(channels) = text.strip_prefix("rgb:") {
        let mut channels = channels.split('/');
        let parts = [channels.next()?, channels.next()?, channels.next()?];
        let digits = parts[0].len();
        let fits = channels.next().is_none() && parts.iter().all(|part| part.len() == digits && is_hex(part));
        if !fits || !(1..=4).contains(&digits) {
            return None;
        }
        let full = (1_u32 << (4 * digits)) - 1;
        let mut color = [0; 3];
        for (channel, part) in color.iter_mut().zip(parts) {
            let value = u32::from_str_radix(part, 16).ok()?;
            *channel = ((value * 255 * 2 + full) / (full * 2)) as u8;
        }
        return Some(color);
    }
    let digits = text.strip_prefix('#').filter(|digits| is_hex(digits) && matches!(digits.len(), 3 | 6 | 9 | 12))?;
    let width = digits.len() / 3;
    let mut color = [0; 3];
    for (at, channel) in color.iter_mut().enumerate() {
        let value = u32::from_str_radix(&digits[at * width..(at + 1) * width], 16).ok()?;
        *channel = match width {
            1 => value << 4,
            2 => value,
            3 => value >> 4,
            _ => value >> 8,
        } as u8;
    }
    Some(color)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The 256 colours as xterm.js has them without a theme.
fn standard(index: u8) -> Rgb {
    const BASIC: [u32; 16] = [
        0x2e_3436, 0xcc_0000, 0x4e_9a06, 0xc4_a000, 0x34_65a4, 0x75_507b, 0x06_989a, 0xd3_d7cf, 0x55_5753, 0xef_2929,
        0x8a_e234, 0xfc_e94f, 0x72_9fcf, 0xad_7fa8, 0x34_e2e2, 0xee_eeec,
    ];
    match index {
        0..16 => {
            let [_, r, g, b] = BASIC[usize::from(index)].to_be_bytes();
            [r, g, b]
        }
        16..232 => {
            let level = |value: u8| if value == 0 { 0 } else { 55 + 40 * value };
            let at = index - 16;
            [level(at / 36), level(at / 6 % 6), level(at % 6)]
        }
        232.. => [8 + 10 * (index - 232); 3],
    }
}
