//! The newest output of one session, by offset, in bounded memory.
//!
//! Bytes are written once, into blocks that readers share. The invariant: an offset once given out never
//! changes its byte, and what is kept is one piece without gaps, from [`OutputLog::start`] to [`OutputLog::end`].

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::base::offset::Offset;

/// Memory is taken in pieces of this size: 32 of them make a full log, and an idle session holds one.
const BLOCK_BYTES: usize = 64 * 1024;

/// From this size on a piece is shared with its readers; a smaller one is copied out.
///
/// A shared piece costs a list entry of some 40 bytes for as long as it is kept, and its reader two atomic
/// operations; copying less than a page costs no more than that. So the list stays below 1 % of the log,
/// however small the appends and however often they are read.
const SHARED_BYTES_MIN: usize = 4 * 1024;

/// The log no longer has what was asked for: the reader must be repainted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("output before {start} is no longer kept")]
pub struct Behind {
    /// The oldest offset still kept.
    pub start: Offset,
}

/// Consecutive output that no append changes any more.
#[derive(Debug)]
struct Piece {
    offset: Offset,
    bytes: Bytes,
}

/// The newest output of one session.
#[derive(Debug)]
pub struct OutputLog {
    pieces: VecDeque<Piece>,
    /// Output behind the last piece. Not shared yet, so that further appends lengthen it.
    tail: BytesMut,
    start: Offset,
    end: Offset,
    bytes_max: usize,
}

impl OutputLog {
    /// An empty log that starts at offset 0 and keeps the newest `bytes_max` bytes. Takes no memory yet.
    pub fn new(bytes_max: usize) -> Self {
        Self { pieces: VecDeque::new(), tail: BytesMut::new(), start: Offset::ZERO, end: Offset::ZERO, bytes_max }
    }

    /// The oldest offset kept.
    pub fn start(&self) -> Offset {
        self.start
    }

