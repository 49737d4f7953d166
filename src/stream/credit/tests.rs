#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]

use proptest::prelude::*;

use super::*;

#[test]
fn acknowledging_more_than_was_sent_is_refused() {
    let mut credit = Credit::new();
    let now = Instant::now();
    credit.sent(100, now);
    assert_eq!(credit.acked(101, now), Err(OverAcknowledged { consumed: 101, sent: 100 }));
    credit.acked(60, now).unwrap();
    credit.acked(50, now).unwrap();
    assert_eq!(credit.outstanding(), 40, "a number that goes back changes nothing");
}

#[test]
fn a_trickle_says_nothing_about_the_line() {
    let mut credit = Credit::new();
    let start = Instant::now();
    for n in 1..=1_000_u64 {
        let now = start + Duration::from_millis(50 * n);
        credit.sent(1, now);
        credit.acked(n, now + Duration::from_millis(40)).unwrap();
    }
    assert_eq!(credit.rate(), None);
    assert_eq!(credit.available(), WINDOW_START as usize);
}

#[test]
fn a_fast_reader_has_the_full_window_after_a_few_round_trips() {
    let mut credit = Credit::new();
    let mut now = Instant::now();
    let mut sent = 0;
    for _ in 0..8 {
        let bytes = credit.available();
        credit.sent(bytes, now);
        sent += bytes as u64;
        now += Duration::from_micros(300);
        credit.acked(sent, now).unwrap();
    }
    assert_eq!(credit.window(), WINDOW_MAX);
}

#[derive(Debug, Clone)]
enum Op {
    Send(usize),
    Acknowledge(u64),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1..40_000_usize).prop_map(Op::Send),
        (0..60_000_u64).prop_map(Op::Acknowledge),
        (0..2_000_000_u64).prop_map(Op::Pass),
    ]
}

proptest! {
    #[test]
    fn the_window_stays_in_its_bounds_and_nothing_is_sent_beyond_it(ops in prop::collection::vec(op(), 1..200)) {
        let mut credit = Credit::new();
        let mut now = Instant::now();
        let (mut sent, mut consumed) = (0, 0);
        for op in ops {
            match op {
                Op::Send(bytes) if bytes <= credit.available() => {
                    credit.sent(bytes, now);
                    sent += bytes as u64;
                }
                Op::Send(_) => {}
                Op::Acknowledge(more) => {
                    let all = consumed + more;
                    prop_assert_eq!(credit.acked(all, now).is_ok(), all <= sent);
                    if all <= sent {
                        consumed = all;
                    }
                }
                Op::Pass(micros) => now += Duration::from_micros(micros),
            }
            prop_assert_eq!(credit.outstanding(), sent - consumed);
            prop_assert!((WINDOW_MIN..=WINDOW_MAX).contains(&credit.window()));
            prop_assert!((1..=FRAME_PAYLOAD_BYTES_MAX).contains(&credit.piece_bytes_max()));
            prop_assert!(credit.flights.len() <= FLIGHTS_MAX);
            // An idle reader can always be sent something: nothing ever stands still for good.
            prop_assert!(credit.outstanding() > 0 || credit.available() >= credit.piece_bytes_max());
        }
    }
}
