//! The terminal as Windows has it: a console. It is read and written in UTF-16, so that no code page has a say in it, and
//! both wait (a console stands still while somebody marks text in it), so a thread does each.

mod keyboard;
mod screen;
mod text;

use std::io;
use std::sync::Arc;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Console::{
    CONSOLE_MODE, DISABLE_NEWLINE_AUTO_RETURN, ENABLE_ECHO_INPUT, ENABLE_LINE_INPUT, ENABLE_PROCESSED_INPUT,
    ENABLE_PROCESSED_OUTPUT, ENABLE_VIRTUAL_TERMINAL_INPUT, ENABLE_VIRTUAL_TERMINAL_PROCESSING, ENABLE_WINDOW_INPUT,
    ENABLE_WRAP_AT_EOL_OUTPUT, GetConsoleMode, GetStdHandle, STD_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
    SetConsoleMode,
};

pub(super) use self::keyboard::Keyboard;
pub(in crate::cli::attach) use self::keyboard::RESIZED;
pub(super) use self::screen::Screen;
use self::screen::Writer;

/// How to give the terminal back.
pub(super) struct Entered {
    writer: Arc<Writer>,
    input: CONSOLE_MODE,
    output: CONSOLE_MODE,
}

impl Entered {
    /// The terminal as it is now.
    pub(super) fn remember(_input: &Keyboard, output: &Screen) -> io::Result<Self> {
        Ok(Self { writer: output.writer(), input: mode(STD_INPUT_HANDLE)?, output: mode(STD_OUTPUT_HANDLE)? })
    }

    /// From now on every key is ours, also Ctrl-C, and comes as a terminal sends it; and what is written is read as a terminal
    /// reads it.
    pub(super) fn make_raw(_input: &Keyboard, _output: &Screen) -> io::Result<()> {
        let cooked = ENABLE_PROCESSED_INPUT | ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT;
        let keys = (mode(STD_INPUT_HANDLE)? & !cooked) | ENABLE_VIRTUAL_TERMINAL_INPUT | ENABLE_WINDOW_INPUT;
        let shown = ENABLE_PROCESSED_OUTPUT
            | ENABLE_WRAP_AT_EOL_OUTPUT
            | ENABLE_VIRTUAL_TERMINAL_PROCESSING
            | DISABLE_NEWLINE_AUTO_RETURN;
        set_mode(STD_INPUT_HANDLE, keys)?;
        set_mode(STD_OUTPUT_HANDLE, mode(STD_OUTPUT_HANDLE)? | shown)
    }

    /// Writes `last`, and puts the settings back.
    pub(super) fn give_back(self, last: &[u8]) {
        self.writer.last(last);
        // Nobody is left to be told.
        let _ = set_mode(STD_INPUT_HANDLE, self.input);
        let _ = set_mode(STD_OUTPUT_HANDLE, self.output);
    }
}

/// The console behind standard input or output. It lives as long as the process.
fn console(which: STD_HANDLE) -> HANDLE {
    // SAFETY: asks for a value only.
    unsafe { GetStdHandle(which) }
}

fn mode(which: STD_HANDLE) -> io::Result<CONSOLE_MODE> {
    let mut mode = 0;
    // SAFETY: the result is written to a place of ours; a handle that is no console's is refused.
    if unsafe { GetConsoleMode(console(which), &raw mut mode) } == 0 {
        // The terminals of Cygwin and MSYS are pipes, which Rust takes for terminals.
        return Err(io::Error::other("it is no console of Windows: use Windows Terminal, or start this by winpty"));
    }
    Ok(mode)
}

fn set_mode(which: STD_HANDLE, mode: CONSOLE_MODE) -> io::Result<()> {
    // SAFETY: as above.
    if unsafe { SetConsoleMode(console(which), mode) } == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
