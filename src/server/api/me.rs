//! The caller's own account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::auth::client::ClientAddress;
use super::super::auth::{Caller, Via, cookie};
use super::name;
use crate::base::clock::{millis, unix_millis};
use crate::base::id::{OrganisationId, UserId};
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::audit::Action;
use crate::store::{MembershipRow, Profile, Role, Scope, StoreError};

/// Who is signed in, where, and on which server.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Me {
    user: Person,
    organisation: Place,
    role: Role,
    /// All that they may work in, this one included, longest first.
    organisations: Vec<Belongs>,
    second_factor: SecondFactor,
    build: &'static str,
    public_url: String,
    /// What the key that asks may do; absent for a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<OwnKey>,
}

/// What a program learns of the key it uses.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct OwnKey {
    scopes: Vec<Scope>,
    /// Milliseconds since 1970; absent for a key without an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Account")]
struct Person {
    id: UserId,
    name: String,
    email: Option<String>,
    has_password: bool,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Belongs {
    id: OrganisationId,
    name: String,
    role: Role,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct SecondFactor {
    /// Whether signing in asks for a code.
    on: bool,
    recovery_codes_left: usize,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "OrganisationView")]
struct Place {
    id: OrganisationId,
    name: String,
}

/// `GET /me`: what every load of the page begins with, so it also keeps the browser signed in.
pub(in crate::server) async fn show(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let of_key = |scopes: &Arc<[Scope]>| OwnKey { scopes: scopes.to_vec(), expires_at: caller.expires_at };
    let me = of(&shared, caller.user, caller.organisation, caller.role).await?;
    let me = Me { key: caller.scopes.as_ref().map(of_key), ..me };
    let cookie = renewed(&shared, &caller, &headers).await?.map(|cookie| (header::SET_COOKIE, cookie));
    Ok((AppendHeaders(cookie), Json(me)).into_response())
}

/// The same cookie for another month, when the browser's month began more than a day ago.
async fn renewed(shared: &Shared, caller: &Caller, headers: &HeaderMap) -> Result<Option<HeaderValue>, ApiError> {
    let https = shared.config.is_https();
    let (Via::Browser(hash), Some(token)) = (&caller.via, cookie::of(headers, https)) else { return Ok(None) };
    let now = unix_millis();
    let Some(session) = shared.store.browser_session(&token, now).await? else { return Ok(None) };
    let lasts = millis(cookie::SIGNED_IN_FOR);
    if session.expires_at.saturating_sub(now) > lasts.saturating_sub(millis(cookie::RENEWED_AFTER)) {
        return Ok(None);
    }
    shared.store.extend_browser_session(hash.clone(), now.saturating_add(lasts)).await?;
    Ok(cookie::set(&token, https))
}

/// The answer to `GET /me` and to every way of signing in.
pub(super) async fn of(
    shared: &Shared,
    user: UserId,
    organisation: OrganisationId,
    role: Role,
) -> Result<Me, ApiError> {
    let profile = shared.store.profile(user).await?.ok_or(StoreError::NotFound { what: "user" })?;
    let Profile { user, places, second_factor } = profile;
    let belongs = |(row, name): (MembershipRow, String)| Belongs { id: row.organisation, name, role: row.role };
    let organisations: Vec<_> = places.into_iter().map(belongs).collect();
    let here = organisations.iter().find(|it| it.id == organisation);
    let here = here.ok_or(StoreError::NotFound { what: "organisation" })?;
    let organisation = Place { id: here.id, name: here.name.clone() };
    let factor = second_factor.filter(|row| row.confirmed_at.is_some());
    let second_factor =
        SecondFactor { on: factor.is_some(), recovery_codes_left: factor.map_or(0, |row| row.recovery.len()) };
    Ok(Me {
        user: Person { id: user.id, name: user.name, email: user.email, has_password: user.password.is_some() },
        organisation,
        role,
        organisations,
        second_factor,
        build: crate::wire::build::version(),
        public_url: shared.url.clone(),
        key: None,
    })
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct PasswordChange {
    /// The present one, if there is one.
    #[serde(default)]
    current: Option<Secret>,
    new: Secret,
}

/// `POST /me/password`: signs every other browser of this person out.
pub(in crate::server) async fn change_password(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    ClientAddress(address): ClientAddress,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    let browser = caller.browser()?.clone();
    let user = shared.store.user(caller.user).await?.ok_or(StoreError::NotFound { what: "user" })?;
    if let Some(stored) = user.password {
        let account = user.email.unwrap_or_else(|| user.id.to_string());
        let current = change.current.unwrap_or_default();
        if !shared.sign_in.verify(&account, address, current, Some(stored)).await? {
            return Err(ApiError::new(Code::NotAllowed, "the present password is not right"));
        }
        shared.sign_in.succeeded(&account, address);
    }
    let password = shared.sign_in.hash(change.new).await?;
    let noting = shared.store.noting(caller.event(Action::PasswordChange, ClientAddress(address)).on(caller.user));
    let signed_out = noting.change_password(caller.user, password, Some(browser)).await?;
    for hash in &signed_out {
        shared.relay.disconnect_browser_session(hash);
    }
    tracing::info!(user = %caller.user, browsers_signed_out = signed_out.len(), "password changed");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Rename {
    name: String,
}

/// `PATCH /me`: what people call one.
pub(in crate::server) async fn rename(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Body(asked): Body<Rename>,
) -> Result<StatusCode, ApiError> {
    shared.store.rename_user(caller.user, name("your name", &asked.name)?).await?;
    for membership in shared.store.memberships(caller.user).await? {
        shared.relay.names_changed(membership.organisation).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
