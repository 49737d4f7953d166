//! The reader over simulated lines: a virtual clock, a rate, a delay, bursts and hiccups.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests"
)]

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::limits::{OUTPUT_LOG_BYTES_MAX, WINDOW_BYTES_MAX};

/// Steps of the virtual clock.
const TICK: Duration = Duration::from_micros(250);

/// A line with a viewer at its end, and a session at its beginning.
struct World {
    now: Instant,
    start: Instant,
    log: OutputLog,
    reader: Reader<u32>,
    /// Bytes per second of the line, and bytes it takes at once before that.
    rate: f64,
    allowance: f64,
    burst: f64,
    delay: Duration,
    /// What the program prints, in bytes per second.
    printing: f64,
    printed: f64,
    snapshot_bytes: usize,
    /// Nothing moves at the reader's side before this.
    busy_until: Instant,
    asked_at: Option<Instant>,
    queue: VecDeque<Sent>,
    flying: VecDeque<(Instant, Sent)>,
    acks: VecDeque<(Instant, u64)>,
    consumed: u64,
    /// Offset up to which the viewer's screen is right.
    shown: Offset,
    missed: u64,
    repaints: usize,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    bytes: usize,
    from: Offset,
    until: Offset,
    paints: bool,
    last: bool,
}

impl World {
    fn new(rate: f64, delay: Duration) -> Self {
        let now = Instant::now();
        Self {
            now,
            start: now,
            log: OutputLog::new(OUTPUT_LOG_BYTES_MAX),
            reader: Reader::unpainted(),
            rate,
            allowance: 0.0,
            burst: 0.0,
            delay,
            printing: 0.0,
            printed: 0.0,
            snapshot_bytes: 2_000,
            busy_until: now,
            asked_at: None,
            queue: VecDeque::new(),
            flying: VecDeque::new(),
            acks: VecDeque::new(),
            consumed: 0,
            shown: Offset::ZERO,
            missed: 0,
            repaints: 0,
        }
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn print(&mut self, bytes: usize) {
        self.log.append(&vec![b'y'; bytes]);
    }

    fn tick(&mut self) {
        self.now += TICK;
        self.printed += self.printing * TICK.as_secs_f64();
        let whole = self.printed as usize;
        self.printed -= whole as f64;
        self.print(whole);

        while self.acks.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, consumed) = self.acks.pop_front().unwrap();
            self.reader.acked(consumed, self.now).unwrap();
        }
        // A snapshot takes the host a millisecond.
        if self.asked_at.is_some_and(|at| self.now >= at + Duration::from_millis(1)) {
            self.asked_at = None;
            self.reader.repainted(self.log.end(), Painting::of(0, Bytes::from(vec![b's'; self.snapshot_bytes])));
            self.repaints += 1;
        }
        self.send();
        self.carry();
        self.arrive();
        assert!(self.reader.credit().outstanding() <= u64::from(WINDOW_BYTES_MAX));
    }

    fn send(&mut self) {
        loop {
            let (at, bytes, paints, last) = match self.reader.step(&mut self.log, self.now) {
                Step::Output { offset, bytes } => (offset, bytes, false, true),
                Step::Paint { last, bytes, .. } => (self.reader.position(), bytes, true, last),
                Step::Answer { .. } => continue,
                Step::Repaint => {
                    self.asked_at = Some(self.now);
                    continue;
                }
                Step::Wait => return,
            };
            let until = if paints { at } else { at + bytes.len() };
            self.queue.push_back(Sent { bytes: bytes.len(), from: at, until, paints, last });
        }
    }

    fn carry(&mut self) {
        self.allowance =
            (self.allowance + self.rate * TICK.as_secs_f64()).min(self.burst + self.rate * TICK.as_secs_f64());
        while self.allowance > 0.0
            && let Some(front) = self.queue.pop_front()
        {
            self.allowance -= front.bytes as f64;
            self.flying.push_back((self.now + self.delay, front));
        }
    }

    fn arrive(&mut self) {
        if self.now < self.busy_until {
            return;
        }
        while self.flying.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, sent) = self.flying.pop_front().unwrap();
            if !sent.paints {
                self.missed += sent.from.since(self.shown);
                assert!(sent.from >= self.shown, "output goes back");
            }
            if sent.last {
                self.shown = sent.until;
            }
            self.consumed += sent.bytes as u64;
            self.acks.push_back((self.now + self.delay, self.consumed));
        }
    }

    fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.tick();
        }
    }

    /// Stops the program, lets it print its prompt, and waits until the viewer has it.
    fn interrupt(&mut self) -> Duration {
        self.printing = 0.0;
        self.print(20);
        let (pressed, prompt) = (self.now, self.log.end());
        while self.shown < prompt {
            self.tick();
            assert!(self.now - pressed < Duration::from_mins(1), "the prompt never came");
        }
        self.now - pressed
    }
}

