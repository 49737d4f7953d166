//! The terminal model: any output, any size, cut anywhere.
//!
//! A snapshot rebuilds what it was taken of, and what comes after it leads both to the same screen.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sessionforge::base::limits::SNAPSHOT_BYTES_MAX;
use sessionforge::stream::Screen;

/// Small, so that it overflows.
const SCROLLBACK_LINES: usize = 30;

#[derive(Debug, Arbitrary)]
enum Op<'a> {
    Print(&'a [u8]),
    Resize(u8, u8),
}

#[derive(Debug, Arbitrary)]
struct Life<'a> {
    cols: u8,
    rows: u8,
    before: Vec<Op<'a>>,
    after: &'a [u8],
}

fuzz_target!(|life: Life| {
    let mut screen = Screen::new(u16::from(life.cols), u16::from(life.rows), SCROLLBACK_LINES);
    for op in &life.before {
        match op {
            Op::Print(bytes) => print(&mut screen, bytes),
            Op::Resize(cols, rows) => screen.resize(u16::from(*cols), u16::from(*rows)),
        }
        let (cursor, (cols, rows)) = (screen.cursor(), screen.size());
        assert!(cursor.column <= cols && cursor.row < rows && screen.text().len() == usize::from(rows));
        assert!(screen.scrollback_lines() <= SCROLLBACK_LINES);
    }
    for history in [true, false] {
        let snapshot = screen.snapshot(history);
        assert!(snapshot.len() <= SNAPSHOT_BYTES_MAX);
        let (cols, rows) = screen.size();
        let mut rebuilt = Screen::new(cols, rows, SCROLLBACK_LINES);
        print(&mut rebuilt, &snapshot);
        assert_same(&rebuilt, &screen);
        let mut goes_on = screen_of(&snapshot, cols, rows);
        print(&mut goes_on, life.after);
        let mut whole = screen_of(&snapshot, cols, rows);
        for piece in life.after.chunks(3) {
            print(&mut whole, piece);
        }
        assert_same(&goes_on, &whole);
    }
    // The last, since it changes the first.
    let (cols, rows) = screen.size();
    let mut rebuilt = screen_of(&screen.snapshot(true), cols, rows);
    print(&mut rebuilt, life.after);
    print(&mut screen, life.after);
    assert_same(&rebuilt, &screen);
});

fn screen_of(snapshot: &[u8], cols: u16, rows: u16) -> Screen {
    let mut screen = Screen::new(cols, rows, SCROLLBACK_LINES);
    print(&mut screen, snapshot);
    screen
}

fn print(screen: &mut Screen, bytes: &[u8]) {
    let mut replies = Vec::new();
    screen.feed(bytes, Instant::now(), &mut replies);
    assert!(replies.len() <= 64 * 1024);
}

fn assert_same(one: &Screen, other: &Screen) {
    assert_eq!(one.text(), other.text());
    assert_eq!(one.cursor(), other.cursor());
    assert_eq!(one.is_alternate(), other.is_alternate());
}
