//! The terminal as Unix has it: a descriptor for each direction, and settings in the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::LEAVE_WITHIN;
use crate::pty::Size;

/// One read, in bytes: what a terminal sends at once when something is pasted.
const READ_BYTES: usize = 4096;

/// How to give the terminal back.
pub(super) struct Entered {
    input: OwnedFd,
    output: OwnedFd,
    before: Termios,
}

impl Entered {
    /// The terminal as it is now.
    pub(super) fn remember(input: &Keyboard, output: &Screen) -> io::Result<Self> {
        let copy = |device: &Device| device.as_fd().try_clone_to_owned();
        Ok(Self { input: copy(&input.device)?, output: copy(&output.device)?, before: tcgetattr(&input.device)? })
    }

    /// From now on every key is ours, and nothing of what is written is changed on its way.
    pub(super) fn make_raw(input: &Keyboard, _output: &Screen) -> io::Result<()> {
        let mut raw = tcgetattr(&input.device)?;
        raw.make_raw();
        Ok(tcsetattr(&input.device, OptionalActions::Now, &raw)?)
    }

    /// Writes `last`, and puts the settings back.
    pub(super) fn give_back(self, last: &[u8]) {
        write_all(self.output.as_fd(), last);
        // Nothing is thrown away that was typed meanwhile: it is meant for whoever reads next.
        let _ = tcsetattr(&self.input, OptionalActions::Now, &self.before);
    }
}

/// Where it is typed.
#[derive(Debug)]
pub(super) struct Keyboard {
    device: Device,
    buffer: Vec<u8>,
}

impl Keyboard {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { device: Device::open(rustix::stdio::stdin(), Interest::READABLE)?, buffer: vec![0; READ_BYTES] })
    }

    /// See [`super::Input::read`].
    pub(super) async fn read(&mut self) -> io::Result<Vec<u8>> {
        let bytes = self.device.read(&mut self.buffer).await?;
        Ok(self.buffer[..bytes].to_vec())
    }
}

/// Where it is shown.
#[derive(Debug)]
pub(super) struct Screen {
    device: Device,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { device: Device::open(rustix::stdio::stdout(), Interest::WRITABLE)? })
    }

    /// Its size, if it knows.
    pub(super) fn size() -> Option<Size> {
        let size = tcgetwinsize(rustix::stdio::stdout()).ok()?;
        Some(Size { cols: size.ws_col, rows: size.ws_row })
    }

    /// Writes some of it. Cancel-safe.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.device.write(bytes).await
    }

    /// Until the terminal has all that was written: it has it when a write returns.
    #[allow(clippy::unused_async, reason = "on Windows it waits")]
    pub(super) async fn written(&self) -> io::Result<()> {
        Ok(())
    }
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
    ///
    /// `interest` is all that it is listened to for: whoever reads the terminal's other end wakes every writer, thousands of
    /// times a second in a flood.
    fn open(inherited: BorrowedFd<'_>, interest: Interest) -> io::Result<Self> {
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
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, interest) }.map_err(io::Error::from)?;
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
