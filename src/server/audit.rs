//! What is done on the server goes to the audit log: how a handler says who it was.
//!
//! A change is noted in its own commit: `shared.store.noting(caller.event(Action::KeyMake, from).on(id)).add_key(row)`.
//! What changes nothing on disk is noted by itself, and nobody waits for it: [`note_soon`].

mod refusals;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) use refusals::Refusals;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::auth::client::ClientAddress;
use super::auth::{Caller, Via};
use crate::base::clock::{millis, unix_millis};
use crate::base::id::{OrganisationId, SessionId, UserId};
use crate::store::audit::{Action, Actor, Book, Event};
use crate::store::{Store, StoreError};
use crate::wire::view::SessionView;

impl Caller {
    /// Who this is, in the audit log.
    pub(super) fn actor(&self) -> Actor {
        match self.via {
            Via::Browser(_) => Actor::User(self.user),
            Via::Key(key) => Actor::Key(key, self.user),
        }
    }

    /// Something this caller does in their organisation.
    pub(super) fn event(&self, action: Action, ClientAddress(from): ClientAddress) -> Event {
        Event::of(self.organisation, self.actor(), action).from(from)
    }
}

/// Notes something that is not a change of what is stored. A failure is in the log, with what should have been noted.
pub(super) fn note_soon(shared: &Arc<Shared>, event: Event) {
    let store = shared.store.clone();
    shared.tasks.spawn(async move {
        if let Err(error) = store.note(event.clone()).await {
            tracing::error!(%error, ?event, "the audit log lacks an entry");
        }
    });
}

/// Notes something that anybody can cause, any number of times: bounded, and counted beyond that ([`Refusals`]).
pub(super) fn note_refusal(shared: &Arc<Shared>, event: Event) {
    if let Some(event) = shared.refusals.first(event) {
        note_soon(shared, event);
    }
}

/// Notes how often refusals were repeated, each hour and when the server stops.
pub(super) async fn sum_up_hourly(shared: &Shared) {
    while shared.shutdown.run_until_cancelled(tokio::time::sleep(refusals::SUMMED_UP_EVERY)).await.is_some() {
        sum_up(shared).await;
    }
}

/// Notes how often refusals were repeated since this was last done.
pub(super) async fn sum_up(shared: &Shared) {
    for event in shared.refusals.take() {
        if let Err(error) = shared.store.note(event.clone()).await {
            tracing::error!(%error, ?event, "the audit log lacks an entry");
        }
    }
}

/// Days that a log is kept, unless told otherwise: a year, in which most things come to light.
const KEEP_DAYS: u32 = 365;

/// Logs are trimmed this often.
const TRIM_EVERY: Duration = Duration::from_hours(24);

/// How long an organisation's log is kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, schemars::JsonSchema)]
pub(super) struct Retention {
    /// Days, 30 to 3,650.
    pub(super) keep_days: u32,
}

impl Retention {
    /// As it is set.
    pub(super) async fn of(store: &Store, organisation: OrganisationId) -> Result<Self, StoreError> {
        let set = store.setting(&Self::name(organisation)).await?;
        Ok(set.and_then(|set| serde_json::from_value(set).ok()).unwrap_or(Self { keep_days: KEEP_DAYS }))
    }

    /// Sets it.
    pub(super) async fn set(self, store: &Store, organisation: OrganisationId) -> Result<(), StoreError> {
        let row = serde_json::to_value(self).map_err(|error| StoreError::Failed(error.to_string()))?;
        store.put_setting(&Self::name(organisation), row).await
    }

    fn name(organisation: OrganisationId) -> String {
        format!("audit/{organisation}")
    }

    pub(super) fn is_sensible(self) -> bool {
        (30..=3_650).contains(&self.keep_days)
    }

    /// Removes what is too old by now.
    pub(super) async fn apply(self, store: &Store, book: Book) -> Result<(), StoreError> {
        let age = millis(Duration::from_hours(24 * u64::from(self.keep_days)));
        let removed = store.audit_trim(book, unix_millis().saturating_sub(age)).await?;
        if removed > 0 {
            tracing::info!(%book, removed, "old entries of the audit log were removed");
        }
        Ok(())
    }
}

/// Removes old entries of every log, now and each day, until the server stops.
pub(super) async fn trim_daily(shared: &Shared) {
    loop {
        if let Err(error) = trim(&shared.store).await {
            tracing::warn!(%error, "old entries of the audit log were not removed");
        }
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = tokio::time::sleep(TRIM_EVERY) => {}
        }
    }
}

async fn trim(store: &Store) -> Result<(), StoreError> {
    for book in store.audit_books().await? {
        let retention = match book {
            Book::Of(organisation) => Retention::of(store, organisation).await?,
            Book::Server => Retention { keep_days: KEEP_DAYS },
        };
        retention.apply(store, book).await?;
    }
    Ok(())
}

/// Notes that somebody sees what a session shows.
pub(super) fn note_watching(shared: &Arc<Shared>, who: &Caller, from: ClientAddress, session: &SessionView) {
    let id = session.info.id;
    if shared.watchers.is_new(who.user, id, Instant::now()) {
        note_soon(shared, who.event(Action::SessionAttach, from).on(id).fact("owner", session.owner.id));
    }
}

/// Who was noted to watch which session, and when: a page that comes back every minute is one entry an hour.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<HashMap<(UserId, SessionId), Instant>>);

/// The same person watching the same session is noted once in this time.
const WATCHED_EVERY: Duration = Duration::from_hours(1);

/// Pairs remembered. Beyond it all are forgotten, and noted once more.
const WATCHED_MAX: usize = 20_000;

impl Watchers {
    /// Whether this is to be noted.
    fn is_new(&self, user: UserId, session: SessionId, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= WATCHED_MAX {
            seen.clear();
        }
        let before = seen.get(&(user, session)).copied();
        let is_new = before.is_none_or(|before| now.saturating_duration_since(before) >= WATCHED_EVERY);
        if is_new {
            seen.insert((user, session), now);
        }
        is_new
    }
}
