//! The output log: appended to once, read by many.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use sessionforge::base::limits::{FRAME_PAYLOAD_BYTES_MAX, OUTPUT_LOG_BYTES_MAX};
use sessionforge::stream::OutputLog;

fn main() {
    divan::main();
}

const MIB: usize = 1 << 20;

/// One byte: typing. 4 KiB: what one read of a PTY gives. 32 KiB: a full frame.
#[divan::bench(args = [1, 4096, FRAME_PAYLOAD_BYTES_MAX])]
fn append(bencher: Bencher<'_, '_>, bytes: usize) {
    let mut log = OutputLog::new(OUTPUT_LOG_BYTES_MAX);
    let output = vec![b'x'; bytes];
    bencher.counter(BytesCount::new(bytes)).bench_local(|| log.append(black_box(&output)));
}

/// Each of `readers` follows the end while a MiB is printed.
#[divan::bench(args = [1, 10, 100])]
fn append_and_read(bencher: Bencher<'_, '_>, readers: usize) {
    let mut log = OutputLog::new(OUTPUT_LOG_BYTES_MAX);
    let output = vec![b'x'; 16 * 1024];
    bencher.counter(BytesCount::new(MIB * readers)).bench_local(|| {
        for _ in 0..MIB / output.len() {
            let from = log.end();
            log.append(&output);
            for _ in 0..readers {
                black_box(log.read(from, FRAME_PAYLOAD_BYTES_MAX)).ok();
            }
        }
    });
}
