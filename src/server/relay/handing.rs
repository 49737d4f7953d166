//! Handoffs, taken step by step: decided by [`crate::server::handoff`], on disk together with the audit log's entry, then
//! told to everybody whom it concerns, in this order and one step at a time.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::Relay;
use super::fleet::{Organisation, no_such_session};
use crate::base::clock::unix_millis;
use crate::base::id::{OrganisationId, SessionId, UserId};
use crate::base::problem::{Code, Problem};
use crate::server::auth::Caller;
use crate::server::auth::permissions::Permission;
use crate::server::handoff::Step;
use crate::store::audit::{Action, Actor, Event};
use crate::wire::handoff::{HandoffView, Phase};
use crate::wire::view::SessionView;

/// Who takes a step, for the audit log.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct By {
    /// Who.
    pub(in crate::server) actor: Actor,
    /// From where, if over the network.
    pub(in crate::server) from: Option<IpAddr>,
}

impl Relay {
    /// Takes a step of a session's handoff for somebody who may, and tells how the session is then.
    pub(in crate::server) async fn hand(
        &self,
        who: &Caller,
        by: By,
        session: SessionId,
        step: Step,
    ) -> Result<SessionView, Problem> {
        let place = self.organisation(who.organisation).await?;
        let permission = match step {
            Step::Adopt(_) | Step::Return { .. } | Step::Pass { .. } => Permission::AdoptSession,
            _ => Permission::ShareSession,
        };
        place.may_session(who, session, permission)?;
        self.take_step(who.organisation, by, session, step).await?;
        place.session(who, session).ok_or_else(no_such_session)
    }

    /// Takes a step. What is decided is carried through, also when whoever asked does not wait for it.
    pub(in crate::server) async fn take_step(
        &self,
        organisation: OrganisationId,
        by: By,
        session: SessionId,
        step: Step,
    ) -> Result<(), Problem> {
        let relay = self.clone();
        let taking = tokio::spawn(async move {
            let place = relay.organisation(organisation).await?;
            relay.step(&place, organisation, by, session, step).await
        });
        taking.await.map_err(Problem::internal)?
    }

    async fn step(
        &self,
        place: &Organisation,
        organisation: OrganisationId,
        by: By,
        session: SessionId,
        step: Step,
    ) -> Result<(), Problem> {
        let _turn = place.turn().await;
        let standing = place.standing(session).ok_or_else(no_such_session)?;
        let action = step.action();
        let next = step.apply(standing.newest.as_ref(), standing.owner, unix_millis());
        let Some(next) = next.map_err(|refusal| refusal.told(|user| place.name_of(user)))? else { return Ok(()) };
        // Given to its owner it is given back.
        let action = if next.end.is_some() { Action::SessionReturn } else { action };
        let event = Event::of(organisation, by.actor, action).on(session).fact("handoff", next.number);
        let event = match by.from {
            Some(from) => event.from(from),
            None => event,
        };
        let event = match &next.end {
            Some(end) => event.fact("how", word(end.how)),
            None => event,
        };
        // One that started just now may not be on disk yet.
        if let Some(row) = place.session_row(session) {
            self.store().put_session(row).await?;
        }
        self.store().noting(event).put_handoff(organisation, session, next.clone()).await?;
        tracing::info!(%session, handoff = next.number, phase = word(next.phase()), "a session was handed on");
        place.handed(session, next);
        Ok(())
    }

    /// Ends what is over by itself: offers whose time has passed, and those of programs that have ended.
    pub async fn end_handoffs(&self, now: u64) {
        for (id, place) in self.loaded_with_ids() {
            place.forget_asks(now);
            for (session, step) in place.due(now) {
                let by = By { actor: Actor::Server, from: None };
                if let Err(problem) = self.take_step(id, by, session, step).await {
                    tracing::warn!(%session, %problem, "a handoff that is over was not ended");
                }
            }
        }
    }

    /// Somebody may not adopt sessions here any more: ends what they have adopted, and what was offered to them alone.
    pub(in crate::server) async fn lose_handoffs(
        &self,
        organisation: OrganisationId,
        by: By,
        user: UserId,
    ) -> Result<(), Problem> {
        let place = self.organisation(organisation).await?;
        place.forget_asks_of(user);
        for session in place.handed_to(user) {
            self.take_step(organisation, by, session, Step::Lose(user)).await?;
        }
        Ok(())
    }
}

impl Organisation {
    /// How a session's handoff `number` is: once it is not in `phase` any more, or after `time`. Without a number the
    /// newest.
    pub(in crate::server) async fn look_at_handoff(
        &self,
        session: SessionId,
        number: Option<u64>,
        phase: Option<Phase>,
        time: Duration,
    ) -> Result<HandoffView, Problem> {
        let deadline = Instant::now() + time;
        loop {
            let mut news = std::pin::pin!(self.news());
            news.as_mut().enable(); // Listening first, then looking.
            let newest = self.newest_handoff(session);
            let newest = newest.ok_or_else(|| Problem::new(Code::Conflict, "this session was never handed over"))?;
            if number.is_some_and(|number| number != newest.number) {
                let text = "this handoff is over, and the session has been shared anew since";
                return Err(Problem::new(Code::Conflict, text));
            }
            if phase != Some(newest.phase) || tokio::time::timeout_at(deadline, news).await.is_err() {
                return Ok(newest);
            }
        }
    }
}

/// As the wire calls it.
pub(in crate::server) fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Shared => "shared",
        Phase::Adopted => "adopted",
        Phase::Returned => "returned",
        Phase::Approved => "approved",
        Phase::Refused => "refused",
        Phase::TakenBack => "taken_back",
        Phase::Expired => "expired",
        Phase::Revoked => "revoked",
        Phase::Exited => "exited",
        Phase::Unknown => "unknown",
    }
}
