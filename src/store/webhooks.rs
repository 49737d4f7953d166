//! Webhooks of organisations, and the log of what was delivered to them: bounded, and all that waits is in it, so that it
//! is delivered also after a restart.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::db::Fault;
use super::schema::{DELIVERIES, DELIVERIES_DUE, Look, WEBHOOKS, pair};
use super::{Store, StoreError};
use crate::base::id::{DeliveryId, OrganisationId, UserId, WebhookId};
use crate::base::secret::Secret;
use crate::wire::notice::Kind;

/// Webhooks of one organisation.
pub const WEBHOOKS_PER_ORGANISATION_MAX: usize = 20;

/// Deliveries kept of one webhook, those that wait included; older ones go, also if they wait.
pub const DELIVERIES_PER_WEBHOOK_MAX: usize = 200;

/// In which words a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// All there is to know, for programs.
    #[default]
    Plain,
    /// A message for an incoming webhook of Slack.
    Slack,
    /// A message for a webhook of Discord.
    Discord,
    /// A message for a topic of ntfy.
    Ntfy,
}

/// One webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// Whose.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// Where it sends to. A secret at many receivers.
    pub url: String,
    /// What it signs with: `whsec_` and base64.
    pub secret: Secret,
    /// In which words.
    pub shape: Shape,
    /// What it sends.
    pub events: BTreeSet<Kind>,
    /// Whether it says what a session asks.
    #[serde(default)]
    pub with_text: bool,
    /// Who made it.
    pub created_by: UserId,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// Since when nothing was delivered, in milliseconds since 1970.
    #[serde(default)]
    pub failing_since: Option<u64>,
    /// When it was switched off, likewise: by a person, or because its receiver failed for days.
    #[serde(default)]
    pub off_since: Option<u64>,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Try {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What the receiver answered: an HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it was not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub took: u64,
}

/// Something to be delivered to one webhook, or that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// What its receiver knows it by, the same at each try.
    pub id: DeliveryId,
    /// To which.
    pub webhook: WebhookId,
    /// Whose.
    pub organisation: OrganisationId,
    /// What happened.
    pub kind: Kind,
    /// The request's body.
    pub body: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// The tries so far.
    #[serde(default)]
    pub tries: Vec<Try>,
    /// When it is tried next, in milliseconds since 1970; `None` once it was delivered or given up.
    #[serde(default)]
    pub next_at: Option<u64>,
    /// Whether it was delivered.
    #[serde(default)]
    pub delivered: bool,
}

impl Store {
    /// An organisation's webhooks, oldest first.
    pub async fn webhooks(&self, organisation: OrganisationId) -> Result<Vec<WebhookRow>, StoreError> {
        let mut rows = self.read(move |t| WEBHOOKS.list(t, organisation)).await?;
        rows.sort_by_key(|row| (row.created_at, row.id));
        Ok(rows)
    }

    /// One of them.
    pub async fn webhook(&self, organisation: OrganisationId, id: WebhookId) -> Result<WebhookRow, StoreError> {
        self.read(move |t| known(t, organisation, id)).await
    }

    /// Notes a new one.
    pub async fn add_webhook(&self, row: WebhookRow) -> Result<(), StoreError> {
        self.write(move |t| {
            if WEBHOOKS.count(t, row.organisation)? >= WEBHOOKS_PER_ORGANISATION_MAX {
                return Err(StoreError::TooMany { what: "webhooks", max: WEBHOOKS_PER_ORGANISATION_MAX }.into());
            }
            if WEBHOOKS.get(t, row.organisation, row.id)?.is_some() {
                return Err(StoreError::MadeAlready { what: "webhook", id: row.id.to_string() }.into());
            }
            WEBHOOKS.put(t, row.organisation, row.id, &row)
        })
        .await
    }

    /// Changes one; answers how it is then.
    pub async fn change_webhook(
        &self,
        organisation: OrganisationId,
        id: WebhookId,
        change: impl FnOnce(&mut WebhookRow) + Send + 'static,
    ) -> Result<WebhookRow, StoreError> {
        self.write(move |t| {
            let mut row = known(t, organisation, id)?;
            change(&mut row);
            WEBHOOKS.put(t, organisation, id, &row)?;
            Ok(row)
        })
        .await
    }

