//! PTYs: opens one, starts a program in it, reads and writes it. Unix and Windows behind one face.
//!
//! Keystroke and output hop 8 of 8. Everything here is non-blocking and polled from one task: whoever owns a
//! [`Pty`] is never held up by a program that does not read, and hears of its end without a thread.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::task::{Context, Poll};

#[cfg(unix)]
mod processes;
pub mod scripted;
#[cfg(unix)]
pub mod unix;
#[cfg(windows)]
pub mod windows;

#[cfg(unix)]
pub use unix::open;
#[cfg(windows)]
pub use windows::open;

/// Width and height of a terminal, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub cols: u16,
    /// Height.
    pub rows: u16,
}

/// What to start: every part is settled before it comes here, nothing is looked up again.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable file.
    pub path: PathBuf,
    /// Its arguments, without the name.
    pub args: Vec<OsString>,
    /// Directory it starts in.
    pub workdir: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether it gets pipes instead of a terminal; Windows only, and its last resort.
    pub without_terminal: bool,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal, named like `SIGKILL`.
    Signal(String),
}

/// How strongly to ask for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Hang up and terminate: what happens when a terminal's window is closed. Programs may clean up.
    HangUp,
    /// Kill, at once.
    Kill,
}

/// Why a program does not run in a PTY.
#[derive(Debug, thiserror::Error)]
pub enum PtyError {
    /// The system gave no PTY, or the program did not start in it.
    #[error("no terminal could be opened: {0}")]
    Open(String),
    /// The PTY could not be prepared for use.
    #[error("the terminal could not be prepared: {0}")]
    Prepare(#[from] io::Error),
}

/// One program in one terminal.
///
/// Dropping it closes the terminal: what still runs in it is hung up, as when a window is closed.
pub trait Pty {
    /// Reads what the program printed, as much as is there and fits. `Ok(0)` is the end: nothing has the
    /// terminal open any more.
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes typed bytes, as many as the terminal takes now; pending while it takes none.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// How the program ended, once it has. Says it again when asked again.
    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<Exit>;

    /// Tells the terminal its size; the program is notified by the system.
    fn resize(&mut self, size: Size) -> io::Result<()>;

    /// Process id of the program.
    fn pid(&self) -> Option<u32>;

    /// Ends the program and what it started in this terminal.
    fn end(&mut self, how: Ending);

    /// Carries out what a key like Ctrl-C means while the terminal takes no bytes.
    ///
    /// A terminal acts on such a key when it takes it, and throws away what was typed before it. Behind a
    /// program that does not read it would never get that far, so the owner of a full queue asks here. The
    /// answer is how many of `bytes` have been dealt with, up to and with the last such key.
    fn interrupt(&mut self, bytes: &[u8]) -> Option<usize>;
}
