//! Handing a session over and back: share, adopt, return, and waiting for what becomes of it. `docs/handoff.md`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id};
use super::super::audit::note_refusal;
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::auth::permissions::Permission;
use super::super::handoff::Step;
use super::super::relay::By;
use crate::base::clock::unix_millis;
use crate::base::id::{OrganisationId, SessionId, UserId};
use crate::base::problem::{Code, Problem};
use crate::store::audit::Action;
use crate::store::{Offer, Sharing, Store};
use crate::wire::handoff::{HandoffView, NOTE_BYTES_MAX, Phase, Verdict};
use crate::wire::view::SessionView;

/// How long an offer may be good for, in milliseconds: a week. What is shared for longer is shared without an end.
pub(in crate::server) const EXPIRES_IN_MAX: u64 = 7 * 24 * 3_600_000;

/// Longest wait of one request: below the time in which proxies give up.
const WAIT_MAX: Duration = Duration::from_secs(25);

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Share {
    with: Sharing,
    /// For the person who takes over, or of who takes it back.
    #[serde(default)]
    note: Option<String>,
    /// Who alone may adopt it: a member's id, e-mail address or name.
    #[serde(default)]
    to: Option<String>,
    /// Milliseconds until the offer ends by itself, at most a week.
    #[serde(default)]
    expires_in: Option<u64>,
    /// Whether it is to be approved or refused: whoever gives it back must say which.
    #[serde(default)]
    gate: bool,
}

/// `PUT /sessions/{id}/sharing`: `{"with": "organisation"}` offers it to every member, `{"with": "private"}` takes it
/// back, also from whoever has adopted it.
pub(in crate::server) async fn share(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    Body(asked): Body<Share>,
) -> Result<Json<SessionView>, ApiError> {
    let note = note(asked.note)?;
    let step = match asked.with {
        Sharing::Private => Step::TakeBack { by: caller.user, note },
        Sharing::Organisation => {
            let to = member(&shared.store, caller.organisation, asked.to.as_deref()).await?;
            let now = unix_millis();
            let expires_at = expiry(now, asked.expires_in)?;
            Step::Share(Offer { by: caller.user, at: now, note, to, expires_at, gate: asked.gate, once: None })
        }
    };
    Ok(Json(shared.relay.hand(&caller, by(&caller, from), id, step).await?))
}

/// `POST /sessions/{id}/adopt`: takes over a session that is shared, with the keyboard. One of two gets it, and the
/// other is told who did; the audit log has both.
pub(in crate::server) async fn adopt(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
) -> Result<Json<SessionView>, ApiError> {
    let adopted = shared.relay.hand(&caller, by(&caller, from), id, Step::Adopt(caller.user)).await;
    // What somebody may not is noted for every address alike.
    if let Err(problem) = adopted.as_ref()
        && !matches!(problem.code, Code::NotFound | Code::NotAllowed)
    {
        note_refusal(&shared, caller.event(Action::SessionAdopt, from).on(id).refused(problem));
    }
    Ok(Json(adopted?))
}

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Return {
    /// For the owner, or the program that waits.
    #[serde(default)]
    note: Option<String>,
    /// Where a program waits for it: `approved` or `refused`.
    #[serde(default)]
    verdict: Option<Verdict>,
}

/// `POST /sessions/{id}/return`: gives back a session that the caller has adopted. What they see of it from then on is
/// what their role lets them see.
pub(in crate::server) async fn give_back(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    Body(asked): Body<Return>,
) -> Result<Json<HandoffView>, ApiError> {
    let step = Step::Return { by: caller.user, note: note(asked.note)?, verdict: asked.verdict };
    let place = shared.relay.organisation(caller.organisation).await?;
    match shared.relay.hand(&caller, by(&caller, from), id, step).await {
        // Given back, it need not be seen any more.
        Ok(_) => {}
        Err(problem) if problem.code == Code::NotFound => {
            let given = place.newest_handoff(id).and_then(|it| it.ended_by).is_some_and(|it| it.id == caller.user);
            if !given {
                return Err(problem.into());
            }
        }
        Err(problem) => return Err(problem.into()),
    }
    let told = place.newest_handoff(id);
    Ok(Json(told.ok_or_else(|| Problem::new(Code::NotFound, "there is no such session"))?))
}

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Look {
    /// Which; without it the newest.
    #[serde(default)]
    number: Option<u64>,
    /// How it was last: the answer comes once it is not so any more, or after 25 seconds. Without it at once.
    #[serde(default)]
    phase: Option<Phase>,
}

/// `POST /sessions/{id}/handoff`: how the newest handoff is, or became.
pub(in crate::server) async fn look(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<SessionId>,
    Body(Look { number, phase }): Body<Look>,
) -> Result<Json<HandoffView>, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    place.may_session(&caller, id, Permission::SeeSession)?;
    Ok(Json(place.look_at_handoff(id, number, phase, WAIT_MAX).await?))
}

fn by(caller: &Caller, ClientAddress(from): ClientAddress) -> By {
    By { actor: caller.actor(), from: Some(from) }
}

/// A note as it is kept: nothing instead of blanks, and no control characters that would act on a terminal.
pub(in crate::server) fn note(note: Option<String>) -> Result<Option<String>, Problem> {
    let Some(note) = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty()) else { return Ok(None) };
    if note.len() > NOTE_BYTES_MAX || note.chars().any(|it| it.is_control() && it != '\n' && it != '\t') {
        let message = format!("a note has at most {NOTE_BYTES_MAX} bytes and no control characters but line breaks");
        return Err(Problem::new(Code::BadRequest, message));
    }
    Ok(Some(note))
}

/// When an offer made at `now` ends by itself.
pub(in crate::server) fn expiry(now: u64, expires_in: Option<u64>) -> Result<Option<u64>, Problem> {
    match expires_in {
        None => Ok(None),
        Some(time) if (1_000..=EXPIRES_IN_MAX).contains(&time) => Ok(Some(now.saturating_add(time))),
        Some(_) => {
            let message = format!("an offer lasts from 1 second to {} days", EXPIRES_IN_MAX / 86_400_000);
            Err(Problem::new(Code::BadRequest, message))
        }
    }
}

/// The member that is meant by an id, an e-mail address or a name.
pub(in crate::server) async fn member(
    store: &Store,
    organisation: OrganisationId,
    asked: Option<&str>,
) -> Result<Option<UserId>, Problem> {
    let Some(asked) = asked else { return Ok(None) };
    let members = store.members(organisation).await?;
    let active = members.iter().filter(|it| it.membership.is_active());
    let same = |text: &str| text.to_lowercase() == asked.to_lowercase();
    let found: Vec<UserId> = active
        .filter(|it| {
            it.user.id.to_string() == asked || it.user.email.as_deref().is_some_and(same) || same(&it.user.name)
        })
        .map(|it| it.user.id)
        .collect();
    match found.as_slice() {
        [one] => Ok(Some(*one)),
        [] => Err(Problem::new(Code::BadRequest, format!("there is no member {asked:?} in this organisation"))),
        _ => Err(Problem::new(Code::BadRequest, format!("{asked:?} may be several members: give an e-mail address"))),
    }
}
