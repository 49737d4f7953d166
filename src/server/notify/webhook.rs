//! Webhooks: what is to be delivered is on disk first, and is delivered from there, also after a restart.
//!
//! A slow receiver holds a few places of its own and nobody else's; what waits is bounded by its log.

mod course;
pub(in crate::server) mod shape;
pub(in crate::server) mod sign;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::news::{About, News, What};
use super::outbound::{Answer, OutboundError, Target};
use crate::base::clock::{millis, unix_millis};
use crate::base::id::{DeliveryId, WebhookId, fill_random};
use crate::server::Shared;
use crate::store::audit::{Action, Actor, Event};
use crate::store::{DeliveryRow, StoreError, Try, WebhookRow};
use crate::wire::notice::Kind;
use course::{Next, is_to_be_off, next};

/// Deliveries to one webhook at a time, so that a slow one has no more of the places below.
const AT_ONCE_PER_WEBHOOK: usize = 4;

/// Deliveries at a time.
const AT_ONCE: usize = 64;

/// What is due is looked for at least this often, should the clock have been set.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// After the database refused, it is asked again after this.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What is under way, and a bell for what is new.
#[derive(Debug, Default)]
pub(in crate::server) struct Deliveries {
    bell: Notify,
    flying: Mutex<HashMap<DeliveryId, WebhookId>>,
}

impl Deliveries {
    /// Something is due.
    pub(in crate::server) fn ring(&self) {
        self.bell.notify_one();
    }

    fn flying(&self) -> std::sync::MutexGuard<'_, HashMap<DeliveryId, WebhookId>> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a delivery, if there is one.
    fn take(&self, row: &DeliveryRow) -> bool {
        let mut flying = self.flying();
        let of_this = flying.values().filter(|webhook| **webhook == row.webhook).count();
        let fits = flying.len() < AT_ONCE && of_this < AT_ONCE_PER_WEBHOOK && !flying.contains_key(&row.id);
        if fits {
            flying.insert(row.id, row.webhook);
        }
        fits
    }
}

/// A delivery of `body` to `hook`, due now.
pub(in crate::server) fn delivery(hook: &WebhookRow, kind: Kind, body: String, now: u64) -> DeliveryRow {
    let (id, created_at, next_at) = (DeliveryId::random(), now, Some(now));
    let (webhook, organisation, tries, delivered) = (hook.id, hook.organisation, Vec::new(), false);
    DeliveryRow { id, webhook, organisation, kind, body, created_at, tries, next_at, delivered }
}

/// Notes what the organisation's webhooks are to be told; answers how many.
pub(super) async fn note(shared: &Shared, news: &News) -> Result<usize, StoreError> {
    let What::Told { kind, .. } = news.what else { return Ok(0) };
    let hooks = shared.store.webhooks(news.organisation).await?;
    let wanted = hooks.iter().filter(|hook| hook.off_since.is_none() && hook.events.contains(&kind));
    let now = unix_millis();
    let rows: Vec<DeliveryRow> =
        wanted.filter_map(|hook| Some(delivery(hook, kind, shape::body(hook, news, &shared.url)?, now))).collect();
    let count = rows.len();
    if count > 0 {
        shared.store.add_deliveries(rows).await?;
        shared.notify.deliveries.ring();
    }
    Ok(count)
}

