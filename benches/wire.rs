//! What a frame costs: it is written once and read once on every hop.

use bytes::{Bytes, BytesMut};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use sessionforge::base::id::ViewerId;
use sessionforge::base::limits::FRAME_PAYLOAD_BYTES_MAX;
use sessionforge::base::offset::Offset;
use sessionforge::wire::Frame;

fn main() {
    divan::main();
}

fn output(bytes: usize) -> Frame {
    Frame::Output { channel: 7, offset: Offset(1 << 40), bytes: Bytes::from(vec![b'x'; bytes]) }
}

#[divan::bench(args = [1, 512, FRAME_PAYLOAD_BYTES_MAX])]
fn encode_output(bencher: Bencher<'_, '_>, bytes: usize) {
    let frame = output(bytes);
    let mut buffer = BytesMut::new();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        frame.encode_into(&mut buffer);
        black_box(buffer.split());
    });
}

#[divan::bench(args = [1, 512, FRAME_PAYLOAD_BYTES_MAX])]
fn decode_output(bencher: Bencher<'_, '_>, bytes: usize) {
    let raw = output(bytes).encode();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| Frame::decode(black_box(raw.clone())));
}

#[divan::bench]
fn decode_key(bencher: Bencher<'_, '_>) {
    let viewer = ViewerId::random();
    let raw = Frame::Input { channel: 7, viewer, number: 12, bytes: Bytes::from_static(b"a") }.encode();
    bencher.bench_local(|| Frame::decode(black_box(raw.clone())));
}
