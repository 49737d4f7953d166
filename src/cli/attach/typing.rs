//! What was typed and not yet acknowledged: kept with its number, and sent again when a broken connection is made anew.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::id::ViewerId;
use crate::base::limits::INPUT_BYTES_MAX;
use crate::wire::frame::Frame;

/// Unacknowledged input beyond which the terminal is read no further, in bytes: what comes then waits in the terminal, as
/// it would before a program that reads slowly.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// Numbers and keeps.
#[derive(Debug)]
pub(super) struct Typing {
    viewer: ViewerId,
    next: u64,
    kept: VecDeque<(u64, Bytes)>,
    kept_bytes: usize,
}

impl Typing {
    pub(super) fn new(viewer: ViewerId) -> Self {
        Self { viewer, next: 1, kept: VecDeque::new(), kept_bytes: 0 }
    }

    /// Whether the terminal may be read further.
    pub(super) fn has_room(&self) -> bool {
        self.kept_bytes < KEPT_BYTES_MAX
    }

    /// Numbers what was typed; the frames are to be sent in this order.
    pub(super) fn typed(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for piece in bytes.chunks(INPUT_BYTES_MAX) {
            let (number, bytes) = (self.next, Bytes::copy_from_slice(piece));
            self.next += 1;
            self.kept_bytes += bytes.len();
            self.kept.push_back((number, bytes.clone()));
            frames.push(self.frame(number, bytes));
        }
        frames
    }

    /// Everything up to `number` was answered.
    pub(super) fn answered(&mut self, number: u64) {
        while let Some((_, bytes)) = self.kept.pop_front_if(|(kept, _)| *kept <= number) {
            self.kept_bytes -= bytes.len();
        }
    }

    /// All that is to be sent again, with the numbers it had.
    pub(super) fn again(&self) -> impl Iterator<Item = Frame> {
        self.kept.iter().map(|(number, bytes)| self.frame(*number, bytes.clone()))
    }

    /// Gives up what could not be delivered; how many bytes that was.
    pub(super) fn give_up(&mut self) -> usize {
        self.kept.clear();
        std::mem::take(&mut self.kept_bytes)
    }

    fn frame(&self, number: u64, bytes: Bytes) -> Frame {
        Frame::Input { channel: 0, viewer: self.viewer, number, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(frames: impl Iterator<Item = Frame>) -> Vec<(u64, usize)> {
        frames
            .filter_map(|frame| match frame {
                Frame::Input { number, bytes, .. } => Some((number, bytes.len())),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again_under_its_number() {
        let mut typing = Typing::new(ViewerId::random());
        assert_eq!(numbers(typing.typed(b"ab").into_iter()), [(1, 2)]);
        let long = vec![b'x'; INPUT_BYTES_MAX + 1];
        assert_eq!(numbers(typing.typed(&long).into_iter()), [(2, INPUT_BYTES_MAX), (3, 1)]);
        typing.answered(2);
        assert_eq!(numbers(typing.again()), [(3, 1)]);
        typing.answered(3);
        assert_eq!(typing.give_up(), 0, "nothing is left");
    }

    #[test]
    fn so_much_is_kept_and_no_more_is_read() {
        let mut typing = Typing::new(ViewerId::random());
        typing.typed(&vec![b'x'; KEPT_BYTES_MAX]);
        assert!(!typing.has_room());
        assert_eq!(typing.give_up(), KEPT_BYTES_MAX);
        assert!(typing.has_room());
    }
}
