//! The way out that nobody takes on purpose.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::Read as _;
use std::os::fd::BorrowedFd;
use std::sync::mpsc;
use std::time::Duration;

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::termios::tcgetattr;

use super::*;

/// Tells this very test, run again in a terminal, that it is the one to panic.
const INSIDE: &str = "SESSIONFORGE_TEST_PANICS_IN_THIS_TERMINAL";

/// A program that starts takes milliseconds.
const WITHIN: Duration = Duration::from_secs(30);

fn settings(master: &dyn MasterPty) -> String {
    let descriptor = master.as_raw_fd().unwrap();
    // SAFETY: `master` holds it open for the time of this call.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    format!("{:?}", tcgetattr(descriptor).unwrap())
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    if std::env::var_os(INSIDE).is_some() {
        return panic_inside();
    }
    let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
    let before = settings(&*pair.master);
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    let name = "cli::attach::terminal::tests::a_panic_gives_the_terminal_back_before_it_is_told";
    command.args(["--exact", name, "--nocapture"]);
    command.env(INSIDE, "1");
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (heard, hears) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if heard.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut shown = String::new();
    while !shown.contains("nobody wanted this") {
        shown += &String::from_utf8_lossy(&hears.recv_timeout(WITHIN).unwrap_or_else(|_| panic!("{shown:?}")));
    }
    assert!(!child.wait().unwrap().success());
    assert_eq!(settings(&*pair.master), before, "{shown:?}");
    let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text:?} in {shown:?}"));
    let inside = at("full screen");
    let back = shown[inside..].find("\x1b[?1049l").unwrap() + inside;
    for off in ["\x1b[?1003l", "\x1b[?2004l", "\x1b[?25h", "\x1b[23;0t"] {
        assert!(shown[inside..].contains(off), "{off:?} in {shown:?}");
    }
    assert!(back < at("nobody wanted this"), "it is told on the screen that stays: {shown:?}");
    assert!(shown[back..].contains("panicked at") && shown[back..].contains("\r\n"), "and in rows: {shown:?}");
}

fn panic_inside() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut terminal = Terminal::enter().unwrap();
        on_alternate(true);
        terminal.output.out().extend_from_slice(b"\x1b[?1049h\x1b[?1003h\x1b[?2004h\x1b[?25lfull screen");
        terminal.output.flush().await.unwrap();
        panic!("nobody wanted this");
    });
}
