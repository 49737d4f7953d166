//! What a user of the model would notice.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn screen(cols: u16, rows: u16, output: &[u8]) -> Screen {
    let mut screen = Screen::new(cols, rows, 100);
    screen.feed(output, Instant::now(), &mut Vec::new());
    screen
}

fn answers(question: &[u8]) -> String {
    let mut replies = Vec::new();
    Screen::new(80, 24, 0).feed(question, Instant::now(), &mut replies);
    String::from_utf8(replies).unwrap()
}

/// A snapshot taken at `cut` and the rest of the output lead to the same snapshot as all output.
fn assert_snapshot_holds(cols: u16, rows: u16, output: &[u8], cut: usize) {
    let whole = screen(cols, rows, output);
    let first = screen(cols, rows, &output[..cut]);
    let mut second = screen(cols, rows, &first.snapshot(true));
    second.feed(&output[cut..], Instant::now(), &mut Vec::new());
    assert_eq!(second.text(), whole.text());
    assert_eq!(second.cursor(), whole.cursor());
}

#[test]
fn text_and_colours_come_back() {
    let output = b"plain \x1b[1;31mred\x1b[m\r\n\x1b[48;2;1;2;3mblue\x1b[K\x1b[m\r\n\xe4\xbd\xa0\xe5\xa5\xbd e\xcc\x81";
    for cut in 0..output.len() {
        assert_snapshot_holds(20, 5, output, cut);
    }
}

#[test]
fn a_wrapped_line_is_written_without_a_break() {
    let text = "abcdefghij".repeat(3);
    let snapshot = screen(10, 4, text.as_bytes()).snapshot(true);
    assert!(String::from_utf8(snapshot).unwrap().contains(&text));
}

#[test]
fn scrollback_is_kept_up_to_its_bound() {
    let lines: String = (0..300).map(|n| format!("line {n}\r\n")).collect();
    let screen = screen(20, 5, lines.as_bytes());
    assert_eq!(screen.scrollback_lines(), 100);
    assert!(String::from_utf8(screen.snapshot(true)).unwrap().contains("line 200\r\n"));
    assert!(!String::from_utf8(screen.snapshot(false)).unwrap().contains("line 290\r\n"));
}

#[test]
fn the_host_answers_and_claims_no_kitty_keyboard() {
    assert_eq!(answers(b"\x1b[c"), "\x1b[?1;2c");
    assert_eq!(answers(b"\x1b[>q"), concat!("\x1bP>|SessionForge(", env!("CARGO_PKG_VERSION"), ")\x1b\\"));
    assert_eq!(answers(b"\x1b[?u\x1b[>1u"), "");
    assert_eq!(answers(b"ab\x1b[6n"), "\x1b[1;3R");
    assert_eq!(answers(b"\x1b]11;?\x07"), "\x1b]11;rgb:0000/0000/0000\x1b\\");
    assert_eq!(answers(b"\x1b[?2026$p"), "\x1b[?2026;2$y");
    assert_eq!(answers(b"\x1bP$qr\x1b\\"), "\x1bP1$r1;24r\x1b\\");
    assert_eq!(answers(b"\x1bP+q436F\x1b\\"), "\x1bP1+r436F=323536\x1b\\");
    assert_eq!(answers(b"\x1b[18t"), "\x1b[8;24;80t");
}

#[test]
fn narrow_and_wide_again_loses_no_text() {
    let mut screen = screen(40, 5, b"one two three four five six seven eight nine ten\r\nprompt ");
    for cols in [10, 7, 80, 40] {
        screen.resize(cols, 5);
    }
    let joined: String = screen.text().concat();
    assert!(joined.contains("one two three four five six"), "{joined:?}");
    assert!(joined.contains("prompt"), "{joined:?}");
}

proptest! {
    #[test]
    fn no_bytes_and_no_size_panic(
        chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), 0u16..60, 0u16..30), 1..8),
    ) {
        let mut screen = Screen::new(10, 5, 20);
        for (bytes, cols, rows) in chunks {
            screen.feed(&bytes, Instant::now(), &mut Vec::new());
            let _ = screen.snapshot(true);
            screen.resize(cols, rows);
            let _ = (screen.snapshot(false), screen.text(), screen.cursor());
        }
    }
}
