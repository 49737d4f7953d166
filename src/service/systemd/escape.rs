//! Words of a command line as systemd reads them (systemd.service(5), systemd.syntax(7)).

use std::fmt::Write as _;

use crate::service::ServiceError;

/// The value of `ExecStart=`.
pub(super) fn command(executable: &str, arguments: &[String]) -> Result<String, ServiceError> {
    let unwritable =
        |text: &str, what, why| ServiceError::Unwritable { manager: "systemd", what, text: text.to_owned(), why };
    if executable.contains(|c: char| c.is_control() || "\"'\\".contains(c)) {
        let why = "it starts no program whose path has quotes, backslashes or control characters; move the program";
        return Err(unwritable(executable, "the program", why));
    }
    // Variables are not replaced in the program's own path, so a dollar stands for itself there.
    let mut line = word(executable, false);
    for argument in arguments {
        if argument.contains('\0') {
            return Err(unwritable(argument, "the argument", "it has a NUL character"));
        }
        line.push(' ');
        line += &word(argument, true);
    }
    Ok(line)
}

/// A name that needs no quotes.
pub(super) fn plain(what: &'static str, text: &str) -> Result<String, ServiceError> {
    if !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c)) {
        return Ok(text.to_owned());
    }
    let why = "it may have letters, digits and ._-@ only";
    Err(ServiceError::Unwritable { manager: "systemd", what, text: text.to_owned(), why })
}

/// One word, which systemd reads as `text` again: quoted where it has to be, percent signs doubled, and dollars too where
/// variables are replaced.
fn word(text: &str, replaces_variables: bool) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut word = String::from('"');
    for c in text.chars() {
        match c {
            '%' => word += "%%",
            '$' if replaces_variables => word += "$$",
            '"' | '\\' => word.extend(['\\', c]),
            '\n' => word += "\\n",
            '\t' => word += "\\t",
            '\r' => word += "\\r",
            c if c.is_ascii_control() => {
                let _ = write!(word, "\\x{:02x}", u32::from(c)); // Writing into a string cannot fail.
            }
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

/// The words of a line that [`command`] made; `None` for a line that it did not.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(first) = chars.next() {
        let quoted = first == '"';
        let mut word = if quoted { String::new() } else { first.to_string() };
        loop {
            match chars.next() {
                Some('"') if quoted => break,
                Some(' ') | None if !quoted => {
                    words.push(std::mem::take(&mut word));
                    break;
                }
                Some('%') => word.push(chars.next_if_eq(&'%')?),
                Some('$') if words.is_empty() => word.push('$'),
                Some('$') => word.push(chars.next_if_eq(&'$')?),
                Some('\\') => word.push(unescaped(&mut chars)?),
                Some(c) => word.push(c),
                None => return None,
            }
        }
        if quoted {
            words.push(word);
            if !matches!(chars.next(), Some(' ') | None) {
                return None;
            }
        }
    }
    Some(words)
}

/// What stands behind a backslash.
fn unescaped(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'x' => char::from(u8::try_from(chars.next()?.to_digit(16)? * 16 + chars.next()?.to_digit(16)?).ok()?),
        c => c,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_as_it_was() {
        let arguments = ["plain", "a b", "50%h", "$HOME", "it's \"quoted\"", "back\\slash", "new\nline", "\x1b", ""];
        let line = command("/opt/my $tools/forge", &arguments.map(str::to_owned)).unwrap();
        assert_eq!(
            line,
            r#""/opt/my $tools/forge" plain "a b" "50%%h" "$$HOME" "it's \"quoted\"" "back\\slash" "new\nline" "\x1b" """#
        );
    }

    proptest::proptest! {
        #[test]
        fn what_was_written_is_found_again(executable in "/[a-z $%]{0,9}", arguments in proptest::collection::vec("[^\0]{0,12}", 0..5)) {
            let line = command(&executable, &arguments).unwrap();
            let read = words(&line).unwrap();
            proptest::prop_assert_eq!((&read[0], &read[1..]), (&executable, &arguments[..]), "{}", line);
        }

        #[test]
        fn no_line_of_somebody_elses_is_more_than_misunderstood(line in "\\PC{0,40}") {
            let _ = words(&line);
        }
    }

    #[test]
    fn what_systemd_would_not_start_is_refused_here_with_the_reason() {
        for path in ["/opt/it's/forge", "/opt/\"x\"/forge", "/opt/a\nb/forge", "/opt/a\\b"] {
            let error = command(path, &[]).unwrap_err().to_string();
            assert!(error.contains("move the program"), "{error}");
        }
        assert!(plain("the user", "ada\nExecStart=/bin/sh").is_err());
        assert!(plain("the user", "").is_err());
    }
}
