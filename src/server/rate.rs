//! How much of something a peer may send in a second. Pure: time is handed in.

use std::time::Duration;

use tokio::time::Instant;

/// Counts within the current second.
#[derive(Debug)]
pub(super) struct PerSecond {
    max: usize,
    count: usize,
    since: Instant,
}

impl PerSecond {
    pub(super) fn new(max: usize, now: Instant) -> Self {
        Self { max, count: 0, since: now }
    }

    /// So much more came; whether it is not too much yet.
    pub(super) fn allows(&mut self, more: usize, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(more);
        self.count <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_bound_and_the_next_begins_anew() {
        let now = Instant::now();
        let mut rate = PerSecond::new(2, now);
        assert!(rate.allows(1, now) && rate.allows(1, now) && !rate.allows(1, now));
        assert!(!rate.allows(0, now + Duration::from_millis(999)));
        assert!(rate.allows(2, now + Duration::from_secs(1)));
        assert!(!rate.allows(usize::MAX, now + Duration::from_secs(1)));
    }
}
