//! The person's own terminal: made raw, read and written without waiting, and given back as it was on every way out.
//!
//! [`Terminal::enter`] remembers how to leave in a place that the panic hook reaches too. What remembers is one per process,
//! as is the terminal.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

#[cfg(unix)]
use self::unix::{Entered, Keyboard, Screen};
#[cfg(windows)]
pub(super) use self::windows::RESIZED;
#[cfg(windows)]
use self::windows::{Entered, Keyboard, Screen};
use crate::pty::Size;

/// Ends what a program may have left on, without a word that moves the cursor: an unfinished sequence, a synchronized
/// update, colours and links, mouse and focus reports, paste brackets, keyboard modes of Windows, xterm and kitty, the cursor's
/// shape, insert mode, no wrapping, character sets, tab stops, changed colours. Terminals pass over what they do not know.
const MODES_OFF: &[u8] = b"\x1b\\\x1b[?2026l\x1b[0m\x1b]8;;\x1b\\\
    \x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?2004l\x1b[?9001l\
    \x1b[?1l\x1b>\x1b[>4m\x1b[<9u\x1b[0 q\x1b[?25h\x1b[4l\x1b[20l\x1b[?45l\x1b[?7h\x1b(B\x1b)B\x0f\x1b[?5W\
    \x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\";

/// The same for margins, which cannot be taken off without moving the cursor: it is kept, put back, and what it brought
/// back with it (origin mode, pen) is reset.
const MARGINS_OFF: &[u8] = b"\x1b7\x1b[?69l\x1b[r\x1b8\x1b[!p";

/// Back from the alternate screen, where one is in use: it also puts the cursor back.
const TO_MAIN: &[u8] = b"\x1b[?1049l";

/// Keeps the window's title for later, and puts it back (XTWINOPS).
const KEEP_TITLE: &[u8] = b"\x1b[22;0t";
/// See [`KEEP_TITLE`].
const TITLE_BACK: &[u8] = b"\x1b[23;0t";

/// A row of its own for what is said next, with nothing of the old picture below it.
const NEXT_ROW: &[u8] = b"\r\n\x1b[J";

/// Time that a terminal has to take what gives it back. One that is gone or stopped takes nothing.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

static ENTERED: Mutex<Option<Entered>> = Mutex::new(None);

/// Whether the alternate screen is in use, for whoever gives the terminal back.
static ALTERNATE: AtomicBool = AtomicBool::new(false);

static HOOK: Once = Once::new();

fn entered() -> MutexGuard<'static, Option<Entered>> {
    ENTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard input and output, if both are a terminal.
pub(in crate::cli) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The terminal's size in cells; 80×24 where it does not know.
pub(in crate::cli) fn size() -> Size {
    Screen::size().filter(|size| size.cols > 0 && size.rows > 0).unwrap_or(Size { cols: 80, rows: 24 })
}

/// Says which screen is in use.
pub(super) fn on_alternate(on: bool) {
    ALTERNATE.store(on, Ordering::Relaxed);
}

/// Appends what brings the terminal back to its main screen, in no mode.
pub(super) fn neutral(out: &mut Vec<u8>) {
    out.extend_from_slice(MODES_OFF);
    if ALTERNATE.swap(false, Ordering::Relaxed) {
        out.extend_from_slice(TO_MAIN);
        out.extend_from_slice(MODES_OFF); // Kitty keeps keyboard modes for each screen.
    }
    out.extend_from_slice(MARGINS_OFF);
}

/// The terminal, raw until dropped.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) input: Input,
    pub(super) output: Output,
}

/// What is typed.
#[derive(Debug)]
pub(super) struct Input {
    device: Keyboard,
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Output {
    device: Screen,
    /// Still to be written, but for the first `written` bytes.
    waiting: Vec<u8>,
    written: usize,
}

impl Terminal {
    /// Takes the terminal over.
    pub(super) fn enter() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                leave();
                before(panic);
            }));
        });
        let input = Input { device: Keyboard::open()? };
        let output = Output { device: Screen::open()?, waiting: Vec::new(), written: 0 };
        let mut this = Self { input, output };
        this.make_raw()?;
        Ok(this)
    }

    /// Raw again, after it was given back or somebody else had it for a while.
    pub(super) fn make_raw(&mut self) -> io::Result<()> {
        let mut entered = entered();
        if entered.is_none() {
            *entered = Some(Entered::remember(&self.input.device, &self.output.device)?);
            self.output.out().extend_from_slice(KEEP_TITLE);
        }
        Entered::make_raw(&self.input.device, &self.output.device)?;
        Ok(())
    }
}

impl Input {
    /// What was typed; nothing when the terminal is gone. Cancel-safe.
    pub(super) async fn read(&mut self) -> io::Result<Vec<u8>> {
        self.device.read().await
    }
}

impl Output {
    /// Where to append what is to be written.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.waiting
    }

    /// Bytes still to be written.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() - self.written
    }

    /// Forgets what was not written yet.
    pub(super) fn discard(&mut self) {
        self.waiting.clear();
        self.written = 0;
    }

    /// Writes some of it. Cancel-safe.
    pub(super) async fn write_some(&mut self) -> io::Result<()> {
        self.written += self.device.write(&self.waiting[self.written..]).await?;
        if self.written == self.waiting.len() {
            self.discard();
        }
        Ok(())
    }

    /// Writes all of it.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while self.waiting() > 0 {
            self.write_some().await?;
        }
        self.device.written().await
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the terminal back: modes off, the screen it had, its title, its settings. Once for each time it was entered.
pub(super) fn leave() {
    let Some(entered) = entered().take() else { return };
    let mut last = Vec::new();
    neutral(&mut last);
    last.extend_from_slice(&[TITLE_BACK, NEXT_ROW].concat());
    entered.give_back(&last);
}

#[cfg(all(test, unix))]
mod tests;
