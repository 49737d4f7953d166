//! Signing a browser in and out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::auth::client::Browser;
use super::super::auth::{cookie, totp};
use super::me;
use crate::base::clock::{millis, unix_millis};
use crate::base::id::{OrganisationId, UserId};
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::{BrowserSessionRow, StoreError};

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct ByPassword {
    email: String,
    password: Secret,
    /// Of the second factor, or a recovery code; asked for by `second_factor_needed`.
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct ByLink {
    token: Secret,
}

/// `POST /sign-in`
pub(in crate::server) async fn by_password(
    State(shared): State<Arc<Shared>>,
    from: Browser,
    Body(asked): Body<ByPassword>,
) -> Result<Response, ApiError> {
    let (email, address) = (asked.email.trim(), from.address);
    let user = shared.store.user_by_email(email).await?;
    let stored = user.as_ref().and_then(|user| user.password.clone());
    // The same sentence after the same time, whether the account or the password is wrong.
    let fits = shared.sign_in.verify(email, address, asked.password, stored).await?;
    let Some(user) = user.filter(|_| fits) else {
        tracing::info!(%address, "a sign-in failed");
        return Err(ApiError::new(Code::NotSignedIn, "this e-mail address and password do not fit"));
    };
    second_factor(&shared, user.id, asked.code.as_deref()).await?;
    shared.sign_in.succeeded(email, address);
    let membership = shared.store.memberships(user.id).await?.into_iter().next();
    let membership = membership.ok_or_else(|| ApiError::new(Code::NotAllowed, "you belong to no organisation here"))?;
    let (cookie, browser) = new_browser(from);
    let row = browser(user.id, membership.organisation);
    shared.store.add_browser_session(row.clone()).await?;
    tracing::info!(user = %user.id, %address, "signed in");
    signed_in(&shared, &cookie, &row).await
}

/// Whether the code is right, if this person's sign-in asks for one. Each is good once.
async fn second_factor(shared: &Shared, user: UserId, code: Option<&str>) -> Result<(), ApiError> {
    let Some(row) = shared.store.second_factor(user).await?.filter(|row| row.confirmed_at.is_some()) else {
        return Ok(());
    };
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
        return Err(ApiError::new(Code::SecondFactorNeeded, "enter the code that your authenticator app shows"));
    };
    if let Some(step) = totp::step_of(&row.secret, code, unix_millis())
        && shared.store.use_code(user, step).await?
    {
        return Ok(());
    }
    if let Some(left) = shared.store.use_recovery_code(user, &totp::plain(code)).await? {
        tracing::info!(%user, left, "signed in by a recovery code");
        return Ok(());
    }
    let message = "this code is not right, or was used before: wait for the next one, or use a recovery code";
    Err(ApiError::new(Code::SecondFactorNeeded, message))
}

/// `POST /sign-in/link`
pub(in crate::server) async fn by_link(
    State(shared): State<Arc<Shared>>,
    from: Browser,
    Body(asked): Body<ByLink>,
) -> Result<Response, ApiError> {
    let (cookie, browser) = new_browser(from);
    let row = shared.store.sign_in_by_link(&asked.token, unix_millis(), browser).await?;
    tracing::info!(user = %row.user, "signed in by link");
    signed_in(&shared, &cookie, &row).await
}

/// `POST /sign-out`: whoever is not signed in is signed out already.
pub(in crate::server) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let https = shared.config.is_https();
    if let Some(cookie) = cookie::of(&headers, https) {
        let hash = cookie.hash();
        shared.store.remove_browser_session(hash.clone()).await?;
        shared.relay.disconnect_browser_session(&hash);
    }
    let cookie = cookie::clear(https).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)).into_response())
}

/// A new cookie, and what makes the browser's row once it is known who signs in.
pub(super) fn new_browser(
    from: Browser,
) -> (Secret, impl FnOnce(UserId, OrganisationId) -> BrowserSessionRow + Send + 'static) {
    let cookie = cookie::random_token();
    let hash = cookie.hash();
    let make = move |user, organisation| {
        let created_at = unix_millis();
        let lasts = millis(cookie::SIGNED_IN_FOR);
        BrowserSessionRow {
            hash,
            user,
            organisation,
            created_at,
            expires_at: created_at.saturating_add(lasts),
            last_seen: created_at,
            address: Some(from.address),
            user_agent: from.user_agent,
        }
    };
    (cookie, make)
}

/// The answer to a browser that was signed in: its cookie, and what `GET /me` says.
pub(super) async fn signed_in(shared: &Shared, cookie: &Secret, row: &BrowserSessionRow) -> Result<Response, ApiError> {
    let membership = shared.store.membership(row.user, row.organisation).await?;
    let membership = membership.ok_or(StoreError::NotFound { what: "membership" })?;
    let me = me::of(shared, row.user, row.organisation, membership.role).await?;
    let cookie = cookie::set(cookie, shared.config.is_https()).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((AppendHeaders(cookie), Json(me)).into_response())
}
