//! Command lines of Windows, where a process gets one text and takes it apart itself.

/// The words as one line, from which every program that follows the usual rules gets them back
/// (learn.microsoft.com, "Parsing C command-line arguments"): quotes around what has blanks, a backslash before a quote, and twice
/// as many backslashes where a quote follows them.
pub fn line(words: &[&str]) -> String {
    let mut line = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        if !word.is_empty() && !word.contains([' ', '\t', '\n', '\u{b}', '"']) {
            line.push_str(word);
            continue;
        }
        line.push('"');
        let mut backslashes = 0;
        for character in word.chars() {
            match character {
                '\\' => backslashes += 1,
                '"' => {
                    line.extend(std::iter::repeat_n('\\', backslashes * 2 + 1));
                    backslashes = 0;
                }
                _ => {
                    line.extend(std::iter::repeat_n('\\', backslashes));
                    backslashes = 0;
                }
            }
            if character != '\\' {
                line.push(character);
            }
        }
        line.extend(std::iter::repeat_n('\\', backslashes * 2));
        line.push('"');
    }
    line
}

/// The words of a line, as [`line`] and Windows write them. The first is a program's path, in which nothing is escaped.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches([' ', '\t']);
    if rest.is_empty() {
        return words;
    }
    let (program, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => rest.split_once([' ', '\t']).unwrap_or((rest, "")),
    };
    words.push(program.to_owned());
    rest = after;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return words;
        }
        let (mut word, mut quoted, mut backslashes, mut end) = (String::new(), false, 0_usize, rest.len());
        for (at, character) in rest.char_indices() {
            match character {
                '\\' => {
                    backslashes += 1;
                    continue;
                }
                '"' => {
                    word.extend(std::iter::repeat_n('\\', backslashes / 2));
                    if backslashes.is_multiple_of(2) {
                        quoted = !quoted;
                    } else {
                        word.push('"');
                    }
                    backslashes = 0;
                    continue;
                }
                ' ' | '\t' if !quoted => {
                    end = at;
                    break;
                }
                _ => {}
            }
            word.extend(std::iter::repeat_n('\\', std::mem::take(&mut backslashes)));
            word.push(character);
        }
        word.extend(std::iter::repeat_n('\\', backslashes));
        words.push(word);
        rest = &rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_written_as_windows_reads_them() {
        for (words, written) in [
            (&[r"C:\sf.exe", "agent"][..], r"C:\sf.exe agent"),
            (&[r"C:\Program Files\sf.exe", r"C:\my data\", ""], r#""C:\Program Files\sf.exe" "C:\my data\\" """#),
            (&["x", r#"say "hi""#, r"a\", r#"b\" c"#], r#"x "say \"hi\"" a\ "b\\\" c""#),
        ] {
            assert_eq!(line(words), written);
            assert_eq!(split(written), words);
        }
        assert_eq!(split("  "), Vec::<String>::new());
        assert_eq!(split(r#"x a"b c"d"#), ["x", "ab cd"]);
    }

    proptest! {
        #[test]
        fn every_word_comes_back(words in prop::collection::vec(r#"[ab \\"\t]{0,8}"#, 0..5)) {
            let all: Vec<&str> = ["p"].into_iter().chain(words.iter().map(String::as_str)).collect();
            prop_assert_eq!(split(&line(&all)), all);
        }
    }

    /// Windows' own opinion.
    #[cfg(windows)]
    #[test]
    fn windows_takes_a_line_apart_as_we_do() {
        use windows_sys::Win32::UI::Shell::CommandLineToArgvW;
        for written in [r#""C:\Program Files\sf.exe" "C:\my data\\" """#, r#"x "say \"hi\"" a\ "b\\\" c""#] {
            let units: Vec<u16> = written.encode_utf16().chain([0]).collect();
            let mut count = 0;
            // SAFETY: the text ends with a NUL; what comes back is leaked, as a test may.
            let read: Vec<String> = unsafe {
                let words = CommandLineToArgvW(units.as_ptr(), &raw mut count);
                (0..usize::try_from(count).unwrap_or(0))
                    .map(|at| {
                        let word = *words.add(at);
                        let length = (0..).take_while(|at| *word.add(*at) != 0).count();
                        String::from_utf16_lossy(std::slice::from_raw_parts(word, length))
                    })
                    .collect()
            };
            assert_eq!(split(written), read);
        }
    }
}
