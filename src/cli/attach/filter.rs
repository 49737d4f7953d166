//! What the program prints, made fit for a terminal that would answer.
//!
//! The PTY host answers programs' questions, always and alone. A local terminal would answer them a second time, and that
//! answer would reach the program as typed text. So questions are taken out of the output, as they are on the page
//! (`assets/app/terminal/silence.js`); all else passes untouched and in order. On the way it is seen whether the program
//! has the alternate screen, which decides how to leave.

use memchr::memchr2;

/// Longest sequence that is held back until it is known not to ask, in bytes. No question is longer.
const HELD_BYTES_MAX: usize = 256;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
/// ENQ: some terminals answer it with a text of their owner's choice.
const ENQ: u8 = 0x05;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ground,
    /// Held from ESC on, and not decided.
    Escape,
    Csi,
    Osc,
    DcsHeader,
    /// A sequence that passes, up to its end.
    PassingCsi,
    /// A string that passes, or is dropped, up to its end.
    String {
        passes: bool,
    },
    /// The same, after an ESC that may begin its end.
    StringEscape {
        passes: bool,
    },
    /// In [`State::Osc`], after an ESC that may begin its end.
    OscEscape,
}

/// Takes questions out. Holds at most [`HELD_BYTES_MAX`] bytes back, and those only while they may become one.
#[derive(Debug)]
pub(super) struct Filter {
    state: State,
    held: Vec<u8>,
    alternate: bool,
}

impl Filter {
    /// For a terminal in its normal state.
    pub(super) fn new() -> Self {
        Self { state: State::Ground, held: Vec::new(), alternate: false }
    }

    /// Whether what passed has turned the alternate screen on.
    pub(super) fn on_alternate(&self) -> bool {
        self.alternate
    }

    /// Appends to `out` what may pass of `bytes`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if self.state == State::Ground {
                let (passing, after) = rest.split_at(passes_at_once(rest));
                out.extend_from_slice(passing);
                rest = after;
                if let Some((first, after)) = rest.split_first() {
                    rest = after;
                    if *first == ESC {
                        self.hold(ESC, State::Escape);
                    }
                }
                continue;
            }
            rest = &rest[1..];
            self.step(byte, out);
        }
    }

    fn hold(&mut self, byte: u8, state: State) {
        self.held.push(byte);
        self.state = state;
    }

    fn release(&mut self, state: State, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        self.state = state;
    }

    fn drop_held(&mut self, state: State) {
        self.held.clear();
        self.state = state;
    }

    fn step(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.state {
            State::Ground => {}
            State::Escape => self.escape(byte, out),
            State::Csi | State::PassingCsi => self.csi(byte, out),
            State::Osc => self.osc(byte, out),
            State::OscEscape => self.osc_escape(byte, out),
            State::DcsHeader => self.dcs_header(byte, out),
            State::String { passes } => {
                if byte == ESC {
                    self.state = State::StringEscape { passes };
                    return;
                }
                if passes {
                    out.push(byte);
                }
                if matches!(byte, BEL | CAN | SUB) {
                    self.state = State::Ground;
                }
            }
            State::StringEscape { passes } => {
                if byte == b'\\' {
                    if passes {
                        out.extend_from_slice(b"\x1b\\");
                    }
                    self.state = State::Ground;
                } else {
                    // What ends a string without `\` is the next sequence.
                    self.hold(ESC, State::Escape);
                    self.escape(byte, out);
                }
            }
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'[' => self.hold(byte, State::Csi),
            b']' => self.hold(byte, State::Osc),
            b'P' => self.hold(byte, State::DcsHeader),
            // APC, PM and SOS: the page's terminal knows none, and kitty answers one.
            b'_' | b'^' | b'X' => self.drop_held(State::String { passes: false }),
            // DECID, which asks.
            b'Z' => self.drop_held(State::Ground),
            ESC => {
                self.release(State::Escape, out);
                self.held.push(ESC);
            }
            _ => {
                if byte == b'c' {
                    self.alternate = false;
                }
                self.held.push(byte);
                self.release(State::Ground, out);
            }
        }
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            ESC => {
                self.release(State::Escape, out);
                self.held.push(ESC);
                return;
            }
            _ if self.state == State::PassingCsi => out.push(byte),
            _ => self.held.push(byte),
        }
        let ends = (0x40..=0x7e).contains(&byte) || byte == CAN || byte == SUB;
        if !ends {
            if self.held.len() >= HELD_BYTES_MAX {
                self.release(State::PassingCsi, out);
            }
            return;
        }
        if self.state == State::Csi && csi_asks(&self.held) {
            self.drop_held(State::Ground);
            return;
        }
        let screen = switches_screen(&self.held);
        self.release(State::Ground, out);
        if let Some(on) = screen {
            if on && !self.alternate {
                // The page's terminal enters an empty one by any of its modes, xterm only by 1049.
                out.extend_from_slice(b"\x1b[2J");
            }
            self.alternate = on;
        }
    }

    fn osc(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            ESC => self.state = State::OscEscape,
            CAN | SUB => {
                self.held.push(byte);
                self.release(State::Ground, out);
            }
            BEL => self.osc_ends(&[BEL], out),
            _ => {
                self.held.push(byte);
                if self.held.len() >= HELD_BYTES_MAX {
                    self.release(State::String { passes: true }, out);
                }
            }
        }
    }

    fn osc_escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte == b'\\' {
            self.osc_ends(b"\x1b\\", out);
        } else {
            // Cut off by the next sequence, which ends it for terminals.
            self.osc_ends(b"", out);
            self.hold(ESC, State::Escape);
            self.escape(byte, out);
        }
    }

    fn osc_ends(&mut self, end: &[u8], out: &mut Vec<u8>) {
        if osc_asks(&self.held[2..]) {
            self.drop_held(State::Ground);
        } else {
            self.held.extend_from_slice(end);
            self.release(State::Ground, out);
        }
    }

    fn dcs_header(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.held.push(byte);
        match byte {
            ESC => {
                self.held.pop();
                self.release(State::Escape, out);
                self.held.push(ESC);
            }
            CAN | SUB => self.release(State::Ground, out),
            0x40..=0x7e => {
                // DECRQSS and XTGETTCAP.
                let asks = byte == b'q' && self.held.iter().any(|byte| matches!(byte, b'$' | b'+'));
                if asks {
                    self.drop_held(State::String { passes: false });
                } else {
                    self.release(State::String { passes: true }, out);
                }
            }
            _ if self.held.len() >= HELD_BYTES_MAX => self.release(State::String { passes: true }, out),
            _ => {}
        }
    }
}

