//! A rollout over played machines.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;
use crate::wire::session::MachineFacts;
use crate::wire::updating::UpdateReport;

const TO: &str = "0.2.0";

struct Fleet(RefCell<BTreeMap<MachineId, Sight>>);

impl Fleet {
    fn of(count: usize) -> (Self, Rollout) {
        let facts = MachineFacts { build: "0.1.0".to_owned(), ..MachineFacts::default() };
        let sight = |n: usize| Sight { name: format!("machine {n}"), facts: facts.clone(), online: true, update: None };
        let all: BTreeMap<MachineId, Sight> = (0..count).map(|n| (MachineId::random(), sight(n))).collect();
        let machines = all.keys().map(|id| (*id, TO.to_owned())).collect();
        (Self(RefCell::new(all)), Rollout::new(UserId::random(), 1, machines))
    }

    fn turn(&self, rollout: &mut Rollout, now: u64) -> Vec<MachineId> {
        let asked = rollout.turn(now, 0, |id| self.0.borrow().get(&id).cloned());
        asked.into_iter().map(|(id, to)| (assert_eq!(to, TO), id).1).collect()
    }

    fn says(&self, id: MachineId, phase: UpdatePhase, at: u64) {
        let why = (phase == UpdatePhase::Failed).then(|| "it did not come up".to_owned());
        let report = UpdateReport { to: TO.to_owned(), phase, why, ..UpdateReport::default() };
        self.change(id, |sight| sight.update = Some((report, at)));
    }

    fn change(&self, id: MachineId, change: impl FnOnce(&mut Sight)) {
        change(self.0.borrow_mut().get_mut(&id).unwrap());
    }
}

fn states(rollout: &Rollout) -> Vec<StepState> {
    rollout.steps.iter().map(|step| step.state).collect()
}

#[test]
fn one_goes_first_then_a_few_at_a_time_until_all_are_through() {
    let (fleet, mut rollout) = Fleet::of(10);
    let mut asked = fleet.turn(&mut rollout, 2);
    assert_eq!(asked.len(), 1, "one alone, that the others learn from");
    assert_eq!(fleet.turn(&mut rollout, 3), [], "until it is through");
    fleet.says(asked[0], UpdatePhase::Restarting, 4);
    assert_eq!(fleet.turn(&mut rollout, 4), []);
    fleet.says(asked[0], UpdatePhase::Done, 5);
    let mut now = 5;
    let mut seen = 1;
    while rollout.is_running() {
        asked = fleet.turn(&mut rollout, now);
        seen += asked.len();
        assert!(states(&rollout).iter().filter(|state| **state == StepState::Asked).count() <= AT_ONCE);
        now += 1;
        for id in &asked {
            fleet.says(*id, UpdatePhase::Done, now);
        }
        assert!(now < 100, "it ends");
    }
    assert_eq!((seen, rollout.stopped.is_none()), (10, true));
    assert!(states(&rollout).iter().all(|state| *state == StepState::Done));
}

#[test]
fn the_first_that_fails_is_the_last_that_is_asked() {
    let (fleet, mut rollout) = Fleet::of(9);
    let first = fleet.turn(&mut rollout, 2)[0];
    fleet.says(first, UpdatePhase::Done, 3);
    let under_way = fleet.turn(&mut rollout, 3);
    assert_eq!(under_way.len(), AT_ONCE);
    fleet.says(under_way[1], UpdatePhase::Failed, 4);
    assert_eq!(fleet.turn(&mut rollout, 4), []);
    assert!(rollout.is_running(), "those under way are seen through");
    assert!(rollout.stopped.as_ref().unwrap().contains("failed"));
    for id in under_way {
        fleet.says(id, UpdatePhase::Done, 5);
    }
    assert_eq!(fleet.turn(&mut rollout, 6), []);
    let count = |state| states(&rollout).iter().filter(|it| **it == state).count();
    let all = [StepState::Done, StepState::Failed, StepState::LeftOut].map(count);
    assert_eq!((rollout.ended_at, all), (Some(6), [4, 1, 4]));
    let failed = rollout.steps.iter().find(|step| step.state == StepState::Failed).unwrap();
    assert_eq!(failed.why.as_deref(), Some("it did not come up"));
}

#[test]
fn machines_that_cannot_be_asked_are_left_out_and_hold_nobody_up() {
    let (fleet, mut rollout) = Fleet::of(4);
    let ids: Vec<MachineId> = rollout.steps.iter().map(|step| step.machine).collect();
    fleet.change(ids[0], |sight| sight.online = false);
    fleet.0.borrow_mut().remove(&ids[1]);
    assert_eq!(fleet.turn(&mut rollout, 2), [ids[2]]);
    rollout.answered(3, ids[2], Err(Problem::new(Code::NotAllowed, "its owner does not want it")));
    assert_eq!(fleet.turn(&mut rollout, 3), [ids[3]]);
    rollout.answered(3, ids[3], Ok(()));
    fleet.says(ids[3], UpdatePhase::Done, 4);
    fleet.turn(&mut rollout, 4);
    let (out, done) = (StepState::LeftOut, StepState::Done);
    assert_eq!((states(&rollout), rollout.ended_at), (vec![out, out, out, done], Some(4)));
}

#[test]
fn silence_is_a_failure_and_what_was_said_of_an_earlier_update_is_none_of_it() {
    let (fleet, mut rollout) = Fleet::of(1);
    let id = rollout.steps[0].machine;
    fleet.says(id, UpdatePhase::Failed, 1);
    assert_eq!(fleet.turn(&mut rollout, 2), [id]);
    rollout.answered(2, id, Err(Problem::new(Code::OutcomeUnknown, "no answer")));
    fleet.turn(&mut rollout, 1 + QUIET_MILLIS_MAX);
    assert_eq!(states(&rollout), [StepState::Asked]);
    fleet.turn(&mut rollout, 2 + QUIET_MILLIS_MAX);
    assert_eq!(states(&rollout), [StepState::Failed]);
}

#[test]
fn a_server_that_was_restarted_goes_on_with_what_it_kept() {
    let (fleet, mut rollout) = Fleet::of(2);
    let first = fleet.turn(&mut rollout, 2)[0];
    let mut kept: Rollout = serde_json::from_value(serde_json::to_value(&rollout).unwrap()).unwrap();
    // Nothing was heard while there was no server, and its machines have their time to come back.
    let restarted = 10 * QUIET_MILLIS_MAX;
    kept.turn(restarted + 1, restarted, |id| fleet.0.borrow().get(&id).cloned());
    assert_eq!(states(&kept)[0], StepState::Asked);
    fleet.says(first, UpdatePhase::Done, restarted + 2);
    assert_eq!(fleet.turn(&mut kept, restarted + 3).len(), 1, "the second has its turn");
}

#[test]
fn whoever_stops_it_stops_what_was_not_asked() {
    let (fleet, mut rollout) = Fleet::of(3);
    let first = fleet.turn(&mut rollout, 2)[0];
    rollout.stop(3, "Ada stopped it");
    fleet.says(first, UpdatePhase::Done, 4);
    assert_eq!(fleet.turn(&mut rollout, 4), []);
    assert_eq!(states(&rollout), [StepState::Done, StepState::LeftOut, StepState::LeftOut]);
    assert_eq!(rollout.stopped.as_deref(), Some("Ada stopped it"));
}
