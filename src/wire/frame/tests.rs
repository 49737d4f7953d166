#![allow(clippy::unwrap_used, reason = "tests")]
use proptest::prelude::*;

use super::*;

fn any_frame() -> impl Strategy<Value = Frame> {
    let payload = proptest::collection::vec(any::<u8>(), 0..512).prop_map(Bytes::from);
    let viewer = any::<[u8; 16]>().prop_map(ViewerId);
    let outcome =
        prop_oneof![Just(InputOutcome::Applied), Just(InputOutcome::NotController), Just(InputOutcome::Ended)];
    let at = (any::<u64>(), any::<u32>(), any::<u16>(), any::<u16>())
        .prop_map(|(offset, epoch, cols, rows)| SnapshotAt { offset: Offset(offset), epoch, cols, rows });
    let flags = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(first, last, history)| SnapshotFlags {
        first,
        last,
        history,
    });
    prop_oneof![
        payload.clone().prop_map(Frame::Hello),
        payload.clone().prop_map(Frame::Control),
        (any::<u32>(), any::<u64>(), payload.clone()).prop_map(|(channel, offset, bytes)| Frame::Output {
            channel,
            offset: Offset(offset),
            bytes
        }),
        (any::<u32>(), any::<u32>(), at, flags, payload.clone())
            .prop_map(|(channel, id, at, flags, bytes)| Frame::Snapshot { channel, id, at, flags, bytes }),
        (any::<u32>(), any::<u64>()).prop_map(|(channel, consumed)| Frame::Ack { channel, consumed }),
        (any::<u32>(), viewer.clone(), any::<u64>(), payload)
            .prop_map(|(channel, viewer, number, bytes)| Frame::Input { channel, viewer, number, bytes }),
        (any::<u32>(), viewer, any::<u64>(), outcome).prop_map(|(channel, viewer, number, outcome)| Frame::InputAck {
            channel,
            viewer,
            number,
            outcome
        }),
        any::<u64>().prop_map(Frame::Ping),
        any::<u64>().prop_map(Frame::Pong),
    ]
}

proptest! {
    #[test]
    fn a_frame_is_read_back_as_it_was_written(frame in any_frame()) {
        prop_assert_eq!(Frame::decode(frame.encode()).unwrap(), frame);
    }

    #[test]
    fn any_bytes_are_a_frame_or_an_error_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Frame::decode(Bytes::from(bytes));
    }

    #[test]
    fn frames_on_a_stream_survive_any_cut(
        frames in proptest::collection::vec(any_frame(), 1..8),
        cuts in proptest::collection::vec(1usize..40, 1..40),
    ) {
        let mut wire = BytesMut::new();
        for frame in &frames {
            frame.encode_with_length_into(&mut wire);
        }
        let (mut buffer, mut read, mut cuts) = (BytesMut::new(), Vec::new(), cuts.iter().cycle());
        while !wire.is_empty() {
            let piece = wire.split_to((*cuts.next().unwrap()).min(wire.len()));
            buffer.extend_from_slice(&piece);
            while let Some(frame) = take_frame(&mut buffer).unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
    }
}

#[test]
fn an_oversize_length_is_refused_before_anything_is_read_for_it() {
    let mut buffer = BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 0x10][..]);
    assert_eq!(
        take_frame(&mut buffer),
        Err(FrameError::TooLarge { kind: 0x10, bytes: 0xffff_ffff, max: FRAME_BYTES_MAX })
    );
}

#[test]
fn each_kind_has_its_own_bound() {
    let mut long = vec![INPUT; INPUT_HEADER_BYTES + INPUT_BYTES_MAX + 1];
    assert!(matches!(Frame::decode(Bytes::from(long.clone())), Err(FrameError::TooLarge { kind: INPUT, .. })));
    long[0] = CONTROL;
    assert!(matches!(Frame::decode(Bytes::from(long)), Ok(Frame::Control(_))));
    assert!(matches!(Frame::decode(Bytes::from_static(&[OUTPUT, 0])), Err(FrameError::Truncated { .. })));
    assert!(matches!(Frame::decode(Bytes::new()), Err(FrameError::Truncated { kind: 0, bytes: 0 })));
}

#[test]
fn a_kind_of_a_newer_protocol_is_skipped() {
    assert_eq!(Frame::decode(Bytes::from_static(&[0x7f, 1, 2, 3])), Ok(Frame::Unknown(0x7f)));
}

/// The values of kinds, outcomes and flags, and the layout of every kind, never change: agents and
/// PTY hosts of other versions read them. The page's tests read the same file.
#[test]
fn the_wire_is_frozen() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../tests/vectors/wire.json")).unwrap();
    let viewer = ViewerId(core::array::from_fn(|n| u8::try_from(n).unwrap()));
    let at = SnapshotAt { offset: Offset(0x0102_0304_0506), epoch: 7, cols: 120, rows: 40 };
    let expected = [
        ("hello", Frame::Hello(Bytes::from_static(b"{}"))),
        ("control", Frame::Control(Bytes::from_static(br#"{"kind":"detach","channel":1}"#))),
        (
            "output",
            Frame::Output {
                channel: 5,
                offset: Offset(0x0102_0304_0506),
                bytes: Bytes::from_static("é\r\n".as_bytes()),
            },
        ),
        (
            "repaint",
            Frame::Snapshot {
                channel: 5,
                id: 0,
                at,
                flags: SnapshotFlags { first: true, last: true, history: false },
                bytes: Bytes::from_static(b"\x1b[H"),
            },
        ),
        (
            "history",
            Frame::Snapshot {
                channel: 5,
                id: 9,
                at,
                flags: SnapshotFlags { first: false, last: true, history: true },
                bytes: Bytes::new(),
            },
        ),
        ("ack", Frame::Ack { channel: 5, consumed: 65_536 }),
        ("input", Frame::Input { channel: 5, viewer, number: 258, bytes: Bytes::from_static(b"\x03") }),
        ("input_applied", Frame::InputAck { channel: 5, viewer, number: 258, outcome: InputOutcome::Applied }),
        (
            "input_not_controller",
            Frame::InputAck { channel: 5, viewer, number: 258, outcome: InputOutcome::NotController },
        ),
        ("input_ended", Frame::InputAck { channel: 5, viewer, number: 258, outcome: InputOutcome::Ended }),
        ("ping", Frame::Ping(0x0102_0304_0506)),
        ("pong", Frame::Pong(0x0102_0304_0506)),
    ];
    let frozen = vectors["frames"].as_object().unwrap();
    assert_eq!(frozen.len(), expected.len(), "every frozen vector has a check");
    for (name, frame) in expected {
        let hex = frame.encode().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(frozen[name].as_str().unwrap(), hex, "{name}");
        assert_eq!(Frame::decode(frame.encode()).unwrap(), frame, "{name}");
    }
}
