//! What is typed at a console, and that its window has another size: both are events of its input.

use std::io;
use std::mem::MaybeUninit;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::ptr;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use windows_sys::Win32::Foundation::{HANDLE, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows_sys::Win32::System::Console::{
    INPUT_RECORD, KEY_EVENT, LEFT_CTRL_PRESSED, RIGHT_CTRL_PRESSED, ReadConsoleInputW, STD_INPUT_HANDLE,
};
use windows_sys::Win32::System::Threading::{CreateEventW, SetEvent, WaitForMultipleObjects};

use super::screen::Screen;
use super::text::{Key, Typed};
use super::{console, mode};

/// The window has another size. A process has one terminal.
pub(in crate::cli::attach) static RESIZED: Notify = Notify::const_new();

/// Events that are read at once.
const EVENTS_MAX: usize = 256;

/// Pieces of typed text that wait between the thread and the task; what is more waits in the console.
const WAITING_MAX: usize = 4;

/// What a wait says of the second thing it waits for.
const INPUT: u32 = WAIT_OBJECT_0 + 1;

/// The size is looked at this often, in milliseconds: not every console tells of it.
const LOOK_EVERY_MS: u32 = 250;

/// Where it is typed.
#[derive(Debug)]
pub(in crate::cli::attach::terminal) struct Keyboard {
    typed: mpsc::Receiver<Vec<u8>>,
    /// Tells the thread to end, so that it takes no key that is meant for the next reader.
    stop: Arc<OwnedHandle>,
}

impl Keyboard {
    pub(in crate::cli::attach::terminal) fn open() -> io::Result<Self> {
        mode(STD_INPUT_HANDLE)?;
        // SAFETY: an event of no name and default security; what comes back is ours to close.
        let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
        if event.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: made above, and owned by nobody else.
        let stop = Arc::new(unsafe { OwnedHandle::from_raw_handle(event) });
        let (to_task, typed) = mpsc::channel(WAITING_MAX);
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || read(&stopped, &to_task))?;
        Ok(Self { typed, stop })
    }

    /// See [`Input::read`](super::super::Input::read).
    pub(in crate::cli::attach::terminal) async fn read(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.typed.recv().await.unwrap_or_default())
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // SAFETY: the event is open as long as somebody holds it.
        unsafe { SetEvent(self.stop.as_raw_handle()) };
    }
}

/// The thread: until it is told to stop, or the console is gone.
fn read(stop: &OwnedHandle, to_task: &mpsc::Sender<Vec<u8>>) {
    let handles: [HANDLE; 2] = [stop.as_raw_handle(), console(STD_INPUT_HANDLE)];
    let (mut typed, mut size) = (Typed::default(), Screen::size());
    loop {
        // SAFETY: both stay open for as long as this thread runs.
        let waited = unsafe { WaitForMultipleObjects(2, handles.as_ptr(), 0, LOOK_EVERY_MS) };
        let now = Screen::size();
        if now != size {
            size = now;
            RESIZED.notify_one();
        }
        match waited {
            WAIT_TIMEOUT => continue,
            INPUT => {}
            _ => return,
        }
        let mut bytes = Vec::new();
        let Ok(keys) = keys() else { return };
        for key in keys {
            typed.key(key, &mut bytes);
        }
        if !bytes.is_empty() && to_task.blocking_send(bytes).is_err() {
            return;
        }
    }
}

/// The keys among the events that are there.
fn keys() -> io::Result<Vec<Key>> {
    let mut records = [const { MaybeUninit::<INPUT_RECORD>::uninit() }; EVENTS_MAX];
    let (most, mut read) = (u32::try_from(EVENTS_MAX).unwrap_or(1), 0);
    // SAFETY: the buffer holds as many records as is said.
    let done =
        unsafe { ReadConsoleInputW(console(STD_INPUT_HANDLE), records.as_mut_ptr().cast(), most, &raw mut read) };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let there = records.iter().take(usize::try_from(read).unwrap_or(0));
    Ok(there
        .filter_map(|record| {
            // SAFETY: so many records were written.
            let record = unsafe { record.assume_init_ref() };
            if u32::from(record.EventType) != KEY_EVENT {
                return None;
            }
            // SAFETY: the type says which of the union's fields it is.
            let key = unsafe { record.Event.KeyEvent };
            Some(Key {
                down: key.bKeyDown != 0,
                code: key.wVirtualKeyCode,
                // SAFETY: both fields are the same two bytes.
                unit: unsafe { key.uChar.UnicodeChar },
                ctrl: key.dwControlKeyState & (LEFT_CTRL_PRESSED | RIGHT_CTRL_PRESSED) != 0,
                repeated: key.wRepeatCount,
            })
        })
        .collect())
}
