//! Modes, as xterm.js keeps them.

/// Mouse reporting: the last one set wins, resetting any turns all off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mouse {
    Off,
    X10,
    Click,
    Drag,
    Motion,
}

/// How a mouse report is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MouseEncoding {
    Plain,
    Sgr,
    SgrPixels,
}

/// Switches of the terminal. All are restored by a snapshot.
#[allow(clippy::struct_excessive_bools, reason = "they are switches by nature, and independent")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Modes {
    pub insert: bool,
    /// LNM: a line feed also returns.
    pub newline: bool,
    pub application_cursor: bool,
    pub application_keypad: bool,
    pub origin: bool,
    pub autowrap: bool,
    pub reverse_wrap: bool,
    pub bracketed_paste: bool,
    pub focus: bool,
    pub synchronized: bool,
    pub cursor_hidden: bool,
    /// Mode 12, which in xterm.js is an option of the page and no part of [`Self::cursor_style`].
    pub cursor_blink: Option<bool>,
    /// DECSCUSR 1 to 6; 0 for the theme's own.
    pub cursor_style: u8,
    pub mouse: Mouse,
    pub mouse_encoding: MouseEncoding,
}

impl Modes {
    pub(super) const START: Modes = Modes {
        insert: false,
        newline: false,
        application_cursor: false,
        application_keypad: false,
        origin: false,
        autowrap: true,
        reverse_wrap: false,
        bracketed_paste: false,
        focus: false,
        synchronized: false,
        cursor_hidden: false,
        cursor_blink: None,
        cursor_style: 0,
        mouse: Mouse::Off,
        mouse_encoding: MouseEncoding::Plain,
    };

    /// RIS. xterm.js leaves alone what it keeps as an option or beside its modes.
    pub(super) fn full_reset(&mut self) {
        *self = Self {
            newline: self.newline,
            cursor_hidden: self.cursor_hidden,
            cursor_blink: self.cursor_blink,
            ..Self::START
        };
    }

    /// DECSTR.
    pub(super) fn soft_reset(&mut self) {
        *self = Self {
            newline: self.newline,
            cursor_blink: self.cursor_blink,
            mouse: self.mouse,
            mouse_encoding: self.mouse_encoding,
            ..Self::START
        };
    }

    /// SM and RM.
    pub(super) fn set(&mut self, mode: i32, on: bool) {
        match mode {
            4 => self.insert = on,
            20 => self.newline = on,
            _ => {}
        }
    }

    /// DECSET and DECRST, as far as they only turn a switch.
    pub(super) fn set_private(&mut self, mode: i32, on: bool) {
        let mouse = |mouse| if on { mouse } else { Mouse::Off };
        let encoding = |encoding| if on { encoding } else { MouseEncoding::Plain };
        match mode {
            1 => self.application_cursor = on,
            7 => self.autowrap = on,
            9 => self.mouse = mouse(Mouse::X10),
            12 => self.cursor_blink = Some(on),
            25 => self.cursor_hidden = !on,
            45 => self.reverse_wrap = on,
            66 => self.application_keypad = on,
            1000 => self.mouse = mouse(Mouse::Click),
            1002 => self.mouse = mouse(Mouse::Drag),
            1003 => self.mouse = mouse(Mouse::Motion),
            1004 => self.focus = on,
            1006 => self.mouse_encoding = encoding(MouseEncoding::Sgr),
            1016 => self.mouse_encoding = encoding(MouseEncoding::SgrPixels),
            2004 => self.bracketed_paste = on,
            2026 => self.synchronized = on,
            _ => {}
        }
    }

    /// What DECRQM answers for an ANSI mode: 0 unknown, 1 set, 2 reset, 3 always set, 4 never set.
    pub(super) fn report(&self, mode: usize) -> u8 {
        match mode {
            2 => 4,
            4 => on(self.insert),
            12 => 3,
            20 => on(self.newline),
            _ => 0,
        }
    }

    /// The same for a private mode.
    pub(super) fn report_private(&self, mode: usize, on_alternate: bool) -> u8 {
        match mode {
            1 => on(self.application_cursor),
            6 => on(self.origin),
            7 => on(self.autowrap),
            8 => 3,
            9 => on(self.mouse == Mouse::X10),
            12 => on(self.cursor_blink == Some(true)),
            25 => on(!self.cursor_hidden),
            45 => on(self.reverse_wrap),
            66 => on(self.application_keypad),
            67 | 1005 | 1015 => 4,
            47 | 1047 | 1049 => on(on_alternate),
            1000 => on(self.mouse == Mouse::Click),
            1002 => on(self.mouse == Mouse::Drag),
            1003 => on(self.mouse == Mouse::Motion),
            1004 => on(self.focus),
            1006 => on(self.mouse_encoding == MouseEncoding::Sgr),
            1016 => on(self.mouse_encoding == MouseEncoding::SgrPixels),
            1048 => 1,
            2004 => on(self.bracketed_paste),
            2026 => on(self.synchronized),
            _ => 0,
        }
    }
}

fn on(set: bool) -> u8 {
    if set { 1 } else { 2 }
}
