//! Bytes to functions: the state machine of DEC terminals as xterm.js runs it.
//!
//! UTF-8 is decoded first, so C1 controls are U+0080 to U+009F and never single bytes. A sequence that
//! a chunk cuts is not kept as bytes but as this machine's state, from which [`Parser::unfinished`]
//! writes it again: bounded whatever was sent, and free of controls that have been obeyed already.

use memchr::memchr;

use super::params::Params;
use super::terminal::Terminal;
use super::utf8::{Decoded, decode, printable_ascii};

/// Payload of one OSC or DCS string, in bytes. The longest that this model uses is a link; the longest a
/// viewer uses is a clipboard, which a snapshot cut inside it must carry.
const PAYLOAD_BYTES_MAX: usize = 128 * 1024;

/// Bytes after which a payload's memory is given back.
const PAYLOAD_BYTES_KEPT: usize = 4 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ground,
    Escape,
    EscapeIntermediate,
    CsiEntry,
    CsiParam,
    CsiIntermediate,
    CsiIgnore,
    Osc,
    DcsEntry,
    DcsParam,
    DcsIntermediate,
    DcsIgnore,
    DcsData,
    /// SOS, PM and APC: read and forgotten.
    Ignored,
}

/// Where the machine is.
#[derive(Debug)]
pub(super) struct Parser {
    state: State,
    params: Params,
    /// Prefix and intermediate bytes, last one lowest.
    collected: u32,
    /// Final byte that began the DCS data.
    dcs_final: u8,
    payload: Vec<u8>,
    payload_overflow: bool,
    /// Start of a character whose rest has not come.
    partial: [u8; 4],
    partial_len: usize,
}

impl Parser {
    pub(super) fn new() -> Self {
        Self {
            state: State::Ground,
            params: Params::new(),
            collected: 0,
            dcs_final: 0,
            payload: Vec::new(),
            payload_overflow: false,
            partial: [0; 4],
            partial_len: 0,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8], terminal: &mut Terminal) {
        let mut at = self.complete_partial(bytes, terminal);
        while at < bytes.len() {
            let byte = bytes[at];
            if byte >= 0x20 {
                let taken = self.take_run(&bytes[at..], terminal);
                if taken > 0 {
                    at += taken;
                    continue;
                }
            }
            if byte < 0x80 {
                self.step(u32::from(byte), terminal);
                at += 1;
                continue;
            }
            match decode(&bytes[at..]) {
                Decoded::Char(ch, len) => {
                    self.step(ch, terminal);
                    at += len;
                }
                Decoded::Invalid(len) => at += len,
                Decoded::Incomplete => {
                    let rest = &bytes[at..];
                    self.partial[..rest.len()].copy_from_slice(rest);
                    self.partial_len = rest.len();
                    return;
                }
            }
        }
    }

    /// Whether the next byte begins something.
    pub(super) fn is_at_rest(&self) -> bool {
        self.state == State::Ground && self.partial_len == 0
    }

    /// Obeys only the control sequences in `bytes`, which hold no others of effect than text and line ends. A character that
    /// a chunk cut is lost.
    pub(super) fn skim(&mut self, bytes: &[u8], terminal: &mut Terminal) {
        self.partial_len = 0;
        let mut rest = bytes;
        loop {
            if self.state == State::Ground {
                rest = &rest[memchr(0x1b, rest).unwrap_or(rest.len())..];
            }
            let Some((byte, after)) = rest.split_first() else { return };
            self.step(u32::from(*byte), terminal);
            rest = after;
        }
    }

    /// Ends a character that the last chunk began; says how many bytes of this chunk that took.
    fn complete_partial(&mut self, bytes: &[u8], terminal: &mut Terminal) -> usize {
        let mut taken = 0;
        while self.partial_len > 0 {
            let Some(byte) = bytes.get(taken) else { return taken };
            self.partial[self.partial_len] = *byte;
            match decode(&self.partial[..=self.partial_len]) {
                Decoded::Incomplete => {
                    self.partial_len += 1;
                    taken += 1;
                }
                Decoded::Char(ch, _) => {
                    self.partial_len = 0;
                    taken += 1;
                    self.step(ch, terminal);
                }
                // Broken off by this byte, which is then looked at on its own; or complete and forbidden.
                Decoded::Invalid(len) => {
                    taken += usize::from(len > self.partial_len);
                    self.partial_len = 0;
                }
            }
        }
        taken
    }

