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
    let mut screen = Screen::new(20, 5, 100);
    for number in 0..300 {
        screen.feed(format!("line {number}\r\n").as_bytes(), Instant::now(), &mut Vec::new());
    }
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

#[test]
fn the_main_screen_waits_behind_the_alternate_one() {
    let output = b"shell\x1b7 text\x1b[?1049h\x1b[2J\x1b[5;3Hfull screen\x1b[2;4r\x1b[?25l";
    let inside = screen(30, 8, output);
    assert!(inside.is_alternate());
    let mut rebuilt = screen(30, 8, &inside.snapshot(true));
    assert_eq!(rebuilt.text(), inside.text());
    assert!(!rebuilt.cursor().visible);
    rebuilt.feed(b"\x1b[?1049l", Instant::now(), &mut Vec::new());
    assert_eq!(rebuilt.text()[0], "shell text");
    assert_eq!((rebuilt.cursor().row, rebuilt.cursor().column), (0, 10));
}

#[test]
fn a_wrap_that_is_pending_stays_pending() {
    let full = screen(10, 3, b"0123456789");
    assert_eq!(full.cursor().column, 10);
    let mut rebuilt = screen(10, 3, &full.snapshot(true));
    assert_eq!(rebuilt.cursor().column, 10);
    rebuilt.feed(b"x", Instant::now(), &mut Vec::new());
    assert_eq!(rebuilt.text(), ["0123456789", "x", ""]);
}

#[test]
fn a_sequence_cut_anywhere_goes_on_after_the_snapshot() {
    let output = "a\x1b[38;2;10;20;30;4:3mb\x1b]8;id=1;https://example.org/ä\x1b\\c\x1b]0;title ✓\x07\x1bP$qm\x1b\\漢\x1b(0q\x1b(B\x1b[?1;2 q.";
    let whole = screen(20, 3, output.as_bytes());
    for cut in 0..output.len() {
        let mut rebuilt = screen(20, 3, &screen(20, 3, &output.as_bytes()[..cut]).snapshot(true));
        rebuilt.feed(&output.as_bytes()[cut..], Instant::now(), &mut Vec::new());
        assert_eq!(rebuilt.snapshot(true), whole.snapshot(true), "cut at {cut}");
    }
}

#[test]
fn attributes_that_terminals_often_forget_come_back() {
    let output = b"\x1b[5;53;9;8;21mx\x1b[0;4:3;58:2::1:2:3my\x1b[0;2;3;7mz";
    let snapshot = String::from_utf8(screen(20, 2, output).snapshot(true)).unwrap();
    for codes in ["\x1b[0;5;8;9;53;4:2m", "\x1b[0;4:3;58;2;1;2;3m", "\x1b[0;7;2;3m"] {
        assert!(snapshot.contains(codes), "{codes:?} in {snapshot:?}");
    }
}

#[test]
fn a_synchronized_update_that_never_ends_is_ended() {
    let start = Instant::now();
    let mut screen = Screen::new(20, 3, 0);
    assert_eq!(screen.tick(start), None);
    screen.feed(b"\x1b[?2026hdrawing", start, &mut Vec::new());
    let until = screen.tick(start).unwrap();
    assert!(String::from_utf8(screen.snapshot(false)).unwrap().contains("\x1b[?2026h"));
    assert_eq!(screen.tick(until), None);
    assert!(!String::from_utf8(screen.snapshot(false)).unwrap().contains("\x1b[?2026h"));
}

#[test]
fn events_are_told_once() {
    let mut screen = screen(20, 3, b"\x07\x07\x1b]2;mine\x07");
    assert_eq!(
        screen.take_events(),
        ScreenEvents { bells: 2, title_changed: true, signals: vec![ScreenSignal::Bell; 2] }
    );
    assert_eq!(screen.take_events(), ScreenEvents::default());
    assert_eq!(screen.title(), Some("mine"));
}

#[test]
fn nothing_a_program_sends_without_end_is_kept_without_end() {
    let mut screen = Screen::new(80, 24, 100);
    let mut replies = Vec::new();
    let mut feed = |bytes: &[u8]| screen.feed(bytes, Instant::now(), &mut replies);
    feed(b"e");
    feed("\u{301}".repeat(100_000).as_bytes());
    feed(format!("\x1b]0;{}\x07", "t".repeat(1 << 20)).as_bytes());
    feed(format!("\x1b]0;{}\x07", "ä".repeat(3000)).as_bytes());
    for number in 0..20_000 {
        feed(format!("\x1b]8;;https://example.org/{number}\x07\x1b[4:3;58;5;{}mx", number % 256).as_bytes());
    }
    feed(&b"\x1b[c".repeat(100_000));
    assert!(replies.len() <= 64 * 1024);
    assert!(screen.title().unwrap().len() <= 1024);
    assert!(screen.snapshot(true).len() < 2 * 1024 * 1024);
}

