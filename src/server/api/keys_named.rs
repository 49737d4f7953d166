//! Keys by the names that are printed on them, as the bytes a terminal sends for them.

/// The bytes of a key: `Enter`, `Tab`, `Escape`, `Backspace`, `Delete`, `Up`, `Down`, `Left`, `Right`, `Home`, `End`,
/// `PageUp`, `PageDown`, `Insert`, `Space`, `F1` to `F12`, `Shift-Tab`, `Ctrl-A` to `Ctrl-Z`, `Alt-` with any character.
pub(super) fn key(name: &str) -> Option<Vec<u8>> {
    if let Some(letter) = name.strip_prefix("Ctrl-") {
        let [letter @ (b'a'..=b'z' | b'A'..=b'Z' | b'@' | b'['..=b'_')] = letter.as_bytes() else { return None };
        return Some(vec![letter.to_ascii_uppercase() & 0x1f]);
    }
    if let Some(character) = name.strip_prefix("Alt-") {
        let mut characters = character.chars();
        let (Some(_), None) = (characters.next(), characters.next()) else { return None };
        return Some([b"\x1b", character.as_bytes()].concat());
    }
    let bytes: &[u8] = match name {
        "Enter" => b"\r",
        "Tab" => b"\t",
        "Shift-Tab" => b"\x1b[Z",
        "Escape" => b"\x1b",
        "Space" => b" ",
        "Backspace" => b"\x7f",
        "Delete" => b"\x1b[3~",
        "Insert" => b"\x1b[2~",
        "Up" => b"\x1b[A",
        "Down" => b"\x1b[B",
        "Right" => b"\x1b[C",
        "Left" => b"\x1b[D",
        "Home" => b"\x1b[H",
        "End" => b"\x1b[F",
        "PageUp" => b"\x1b[5~",
        "PageDown" => b"\x1b[6~",
        "F1" => b"\x1bOP",
        "F2" => b"\x1bOQ",
        "F3" => b"\x1bOR",
        "F4" => b"\x1bOS",
        "F5" => b"\x1b[15~",
        "F6" => b"\x1b[17~",
        "F7" => b"\x1b[18~",
        "F8" => b"\x1b[19~",
        "F9" => b"\x1b[20~",
        "F10" => b"\x1b[21~",
        "F11" => b"\x1b[23~",
        "F12" => b"\x1b[24~",
        _ => return None,
    };
    Some(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_a_terminal_sends_for_them() {
        assert_eq!(key("Ctrl-C").as_deref(), Some(&b"\x03"[..]));
        assert_eq!(key("Ctrl-c"), key("Ctrl-C"));
        assert_eq!(key("Ctrl-["), key("Escape"));
        assert_eq!(key("Alt-é").as_deref(), Some("\u{1b}é".as_bytes()));
        for wrong in ["", "enter", "Ctrl-", "Ctrl-1", "Ctrl-é", "Alt-", "Alt-ab", "F13"] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }
}
