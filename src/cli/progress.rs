//! A sign of life for a person who waits: one line that appears after half a second and vanishes with the wait. Where it is
//! known how much there is to wait for, a bar.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// Characters of a bar.
const BAR_CHARS: u64 = 24;

/// Shown until dropped. On standard error, on a terminal only.
#[derive(Debug)]
pub(super) struct Progress {
    shower: Option<(Sender<()>, JoinHandle<()>)>,
    /// Bytes that have come.
    come: Arc<AtomicU64>,
}

impl Progress {
    /// `what` is going on, in a few words.
    pub(super) fn start(what: impl Into<String>) -> Self {
        let what = what.into();
        Self::showing(move |picture, _| format!("{picture} {what}"))
    }

    /// `what` comes, of which there are `total` bytes.
    pub(super) fn bar(what: impl Into<String>, total: u64) -> Self {
        let what = what.into();
        Self::showing(move |_, come| bar(&what, come, total))
    }

    /// So many bytes have come.
    pub(super) fn come(&self, bytes: u64) {
        self.come.store(bytes, Ordering::Relaxed);
    }

    fn showing(line: impl Fn(&str, u64) -> String + Send + 'static) -> Self {
        let come = Arc::new(AtomicU64::new(0));
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if !stderr().is_terminal() || is_dumb {
            return Self { shower: None, come };
        }
        let now = Arc::clone(&come);
        let (done, wait) = mpsc::channel();
        let shower = std::thread::spawn(move || {
            if wait.recv_timeout(SHOWN_AFTER) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            for picture in PICTURES.iter().cycle() {
                // A terminal that is gone wants no more of it.
                let _ = write!(stderr(), "{CLEAR}{}", line(picture, now.load(Ordering::Relaxed)));
                if wait.recv_timeout(TURNS_EVERY) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            let _ = write!(stderr(), "{CLEAR}");
        });
        Self { shower: Some((done, shower)), come }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, shower)) = self.shower.take() {
            drop(done);
            // The line is gone before anything else is printed. One that panicked has nothing on the screen to wait for.
            let _ = shower.join();
        }
    }
}

/// `[######------] 3 of 6 MB what`
fn bar(what: &str, come: u64, total: u64) -> String {
    const MEGABYTE: u64 = 1_000_000;
    let done = (come.min(total) * BAR_CHARS).checked_div(total).unwrap_or_default();
    let fill = |char: &str, count: u64| char.repeat(usize::try_from(count).unwrap_or_default());
    let megabytes = |bytes: u64| bytes.div_ceil(MEGABYTE);
    format!(
        "[{}{}] {} of {} MB {what}",
        fill("#", done),
        fill("-", BAR_CHARS - done),
        megabytes(come),
        megabytes(total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_never_overflows() {
        assert_eq!(bar("x", 0, 18_500_000), "[------------------------] 0 of 19 MB x");
        assert_eq!(bar("x", 9_250_000, 18_500_000), "[############------------] 10 of 19 MB x");
        assert_eq!(bar("x", 20_000_000, 18_500_000), "[########################] 20 of 19 MB x");
        assert_eq!(bar("x", 0, 0), "[------------------------] 0 of 0 MB x");
    }
}
