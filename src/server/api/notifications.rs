//! What the caller wants to be told and where, and the browsers of theirs that get push messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id};
use super::super::auth::Caller;
use super::super::notify::push::{self, PushError};
use super::super::notify::quiet;
use crate::base::clock::unix_millis;
use crate::base::id::PushId;
use crate::base::problem::{Code, Problem};
use crate::store::{PushRow, StoreError};
use crate::wire::notice::{Channel, Kind, Notice, Preferences};

/// What somebody wants to be told, and where.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Notifications {
    #[serde(flatten)]
    wants: Preferences,
    /// Where one is told of what `events` does not name.
    usual: BTreeMap<Kind, BTreeSet<Channel>>,
    /// What a browser subscribes to push messages with: `applicationServerKey`.
    push_key: String,
    /// The browsers that get push messages.
    pushes: Vec<PushView>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct PushView {
    id: PushId,
    /// Whether it is the browser that asks.
    current: bool,
    created_at: u64,
    /// What the browser said of itself when it signed in.
    user_agent: Option<String>,
}

/// `GET /me/notifications`
pub(in crate::server) async fn show(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Notifications>, ApiError> {
    let wants = shared.store.preferences(caller.user).await?;
    view(&caller, &shared, wants).await
}

/// `PUT /me/notifications`: all of it at once.
pub(in crate::server) async fn change(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Body(wants): Body<Preferences>,
) -> Result<Json<Notifications>, ApiError> {
    if let Some(hours) = &wants.quiet {
        quiet::check(hours).map_err(|error| ApiError::new(Code::BadRequest, error))?;
    }
    shared.store.put_preferences(caller.user, wants.clone()).await?;
    view(&caller, &shared, wants).await
}

async fn view(caller: &Caller, shared: &Shared, wants: Preferences) -> Result<Json<Notifications>, ApiError> {
    let now = unix_millis();
    let this = caller.browser()?;
    let browsers = shared.store.browser_sessions(caller.user, now).await?;
    let rows = shared.store.pushes(caller.user, now).await?;
    let pushes = rows.into_iter().map(|row| PushView {
        id: row.id,
        current: row.browser == *this,
        created_at: row.created_at,
        user_agent: browsers.iter().find(|it| it.hash == row.browser).and_then(|it| it.user_agent.clone()),
    });
    let (push_key, pushes) = (shared.notify.pushing.public_key(shared).await?, pushes.collect());
    let usual = Kind::ALL.into_iter().map(|kind| (kind, kind.usual())).collect();
    Ok(Json(Notifications { wants, usual, push_key, pushes }))
}

/// A browser's `PushSubscription`, as its `toJSON` gives it.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Subscription {
    endpoint: String,
    keys: SubscriptionKeys,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct SubscriptionKeys {
    p256dh: String,
    auth: String,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Subscribed {
    id: PushId,
}

/// `POST /me/pushes`: this browser gets push messages from now on, as long as it is signed in.
pub(in crate::server) async fn subscribe(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Body(Subscription { endpoint, keys }): Body<Subscription>,
) -> Result<(StatusCode, Json<Subscribed>), ApiError> {
    let browser = caller.browser()?.clone();
    shared.notify.outbound.check(&endpoint).map_err(|error| ApiError::new(Code::BadRequest, error))?;
    if !push::are_keys(&keys.p256dh, &keys.auth) {
        return Err(ApiError::new(Code::BadRequest, "these are not the keys of a push subscription"));
    }
    let (id, user, now) = (PushId::random(), caller.user, unix_millis());
    let row = PushRow { id, user, browser, endpoint, p256dh: keys.p256dh, auth: keys.auth, created_at: now };
    shared.store.add_push(row, now).await?;
    Ok((StatusCode::CREATED, Json(Subscribed { id })))
}

/// `DELETE /me/pushes/{id}`: that browser gets none any more.
pub(in crate::server) async fn unsubscribe(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<PushId>,
) -> Result<StatusCode, ApiError> {
    shared.store.remove_push(caller.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /me/pushes/{id}/test`: sends a message to that browser, and answers once its push service has it.
pub(in crate::server) async fn test(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<PushId>,
) -> Result<StatusCode, ApiError> {
    let rows = shared.store.pushes(caller.user, unix_millis()).await?;
    let row = rows.into_iter().find(|row| row.id == id).ok_or(StoreError::NotFound { what: "push subscription" })?;
    let notice = Notice {
        tag: "test".to_owned(),
        at: unix_millis(),
        kind: Kind::Notice,
        title: "SessionForge".to_owned(),
        body: "Push messages reach this browser".to_owned(),
        path: "/settings/notifications".to_owned(),
    };
    match push::test(&shared, &row, notice).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(PushError::Store(error)) => Err(error.into()),
        Err(error) => Err(Problem::new(Code::Conflict, error.to_string()).into()),
    }
}