/// Delivers what is due, until the server stops.
pub(in crate::server) async fn deliver_all(shared: &Arc<Shared>) {
    loop {
        let mut rung = std::pin::pin!(shared.notify.deliveries.bell.notified());
        rung.as_mut().enable(); // Listening first, then looking.
        let wait = match look(shared).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "what webhooks are to be told cannot be read");
                ASKED_AGAIN_AFTER
            }
        };
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = rung => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Begins what is due and has a place; answers when to look again.
async fn look(shared: &Arc<Shared>) -> Result<Duration, StoreError> {
    let now = unix_millis();
    let (flying, full) = {
        let flying = shared.notify.deliveries.flying();
        let mut counts: HashMap<WebhookId, usize> = HashMap::new();
        flying.values().for_each(|webhook| *counts.entry(*webhook).or_default() += 1);
        let full: BTreeSet<WebhookId> =
            counts.into_iter().filter(|(_, count)| *count >= AT_ONCE_PER_WEBHOOK).map(|(webhook, _)| webhook).collect();
        (flying.keys().copied().collect::<BTreeSet<_>>(), full)
    };
    let wanted = move |webhook: WebhookId, id: DeliveryId| !full.contains(&webhook) && !flying.contains(&id);
    let (rows, next) = shared.store.deliveries_due(now, AT_ONCE, wanted).await?;
    for row in rows.into_iter().filter(|row| shared.notify.deliveries.take(row)) {
        let shared_too = Arc::clone(shared);
        shared.tasks.spawn(async move {
            let id = row.id;
            // What is under way when the server stops is due still, and delivered after its next start.
            let tried = shared_too.shutdown.run_until_cancelled(attempt(&shared_too, row)).await;
            if let Some(Err(error)) = tried {
                tracing::warn!(%error, delivery = %id, "what became of a webhook's delivery was not written");
                tokio::time::sleep(ASKED_AGAIN_AFTER).await;
            }
            shared_too.notify.deliveries.flying().remove(&id);
            shared_too.notify.deliveries.ring();
        });
    }
    let until = next.map_or(LOOK_EVERY, |at| Duration::from_millis(at.saturating_sub(now)));
    Ok(until.min(LOOK_EVERY))
}

/// One try, and what follows from it.
async fn attempt(shared: &Arc<Shared>, mut row: DeliveryRow) -> Result<(), StoreError> {
    let hook = match shared.store.webhook(row.organisation, row.webhook).await {
        Ok(hook) if hook.off_since.is_none() => hook,
        Ok(_) => {
            let (at, error) = (unix_millis(), Some("the webhook is switched off".to_owned()));
            row.tries.push(Try { at, status: None, error, took: 0 });
            row.next_at = None;
            return shared.store.tried(row, |_| ()).await.map(|_| ());
        }
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let (at, begun) = (unix_millis(), Instant::now());
    let said = send(shared, &hook, &row, at).await;
    let now = unix_millis();
    row.tries.push(tried(at, &said, begun.elapsed()));
    let course = next(row.tries.len(), &said, now, random());
    let host = Target::parse(&hook.url).map(|target| target.authority().to_owned()).unwrap_or_default();
    let waited = now.saturating_sub(row.created_at);
    tracing::info!(webhook = %row.webhook, delivery = %row.id, host, tries = row.tries.len(), ?course, waited,
        "a notification was handed to a webhook");
    (row.delivered, row.next_at) = match course {
        Next::Delivered => (true, None),
        Next::Again(at) => (false, Some(at)),
        Next::GivenUp => (false, None),
    };
    let delivered = row.delivered;
    let failing_since = hook.failing_since.unwrap_or(now);
    let off = !delivered && is_to_be_off(&said, failing_since, now);
    if off {
        row.next_at = None;
    }
    let change = move |hook: &mut WebhookRow| {
        hook.failing_since = (!delivered).then(|| hook.failing_since.unwrap_or(failing_since));
        hook.off_since = hook.off_since.or(off.then_some(now));
    };
    if off {
        let event =
            Event::of(row.organisation, Actor::Server, Action::WebhookOff).on(row.webhook).fact("name", &hook.name);
        let organisation = row.organisation;
        shared.store.noting(event).tried(row, change).await?;
        let about = About::Webhook { name: hook.name };
        let what = What::told(Kind::Webhook);
        shared.relay.desk().tell(News { organisation, at: now, about, what, by: None });
    } else {
        shared.store.tried(row, change).await?;
    }
    Ok(())
}

async fn send(shared: &Shared, hook: &WebhookRow, row: &DeliveryRow, at: u64) -> Result<Answer, OutboundError> {
    let target = shape::target(hook.shape, Target::parse(&hook.url)?);
    let headers = sign::headers(&hook.secret, row.id, at, &row.body);
    shared.notify.outbound.post(&target, headers, Bytes::from(row.body.clone())).await
}

fn tried(at: u64, said: &Result<Answer, OutboundError>, took: Duration) -> Try {
    let (status, error) = match said {
        Ok(answer) => (Some(answer.status), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Try { at, status, error, took: millis(took) }
}

/// Evenly from all of `u32`.
pub(super) fn random() -> u32 {
    let mut raw = [0u8; 4];
    fill_random(&mut raw);
    u32::from_ne_bytes(raw)
}