    /// Removes one, with its log.
    pub async fn remove_webhook(&self, organisation: OrganisationId, id: WebhookId) -> Result<(), StoreError> {
        self.write(move |t| {
            known(t, organisation, id)?;
            DELIVERIES.starting_with(t, &pair(id, ""))?.iter().try_for_each(|row| remove(t, row))?;
            WEBHOOKS.remove(t, organisation, id)
        })
        .await
    }

    /// What was sent to one, or waits to be, newest first.
    pub async fn deliveries(
        &self,
        organisation: OrganisationId,
        id: WebhookId,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let mut rows = self
            .read(move |t| {
                known(t, organisation, id)?;
                DELIVERIES.starting_with(t, &pair(id, ""))
            })
            .await?;
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
        Ok(rows)
    }

    /// Notes deliveries that are due; the oldest of each webhook go beyond its bound.
    pub async fn add_deliveries(&self, rows: Vec<DeliveryRow>) -> Result<(), StoreError> {
        self.write(move |t| {
            for row in &rows {
                let mut others = DELIVERIES.starting_with(t, &pair(row.webhook, ""))?;
                others.sort_by_key(|row| (row.created_at, row.id));
                let surplus = (others.len() + 1).saturating_sub(DELIVERIES_PER_WEBHOOK_MAX);
                others.iter().take(surplus).try_for_each(|row| remove(t, row))?;
                put(t, row)?;
            }
            Ok(())
        })
        .await
    }

    /// Tries one again, now, under the same id.
    pub async fn redeliver(
        &self,
        organisation: OrganisationId,
        webhook: WebhookId,
        id: DeliveryId,
        now: u64,
    ) -> Result<DeliveryRow, StoreError> {
        self.write(move |t| {
            known(t, organisation, webhook)?;
            let row = DELIVERIES.get(t, &pair(webhook, id))?.ok_or(StoreError::NotFound { what: "delivery" })?;
            remove(t, &row)?;
            let row = DeliveryRow { next_at: Some(now), tries: Vec::new(), delivered: false, ..row };
            put(t, &row)?;
            Ok(row)
        })
        .await
    }

    /// The deliveries among the `wanted` that are due by `now`, at most `max`, and when the first after `now` is.
    pub async fn deliveries_due(
        &self,
        now: u64,
        max: usize,
        wanted: impl Fn(WebhookId, DeliveryId) -> bool + Send + 'static,
    ) -> Result<(Vec<DeliveryRow>, Option<u64>), StoreError> {
        self.read(move |t| {
            let (mut keys, mut next) = (Vec::new(), None);
            DELIVERIES_DUE.visit(t, "", None, |key, _| {
                let Some((at, key)) = key.split_once('/') else { return ControlFlow::Continue(()) };
                let at = u64::from_str_radix(at, 16).unwrap_or(0);
                if at > now {
                    next = Some(at);
                    return ControlFlow::Break(());
                }
                let ids = key.split_once('/').and_then(|(webhook, id)| webhook.parse().ok().zip(id.parse().ok()));
                if keys.len() < max && ids.is_some_and(|(webhook, id)| wanted(webhook, id)) {
                    keys.push(key.to_owned());
                }
                ControlFlow::Continue(())
            })?;
            let mut rows = Vec::new();
            for key in keys {
                rows.extend(DELIVERIES.get(t, &key)?);
            }
            Ok((rows, next))
        })
        .await
    }

    /// What became of a try, and what that makes of its webhook: answers the webhook. One that was removed meanwhile, or a
    /// delivery that was, is no error.
    pub async fn tried(
        &self,
        row: DeliveryRow,
        change: impl FnOnce(&mut WebhookRow) + Send + 'static,
    ) -> Result<Option<WebhookRow>, StoreError> {
        self.write(move |t| {
            let Some(mut webhook) = WEBHOOKS.get(t, row.organisation, row.webhook)? else { return Ok(None) };
            if let Some(before) = DELIVERIES.get(t, &pair(row.webhook, row.id))? {
                remove(t, &before)?;
                put(t, &row)?;
            }
            change(&mut webhook);
            WEBHOOKS.put(t, row.organisation, row.webhook, &webhook)?;
            Ok(Some(webhook))
        })
        .await
    }
}