const MBIT: f64 = 125_000.0;

#[test]
fn ctrl_c_under_a_flood_on_a_slow_line_shows_the_prompt_soon() {
    for (rate, burst, delay_ms) in [
        (MBIT, 0.0, 1),
        (MBIT, 32_768.0, 1),
        (MBIT, 0.0, 40),
        (MBIT, 65_536.0, 40),
        (4.0 * MBIT, 0.0, 20),
        (20.0 * MBIT, 100_000.0, 60),
    ] {
        for flooded_ms in [1_000, 1_300, 2_700, 12_000, 25_050] {
            let mut world = World::new(rate, Duration::from_millis(delay_ms));
            world.burst = burst;
            world.allowance = burst;
            world.printing = 30e6;
            world.run_for(Duration::from_millis(flooded_ms));
            let outstanding = world.reader.credit().outstanding();
            let took = world.interrupt();
            let allowed = Duration::from_millis(400 + 2 * delay_ms);
            assert!(
                took < allowed,
                "{took:?} after {flooded_ms} ms at {rate} B/s, {delay_ms} ms, {outstanding} B queued"
            );
        }
    }
}

#[test]
fn a_slow_line_has_little_in_flight_within_a_second_and_is_kept_busy() {
    let mut world = World::new(MBIT, Duration::from_millis(10));
    world.printing = 30e6;
    world.run_for(Duration::from_secs(1));
    let outstanding = world.reader.credit().outstanding();
    assert!(outstanding <= 20_000, "{outstanding} bytes");
    let before = world.consumed;
    world.run_for(Duration::from_secs(30));
    let rate = (world.consumed - before) as f64 / 30.0;
    assert!(rate > 0.85 * MBIT, "{rate} B/s of {MBIT}");
    let per_second = world.repaints as f64 / 31.0;
    assert!((4.0..=12.0).contains(&per_second), "{per_second} repaints a second");
}

#[test]
fn a_fast_viewer_misses_nothing_of_a_flood() {
    let mut world = World::new(150e6, Duration::from_micros(100));
    world.run_for(Duration::from_millis(20));
    world.printing = 35e6;
    let mut hiccup = 0;
    while world.log.end() < Offset(100 << 20) {
        world.tick();
        // The processor is elsewhere for up to 45 ms, five times a second.
        if world.elapsed() > Duration::from_millis(200 * hiccup) {
            hiccup += 1;
            world.busy_until = world.now + Duration::from_millis(9 * (hiccup % 6));
        }
    }
    world.interrupt();
    assert_eq!((world.missed, world.repaints), (0, 1), "one repaint at the start, none later");
}

#[test]
fn a_fast_line_with_a_long_delay_is_used() {
    let mut world = World::new(12.5e6, Duration::from_millis(40));
    world.printing = 30e6;
    world.run_for(Duration::from_secs(2));
    let before = world.consumed;
    world.run_for(Duration::from_secs(15));
    // A window of 512 KiB over 80 ms is 6.5 MB/s.
    let rate = (world.consumed - before) as f64 / 15.0;
    assert!(rate > 5e6, "{rate} B/s");
}

#[test]
fn a_line_that_became_long_is_learned_again() {
    let mut world = World::new(2e6, Duration::from_millis(1));
    world.printing = 30e6;
    world.run_for(Duration::from_secs(3));
    world.delay = Duration::from_millis(150);
    world.run_for(Duration::from_secs(25));
    let before = world.consumed;
    world.run_for(Duration::from_secs(10));
    let rate = (world.consumed - before) as f64 / 10.0;
    assert!(rate > 1e6, "{rate} B/s of 2 MB/s");
}

#[test]
fn a_burst_to_a_new_reader_far_away_is_sent_not_painted() {
    let mut world = World::new(10e6, Duration::from_millis(40));
    world.run_for(Duration::from_millis(200));
    world.print(512 * 1024);
    world.interrupt();
    assert_eq!((world.repaints, world.missed), (1, 0), "a small window's rate was taken for the line's");
}

