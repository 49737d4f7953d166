//! Frames: one byte of kind, fixed fields in network byte order, then the payload to the frame's end.
//!
//! A frame is one binary WebSocket message, or on a local socket a `u32` length and that many bytes
//! ([`read_length`]). A kind that this build does not know is skipped, never an error: newer peers may say more.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::base::id::ViewerId;
use crate::base::limits::{CONTROL_BYTES_MAX, FRAME_BYTES_MAX, FRAME_PAYLOAD_BYTES_MAX, INPUT_BYTES_MAX};
use crate::base::offset::Offset;

/// Why bytes are not a frame. The connection is closed with [`super::close::Close::BadFrame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than its kind's fixed fields.
    #[error("the frame of kind {kind:#04x} ends too early, after {bytes} bytes")]
    Truncated {
        /// First byte; zero for an empty frame.
        kind: u8,
        /// Length of what came.
        bytes: usize,
    },
    /// Longer than its kind may be.
    #[error("the frame of kind {kind:#04x} has {bytes} bytes, more than the {max} allowed")]
    TooLarge {
        /// First byte.
        kind: u8,
        /// Length of what came.
        bytes: usize,
        /// Length allowed.
        max: usize,
    },
}

/// What became of one numbered input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum InputOutcome {
    /// Written to the PTY, now or when it first arrived.
    Applied = 0,
    /// Not written: another viewer controls the session.
    NotController = 1,
    /// Not written: the program has ended.
    Ended = 2,
}

impl InputOutcome {
    /// An outcome this build does not know counts as not applied.
    fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Applied,
            2 => Self::Ended,
            _ => Self::NotController,
        }
    }
}

/// Properties of one piece of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotFlags {
    /// The first piece.
    pub first: bool,
    /// The last piece: the snapshot is complete.
    pub last: bool,
    /// The snapshot holds the scrollback too; without it, only the visible screen.
    pub history: bool,
}

impl SnapshotFlags {
    fn to_byte(self) -> u8 {
        u8::from(self.first) | u8::from(self.last) << 1 | u8::from(self.history) << 2
    }

    fn from_byte(byte: u8) -> Self {
        Self { first: byte & 1 != 0, last: byte & 2 != 0, history: byte & 4 != 0 }
    }
}

/// Where in a session's life a snapshot was taken, and of what size the screen was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotAt {
    /// Every output byte before this one is in it, none after.
    pub offset: Offset,
    /// How often the session had been resized.
    pub epoch: u32,
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
}

/// One frame. `channel` names a session on its connection: chosen by the page when it attaches, by the
/// agent on its uplink when it announces the session, and always 0 on a PTY host's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// First frame each way: [`super::hello::Hello`] as JSON.
    Hello(Bytes),
    /// A typed message as JSON: see [`super::message`].
    Control(Bytes),
    /// Output bytes; the first of them has this offset.
    Output {
        /// The session on this connection.
        channel: u32,
        /// Offset of the first byte.
        offset: Offset,
        /// At most [`FRAME_PAYLOAD_BYTES_MAX`].
        bytes: Bytes,
    },
    /// A piece of a snapshot: bytes that rebuild the screen on a terminal that was just reset.
    ///
    /// `id` 0 is a repaint: the reader resets its screen to it and goes on from its offset. Any other
    /// `id` answers a request with that number and does not disturb the output.
    Snapshot {
        /// The session on this connection.
        channel: u32,
        /// The request it answers, 0 for a repaint.
        id: u32,
        /// Where it was taken.
        at: SnapshotAt,
        /// Which piece this is.
        flags: SnapshotFlags,
        /// At most [`FRAME_PAYLOAD_BYTES_MAX`].
        bytes: Bytes,
    },
    /// Credit: output and snapshot bytes consumed on this channel since the connection began.
    Ack {
        /// The session on this connection.
        channel: u32,
        /// Payload bytes, cumulative, never reset.
        consumed: u64,
    },
    /// Typed bytes, numbered from 1 by each viewer. A number is applied once.
    Input {
        /// The session on this connection.
        channel: u32,
        /// Who typed.
        viewer: ViewerId,
        /// One more than the last; gaps are allowed, going back is a repeat.
        number: u64,
        /// At most [`INPUT_BYTES_MAX`].
        bytes: Bytes,
    },
    /// What became of all input up to `number`.
    InputAck {
        /// The session on this connection.
        channel: u32,
        /// Who typed.
        viewer: ViewerId,
        /// The newest number this answers.
        number: u64,
        /// Its fate.
        outcome: InputOutcome,
    },
    /// Are you there? The peer answers with the same number at once, before any output.
    Ping(u64),
    /// Yes.
    Pong(u64),
    /// A kind of a newer protocol: skip it.
    Unknown(u8),
}

