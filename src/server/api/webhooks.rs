//! Webhooks: an organisation's news, sent to where its admins say.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id, Query};
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::notify::Outbound;
use super::super::notify::webhook::{delivery, shape, sign};
use super::idempotency::IdempotencyKey;
use super::name;
use super::paged::{Paged, newest_first, oldest_first};
use crate::base::clock::unix_millis;
use crate::base::id::{DeliveryId, UserId, WebhookId};
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::store::audit::Action;
use crate::store::{DeliveryRow, Shape, Try, WebhookRow};
use crate::wire::notice::Kind;

/// A webhook as those who administer see it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Webhook")]
pub(in crate::server) struct WebhookView {
    id: WebhookId,
    name: String,
    url: String,
    shape: Shape,
    events: BTreeSet<Kind>,
    with_text: bool,
    created_by: UserId,
    created_at: u64,
    /// Since when nothing was delivered; after three days it is switched off.
    failing_since: Option<u64>,
    /// Since when it is switched off.
    off_since: Option<u64>,
}

impl From<WebhookRow> for WebhookView {
    fn from(row: WebhookRow) -> Self {
        let WebhookRow { id, name, url, shape, events, with_text, created_by, created_at, .. } = row;
        let (failing_since, off_since) = (row.failing_since, row.off_since);
        Self { id, name, url, shape, events, with_text, created_by, created_at, failing_since, off_since }
    }
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Webhooks {
    webhooks: Vec<WebhookView>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A webhook with its secret, which is in this answer alone.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "NewWebhook")]
pub(in crate::server) struct Made {
    #[serde(flatten)]
    view: WebhookView,
    /// What messages are signed with.
    secret: Secret,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "WebhookWanted")]
pub(in crate::server) struct Create {
    name: String,
    /// `https://…`; for ntfy with the topic at its end.
    url: String,
    #[serde(default)]
    shape: Shape,
    /// What it sends; unless said otherwise what needs somebody, what failed, and what is shared.
    #[serde(default = "events_default")]
    events: BTreeSet<Kind>,
    /// Whether it says what a session asks.
    #[serde(default)]
    with_text: bool,
}

fn events_default() -> BTreeSet<Kind> {
    [Kind::Permission, Kind::Question, Kind::Plan, Kind::Error, Kind::Failed, Kind::Shared].into()
}

/// `GET /webhooks`
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Query(paged): Query<Paged>,
) -> Result<Json<Webhooks>, ApiError> {
    let rows = shared.store.webhooks(caller.organisation).await?;
    let (rows, next) = paged.of(rows, |row| oldest_first(row.created_at, row.id));
    Ok(Json(Webhooks { webhooks: rows.into_iter().map(WebhookView::from).collect(), next }))
}

/// `POST /webhooks`: the answer alone holds the secret. With an `Idempotency-Key` once.
pub(in crate::server) async fn create(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    once: IdempotencyKey,
    Body(asked): Body<Create>,
) -> Result<(StatusCode, Json<Made>), ApiError> {
    let Create { name: wanted, url, shape, events, with_text } = asked;
    let name = name("the webhook's name", &wanted)?;
    let host = check(&shared.notify.outbound, &url, shape, &events)?;
    let id = once.webhook(&caller).unwrap_or_else(WebhookId::random);
    let row = WebhookRow {
        id,
        organisation: caller.organisation,
        name,
        url,
        secret: sign::new_secret(),
        shape,
        events,
        with_text,
        created_by: caller.user,
        created_at: unix_millis(),
        failing_since: None,
        off_since: None,
    };
    let event = caller.event(Action::WebhookMake, from).on(id).fact("name", &row.name).fact("host", host);
    shared.store.noting(event).add_webhook(row.clone()).await?;
    tracing::info!(webhook = %id, user = %caller.user, "webhook made");
    let secret = row.secret.clone();
    Ok((StatusCode::CREATED, Json(Made { view: row.into(), secret })))
}

/// Where it sends to, host alone; refused if it may not be sent to, or is sent nothing.
fn check(outbound: &Outbound, url: &str, shape: Shape, events: &BTreeSet<Kind>) -> Result<String, ApiError> {
    let refused = |text: String| ApiError::new(Code::BadRequest, text);
    let target = outbound.check(url).map_err(|error| refused(error.to_string()))?;
    shape::check(shape, &target).map_err(|text| refused(text.to_owned()))?;
    if events.is_empty() {
        return Err(refused("a webhook needs at least one kind of event".to_owned()));
    }
    Ok(target.authority().to_owned())
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "WebhookChange")]
pub(in crate::server) struct Change {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    shape: Option<Shape>,
    #[serde(default)]
    events: Option<BTreeSet<Kind>>,
    #[serde(default)]
    with_text: Option<bool>,
    /// Switches it off or on.
    #[serde(default)]
    on: Option<bool>,
}

