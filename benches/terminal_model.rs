//! The terminal model: bytes a second on output of several kinds, the price of a snapshot, and memory.
//!
//! `cargo bench --bench terminal_model`. Memory is printed first: what a full scrollback adds to the process.
#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(clippy::print_stdout, reason = "it prints its result")]
#![allow(clippy::unwrap_used, reason = "a benchmark may fail")]

use std::fmt::Write as _;
use std::time::Instant;

use bytes::Bytes;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use sessionforge::base::limits::SCROLLBACK_LINES;
use sessionforge::stream::{LateScreen, Screen};

const COLS: u16 = 120;
const ROWS: u16 = 40;
/// What the host reads from a PTY at most in one go.
const CHUNK_BYTES: usize = 64 * 1024;
/// What a host's model takes from its log in one go.
const LOG_PIECE_BYTES: usize = 32 * 1024;
/// Output of one round.
const STREAM_BYTES: usize = 4 * 1024 * 1024;
const KINDS: &[&str] = &["ascii", "sgr", "unicode", "numbers", "yes", "full-screen", "claude"];

fn main() {
    for kind in ["ascii", "sgr"] {
        let before = resident_kib();
        let screen = fed(&full_lines(kind));
        println!(
            "{SCROLLBACK_LINES} lines of {COLS} columns, {kind}: {} KiB more resident, {} lines kept",
            resident_kib().saturating_sub(before),
            screen.scrollback_lines()
        );
    }
    divan::main();
}

#[divan::bench(args = KINDS)]
fn feed(bencher: Bencher<'_, '_>, kind: &str) {
    let output = stream(kind);
    let mut screen = Screen::new(COLS, ROWS, SCROLLBACK_LINES);
    let (now, mut replies) = (Instant::now(), Vec::new());
    bencher.counter(BytesCount::new(output.len())).bench_local(|| {
        for chunk in output.chunks(CHUNK_BYTES) {
            screen.feed(black_box(chunk), now, &mut replies);
            replies.clear();
        }
    });
}

/// As a PTY host does it: in pieces of its log, and with the screen looked at once.
#[divan::bench(args = KINDS)]
fn feed_late(bencher: Bencher<'_, '_>, kind: &str) {
    let output = Bytes::from(stream(kind));
    let mut screen = LateScreen::new(COLS, ROWS, SCROLLBACK_LINES);
    let (now, mut replies) = (Instant::now(), Vec::new());
    bencher.counter(BytesCount::new(output.len())).bench_local(|| {
        for at in (0..output.len()).step_by(LOG_PIECE_BYTES) {
            let piece = output.slice(at..output.len().min(at + LOG_PIECE_BYTES));
            screen.feed(black_box(&piece), now, &mut replies);
            replies.clear();
        }
        screen.settled(now);
    });
}

#[divan::bench(args = ["ascii", "sgr", "claude"])]
fn snapshot_of_the_screen(bencher: Bencher<'_, '_>, kind: &str) {
    let screen = fed(&stream(kind));
    bencher.bench_local(|| screen.snapshot(false));
}

/// With 5,000 lines of scrollback filled to the margin; `sgr` has 24 changes of colour in each.
#[divan::bench(args = ["ascii", "sgr"])]
fn snapshot_with_scrollback(bencher: Bencher<'_, '_>, kind: &str) {
    let screen = fed(&full_lines(kind));
    bencher.counter(BytesCount::new(screen.snapshot(true).len())).bench_local(|| screen.snapshot(true));
}

#[divan::bench]
fn resize_with_scrollback(bencher: Bencher<'_, '_>) {
    let mut screen = fed(&full_lines("ascii"));
    let mut cols = COLS;
    bencher.bench_local(|| {
        cols = if cols == COLS { 80 } else { COLS };
        screen.resize(cols, ROWS);
    });
}

fn fed(output: &[u8]) -> Screen {
    let mut screen = Screen::new(COLS, ROWS, SCROLLBACK_LINES);
    screen.feed(output, Instant::now(), &mut Vec::new());
    screen
}

/// More than enough lines to fill the scrollback, each to the margin.
fn full_lines(kind: &str) -> Vec<u8> {
    let mut out = String::new();
    for line in 0..SCROLLBACK_LINES + 100 {
        for word in 0..24 {
            if kind == "sgr" {
                let _ = write!(out, "\x1b[38;2;{};{};7m", line % 256, word * 10);
            }
            out.push_str("abcd ");
        }
        out.truncate(out.len() - 1);
        out.push_str("\x1b[m\r\n");
    }
    out.into_bytes()
}

/// At least [`STREAM_BYTES`] of one kind of output.
fn stream(kind: &str) -> Vec<u8> {
    const WORDS: [&str; 8] = ["request", "served", "connection", "upstream", "timeout", "user", "cache", "worker"];
    const FOREIGN: [&str; 8] = ["你好世界", "日本語", "한국어", "café", "naïve", "Ωμέγα", "✨👍", "e\u{301}"];
    let mut out = Vec::with_capacity(STREAM_BYTES + 4096);
    let mut seed = 1_usize;
    let mut next = |end: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % end
    };
    let recording = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");
        std::fs::read(format!("{folder}/{name}.bin")).unwrap()
    };
    let mut number = 0;
    while out.len() < STREAM_BYTES {
        match kind {
            "ascii" => (0..3 + next(12)).for_each(|_| out.extend_from_slice(format!("{} ", WORDS[next(8)]).as_bytes())),
            "sgr" => (0..8).for_each(|_| {
                let (style, color) = ([1, 2, 3, 4, 7][next(5)], next(256));
                out.extend_from_slice(format!("\x1b[{style};38;5;{color}m{}\x1b[0m ", WORDS[next(8)]).as_bytes());
            }),
            "unicode" => (0..10).for_each(|_| out.extend_from_slice(format!("{} ", FOREIGN[next(8)]).as_bytes())),
            "numbers" => out.extend_from_slice(number.to_string().as_bytes()),
            "yes" => out.push(b'y'),
            "claude" => out.extend_from_slice(&recording("claude")),
            _ => ["vim", "htop", "less", "nano", "tmux", "shell", "top", "progress"]
                .iter()
                .for_each(|name| out.extend_from_slice(&recording(name))),
        }
        number += 1;
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Memory of this process that is in use, where the system says so.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
