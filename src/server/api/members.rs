//! Members of the organisation: their roles, and how a membership ends.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id, Query};
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::auth::permissions::role_name;
use super::super::links;
use super::super::relay::By;
use super::idempotency::IdempotencyKey;
use super::paged::{Paged, oldest_first};
use crate::base::clock::unix_millis;
use crate::base::id::UserId;
use crate::base::problem::Code;
use crate::store::audit::Action;
use crate::store::{Ended, Member, Role, StoreError};

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct MemberView {
    id: UserId,
    name: String,
    email: Option<String>,
    role: Role,
    since: u64,
    deactivated_at: Option<u64>,
    second_factor: bool,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Members {
    members: Vec<MemberView>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /members`: everybody, deactivated ones too, longest first.
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Query(paged): Query<Paged>,
) -> Result<Json<Members>, ApiError> {
    let all = shared.store.members(caller.organisation).await?;
    let (page, next) = paged.of(all, |member| oldest_first(member.membership.since, member.user.id));
    let view = |Member { user, membership, second_factor }: Member| MemberView {
        id: user.id,
        name: user.name,
        email: user.email,
        role: membership.role,
        since: membership.since,
        deactivated_at: membership.deactivated_at,
        second_factor,
    };
    Ok(Json(Members { members: page.into_iter().map(view).collect(), next }))
}

/// A member whom the caller has a say over.
async fn below(shared: &Shared, caller: &Caller, id: UserId) -> Result<Member, ApiError> {
    let member = shared.store.member(caller.organisation, id).await?.ok_or(StoreError::NotFound { what: "member" })?;
    caller.outranks(member.membership.role)?;
    Ok(member)
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct ChangeRole {
    role: Role,
}

/// `PATCH /members/{id}`: another role. Their pages come back with what they may see now.
pub(in crate::server) async fn change_role(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<UserId>,
    Body(ChangeRole { role }): Body<ChangeRole>,
) -> Result<StatusCode, ApiError> {
    let before = below(&shared, &caller, id).await?.membership.role;
    caller.outranks(role)?;
    let event = caller.event(Action::MemberRole, from).on(id);
    let event = event.fact("role", role_name(role)).fact("before", role_name(before));
    shared.store.noting(event).set_role(caller.organisation, id, role).await?;
    shared.relay.reconnect(caller.organisation, id);
    if role == Role::Viewer {
        let by = By { actor: caller.actor(), from: Some(from.0) };
        shared.relay.lose_handoffs(caller.organisation, by, id).await?;
        // Whoever may not connect machines any more has none connected.
        shared.relay.reconnect_machines(caller.organisation, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /members/{id}/deactivate`: ends everything of theirs here, at once; their name stays.
pub(in crate::server) async fn deactivate(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiError> {
    below(&shared, &caller, id).await?;
    let noting = shared.store.noting(caller.event(Action::MemberRemove, from).on(id).fact("how", "deactivated"));
    let ended = noting.deactivate_member(caller.organisation, id, unix_millis()).await?;
    disconnect(&shared, &caller, from, id, &ended).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /members/{id}/reactivate`: they may sign in again; their keys stay revoked.
pub(in crate::server) async fn reactivate(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiError> {
    let role = below(&shared, &caller, id).await?.membership.role;
    let event = caller.event(Action::MemberRole, from).on(id);
    let event = event.fact("role", role_name(role)).fact("before", "deactivated");
    shared.store.noting(event).reactivate_member(caller.organisation, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /members/{id}`: they belong here no more.
pub(in crate::server) async fn remove(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiError> {
    below(&shared, &caller, id).await?;
    leave(&shared, &caller, from, id).await
}

/// Ends a membership for good: somebody else's, or one's own.
pub(super) async fn leave(
    shared: &Arc<Shared>,
    caller: &Caller,
    from: ClientAddress,
    id: UserId,
) -> Result<StatusCode, ApiError> {
    let how = if id == caller.user { "left" } else { "removed" };
    let noting = shared.store.noting(caller.event(Action::MemberRemove, from).on(id).fact("how", how));
    let ended = noting.remove_member(caller.organisation, id, unix_millis()).await?;
    disconnect(shared, caller, from, id, &ended).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disconnect(
    shared: &Shared,
    caller: &Caller,
    from: ClientAddress,
    id: UserId,
    ended: &Ended,
) -> Result<(), ApiError> {
    ended.keys.iter().for_each(|key| shared.relay.disconnect_key(*key));
    // Those who belong elsewhere too come back there; the others are told to sign in.
    shared.relay.reconnect(caller.organisation, id);
    tracing::info!(user = %id, by = %caller.user, keys = ended.keys.len(), "a membership ended");
    let by = By { actor: caller.actor(), from: Some(from.0) };
    Ok(shared.relay.lose_handoffs(caller.organisation, by, id).await?)
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct ResetLink {
    url: String,
    expires_at: u64,
}

/// `POST /members/{id}/reset-link`: a link with which they choose a new password, once, within a day. With an
/// `Idempotency-Key` one; it is in the first answer alone, so a repeat is a conflict.
pub(in crate::server) async fn reset_link(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<UserId>,
    key: IdempotencyKey,
) -> Result<(StatusCode, Json<ResetLink>), ApiError> {
    let member = below(&shared, &caller, id).await?;
    // Whoever resets a password can sign in with it: in every organisation of that person.
    if shared.store.memberships(id).await?.iter().any(|row| row.organisation != caller.organisation) {
        let message = format!(
            "{} belongs to another organisation too: only `sessionforge server reset-password`, on the server itself, \
             makes a link for them",
            member.user.name
        );
        return Err(ApiError::new(Code::NotAllowed, message));
    }
    let noting = shared.store.noting(caller.event(Action::PasswordChange, from).on(id).fact("how", "link made"));
    let once = key.reset_link(&caller, id);
    let (url, expires_at) = links::reset_link(&noting, &shared.url, id, once, unix_millis()).await?;
    Ok((StatusCode::CREATED, Json(ResetLink { url, expires_at })))
}