/// How many bytes at the front pass whatever comes after them: text, and the colours in it.
fn passes_at_once(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += memchr2(ESC, ENQ, &bytes[at..]).unwrap_or(bytes.len() - at);
        match sgr_bytes(&bytes[at..]) {
            Some(sgr) => at += sgr,
            None => return at,
        }
    }
}

/// Length of the SGR that `bytes` begin with, if they hold all of one.
fn sgr_bytes(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let last = parameters.iter().position(|byte| !matches!(byte, b'0'..=b';'))?;
    (parameters[last] == b'm').then_some(last + 3)
}

/// The parts of `ESC [ …`.
struct Csi<'a> {
    prefix: Option<u8>,
    parameters: &'a [u8],
    intermediates: &'a [u8],
    last: u8,
}

impl<'a> Csi<'a> {
    fn of(held: &'a [u8]) -> Option<Self> {
        let (&last, body) = held.get(2..)?.split_last()?;
        let prefix = body.first().copied().filter(|byte| (0x3c..=0x3f).contains(byte));
        let body = &body[usize::from(prefix.is_some())..];
        let at = body.iter().position(|byte| (0x20..=0x2f).contains(byte)).unwrap_or(body.len());
        let (parameters, intermediates) = body.split_at(at);
        Some(Self { prefix, parameters, intermediates, last })
    }

    fn parameters(&self) -> impl Iterator<Item = &'a [u8]> {
        self.parameters.split(|byte| *byte == b';')
    }
}

fn csi_asks(held: &[u8]) -> bool {
    /// Window operations that report something; the others, like the stack of titles, may pass.
    const REPORTS: [&[u8]; 9] = [b"11", b"13", b"14", b"15", b"16", b"18", b"19", b"20", b"21"];
    let Some(csi) = Csi::of(held) else { return false };
    match (csi.prefix, csi.intermediates, csi.last) {
        (None | Some(b'>' | b'='), b"", b'c')
        | (None | Some(b'?'), b"", b'n')
        | (None | Some(b'?'), b"$", b'p')
        | (Some(b'>'), b"", b'q')
        | (Some(b'?'), b"", b'u' | b'S')
        | (None, b"", b'x') => true,
        (None, b"", b't') => REPORTS.contains(&csi.parameters().next().unwrap_or_default()),
        _ => false,
    }
}

/// Whether a DECSET or DECRST turns the alternate screen on or off.
fn switches_screen(held: &[u8]) -> Option<bool> {
    let csi = Csi::of(held).filter(|csi| csi.prefix == Some(b'?') && csi.intermediates.is_empty())?;
    let screen = |parameter: &[u8]| matches!(parameter, b"47" | b"1047" | b"1049");
    (matches!(csi.last, b'h' | b'l') && csi.parameters().any(screen)).then_some(csi.last == b'h')
}

/// Whether an operating system command asks: one of its fields is a question mark. Titles, links and messages are free
/// text and never ask; what only single terminals know and might answer does not pass at all.
fn osc_asks(payload: &[u8]) -> bool {
    let mut fields = payload.split(|byte| matches!(byte, b';' | b'='));
    match fields.next().unwrap_or_default() {
        b"0" | b"1" | b"2" | b"7" | b"8" | b"9" | b"777" => false,
        b"99" | b"1337" => true,
        _ => fields.any(|field| field == b"?"),
    }
}

#[cfg(test)]
mod tests;
