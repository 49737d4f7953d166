//! The terminal that a person sits at: a PTY that is read as fast as it gives, with nothing that draws it.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::process::Command;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Nobody has more to say when nothing came for this long.
const QUIET: Duration = Duration::from_millis(300);

/// Beyond this long without a byte it hangs.
const HANGS: Duration = Duration::from_secs(30);

/// The terminal and what was started in it, which ends with it.
pub struct Outer {
    master: Box<dyn MasterPty + Send>,
    reader: Box<dyn Read + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    buffer: Vec<u8>,
}

impl Outer {
    /// Starts `command` in a terminal of 80×24.
    pub fn start(command: &Command) -> Self {
        let size = PtySize { cols: 80, rows: 24, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.env_clear();
        builder.args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        builder.env("TERM", "xterm-256color");
        builder.cwd(command.get_current_dir().unwrap());
        let child = pair.slave.spawn_command(builder).unwrap();
        let (reader, writer) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
        Self { master: pair.master, reader, writer, child, buffer: vec![0; 64 * 1024] }
    }

    /// Types.
    pub fn write(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).unwrap();
    }

    /// Reads until `mark` came, and tells how many bytes that were.
    pub fn read_until(&mut self, mark: u8) -> u64 {
        let mut total = 0;
        loop {
            assert!(self.comes(HANGS), "nothing comes any more");
            let count = self.reader.read(&mut self.buffer).unwrap();
            assert!(count > 0, "it has ended");
            total += count as u64;
            if self.buffer[..count].contains(&mark) {
                return total;
            }
        }
    }

    /// Waits until what is typed comes back: then all between terminal and program is there.
    pub fn synchronize(&mut self) {
        for _ in 0..100 {
            self.write(b"~");
            while self.comes(QUIET) {
                let count = self.reader.read(&mut self.buffer).unwrap();
                if self.buffer[..count].contains(&b'~') {
                    return self.drain();
                }
            }
        }
        panic!("nothing that was typed came back");
    }

    /// Reads what is still under way.
    pub fn drain(&mut self) {
        while self.comes(QUIET) {
            let _ = self.reader.read(&mut self.buffer).unwrap();
        }
    }

    fn comes(&self, within: Duration) -> bool {
        let descriptor = self.master.as_raw_fd().unwrap();
        // SAFETY: `master` holds it open for the time of this call.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor.as_raw_fd()) };
        let within = Timespec { tv_sec: within.as_secs().cast_signed(), tv_nsec: i64::from(within.subsec_nanos()) };
        matches!(poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)], Some(&within)), Ok(1..))
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
