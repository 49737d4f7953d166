//! What the uplink sends next. Pure: frames in, frames out in the order in which they matter.
//!
//! 1. *Urgent*: control, input acknowledgements, pongs.
//! 2. *Quiet* sessions, whose output pending here is at most [`QUIET_BYTES_MAX`]: somebody is typing there.
//! 3. *Bulk*: the other sessions in turn, [`TURN_BYTES`] each.
//!
//! Within a session the order is kept. What may wait here is bounded by each session's window of credit, which ends
//! at its PTY host; [`LANE_BYTES_MAX`] holds even against a host that ignores it.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::base::limits::{FRAME_PAYLOAD_BYTES_MAX, WINDOW_BYTES_MAX};

/// Output a session may have pending and still count as quiet: an echo, or a screen's repaint by an editor.
const QUIET_BYTES_MAX: usize = 4 * 1024;

/// Output a bulk session sends in its turn, before the next one has its own.
const TURN_BYTES: usize = FRAME_PAYLOAD_BYTES_MAX;

/// Output pending of one session beyond which nothing more is read from its host.
///
/// Credit keeps it at one window; the second is for frame headers and the answers of snapshots.
pub(super) const LANE_BYTES_MAX: usize = 2 * WINDOW_BYTES_MAX as usize;

/// Urgent frames pending beyond which the server counts as not reading: each session's whole window of input,
/// acknowledged piece by piece.
const URGENT_FRAMES_MAX: usize = 64 * 1024;

/// The server takes nothing while urgent frames pile up: the connection is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server does not read")]
pub(super) struct NotRead;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Empty,
    Quiet,
    Bulk,
}

#[derive(Debug, Default)]
struct Lane {
    frames: VecDeque<Bytes>,
    bytes: usize,
    place: Place,
}

/// Frames on their way to the server.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    urgent: VecDeque<Bytes>,
    lanes: HashMap<u32, Lane>,
    /// Sessions in [`Place::Quiet`], longest waiting first. One that has left that place is skipped.
    quiet: VecDeque<u32>,
    /// Sessions in [`Place::Bulk`]; the first one has its turn.
    bulk: VecDeque<u32>,
    /// What the first of `bulk` has sent in its turn, in bytes.
    turn_bytes: usize,
}

impl Outbox {
    /// Adds a frame that goes before all output.
    pub(super) fn push_urgent(&mut self, frame: Bytes) -> Result<(), NotRead> {
        if self.urgent.len() >= URGENT_FRAMES_MAX {
            return Err(NotRead);
        }
        self.urgent.push_back(frame);
        Ok(())
    }

    /// Adds a frame behind the session's earlier ones. Ask [`Self::has_room`] before reading the next one.
    pub(super) fn push_output(&mut self, channel: u32, frame: Bytes) {
        let lane = self.lanes.entry(channel).or_default();
        lane.bytes += frame.len();
        lane.frames.push_back(frame);
        match lane.place {
            Place::Empty if lane.bytes <= QUIET_BYTES_MAX => {
                lane.place = Place::Quiet;
                self.quiet.push_back(channel);
            }
            Place::Empty | Place::Quiet if lane.bytes > QUIET_BYTES_MAX => {
                lane.place = Place::Bulk;
                self.bulk.push_back(channel);
            }
            // In its place already; a bulk session stays one until it is empty, or it would creep ahead by its tail.
            _ => {}
        }
    }

    /// Whether more of this session may be read from its host.
    pub(super) fn has_room(&self, channel: u32) -> bool {
        self.lanes.get(&channel).is_none_or(|lane| lane.bytes < LANE_BYTES_MAX)
    }

    /// Whether nothing of this session is pending.
    pub(super) fn is_empty(&self, channel: u32) -> bool {
        self.lanes.get(&channel).is_none_or(|lane| lane.frames.is_empty())
    }

    /// Drops what is pending of a session whose channel is closed.
    pub(super) fn forget(&mut self, channel: u32) {
        if self.bulk.front() == Some(&channel) {
            self.turn_bytes = 0;
        }
        self.bulk.retain(|&other| other != channel);
        self.lanes.remove(&channel);
    }

    /// The next frame.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        self.urgent.pop_front().or_else(|| self.pop_quiet()).or_else(|| self.pop_bulk())
    }

    fn pop_quiet(&mut self) -> Option<Bytes> {
        while let Some(channel) = self.quiet.pop_front() {
            let Some(lane) = self.lanes.get_mut(&channel) else { continue };
            if lane.place != Place::Quiet {
                continue; // It has become bulk, and stands in that queue.
            }
            let Some(frame) = lane.take() else { continue };
            if lane.frames.is_empty() {
                lane.place = Place::Empty;
            } else {
                self.quiet.push_back(channel);
            }
            return Some(frame);
        }
        None
    }

    fn pop_bulk(&mut self) -> Option<Bytes> {
        while let Some(&channel) = self.bulk.front() {
            let taken = self.lanes.get_mut(&channel).and_then(|lane| Some((lane.take()?, lane)));
            let Some((frame, lane)) = taken else {
                self.next_turn();
                continue;
            };
            self.turn_bytes += frame.len();
            if lane.frames.is_empty() {
                lane.place = Place::Empty;
                self.next_turn();
            } else if self.turn_bytes >= TURN_BYTES {
                self.next_turn();
                self.bulk.push_back(channel);
            }
            return Some(frame);
        }
        None
    }

    fn next_turn(&mut self) {
        self.bulk.pop_front();
        self.turn_bytes = 0;
    }
}

