//! The marked block in a start file: put in, brought up to date, taken out. The bytes around it stay as they are, whatever
//! they are.

/// The line that begins the block. Every version must know it.
pub(super) const BEGIN: &str =
    "# >>> sessionforge: `claude` runs in a session; `sessionforge init --remove` takes this out >>>";

/// The line that ends it.
pub(super) const END: &str = "# <<< sessionforge <<<";

/// What [`BEGIN`] of other versions begins with as well.
const BEGINS: &[u8] = b"# >>> sessionforge";

/// What an edit comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// It is so already.
    Same,
    /// The whole file, changed.
    Changed(Vec<u8>),
}

/// The block cannot be told from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BlockError {
    #[error("line {0} begins what `init` had put in, and no line ends it")]
    NoEnd(usize),
    #[error("line {0} begins what `init` had put in a second time")]
    Twice(usize),
}

/// `before` with `block` in the place of the one that is there, or behind everything; without any, if `block` is nothing.
pub(super) fn edit(before: &[u8], block: Option<&str>) -> Result<Edit, BlockError> {
    let found = find(before)?;
    let after = match (found, block) {
        (None, None) => return Ok(Edit::Same),
        (None, Some(block)) => {
            let mut after = before.to_vec();
            if !after.is_empty() {
                let ends = after.ends_with(b"\n");
                after.extend_from_slice(if ends { b"\n" } else { b"\n\n" });
            }
            after.extend_from_slice(block.as_bytes());
            after
        }
        (Some((from, to)), Some(block)) => [&before[..from], block.as_bytes(), &before[to..]].concat(),
        (Some((from, to)), None) => {
            let head = &before[..from];
            // The empty line that was put in front of it.
            let head = if head.ends_with(b"\n\n") { &head[..head.len() - 1] } else { head };
            [head, &before[to..]].concat()
        }
    };
    Ok(if after == before { Edit::Same } else { Edit::Changed(after) })
}

/// From where to where the block goes, in bytes.
fn find(text: &[u8]) -> Result<Option<(usize, usize)>, BlockError> {
    let (mut at, mut begun, mut found) = (0, None, None);
    for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
        if line.starts_with(BEGINS) {
            if begun.is_some() || found.is_some() {
                return Err(BlockError::Twice(number));
            }
            begun = Some((at, number));
        }
        at += line.len();
        if line.trim_ascii_end() == END.as_bytes()
            && let Some((from, _)) = begun.take()
        {
            found = Some((from, at));
        }
    }
    match begun {
        Some((_, number)) => Err(BlockError::NoEnd(number)),
        None => Ok(found),
    }
}

/// The line, from one, outside of the block that makes `claude` something else: another alias, a function.
pub(super) fn other_definition(text: &[u8]) -> Option<usize> {
    let mut ours = false;
    (1..).zip(text.split(|byte| *byte == b'\n')).find_map(|(number, line)| {
        ours |= line.starts_with(BEGINS);
        let line = line.trim_ascii();
        let defines = [&b"alias claude="[..], b"alias claude ", b"claude()", b"claude ()", b"function claude"]
            .iter()
            .any(|word| line.starts_with(word));
        let is_it = defines && !ours;
        ours &= line != END.as_bytes();
        is_it.then_some(number)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn block(text: &str) -> String {
        format!("{BEGIN}\n{text}\n{END}\n")
    }

    fn edited(before: &[u8], block: Option<&str>) -> Vec<u8> {
        match edit(before, block).unwrap() {
            Edit::Same => before.to_vec(),
            Edit::Changed(after) => after,
        }
    }

    #[test]
    fn what_is_put_in_is_put_in_once_and_taken_out_whole() {
        for before in [&b""[..], b"export A=1\n", b"export A=1\n\n", b"\xff not UTF-8 \0\n"] {
            let with = edited(before, Some(&block("alias")));
            assert!(with.starts_with(before));
            assert_eq!(edit(&with, Some(&block("alias"))), Ok(Edit::Same));
            let newer = edited(&with, Some(&block("another")));
            assert_eq!(newer.len(), with.len() + 2);
            assert_eq!(edited(&newer, None), before, "{before:?}");
        }
        assert_eq!(edited(b"no end of line", Some("x\n")), b"no end of line\n\nx\n");
        assert_eq!(edit(b"alias ll='ls -l'\n", None), Ok(Edit::Same));
    }

    #[test]
    fn what_stands_behind_it_stays_behind_it() {
        let text = format!("one\n\n{}two\n", block("alias"));
        assert_eq!(edited(text.as_bytes(), Some(&block("new"))), format!("one\n\n{}two\n", block("new")).as_bytes());
        assert_eq!(edited(text.as_bytes(), None), b"one\ntwo\n");
    }

    #[test]
    fn a_block_that_somebody_took_apart_is_left_to_them() {
        assert_eq!(edit(format!("a\n{BEGIN}\nb\n").as_bytes(), None), Err(BlockError::NoEnd(2)));
        let twice = format!("{}{}", block("a"), block("b"));
        assert_eq!(edit(twice.as_bytes(), Some("x")), Err(BlockError::Twice(4)));
        assert_eq!(edit(format!("{END}\n").as_bytes(), None), Ok(Edit::Same), "an end alone is a comment");
    }

    #[test]
    fn another_alias_is_seen_and_ours_is_not_one() {
        let text = format!("x\n  alias claude=\"$HOME/.claude/local/claude\"\n{}", block("alias claude=ours"));
        assert_eq!(other_definition(text.as_bytes()), Some(2));
        assert_eq!(other_definition(block("alias claude=ours").as_bytes()), None);
        assert_eq!(other_definition(b"alias claudette=x\n# alias claude=x\n"), None);
    }
}
