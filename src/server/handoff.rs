//! The handoff of a session as one state machine: `private → shared → adopted → private`, and every way out. Pure.
//!
//! A handoff is offered, perhaps adopted, and ends: given back, approved, refused, taken back, expired, revoked, or with
//! the session's program. [`Step::apply`] is all that ever changes one; [`super::relay`] takes one step of a session at a
//! time, has it on disk with its entry in the audit log, and only then tells everybody.
//!
//! Invariants: at most one adopter; whoever is told that they adopted it has it; a handoff that is over never changes; a
//! step taken twice is taken once.

use crate::base::id::UserId;
use crate::base::problem::{Code, Problem};
use crate::store::audit::Action;
use crate::store::{Adoption, End, HandoffRow, Offer};
use crate::wire::handoff::{Phase, Verdict};

/// Something that happens to a session's handoff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The session is offered to others.
    Share(Offer),
    /// Somebody takes it up.
    Adopt(UserId),
    /// The adopter gives it back.
    Return {
        /// Who says so.
        by: UserId,
        /// For the owner, or the program that waits.
        note: Option<String>,
        /// What they decide, where it is asked for.
        verdict: Option<Verdict>,
    },
    /// Whoever has the session gives it to somebody who asked for it.
    Pass {
        /// Who has it.
        by: UserId,
        /// Who asked.
        to: UserId,
    },
    /// The owner, or who administers, takes it back.
    TakeBack {
        /// Who.
        by: UserId,
        /// For the others.
        note: Option<String>,
    },
    /// Time passed.
    Tick,
    /// The session's program ended.
    Exit,
    /// Somebody may not adopt sessions any more.
    Lose(UserId),
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing is offered.
    NotShared,
    /// The offer was for a while, which is over.
    Expired,
    /// It is for this person alone.
    ForAnother(UserId),
    /// This person has it.
    AdoptedBy(UserId),
    /// The owner has it anyway.
    OwnSession,
    /// Who has not adopted it cannot give it back.
    NotAdopted,
    /// A program waits for a decision.
    NoVerdict,
}

impl Step {
    /// What a step leaves of the newest handoff of `owner`'s session at `now`, in milliseconds since 1970. `None`: it
    /// changes nothing.
    pub(super) fn apply(
        self,
        newest: Option<&HandoffRow>,
        owner: UserId,
        now: u64,
    ) -> Result<Option<HandoffRow>, Refusal> {
        let open = newest.filter(|row| row.is_open());
        let end = |row: &HandoffRow, how, by, note| {
            Ok(Some(HandoffRow { end: Some(End { how, at: now, by, note }), ..row.clone() }))
        };
        match (self, open) {
            (Self::Share(offer), _) => share(offer, newest),
            (Self::Adopt(by), Some(row)) => adopt(by, row, owner, now),
            (Self::Adopt(_), None) => Err(match newest.map(HandoffRow::phase) {
                Some(Phase::Expired) => Refusal::Expired,
                _ => Refusal::NotShared,
            }),
            (Self::Return { by, note, verdict }, Some(row)) => {
                match row.adopter() {
                    Some(adopter) if adopter == by => {}
                    Some(adopter) => return Err(Refusal::AdoptedBy(adopter)),
                    None => return Err(Refusal::NotAdopted),
                }
                let how = match verdict {
                    Some(Verdict::Approved) => Phase::Approved,
                    Some(Verdict::Refused) => Phase::Refused,
                    None if row.offer.gate => return Err(Refusal::NoVerdict),
                    None => Phase::Returned,
                };
                end(row, how, Some(by), note)
            }
            (Self::Return { by, .. }, None) => {
                // Given back already, by the same person: said again because the answer was lost.
                let again = newest.and_then(|row| row.end.as_ref()).is_some_and(|end| end.by == Some(by));
                if again { Ok(None) } else { Err(Refusal::NotAdopted) }
            }
            (Self::Pass { by, to }, _) => pass(by, to, newest, owner, now),
            (Self::TakeBack { by, note }, Some(row)) => end(row, Phase::TakenBack, Some(by), note),
            (Self::Tick, Some(row)) if is_due(row, now) => end(row, Phase::Expired, None, None),
            (Self::Exit, Some(row)) => end(row, Phase::Exited, None, None),
            (Self::Lose(user), Some(row)) if row.adopter() == Some(user) => end(row, Phase::Revoked, None, None),
            (Self::Lose(user), Some(row)) if row.adoption.is_none() && row.offer.to == Some(user) => {
                end(row, Phase::Revoked, None, None)
            }
            (Self::TakeBack { .. } | Self::Exit, None) | (Self::Tick | Self::Lose(_), _) => Ok(None),
        }
    }