#[test]
fn a_stalled_viewer_costs_its_window_and_is_painted_when_it_returns() {
    let mut world = World::new(10e6, Duration::from_millis(1));
    world.run_for(Duration::from_millis(50));
    world.busy_until = world.now + Duration::from_secs(3);
    world.printing = 30e6;
    world.run_for(Duration::from_secs(3));
    assert!(world.reader.credit().outstanding() <= u64::from(WINDOW_BYTES_MAX));
    let repaints = world.repaints;
    let took = world.interrupt();
    assert!(took < Duration::from_millis(300), "{took:?}");
    assert_eq!(world.repaints, repaints + 1);
}

#[test]
fn a_short_backlog_is_sent_not_painted() {
    let mut world = World::new(MBIT, Duration::from_millis(10));
    world.printing = 30e6;
    world.run_for(Duration::from_secs(2));
    world.interrupt();
    world.run_for(Duration::from_secs(1));
    let repaints = world.repaints;
    world.print(30_000);
    world.interrupt();
    assert_eq!(world.repaints, repaints, "a quarter of a second of output is no reason to lose scrollback");
}

#[test]
fn an_answer_goes_behind_the_output() {
    let mut log = OutputLog::new(1 << 20);
    let now = Instant::now();
    let mut reader = Reader::at(Offset::ZERO);
    log.append(b"live");
    reader.answered(Painting::of(7, Bytes::from_static(b"history")));
    assert!(matches!(reader.step(&mut log, now), Step::Output { .. }));
    assert_eq!(
        reader.step(&mut log, now),
        Step::Answer { label: 7, first: true, last: true, bytes: Bytes::from_static(b"history") }
    );
    assert_eq!(reader.step(&mut log, now), Step::Wait);
}

#[test]
fn of_repaints_that_pile_up_only_the_one_begun_and_the_newest_are_sent() {
    let mut log = OutputLog::new(1 << 20);
    let now = Instant::now();
    let mut reader = Reader::unpainted();
    assert_eq!(reader.step(&mut log, now), Step::Repaint);
    assert_eq!(reader.step(&mut log, now), Step::Wait);
    reader.repainted(Offset(1), Painting::of(0, Bytes::from(vec![b'1'; 5_000])));
    let Step::Paint { first: true, last: false, bytes, .. } = reader.step(&mut log, now) else { unreachable!() };
    assert!(bytes.iter().all(|b| *b == b'1'));
    reader.repainted(Offset(2), Painting::of(0, Bytes::from_static(b"2")));
    reader.repainted(Offset(3), Painting::of(0, Bytes::from_static(b"3")));
    let Step::Paint { first: false, last: true, .. } = reader.step(&mut log, now) else { unreachable!() };
    assert_eq!(
        reader.step(&mut log, now),
        Step::Paint { label: 0, first: true, last: true, bytes: Bytes::from_static(b"3") }
    );
    assert_eq!((reader.position(), reader.step(&mut log, now)), (Offset(3), Step::Wait));
    log.restart_at(Offset(3));
    log.append(b"x");
    assert_eq!(
        reader.step(&mut log, now),
        Step::Output { offset: Offset(3), bytes: Bytes::from_static(b"x") },
        "the log catches up with the snapshot's offset, and output goes on there"
    );
}

#[derive(Debug, Clone)]
enum Op {
    Print(usize),
    Flood(f64),
    Run(u64),
    Stall(u64),
    Rate(f64),
    Delay(u64),
    Resize,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1..500_000_usize).prop_map(Op::Print),
        prop_oneof![Just(0.0), Just(1e5), Just(3e7)].prop_map(Op::Flood),
        (1..400_u64).prop_map(Op::Run),
        (1..400_u64).prop_map(Op::Stall),
        (2e4..2e8).prop_map(Op::Rate),
        (0..100_u64).prop_map(Op::Delay),
        Just(Op::Resize),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_happens_the_viewer_ends_with_the_right_screen(ops in prop::collection::vec(op(), 1..20)) {
        let mut world = World::new(1e6, Duration::from_millis(5));
        for op in ops {
            match op {
                Op::Print(bytes) => world.print(bytes),
                Op::Flood(rate) => world.printing = rate,
                Op::Run(ms) => world.run_for(Duration::from_millis(ms)),
                Op::Stall(ms) => {
                    world.busy_until = world.now + Duration::from_millis(ms);
                    world.run_for(Duration::from_millis(ms));
                }
                Op::Rate(rate) => world.rate = rate,
                Op::Delay(ms) => world.delay = Duration::from_millis(ms),
                Op::Resize => world.reader.repainted(world.log.end(), Painting::of(0, Bytes::from(vec![b'r'; 3_000]))),
            }
        }
        world.interrupt();
        prop_assert_eq!(world.shown, world.log.end());
    }
}
