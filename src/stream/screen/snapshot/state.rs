//! Cursor, margins, tab stops, modes and the pen.

use super::super::buffer::{Buffer, Saved};
use super::super::cell::{Pen, bg, fg};
use super::super::charset::Charset;
use super::super::modes::{Modes, Mouse, MouseEncoding};
use super::super::sgr;
use super::super::tabs::Tabs;
use super::super::terminal::Terminal;
use super::lines::Painter;

/// What belongs to one screen: tab stops, the saved cursor, the region. The reader is on that screen,
/// in no mode, with default character sets, and stays so. `stale`: see [`write_stale_saved`], which was called.
pub(super) fn write_buffer(terminal: &Terminal, buffer: &Buffer, stale: bool, out: &mut Painter<'_>) {
    let cols = terminal.cols;
    if buffer.tabs != Tabs::new(cols) {
        out.push(b"\x1b[3g");
        for stop in (0..cols).filter(|x| buffer.tabs.is_set(*x)) {
            out.push(b"\x1b[");
            out.push((stop + 1).to_string().as_bytes());
            out.push(b"G\x1bH");
        }
    }
    if !stale || buffer.saved_on_screen() {
        write_saved(terminal, buffer, buffer.saved_row(), out);
    }
    if (buffer.top, buffer.bottom) != (0, terminal.rows - 1) {
        out.push(format!("\x1b[{};{}r", buffer.top + 1, buffer.bottom + 1).as_bytes());
    }
}

/// What DECSC kept on the alternate screen outlives it: visits that screen for it.
pub(super) fn write_saved_of_alternate(terminal: &Terminal, out: &mut Painter<'_>) {
    if terminal.alternate.saved != Saved::NOTHING {
        out.push(b"\x1b[?47h");
        write_saved(terminal, &terminal.alternate, terminal.alternate.saved_row(), out);
        out.push(b"\x1b[?47l");
    }
}

/// A saved cursor whose line has left the screen, or that ED 3 left behind, is still counted from the
/// scrollback's first line, of which `skipped` are not written: scrolls an empty reader there, saves, and
/// takes it back.
pub(super) fn write_stale_saved(terminal: &Terminal, buffer: &Buffer, skipped: usize, out: &mut Painter<'_>) {
    if buffer.saved_on_screen() || buffer.saved == Saved::NOTHING {
        return;
    }
    let (line, last) = (buffer.saved.line.saturating_sub(skipped), terminal.rows - 1);
    let scrolled = line.saturating_sub(last).min(buffer.history.lines_max());
    out.go_to(0, last);
    (0..scrolled).for_each(|_| out.push(b"\n"));
    write_saved(terminal, buffer, line, out);
    out.push(b"\x1b[3J\x1b[H");
}

fn write_saved(terminal: &Terminal, buffer: &Buffer, row: usize, out: &mut Painter<'_>) {
    let saved = buffer.saved;
    let row = row.min(terminal.rows - 1);
    out.take_pen(Pen::DEFAULT);
    if saved == Saved::NOTHING {
        return;
    }
    out.go_to(saved.x.min(terminal.cols - 1), row);
    out.take_pen(Pen { fg: saved.fg, bg: saved.bg & !bg::EXTENDED, ext: 0 });
    if let Some(charset) = saved.charset {
        out.push(&[0x1b, b'(', charset.name()]);
    }
    out.push(b"\x1b7");
    if saved.charset.is_some() {
        out.push(b"\x1b(B");
    }
    out.take_pen(Pen::DEFAULT);
}

/// Everything else, the cursor last: nothing may move it any more.
pub(super) fn write_modes(terminal: &Terminal, out: &mut Painter<'_>) {
    if let Some(title) = &terminal.title {
        out.push(b"\x1b]2;");
        out.push(title.as_bytes());
        out.push(b"\x1b\\");
    }
    write_switches(&terminal.modes, out);
    write_charsets(terminal, out);
    write_restored(terminal, out);
    write_cursor(terminal, out);
}

