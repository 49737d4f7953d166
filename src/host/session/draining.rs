//! How long a terminal is read on after its program's end: something it started may still have it open. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// Without a word for this long, it is over.
const SILENCE: Duration = Duration::from_millis(100);

/// Whoever goes on printing is cut off after this long.
pub(super) const DRAIN_MAX: Duration = Duration::from_secs(1);

/// More than a system keeps of what a program printed before its end (64 KiB on Linux), in bytes.
///
/// On a starved machine a second may pass without a single read; the program's own last output is waited for however
/// long that takes.
const OWN_OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Draining {
    since: Instant,
    printed_at: Instant,
    printed_bytes: usize,
    /// Everything there was has been read, at least once.
    caught_up: bool,
}

impl Draining {
    /// The program has ended.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, printed_at: now, printed_bytes: 0, caught_up: false }
    }

    /// Something was read.
    pub(super) fn printed(&mut self, bytes: usize, now: Instant) {
        self.printed_at = now;
        self.printed_bytes += bytes;
    }

    /// There was nothing to read.
    pub(super) fn caught_up(&mut self) {
        self.caught_up = true;
    }

    /// When it is over, as far as is known now.
    pub(super) fn over_at(&self) -> Option<Instant> {
        let at_most = self.since + DRAIN_MAX;
        if self.caught_up {
            return Some(at_most.min(self.printed_at + SILENCE));
        }
        (self.printed_bytes >= OWN_OUTPUT_BYTES_MAX).then_some(at_most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cut_off_before_it_was_read() {
        let begin = Instant::now();
        let mut draining = Draining::new(begin);
        assert_eq!(draining.over_at(), None, "the program's last words may not have been read yet");
        draining.printed(100, begin + SILENCE * 20);
        assert_eq!(draining.over_at(), None);
        draining.caught_up();
        assert_eq!(draining.over_at(), Some(begin + DRAIN_MAX), "it has been long enough");
    }

    #[test]
    fn silence_ends_it_sooner_and_a_flood_no_later() {
        let begin = Instant::now();
        let mut draining = Draining::new(begin);
        draining.caught_up();
        assert_eq!(draining.over_at(), Some(begin + SILENCE));
        draining.printed(1, begin + SILENCE / 2);
        assert_eq!(draining.over_at(), Some(begin + SILENCE + SILENCE / 2));

        let mut flooded = Draining::new(begin);
        flooded.printed(OWN_OUTPUT_BYTES_MAX, begin);
        assert_eq!(flooded.over_at(), Some(begin + DRAIN_MAX));
    }
}
