//! API keys: made and revoked by people in a browser, never by a key.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id, Query};
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::auth::permissions::Permission;
use super::super::links::{NewKey, new_key};
use super::idempotency::IdempotencyKey;
use super::name;
use super::paged::{Paged, oldest_first};
use crate::base::clock::unix_millis;
use crate::base::id::{KeyId, UserId};
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::audit::Action;
use crate::store::{KeyRow, Scope, Sharing};

/// A key as the page shows it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct KeyView {
    id: KeyId,
    name: String,
    prefix: String,
    scopes: Vec<Scope>,
    created_by: UserId,
    created_at: u64,
    expires_at: Option<u64>,
    last_used_at: Option<u64>,
    last_used_from: Option<IpAddr>,
}

impl From<KeyRow> for KeyView {
    fn from(row: KeyRow) -> Self {
        let KeyRow { id, name, prefix, scopes, created_by, created_at, expires_at, last_used_at, .. } = row;
        let last_used_from = row.last_used_from;
        Self { id, name, prefix, scopes, created_by, created_at, expires_at, last_used_at, last_used_from }
    }
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Keys {
    keys: Vec<KeyView>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A new key: the only answer that ever holds it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "NewKey")]
pub(in crate::server) struct Made {
    #[serde(flatten)]
    view: KeyView,
    key: Secret,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "KeyWanted")]
pub(in crate::server) struct Create {
    name: String,
    /// Connecting a machine, unless said otherwise: the least that is of use.
    #[serde(default = "scopes_default")]
    scopes: Vec<Scope>,
    /// Milliseconds since 1970.
    #[serde(default)]
    expires_at: Option<u64>,
}

fn scopes_default() -> Vec<Scope> {
    vec![Scope::Agent]
}

/// `GET /keys`: those that are not revoked; an admin sees everybody's.
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Query(paged): Query<Paged>,
) -> Result<Json<Keys>, ApiError> {
    let mut rows = shared.store.keys(caller.organisation).await?;
    rows.retain(|row| row.revoked_at.is_none() && may(&caller, Permission::SeeKeys, row));
    let (rows, next) = paged.of(rows, |row| oldest_first(row.created_at, row.id));
    Ok(Json(Keys { keys: rows.into_iter().map(KeyView::from).collect(), next }))
}

/// `POST /keys`: with an `Idempotency-Key` once. The key itself is in the first answer alone, so a repeat is a conflict.
pub(in crate::server) async fn create(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    once: IdempotencyKey,
    Body(asked): Body<Create>,
) -> Result<(StatusCode, Json<Made>), ApiError> {
    let name = name("the key's name", &asked.name)?;
    let scopes: BTreeSet<Scope> = asked.scopes.into_iter().collect();
    if scopes.is_empty() {
        return Err(ApiError::new(Code::BadRequest, "a key needs at least one scope"));
    }
    let now = unix_millis();
    if asked.expires_at.is_some_and(|at| at <= now) {
        return Err(ApiError::new(Code::BadRequest, "expires_at is in the past: give milliseconds since 1970"));
    }
    let id = once.api_key(&caller, "make");
    let new = NewKey { id, name, scopes: scopes.into_iter().collect(), expires_at: asked.expires_at };
    let (key, row) = new_key(caller.organisation, caller.user, new, now);
    let scopes = row.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ");
    let event = caller.event(Action::KeyMake, from).on(row.id).fact("name", &row.name).fact("scopes", scopes);
    shared.store.noting(event).add_key(row.clone()).await?;
    tracing::info!(key = %row.id, user = %caller.user, "API key made");
    Ok((StatusCode::CREATED, Json(Made { view: row.into(), key })))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Rotate {
    /// How long the old one is still good, in seconds.
    #[serde(default = "keep_default")]
    keep_old_seconds: u64,
}

/// Time to put the new key in its place, in seconds.
fn keep_default() -> u64 {
    60 * 60
}

/// At the longest, in seconds: a week.
const KEEP_MAX: u64 = 7 * 24 * 60 * 60;

/// `POST /keys/{id}/rotate`: a new key in the place of one's own, with the same name, scopes and end. With an
/// `Idempotency-Key` once, as when one is made.
pub(in crate::server) async fn rotate(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<KeyId>,
    once: IdempotencyKey,
    Body(Rotate { keep_old_seconds }): Body<Rotate>,
) -> Result<(StatusCode, Json<Made>), ApiError> {
    let now = unix_millis();
    let known = shared.store.key(caller.organisation, id).await?.filter(|row| row.is_valid(now));
    let no_such_key = || ApiError::new(Code::NotFound, "there is no such API key");
    let old = known.filter(|row| may(&caller, Permission::SeeKeys, row)).ok_or_else(no_such_key)?;
    // A new key acts for whoever makes it, so nobody makes one in another's name.
    caller.may_with(Permission::MakeKey, caller.whose(old.created_by, Sharing::Private))?;
    let new_id = once.api_key(&caller, &format!("rotate {id}"));
    let new = NewKey { id: new_id, name: old.name, scopes: old.scopes, expires_at: old.expires_at };
    let (key, row) = new_key(caller.organisation, caller.user, new, now);
    let noting = shared.store.noting(caller.event(Action::KeyRotate, from).on(id).fact("new", row.id));
    let old_until = now.saturating_add(keep_old_seconds.min(KEEP_MAX).saturating_mul(1_000));
    noting.rotate_key(id, row.clone(), old_until).await?;
    shared.relay.key_expires_at(id, old.expires_at.map_or(old_until, |at| at.min(old_until)));
    Ok((StatusCode::CREATED, Json(Made { view: row.into(), key })))
}

/// `DELETE /keys/{id}`: refuses the key, and closes what is connected with it.
pub(in crate::server) async fn revoke(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<KeyId>,
) -> Result<StatusCode, ApiError> {
    let known = shared.store.keys(caller.organisation).await?;
    if !known.iter().any(|row| row.id == id && row.revoked_at.is_none() && may(&caller, Permission::RevokeKey, row)) {
        return Err(ApiError::new(Code::NotFound, "there is no such API key"));
    }
    let noting = shared.store.noting(caller.event(Action::KeyRevoke, from).on(id));
    noting.revoke_key(caller.organisation, id, unix_millis()).await?;
    shared.relay.disconnect_key(id);
    tracing::info!(key = %id, user = %caller.user, "API key revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn may(caller: &Caller, permission: Permission, row: &KeyRow) -> bool {
    caller.may_with(permission, caller.whose(row.created_by, Sharing::Private)).is_ok()
}
