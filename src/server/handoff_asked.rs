//! What a machine asks about the handoff of one of its sessions, on behalf of that session's owner: `/sf-pause`,
//! `sessionforge pause` and `resume`.

use std::time::Duration;

use super::api::handoff::{expiry, member, note};
use super::handoff::Step;
use super::relay::{By, Organisation, Relay, Uplink};
use crate::base::clock::unix_millis;
use crate::base::id::SessionId;
use crate::base::problem::{Code, Problem};
use crate::store::audit::Actor;
use crate::store::{Offer, Role};
use crate::wire::handoff::{HandoffAsk, HandoffView, Phase};

/// Longest time until an answer: an agent that still wants to know asks again.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The marks by which an offer made again is known, in bytes.
const ONCE_BYTES_MAX: usize = 64;

/// What is to be told.
pub(super) async fn answer(
    relay: &Relay,
    place: &Organisation,
    uplink: &Uplink,
    session: SessionId,
    ask: HandoffAsk,
) -> Result<HandoffView, Problem> {
    let organisation = uplink.organisation;
    let owner = place.owner_on(uplink.machine, session);
    let owner =
        owner.ok_or_else(|| Problem::new(Code::NotFound, "the server knows no such session of this machine"))?;
    let by = By { actor: Actor::Machine(uplink.machine), from: None };
    let step = match ask {
        HandoffAsk::Look { number, phase } => {
            return place.look_at_handoff(session, Some(number), phase, WAIT_MAX).await;
        }
        HandoffAsk::Resume { note: said } => Step::TakeBack { by: owner, note: note(said)? },
        HandoffAsk::Pause { note: said, to, expires_in, gate, once } => {
            may_share(relay, uplink, owner).await?;
            if let Some(handoff) = place.newest_handoff(session).filter(|it| it.phase == Phase::Adopted) {
                // Somebody has what is to be offered: whoever asks learns that, and may wait for it.
                return Ok(handoff);
            }
            let to = member(relay.store(), organisation, to.as_deref()).await?;
            if to == Some(owner) {
                return Err(Problem::new(Code::BadRequest, "the session is theirs already: name somebody else"));
            }
            let at = unix_millis();
            let (note, expires_at) = (note(said)?, expiry(at, expires_in)?);
            let once = once.filter(|once| once.len() <= ONCE_BYTES_MAX);
            Step::Share(Offer { by: owner, at, note, to, expires_at, gate, once })
        }
        HandoffAsk::Unknown => {
            return Err(Problem::new(Code::VersionMismatch, "the server is too old for this: update it"));
        }
    };
    relay.take_step(organisation, by, session, step).await?;
    place.newest_handoff(session).ok_or_else(|| Problem::new(Code::Conflict, "the session is not shared"))
}

/// Whether the owner's role lets them share what is theirs: it may be less than when their machine connected.
async fn may_share(relay: &Relay, uplink: &Uplink, owner: crate::base::id::UserId) -> Result<(), Problem> {
    let member = relay.store().member(uplink.organisation, owner).await?;
    match member {
        Some(member) if member.membership.is_active() && member.membership.role <= Role::Member => Ok(()),
        _ => Err(Problem::new(Code::NotAllowed, "the session's owner may not share sessions here")),
    }
}
