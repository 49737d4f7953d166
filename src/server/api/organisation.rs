//! The organisation, and which of theirs a person works in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::auth::client::ClientAddress;
use super::super::auth::{Caller, not_from};
use super::idempotency::IdempotencyKey;
use super::me::{self, Me};
use super::{members, name};
use crate::base::clock::unix_millis;
use crate::base::id::{OrganisationId, UserId};
use crate::base::problem::Code;
use crate::store::StoreError;
use crate::store::audit::Action;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Named {
    name: String,
}

/// `PATCH /organisation`
pub(in crate::server) async fn rename(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Body(asked): Body<Named>,
) -> Result<StatusCode, ApiError> {
    let name = name("the organisation's name", &asked.name)?;
    let event = caller.event(Action::Setting, from).fact("setting", "name").fact("value", &name);
    shared.store.noting(event).rename_organisation(caller.organisation, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct HandOver {
    to: UserId,
}

/// `POST /organisation/owner`: somebody else owns it, and the caller is an admin.
pub(in crate::server) async fn hand_over(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Body(HandOver { to }): Body<HandOver>,
) -> Result<StatusCode, ApiError> {
    if to == caller.user {
        return Err(ApiError::new(Code::BadRequest, "you own it already; name somebody else"));
    }
    let noting = shared.store.noting(caller.event(Action::MemberRole, from).on(to).fact("role", "owner"));
    noting.hand_over(caller.organisation, caller.user, to).await?;
    for user in [caller.user, to] {
        shared.relay.reconnect(caller.organisation, user);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /organisations`: another one, owned by the caller, whose browser works there from now on. With an
/// `Idempotency-Key` once, however often it is asked for.
pub(in crate::server) async fn found(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    once: IdempotencyKey,
    Body(asked): Body<Named>,
) -> Result<(StatusCode, Json<Me>), ApiError> {
    let name = name("the organisation's name", &asked.name)?;
    let event = caller.event(Action::Setting, from).fact("setting", "new organisation").fact("value", &name);
    let made = shared
        .store
        .noting(event)
        .add_organisation(once.organisation(&caller), caller.user, name, unix_millis())
        .await?;
    Ok((StatusCode::CREATED, switch_to(&shared, &caller, made.organisation).await?))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Switch {
    organisation: OrganisationId,
}

/// `POST /me/organisation`: this browser works in another of the person's organisations.
pub(in crate::server) async fn switch(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Body(Switch { organisation }): Body<Switch>,
) -> Result<Json<Me>, ApiError> {
    switch_to(&shared, &caller, organisation).await
}

async fn switch_to(shared: &Shared, caller: &Caller, organisation: OrganisationId) -> Result<Json<Me>, ApiError> {
    let browser = caller.browser()?;
    let row = shared.store.organisation(organisation).await?;
    if row.is_some_and(|row| !row.allowed.admits(caller.address))
        && shared.store.membership(caller.user, organisation).await?.is_some()
    {
        return Err(not_from(caller.address));
    }
    let membership = shared.store.switch_organisation(browser.clone(), organisation).await?;
    // Its other tabs still show what is of the old one.
    shared.relay.reconnect_browser(browser);
    Ok(Json(me::of(shared, caller.user, organisation, membership.role).await?))
}

/// `POST /me/leave`: the caller belongs to this organisation no more.
pub(in crate::server) async fn leave(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
) -> Result<StatusCode, ApiError> {
    if shared.store.membership(caller.user, caller.organisation).await?.is_none() {
        return Err(StoreError::NotFound { what: "membership" }.into());
    }
    members::leave(&shared, &caller, from, caller.user).await
}
