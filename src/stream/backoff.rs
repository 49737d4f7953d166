//! How long to wait before another try: full jitter, for ever.
//!
//! A thousand agents that lost one server must not come back in one instant. Each draws its delay evenly between
//! zero and a bound that doubles from failure to failure; no other scheme spreads them better
//! (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).

use std::time::Duration;

use crate::base::limits::{RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN};

/// The delays of one connection that is tried again and again.
#[derive(Debug, Clone)]
pub struct Backoff {
    bound: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Backoff {
    /// Before the first failure: the first delay is at most [`RECONNECT_DELAY_MIN`].
    pub const fn new() -> Self {
        Self { bound: RECONNECT_DELAY_MIN }
    }

    /// The next delay. `random` is drawn evenly from all of `u32` by the caller.
    pub fn next(&mut self, random: u32) -> Duration {
        let delay = self.bound.mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.bound = self.bound.saturating_mul(2).min(RECONNECT_DELAY_MAX);
        delay
    }

    /// The connection was healthy: the next failure is a first one again.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_from_a_quarter_second_to_thirty_seconds_and_stays() {
        let mut backoff = Backoff::new();
        let bounds: Vec<u128> = (0..10).map(|_| backoff.next(u32::MAX).as_millis()).collect();
        assert_eq!(bounds, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn a_delay_lies_anywhere_below_its_bound() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next(0), Duration::ZERO);
        let half = backoff.next(u32::MAX / 2);
        assert!(half > Duration::from_millis(249) && half < Duration::from_millis(251), "{half:?}");
    }

    #[test]
    fn a_healthy_connection_starts_from_the_beginning() {
        let mut backoff = Backoff::new();
        for _ in 0..9 {
            backoff.next(1);
        }
        backoff.reset();
        assert_eq!(backoff.next(u32::MAX), RECONNECT_DELAY_MIN);
    }
}