impl Lane {
    fn take(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn frame(tag: u8, bytes: usize) -> Bytes {
        Bytes::from(vec![tag; bytes])
    }

    fn tags(outbox: &mut Outbox, frames: usize) -> String {
        (0..frames).map(|_| outbox.pop().map_or('-', |frame| char::from(frame[0]))).collect()
    }

    #[test]
    fn an_echo_goes_before_a_flood_and_an_acknowledgement_before_both() {
        let mut outbox = Outbox::default();
        for _ in 0..10 {
            outbox.push_output(1, frame(b'F', 32 * 1024));
        }
        outbox.push_output(2, frame(b'e', 1));
        outbox.push_urgent(frame(b'u', 30)).unwrap();
        assert_eq!(tags(&mut outbox, 5), "ueFFF");
        outbox.push_output(2, frame(b'e', 1));
        assert_eq!(tags(&mut outbox, 9), "eFFFFFFF-", "and the rest of the flood is all there");
    }

    #[test]
    fn floods_take_turns_by_bytes_not_by_frames() {
        let mut outbox = Outbox::default();
        for _ in 0..4 {
            outbox.push_output(1, frame(b'A', 32 * 1024));
        }
        for _ in 0..16 {
            outbox.push_output(2, frame(b'b', 8 * 1024));
        }
        assert_eq!(tags(&mut outbox, 10), "AbbbbAbbbb");
    }

    #[test]
    fn a_session_that_floods_is_bulk_until_it_has_nothing_left() {
        let mut outbox = Outbox::default();
        for _ in 0..3 {
            outbox.push_output(1, frame(b'A', 3 * 1024));
            outbox.push_output(2, frame(b'B', 30 * 1024));
        }
        // The first frame of A was little; with the second it floods too, and takes its turn like B.
        assert_eq!(tags(&mut outbox, 7), "BBAAAB-");
        outbox.push_output(1, frame(b'A', 1));
        assert_eq!(tags(&mut outbox, 2), "A-", "empty in between, it is quiet again");
    }

    #[test]
    fn what_may_wait_is_bounded() {
        let mut outbox = Outbox::default();
        while outbox.has_room(7) {
            outbox.push_output(7, frame(b'x', 32 * 1024));
        }
        assert!(outbox.lanes[&7].bytes < LANE_BYTES_MAX + 32 * 1024);
        assert!(outbox.has_room(8));
        let taken = (0..=URGENT_FRAMES_MAX).take_while(|_| outbox.push_urgent(Bytes::new()).is_ok()).count();
        assert_eq!(taken, URGENT_FRAMES_MAX);
    }

    #[test]
    fn a_closed_channel_leaves_nothing_behind() {
        let mut outbox = Outbox::default();
        outbox.push_output(1, frame(b'A', 40 * 1024));
        outbox.push_output(2, frame(b'B', 40 * 1024));
        outbox.push_output(3, frame(b'c', 1));
        outbox.forget(1);
        outbox.forget(3);
        assert_eq!(tags(&mut outbox, 2), "B-");
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_each_session_keeps_its_order(
            ops in proptest::collection::vec((0u32..4, 0usize..9_000, 0usize..4), 0..200)
        ) {
            let mut outbox = Outbox::default();
            let (mut pushed, mut popped) = (HashMap::<u32, u32>::new(), HashMap::<u32, u32>::new());
            let mut check = |frame: Bytes| {
                let channel = u32::from_be_bytes(frame[..4].try_into().unwrap());
                let number = u32::from_be_bytes(frame[4..8].try_into().unwrap());
                let next = popped.entry(channel).or_default();
                assert_eq!(*next, number);
                *next += 1;
            };
            for (channel, bytes, pops) in ops {
                let number = pushed.entry(channel).or_default();
                let mut frame = [channel.to_be_bytes(), number.to_be_bytes()].concat();
                frame.resize(8 + bytes, 0);
                *number += 1;
                outbox.push_output(channel, Bytes::from(frame));
                (0..pops).filter_map(|_| outbox.pop()).for_each(&mut check);
            }
            while let Some(frame) = outbox.pop() {
                check(frame);
            }
            proptest::prop_assert_eq!(pushed, popped);
        }
    }
}