    /// As the audit log calls it.
    pub(super) fn action(&self) -> Action {
        match self {
            Self::Share(_) => Action::SessionShare,
            Self::Adopt(_) | Self::Pass { .. } => Action::SessionAdopt,
            Self::Return { .. } | Self::TakeBack { .. } | Self::Tick | Self::Exit | Self::Lose(_) => {
                Action::SessionReturn
            }
        }
    }
}

fn share(offer: Offer, newest: Option<&HandoffRow>) -> Result<Option<HandoffRow>, Refusal> {
    let Some(row) = newest else { return Ok(Some(HandoffRow { number: 1, offer, adoption: None, end: None })) };
    if offer.once.is_some() && offer.once == row.offer.once {
        return Ok(None);
    }
    if let Some(adopter) = row.adopter() {
        return Err(Refusal::AdoptedBy(adopter));
    }
    if !row.is_open() {
        return Ok(Some(HandoffRow { number: row.number + 1, offer, adoption: None, end: None }));
    }
    if row.offer.gate && !offer.gate {
        // A program waits for this offer as it is: shared it is already, and nothing else may be made of it.
        return Ok(None);
    }
    Ok(Some(HandoffRow { offer, ..row.clone() }))
}

fn adopt(by: UserId, row: &HandoffRow, owner: UserId, now: u64) -> Result<Option<HandoffRow>, Refusal> {
    match row.adopter() {
        Some(adopter) if adopter == by => return Ok(None),
        Some(adopter) => return Err(Refusal::AdoptedBy(adopter)),
        None => {}
    }
    if by == owner {
        return Err(Refusal::OwnSession);
    }
    if is_due(row, now) {
        return Err(Refusal::Expired);
    }
    match row.offer.to {
        Some(to) if to != by => Err(Refusal::ForAnother(to)),
        _ => Ok(Some(HandoffRow { adoption: Some(Adoption { by, at: now }), ..row.clone() })),
    }
}

/// To the owner a session is given back; to anybody else it is as if they had adopted it, of an offer for them if there is none.
fn pass(
    by: UserId,
    to: UserId,
    newest: Option<&HandoffRow>,
    owner: UserId,
    now: u64,
) -> Result<Option<HandoffRow>, Refusal> {
    let open = newest.filter(|row| row.is_open());
    match open.and_then(HandoffRow::adopter) {
        Some(adopter) if adopter != by => return Err(Refusal::AdoptedBy(adopter)),
        None if by != owner => return Err(Refusal::NotAdopted),
        _ => {}
    }
    let adoption = Some(Adoption { by: to, at: now });
    match open {
        Some(row) if to == owner && row.offer.gate => Err(Refusal::NoVerdict),
        Some(row) if to == owner => {
            let end = Some(End { how: Phase::Returned, at: now, by: Some(by), note: None });
            Ok(Some(HandoffRow { end, ..row.clone() }))
        }
        Some(row) => Ok(Some(HandoffRow { adoption, ..row.clone() })),
        None => {
            let offer = Offer { by, at: now, note: None, to: Some(to), expires_at: None, gate: false, once: None };
            let number = newest.map_or(1, |row| row.number + 1);
            Ok(Some(HandoffRow { number, offer, adoption, end: None }))
        }
    }
}

/// Whether an offer nobody took up has lasted as long as it should. Once adopted it lasts until it is given or taken back.
fn is_due(row: &HandoffRow, now: u64) -> bool {
    row.adoption.is_none() && row.offer.expires_at.is_some_and(|at| at <= now)
}

/// Whether time alone, or the end of the program, is to end it now.
pub(super) fn is_to_end(row: &HandoffRow, has_ended: bool, now: u64) -> bool {
    row.is_open() && (has_ended || is_due(row, now))
}

impl Refusal {
    /// In words; `name_of` says what somebody is called.
    pub(super) fn told(self, name_of: impl Fn(UserId) -> String) -> Problem {
        let (code, message) = match self {
            Self::NotShared => (Code::Conflict, "this session is not shared any more: ask its owner".to_owned()),
            Self::Expired => (Code::Conflict, "the offer has expired: ask its owner to share it again".to_owned()),
            Self::ForAnother(user) => (Code::NotAllowed, format!("only {} may adopt this session", name_of(user))),
            Self::AdoptedBy(user) => (
                Code::Conflict,
                format!("{} has adopted this session: it can be adopted again once it is given back", name_of(user)),
            ),
            Self::OwnSession => (Code::Conflict, "the session is yours: you have the keyboard anyway".to_owned()),
            Self::NotAdopted => (Code::Conflict, "you do not have this session: adopt it first".to_owned()),
            Self::NoVerdict => (
                Code::BadRequest,
                "a program waits for a decision: send a verdict, \"approved\" or \"refused\"".to_owned(),
            ),
        };
        Problem::new(code, message)
    }
}

#[cfg(test)]
mod tests;
