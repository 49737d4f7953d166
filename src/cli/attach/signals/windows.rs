//! What the system tells, on Windows.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown,
};

use super::Signal;
use crate::cli::attach::terminal::RESIZED;

/// Numbers of the signals of Unix that come nearest: by them this process says how it ended.
const INTERRUPT: i32 = 2;
/// See [`INTERRUPT`].
const TERMINATE: i32 = 15;

/// All that concern an attached terminal. Made before the terminal is taken over.
#[derive(Debug)]
pub(in crate::cli::attach) struct Signals {
    /// Typed, Ctrl-C is a key like others; this is somebody who raises it.
    interrupt: CtrlC,
    stop: CtrlBreak,
    close: CtrlClose,
    sign_out: CtrlLogoff,
    shut_down: CtrlShutdown,
}

impl Signals {
    pub(in crate::cli::attach) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            stop: ctrl_break()?,
            close: ctrl_close()?,
            sign_out: ctrl_logoff()?,
            shut_down: ctrl_shutdown()?,
        })
    }

    /// The next one. Cancel-safe.
    pub(in crate::cli::attach) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.close.recv() => Signal::End(TERMINATE),
            _ = self.sign_out.recv() => Signal::End(TERMINATE),
            _ = self.shut_down.recv() => Signal::End(TERMINATE),
            _ = self.stop.recv() => Signal::End(INTERRUPT),
            _ = self.interrupt.recv() => Signal::End(INTERRUPT),
            () = RESIZED.notified() => Signal::Resized,
        }
    }
}