fn known(t: &impl Look, organisation: OrganisationId, id: WebhookId) -> Result<WebhookRow, Fault> {
    WEBHOOKS.get(t, organisation, id)?.ok_or_else(|| StoreError::NotFound { what: "webhook" }.into())
}

fn put(t: &WriteTransaction, row: &DeliveryRow) -> Result<(), Fault> {
    let key = pair(row.webhook, row.id);
    DELIVERIES.put(t, &key, row)?;
    match row.next_at {
        Some(at) => DELIVERIES_DUE.put(t, &due(at, &key), &()),
        None => Ok(()),
    }
}

fn remove(t: &WriteTransaction, row: &DeliveryRow) -> Result<(), Fault> {
    let key = pair(row.webhook, row.id);
    DELIVERIES.remove(t, &key)?;
    match row.next_at {
        Some(at) => DELIVERIES_DUE.remove(t, &due(at, &key)),
        None => Ok(()),
    }
}

/// The key of what is due at a time: keys stand in its order.
fn due(at: u64, key: &str) -> String {
    format!("{at:016x}/{key}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn webhook(organisation: OrganisationId) -> WebhookRow {
        WebhookRow {
            id: WebhookId::random(),
            organisation,
            name: "chat".to_owned(),
            url: "https://chat.example.org/hook".to_owned(),
            secret: Secret::new("whsec_AAAA"),
            shape: Shape::Plain,
            events: [Kind::Done].into(),
            with_text: false,
            created_by: UserId::random(),
            created_at: 1,
            failing_since: None,
            off_since: None,
        }
    }

    fn delivery(webhook: &WebhookRow, at: u64) -> DeliveryRow {
        DeliveryRow {
            id: DeliveryId::random(),
            webhook: webhook.id,
            organisation: webhook.organisation,
            kind: Kind::Done,
            body: "{}".to_owned(),
            created_at: at,
            tries: Vec::new(),
            next_at: Some(at),
            delivered: false,
        }
    }

    #[tokio::test]
    async fn what_waits_is_there_after_a_restart_in_the_order_of_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let hook = webhook(OrganisationId::random());
        store.add_webhook(hook.clone()).await.unwrap();
        let (late, early, far) = (delivery(&hook, 20), delivery(&hook, 10), delivery(&hook, 300));
        store.add_deliveries(vec![late.clone(), early.clone(), far]).await.unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        let (due, next) = store.deliveries_due(20, 10, |_, _| true).await.unwrap();
        assert_eq!((due, next), (vec![early.clone(), late.clone()], Some(300)));
        let done = DeliveryRow { delivered: true, next_at: None, ..early.clone() };
        store.tried(done, |hook| hook.failing_since = None).await.unwrap().unwrap();
        assert_eq!(store.deliveries_due(20, 10, |_, _| true).await.unwrap().0, vec![late.clone()]);
        let again = store.redeliver(hook.organisation, hook.id, early.id, 15).await.unwrap();
        assert_eq!(store.deliveries_due(20, 10, |_, _| true).await.unwrap().0, vec![again, late]);
        let other = store.redeliver(OrganisationId::random(), hook.id, early.id, 15).await;
        assert_eq!(other, Err(StoreError::NotFound { what: "webhook" }));
        store.remove_webhook(hook.organisation, hook.id).await.unwrap();
        assert_eq!(store.deliveries_due(u64::MAX, 10, |_, _| true).await.unwrap(), (vec![], None));
    }

    #[tokio::test]
    async fn the_log_of_a_webhook_is_bounded_and_so_is_what_waits() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let hook = webhook(OrganisationId::random());
        store.add_webhook(hook.clone()).await.unwrap();
        let all = (0..DELIVERIES_PER_WEBHOOK_MAX as u64 + 5).map(|at| delivery(&hook, at)).collect();
        store.add_deliveries(all).await.unwrap();
        let kept = store.deliveries(hook.organisation, hook.id).await.unwrap();
        assert_eq!((kept.len(), kept.last().unwrap().created_at), (DELIVERIES_PER_WEBHOOK_MAX, 5));
        assert_eq!(
            store.deliveries_due(u64::MAX, 1_000, |_, _| true).await.unwrap().0.len(),
            DELIVERIES_PER_WEBHOOK_MAX
        );
    }
}
