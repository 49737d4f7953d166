//! What was typed and the terminal has not taken yet, in order and bounded. Pure.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// Typed bytes that wait for the terminal. Linux takes about 64 KiB itself before it refuses; as much again is the
/// most that Ctrl-C would have to overtake.
pub(super) const QUEUE_BYTES_MAX: usize = 64 * 1024;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl InputQueue {
    /// Whether another input may be queued. One that begins below the bound is queued whole.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < QUEUE_BYTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.chunks.push_back(bytes);
        }
    }

    /// What to write next; empty when there is nothing.
    pub(super) fn front(&self) -> &[u8] {
        self.chunks.front().map_or(&[], |chunk| chunk)
    }

    /// That much of [`Self::front`] was written.
    pub(super) fn written(&mut self, bytes: usize) {
        if let Some(chunk) = self.chunks.front_mut() {
            let bytes = bytes.min(chunk.len());
            chunk.advance(bytes);
            self.bytes -= bytes;
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
    }

    /// Offers what waits to `deal`, the newest first. Where it dealt with a part, that part and all that was typed before
    /// it is dropped.
    pub(super) fn overtake(&mut self, mut deal: impl FnMut(&[u8]) -> Option<usize>) {
        let found = self.chunks.iter().enumerate().rev().find_map(|(index, chunk)| Some((index, deal(chunk)?)));
        if let Some((index, done)) = found {
            self.chunks.drain(..index);
            self.written(done);
            self.bytes = self.chunks.iter().map(Bytes::len).sum();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_the_order_they_came_however_they_are_cut() {
        let mut queue = InputQueue::default();
        queue.push(Bytes::from_static(b"abc"));
        queue.push(Bytes::new());
        queue.push(Bytes::from_static(b"de"));
        let mut out = Vec::new();
        while !queue.is_empty() {
            let cut = queue.front().len().min(2);
            out.extend_from_slice(&queue.front()[..cut]);
            queue.written(cut);
        }
        assert_eq!(out, b"abcde");
        assert!(queue.front().is_empty());
    }

    #[test]
    fn a_key_that_overtakes_takes_all_before_it_along() {
        let mut queue = InputQueue::default();
        for typed in ["abc", "d!e", "f"] {
            queue.push(Bytes::from_static(typed.as_bytes()));
        }
        let key = |chunk: &[u8]| chunk.iter().position(|byte| *byte == b'!').map(|at| at + 1);
        queue.overtake(key);
        assert_eq!((queue.front(), queue.bytes), (&b"e"[..], 2));
        queue.overtake(key);
        assert_eq!((queue.front(), queue.bytes), (&b"e"[..], 2), "no such key, nothing lost");
    }

    #[test]
    fn a_full_queue_says_so() {
        let mut queue = InputQueue::default();
        queue.push(Bytes::from(vec![0; QUEUE_BYTES_MAX]));
        assert!(!queue.has_room());
        queue.clear();
        assert!(queue.has_room() && queue.is_empty());
    }
}