const HELLO: u8 = 0x01;
pub(super) const CONTROL: u8 = 0x02;
pub(super) const OUTPUT: u8 = 0x10;
pub(super) const SNAPSHOT: u8 = 0x11;
const ACK: u8 = 0x12;
const INPUT: u8 = 0x20;
pub(super) const INPUT_ACK: u8 = 0x21;
const PING: u8 = 0x30;
const PONG: u8 = 0x31;

/// Bytes of an output frame before its payload.
pub const OUTPUT_HEADER_BYTES: usize = 1 + 4 + 8;
/// Bytes of a snapshot frame before its payload.
pub const SNAPSHOT_HEADER_BYTES: usize = 1 + 4 + 4 + 8 + 4 + 2 + 2 + 1;
/// Bytes of an input frame before its payload.
pub const INPUT_HEADER_BYTES: usize = 1 + 4 + 16 + 8;

impl Frame {
    /// Reads one whole frame. The payload shares `frame`'s memory.
    pub fn decode(mut frame: Bytes) -> Result<Self, FrameError> {
        let total = frame.len();
        let Some(&kind) = frame.first() else {
            return Err(FrameError::Truncated { kind: 0, bytes: 0 });
        };
        let (fixed, max) = match kind {
            HELLO | CONTROL => (1, 1 + CONTROL_BYTES_MAX),
            OUTPUT => (OUTPUT_HEADER_BYTES, OUTPUT_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX),
            SNAPSHOT => (SNAPSHOT_HEADER_BYTES, SNAPSHOT_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX),
            ACK => (13, 13),
            INPUT => (INPUT_HEADER_BYTES, INPUT_HEADER_BYTES + INPUT_BYTES_MAX),
            INPUT_ACK => (30, 30),
            PING | PONG => (9, 9),
            _ if total > FRAME_BYTES_MAX => (1, FRAME_BYTES_MAX),
            unknown => return Ok(Self::Unknown(unknown)),
        };
        if total < fixed {
            return Err(FrameError::Truncated { kind, bytes: total });
        }
        if total > max {
            return Err(FrameError::TooLarge { kind, bytes: total, max });
        }
        frame.advance(1);
        Ok(match kind {
            HELLO => Self::Hello(frame),
            CONTROL => Self::Control(frame),
            OUTPUT => Self::Output { channel: frame.get_u32(), offset: Offset(frame.get_u64()), bytes: frame },
            SNAPSHOT => Self::Snapshot {
                channel: frame.get_u32(),
                id: frame.get_u32(),
                at: SnapshotAt {
                    offset: Offset(frame.get_u64()),
                    epoch: frame.get_u32(),
                    cols: frame.get_u16(),
                    rows: frame.get_u16(),
                },
                flags: SnapshotFlags::from_byte(frame.get_u8()),
                bytes: frame,
            },
            ACK => Self::Ack { channel: frame.get_u32(), consumed: frame.get_u64() },
            INPUT => Self::Input {
                channel: frame.get_u32(),
                viewer: get_viewer(&mut frame),
                number: frame.get_u64(),
                bytes: frame,
            },
            INPUT_ACK => Self::InputAck {
                channel: frame.get_u32(),
                viewer: get_viewer(&mut frame),
                number: frame.get_u64(),
                outcome: InputOutcome::from_byte(frame.get_u8()),
            },
            PING => Self::Ping(frame.get_u64()),
            _ => Self::Pong(frame.get_u64()),
        })
    }

