//! PTYs of Unix. Keystroke and output hop 8 of 8.
//!
//! portable-pty opens the terminal and starts the program as leader of a session of its own, with signal
//! dispositions and mask reset. Reading and writing are ours: the master is non-blocking and registered with
//! the runtime, so that one thread serves a whole PTY host.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::task::{Context, Poll, ready};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{LocalModes, QueueSelector, SpecialCodeIndex, tcflush, tcgetattr, tcgetpgrp};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

use super::{Ending, Exit, Program, Pty, PtyError, Size, processes};

/// A program in a PTY of this system.
pub struct UnixPty {
    /// Resizes; its descriptor shares one open file with `io`.
    master: Box<dyn MasterPty + Send>,
    /// The same terminal, registered for reading and writing.
    io: AsyncFd<OwnedFd>,
    child: std::process::Child,
    leader: Pid,
    /// Tells that a child may have ended.
    child_changed: SignalStream,
    exit: Option<Exit>,
}

/// Starts `program` in a new PTY. Must be called within a tokio runtime.
pub fn open(program: &Program, size: Size) -> Result<UnixPty, PtyError> {
    // Before the program starts, so that its end cannot be missed.
    let child_changed = signal(SignalKind::child())?;
    let pair = native_pty_system().openpty(pty_size(size)).map_err(|error| PtyError::Open(error.to_string()))?;

    let mut command = CommandBuilder::new(&program.path);
    command.args(&program.args);
    command.env_clear();
    for (name, value) in &program.environment {
        command.env(name, value);
    }
    command.cwd(&program.workdir);
    let child = pair.slave.spawn_command(command).map_err(|error| PtyError::Open(error.to_string()))?;
    drop(pair.slave); // Ours would keep the end of output from ever being seen.

    let child: Box<dyn portable_pty::Child> = child;
    let child = *child
        .downcast::<std::process::Child>()
        .map_err(|_| PtyError::Open("the program's process is of an unknown kind".to_owned()))?;
    let leader = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| PtyError::Open("the program has no process id".to_owned()))?;

    let raw = pair.master.as_raw_fd().ok_or_else(|| PtyError::Open("the terminal has no descriptor".to_owned()))?;
    // SAFETY: `raw` belongs to `pair.master`, which is alive until after this borrow ends at the duplicate.
    let io = fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(raw) }, 3).map_err(io::Error::from)?;
    let flags = fcntl_getfl(&io).map_err(io::Error::from)?;
    fcntl_setfl(&io, flags | OFlags::NONBLOCK).map_err(io::Error::from)?;

    // SAFETY: an `OwnedFd` is open and the same for as long as it lives, and it lives inside the registration.
    let io = unsafe { AsyncFd::register(io) }.map_err(io::Error::from)?;
    Ok(UnixPty { master: pair.master, io, child, leader, child_changed, exit: None })
}

impl UnixPty {
    /// The process group that the terminal's keys go to.
    fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(self.io.get_ref()).ok()
    }

    /// Empties what the system has taken from us and the program has not read: first on its way to the terminal,
    /// then in the terminal's own line buffer, which only the program's side can reach.
    fn throw_away_input(&self) {
        // Where one of them fails the program reads more than it should; the signal is what counts.
        let _ = tcflush(self.io.get_ref(), QueueSelector::OFlush);
        if let Some(name) = self.master.tty_name() {
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            if let Ok(far_side) = rustix::fs::open(name, flags, Mode::empty()) {
                let _ = tcflush(far_side, QueueSelector::IFlush);
            }
        }
    }
}

impl Pty for UnixPty {
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.io.poll_read_ready(cx))?;
            let mut filled = 0;
            // The system hands out 4 KiB at a time however much is there.
            while filled < into.len() {
                match rustix::io::read(self.io.get_ref(), &mut into[filled..]) {
                    // Linux reports EIO, not end-of-file, when the last process on the far side is gone (pty(7)).
                    Ok(0) | Err(Errno::IO) => return Poll::Ready(Ok(filled)),
                    Ok(bytes) => filled += bytes,
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => {
                        ready.clear_ready();
                        break;
                    }
                    Err(_) if filled > 0 => break, // Met again at the next call.
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
            }
            if filled > 0 {
                return Poll::Ready(Ok(filled));
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.io.poll_write_ready(cx))?;
            match rustix::io::write(self.io.get_ref(), bytes) {
                Ok(0) | Err(Errno::AGAIN) => ready.clear_ready(),
                Ok(written) => return Poll::Ready(Ok(written)),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<Exit> {
        loop {
            if let Some(exit) = &self.exit {
                return Poll::Ready(exit.clone());
            }
            // Waiting begins before looking, so an end in between wakes us.
            let changed = self.child_changed.poll_recv(cx);
            match self.child.try_wait() {
                Ok(Some(status)) => self.exit = Some(exit_of(status)),
                Ok(None) if changed.is_ready() => {} // Another child of this process: register again.
                Ok(None) => return Poll::Pending,
                // Somebody else reaped it; how it ended is not known to anybody.
                Err(_) => self.exit = Some(Exit::Code(-1)),
            }
        }
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        self.master.resize(pty_size(size)).map_err(|error| io::Error::other(error.to_string()))
    }

    fn pid(&self) -> Option<u32> {
        Some(self.child.id())
    }

    fn end(&mut self, how: Ending) {
        processes::end_session(self.leader, self.foreground(), self.exit.is_none(), how);
    }

    fn interrupt(&mut self, bytes: &[u8]) -> Option<usize> {
        // On the master this reads the settings of the program's side.
        let settings = tcgetattr(self.io.get_ref()).ok()?;
        if !settings.local_modes.contains(LocalModes::ISIG) {
            return None;
        }
        let keys = [
            (SpecialCodeIndex::VINTR, Signal::INT),
            (SpecialCodeIndex::VQUIT, Signal::QUIT),
            (SpecialCodeIndex::VSUSP, Signal::TSTP),
        ];
        let (at, signal) = bytes.iter().enumerate().rev().find_map(|(at, byte)| {
            let (_, signal) = keys.iter().find(|(key, _)| *byte != 0 && settings.special_codes[*key] == *byte)?;
            Some((at, *signal))
        })?;
        if !settings.local_modes.contains(LocalModes::NOFLSH) {
            // Before the signal: what was typed for the program that ends must not reach the shell behind it.
            self.throw_away_input();
        }
        kill_process_group(self.foreground()?, signal).ok()?;
        Some(at + 1)
    }
}

impl Drop for UnixPty {
    fn drop(&mut self) {
        // Hung up by the terminal's closing; reaped here if it has ended, by the system after us if not.
        let _ = self.child.try_wait();
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(number)) => Exit::Signal(processes::signal_name(number)),
        (None, None) => Exit::Code(-1),
    }
}

fn pty_size(size: Size) -> PtySize {
    PtySize { rows: size.rows, cols: size.cols, pixel_width: 0, pixel_height: 0 }
}

#[cfg(test)]
mod tests;
