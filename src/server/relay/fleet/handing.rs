//! The handoffs of an organisation's sessions: who may ask for a step, what is due by itself, and how one looks to people.

use tokio::sync::MutexGuard;

use super::Organisation;
use super::known::State;
use crate::base::id::{MachineId, SessionId, UserId};
use crate::server::handoff::{Step, is_to_end};
use crate::store::HandoffRow;
use crate::wire::handoff::HandoffView;

/// A session whose handoff is about to take a step.
#[derive(Debug)]
pub(in crate::server::relay) struct Standing {
    /// Whose session it is.
    pub(in crate::server::relay) owner: UserId,
    /// Its newest handoff.
    pub(in crate::server::relay) newest: Option<HandoffRow>,
}

impl Organisation {
    /// Held while a handoff takes a step, until it is on disk and told: no two steps are taken from the same state.
    pub(in crate::server::relay) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// A session's handoff, for whoever holds the turn.
    pub(in crate::server::relay) fn standing(&self, id: SessionId) -> Option<Standing> {
        let state = self.state();
        state.sessions.get(&id).map(|it| Standing { owner: it.owner, newest: it.handoff.clone() })
    }

    /// A session's newest handoff, as people and programs are told of it. `None`: there was none.
    pub(in crate::server) fn newest_handoff(&self, id: SessionId) -> Option<HandoffView> {
        let state = self.state();
        let session = state.sessions.get(&id)?;
        session.handoff.as_ref().map(|row| state.handoff_view(row))
    }

    /// Whose session it is, if it is one of this machine.
    pub(in crate::server) fn owner_on(&self, machine: MachineId, id: SessionId) -> Option<UserId> {
        self.state().sessions.get(&id).filter(|session| session.machine == machine).map(|session| session.owner)
    }

    /// Steps that are due by themselves at `now`: time passed, or the program ended.
    pub(in crate::server::relay) fn due(&self, now: u64) -> Vec<(SessionId, Step)> {
        let state = self.state();
        let due = state.sessions.values().filter_map(|session| {
            let (row, ended) = (session.handoff.as_ref()?, session.info.has_ended());
            let step = if ended { Step::Exit } else { Step::Tick };
            is_to_end(row, ended, now).then_some((session.info.id, step))
        });
        due.collect()
    }

    /// Sessions that somebody has adopted, or that are offered to them alone.
    pub(in crate::server::relay) fn handed_to(&self, user: UserId) -> Vec<SessionId> {
        let state = self.state();
        let theirs = state.sessions.values().filter(|session| {
            session.handoff.as_ref().is_some_and(|row| row.adopter() == Some(user) || row.offer.to == Some(user))
        });
        theirs.map(|session| session.info.id).collect()
    }
}

impl State {
    pub(super) fn handoff_view(&self, row: &HandoffRow) -> HandoffView {
        let HandoffRow { number, offer, adoption, end } = row;
        HandoffView {
            number: *number,
            phase: row.phase(),
            by: self.person(offer.by),
            at: offer.at,
            note: offer.note.clone(),
            to: offer.to.map(|to| self.person(to)),
            expires_at: offer.expires_at,
            gate: offer.gate,
            adopted_by: adoption.map(|adoption| self.person(adoption.by)),
            adopted_at: adoption.map(|adoption| adoption.at),
            ended_by: end.as_ref().and_then(|end| end.by).map(|by| self.person(by)),
            ended_at: end.as_ref().map(|end| end.at),
            answer: end.as_ref().and_then(|end| end.note.clone()),
        }
    }
}
