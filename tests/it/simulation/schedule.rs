//! What can happen, and how often.

use proptest::prelude::*;

/// What can happen.
#[derive(Debug, Clone)]
pub enum Op {
    /// The program prints, in bytes.
    Print(usize),
    /// Time passes, in milliseconds.
    Run(u64),
    Type {
        viewer: usize,
        keys: u8,
    },
    TakeControl(usize),
    Resize {
        viewer: usize,
        cols: u16,
    },
    History(usize),
    /// A viewer neither reads nor acknowledges, in milliseconds.
    Stall {
        viewer: usize,
        ms: u64,
    },
    /// A viewer's line from now on.
    Line {
        viewer: usize,
        delay_ms: u64,
        bytes_per_ms: u64,
    },
    /// A viewer's connection breaks. The server notices later, perhaps much later than the viewer is back; and what was
    /// sent before may come later than what is sent on the next connection.
    CutViewer {
        viewer: usize,
        arrives: u64,
        late_ms: u64,
        noticed_ms: u64,
    },
    /// The agent's connection breaks, or the agent dies: so does its connection to the host.
    CutAgent {
        arrives: u64,
        noticed_ms: u64,
        back_ms: u64,
    },
    /// The server is killed: all connections break, and it remembers nothing of streams.
    KillServer,
}

/// Any of it.
pub fn op() -> impl Strategy<Value = Op> {
    let viewer = 0..3_usize;
    let noticed = prop_oneof![0..20_u64, 0..2_000_u64, Just(15_000)];
    prop_oneof![
        6 => prop_oneof![1..50_usize, 1..20_000_usize, 1..400_000_usize].prop_map(Op::Print),
        6 => prop_oneof![1..20_u64, 1..300_u64, 1..4_000_u64].prop_map(Op::Run),
        4 => (viewer.clone(), 1..5_u8).prop_map(|(viewer, keys)| Op::Type { viewer, keys }),
        2 => viewer.clone().prop_map(Op::TakeControl),
        1 => (viewer.clone(), 40..200_u16).prop_map(|(viewer, cols)| Op::Resize { viewer, cols }),
        1 => viewer.clone().prop_map(Op::History),
        1 => (viewer.clone(), 1..3_000_u64).prop_map(|(viewer, ms)| Op::Stall { viewer, ms }),
        1 => (viewer.clone(), 0..300_u64, prop_oneof![10..200_u64, 1_000..50_000_u64])
            .prop_map(|(viewer, delay_ms, bytes_per_ms)| Op::Line { viewer, delay_ms, bytes_per_ms }),
        2 => (viewer, 0..1_001_u64, prop_oneof![Just(0), 1..1_000_u64], noticed.clone())
            .prop_map(|(viewer, arrives, late_ms, noticed_ms)| Op::CutViewer { viewer, arrives, late_ms, noticed_ms }),
        2 => (0..1_001_u64, noticed, prop_oneof![1..50_u64, 1..3_000_u64])
            .prop_map(|(arrives, noticed_ms, back_ms)| Op::CutAgent { arrives, noticed_ms, back_ms }),
        1 => Just(Op::KillServer),
    ]
}
