//! Sessions of all machines.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id, Query};
use super::super::audit::note_soon;
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::auth::permissions::Permission;
use super::super::tagged::Tagged;
use super::idempotency::IdempotencyKey;
use super::machines::Size;
use super::paged::Paged;
use crate::base::id::SessionId;
use crate::base::problem::Code;
use crate::store::audit::Action;
use crate::wire::view::SessionView;

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Sessions {
    sessions: Vec<SessionView>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /sessions`
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(paged): Query<Paged>,
) -> Result<Tagged<Sessions>, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    Tagged::of(&headers, &place.seen_by(&caller), || {
        let (sessions, next) = paged.of(place.sessions(&caller), |session| session.info.id.to_string());
        Ok(Sessions { sessions, next })
    })
}

/// `GET /sessions/{id}`
pub(in crate::server) async fn show(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<SessionId>,
) -> Result<Json<SessionView>, ApiError> {
    Ok(Json(shared.relay.session(&caller, id, Permission::SeeSession).await?.0))
}

#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Stop {
    #[serde(default)]
    force: bool,
}

/// `POST /sessions/{id}/stop`: hangs up and terminates, or kills. Answers when the program has ended; with an
/// `Idempotency-Key` also if it had ended before.
pub(in crate::server) async fn stop(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    key: IdempotencyKey,
    Body(Stop { force }): Body<Stop>,
) -> Result<StatusCode, ApiError> {
    match shared.relay.stop(&caller, id, force).await {
        // Whoever may have to ask twice wants it to have ended, and it has.
        Err(problem) if problem.code == Code::SessionEnded && key.is_given() => return Ok(StatusCode::NO_CONTENT),
        stopped => stopped?,
    }
    note_soon(&shared, caller.event(Action::SessionStop, from).on(id).fact("force", force));
    tracing::info!(session = %id, user = %caller.user, force, "session stopped");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /sessions/{id}/resume`: a new session that goes on with the conversation of one that has ended. With an
/// `Idempotency-Key` once, as a start.
pub(in crate::server) async fn resume(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    key: IdempotencyKey,
    Body(size): Body<Size>,
) -> Result<(StatusCode, Json<SessionView>), ApiError> {
    let Size { cols, rows } = size.checked()?;
    let session = shared.relay.resume(&caller, id, (cols, rows), |machine| key.session(&caller, machine)).await?;
    let event = caller.event(Action::SessionStart, from).on(session.info.id).fact("machine", session.machine);
    note_soon(&shared, event.fact("command", &session.info.command).fact("resumed_from", id));
    tracing::info!(session = %session.info.id, resumed_from = %id, user = %caller.user, "session resumed");
    Ok((StatusCode::CREATED, Json(session)))
}

/// `DELETE /sessions/{id}`: removes one that has ended.
pub(in crate::server) async fn forget(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, ApiError> {
    shared.relay.forget(&caller, id).await?;
    note_soon(&shared, caller.event(Action::SessionForget, from).on(id));
    Ok(StatusCode::NO_CONTENT)
}
