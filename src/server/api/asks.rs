//! Asking for a session's keyboard, and what whoever has it says to that.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id};
use super::super::audit::note_soon;
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::auth::permissions::Permission;
use super::super::handoff::Step;
use super::super::relay::By;
use crate::base::clock::unix_millis;
use crate::base::id::{SessionId, UserId};
use crate::store::audit::Action;
use crate::wire::view::SessionView;

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Asked {
    /// Takes back what one asked.
    #[serde(default)]
    withdraw: bool,
}

/// `POST /sessions/{id}/ask`: asks whoever has the keyboard for it. It stands for a minute, and in the session's `asking`.
pub(in crate::server) async fn ask(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    Body(Asked { withdraw }): Body<Asked>,
) -> Result<StatusCode, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    if withdraw {
        place.may_session(&caller, id, Permission::AskControl)?;
        place.ask_over(id, caller.user, unix_millis());
    } else if place.ask_for(&caller, id, unix_millis())? {
        note_soon(&shared, caller.event(Action::SessionAsk, from).on(id));
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Said {
    /// Whose asking it is about: the `id` in the session's `asking`.
    to: UserId,
    /// Whether they get it: the session is then theirs as if they had adopted it, or given back if they are its owner.
    grant: bool,
}

/// `POST /sessions/{id}/ask/answer`: whoever has the session grants it to somebody who asked, or refuses. How the session
/// is then; `null` for whoever does not see it any more.
pub(in crate::server) async fn answer(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    Body(Said { to, grant }): Body<Said>,
) -> Result<Json<Option<SessionView>>, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    place.may_answer_ask(&caller, id, to, unix_millis())?;
    if grant {
        let by = By { actor: caller.actor(), from: Some(from.0) };
        shared.relay.take_step(caller.organisation, by, id, Step::Pass { by: caller.user, to }).await?;
    } else if place.ask_over(id, to, unix_millis()) {
        note_soon(&shared, caller.event(Action::SessionRefuseAsk, from).on(id).fact("to", to));
    }
    Ok(Json(place.session(&caller, id)))
}