fn write_switches(modes: &Modes, out: &mut Painter<'_>) {
    let mut mode = |set: bool, sequence: &[u8]| {
        if set {
            out.push(sequence);
        }
    };
    mode(modes.application_cursor, b"\x1b[?1h");
    mode(modes.application_keypad, b"\x1b[?66h");
    mode(modes.bracketed_paste, b"\x1b[?2004h");
    mode(modes.focus, b"\x1b[?1004h");
    mode(modes.cursor_hidden, b"\x1b[?25l");
    mode(modes.reverse_wrap, b"\x1b[?45h");
    mode(modes.cursor_blink == Some(true), b"\x1b[?12h");
    mode(modes.cursor_blink == Some(false), b"\x1b[?12l");
    mode(modes.synchronized, b"\x1b[?2026h");
    mode(modes.newline, b"\x1b[20h");
    match modes.mouse {
        Mouse::Off => {}
        Mouse::X10 => out.push(b"\x1b[?9h"),
        Mouse::Click => out.push(b"\x1b[?1000h"),
        Mouse::Drag => out.push(b"\x1b[?1002h"),
        Mouse::Motion => out.push(b"\x1b[?1003h"),
    }
    match modes.mouse_encoding {
        MouseEncoding::Plain => {}
        MouseEncoding::Sgr => out.push(b"\x1b[?1006h"),
        MouseEncoding::SgrPixels => out.push(b"\x1b[?1016h"),
    }
    if modes.cursor_style > 0 {
        out.push(&[0x1b, b'[', b'0' + modes.cursor_style, b' ', b'q']);
    }
    if modes.origin {
        out.push(b"\x1b[?6h");
    }
    if modes.insert {
        out.push(b"\x1b[4h");
    }
    if !modes.autowrap {
        out.push(b"\x1b[?7l");
    }
}

fn write_charsets(terminal: &Terminal, out: &mut Painter<'_>) {
    let charsets = terminal.charsets;
    for (slot, charset) in [b'(', b')', b'*', b'+'].into_iter().zip(charsets.designated) {
        if charset != Charset::ASCII {
            out.push(&[0x1b, slot, charset.name()]);
        }
    }
    match charsets.level {
        0 => {}
        1 => out.push(b"\x0e"),
        2 => out.push(b"\x1bn"),
        _ => out.push(b"\x1bo"),
    }
}

/// Brings back what only DECRC brings about: a character set without its designation, and an underline
/// whose style and flag disagree. The saved cursor is set already; where it fits, it is restored.
fn write_restored(terminal: &Terminal, out: &mut Painter<'_>) {
    let (saved, pen, charsets) = (terminal.active().saved, terminal.pen, terminal.charsets);
    let underlined = terminal.extended.underline != 0;
    let odd_pen =
        (pen.fg & fg::UNDERLINE != 0) != underlined || (pen.bg & bg::EXTENDED != 0) == terminal.extended.is_empty();
    let fits = (saved.fg ^ pen.fg) & fg::UNDERLINE == 0 && (saved.bg ^ pen.bg) & bg::EXTENDED == 0;
    let designated = charsets.designated[charsets.level];
    let same_charset = saved.charset.unwrap_or(Charset::ASCII) == charsets.active;
    let restores_pen = odd_pen && fits && (same_charset || charsets.active == designated);
    let restores_charset = charsets.active != designated && same_charset;
    if restores_pen {
        out.take_pen(Pen { ext: pen.ext, bg: pen.bg | bg::EXTENDED, ..pen });
        if underlined {
            out.push(&[0x1b, b'[', b'4', b':', b'0' + terminal.extended.underline, b'm']);
        } else {
            out.push(b"\x1b[24m");
        }
    }
    if restores_pen || restores_charset {
        out.push(b"\x1b8");
        out.forget_pen();
    }
    if restores_pen {
        let mut codes = Vec::new();
        sgr::write_but_underline(pen, &mut codes);
        out.push(&codes);
        out.set_final_pen(pen);
        if !same_charset {
            let slot = [b'(', b')', b'*', b'+'][charsets.level];
            out.push(&[0x1b, slot, designated.name()]);
        }
    }
}

