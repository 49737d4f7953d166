//! What waits to be sent to one agent: a lane for each session, in turn. Pure.
//!
//! Within a lane the order is kept. A paste into one session delays a key for another by one frame, and fills its own
//! lane only: a session that has little waiting is never refused because of one that has much.

use std::collections::{HashMap, VecDeque};

use super::Full;
use crate::wire::Frame;

/// What may wait in all lanes before those that hold more than [`LANE_BYTES_FREE`] are refused, in bytes.
///
/// Typing is a few bytes a second; this is room for several large pastes on a slow line.
pub(super) const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What every session may have waiting whatever others have, in bytes: a page's whole window of input.
pub(super) const LANE_BYTES_FREE: usize = 64 * 1024;

/// What a frame costs beside its payload, in bytes.
const FRAME_COST_BYTES: usize = 96;

/// The lane of messages that concern the machine.
pub(super) const OF_MACHINE: u32 = 0;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_channel: HashMap<u32, Lane>,
    /// Channels with something to send; the first one has its turn.
    turns: VecDeque<u32>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Lane {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Lanes {
    /// Adds a frame behind the earlier ones of its lane.
    pub(super) fn push(&mut self, channel: u32, frame: Frame) -> Result<(), Full> {
        let cost = cost(&frame);
        let lane = self.by_channel.entry(channel).or_default();
        // A message is smaller than its bound by far, but one alone always fits.
        let free = lane.frames.is_empty() || lane.bytes + cost <= LANE_BYTES_FREE;
        if !free && self.bytes + cost > BYTES_MAX {
            return Err(Full);
        }
        if lane.frames.is_empty() {
            self.turns.push_back(channel);
        }
        lane.bytes += cost;
        self.bytes += cost;
        lane.frames.push_back(frame);
        Ok(())
    }

    /// The next frame.
    pub(super) fn pop(&mut self) -> Option<Frame> {
        let channel = self.turns.pop_front()?;
        let lane = self.by_channel.get_mut(&channel)?;
        let frame = lane.frames.pop_front()?;
        let cost = cost(&frame);
        lane.bytes -= cost;
        self.bytes -= cost;
        if lane.frames.is_empty() {
            self.by_channel.remove(&channel);
        } else {
            self.turns.push_back(channel);
        }
        Some(frame)
    }
}

fn cost(frame: &Frame) -> usize {
    FRAME_COST_BYTES
        + match frame {
            Frame::Control(bytes) | Frame::Input { bytes, .. } => bytes.len(),
            _ => 0,
        }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::id::ViewerId;

    fn input(channel: u32, number: u64, bytes: usize) -> Frame {
        Frame::Input { channel, viewer: ViewerId::default(), number, bytes: vec![b'x'; bytes].into() }
    }

    #[test]
    fn a_key_does_not_wait_behind_the_paste_into_another_session() {
        let mut lanes = Lanes::default();
        for number in 1..100 {
            lanes.push(1, input(1, number, 8 * 1024)).unwrap();
        }
        lanes.push(2, input(2, 1, 1)).unwrap();
        assert_eq!(lanes.pop(), Some(input(1, 1, 8 * 1024)));
        assert_eq!(lanes.pop(), Some(input(2, 1, 1)));
        assert_eq!(lanes.pop(), Some(input(1, 2, 8 * 1024)));
    }

    #[test]
    fn an_agent_that_takes_nothing_costs_its_bound_and_small_lanes_stay_open() {
        let mut lanes = Lanes::default();
        let taken = (1..10_000).take_while(|number| lanes.push(1, input(1, *number, 8 * 1024)).is_ok()).count();
        assert!((500..520).contains(&taken), "{taken}");
        for number in 1..200 {
            lanes.push(2, input(2, number, 1)).unwrap();
        }
        lanes.push(OF_MACHINE, Frame::Control(Bytes::from_static(b"{}"))).unwrap();
        assert!(lanes.push(1, input(1, 0, 1)).is_err());
        while lanes.pop().is_some() {}
        assert!(lanes.bytes == 0 && lanes.by_channel.is_empty() && lanes.turns.is_empty());
    }
}
