//! The reader at both ends of a PTY host's socket, over a stream that gives its bytes in pieces of any size.
#![no_main]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sessionforge::host::framed::FrameReader;
use sessionforge::wire::frame::{Frame, take_frame};
use tokio::io::{AsyncRead, ReadBuf};

fuzz_target!(|input: (Vec<u8>, Vec<u8>, bool)| {
    let (cuts, stream, raw) = input;
    let expected = all_of(&stream);
    let (cuts, stream) = (cuts.into_iter().cycle().take(4096).collect(), stream);
    let pieces = Pieces { stream, cuts, at: 0, turn: 0 };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let read = runtime.block_on(async {
        let mut frames = if raw { FrameReader::new(pieces) } else { FrameReader::small(pieces) };
        let mut read = Vec::new();
        loop {
            let next = if raw {
                frames.next_raw().await.map(|raw| raw.map(|raw| Frame::decode(raw.freeze())))
            } else {
                frames.next().await.map(|frame| frame.map(Ok))
            };
            match next {
                Ok(Some(Ok(frame))) => read.push(frame),
                Ok(Some(Err(_))) | Ok(None) | Err(_) => return read,
            }
        }
    });
    assert_eq!(read, expected);
});

/// The frames before the first that is none, or before the end.
fn all_of(stream: &[u8]) -> Vec<Frame> {
    let mut buffer = BytesMut::from(stream);
    std::iter::from_fn(|| take_frame(&mut buffer).ok().flatten()).collect()
}

struct Pieces {
    stream: Vec<u8>,
    cuts: Vec<u8>,
    at: usize,
    turn: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let cut = self.cuts.get(self.turn).copied().unwrap_or(u8::MAX);
        self.turn += 1;
        if cut == 0 {
            // Nothing there yet.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let until = (self.at + usize::from(cut)).min(self.stream.len()).min(self.at + buffer.remaining());
        buffer.put_slice(&self.stream[self.at..until]);
        self.at = until;
        Poll::Ready(Ok(()))
    }
}