    /// The offset the next byte will have.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// Takes in the next output. Copies it, once.
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut room = self.tail.capacity() - self.tail.len();
            if room == 0 {
                self.share_tail();
                self.tail = BytesMut::with_capacity(BLOCK_BYTES);
                room = BLOCK_BYTES;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(now);
            self.end = self.end + now.len();
            bytes = later;
        }
        self.trim();
    }

    /// Takes in the next output without a copy where it is long enough to be worth it.
    ///
    /// Keeps the memory alive that `bytes` is a part of: not for slices of a buffer whose other parts are long.
    pub fn append_shared(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED_BYTES_MIN {
            return self.append(&bytes);
        }
        self.share_tail();
        let offset = self.end;
        self.end = self.end + bytes.len();
        self.pieces.push_back(Piece { offset, bytes });
        self.trim();
    }

    /// What follows `from`: one piece of at most `max` bytes, empty if there is nothing yet.
    ///
    /// A later read may give more of the same; pieces end where memory blocks do.
    pub fn read(&mut self, from: Offset, max: usize) -> Result<Bytes, Behind> {
        if from < self.start {
            return Err(Behind { start: self.start });
        }
        if from >= self.end {
            return Ok(Bytes::new());
        }
        let tail_offset = self.tail_offset();
        if from >= tail_offset {
            let skip = in_memory(from.since(tail_offset));
            if max.min(self.tail.len() - skip) < SHARED_BYTES_MIN {
                let until = self.tail.len().min(skip.saturating_add(max));
                return Ok(Bytes::copy_from_slice(&self.tail[skip..until]));
            }
            self.share_tail();
        }
        let index = self.pieces.partition_point(|piece| piece.offset <= from) - 1;
        let piece = &self.pieces[index];
        let skip = in_memory(from.since(piece.offset));
        let until = piece.bytes.len().min(skip.saturating_add(max));
        Ok(piece.bytes.slice(skip..until))
    }

    /// Keeps the newest `bytes_max` bytes from here on.
    pub fn keep(&mut self, bytes_max: usize) {
        if std::mem::replace(&mut self.bytes_max, bytes_max) > bytes_max {
            self.trim();
        }
    }

    /// How much is kept, in bytes.
    pub fn bytes(&self) -> usize {
        in_memory(self.end.since(self.start))
    }

    /// Forgets everything; the next byte appended has this offset.
    pub fn restart_at(&mut self, offset: Offset) {
        self.pieces = VecDeque::new();
        self.tail = BytesMut::new();
        self.start = offset;
        self.end = offset;
    }

    fn tail_offset(&self) -> Offset {
        self.end - self.tail.len() as u64
    }

    /// Makes the tail a piece. What is left of its block takes the next appends.
    fn share_tail(&mut self) {
        if !self.tail.is_empty() {
            let offset = self.tail_offset();
            let bytes = self.tail.split().freeze();
            self.pieces.push_back(Piece { offset, bytes });
        }
    }

    /// Drops the oldest bytes beyond the bound.
    fn trim(&mut self) {
        let mut excess = in_memory(self.end.since(self.start)).saturating_sub(self.bytes_max);
        self.start = self.start + excess;
        while excess > 0 {
            let Some(first) = self.pieces.front_mut() else {
                self.tail.advance(excess.min(self.tail.len()));
                return;
            };
            let cut = excess.min(first.bytes.len());
            first.bytes.advance(cut);
            first.offset = first.offset + cut;
            excess -= cut;
            if first.bytes.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

/// A distance between two offsets of bytes that are all in memory.
fn in_memory(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(log: &mut OutputLog, mut from: Offset, max: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let piece = log.read(from, max).unwrap();
            if piece.is_empty() {
                return all;
            }
            assert!(piece.len() <= max, "a piece is never longer than asked");
            from = from + piece.len();
            all.extend_from_slice(&piece);
        }
    }

    #[test]
    fn a_reader_that_fell_behind_is_told_where_the_log_starts() {
        let mut log = OutputLog::new(10);
        log.append(b"0123456789abcdef");
        assert_eq!(log.read(Offset(5), 100), Err(Behind { start: Offset(6) }));
        assert_eq!(log.read(Offset(6), 4).unwrap(), &b"6789"[..]);
        assert_eq!(log.read(Offset(16), 4).unwrap(), &b""[..]);
        assert_eq!(log.read(Offset(99), 4).unwrap(), &b""[..], "a position ahead of the log waits");
    }

    #[test]
    fn single_bytes_read_one_by_one_leave_few_pieces() {
        let mut log = OutputLog::new(256 * 1024);
        for n in 0..300_000_usize {
            log.append(b"x");
            assert_eq!(log.read(Offset(n as u64), 32_768).unwrap().len(), 1);
        }
        assert!(log.pieces.len() <= 256 / 64 + 1, "{} pieces", log.pieces.len());
    }

    #[test]
    fn large_pieces_are_shared_not_copied() {
        let mut log = OutputLog::new(1 << 20);
        log.append(&vec![7; 20_000]);
        let (one, two) = (log.read(Offset(0), 16_384).unwrap(), log.read(Offset(0), 16_384).unwrap());
        assert_eq!(one.as_ptr(), two.as_ptr());
        let block = Bytes::from(vec![8; 20_000]);
        log.append_shared(block.clone());
        assert_eq!(log.read(Offset(20_000), 16_384).unwrap().as_ptr(), block.as_ptr());
    }

    #[derive(Debug, Clone)]
    enum Op {
        Append(usize),
        AppendShared(usize),
        Read { back: u64, max: usize },
        RestartAfter(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => prop_oneof![1..40_usize, 3_000..6_000_usize, 60_000..200_000_usize].prop_map(Op::Append),
            2 => prop_oneof![1..40_usize, 4_000..70_000_usize].prop_map(Op::AppendShared),
            6 => (0..300_000_u64, prop_oneof![1..100_usize, 1_000..40_000_usize])
                .prop_map(|(back, max)| Op::Read { back, max }),
            1 => (0..50_u64).prop_map(Op::RestartAfter),
        ]
    }

    /// The byte at an offset is a function of the offset, so every read can be checked by itself.
    fn expected(offset: u64) -> u8 {
        (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
    }

    fn output(from: Offset, bytes: usize) -> Vec<u8> {
        (from.0..from.0 + bytes as u64).map(expected).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_offset_keeps_its_byte(bytes_max in 1..150_000_usize, ops in prop::collection::vec(op(), 1..60)) {
            let mut log = OutputLog::new(bytes_max);
            for op in ops {
                match op {
                    Op::Append(bytes) => log.append(&output(log.end(), bytes)),
                    Op::AppendShared(bytes) => log.append_shared(output(log.end(), bytes).into()),
                    Op::RestartAfter(bytes) => log.restart_at(Offset(log.end().0 + bytes)),
                    Op::Read { back, max } => {
                        let from = log.end() - back;
                        match log.read(from, max) {
                            Err(Behind { start }) => prop_assert!(from < start && start == log.start()),
                            Ok(piece) => {
                                prop_assert!(from >= log.start());
                                prop_assert_eq!(piece.is_empty(), from == log.end());
                                prop_assert_eq!(&piece[..], &output(from, piece.len())[..]);
                            }
                        }
                    }
                }
                prop_assert!(log.end().since(log.start()) <= bytes_max as u64);
            }
            let start = log.start();
            let all = read_all(&mut log, start, 32_768);
            prop_assert_eq!(all, output(start, log.end().since(start) as usize));
        }
    }
}
