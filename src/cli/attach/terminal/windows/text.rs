//! Between a console's UTF-16 and a session's UTF-8, both in pieces that may end within a character.

/// Virtual key codes (`VK_MENU`, `VK_SPACE`, and the key of `2`, which is that of `@` on American keyboards).
const ALT: u16 = 0x12;
/// See [`ALT`].
const SPACE: u16 = 0x20;
/// See [`ALT`].
const TWO: u16 = 0x32;

/// One event of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Pressed, or held; else let go.
    pub(super) down: bool,
    /// Which key.
    pub(super) code: u16,
    /// What it types, as a unit of UTF-16; 0 for nothing, and for the character 0.
    pub(super) unit: u16,
    pub(super) ctrl: bool,
    /// How often it was pressed.
    pub(super) repeated: u16,
}

/// Makes bytes of keys.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The first half of a character beyond the first 65 536, which comes as two events.
    half: Option<u16>,
}

impl Typed {
    /// Appends to `out` what this key types. In the console's terminal mode an arrow is the events of ESC, `[` and `A`.
    pub(super) fn key(&mut self, key: Key, out: &mut Vec<u8>) {
        // A character that is composed of digits with Alt held comes when Alt is let go.
        let types = key.down || key.code == ALT;
        let is_nul = key.ctrl && [SPACE, TWO].contains(&key.code);
        if !types || (key.unit == 0 && !(key.down && is_nul)) {
            return;
        }
        for _ in 0..key.repeated.max(1) {
            let units = self.half.take().into_iter().chain([key.unit]);
            for decoded in char::decode_utf16(units) {
                match decoded {
                    Ok(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                    Err(error) if (0xd800..0xdc00).contains(&error.unpaired_surrogate()) => {
                        self.half = Some(error.unpaired_surrogate());
                    }
                    Err(_) => {}
                }
            }
        }
    }
}

/// Takes the text out of `bytes`, but for a character at their end that goes on in the next piece.
pub(super) fn whole(bytes: &mut Vec<u8>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        match std::str::from_utf8(rest) {
            Ok(all) => {
                text.push_str(all);
                rest = &[];
                break;
            }
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                // It was just found to be.
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                rest = bad;
                let Some(length) = error.error_len() else { break };
                text.push(char::REPLACEMENT_CHARACTER);
                rest = &rest[length..];
            }
        }
    }
    let left = bytes.len() - rest.len();
    bytes.drain(..left);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(unit: u16) -> Key {
        Key { down: true, code: 0, unit, ctrl: false, repeated: 1 }
    }

    fn typed(keys: &[Key]) -> Vec<u8> {
        let (mut typed, mut out) = (Typed::default(), Vec::new());
        keys.iter().for_each(|key| typed.key(*key, &mut out));
        out
    }

    #[test]
    fn keys_become_what_a_terminal_sends() {
        let text: Vec<Key> = "aé你\u{1b}[A\u{3}🙂".encode_utf16().map(pressed).collect();
        assert_eq!(typed(&text), "aé你\u{1b}[A\u{3}🙂".as_bytes());
        assert_eq!(typed(&[Key { down: false, ..pressed(97) }]), b"", "letting go types nothing");
        assert_eq!(typed(&[Key { repeated: 3, ..pressed(97) }]), b"aaa");
        assert_eq!(typed(&[Key { down: false, code: ALT, ..pressed(0xe9) }]), "é".as_bytes(), "Alt and digits");
        assert_eq!(typed(&[Key { code: SPACE, ctrl: true, ..pressed(0) }]), b"\0", "Ctrl-Space");
        assert_eq!(typed(&[Key { code: 0x10, ..pressed(0) }]), b"", "Shift alone");
    }

    #[test]
    fn half_a_character_waits_for_its_other_half_and_nonsense_for_nothing() {
        assert_eq!(typed(&[pressed(0xd83d), pressed(0xde42), pressed(0xde42), pressed(97)]), "🙂a".as_bytes());
        let mut bytes = "é".as_bytes()[..1].to_vec();
        assert_eq!(whole(&mut bytes), "");
        bytes.extend_from_slice(&"é".as_bytes()[1..]);
        bytes.extend_from_slice(b"\xffx\xe2\x82");
        assert_eq!(whole(&mut bytes), "é\u{fffd}x");
        assert_eq!(bytes, b"\xe2\x82");
    }
}
