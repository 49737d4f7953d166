//! What the system tells, on Unix.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::Signal;

/// All that concern an attached terminal. Made before the terminal is taken over.
#[derive(Debug)]
pub(in crate::cli::attach) struct Signals {
    resized: Stream,
    pause: Stream,
    continued: Stream,
    terminate: Stream,
    hang_up: Stream,
    interrupt: Stream,
    quit: Stream,
}

impl Signals {
    pub(in crate::cli::attach) fn new() -> io::Result<Self> {
        let raw = |number| signal(SignalKind::from_raw(number));
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            pause: raw(libc::SIGTSTP)?,
            continued: raw(libc::SIGCONT)?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next one. Cancel-safe.
    pub(in crate::cli::attach) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::End(libc::SIGTERM),
            _ = self.hang_up.recv() => Signal::End(libc::SIGHUP),
            _ = self.interrupt.recv() => Signal::End(libc::SIGINT),
            _ = self.quit.recv() => Signal::End(libc::SIGQUIT),
            _ = self.pause.recv() => Signal::Pause,
            _ = self.continued.recv() => Signal::Continued,
            _ = self.resized.recv() => Signal::Resized,
        }
    }
}

/// Stands still until somebody says to go on.
pub(in crate::cli::attach) fn stand_still() {
    // It cannot fail for a process and itself.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}
