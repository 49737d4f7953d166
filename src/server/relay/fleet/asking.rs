//! Who asks for a session's keyboard: shown to all who see the session, for a minute, and granted or refused by whoever has
//! it. Asking changes nothing else; what is granted is a step of the handoff.

use super::Organisation;
use super::known::{Ask, Session};
use crate::base::id::{SessionId, UserId};
use crate::base::problem::{Code, Problem};
use crate::server::auth::Caller;
use crate::server::auth::permissions::Permission;

/// How long somebody's asking stands, in milliseconds: whoever types is to see it, and nobody to wait in vain.
const ASK_FOR: u64 = 60_000;

/// People who ask at a time, of one session.
const ASKING_MAX: usize = 8;

impl Organisation {
    /// Somebody asks for the keyboard; again, for another minute. Whether they did not ask before.
    pub(in crate::server) fn ask_for(&self, who: &Caller, id: SessionId, now: u64) -> Result<bool, Problem> {
        self.may_session(who, id, Permission::AskControl)?;
        let mut state = self.state();
        let Some(session) = state.sessions.get_mut(&id) else { return Ok(false) };
        if session.info.has_ended() {
            return Err(Problem::new(Code::SessionEnded, "the session's program has ended"));
        }
        if session.holder() == who.user {
            return Err(Problem::new(Code::Conflict, "the session is with you: take control in your window"));
        }
        let offered = session.handoff.as_ref().filter(|row| row.is_open() && row.adopter().is_none());
        if offered.is_some_and(|row| row.offer.to.is_none_or(|to| to == who.user)) {
            return Err(Problem::new(Code::Conflict, "this session is offered to you: adopt it"));
        }
        session.asking.retain(|ask| ask.until > now);
        let (by, until) = (who.user, now + ASK_FOR);
        let is_new = !session.asks(by, now);
        session.asking.retain(|ask| ask.by != by);
        if session.asking.len() >= ASKING_MAX {
            return Err(Problem::new(Code::TooMany, "others have asked already: try again in a minute"));
        }
        session.asking.push(Ask { by, until });
        state.tell_session(id);
        Ok(is_new)
    }

    /// What somebody asked is taken back, or refused. Whether they did ask.
    pub(in crate::server) fn ask_over(&self, id: SessionId, by: UserId, now: u64) -> bool {
        let mut state = self.state();
        let Some(session) = state.sessions.get_mut(&id) else { return false };
        let asked = session.asks(by, now);
        session.asking.retain(|ask| ask.by != by);
        if asked {
            state.tell_session(id);
        }
        asked
    }

    /// Whether `by` asks for the keyboard, and `who` is the one to say yes or no.
    pub(in crate::server) fn may_answer_ask(
        &self,
        who: &Caller,
        id: SessionId,
        by: UserId,
        now: u64,
    ) -> Result<(), Problem> {
        self.may_session(who, id, Permission::AdoptSession)?;
        let state = self.state();
        let session = state.sessions.get(&id);
        if session.is_some_and(|it| it.holder() != who.user) {
            return Err(Problem::new(Code::Conflict, "you do not have this session, so it is not yours to give"));
        }
        if session.is_some_and(|it| it.asks(by, now)) {
            return Ok(());
        }
        Err(Problem::new(Code::Conflict, "they do not ask for it any more"))
    }

    /// Ends what was asked too long ago.
    pub(in crate::server::relay) fn forget_asks(&self, now: u64) {
        self.forget_asks_that(|ask| ask.until <= now);
    }

    /// Somebody may not ask any more.
    pub(in crate::server::relay) fn forget_asks_of(&self, user: UserId) {
        self.forget_asks_that(|ask| ask.by == user);
    }

    fn forget_asks_that(&self, are_over: impl Fn(&Ask) -> bool) {
        let mut state = self.state();
        let mut changed = Vec::new();
        for session in state.sessions.values_mut().filter(|session| session.asking.iter().any(&are_over)) {
            session.asking.retain(|ask| !are_over(ask));
            changed.push(session.info.id);
        }
        for id in changed {
            state.tell_session(id);
        }
    }
}

impl Session {
    /// Whose the keyboard is now: the adopter's, else the owner's.
    fn holder(&self) -> UserId {
        self.adopter().unwrap_or(self.owner)
    }

    fn asks(&self, by: UserId, now: u64) -> bool {
        self.asking.iter().any(|ask| ask.by == by && ask.until > now)
    }
}
