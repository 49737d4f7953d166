//! A new password by a link that an admin, or the server's own console, has made.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::audit::note_soon;
use super::super::auth::client::ClientAddress;
use super::invitations::Token;
use crate::base::clock::unix_millis;
use crate::base::secret::Secret;
use crate::store::audit::{Action, Actor, Event};

/// Whose password a link changes.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Whose {
    name: String,
    email: Option<String>,
}

/// `POST /reset-password/look`: the link is not used up.
pub(in crate::server) async fn look(
    State(shared): State<Arc<Shared>>,
    Body(Token { token }): Body<Token>,
) -> Result<Json<Whose>, ApiError> {
    let user = shared.store.reset_link(&token, unix_millis()).await?;
    Ok(Json(Whose { name: user.name, email: user.email }))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Reset {
    token: Secret,
    password: Secret,
}

/// `POST /reset-password`: sets it and signs every browser of that person out. It signs nobody in: a second factor is
/// still asked for.
pub(in crate::server) async fn reset(
    State(shared): State<Arc<Shared>>,
    ClientAddress(from): ClientAddress,
    Body(Reset { token, password }): Body<Reset>,
) -> Result<StatusCode, ApiError> {
    // Nobody without a valid link makes the server hash a password.
    shared.store.reset_link(&token, unix_millis()).await?;
    let password = shared.sign_in.hash(password).await?;
    let (user, signed_out) = shared.store.reset_password(&token, password, unix_millis()).await?;
    for hash in &signed_out {
        shared.relay.disconnect_browser_session(hash);
    }
    for membership in shared.store.memberships(user).await? {
        let event = Event::of(membership.organisation, Actor::Nobody, Action::PasswordChange).on(user).from(from);
        note_soon(&shared, event.fact("how", "by a link"));
    }
    tracing::info!(%user, browsers_signed_out = signed_out.len(), "password reset by link");
    Ok(StatusCode::NO_CONTENT)
}
