//! What is shown on a console: written by a thread, a piece at a time, in order, and the very last words through the same.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use windows_sys::Win32::System::Console::{
    CONSOLE_SCREEN_BUFFER_INFO, GetConsoleScreenBufferInfo, STD_OUTPUT_HANDLE, WriteConsoleW,
};

use super::text::whole;
use super::{console, mode};
use crate::cli::attach::terminal::LEAVE_WITHIN;
use crate::pty::Size;

/// One piece, in bytes: as much is ahead of what the console has taken.
const PIECE_BYTES_MAX: usize = 8 * 1024;

/// Where it is shown.
#[derive(Debug)]
pub(in crate::cli::attach::terminal) struct Screen {
    writer: Arc<Writer>,
}

impl Screen {
    pub(in crate::cli::attach::terminal) fn open() -> io::Result<Self> {
        mode(STD_OUTPUT_HANDLE)?;
        let writer = Arc::new(Writer::default());
        let works = Arc::clone(&writer);
        std::thread::Builder::new().name("screen".to_owned()).spawn(move || works.work())?;
        Ok(Self { writer })
    }

    pub(super) fn writer(&self) -> Arc<Writer> {
        Arc::clone(&self.writer)
    }

    /// The size of its window, if there is one: the buffer behind it may be longer.
    pub(in crate::cli::attach::terminal) fn size() -> Option<Size> {
        let mut info = CONSOLE_SCREEN_BUFFER_INFO::default();
        // SAFETY: the result is written to a place of ours; a handle that is no console's is refused.
        if unsafe { GetConsoleScreenBufferInfo(console(STD_OUTPUT_HANDLE), &raw mut info) } == 0 {
            return None;
        }
        let window = info.srWindow;
        let cells = |first: i16, last: i16| u16::try_from(i32::from(last) - i32::from(first) + 1).ok();
        Some(Size { cols: cells(window.Left, window.Right)?, rows: cells(window.Top, window.Bottom)? })
    }

    /// Writes some of it. Cancel-safe.
    pub(in crate::cli::attach::terminal) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            {
                let mut state = self.writer.state();
                state.check()?;
                if state.waiting.is_empty() {
                    let piece = &bytes[..bytes.len().min(PIECE_BYTES_MAX)];
                    state.waiting.extend_from_slice(piece);
                    self.writer.work.notify_one();
                    return Ok(piece.len());
                }
            }
            self.writer.done.notified().await;
        }
    }

    /// Until the terminal has all that was written.
    pub(in crate::cli::attach::terminal) async fn written(&self) -> io::Result<()> {
        loop {
            {
                let state = self.writer.state();
                state.check()?;
                if state.is_idle() {
                    return Ok(());
                }
            }
            self.writer.done.notified().await;
        }
    }
}

/// The thread's work, shared with who gives it.
#[derive(Debug, Default)]
pub(super) struct Writer {
    state: Mutex<State>,
    /// There is something to write.
    work: Condvar,
    /// Something was taken or written. One task waits for it at most, and what came before it waits is kept for it.
    done: Notify,
    /// The same, for a thread.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    failed: Option<i32>,
    last: bool,
}

impl State {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.writing
    }

    fn check(&self) -> io::Result<()> {
        self.failed.map_or(Ok(()), |code| Err(io::Error::from_raw_os_error(code)))
    }
}

impl Writer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn work(&self) {
        let mut bytes = Vec::new();
        let mut state = self.state();
        loop {
            while state.waiting.is_empty() {
                if state.last || state.failed.is_some() {
                    return;
                }
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            bytes.append(&mut state.waiting);
            state.writing = true;
            drop(state);
            self.done.notify_one();
            let written = write_all(&whole(&mut bytes));
            state = self.state();
            state.writing = false;
            state.failed = written.err().and_then(|error| error.raw_os_error());
            self.done.notify_one();
            self.idle.notify_all();
        }
    }

    /// The last words, behind all that was given before; the console has its time to take them.
    pub(super) fn last(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.waiting.extend_from_slice(bytes);
        state.last = true;
        self.work.notify_one();
        let waits = |state: &mut State| !state.is_idle() && state.failed.is_none();
        // One that stands still is left as it is.
        drop(self.idle.wait_timeout_while(state, LEAVE_WITHIN, waits));
    }
}

fn write_all(text: &str) -> io::Result<()> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut rest = units.as_slice();
    while !rest.is_empty() {
        let mut written = 0;
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        // SAFETY: so many units are there.
        let done = unsafe {
            WriteConsoleW(console(STD_OUTPUT_HANDLE), rest.as_ptr().cast(), length, &raw mut written, std::ptr::null())
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        rest = rest.get(usize::try_from(written).unwrap_or(usize::MAX)..).unwrap_or_default();
    }
    Ok(())
}
