//! The key that detaches, found in what a terminal sends when keys are pressed.

use std::fmt;
use std::str::FromStr;

/// Begins and ends a paste (mode 2004). What is pasted is text, whatever it holds.
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
/// See [`PASTE_BEGINS`].
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Longest key of that mode, in bytes: six numbers of 16 bits, or 32.
const WINDOWS_KEY_BYTES_MAX: usize = 64;

/// A key held with Ctrl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct DetachKey {
    /// `]` of Ctrl-]; a letter is small.
    with: u8,
}

impl Default for DetachKey {
    fn default() -> Self {
        Self { with: b']' }
    }
}

/// What is not such a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key to detach with: write it like ctrl-] or ctrl-q; one of a to z, @ [ \\ ] ^ _")]
pub(in crate::cli) struct NotAKey(String);

impl FromStr for DetachKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let error = || NotAKey(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let key =
            ["ctrl-", "ctrl+", "c-", "^"].iter().find_map(|prefix| lower.strip_prefix(prefix)).ok_or_else(error)?;
        match key.as_bytes() {
            // Enter, Tab and Escape under other names: nobody could type any more.
            [b'm' | b'i' | b'j' | b'['] => Err(error()),
            [with @ (b'a'..=b'z' | b'@' | b'\\' | b']' | b'^' | b'_')] => Ok(Self { with: *with }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for DetachKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ctrl-{}", char::from(self.with.to_ascii_uppercase()))
    }
}

impl DetachKey {
    /// The control character terminals send for it.
    fn byte(self) -> u8 {
        self.with.to_ascii_uppercase() & 0x1f
    }

    /// Ways of writing it: the character itself, and what terminals send in the modes of kitty and of xterm in which
    /// every key is a sequence.
    fn sequences(self) -> [Vec<u8>; 3] {
        let code = self.with;
        [vec![self.byte()], format!("\x1b[{code};5u").into_bytes(), format!("\x1b[27;5;{code}~").into_bytes()]
    }
}

/// Looks through what is typed.
#[derive(Debug)]
pub(super) struct Keys {
    sequences: [Vec<u8>; 3],
    pasting: bool,
}

impl Keys {
    pub(super) fn new(detach: DetachKey) -> Self {
        Self { sequences: detach.sequences(), pasting: false }
    }

    /// How many of these bytes go to the program before the key that detaches; `None` if it is not among them.
    pub(super) fn find(&mut self, typed: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < typed.len() {
            let rest = &typed[at..];
            if self.pasting {
                if rest.starts_with(PASTE_ENDS) {
                    self.pasting = false;
                }
            } else if rest.starts_with(PASTE_BEGINS) {
                self.pasting = true;
            } else if self.sequences.iter().any(|sequence| rest.starts_with(sequence)) || self.is_of_windows(rest) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    /// Whether it begins with the key as a pseudo console of Windows asks for keys (mode 9001): key, scan code, character,
    /// pressed or let go, what is held with it, how often.
    fn is_of_windows(&self, typed: &[u8]) -> bool {
        let Some(rest) = typed.strip_prefix(b"\x1b[") else { return false };
        let Some(end) = rest.iter().take(WINDOWS_KEY_BYTES_MAX).position(|byte| *byte == b'_') else { return false };
        let mut parameters = rest[..end].split(|byte| *byte == b';').skip(2);
        let character = parameters.next().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        character == self.sequences[0].first().copied() && parameters.next() == Some(b"1")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_people_write_them() {
        for (text, shown, byte) in
            [("ctrl-]", "Ctrl-]", 0x1d), ("C-a", "Ctrl-A", 1), ("^Q", "Ctrl-Q", 0x11), ("Ctrl+\\", "Ctrl-\\", 0x1c)]
        {
            let key: DetachKey = text.parse().unwrap();
            assert_eq!((key.to_string().as_str(), key.byte()), (shown, byte), "{text}");
        }
        for wrong in ["", "]", "ctrl-", "ctrl-ab", "ctrl-m", "ctrl-[", "ctrl-é", "alt-x", "ctrl-1"] {
            assert!(wrong.parse::<DetachKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_key_is_found_wherever_it_stands_in_what_was_read() {
        let keys = || Keys::new(DetachKey::default());
        assert_eq!(keys().find(b"hello"), None);
        assert_eq!(keys().find(b"\x1d"), Some(0));
        assert_eq!(keys().find(b"abc\x1ddef"), Some(3));
        assert_eq!(keys().find(b"ab\x1b[93;5u"), Some(2), "kitty's way");
        assert_eq!(keys().find(b"a\x1b[27;5;93~"), Some(1), "xterm's way");
        assert_eq!(keys().find(b"\x1b[29;29;0;1;8;1_\x1b[221;27;29;1;8;1_"), Some(16), "the way of Windows");
        assert_eq!(keys().find(b"\x1b[221;27;29;0;8;1_"), None, "letting it go is no press");
        assert_eq!(keys().find(b"\x1b[93;6u"), None, "with Shift it is another key");
    }

    #[test]
    fn what_is_pasted_does_not_detach() {
        let mut keys = Keys::new(DetachKey::default());
        assert_eq!(keys.find(b"\x1b[200~a\x1db"), None);
        assert_eq!(keys.find(b"\x1d"), None, "the paste goes on in the next read");
        assert_eq!(keys.find(b"\x1d\x1b[201~\x1d"), Some(7));
    }
}
