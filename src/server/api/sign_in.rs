//! Signing a browser in and out.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::audit::{note_refusal, note_soon};
use super::super::auth::client::{Browser, ClientAddress};
use super::super::auth::{cookie, not_from, totp};
use super::me;
use crate::base::clock::{millis, unix_millis};
use crate::base::id::{OrganisationId, UserId};
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::audit::{Action, Actor, Event};
use crate::store::{BrowserSessionRow, MembershipRow, StoreError};

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
    let known = user.as_ref().map(|user| user.id);
    // The same sentence after the same time, whether the account or the password is wrong.
    let fits = match shared.sign_in.verify(email, address, asked.password, stored).await {
        Ok(fits) => fits,
        Err(error) => {
            note_failure(&shared, known, address, "too many tries, or too busy");
            return Err(error);
        }
    };
    let Some(user) = user.filter(|_| fits) else {
        tracing::info!(%address, "a sign-in failed");
        note_failure(&shared, known, address, "wrong password");
        return Err(ApiError::new(Code::NotSignedIn, "this e-mail address and password do not fit"));
    };
    let how = match second_factor(&shared, user.id, asked.code.as_deref()).await {
        Ok(how) => how,
        Err(error) => {
            // The page asks for the code after the password, so a sign-in without one is half of a right one.
            if asked.code.is_some() {
                note_failure(&shared, known, address, "wrong code");
            }
            return Err(error);
        }
    };
    shared.sign_in.succeeded(email, address);
    let membership = place(&shared, user.id, address).await?;
    let (cookie, browser) = new_browser(from);
    let row = browser(user.id, membership.organisation);
    let event = Event::of(row.organisation, Actor::User(user.id), Action::SignIn).from(address).fact("how", how);
    shared.store.noting(event).add_browser_session(row.clone()).await?;
    tracing::info!(user = %user.id, %address, "signed in");
    signed_in(&shared, &cookie, &row).await
}

/// Where somebody works who signs in at `address`: of the organisations that let them in from there, the one they belong
/// to longest.
async fn place(shared: &Arc<Shared>, user: UserId, address: IpAddr) -> Result<MembershipRow, ApiError> {
    let memberships = shared.store.memberships(user).await?;
    if memberships.is_empty() {
        return Err(ApiError::new(Code::NotAllowed, "you belong to no organisation here"));
    }
    for membership in memberships {
        let row = shared.store.organisation(membership.organisation).await?;
        if row.is_some_and(|row| row.allowed.admits(address)) {
            return Ok(membership);
        }
    }
    note_failure(shared, Some(user), address, "address");
    Err(not_from(address))
}

/// Notes a sign-in that failed, in the logs of the person's organisations. What was typed as an unknown address is not
/// noted: it may be a password.
fn note_failure(shared: &Arc<Shared>, user: Option<UserId>, from: IpAddr, why: &'static str) {
    let Some(user) = user else {
        let event = Event::of_server(Actor::Nobody, Action::SignIn).from(from);
        return note_refusal(shared, event.refused(format_args!("{why}; no such account")));
    };
    let noting = Arc::clone(shared);
    // Not awaited: a known account must not take longer than an unknown one.
    shared.tasks.spawn(async move {
        for membership in noting.store.memberships(user).await.unwrap_or_default() {
            let event = Event::of(membership.organisation, Actor::Nobody, Action::SignIn).on(user).from(from);
            note_refusal(&noting, event.refused(why));
        }
    });
}

/// How somebody signs in whose code is right, if theirs asks for one. Each is good once.
async fn second_factor(shared: &Shared, user: UserId, code: Option<&str>) -> Result<&'static str, ApiError> {
    let Some(row) = shared.store.second_factor(user).await?.filter(|row| row.confirmed_at.is_some()) else {
        return Ok("password");
    };
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
        return Err(ApiError::new(Code::SecondFactorNeeded, "enter the code that your authenticator app shows"));
    };
    if let Some(step) = totp::step_of(&row.secret, code, unix_millis())
        && shared.store.use_code(user, step).await?
    {
        return Ok("password and code");
    }
    if let Some(left) = shared.store.use_recovery_code(user, &totp::plain(code)).await? {
        tracing::info!(%user, left, "signed in by a recovery code");
        return Ok("password and recovery code");
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
    let address = from.address;
    let (cookie, browser) = new_browser(from);
    let row = shared.store.sign_in_by_link(&asked.token, unix_millis(), browser).await?;
    let event = Event::of(row.organisation, Actor::User(row.user), Action::SignIn).from(address);
    note_soon(&shared, event.fact("how", "link"));
    tracing::info!(user = %row.user, "signed in by link");
    signed_in(&shared, &cookie, &row).await
}

/// `POST /sign-out`: whoever is not signed in is signed out already.
pub(in crate::server) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let https = shared.config.is_https();
    if let Some(cookie) = cookie::of(&headers, https) {
        let hash = cookie.hash();
        let row = shared.store.browser_session(&cookie, unix_millis()).await?;
        let event = row.map(|row| Event::of(row.organisation, Actor::User(row.user), Action::SignOut).from(from));
        let store = event.map_or_else(|| shared.store.clone(), |event| shared.store.noting(event));
        store.remove_browser_session(hash.clone()).await?;
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