/// `PATCH /webhooks/{id}`: what is left out stays.
pub(in crate::server) async fn change(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<WebhookId>,
    Body(Change { name: wanted, url, shape, events, with_text, on }): Body<Change>,
) -> Result<Json<WebhookView>, ApiError> {
    let known = shared.store.webhook(caller.organisation, id).await?;
    let wanted = wanted.map(|text| name("the webhook's name", &text)).transpose()?;
    let (now_url, now_shape) = (url.as_ref().unwrap_or(&known.url), shape.unwrap_or(known.shape));
    let host = check(&shared.notify.outbound, now_url, now_shape, events.as_ref().unwrap_or(&known.events))?;
    let event = caller.event(Action::WebhookChange, from).on(id).fact("name", &known.name).fact("host", host);
    let event = match on {
        Some(on) => event.fact("on", on),
        None => event,
    };
    let now = unix_millis();
    let noting = shared.store.noting(event);
    let changed = noting.change_webhook(caller.organisation, id, move |row| {
        row.name = wanted.unwrap_or_else(|| std::mem::take(&mut row.name));
        row.url = url.unwrap_or_else(|| std::mem::take(&mut row.url));
        row.shape = shape.unwrap_or(row.shape);
        row.events = events.unwrap_or_else(|| std::mem::take(&mut row.events));
        row.with_text = with_text.unwrap_or(row.with_text);
        match on {
            Some(true) => (row.off_since, row.failing_since) = (None, None),
            Some(false) => row.off_since = row.off_since.or(Some(now)),
            None => {}
        }
    });
    Ok(Json(changed.await?.into()))
}

/// `DELETE /webhooks/{id}`: with its log, and what waits.
pub(in crate::server) async fn remove(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, ApiError> {
    let known = shared.store.webhook(caller.organisation, id).await?;
    let noting = shared.store.noting(caller.event(Action::WebhookRemove, from).on(id).fact("name", known.name));
    noting.remove_webhook(caller.organisation, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /webhooks/{id}/secret`: a new secret, at once; the answer alone holds it.
pub(in crate::server) async fn renew_secret(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<WebhookId>,
) -> Result<Json<Made>, ApiError> {
    let noting = shared.store.noting(caller.event(Action::WebhookChange, from).on(id).fact("secret", "new"));
    let secret = sign::new_secret();
    let new = secret.clone();
    let row = noting.change_webhook(caller.organisation, id, move |row| row.secret = new).await?;
    Ok(Json(Made { view: row.into(), secret }))
}

/// Something sent to a webhook.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Delivery")]
pub(in crate::server) struct DeliveryView {
    /// The `webhook-id` of its requests.
    id: DeliveryId,
    kind: Kind,
    /// The requests' body.
    body: String,
    created_at: u64,
    tries: Vec<Try>,
    /// When it is tried next; `None` once it was delivered or given up.
    next_at: Option<u64>,
    delivered: bool,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        let DeliveryRow { id, kind, body, created_at, tries, next_at, delivered, .. } = row;
        Self { id, kind, body, created_at, tries, next_at, delivered }
    }
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Log {
    deliveries: Vec<DeliveryView>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /webhooks/{id}/deliveries`: the last 200, newest first.
pub(in crate::server) async fn log(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<WebhookId>,
    Query(paged): Query<Paged>,
) -> Result<Json<Log>, ApiError> {
    let rows = shared.store.deliveries(caller.organisation, id).await?;
    let (rows, next) = paged.of(rows, |row| newest_first(row.created_at, row.id));
    Ok(Json(Log { deliveries: rows.into_iter().map(DeliveryView::from).collect(), next }))
}

/// `POST /webhooks/{id}/test`: sends a message that says so; the log shows what became of it.
pub(in crate::server) async fn test(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<WebhookId>,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    let hook = switched_on(&shared, &caller, id).await?;
    let row = delivery(&hook, Kind::Webhook, shape::test_body(&hook, &shared.url), unix_millis());
    shared.store.add_deliveries(vec![row.clone()]).await?;
    shared.notify.deliveries.ring();
    Ok((StatusCode::ACCEPTED, Json(row.into())))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Redeliver {
    /// Which, by its id in the log.
    delivery: DeliveryId,
}

/// `POST /webhooks/{id}/redeliver`: tries one of the log again, now, under the same `webhook-id`.
pub(in crate::server) async fn redeliver(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<WebhookId>,
    Body(Redeliver { delivery }): Body<Redeliver>,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    switched_on(&shared, &caller, id).await?;
    let row = shared.store.redeliver(caller.organisation, id, delivery, unix_millis()).await?;
    shared.notify.deliveries.ring();
    Ok((StatusCode::ACCEPTED, Json(row.into())))
}

async fn switched_on(shared: &Shared, caller: &Caller, id: WebhookId) -> Result<WebhookRow, ApiError> {
    let hook = shared.store.webhook(caller.organisation, id).await?;
    match hook.off_since {
        None => Ok(hook),
        Some(_) => Err(ApiError::new(Code::Conflict, "this webhook is switched off: switch it on first")),
    }
}
