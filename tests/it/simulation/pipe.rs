//! One direction of a connection on a virtual clock: bytes in order, a rate, a delay, and an end at any byte.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use sessionforge::wire::frame::{Frame, take_frame};

/// Bytes on their way beyond which a sender waits: what a system keeps of a socket.
const ROOM_BYTES: usize = 64 * 1024;

pub struct Pipe {
    pub delay: Duration,
    /// 1,000 of these are a kilobyte a second.
    pub bytes_per_ms: u64,
    flying: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    free_at: Instant,
    arrived: BytesMut,
}

impl Pipe {
    pub fn new(now: Instant, delay: Duration, bytes_per_ms: u64) -> Self {
        let (flying, arrived) = (VecDeque::new(), BytesMut::new());
        Self { delay, bytes_per_ms, flying, bytes: 0, free_at: now, arrived }
    }

    pub fn has_room(&self) -> bool {
        self.bytes < ROOM_BYTES
    }

    pub fn send(&mut self, frame: &Frame, now: Instant) {
        let mut bytes = BytesMut::new();
        frame.encode_with_length_into(&mut bytes);
        self.free_at = self.free_at.max(now) + Duration::from_micros(1_000 * bytes.len() as u64 / self.bytes_per_ms);
        let before = self.flying.back().map_or(now, |(at, _)| *at);
        self.bytes += bytes.len();
        self.flying.push_back((before.max(self.free_at + self.delay), bytes.freeze()));
    }

    /// Whole frames that have arrived.
    pub fn take(&mut self, now: Instant) -> Vec<Frame> {
        while self.flying.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, bytes)) = self.flying.pop_front()
        {
            self.bytes -= bytes.len();
            self.arrived.extend_from_slice(&bytes);
        }
        std::iter::from_fn(|| take_frame(&mut self.arrived).unwrap()).collect()
    }

    pub fn due(&self) -> Option<Instant> {
        self.flying.front().map(|(at, _)| *at)
    }

    /// The connection ends: of what is on its way only the first `per_mille` arrives, to the byte.
    pub fn cut(&mut self, per_mille: u64) {
        let mut left = self.bytes * per_mille as usize / 1_000;
        for (_, bytes) in &mut self.flying {
            bytes.truncate(left);
            left -= bytes.len();
        }
        self.flying.retain(|(_, bytes)| !bytes.is_empty());
        self.bytes = self.flying.iter().map(|(_, bytes)| bytes.len()).sum();
    }

    /// What is on its way comes later: it was lost, and is sent again.
    pub fn hold_up(&mut self, by: Duration) {
        self.flying.iter_mut().for_each(|(at, _)| *at += by);
    }
}
