//! All that the program says to a person or script: results to standard output, trouble to standard error.
//!
//! Colours only on a terminal, and never with `NO_COLOR` set (no-color.org). Programs that read a closed pipe get no
//! panic: what cannot be written is dropped.

use std::fmt;
use std::io::{IsTerminal as _, Write, stderr, stdout};
use std::sync::{Arc, Mutex, PoisonError};

use super::failure::Failure;
use crate::stream::screen::columns;

/// What was written to an [`Output::kept`].
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<u8>>>);

#[cfg(unix)] // where a server can leave its terminal, and so somebody prints it later
impl Kept {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How a piece of text looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    /// What to read first.
    Strong,
    /// What may be skipped.
    Faint,
    /// A thing to open or type.
    Accent,
    Good,
    Bad,
}

impl Look {
    /// Select Graphic Rendition parameters; the sixteen colours follow the person's own theme.
    const fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Accent => "36",
            Self::Good => "32",
            Self::Bad => "31",
        }
    }
}

/// Where a command writes.
#[allow(clippy::struct_excessive_bools, reason = "facts about two streams, each independent of the others")]
pub(super) struct Output {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    out_is_terminal: bool,
    out_is_read: bool,
    out_colours: bool,
    err_colours: bool,
    /// Width of the terminal that trouble is read on; `None` for a pipe or file.
    err_columns: Option<usize>,
}

/// Where the values of [`Output::fact`] begin.
const FACT_INDENT: usize = 12;

/// How many cells a row of this terminal has; nothing if it does not say.
fn width(terminal: &impl Stream) -> Option<usize> {
    #[cfg(unix)]
    let columns = rustix::termios::tcgetwinsize(terminal).ok().map(|size| size.ws_col);
    #[cfg(windows)]
    let columns = terminal.is_terminal().then(|| super::attach::size().cols);
    columns.filter(|columns| *columns > 0).map(usize::from)
}

/// A stream that may be a terminal.
#[cfg(unix)]
trait Stream: std::os::fd::AsFd {}
#[cfg(unix)]
impl<T: std::os::fd::AsFd> Stream for T {}
#[cfg(windows)]
trait Stream: std::io::IsTerminal {}
#[cfg(windows)]
impl<T: std::io::IsTerminal> Stream for T {}

impl Output {
    /// The process's own standard output and error.
    pub(super) fn of_process() -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            out_is_terminal: stdout().is_terminal(),
            out_is_read: true,
            out_colours: colours && stdout().is_terminal(),
            err_colours: colours && stderr().is_terminal(),
            err_columns: if stderr().is_terminal() { width(&stderr()) } else { None },
            out: Box::new(stdout()),
            err: Box::new(stderr()),
        }
    }

    /// One that keeps what is written, for somebody else to print.
    pub(super) fn kept() -> (Self, Kept) {
        let kept = Kept::default();
        let (out, err) = (Box::new(kept.clone()), Box::new(kept.clone()));
        let silent = Self {
            out,
            err,
            out_is_terminal: false,
            out_is_read: true,
            out_colours: false,
            err_colours: false,
            err_columns: None,
        };
        (silent, kept)
    }

    /// Whether a person watches.
    pub(super) fn is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// One line of the result.
    pub(super) fn line(&mut self, text: impl fmt::Display) {
        // A reader that has gone away wants no more of it.
        let text = harmless(text.to_string(), self.out_colours);
        self.out_is_read &= writeln!(self.out, "{text}").and_then(|()| self.out.flush()).is_ok();
    }

    /// Whether somebody still takes the result.
    pub(super) fn is_read(&self) -> bool {
        self.out_is_read
    }

    /// A result that a script reads.
    pub(super) fn json(&mut self, value: &impl serde::Serialize) {
        // Our results are structs of strings and numbers; such values always have a JSON form.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        // JSON leaves more of them as they are than terminals do.
        let escaped = |c: char| is_obeyed(c) && c != '\n';
        if !text.contains(escaped) {
            return self.line(text);
        }
        let one = |c: char| if escaped(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
        self.line(text.chars().map(one).collect::<String>());
    }

    /// Width of the terminal that a person reads on; `None` for a pipe or file.
    pub(super) fn columns(&self) -> Option<usize> {
        if self.out_is_terminal { width(&stdout()) } else { None }
    }

    /// `text` in rows that fit the terminal, broken between words, each but the first behind `indent` blanks. Into a pipe it
    /// stays one.
    pub(super) fn rows(&self, text: &str, indent: usize) -> String {
        self.columns().map_or_else(|| text.to_owned(), |width| rows(text, indent, width))
    }

    /// A label and what belongs to it, aligned with the ones above and below.
    pub(super) fn fact(&mut self, label: &str, value: impl fmt::Display) {
        let label = self.paint(Look::Faint, format_args!("{label:<10}"));
        let value = self.rows(&value.to_string(), FACT_INDENT);
        self.line(format_args!("  {label}{value}"));
    }

    /// `text` with `look`, for a line of the result.
    pub(super) fn paint(&self, look: Look, text: impl fmt::Display) -> String {
        paint(self.out_colours, look, text)
    }

    /// Something the person should know while the command goes on.
    pub(super) fn warning(&mut self, text: impl fmt::Display) {
        self.say(Look::Strong, "warning:", &text.to_string());
    }

    /// Something about how it went, beside the result.
    pub(super) fn note(&mut self, text: impl fmt::Display) {
        let text = harmless(text.to_string(), false);
        let _ = writeln!(self.err, "{}", self.err_columns.map_or_else(|| text.clone(), |width| rows(&text, 0, width)));
    }

    /// What the parser says of the arguments, which it repeats as they are; or the help that was asked for.
    pub(super) fn parser(&mut self, error: &clap::Error) -> std::process::ExitCode {
        let text = error.to_string().split('\n').map(printable).collect::<Vec<_>>().join("\n");
        let stream = if error.use_stderr() { &mut self.err } else { &mut self.out };
        // Whoever has closed it wants none of it.
        let _ = write!(stream, "{text}");
        // 0 for help, 2 for wrong usage.
        u8::try_from(error.exit_code()).unwrap_or(2).into()
    }

    /// The last words of a command that failed.
    pub(super) fn failure(&mut self, failure: &Failure) {
        self.say(Look::Bad, "error:", &printable(&failure.sentence));
        if let Some(hint) = &failure.hint {
            self.say(Look::Faint, "hint:", &printable(hint));
        }
    }

    /// A sentence of trouble behind its label, in rows that fit the terminal.
    fn say(&mut self, look: Look, label: &str, text: &str) {
        let text = harmless(text.to_owned(), false);
        let indent = label.len() + 1;
        let text = self.err_columns.map_or_else(|| text.clone(), |width| rows(&text, indent, width));
        // Nobody is left to be told.
        let _ = writeln!(self.err, "{} {text}", paint(self.err_colours, look, label));
    }
}

