//! The REST API under `/api/v1`: one file per thing it is about.

pub(super) mod addresses;
pub(super) mod asks;
pub(super) mod audit;
pub(super) mod browsers;
pub(super) mod events;
pub(super) mod handoff;
pub(super) mod idempotency;
pub(super) mod invitations;
pub(super) mod keys;
mod keys_named;
pub(super) mod machines;
pub(super) mod me;
pub(super) mod members;
pub(super) mod needs;
pub(super) mod notifications;
pub(super) mod organisation;
mod paged;
pub(super) mod reset;
pub(super) mod screen;
pub(super) mod second_factor;
pub(super) mod sessions;
pub(super) mod setup;
pub(super) mod sign_in;
pub(super) mod updates;
pub(super) mod webhooks;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::Shared;
use super::answer::ApiError;
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::problem::Code;

/// `GET /healthz`: whether the server runs at all.
pub(super) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: whether requests can be answered, for whoever decides where to send them.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let (status, said) = if shared.relay.is_closing() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if shared.store.is_readable().await {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be read")
    };
    (status, Json(json!({ "status": said }))).into_response()
}

/// A text that people gave something as its name: trimmed, not empty, of one line and of bounded length.
fn name(what: &str, text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        let message = format!("{what} must have 1 to {NAME_BYTES_MAX} bytes and no line breaks");
        return Err(ApiError::new(Code::BadRequest, message));
    }
    Ok(text.to_owned())
}
