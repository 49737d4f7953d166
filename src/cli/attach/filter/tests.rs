//! What passes, and what does not.

use super::*;

/// What passes, however the bytes are cut.
fn passes(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    Filter::new().feed(bytes, &mut whole);
    let (mut filter, mut bytewise) = (Filter::new(), Vec::new());
    for byte in bytes {
        filter.feed(&[*byte], &mut bytewise);
    }
    assert_eq!(whole, bytewise, "{:?}", String::from_utf8_lossy(bytes));
    whole
}

#[test]
fn questions_do_not_reach_a_terminal_that_would_answer() {
    for question in [
        &b"\x1b[c"[..],
        b"\x1b[0c",
        b"\x1b[>c",
        b"\x1b[=0c",
        b"\x1b[5n",
        b"\x1b[6n",
        b"\x1b[?6n",
        b"\x1b[?996n",
        b"\x1b[?2026$p",
        b"\x1b[4$p",
        b"\x1b[>q",
        b"\x1b[>0q",
        b"\x1b[?u",
        b"\x1b[?1;1;0S",
        b"\x1b[14t",
        b"\x1b[18t",
        b"\x1b[21;0t",
        b"\x1bZ",
        b"\x05",
        b"\x1b]11;?\x07",
        b"\x1b]11;?\x1b\\",
        b"\x1b]4;0;?;1;?\x1b\\",
        b"\x1b]52;c;?\x07",
        b"\x1b]21;background=?\x1b\\",
        b"\x1b]1337;ReportCellSize\x07",
        b"\x1bP$qm\x1b\\",
        b"\x1bP+q544e\x1b\\",
        b"\x1b_Gi=31,a=q;AAAA\x1b\\",
    ] {
        let text = [b"a", question, b"b"].concat();
        assert_eq!(passes(&text), b"ab", "{:?}", String::from_utf8_lossy(question));
    }
}

#[test]
fn all_else_passes_untouched() {
    for kept in [
        &b"plain \xe2\x82\xac\r\n"[..],
        b"\x1b[1;31mred\x1b[0m",
        b"\x1b[2J\x1b[H\x1b[?25l",
        b"\x1b[22;0t\x1b[23;0t",
        b"\x1b[!p\x1b[5 q\x1b[1\"q",
        b"\x1b]0;what?;?\x07",
        b"\x1b]8;;https://example.org/?q\x1b\\link\x1b]8;;\x1b\\",
        b"\x1b]52;c;aGVsbG8=\x07",
        b"\x1b]4;1;rgb:ff/00/00\x1b\\",
        b"\x1bPq#0;2;0;0;0~\x1b\\",
        b"\x1b7\x1b8\x1b(B\x1bc",
        b"\x1b[12\x18x",
        b"\x1b[1\x1b[2m",
    ] {
        assert_eq!(passes(kept), kept, "{:?}", String::from_utf8_lossy(kept));
    }
    let long = [b"\x1b]52;c;".as_slice(), &[b'A'; 5000], b"\x07after"].concat();
    assert_eq!(passes(&long), long);
    let long = [b"\x1b[".as_slice(), b"1;".repeat(400).as_slice(), b"mafter"].concat();
    assert_eq!(passes(&long), long);
}

#[test]
fn a_question_cut_off_by_another_sequence_takes_nothing_with_it() {
    assert_eq!(passes(b"\x1b]11;?\x1b[1mx"), b"\x1b[1mx");
    assert_eq!(passes(b"\x1b_Gx\x1b[1mx"), b"\x1b[1mx");
    assert_eq!(passes(b"\x1bP1q#\x1b[6nx"), b"\x1bP1q#x");
    assert_eq!(passes(b"\x1b\x1b[6nx"), b"\x1bx");
}

#[test]
fn the_alternate_screen_is_entered_empty() {
    assert_eq!(passes(b"\x1b[?47hx\x1b[?47h\x1b[?47l"), b"\x1b[?47h\x1b[2Jx\x1b[?47h\x1b[?47l");
}

#[test]
fn the_alternate_screen_is_noticed_as_it_comes_and_goes() {
    let mut filter = Filter::new();
    let mut out = Vec::new();
    for (bytes, on) in [
        (&b"x\x1b[?10"[..], false),
        (b"49h", true),
        (b"\x1b[?25;1049l", false),
        (b"\x1b[?47h", true),
        (b"\x1bc", false),
        (b"\x1b[1049h", false),
    ] {
        filter.feed(bytes, &mut out);
        assert_eq!(filter.on_alternate(), on, "{:?}", String::from_utf8_lossy(bytes));
    }
}
