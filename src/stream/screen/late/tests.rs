//! What was put off and what was taken in at once show the same.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const COLS: u16 = 12;
const ROWS: u16 = 3;
const SCROLLBACK_LINES: usize = 5;

/// Both screens, fed the same pieces.
fn both(pieces: &[Vec<u8>]) -> (Screen, LateScreen) {
    let mut prompt = Screen::new(COLS, ROWS, SCROLLBACK_LINES);
    let mut late = LateScreen { flood_bytes_min: 1, ..LateScreen::new(COLS, ROWS, SCROLLBACK_LINES) };
    let (now, mut replies, mut late_replies) = (Instant::now(), Vec::new(), Vec::new());
    for piece in pieces {
        prompt.feed(piece, now, &mut replies);
        late.feed(&Bytes::from(piece.clone()), now, &mut late_replies);
    }
    assert_eq!(replies, late_replies);
    (prompt, late)
}

fn assert_same(pieces: &[Vec<u8>], next: &[u8]) {
    let (mut prompt, mut late) = both(pieces);
    let now = Instant::now();
    let late = late.settled(now);
    assert_eq!(text(&late.snapshot(true)), text(&prompt.snapshot(true)));
    // What no snapshot says shows with what comes next.
    prompt.feed(next, now, &mut Vec::new());
    late.feed(next, now, &mut Vec::new());
    assert_eq!(text(&late.snapshot(true)), text(&prompt.snapshot(true)));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("line {number}\r\n").into_bytes()).collect()
}

#[test]
fn of_a_flood_only_the_end_is_taken_in() {
    let pieces: Vec<Vec<u8>> = (0..50).map(|_| lines(4)).collect();
    let (_, late) = both(&pieces);
    assert!(late.put_off.len() <= 4, "{} pieces wait", late.put_off.len());
    assert_eq!(late.screen.scrollback_lines(), 0, "nothing was taken in");
    assert_same(&pieces, b"!");
}

#[test]
fn a_pen_is_kept_from_what_is_passed_over() {
    let pens =
        ["\x1b[31m", "\x1b[0;4:3m", "\x1b[1m\x1b[m\x1b[42m", "\x1b[38;5;7m\x1b[;1m", "\x1b[45m\x1b[K", "\u{9b}31m"];
    for pen in pens {
        for cut in 0..pen.len() {
            let (first, second) = pen.as_bytes().split_at(cut);
            let mut pieces = vec![first.to_vec(), [second, b"text\r\n"].concat()];
            pieces.extend((0..20).map(|_| lines(3)));
            assert_same(&pieces, b"in what colour?");
        }
    }
}

#[test]
fn lines_without_a_return_keep_their_columns() {
    let mut pieces = vec![b"12345".to_vec()];
    pieces.extend((0..40).map(|_| b"a\nb\nc\n".to_vec()));
    assert_same(&pieces, b"!");
    pieces.insert(1, b"\r".to_vec());
    pieces.push(b"\r\n".to_vec());
    assert_same(&pieces, b"!");
}

#[test]
fn what_waits_is_bounded() {
    let mut late = LateScreen::new(80, 24, 5000);
    let now = Instant::now();
    let long = Bytes::from(b"x".repeat(64 * 1024));
    for _ in 0..40 {
        late.feed(&long, now, &mut Vec::new());
        assert!(late.bytes <= PUT_OFF_BYTES_MAX);
    }
    for _ in 0..3 * PUT_OFF_PIECES_MAX {
        late.feed(&Bytes::from_static(b"y"), now, &mut Vec::new());
        assert!(late.put_off.len() <= PUT_OFF_PIECES_MAX);
    }
    assert!(late.bytes <= PUT_OFF_BYTES_MAX);
}

/// Mostly what is put off, cut anywhere, and now and then anything else.
fn output() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let usual = prop_oneof![
        6 => "[a-z ]{0,20}".prop_map(|text| format!("{text}\r\n")),
        2 => Just("\r\n\r\n\r\n\r\n".to_owned()),
        1 => "[a-z]{1,5}\n".prop_map(|text| text),
        4 => "(\x1b\\[(0|1|4|7|31|42|38;5;9|;|58;5;3|4:3|0;35)?m[a-z]{0,4}){1,3}",
        1 => "(é|你|✓|\u{a0}|e\u{301}|\t|\r|\x1b\\[1?K){1,4}",
    ];
    let other = prop_oneof![
        Just("\x1b[2;3r".to_owned()),
        Just("\x1b[r".to_owned()),
        Just("\x1b[?1049h".to_owned()),
        Just("\x1b[?1049l".to_owned()),
        Just("\x1b[?7l".to_owned()),
        Just("\x1b7".to_owned()),
        Just("\x1b8".to_owned()),
        Just("\x1b[H".to_owned()),
        Just("\x1b[4h".to_owned()),
        Just("\x1b(0".to_owned()),
        Just("\x1b[3b".to_owned()),
        Just("\x1b]8;;http://a\x1b\\".to_owned()),
        Just("\u{9b}31m".to_owned()),
        Just("\u{84}".to_owned()),
        Just("\x1b[6n".to_owned()),
    ];
    let words = prop_oneof![30 => usual, 1 => other];
    (prop::collection::vec(words, 0..150), prop::collection::vec(1..40_usize, 1..20)).prop_map(|(words, cuts)| {
        let all = words.concat().into_bytes();
        let (mut pieces, mut rest) = (Vec::new(), &all[..]);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = after;
        }
        pieces
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn late_or_at_once_is_the_same_screen(pieces in output(), next in "(x|é|\u{301}|\x1b\\[2b|\r|\n|\x1b8){0,6}") {
        assert_same(&pieces, next.as_bytes());
    }
}
