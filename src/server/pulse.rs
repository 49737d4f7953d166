//! When a peer is asked whether it is there, and when it is taken for gone. Pure: time is handed in.

use tokio::time::Instant;

use crate::base::limits::{PING_EVERY, SILENCE_MAX, UNSENT_MAX};

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// Look again then.
    Rest(Instant),
    /// Send a ping, then ask again what to do.
    Ask,
    /// The peer says nothing, or takes nothing.
    Gone,
}

/// One connection's.
#[derive(Debug)]
pub(super) struct Pulse {
    heard_at: Instant,
    sent_at: Instant,
    asked_at: Instant,
    /// Since when something waits to leave.
    unsent_since: Option<Instant>,
}

impl Pulse {
    /// Of a connection that begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self { heard_at: now, sent_at: now, asked_at: now, unsent_since: None }
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
    }

    /// Something is to leave.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent_at = now;
        self.unsent_since.get_or_insert(now);
    }

    /// Everything has left.
    pub(super) fn flushed(&mut self) {
        self.unsent_since = None;
    }

    /// Whether to ask, to give up, or when to look again.
    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        let silent_at = self.heard_at + SILENCE_MAX;
        if now >= silent_at || self.unsent_since.is_some_and(|since| now >= since + UNSENT_MAX) {
            return Beat::Gone;
        }
        // The peer counts on hearing from here; and whoever is told something all the time is asked all the same: a page in
        // the background has its timers stopped, and answers only.
        let ask_at = self.sent_at.min(self.heard_at.max(self.asked_at)) + PING_EVERY;
        if now >= ask_at {
            self.asked_at = now;
            return Beat::Ask;
        }
        Beat::Rest(ask_at.min(silent_at))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What happens in each of the next `seconds`, while `each` second does something.
    fn beats(seconds: u32, mut each: impl FnMut(&mut Pulse, u32, Instant, Beat)) {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        for second in 1..=seconds {
            let now = start + SECOND * second;
            let beat = pulse.beat(now);
            each(&mut pulse, second, now, beat);
        }
    }

    #[test]
    fn a_peer_that_is_told_something_all_the_time_is_asked_too_and_stays_by_its_answers() {
        let mut asked = Vec::new();
        beats(60, |pulse, second, now, beat| {
            assert_ne!(beat, Beat::Gone, "second {second}");
            pulse.sent(now);
            pulse.flushed();
            if beat == Beat::Ask {
                asked.push(second);
                pulse.heard(now);
            }
        });
        assert_eq!(asked, (1..=12).map(|times| 5 * times).collect::<Vec<_>>());
    }

    #[test]
    fn a_peer_that_talks_hears_something_every_five_seconds() {
        let mut asked = Vec::new();
        beats(30, |pulse, second, now, beat| {
            pulse.heard(now);
            if beat == Beat::Ask {
                asked.push(second);
                pulse.sent(now);
                pulse.flushed();
            }
        });
        assert_eq!(asked, [5, 10, 15, 20, 25, 30]);
    }

    #[test]
    fn a_peer_that_says_nothing_is_gone_after_thirteen_seconds_whatever_it_is_told() {
        for told in [false, true] {
            let mut gone = None;
            beats(20, |pulse, second, now, beat| {
                if told || beat == Beat::Ask {
                    pulse.sent(now);
                    pulse.flushed();
                }
                gone = gone.or((beat == Beat::Gone).then_some(second));
            });
            assert_eq!(gone, Some(13), "told: {told}");
        }
    }

    #[test]
    fn a_peer_that_takes_nothing_for_a_minute_is_gone_however_much_it_says() {
        let mut gone = None;
        beats(70, |pulse, second, now, beat| {
            pulse.heard(now);
            pulse.sent(now);
            gone = gone.or((beat == Beat::Gone).then_some(second));
        });
        assert_eq!(gone, Some(61));
    }

    #[test]
    fn it_looks_again_when_there_is_something_to_do() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.beat(start + SECOND), Beat::Rest(start + PING_EVERY));
        pulse.sent(start + 2 * SECOND);
        assert_eq!(pulse.beat(start + 2 * SECOND), Beat::Rest(start + PING_EVERY), "it has not been heard of");
        assert_eq!(pulse.beat(start + PING_EVERY), Beat::Ask);
        pulse.sent(start + PING_EVERY);
        assert_eq!(pulse.beat(start + PING_EVERY), Beat::Rest(start + 2 * PING_EVERY));
        pulse.sent(start + 2 * PING_EVERY);
        assert_eq!(pulse.beat(start + 2 * PING_EVERY), Beat::Ask);
        assert_eq!(pulse.beat(start + 2 * PING_EVERY), Beat::Rest(start + SILENCE_MAX));
    }
}
