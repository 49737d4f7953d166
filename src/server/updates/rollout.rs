//! Many machines brought to another version, as a careful person would: one first, then a few at a time, and no further one
//! once one has failed. Pure: what is seen of the machines and the time are handed in.

use serde::{Deserialize, Serialize};

use crate::base::id::{MachineId, UserId};
use crate::base::problem::{Code, Problem};
use crate::server::relay::Sight;
use crate::wire::updating::UpdatePhase;

/// Machines of one rollout. Who has more begins another one when it is over.
pub(super) const MACHINES_MAX: usize = 500;

/// Machines that are under way at a time, once one has come through: what a person can still look after, and no more than
/// that many download at once.
const AT_ONCE: usize = 4;

/// A machine of which nothing is heard for this long has failed, in milliseconds. It says each percent of the download, and
/// a version that does not come up is taken back within a minute.
pub(super) const QUIET_MILLIS_MAX: u64 = 3 * 60_000;

/// Where one machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum StepState {
    /// Its turn has not come.
    Waiting,
    /// It was asked, and is at it.
    Asked,
    /// It runs the new version.
    Done,
    /// It runs the version before, or has not been heard of.
    Failed,
    /// It was not asked, or would not.
    LeftOut,
}

/// One machine of a rollout.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "RolloutStep")]
pub(in crate::server) struct Step {
    /// Which.
    pub machine: MachineId,
    /// Version that it is to run.
    pub to: String,
    /// Where it is.
    pub state: StepState,
    /// Why it is left out or has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when it is there, in milliseconds since 1970.
    pub since: u64,
}

/// All of them. What the store keeps of it is this.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::server) struct Rollout {
    /// Who began it.
    pub by: UserId,
    /// When, in milliseconds since 1970.
    pub began_at: u64,
    /// When its last machine was through.
    #[serde(default)]
    pub ended_at: Option<u64>,
    /// Why not all were asked.
    #[serde(default)]
    pub stopped: Option<String>,
    /// In the order of their turns; at most [`MACHINES_MAX`].
    pub steps: Vec<Step>,
}

impl Rollout {
    /// Of these machines.
    pub(super) fn new(by: UserId, now: u64, machines: Vec<(MachineId, String)>) -> Self {
        let step = |(machine, to)| Step { machine, to, state: StepState::Waiting, why: None, since: now };
        let steps = machines.into_iter().take(MACHINES_MAX).map(step).collect();
        Self { by, began_at: now, ended_at: None, stopped: None, steps }
    }

    /// Whether machines are waiting or under way.
    pub(in crate::server) fn is_running(&self) -> bool {
        self.ended_at.is_none()
    }

    /// No further machine is asked, for this reason.
    pub(super) fn stop(&mut self, now: u64, why: &str) {
        self.stopped.get_or_insert_with(|| why.to_owned());
        for step in self.steps.iter_mut().filter(|step| step.state == StepState::Waiting) {
            step.become_(StepState::LeftOut, Some("it was not asked".to_owned()), now);
        }
        self.end(now);
    }

    /// What is to be asked now, as these machines are seen. `up_since`: since when they can be heard at all.
    pub(super) fn turn(
        &mut self,
        now: u64,
        up_since: u64,
        see: impl Fn(MachineId) -> Option<Sight>,
    ) -> Vec<(MachineId, String)> {
        for step in self.steps.iter_mut().filter(|step| step.state == StepState::Asked) {
            step.look(now, up_since, see(step.machine).as_ref());
        }
        let failed = self.steps.iter().find(|step| step.state == StepState::Failed);
        if let Some(failed) = failed {
            let name = see(failed.machine).map_or_else(|| failed.machine.to_string(), |sight| sight.name);
            self.stop(now, &format!("{name} failed, so no further machine was asked"));
        }
        let mut asked = Vec::new();
        let count = |steps: &[Step], state| steps.iter().filter(|step| step.state == state).count();
        let at_once = if count(&self.steps, StepState::Done) == 0 { 1 } else { AT_ONCE };
        let mut room = at_once.saturating_sub(count(&self.steps, StepState::Asked));
        for step in self.steps.iter_mut().filter(|step| step.state == StepState::Waiting) {
            if room == 0 {
                break;
            }
            match see(step.machine) {
                None => step.become_(StepState::LeftOut, Some("it was removed".to_owned()), now),
                Some(sight) if sight.facts.build == step.to => step.become_(StepState::Done, None, now),
                Some(sight) if !sight.online => {
                    step.become_(StepState::LeftOut, Some("it was not connected".to_owned()), now);
                }
                Some(_) => {
                    step.become_(StepState::Asked, None, now);
                    asked.push((step.machine, step.to.clone()));
                    room -= 1;
                }
            }
        }
        self.end(now);
        asked
    }

    /// A machine's answer to being asked. One that was not heard of is at it, perhaps.
    pub(super) fn answered(&mut self, now: u64, machine: MachineId, answer: Result<(), Problem>) {
        let Err(problem) = answer else { return };
        let step = self.steps.iter_mut().find(|step| step.machine == machine && step.state == StepState::Asked);
        let Some(step) = step else { return };
        match problem.code {
            Code::OutcomeUnknown => {}
            // It runs as before, which is no reason to keep the others waiting.
            Code::NotAllowed | Code::Conflict | Code::MachineOffline | Code::NotFound => {
                step.become_(StepState::LeftOut, Some(problem.message), now);
            }
            _ => step.become_(StepState::Failed, Some(problem.message), now),
        }
    }

    fn end(&mut self, now: u64) {
        let open = |step: &Step| matches!(step.state, StepState::Waiting | StepState::Asked);
        if self.ended_at.is_none() && !self.steps.iter().any(open) {
            self.ended_at = Some(now);
        }
    }
}

impl Step {
    fn become_(&mut self, state: StepState, why: Option<String>, now: u64) {
        (self.state, self.why, self.since) = (state, why, now);
    }

    fn look(&mut self, now: u64, up_since: u64, sight: Option<&Sight>) {
        let Some(sight) = sight else {
            return self.become_(StepState::LeftOut, Some("it was removed".to_owned()), now);
        };
        let heard = sight.update.as_ref().filter(|(report, at)| report.to == self.to && *at >= self.since);
        match heard.map(|(report, _)| report).map(|report| (report.phase, report.why.clone())) {
            Some((UpdatePhase::Done, _)) => return self.become_(StepState::Done, None, now),
            Some((UpdatePhase::Failed, why)) => return self.become_(StepState::Failed, why, now),
            _ => {}
        }
        let heard_at = heard.map_or(0, |(_, at)| *at).max(self.since).max(up_since);
        if now.saturating_sub(heard_at) >= QUIET_MILLIS_MAX {
            if sight.online && sight.facts.build == self.to {
                return self.become_(StepState::Done, None, now);
            }
            let minutes = QUIET_MILLIS_MAX / 60_000;
            self.become_(StepState::Failed, Some(format!("nothing was heard of it for {minutes} minutes")), now);
        }
    }
}

#[cfg(test)]
mod tests;
