//! Bytes of a peer that may be anybody: one message of a WebSocket, and frames behind their lengths.
//!
//! A frame that is read is written back as it came; a relay passes on nothing that the next hop would refuse.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use sessionforge::base::limits::FRAME_BYTES_MAX;
use sessionforge::wire::frame::{Frame, take_frame};
use sessionforge::wire::passing::{Passing, readdress};

const CHANNEL: u32 = 0x0a0b_0c0d;

fuzz_target!(|data: &[u8]| {
    one_message(data);
    passed_on(data);
    behind_lengths(data);
});

fn one_message(data: &[u8]) {
    let Ok(frame) = Frame::decode(Bytes::copy_from_slice(data)) else { return };
    assert!(data.len() <= FRAME_BYTES_MAX);
    let again = Frame::decode(frame.encode()).expect("what was written can be read");
    assert_eq!(again, frame);
}

fn passed_on(data: &[u8]) {
    let mut raw = data.to_vec();
    let Ok(passing) = readdress(&mut raw, CHANNEL) else { return };
    let frame = Frame::decode(raw.into());
    match passing {
        Passing::Output => match frame.expect("the server would hang up on the whole machine") {
            Frame::Output { channel, .. } | Frame::Snapshot { channel, .. } => assert_eq!(channel, CHANNEL),
            other => panic!("passed on as output: {other:?}"),
        },
        Passing::InputAck => match frame.expect("the server would hang up on the whole machine") {
            Frame::InputAck { channel, .. } => assert_eq!(channel, CHANNEL),
            other => panic!("passed on as an acknowledgement: {other:?}"),
        },
        Passing::Control | Passing::Other => {}
    }
}

/// However the stream is cut, the same frames and the same end come out of it, and no buffer grows past one frame.
fn behind_lengths(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let mut whole = BytesMut::from(stream);
    let mut buffer = BytesMut::new();
    for piece in stream.chunks(usize::from(cut) + 1) {
        buffer.extend_from_slice(piece);
        loop {
            let (cut, uncut) = (take_frame(&mut buffer), take_frame(&mut whole));
            match cut {
                Ok(Some(frame)) => assert_eq!(uncut, Ok(Some(frame))),
                Ok(None) => {
                    // The rest has not come yet, so what the whole stream gave is put back.
                    if let Ok(Some(frame)) = uncut {
                        let mut back = BytesMut::new();
                        frame.encode_with_length_into(&mut back);
                        back.extend_from_slice(&whole);
                        whole = back;
                    }
                    break;
                }
                Err(_) => return,
            }
        }
        assert!(buffer.capacity() <= 2 * (FRAME_BYTES_MAX + 4 + piece.len()), "{} bytes", buffer.capacity());
    }
}