/// The cursor's place, the pen, and what was printed last: a mark that follows joins it.
fn write_cursor(terminal: &Terminal, out: &mut Painter<'_>) {
    let buffer = terminal.active();
    let row = buffer.rows[buffer.y].cells();
    let pen = terminal.pen;
    let columns = (terminal.printed >> 1) as usize;
    let pending = buffer.x >= terminal.cols;
    // A character printed again must come out of the character set as it went in.
    let again = |at: usize| -> Option<Vec<u8>> {
        let mut text = String::new();
        terminal.push_glyph(row[at].glyph, &mut text);
        let first = text.chars().next()?;
        let active = terminal.charsets.active;
        if active == Charset::ASCII {
            return Some(text.into_bytes());
        }
        match active.untranslate(u32::from(first)) {
            Some(byte) => Some([&[byte], &text.as_bytes()[first.len_utf8()..]].concat()),
            None if !first.is_ascii() => Some(text.into_bytes()),
            None => None,
        }
    };
    let make_room = |at: usize, out: &mut Painter<'_>| {
        place(terminal, at, buffer.y, out);
        if terminal.modes.insert {
            // It is inserted once more.
            out.csi(row[at].glyph.width().max(1) as usize, b'P');
        }
    };
    if columns > 0
        && let Some(at) = buffer.x.checked_sub(columns)
        && row[at].glyph.width() as usize == columns
        && row[at].pen == pen
        && let Some(text) = again(at)
    {
        make_room(at, out);
        write_pen(terminal, out);
        out.push(&text);
        return;
    }
    if pending {
        let mut at = terminal.cols - 1;
        if row[at].glyph.0 == 0 && at > 0 && row[at - 1].glyph.width() == 2 {
            at -= 1;
        }
        let mut shown = String::new();
        terminal.push_glyph(row[at].glyph, &mut shown);
        // Where what was printed has been erased, a blank does.
        let text = again(at).or_else(|| shown.is_empty().then(|| b" ".to_vec()));
        let charsets = terminal.charsets;
        let designated = charsets.designated[charsets.level];
        if text.is_some() || charsets.active == designated {
            make_room(at, out);
            out.take_pen(row[at].pen);
            if let Some(text) = text {
                out.push(&text);
                if columns == 0 {
                    // Something came behind it, so that a mark that follows does not join it: any control character will do.
                    out.push(b"\0");
                }
            } else {
                // The set that is active now has no such character: it was printed before, in ASCII.
                let slot = [b'(', b')', b'*', b'+'][charsets.level];
                out.push(&[0x1b, slot, Charset::ASCII.name()]);
                out.push(shown.as_bytes());
                out.push(&[0x1b, slot, designated.name()]);
            }
        } else {
            // Only DECRC brings such a set about, and it cannot be left and come back to. The character stays, the wrap goes.
            place(terminal, at, buffer.y, out);
        }
    } else {
        place(terminal, buffer.x, buffer.y, out);
    }
    write_pen(terminal, out);
}

/// Goes to a place of the screen, in whatever mode.
fn place(terminal: &Terminal, x: usize, y: usize, out: &mut Painter<'_>) {
    let top = if terminal.modes.origin { terminal.active().top } else { 0 };
    out.go_to(x, y.saturating_sub(top));
}

/// The pen as it is, with an underline colour and flags that no cell shows yet.
fn write_pen(terminal: &Terminal, out: &mut Painter<'_>) {
    let pen = terminal.pen;
    out.take_pen(pen);
    let extended = &terminal.extended;
    if extended.is_empty() && extended.color != 0 && pen.bg & bg::EXTENDED == 0 {
        let mut codes = Vec::new();
        sgr::write(pen, Some(extended), &mut codes);
        out.push(&codes);
    }
    out.set_final_pen(pen);
}
