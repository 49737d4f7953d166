//! What the system tells a program that has a terminal.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use self::unix::{Signals, stand_still};
#[cfg(windows)]
pub(super) use self::windows::Signals;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// The terminal has another size.
    Resized,
    /// Somebody wants this process to stand still for a while.
    #[cfg(unix)]
    Pause,
    /// It goes on; the terminal may have been used by others meanwhile.
    #[cfg(unix)]
    Continued,
    /// It is to end; the signal's number.
    End(i32),
}