/// What a terminal would obey, or what would show a text in another order than it has: Unicode's bidirectional controls.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of a person's or a program's choice, without what a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// The last guard: whatever was put together above, no control character leaves but the ends of lines, tabs, and the
/// colours of [`paint`] where there are any.
fn harmless(text: String, colours: bool) -> String {
    let harms = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(harms) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(harms) {
        out += &rest[..at];
        let colour = rest[at..].strip_prefix("\x1b[").filter(|_| colours).and_then(|sgr| {
            let end = sgr.find(|c: char| !c.is_ascii_digit())?;
            sgr[end..].starts_with('m').then_some(end)
        });
        let taken =
            colour.map_or_else(|| rest[at..].chars().next().map_or(1, char::len_utf8), |sgr| "\x1b[m".len() + sgr);
        out += if colour.is_some() { &rest[at..at + taken] } else { "\u{fffd}" };
        rest = &rest[at + taken..];
    }
    out + rest
}

/// See [`Output::rows`].
fn rows(text: &str, indent: usize, width: usize) -> String {
    let (mut out, mut at) = (String::new(), indent);
    for word in text.split(' ') {
        let takes = columns(&without_colours(word));
        if !out.is_empty() && at + 1 + takes > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            at = indent;
        } else if !out.is_empty() {
            out.push(' ');
            at += 1;
        }
        out += word;
        at += takes;
    }
    out
}

/// What of a text takes room: not the colours of [`paint`].
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shown, piece| {
        shown + piece.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('m').unwrap_or(piece)
    })
}

fn paint(colours: bool, look: Look, text: impl fmt::Display) -> String {
    if colours && look != Look::Plain { format!("\x1b[{}m{text}\x1b[0m", look.sgr()) } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_broken_between_words_and_a_long_word_is_not() {
        assert_eq!(rows("one two three", 2, 9), "one two\n  three");
        assert_eq!(rows("/a/path/that/is/long and so on", 2, 9), "/a/path/that/is/long\n  and so\n  on");
        assert_eq!(rows("", 2, 9), "");
        let red = format!("{} {}", paint(true, Look::Bad, "one two"), paint(true, Look::Bad, "three"));
        assert_eq!(without_colours(&rows(&red, 2, 9)), "one two\n  three", "colours take no room");
    }

    #[test]
    fn text_for_a_pipe_has_no_colours() {
        assert_eq!(paint(false, Look::Bad, "x"), "x");
        assert_eq!(paint(true, Look::Bad, "x"), "\x1b[31mx\x1b[0m");
    }

    #[test]
    fn a_hostile_name_cannot_drive_the_terminal() {
        assert_eq!(printable("a\x1b]0;x\x07b\nc"), "a\u{fffd}]0;x\u{fffd}b\u{fffd}c");
        assert_eq!(printable("exe\u{202e}txt"), "exe\u{fffd}txt", "nor turn itself round");
    }

    #[test]
    fn nothing_but_our_own_colours_leaves_and_those_on_a_terminal_alone() {
        let text = "a\x1b[31mb\x1b[0m\tc\nd\x1b]0;x\x07\x1b[2J\u{9b}5n\x1b[38;5;1me\x1b[";
        let left = "\tc\nd\u{fffd}]0;x\u{fffd}\u{fffd}[2J\u{fffd}5n\u{fffd}[38;5;1me\u{fffd}[";
        assert_eq!(harmless(text.to_owned(), true), format!("a\x1b[31mb\x1b[0m{left}"));
        assert_eq!(harmless(text.to_owned(), false), format!("a\u{fffd}[31mb\u{fffd}[0m{left}"));
    }
}