    /// Appends the frame to `out`, without a length before it.
    pub fn encode_into(&self, out: &mut BytesMut) {
        match self {
            Self::Hello(json) => put_payload(out, HELLO, json),
            Self::Control(json) => put_payload(out, CONTROL, json),
            Self::Output { channel, offset, bytes } => {
                out.reserve(OUTPUT_HEADER_BYTES + bytes.len());
                out.put_u8(OUTPUT);
                out.put_u32(*channel);
                out.put_u64(offset.0);
                out.put_slice(bytes);
            }
            Self::Snapshot { channel, id, at, flags, bytes } => {
                out.reserve(SNAPSHOT_HEADER_BYTES + bytes.len());
                out.put_u8(SNAPSHOT);
                out.put_u32(*channel);
                out.put_u32(*id);
                out.put_u64(at.offset.0);
                out.put_u32(at.epoch);
                out.put_u16(at.cols);
                out.put_u16(at.rows);
                out.put_u8(flags.to_byte());
                out.put_slice(bytes);
            }
            Self::Ack { channel, consumed } => {
                out.put_u8(ACK);
                out.put_u32(*channel);
                out.put_u64(*consumed);
            }
            Self::Input { channel, viewer, number, bytes } => {
                out.reserve(INPUT_HEADER_BYTES + bytes.len());
                out.put_u8(INPUT);
                out.put_u32(*channel);
                out.put_slice(&viewer.0);
                out.put_u64(*number);
                out.put_slice(bytes);
            }
            Self::InputAck { channel, viewer, number, outcome } => {
                out.put_u8(INPUT_ACK);
                out.put_u32(*channel);
                out.put_slice(&viewer.0);
                out.put_u64(*number);
                out.put_u8(*outcome as u8);
            }
            Self::Ping(number) => {
                out.put_u8(PING);
                out.put_u64(*number);
            }
            Self::Pong(number) => {
                out.put_u8(PONG);
                out.put_u64(*number);
            }
            Self::Unknown(kind) => out.put_u8(*kind),
        }
    }

    /// The frame as one message.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        self.encode_into(&mut out);
        out.freeze()
    }

    /// Appends the frame to `out` behind its length: how it travels on a local socket.
    pub fn encode_with_length_into(&self, out: &mut BytesMut) {
        let at = out.len();
        out.put_u32(0);
        self.encode_into(out);
        // Bounded by FRAME_BYTES_MAX where frames are built, far below 4 GiB.
        let length = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// The length that stands before a frame on a local socket, once all four bytes are there.
///
/// Checked against [`FRAME_BYTES_MAX`] before anything is read or allocated for the frame.
pub fn read_length(buffer: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let bytes = u32::from_be_bytes(*head) as usize;
    if bytes > FRAME_BYTES_MAX {
        let kind = buffer.get(4).copied().unwrap_or(0);
        return Err(FrameError::TooLarge { kind, bytes, max: FRAME_BYTES_MAX });
    }
    Ok(Some(bytes))
}

/// Takes one whole frame off the front of `buffer`, or nothing when it is not all there yet.
pub fn take_frame(buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    take_raw(buffer)?.map(|raw| Frame::decode(raw.freeze())).transpose()
}

/// Like [`take_frame`], but undecoded.
pub fn take_raw(buffer: &mut BytesMut) -> Result<Option<BytesMut>, FrameError> {
    let Some(length) = read_length(buffer)? else { return Ok(None) };
    if buffer.len() < 4 + length {
        buffer.reserve(4 + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length)))
}

fn get_viewer(frame: &mut Bytes) -> ViewerId {
    let mut raw = [0u8; 16];
    frame.copy_to_slice(&mut raw);
    ViewerId(raw)
}

fn put_payload(out: &mut BytesMut, kind: u8, payload: &[u8]) {
    out.reserve(1 + payload.len());
    out.put_u8(kind);
    out.put_slice(payload);
}

#[cfg(test)]
mod tests;
