//! Notices that this process stood still: a laptop that slept, a SIGSTOP, a paused virtual machine.
//!
//! What arrived meanwhile is stale. A key typed before the lid was closed must not reach a program an hour later.
//!
//! Whoever uses it beats once a second and trusts nothing that came in over a gap. Pure.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest time between two beats that still counts as running.
///
/// Beats come every second; a process kept off a busy processor for five is rare, a sleep that short is harmless.
pub const GAP_MAX: Duration = Duration::from_secs(5);

/// How often [`Gap::beat`] must be called.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);

/// The wall clock at the last beat. The wall clock runs on during sleep, a monotonic one does not on every system.
#[derive(Debug)]
pub struct Gap {
    beat_ms: AtomicU64,
}

impl Gap {
    /// The first beat is now.
    pub fn new(now: SystemTime) -> Self {
        Self { beat_ms: AtomicU64::new(millis(now)) }
    }

    /// Whether so much time has passed since the last beat that what was received cannot be trusted.
    ///
    /// A clock set forward looks the same, and costs a reconnect; one set back is followed by the next beat.
    pub fn passed(&self, now: SystemTime) -> bool {
        millis(now).saturating_sub(self.beat_ms.load(Ordering::Relaxed)) > millis_of(GAP_MAX)
    }

    /// Still running. Returns whether there was a gap before; after one, every answer is that there was.
    pub fn beat(&self, now: SystemTime) -> bool {
        let gap = self.passed(now);
        if !gap {
            self.beat_ms.store(millis(now), Ordering::Relaxed);
        }
        gap
    }
}

fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, millis_of)
}

fn millis_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_noticed_by_all_who_ask_and_a_busy_second_is_not() {
        let start = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let gap = Gap::new(start);
        assert!(!gap.beat(start + Duration::from_secs(3)));
        let woken = start + Duration::from_hours(1);
        assert!(gap.passed(woken));
        assert!(gap.beat(woken));
        assert!(gap.passed(woken), "whoever asks second learns it too");
    }

    #[test]
    fn a_clock_set_back_is_no_gap() {
        let start = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let gap = Gap::new(start);
        assert!(!gap.beat(start - Duration::from_secs(500)));
        assert!(!gap.beat(start - Duration::from_secs(499)));
    }
}
