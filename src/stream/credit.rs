//! How much one reader may have outstanding: the sender's side of a window that follows the reader's own rate.
//!
//! Whatever is sent and not yet acknowledged stands in somebody's queue: a socket, a slow line, a busy page. Its
//! worth in *time* is what a person feels when pressing Ctrl-C. So the window is the measured rate times
//! ([`QUEUED_TIME_TARGET`] + the line's own round trip): enough to keep the line busy, and no more.
//!
//! - The *rate* is what was acknowledged over the time it took, counted only while the window was in use (a
//!   trickle says nothing about the line). The best of the last samples counts: one late acknowledgement is a
//!   processor that was busy elsewhere, a row of them is a slow line.
//! - The *round trip* is the shortest one seen with next to nothing queued. A line that is always busy shows none, so
//!   the window is drained now and then to see one.
//! - The window shrinks at once and grows by at most what was acknowledged, so that a line that begins with a
//!   burst does not fool it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::base::limits::{
    FRAME_PAYLOAD_BYTES_MAX, QUEUED_TIME_TARGET, WINDOW_BYTES_MAX, WINDOW_BYTES_MIN, WINDOW_BYTES_START,
};

/// A rate is the best of this long, up to twice as long: longer than a busy processor keeps a task waiting,
/// shorter than a person waits for Ctrl-C.
const RATE_REMEMBERED_FOR: Duration = Duration::from_millis(150);

/// A round trip older than this is measured anew: the way to a phone changes.
const ROUND_TRIP_BELIEVED_FOR: Duration = Duration::from_secs(10);

/// Sent pieces whose acknowledgement is timed. A full window of full frames is half as many.
const FLIGHTS_MAX: usize = 2 * (WINDOW_BYTES_MAX as usize / FRAME_PAYLOAD_BYTES_MAX);

/// The shortest time a rate is computed over; clocks and schedulers are coarser than less.
const SAMPLE_TIME_MIN: Duration = Duration::from_micros(50);

const WINDOW_MIN: u64 = WINDOW_BYTES_MIN as u64;
const WINDOW_START: u64 = WINDOW_BYTES_START as u64;
const WINDOW_MAX: u64 = WINDOW_BYTES_MAX as u64;

/// A reader acknowledged more than it was sent: it is broken or lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{consumed} bytes were acknowledged, but only {sent} sent")]
pub struct OverAcknowledged {
    /// What the reader says.
    pub consumed: u64,
    /// What it was sent.
    pub sent: u64,
}

/// A sent piece that is not acknowledged yet, and what the world was like when it went.
#[derive(Debug, Clone, Copy)]
struct Flight {
    /// `sent` with this piece.
    end: u64,
    sent_at: Instant,
    /// What had been acknowledged then, and since when the reader has been busy.
    consumed: u64,
    busy_since: Instant,
    /// Outstanding bytes including this piece.
    outstanding: u64,
    /// The window then, and whether it was in use: only then the time tells of the line.
    window: u64,
    saturated: bool,
}

/// The window of one reader.
#[derive(Debug)]
pub struct Credit {
    window: u64,
    sent: u64,
    consumed: u64,
    /// When the last acknowledgement came, or the first byte after all was acknowledged was sent.
    busy_since: Option<Instant>,
    flights: VecDeque<Flight>,
    rate: BestRate,
    /// The rate is the line's, not that of a window which is still too small for it.
    settled: bool,
    /// Shortest round trip, and when it was last seen.
    round_trip: Option<(Duration, Instant)>,
    /// The window is drained until a round trip with next to nothing queued was seen.
    probing: bool,
}

impl Default for Credit {
    fn default() -> Self {
        Self::new()
    }
}

impl Credit {
    /// Of a reader nothing is known of.
    pub fn new() -> Self {
        Self {
            window: WINDOW_START,
            sent: 0,
            consumed: 0,
            busy_since: None,
            flights: VecDeque::new(),
            rate: BestRate::default(),
            settled: false,
            round_trip: None,
            probing: false,
        }
    }

    /// Bytes that may be sent now.
    pub fn available(&self) -> usize {
        usize::try_from(self.window().saturating_sub(self.outstanding())).unwrap_or(0)
    }

    /// All bytes ever sent.
    pub fn sent_bytes(&self) -> u64 {
        self.sent
    }

    /// All bytes ever acknowledged.
    pub fn consumed_bytes(&self) -> u64 {
        self.consumed
    }

    /// Bytes sent and not yet acknowledged.
    pub fn outstanding(&self) -> u64 {
        self.sent - self.consumed
    }

    /// Bytes that may be outstanding now.
    pub fn window(&self) -> u64 {
        if self.probing { WINDOW_MIN } else { self.window }
    }

    /// Bytes per second the reader was last seen to take; `None` before it was seen at its limit.
    pub fn rate(&self) -> Option<u64> {
        self.rate.best()
    }

    /// How long the reader will take for `backlog` bytes; zero while that is unknown.
    ///
    /// While the window grows its rate says how large the window is, not how fast the line.
    pub fn drain_time(&self, backlog: u64) -> Duration {
        match self.rate().filter(|_| self.settled) {
            Some(rate) => Duration::from_micros(backlog.saturating_mul(1_000_000) / rate.max(1)),
            None => Duration::ZERO,
        }
    }

