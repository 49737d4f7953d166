//! How agents are brought to another version, as they say themselves.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Organisation, no_such_machine};
use crate::base::clock::unix_millis;
use crate::base::id::MachineId;
use crate::base::problem::{Code, Problem};
use crate::server::relay::uplink::Answer;
use crate::server::relay::{Uplink, bounds};
use crate::wire::message::ToAgent;
use crate::wire::session::MachineFacts;
use crate::wire::updating::{UpdateReport, UpdateWay};

/// Time an agent has to start what does it.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);

/// A machine, as far as an update is concerned.
#[derive(Debug, Clone)]
pub(in crate::server) struct Sight {
    /// What people call it.
    pub name: String,
    /// What its agent says of it.
    pub facts: MachineFacts,
    /// Whether its agent is connected.
    pub online: bool,
    /// How the last update goes, and when its agent said so, in milliseconds since 1970.
    pub update: Option<(UpdateReport, u64)>,
}

impl Organisation {
    /// An agent says how its update goes.
    pub(crate) fn updates(&self, uplink: &Arc<Uplink>, report: UpdateReport) {
        let mut state = self.state();
        if state.speaks_for(uplink).is_ok()
            && let Some(machine) = state.machines.get_mut(&uplink.machine)
        {
            machine.update = Some((bounds::update(report), unix_millis()));
            state.tell_machine(uplink.machine);
        }
    }

    /// Has a machine's agent begin an update, or says why it does not.
    pub(in crate::server) async fn update(&self, id: MachineId, to: &str) -> Result<(), Problem> {
        let sight = self.sight(id).ok_or_else(no_such_machine)?;
        let uplink = self.uplink(id)?;
        let no = |why: &str| Err(Problem::new(Code::Conflict, format!("{} {why}", sight.name)));
        match sight.facts.update_way {
            UpdateWay::Page => {}
            UpdateWay::Off => return no("is updated on the machine only: its owner wants it so"),
            UpdateWay::Root => return no("is updated on the machine only, by root: `sudo sessionforge update`"),
            UpdateWay::Package => return no("is updated on the machine only, by its package manager"),
            UpdateWay::Hand => {
                return no("is updated on the machine only, by `sessionforge update`: no service runs its agent");
            }
            UpdateWay::Unsaid => {
                return no("runs a version that cannot be asked: `sessionforge update` on the machine, this once");
            }
        }
        let deadline = Instant::now() + BEGINS_WITHIN;
        let version = to.to_owned();
        match uplink.request(deadline, |request| ToAgent::Update { request, version }).await {
            Answer::Done => Ok(()),
            Answer::Refused(problem) => Err(problem),
            Answer::Broke | Answer::Late => {
                let text = "the machine did not confirm that it begins, so it may have begun or not: it says so when it is \
                            connected";
                Err(Problem::new(Code::OutcomeUnknown, text))
            }
        }
    }

    /// A machine as an update sees it; `None` once it was removed.
    pub(in crate::server) fn sight(&self, id: MachineId) -> Option<Sight> {
        let state = self.state();
        let machine = state.machines.get(&id)?;
        Some(Sight {
            name: machine.shown_name().to_owned(),
            facts: machine.facts.clone(),
            online: machine.uplink.is_some(),
            update: machine.update.clone(),
        })
    }

    /// All machines, by id.
    pub(in crate::server) fn machine_ids(&self) -> Vec<MachineId> {
        self.state().machines.keys().copied().collect()
    }
}
