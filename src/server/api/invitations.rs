//! Invitations: made by those who may, accepted by whoever has the link.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id, Query};
use super::super::auth::client::{Browser, ClientAddress};
use super::super::auth::cookie::random_token;
use super::super::auth::permissions::role_name;
use super::super::auth::{Caller, not_from};
use super::idempotency::IdempotencyKey;
use super::name;
use super::paged::{Paged, newest_first};
use super::setup::email;
use super::sign_in::{new_browser, signed_in};
use crate::base::clock::unix_millis;
use crate::base::id::InvitationId;
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::audit::{Action, Actor, Event};
use crate::store::{InvitationRow, Joining, Role};

/// How long an invitation can be accepted, in days, unless said otherwise.
const DAYS_DEFAULT: u64 = 7;
/// At the longest.
const DAYS_MAX: u64 = 90;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct InvitationView {
    id: InvitationId,
    role: Role,
    email: Option<String>,
    created_by: String,
    created_at: u64,
    expires_at: u64,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Invitations {
    invitations: Vec<InvitationView>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn view(shared: &Shared, row: InvitationRow) -> Result<InvitationView, ApiError> {
    let created_by = shared.store.user(row.created_by).await?.map(|user| user.name).unwrap_or_default();
    let InvitationRow { id, role, email, created_at, expires_at, .. } = row;
    Ok(InvitationView { id, role, email, created_by, created_at, expires_at })
}

/// `GET /invitations`: those that can still be accepted, newest first.
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Query(paged): Query<Paged>,
) -> Result<Json<Invitations>, ApiError> {
    let rows = shared.store.invitations(caller.organisation, unix_millis()).await?;
    let (rows, next) = paged.of(rows, |row| newest_first(row.created_at, row.id));
    let mut invitations = Vec::new();
    for row in rows {
        invitations.push(view(&shared, row).await?);
    }
    Ok(Json(Invitations { invitations, next }))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Invite {
    role: Role,
    /// Then only somebody with this address can accept it.
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    days: Option<u64>,
}

/// A new invitation: the only answer that ever holds its link.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Made {
    #[serde(flatten)]
    view: InvitationView,
    url: String,
}

/// `POST /invitations`: with an `Idempotency-Key` once, for as long as the invitation is open. Its link is in the first answer
/// alone, so a repeat is a conflict.
pub(in crate::server) async fn create(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    once: IdempotencyKey,
    Body(asked): Body<Invite>,
) -> Result<(StatusCode, Json<Made>), ApiError> {
    caller.outranks(asked.role)?;
    let email = match asked.email.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(text) => Some(email(text)?),
    };
    let days = asked.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(ApiError::new(Code::BadRequest, format!("an invitation lasts 1 to {DAYS_MAX} days")));
    }
    let (token, now) = (random_token(), unix_millis());
    let row = InvitationRow {
        id: once.invitation(&caller).unwrap_or_else(InvitationId::random),
        hash: token.hash(),
        organisation: caller.organisation,
        role: asked.role,
        email,
        created_by: caller.user,
        created_at: now,
        expires_at: now + days * DAY_MILLIS,
    };
    let event = caller.event(Action::MemberInvite, from).on(row.id).fact("role", role_name(row.role));
    shared.store.noting(event).add_invitation(row.clone()).await?;
    let url = format!("{}/invitation#{}", shared.url, token.expose());
    Ok((StatusCode::CREATED, Json(Made { view: view(&shared, row).await?, url })))
}

/// `DELETE /invitations/{id}`
pub(in crate::server) async fn revoke(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<InvitationId>,
) -> Result<StatusCode, ApiError> {
    let noting = shared.store.noting(caller.event(Action::MemberInvite, from).on(id).fact("how", "revoked"));
    noting.revoke_invitation(caller.organisation, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Token {
    pub(super) token: Secret,
}

/// What an invitation says to whoever opens it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Opened {
    organisation: String,
    invited_by: String,
    role: Role,
    email: Option<String>,
    expires_at: u64,
}

/// `POST /invitations/look`: what a link invites to. It is not used up.
pub(in crate::server) async fn look(
    State(shared): State<Arc<Shared>>,
    Body(Token { token }): Body<Token>,
) -> Result<Json<Opened>, ApiError> {
    let row = shared.store.invitation(&token, unix_millis()).await?;
    let organisation = shared.store.organisation(row.organisation).await?.map(|it| it.name).unwrap_or_default();
    let InvitationView { created_by, role, email, expires_at, .. } = view(&shared, row).await?;
    Ok(Json(Opened { organisation, invited_by: created_by, role, email, expires_at }))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Accept {
    token: Secret,
    name: String,
    email: String,
    password: Secret,
}

/// `POST /invitations/accept`: makes an account and signs the browser in.
pub(in crate::server) async fn accept(
    State(shared): State<Arc<Shared>>,
    from: Browser,
    Body(asked): Body<Accept>,
) -> Result<Response, ApiError> {
    let (person, email) = (name("your name", &asked.name)?, email(&asked.email)?);
    // Nobody without a valid link makes the server hash a password.
    shared.store.invitation(&asked.token, unix_millis()).await?;
    let password = shared.sign_in.hash(asked.password).await?;
    join(&shared, from, &asked.token, Joining::New { name: person, email, password }).await
}

/// `POST /me/invitations`: joins with the account one has; the browser works there from now on.
pub(in crate::server) async fn accept_as_me(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: Browser,
    Body(Token { token }): Body<Token>,
) -> Result<Response, ApiError> {
    let old = caller.browser()?.clone();
    let response = join(&shared, from, &token, Joining::Known(caller.user)).await?;
    // The browser has a new cookie; the old one must not stay good beside it.
    shared.store.remove_browser_session(old.clone()).await?;
    shared.relay.disconnect_browser_session(&old);
    Ok(response)
}

async fn join(shared: &Arc<Shared>, from: Browser, token: &Secret, joining: Joining) -> Result<Response, ApiError> {
    let invitation = shared.store.invitation(token, unix_millis()).await?;
    let organisation = shared.store.organisation(invitation.organisation).await?;
    if organisation.is_some_and(|row| !row.allowed.admits(from.address)) {
        return Err(not_from(from.address));
    }
    // Who that is, is known once they are somebody.
    let event =
        Event::of(invitation.organisation, Actor::Nobody, Action::MemberJoin).from(from.address).on(invitation.id);
    let (cookie, browser) = new_browser(from);
    let noting = shared.store.noting(event.fact("role", role_name(invitation.role)));
    let row = noting.accept_invitation(token, joining, unix_millis(), browser).await?;
    shared.relay.names_changed(row.organisation).await?;
    tracing::info!(user = %row.user, organisation = %row.organisation, "somebody joined");
    Ok((StatusCode::CREATED, signed_in(shared, &cookie, &row).await?).into_response())
}
