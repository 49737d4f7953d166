//! How long the way to the server and back takes, measured by the uplink and told to whoever asks on the machine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::base::limits::PING_EVERY;

/// The last measurement of the uplink of the moment. Nothing while there is none, or none was answered yet.
#[derive(Debug, Default)]
pub(super) struct RoundTrip(Mutex<Option<Duration>>);

impl RoundTrip {
    /// What was measured last.
    pub(super) fn last(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, measured: Option<Duration>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = measured;
    }
}

/// The pings of one uplink: one at once, then one every [`PING_EVERY`], and never a second while one is under way. What it
/// measured is forgotten with it.
#[derive(Debug)]
pub(super) struct Pings {
    last: u64,
    asked_at: Option<Instant>,
    under_way: Option<u64>,
    round_trip: Arc<RoundTrip>,
}

impl Drop for Pings {
    fn drop(&mut self) {
        self.round_trip.set(None);
    }
}

impl Pings {
    /// Measurements go into `round_trip`.
    pub(super) fn new(round_trip: Arc<RoundTrip>) -> Self {
        Self { last: 0, asked_at: None, under_way: None, round_trip }
    }

    /// The number of the ping that is to be sent now, if one is.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        let rests = self.asked_at.is_some_and(|at| now.saturating_duration_since(at) < PING_EVERY);
        if rests || self.under_way.is_some() {
            return None;
        }
        self.last += 1;
        self.asked_at = Some(now);
        self.under_way = Some(self.last);
        self.under_way
    }

    /// A pong of this number came: a measurement, if it is the one that was waited for.
    pub(super) fn answered(&mut self, number: u64, now: Instant) {
        if self.under_way.take_if(|asked| *asked == number).is_some() {
            self.round_trip.set(self.asked_at.map(|at| now.saturating_duration_since(at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_measured_at_once_and_then_now_and_then_one_at_a_time() {
        let round_trip = Arc::new(RoundTrip::default());
        let (mut pings, start) = (Pings::new(Arc::clone(&round_trip)), Instant::now());
        let after = |millis| start + Duration::from_millis(millis);
        assert_eq!(pings.due(start), Some(1));
        assert_eq!(pings.due(after(9_000)), None, "the first is under way");
        pings.answered(7, after(9_001));
        assert_eq!(round_trip.last(), None, "nobody asked for that");
        pings.answered(1, after(9_002));
        assert_eq!(round_trip.last(), Some(Duration::from_millis(9_002)));
        assert_eq!(pings.due(after(9_003)), Some(2));
        pings.answered(1, after(9_004));
        pings.answered(2, after(9_013));
        assert_eq!(round_trip.last(), Some(Duration::from_millis(10)), "the first is answered once");
        assert_eq!(pings.due(after(9_014)), None, "not before its time");
        assert_eq!(pings.due(after(14_003)), Some(3));
        drop(pings);
        assert_eq!(round_trip.last(), None, "another uplink takes another way");
    }
}
