//! API keys: made and revoked by people in a browser, never by a key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id};
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::links::new_key;
use super::name;
use crate::base::clock::unix_millis;
use crate::base::id::KeyId;
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::audit::Action;
use crate::store::{KeyRow, Role};

/// A key as the page shows it.
#[derive(Debug, Serialize)]
struct KeyView {
    id: KeyId,
    name: String,
    prefix: String,
    created_at: u64,
    last_used_at: Option<u64>,
}

impl From<KeyRow> for KeyView {
    fn from(row: KeyRow) -> Self {
        let KeyRow { id, name, prefix, created_at, last_used_at, .. } = row;
        Self { id, name, prefix, created_at, last_used_at }
    }
}

#[derive(Debug, Serialize)]
pub(in crate::server) struct Keys {
    keys: Vec<KeyView>,
}

/// A new key: the only answer that ever holds it.
#[derive(Debug, Serialize)]
pub(in crate::server) struct NewKey {
    #[serde(flatten)]
    view: KeyView,
    key: Secret,
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Create {
    name: String,
}

/// `GET /keys`: those that are valid; an admin sees everybody's.
pub(in crate::server) async fn list(caller: Caller, State(shared): State<Arc<Shared>>) -> Result<Json<Keys>, ApiError> {
    let rows = shared.store.keys(caller.organisation).await?.into_iter();
    let rows = rows.filter(|row| row.revoked_at.is_none() && may_see(&caller, row));
    Ok(Json(Keys { keys: rows.map(KeyView::from).collect() }))
}

/// `POST /keys`
pub(in crate::server) async fn create(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Body(asked): Body<Create>,
) -> Result<(StatusCode, Json<NewKey>), ApiError> {
    caller.browser()?;
    caller.at_least(Role::Member)?;
    let name = name("the key's name", &asked.name)?;
    let (key, row) = new_key(&shared.store, caller.organisation, caller.user, name).await?;
    tracing::info!(key = %row.id, user = %caller.user, "API key made");
    Ok((StatusCode::CREATED, Json(NewKey { view: row.into(), key })))
}

/// `DELETE /keys/{id}`: refuses the key, and closes what is connected with it.
pub(in crate::server) async fn revoke(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<KeyId>,
) -> Result<StatusCode, ApiError> {
    caller.browser()?;
    let known = shared.store.keys(caller.organisation).await?;
    if !known.iter().any(|row| row.id == id && may_see(&caller, row)) {
        return Err(ApiError::new(Code::NotFound, "there is no such API key"));
    }
    let noting = shared.store.noting(caller.event(Action::KeyRevoke, from).on(id));
    noting.revoke_key(caller.organisation, id, unix_millis()).await?;
    shared.relay.disconnect_key(id);
    tracing::info!(key = %id, user = %caller.user, "API key revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn may_see(caller: &Caller, row: &KeyRow) -> bool {
    caller.at_least(Role::Admin).is_ok() || row.created_by == caller.user
}
