//! The person's own terminal: made raw, read and written without waiting, and given back as it was on every way out.
//!
//! [`Terminal::enter`] remembers how to leave in a place that the panic hook reaches too. What remembers is one per process,
//! as is the terminal.

use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::unix::AsyncFd;

use crate::pty::Size;

/// Ends what a program may have left on, without a word that moves the cursor: an unfinished sequence, a synchronized
/// update, colours and links, mouse and focus reports, paste brackets, keyboard modes of xterm and kitty, the cursor's
/// shape, insert mode, no wrapping, character sets, tab stops, changed colours. Terminals pass over what they do not know.
const MODES_OFF: &[u8] = b"\x1b\\\x1b[?2026l\x1b[0m\x1b]8;;\x1b\\\
    \x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?2004l\
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

/// One read, in bytes: what a terminal sends at once when something is pasted.
const READ_BYTES: usize = 4096;

/// How to give the terminal back.
struct Entered {
    input: OwnedFd,
    output: OwnedFd,
    before: Termios,
}

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
    let size = tcgetwinsize(rustix::stdio::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or(Size { cols: 80, rows: 24 }, |size| Size { cols: size.ws_col, rows: size.ws_row })
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
    device: Device,
    buffer: Vec<u8>,
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Output {
    device: Device,
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
        let input = Input { device: Device::open(rustix::stdio::stdin())?, buffer: vec![0; READ_BYTES] };
        let output = Output { device: Device::open(rustix::stdio::stdout())?, waiting: Vec::new(), written: 0 };
        let mut this = Self { input, output };
        this.make_raw()?;
        Ok(this)
    }

    /// Raw again, after it was given back or somebody else had it for a while.
    pub(super) fn make_raw(&mut self) -> io::Result<()> {
        let before = tcgetattr(&self.input.device)?;
        let mut raw = before.clone();
        raw.make_raw();
        let mut entered = entered();
        if entered.is_none() {
            let copy = |device: &Device| device.as_fd().try_clone_to_owned();
            *entered = Some(Entered { input: copy(&self.input.device)?, output: copy(&self.output.device)?, before });
            self.output.out().extend_from_slice(KEEP_TITLE);
        }
        tcsetattr(&self.input.device, OptionalActions::Now, &raw)?;
        Ok(())
    }
}

impl Input {
    /// What was typed; nothing when the terminal is gone. Cancel-safe.
    pub(super) async fn read(&mut self) -> io::Result<Vec<u8>> {
        let bytes = self.device.read(&mut self.buffer).await?;
        Ok(self.buffer[..bytes].to_vec())
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
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the terminal back: modes off, the screen it had, its title, its settings. Once for each time it was entered.
pub(super) fn leave() {
    let Some(Entered { input, output, before }) = entered().take() else { return };
    let mut last = Vec::new();
    neutral(&mut last);
    last.extend_from_slice(&[TITLE_BACK, NEXT_ROW].concat());
    write_all(output.as_fd(), &last);
    // Nothing is thrown away that was typed meanwhile: it is meant for whoever reads next.
    let _ = tcsetattr(&input, OptionalActions::Now, &before);
}

fn write_all(output: BorrowedFd<'_>, mut bytes: &[u8]) {
    let until = Instant::now() + LEAVE_WITHIN;
    while !bytes.is_empty() {
        match rustix::io::write(output, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                let left = until.saturating_duration_since(Instant::now());
                let left = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
                let mut wait = [PollFd::from_borrowed_fd(output, PollFlags::OUT)];
                if !matches!(poll(&mut wait, Some(&left)), Ok(1..)) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// One direction of the terminal.
#[derive(Debug)]
struct Device {
    descriptor: AsyncFd<OwnedFd>,
    /// It could not be opened anew, so whoever shares it waits in its reads and writes, and so must we.
    blocking: bool,
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get_ref().as_fd()
    }
}

impl Device {
    /// Opens the terminal behind `inherited` anew: not to wait is a property that all who share a descriptor share, and
    /// the shell that started us must not find its own changed after we were killed.
    fn open(inherited: BorrowedFd<'_>) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let reopened = if cfg!(target_os = "linux") {
            let number = std::os::fd::AsRawFd::as_raw_fd(&inherited);
            rustix::fs::open(format!("/proc/self/fd/{number}"), flags, Mode::empty())
        } else {
            rustix::termios::ttyname(inherited, Vec::new())
                .and_then(|name| rustix::fs::open(name, flags, Mode::empty()))
        };
        let (descriptor, blocking) = match reopened {
            Ok(descriptor) => (descriptor, false),
            // Another user's terminal (after `su`), or none with a name here.
            Err(_) => (inherited.try_clone_to_owned()?, true),
        };
        // SAFETY: an `OwnedFd` stays open and the same until it is dropped, and it is dropped with the `AsyncFd`.
        let descriptor = unsafe { AsyncFd::register(descriptor) }.map_err(io::Error::from)?;
        Ok(Self { descriptor, blocking })
    }

    /// Whether a call would wait now.
    fn would_block(&self, direction: PollFlags) -> bool {
        let mut look = [PollFd::new(self.descriptor.get_ref(), direction)];
        self.blocking && !matches!(poll(&mut look, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
    }

    async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let read = ready.try_io(|descriptor| {
                if self.would_block(PollFlags::IN) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(rustix::io::read(descriptor, &mut *buffer)?)
            });
            match read {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => return read,
                Err(_) => {}
            }
        }
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.descriptor.writable().await?;
            let written = ready.try_io(|descriptor| {
                if self.would_block(PollFlags::OUT) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(rustix::io::write(descriptor, bytes)?)
            });
            match written {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(written) => return written,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
