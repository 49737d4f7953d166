//! An answer to what a session needs, given from elsewhere than its terminal.
//!
//! The dialog in the terminal stays usable; which of the two was first the PTY host decides, and its word is what the
//! answer is answered with.

use std::time::Duration;

use tokio::time::Instant;

use super::Relay;
use crate::base::id::{SessionId, fill_random};
use crate::base::problem::{Code, Problem};
use crate::server::auth::Caller;
use crate::server::auth::permissions::Permission;
use crate::wire::attention::{Answer, Need};
use crate::wire::message::SessionAsk;

/// Time a PTY host has to say what became of an answer.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

impl Relay {
    /// Answers `need` of a session, as whoever may type there may. What was answered, once it is.
    pub async fn answer(&self, who: &Caller, session: SessionId, need: u64, answer: Answer) -> Result<Need, Problem> {
        let place = self.organisation(who.organisation).await?;
        let (view, hub, _) = place.may_session(who, session, Permission::TypeSession)?;
        let asked = view.info.needs.filter(|asked| asked.id == need).ok_or_else(settled)?;
        if !asked.answerable || (answer == Answer::AllowAlways && !asked.always) {
            let text = "the program takes no such answer from elsewhere: answer it in its terminal";
            return Err(Problem::new(Code::BadRequest, text));
        }
        place.uplink(view.machine)?;
        let mut token = [0; 6];
        fill_random(&mut token);
        let token = token.iter().fold(0, |token, byte| token << 8 | u64::from(*byte));
        let deadline = Instant::now() + SETTLED_WITHIN;
        let mut told = None;
        loop {
            let mut news = std::pin::pin!(place.news());
            news.as_mut().enable(); // Listening first, then looking.
            let info = place.started(session).ok_or_else(settled)?.info;
            if info.needs.is_none_or(|now| now.id != need) {
                let ours = info.settled.is_some_and(|last| last.id == need && last.by == Some(token));
                return if ours { Ok(asked) } else { Err(settled()) };
            }
            // What an agent was told that is gone may never have arrived.
            if let Some(uplink) = hub.ask(told.as_ref(), SessionAsk::Answer { need, token, answer: answer.clone() }) {
                told = Some(uplink);
            }
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                let text =
                    "the machine did not say whether the answer arrived: look at the session before you answer again";
                return Err(Problem::new(Code::OutcomeUnknown, text));
            }
        }
    }
}

fn settled() -> Problem {
    Problem::new(Code::Conflict, "this was answered already, or is not asked any more: look at the session")
}
