//! National and line-drawing character sets (ISO 2022, as far as xterm.js knows them).

/// A designated set, named by the final byte of its escape sequence. `B` (ASCII) changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Charset(u8);

impl Charset {
    pub(super) const ASCII: Charset = Charset(b'B');

    /// The set that `ESC ( final` designates. An unknown one leaves the designation alone.
    pub(super) fn named(name: u8) -> Option<Self> {
        let known = matches!(name, b'0' | b'A' | b'B');
        (known || SETS.iter().any(|(names, _)| names.contains(&name))).then(|| {
            // Twins share one name so that equal sets compare equal.
            let twin = SETS.iter().find(|(names, _)| names.contains(&name)).map(|(names, _)| names[0]);
            Self(twin.unwrap_or(name))
        })
    }

    /// The final byte that designates it.
    pub(super) fn name(self) -> u8 {
        self.0
    }

    /// What `byte` (printable ASCII) shows in this set.
    pub(super) fn translate(self, byte: u8) -> u32 {
        let special = match self.0 {
            b'B' => None,
            b'0' => usize::from(byte).checked_sub(0x60).and_then(|at| DEC_SPECIAL.get(at)).copied(),
            b'A' => (byte == b'#').then_some('£'),
            name => SETS
                .iter()
                .find(|(names, _)| names[0] == name)
                .and_then(|(_, pairs)| pairs.iter().find(|(from, _)| *from == byte))
                .map(|(_, to)| *to),
        };
        special.map_or(u32::from(byte), u32::from)
    }

    /// The ASCII byte that shows `ch` in this set: the inverse of [`Self::translate`].
    pub(super) fn untranslate(self, ch: u32) -> Option<u8> {
        (0x20..0x7f).find(|&byte| self.translate(byte) == ch)
    }
}

/// DEC special graphics, from U+0060 on.
const DEC_SPECIAL: [char; 31] = [
    '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼', '⎽', '├', '┤', '┴',
    '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
];

type Pairs = &'static [(u8, char)];

/// Sets that differ from ASCII in a few places, with the final bytes that name them.
#[rustfmt::skip]
const SETS: &[(&[u8], Pairs)] = &[
    (b"4", &[(b'#', '£'), (b'@', '¾'), (b'[', 'i'), (b'\\', '½'), (b']', '|'), (b'{', '¨'), (b'|', 'f'), (b'}', '¼'), (b'~', '´')]),
    (b"5C", &[(b'[', 'Ä'), (b'\\', 'Ö'), (b']', 'Å'), (b'^', 'Ü'), (b'`', 'é'), (b'{', 'ä'), (b'|', 'ö'), (b'}', 'å'), (b'~', 'ü')]),
    (b"6E", &[(b'@', 'Ä'), (b'[', 'Æ'), (b'\\', 'Ø'), (b']', 'Å'), (b'^', 'Ü'), (b'`', 'ä'), (b'{', 'æ'), (b'|', 'ø'), (b'}', 'å'), (b'~', 'ü')]),
    (b"7H", &[(b'@', 'É'), (b'[', 'Ä'), (b'\\', 'Ö'), (b']', 'Å'), (b'^', 'Ü'), (b'`', 'é'), (b'{', 'ä'), (b'|', 'ö'), (b'}', 'å'), (b'~', 'ü')]),
    (b"R", &[(b'#', '£'), (b'@', 'à'), (b'[', '°'), (b'\\', 'ç'), (b']', '§'), (b'{', 'é'), (b'|', 'ù'), (b'}', 'è'), (b'~', '¨')]),
    (b"Q", &[(b'@', 'à'), (b'[', 'â'), (b'\\', 'ç'), (b']', 'ê'), (b'^', 'î'), (b'`', 'ô'), (b'{', 'é'), (b'|', 'ù'), (b'}', 'è'), (b'~', 'û')]),
    (b"K", &[(b'@', '§'), (b'[', 'Ä'), (b'\\', 'Ö'), (b']', 'Ü'), (b'{', 'ä'), (b'|', 'ö'), (b'}', 'ü'), (b'~', 'ß')]),
    (b"Y", &[(b'#', '£'), (b'@', '§'), (b'[', '°'), (b'\\', 'ç'), (b']', 'é'), (b'`', 'ù'), (b'{', 'à'), (b'|', 'ò'), (b'}', 'è'), (b'~', 'ì')]),
    (b"Z", &[(b'#', '£'), (b'@', '§'), (b'[', '¡'), (b'\\', 'Ñ'), (b']', '¿'), (b'{', '°'), (b'|', 'ñ'), (b'}', 'ç')]),
    (b"=", &[(b'#', 'ù'), (b'@', 'à'), (b'[', 'é'), (b'\\', 'ç'), (b']', 'ê'), (b'^', 'î'), (b'_', 'è'), (b'`', 'ô'), (b'{', 'ä'), (b'|', 'ö'), (b'}', 'ü'), (b'~', 'û')]),
];