    /// The largest piece to send at once: a quarter of the window, so that acknowledgements keep coming and the
    /// line never stands still for one.
    pub fn piece_bytes_max(&self) -> usize {
        let piece = match self.rate() {
            // The very first pieces are small: their round trip is the line's, not their own length's.
            None => WINDOW_MIN,
            Some(_) => self.window() / 4,
        };
        usize::try_from(piece).unwrap_or(FRAME_PAYLOAD_BYTES_MAX).min(FRAME_PAYLOAD_BYTES_MAX)
    }

    /// Takes note of a piece that was sent.
    pub fn sent(&mut self, bytes: usize, now: Instant) {
        if self.outstanding() == 0 {
            // What came before is not the reader's time but the program's.
            self.busy_since = Some(now);
        }
        let busy_since = self.busy_since.unwrap_or(now);
        self.sent += bytes as u64;
        let outstanding = self.outstanding();
        // Beyond the bound pieces go untimed; the timed ones tell enough.
        if self.flights.len() < FLIGHTS_MAX {
            let saturated = 2 * outstanding >= self.window;
            let consumed = self.consumed;
            self.flights.push_back(Flight {
                end: self.sent,
                sent_at: now,
                consumed,
                busy_since,
                outstanding,
                window: self.window,
                saturated,
            });
        }
    }

    /// The reader has consumed this much since the beginning. A smaller number than before changes nothing.
    pub fn acked(&mut self, consumed: u64, now: Instant) -> Result<(), OverAcknowledged> {
        if consumed > self.sent {
            return Err(OverAcknowledged { consumed, sent: self.sent });
        }
        if consumed <= self.consumed {
            return Ok(());
        }
        let newly = consumed - self.consumed;
        self.consumed = consumed;
        self.busy_since = Some(now);
        let mut newest = None;
        while let Some(flight) = self.flights.front().filter(|flight| flight.end <= consumed) {
            newest = Some(*flight);
            self.flights.pop_front();
        }
        if let Some(flight) = newest {
            self.learn(flight, newly, now);
        }
        Ok(())
    }

    fn learn(&mut self, flight: Flight, newly: u64, now: Instant) {
        let round_trip = now.saturating_duration_since(flight.sent_at);
        // At the smallest window every round trip is one with next to nothing queued.
        let drained = flight.outstanding <= WINDOW_MIN && (self.probing || self.window == WINDOW_MIN);
        if drained || self.round_trip.is_none_or(|(best, _)| round_trip <= best) {
            self.round_trip = Some((round_trip, now));
            self.probing = false;
        }
        if !flight.saturated {
            return;
        }
        let took = now.saturating_duration_since(flight.busy_since).max(SAMPLE_TIME_MIN);
        let sample = per_second(self.consumed - flight.consumed, took);
        let best = self.rate.see(sample, now);
        let worth = self.window_worth(sample);
        if 4 * flight.outstanding >= 3 * flight.window {
            // A line that is the limit gives the same rate whatever the window; an eighth is noise.
            self.settled = 8 * self.window_worth(best) <= 9 * flight.window || flight.window == WINDOW_MAX;
        }
        if worth > self.window {
            self.window = worth.min(self.window + newly);
        }
        self.window = self.window.min(self.window_worth(best)).clamp(WINDOW_MIN, WINDOW_MAX);

        // Beyond the largest window the round trip no longer matters, so nothing is slowed down to learn it.
        let matters = best < per_second(WINDOW_MAX, QUEUED_TIME_TARGET);
        let old =
            self.round_trip.is_some_and(|(_, seen)| now.saturating_duration_since(seen) > ROUND_TRIP_BELIEVED_FOR);
        if matters && old {
            self.probing = true;
        }
    }

    /// The window that a rate is worth.
    fn window_worth(&self, rate: u64) -> u64 {
        let time = QUEUED_TIME_TARGET + self.round_trip.map_or(Duration::ZERO, |(best, _)| best);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        rate.saturating_mul(micros) / 1_000_000
    }
}

fn per_second(bytes: u64, took: Duration) -> u64 {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    bytes.saturating_mul(1_000_000) / micros
}

/// The best rate of the current stretch of time and the one before it, in bytes per second.
#[derive(Debug, Default)]
struct BestRate {
    current: Option<(u64, Instant)>,
    before: Option<u64>,
}

impl BestRate {
    fn best(&self) -> Option<u64> {
        self.current.map(|(rate, _)| rate.max(self.before.unwrap_or(0)))
    }

    /// Takes a sample in; the best now. A long silence ends one stretch, not several.
    fn see(&mut self, sample: u64, now: Instant) -> u64 {
        match &mut self.current {
            Some((rate, since)) if now.saturating_duration_since(*since) <= RATE_REMEMBERED_FOR => {
                *rate = (*rate).max(sample);
            }
            current => {
                self.before = current.map(|(rate, _)| rate);
                *current = Some((sample, now));
            }
        }
        self.best().unwrap_or(sample)
    }
}

#[cfg(test)]
mod tests;
