//! Passing a frame on from one connection to another: only its channel changes, its payload is not touched.

use super::frame::{CONTROL, FrameError, INPUT_ACK, OUTPUT, OUTPUT_HEADER_BYTES, SNAPSHOT, SNAPSHOT_HEADER_BYTES};
use crate::base::limits::FRAME_PAYLOAD_BYTES_MAX;

/// Where the channel stands in frames that have one: right behind the kind.
const CHANNEL_AT: std::ops::Range<usize> = 1..5;

/// Bytes of an input acknowledgement.
const INPUT_ACK_BYTES: usize = 30;

/// What kind of frame a relay has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// Output or a piece of a snapshot: in the order of its session.
    Output,
    /// The fate of typed bytes: before all output.
    InputAck,
    /// A message to be read.
    Control,
    /// Nothing that concerns another connection.
    Other,
}

/// Puts `channel` into a frame on its way from a PTY host to the server, and says what it is.
///
/// Refuses a frame that the server would close the connection for, so that one bad host cannot cost the others theirs.
pub fn readdress(frame: &mut [u8], channel: u32) -> Result<Passing, FrameError> {
    let bytes = frame.len();
    let (kind, passing, min, max) = match frame.first().copied() {
        Some(OUTPUT) => (OUTPUT, Passing::Output, OUTPUT_HEADER_BYTES, OUTPUT_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX),
        Some(SNAPSHOT) => {
            (SNAPSHOT, Passing::Output, SNAPSHOT_HEADER_BYTES, SNAPSHOT_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX)
        }
        Some(INPUT_ACK) => (INPUT_ACK, Passing::InputAck, INPUT_ACK_BYTES, INPUT_ACK_BYTES),
        Some(CONTROL) => return Ok(Passing::Control),
        _ => return Ok(Passing::Other),
    };
    if bytes < min {
        return Err(FrameError::Truncated { kind, bytes });
    }
    if bytes > max {
        return Err(FrameError::TooLarge { kind, bytes, max });
    }
    frame[CHANNEL_AT].copy_from_slice(&channel.to_be_bytes());
    Ok(passing)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use bytes::{Bytes, BytesMut};

    use super::*;
    use crate::base::id::ViewerId;
    use crate::base::offset::Offset;
    use crate::wire::frame::{Frame, InputOutcome, SnapshotAt, SnapshotFlags};

    fn passed(frame: &Frame) -> (Passing, Frame) {
        let mut raw = BytesMut::new();
        frame.encode_into(&mut raw);
        let passing = readdress(&mut raw, 77).unwrap();
        (passing, Frame::decode(raw.freeze()).unwrap())
    }

    #[test]
    fn only_the_channel_changes() {
        let output = |channel| Frame::Output { channel, offset: Offset(9), bytes: Bytes::from_static(b"hi") };
        assert_eq!(passed(&output(0)), (Passing::Output, output(77)));
        let (at, flags) = (SnapshotAt::default(), SnapshotFlags::default());
        let snapshot = |channel| Frame::Snapshot { channel, id: 3, at, flags, bytes: Bytes::from_static(b"x") };
        assert_eq!(passed(&snapshot(0)), (Passing::Output, snapshot(77)));
        let (viewer, outcome) = (ViewerId::random(), InputOutcome::Applied);
        let ack = |channel| Frame::InputAck { channel, viewer, number: 5, outcome };
        assert_eq!(passed(&ack(0)), (Passing::InputAck, ack(77)));
        let control = Frame::Control(Bytes::from_static(b"{}"));
        assert_eq!(passed(&control), (Passing::Control, control));
        assert_eq!(passed(&Frame::Ping(1)), (Passing::Other, Frame::Ping(1)));
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_here() {
        assert!(readdress(&mut [OUTPUT, 0, 0], 1).is_err());
        assert!(readdress(&mut vec![OUTPUT; OUTPUT_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX + 1], 1).is_err());
        assert!(readdress(&mut [INPUT_ACK; 31], 1).is_err());
        assert_eq!(readdress(&mut [], 1), Ok(Passing::Other));
    }
}
