//! A sign of life for a person who waits: one line that appears after half a second and vanishes with the wait.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is done sooner needs no words: people notice a wait from about a second on.
const SHOWN_AFTER: Duration = Duration::from_millis(500);

/// From one picture to the next.
const TURNS_EVERY: Duration = Duration::from_millis(120);

const PICTURES: [&str; 4] = ["·  ", "·· ", "···", " ··"];

/// Erases the line.
const CLEAR: &str = "\r\x1b[2K";

/// Shown until dropped. On standard error, on a terminal only.
#[derive(Debug)]
pub(super) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    /// `what` is going on, in a few words.
    pub(super) fn start(what: impl Into<String>) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if !stderr().is_terminal() || is_dumb {
            return Self(None);
        }
        let what = what.into();
        let (done, wait) = mpsc::channel();
        let shower = std::thread::spawn(move || {
            if wait.recv_timeout(SHOWN_AFTER) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            for picture in PICTURES.iter().cycle() {
                // A terminal that is gone wants no more of it.
                let _ = write!(stderr(), "{CLEAR}{picture} {what}");
                if wait.recv_timeout(TURNS_EVERY) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            let _ = write!(stderr(), "{CLEAR}");
        });
        Self(Some((done, shower)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, shower)) = self.0.take() {
            drop(done);
            // The line is gone before anything else is printed. One that panicked has nothing on the screen to wait for.
            let _ = shower.join();
        }
    }
}
