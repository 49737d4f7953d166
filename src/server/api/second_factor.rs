//! A person's second factor: set up, shown to work, taken away.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::auth::client::ClientAddress;
use super::super::auth::{Caller, totp};
use crate::base::clock::unix_millis;
use crate::base::problem::{Code, Problem};
use crate::base::secret::Secret;
use crate::store::StoreError;
use crate::store::audit::Action;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Password {
    #[serde(default)]
    password: Secret,
}

/// What an authenticator app is shown.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Begun {
    secret: Secret,
    uri: Secret,
    qr: Qr,
}

/// A QR code to draw: a path on a square field.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Qr {
    size: u32,
    path: String,
}

/// `POST /me/second-factor`: a secret for the app. It is not asked for before it was confirmed.
pub(in crate::server) async fn begin(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Body(Password { password }): Body<Password>,
) -> Result<(StatusCode, Json<Begun>), ApiError> {
    confirm_password(&shared, &caller, from, password).await?;
    let user = shared.store.user(caller.user).await?.ok_or(StoreError::NotFound { what: "user" })?;
    let secret = totp::new_secret();
    shared.store.begin_second_factor(caller.user, secret.clone()).await?;
    let uri = totp::uri(&secret, user.email.as_deref().unwrap_or(&user.name));
    let (size, path) = totp::qr(&uri).ok_or_else(|| Problem::internal("a QR code does not hold the address"))?;
    Ok((StatusCode::CREATED, Json(Begun { secret, uri, qr: Qr { size, path } })))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Confirm {
    code: String,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Recovery {
    /// Each signs in once instead of a code. Shown this once.
    recovery_codes: Vec<Secret>,
}

/// `POST /me/second-factor/confirm`: the app shows the right code, so it is asked for from now on.
pub(in crate::server) async fn confirm(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Body(Confirm { code }): Body<Confirm>,
) -> Result<Json<Recovery>, ApiError> {
    let row = shared.store.second_factor(caller.user).await?;
    let row = row.ok_or(StoreError::NotFound { what: "second factor" })?;
    let now = unix_millis();
    let step = totp::step_of(&row.secret, &code, now).ok_or_else(|| {
        ApiError::new(Code::BadRequest, "this is not the code of now: look at the app, and whether its clock is right")
    })?;
    let codes = totp::new_recovery_codes();
    let hashes = codes.iter().map(|code| totp::plain(code.expose()).hash()).collect();
    let noting = shared.store.noting(caller.event(Action::SecondFactor, from).on(caller.user).fact("how", "set up"));
    noting.confirm_second_factor(caller.user, step, hashes, now).await?;
    Ok(Json(Recovery { recovery_codes: codes }))
}

/// `POST /me/second-factor/remove`: signing in needs the password alone again.
pub(in crate::server) async fn remove(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Body(Password { password }): Body<Password>,
) -> Result<StatusCode, ApiError> {
    confirm_password(&shared, &caller, from, password).await?;
    let noting = shared.store.noting(caller.event(Action::SecondFactor, from).on(caller.user).fact("how", "removed"));
    noting.remove_second_factor(caller.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whoever finds a browser signed in must not be able to lock its person out.
async fn confirm_password(
    shared: &Shared,
    caller: &Caller,
    ClientAddress(address): ClientAddress,
    password: Secret,
) -> Result<(), ApiError> {
    let user = shared.store.user(caller.user).await?.ok_or(StoreError::NotFound { what: "user" })?;
    let Some(stored) = user.password else {
        return Err(ApiError::new(Code::Conflict, "set a password first: a second factor stands beside one"));
    };
    let account = user.email.unwrap_or_else(|| user.id.to_string());
    if shared.sign_in.verify(&account, address, password, Some(stored)).await? {
        shared.sign_in.succeeded(&account, address);
        return Ok(());
    }
    Err(ApiError::new(Code::NotAllowed, "the password is not right"))
}