    /// Takes what can be taken at once: text, numbers, and the inside of a string.
    #[inline]
    fn take_run(&mut self, bytes: &[u8], terminal: &mut Terminal) -> usize {
        match self.state {
            State::Ground => terminal.print(bytes),
            State::CsiEntry | State::CsiParam => {
                let len = bytes.iter().take_while(|byte| matches!(byte, b'0'..=b';')).count();
                bytes[..len].iter().for_each(|byte| self.params.push(*byte));
                if len > 0 {
                    self.state = State::CsiParam;
                }
                len
            }
            State::Osc | State::DcsData => {
                let len = printable_ascii(bytes);
                self.put(&bytes[..len]);
                len
            }
            _ => 0,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.payload.len() + bytes.len() > PAYLOAD_BYTES_MAX {
            self.payload_overflow = true;
            self.payload = Vec::new();
        }
        if !self.payload_overflow {
            self.payload.extend_from_slice(bytes);
        }
    }

    fn put_char(&mut self, ch: u32) {
        if let Some(ch) = char::from_u32(ch) {
            self.put(ch.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn clear(&mut self) {
        self.params.clear();
        self.collected = 0;
    }

    fn begin_string(&mut self, state: State) {
        self.payload.clear();
        self.payload_overflow = false;
        self.state = state;
    }

    #[inline]
    fn collect(&mut self, byte: u8, next: State) {
        self.collected = self.collected << 8 | u32::from(byte);
        self.state = next;
    }

    /// Ends an OSC or DCS string at `code`; CAN and SUB throw it away.
    fn end_string(&mut self, code: u32, terminal: &mut Terminal) {
        if !matches!(code, 0x18 | 0x1a) && !self.payload_overflow {
            // Only whole characters were put in.
            let payload = std::str::from_utf8(&self.payload).unwrap_or_default();
            match self.state {
                State::Osc => terminal.osc(payload),
                _ => terminal.dcs(self.collected, self.dcs_final, payload),
            }
        }
        terminal.printed = 0;
        self.payload.clear();
        if self.payload.capacity() > PAYLOAD_BYTES_KEPT {
            self.payload = Vec::new();
        }
        self.clear();
        self.state = if code == 0x1b { State::Escape } else { State::Ground };
    }

    fn step(&mut self, code: u32, terminal: &mut Terminal) {
        let in_string = matches!(self.state, State::Osc | State::DcsData);
        match code {
            // The same in every state.
            0x1b | 0x9c | 0x18 | 0x1a if in_string => self.end_string(code, terminal),
            0x1b => {
                self.clear();
                self.state = State::Escape;
            }
            0x9c => self.state = State::Ground,
            0x9b => {
                self.clear();
                self.state = State::CsiEntry;
            }
            0x90 => {
                self.clear();
                self.state = State::DcsEntry;
            }
            0x9d => self.begin_string(State::Osc),
            0x98 | 0x9e | 0x9f => self.state = State::Ignored,
            0x18 | 0x1a | 0x80..=0x9f => {
                terminal.execute(code);
                self.state = State::Ground;
            }
            0x00..=0x1f => self.step_control(code, terminal),
            0x20..=0x7f => self.step_ascii(code as u8, terminal),
            _ => self.step_other(code, terminal),
        }
    }

    fn step_control(&mut self, code: u32, terminal: &mut Terminal) {
        match self.state {
            State::Osc if code == 0x07 => self.end_string(code, terminal),
            State::DcsData => self.put(&[code as u8]),
            State::Osc
            | State::Ignored
            | State::DcsEntry
            | State::DcsParam
            | State::DcsIntermediate
            | State::DcsIgnore => {}
            _ => terminal.execute(code),
        }
    }

    /// A character beyond ASCII: text in a string, the end of a sequence that cannot hold one.
    fn step_other(&mut self, code: u32, terminal: &mut Terminal) {
        match self.state {
            State::Ground => terminal.print_one(code),
            State::Osc | State::DcsData => self.put_char(code),
            State::CsiIgnore | State::DcsIgnore => {}
            _ => self.state = State::Ground,
        }
    }

    #[inline]
    fn step_ascii(&mut self, byte: u8, terminal: &mut Terminal) {
        match (self.state, byte) {
            (State::CsiEntry | State::CsiParam, b'0'..=b';') => {
                self.params.push(byte);
                self.state = State::CsiParam;
            }
            (State::CsiEntry | State::CsiParam | State::CsiIntermediate, 0x40..=0x7e) => {
                self.state = State::Ground;
                terminal.csi(self.collected, byte, &self.params);
                terminal.printed = 0;
            }
            (State::CsiEntry, b'<'..=b'?') => self.collect(byte, State::CsiParam),
            (State::CsiEntry | State::CsiParam | State::CsiIntermediate, 0x20..=0x2f) => {
                self.collect(byte, State::CsiIntermediate);
            }
            (State::CsiParam, b'<'..=b'?') | (State::CsiIntermediate, b'0'..=b'?') => self.state = State::CsiIgnore,
            (State::CsiIgnore, 0x40..=0x7e) => self.state = State::Ground,
            (State::Escape, b'[') => {
                self.clear();
                self.state = State::CsiEntry;
            }
            (State::Escape, b']') => self.begin_string(State::Osc),
            (State::Escape, b'P') => {
                self.clear();
                self.state = State::DcsEntry;
            }
            (State::Escape, b'X' | b'^' | b'_') => self.state = State::Ignored,
            (State::Escape | State::EscapeIntermediate, 0x20..=0x2f) => self.collect(byte, State::EscapeIntermediate),
            (State::Escape | State::EscapeIntermediate, 0x30..=0x7e) => {
                self.state = State::Ground;
                terminal.escape(self.collected, byte);
                terminal.printed = 0;
            }
            (State::Osc | State::DcsData, 0x20..=0x7e) | (State::Osc, 0x7f) => self.put(&[byte]),
            (State::DcsEntry | State::DcsParam, b'0'..=b';') => {
                self.params.push(byte);
                self.state = State::DcsParam;
            }
            (State::DcsEntry, b'<'..=b'?') => self.collect(byte, State::DcsParam),
            (State::DcsEntry | State::DcsParam | State::DcsIntermediate, 0x20..=0x2f) => {
                self.collect(byte, State::DcsIntermediate);
            }
            (State::DcsParam, b'<'..=b'?') | (State::DcsIntermediate, b'0'..=b'?') => self.state = State::DcsIgnore,
            (State::DcsEntry | State::DcsParam | State::DcsIntermediate, 0x40..=0x7e) => {
                self.dcs_final = byte;
                self.begin_string(State::DcsData);
            }
            // DEL everywhere else, and what the states that only wait for their end let pass. In the
            // ground state text never comes here.
            _ => {}
        }
    }

    /// Writes what has been read of a sequence or character that is not complete, so that a terminal
    /// that reads it goes on where this one is.
    pub(super) fn unfinished(&self, out: &mut Vec<u8>) {
        let collected = self.collected.to_be_bytes();
        let collected = || collected.iter().copied().filter(|byte| *byte != 0);
        match self.state {
            State::Ground => {}
            State::Escape => out.push(0x1b),
            State::EscapeIntermediate => {
                out.push(0x1b);
                out.extend(collected());
            }
            State::CsiEntry => out.extend_from_slice(b"\x1b["),
            State::CsiParam | State::CsiIntermediate => {
                out.extend_from_slice(b"\x1b[");
                out.extend(collected().filter(|byte| *byte >= b'<'));
                self.params.write(out);
                // A parameter that is still zero must be told from none.
                if self.state == State::CsiParam && self.params.values() == [0] && self.params.subs(0).is_empty() {
                    out.push(b'0');
                }
                out.extend(collected().filter(|byte| *byte < b'<'));
            }
            State::CsiIgnore => out.extend_from_slice(b"\x1b[0<"),
            State::Osc => {
                out.extend_from_slice(b"\x1b]");
                // A string too long to be kept is one that will be ignored.
                out.extend_from_slice(if self.payload_overflow { b"x" } else { &self.payload });
            }
            // No viewer does anything with a DCS but answer it, and answers are the host's.
            State::DcsEntry | State::DcsParam => out.extend_from_slice(b"\x1bP"),
            State::DcsIntermediate => out.extend_from_slice(b"\x1bP "),
            State::DcsIgnore => out.extend_from_slice(b"\x1bP0<"),
            State::DcsData => out.extend_from_slice(b"\x1bPz"),
            State::Ignored => out.extend_from_slice(b"\x1b_"),
        }
        out.extend_from_slice(&self.partial[..self.partial_len]);
    }
}
