use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const A: ViewerId = ViewerId([1; 16]);
const B: ViewerId = ViewerId([2; 16]);

#[test]
fn the_first_who_comes_types_and_the_second_watches() {
    let mut gate = InputGate::new();
    gate.join(A, Wish::TypeIfFree, 1);
    gate.join(B, Wish::TypeIfFree, 1);
    assert_eq!(gate.input(A, 1), Verdict::Apply);
    assert_eq!(gate.input(B, 1), Verdict::NotController);
    assert_eq!(gate.controller(), Some((A, true)));
}

#[test]
fn control_is_taken_and_the_loser_is_refused_from_then_on() {
    let mut gate = InputGate::new();
    gate.join(A, Wish::TypeIfFree, 1);
    assert_eq!(gate.input(A, 1), Verdict::Apply);
    gate.join(B, Wish::Type, 1);
    assert_eq!(gate.input(A, 2), Verdict::NotController);
    assert_eq!(gate.input(A, 1), Verdict::Repeat, "what was applied stays applied");
    gate.join(A, Wish::Type, 1);
    assert_eq!(gate.input(A, 2), Verdict::NotController, "what was refused stays refused");
    assert_eq!(gate.input(A, 3), Verdict::Apply);
}

#[test]
fn each_key_keeps_its_answer_however_often_the_keyboard_changed_hands_since() {
    let mut gate = InputGate::new();
    let mut answers = Vec::new();
    for number in 1..=2 * REFUSED_RUNS_MAX as u64 {
        let controls = number % 2 == 0;
        gate.join(if controls { A } else { B }, Wish::Type, 1);
        assert_eq!(gate.input(A, number), if controls { Verdict::Apply } else { Verdict::NotController });
        answers.push((number, if controls { Verdict::Repeat } else { Verdict::NotController }));
    }
    for (number, answer) in answers {
        assert_eq!(gate.input(A, number), answer, "key {number}, sent again");
    }
    gate.join(B, Wish::Type, 1);
    assert_eq!(gate.input(A, u64::MAX), Verdict::NotController);
    assert_eq!(gate.seen[&A].refused.len(), REFUSED_RUNS_MAX, "what is remembered is bounded");
}

#[test]
fn a_controller_that_comes_back_finds_its_keyboard_unless_somebody_took_it() {
    let mut gate = InputGate::new();
    gate.join(A, Wish::TypeIfFree, 1);
    gate.connection_closed(1);
    assert_eq!(gate.controller(), Some((A, false)));
    gate.join(A, Wish::TypeIfFree, 2);
    assert_eq!(gate.controller(), Some((A, true)));

    gate.leave(A, 2);
    gate.join(B, Wish::TypeIfFree, 2);
    gate.join(A, Wish::TypeIfFree, 2);
    assert_eq!(gate.controller(), Some((B, true)));
}

#[test]
fn a_leave_over_a_connection_already_left_is_ignored() {
    let mut gate = InputGate::new();
    gate.join(A, Wish::TypeIfFree, 1);
    gate.join(A, Wish::TypeIfFree, 2);
    gate.leave(A, 1);
    gate.connection_closed(1);
    assert_eq!(gate.controller(), Some((A, true)));
}

#[test]
fn nothing_passes_after_the_end() {
    let mut gate = InputGate::new();
    gate.join(A, Wish::TypeIfFree, 1);
    assert_eq!(gate.input(A, 1), Verdict::Apply);
    gate.end();
    assert_eq!(gate.input(A, 1), Verdict::Repeat);
    assert_eq!(gate.input(A, 2), Verdict::Ended);
}

#[test]
fn memory_is_bounded_and_the_controller_is_not_forgotten() {
    let mut gate = InputGate::new();
    gate.join(A, Wish::TypeIfFree, 1);
    assert_eq!(gate.input(A, 5), Verdict::Apply);
    for n in 0..2 * VIEWERS_PER_SESSION_MAX {
        let mut id = [9; 16];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        assert_eq!(gate.input(ViewerId(id), 1), Verdict::NotController);
    }
    assert!(gate.seen.len() <= VIEWERS_PER_SESSION_MAX);
    assert_eq!(gate.input(A, 5), Verdict::Repeat);
}

/// What may happen at a gate.
#[derive(Debug, Clone)]
enum Op {
    Join(u8, Wish, ConnectionId),
    Leave(u8, ConnectionId),
    Close(ConnectionId),
    /// The viewer types its next number.
    Type(u8),
    /// The viewer sends everything again from this many numbers back, as after a reconnect.
    Again(u8, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let viewer = 0..3u8;
    let wish = prop_oneof![Just(Wish::Watch), Just(Wish::TypeIfFree), Just(Wish::Type)];
    prop_oneof![
        (viewer.clone(), wish, 0..3u64).prop_map(|(v, w, c)| Op::Join(v, w, c)),
        (viewer.clone(), 0..3u64).prop_map(|(v, c)| Op::Leave(v, c)),
        (0..3u64).prop_map(Op::Close),
        viewer.clone().prop_map(Op::Type),
        (viewer, 0..6u64).prop_map(|(v, n)| Op::Again(v, n)),
    ]
}

proptest! {
    #[test]
    fn every_number_is_applied_at_most_once_in_order_for_the_controller_and_answered_the_same_again(ops in prop::collection::vec(op(), 0..200)) {
        let mut gate = InputGate::new();
        let mut typed: BTreeMap<u8, u64> = BTreeMap::new();
        let mut applied: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
        let mut answered: BTreeMap<(u8, u64), Verdict> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Join(v, wish, on) => {
                    gate.join(ViewerId([v; 16]), wish, on);
                    prop_assert!(wish != Wish::Type || gate.is_controller(ViewerId([v; 16])));
                }
                Op::Leave(v, on) => gate.leave(ViewerId([v; 16]), on),
                Op::Close(on) => gate.connection_closed(on),
                Op::Type(v) => {
                    let number = typed.entry(v).or_default();
                    *number += 1;
                    let controls = gate.is_controller(ViewerId([v; 16]));
                    prop_assert_eq!(gate.would_apply(ViewerId([v; 16]), *number), controls);
                    let verdict = gate.input(ViewerId([v; 16]), *number);
                    prop_assert_eq!(verdict == Verdict::Apply, controls);
                    answered.insert((v, *number), if controls { Verdict::Repeat } else { verdict });
                    if verdict == Verdict::Apply {
                        applied.entry(v).or_default().push(*number);
                    }
                }
                Op::Again(v, back) => {
                    let last = typed.get(&v).copied().unwrap_or(0);
                    for number in last.saturating_sub(back)..=last {
                        if number > 0 {
                            prop_assert!(!gate.would_apply(ViewerId([v; 16]), number));
                            prop_assert_eq!(gate.input(ViewerId([v; 16]), number), answered[&(v, number)]);
                        }
                    }
                }
            }
        }
        for numbers in applied.values() {
            prop_assert!(numbers.is_sorted_by(|a, b| a < b));
        }
    }
}
