//! The first account: made through the link that the server prints, and only once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::audit::note_soon;
use super::super::auth::client::Browser;
use super::name;
use super::sign_in::{new_browser, signed_in};
use crate::base::clock::unix_millis;
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::NewOwner;
use crate::store::audit::{Action, Actor, Event};

/// Longest e-mail address, in bytes (RFC 5321, 4.5.3.1.3, with its errata).
const EMAIL_BYTES_MAX: usize = 254;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct SetUp {
    token: Secret,
    email: String,
    name: String,
    password: Secret,
    organisation: String,
}

/// `GET /setup/status`
pub(in crate::server) async fn status(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "needed": !shared.store.has_owner().await? })))
}

/// `POST /setup`: makes the owner and signs the browser in.
pub(in crate::server) async fn set_up(
    State(shared): State<Arc<Shared>>,
    from: Browser,
    Body(asked): Body<SetUp>,
) -> Result<Response, ApiError> {
    let (email, person, organisation) =
        (email(&asked.email)?, name("your name", &asked.name)?, name("the organisation's name", &asked.organisation)?);
    // Nobody without a valid link makes the server hash a password.
    shared.store.check_setup_link(&asked.token, unix_millis()).await?;
    let password = shared.sign_in.hash(asked.password).await?;
    let owner = NewOwner { name: person, email, password, organisation };
    let address = from.address;
    let (cookie, browser) = new_browser(from);
    let row = shared.store.set_up(&asked.token, owner, unix_millis(), browser).await?;
    tracing::info!(user = %row.user, organisation = %row.organisation, "the owner's account was made");
    note_soon(&shared, Event::of(row.organisation, Actor::User(row.user), Action::SetUp).from(address));
    Ok((StatusCode::CREATED, signed_in(&shared, &cookie, &row).await?).into_response())
}

/// Enough to find a slip; only a letter would prove it.
pub(super) fn email(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let parts = text.rsplit_once('@').is_some_and(|(person, host)| !person.is_empty() && !host.is_empty());
    if !parts || text.len() > EMAIL_BYTES_MAX || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(ApiError::new(Code::BadRequest, "write an e-mail address like ada@example.org"));
    }
    Ok(text.to_owned())
}
