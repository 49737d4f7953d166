//! The browsers a person is signed in with.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::super::Shared;
use super::super::answer::ApiError;
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use crate::base::clock::unix_millis;
use crate::store::audit::Action;

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct BrowserView {
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    created_at: u64,
    last_seen: u64,
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Browsers {
    browsers: Vec<BrowserView>,
}

/// `GET /me/browsers`: the one seen last first.
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Browsers>, ApiError> {
    let current = caller.browser()?;
    let rows = shared.store.browser_sessions(caller.user, unix_millis()).await?;
    let view = |row: crate::store::BrowserSessionRow| BrowserView {
        id: row.public_name().to_owned(),
        current: row.hash == *current,
        created_at: row.created_at,
        last_seen: row.last_seen.max(row.created_at),
        address: row.address,
        user_agent: row.user_agent,
    };
    Ok(Json(Browsers { browsers: rows.into_iter().map(view).collect() }))
}

/// `DELETE /me/browsers/{id}`: signs one out and closes its pages.
pub(in crate::server) async fn revoke(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let noting = shared.store.noting(caller.event(Action::BrowserRevoke, from));
    let hash = noting.end_browser_session(caller.user, id).await?;
    shared.relay.disconnect_browser_session(&hash);
    Ok(StatusCode::NO_CONTENT)
}