#[test]
fn the_theme_is_what_programs_are_told_until_they_change_it() {
    let mut screen = Screen::new(20, 3, 0);
    screen.set_theme(ScreenTheme { foreground: [1, 2, 3], background: [4, 5, 6], cursor: [7, 8, 9] });
    let mut replies = Vec::new();
    screen.feed(b"\x1b]10;?;?\x07\x1b]11;#102030\x07\x1b]11;?\x07\x1b]4;1;?\x07", Instant::now(), &mut replies);
    let expected = "\x1b]10;rgb:0101/0202/0303\x1b\\\x1b]11;rgb:0404/0505/0606\x1b\\\
                    \x1b]11;rgb:1010/2020/3030\x1b\\\x1b]4;1;rgb:cccc/0000/0000\x1b\\";
    assert_eq!(String::from_utf8(replies).unwrap(), expected);
    assert!(String::from_utf8(screen.snapshot(false)).unwrap().contains("\x1b]11;rgb:1010/2020/3030"));
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

/// Found by fuzzing: the character under a pending wrap was printed again in a set that does not have it, as a blank.
#[test]
fn a_wrap_that_is_pending_keeps_its_character_in_another_character_set() {
    let output = b"mu\x1b(0\x02\x1b[1mqx";
    for cut in 0..output.len() {
        assert_snapshot_holds(2, 3, output, cut);
    }
    assert_snapshot_holds(2, 3, b"mu\x1b)0\x0eqx", 6);
    for erased in [&b"1J\x1b[4h\x1b[1J\x1b[m="[..], b"mu\x1b(0\x1b[1Kx"] {
        for cut in 0..erased.len() {
            assert_snapshot_holds(2, 3, erased, cut);
        }
    }
}

/// Found by fuzzing: the left half that a narrower screen left of a wide character was printed whole, and wrapped.
#[test]
fn a_wide_character_cut_by_a_narrower_screen_is_a_blank() {
    for (before, switch) in [("", "main"), ("\x1b[?1049h", "alternate")] {
        let mut screen = Screen::new(8, 3, 10);
        screen.feed(format!("{before}+漢n").as_bytes(), Instant::now(), &mut Vec::new());
        screen.resize(2, 1);
        assert_eq!(screen.text(), ["+"], "{switch}");
        let mut rebuilt = Screen::new(2, 1, 10);
        rebuilt.feed(&screen.snapshot(true), Instant::now(), &mut Vec::new());
        assert_eq!(rebuilt.text(), screen.text(), "{switch}");
    }
}

#[test]
fn what_a_program_says_of_itself_is_heard_and_bounded() {
    for (said, heard) in [
        ("9;tests failed", Some(ScreenSignal::Notice("tests failed".to_owned()))),
        ("9;5 builds failed", Some(ScreenSignal::Notice("5 builds failed".to_owned()))),
        ("9;9;/home/ada", None),
        ("9;4;1;50", Some(ScreenSignal::Progress(true))),
        ("9;4;0", Some(ScreenSignal::Progress(false))),
        ("99;i=1;ready", Some(ScreenSignal::Notice("ready".to_owned()))),
        ("99;i=1:e=1;cmVhZHk=", Some(ScreenSignal::Notice("A notification.".to_owned()))),
        ("777;notify;title;text", Some(ScreenSignal::Notice("title;text".to_owned()))),
        ("777;other;text", None),
        ("133;A", Some(ScreenSignal::Prompt)),
        ("133;C", Some(ScreenSignal::CommandStarts)),
        ("133;D;1", Some(ScreenSignal::CommandEnds)),
    ] {
        let mut screen = Screen::new(80, 24, 100);
        screen.feed(format!("\x1b]{said}\x1b\\").as_bytes(), Instant::now(), &mut Vec::new());
        assert_eq!(screen.take_events().signals, Vec::from_iter(heard), "{said}");
    }
    let mut screen = Screen::new(80, 24, 100);
    screen.feed(&[7; 1000], Instant::now(), &mut Vec::new());
    assert_eq!(screen.take_events().signals.len(), SIGNALS_MAX);
}

/// Found by fuzzing: a mark joined the character under a pending wrap, which a control character had parted it from.
#[test]
fn a_mark_behind_a_control_character_does_not_join_what_a_wrap_is_pending_behind() {
    let output = "3333\0\u{325}e".as_bytes();
    for cut in 0..output.len() {
        assert_snapshot_holds(4, 3, output, cut);
    }
}
