//! Writes what agents say of their sessions to the store, a moment later and each session once.
//!
//! A title that changes ten times a second must not be ten commits. Whatever was promised to a caller is not left to
//! this: the handlers' own writes are awaited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::id::{OrganisationId, SessionId};
use crate::store::{SessionRow, Store, StoreError};

/// How long changes are collected before they are written together.
const COLLECT_FOR: Duration = Duration::from_secs(1);

/// Changes not written yet: at most one for each session.
#[derive(Debug)]
pub(crate) struct Saver {
    store: Store,
    changed: Mutex<HashMap<SessionId, Change>>,
    wake: Arc<Notify>,
}

#[derive(Debug)]
enum Change {
    Put(Box<SessionRow>),
    Remove(OrganisationId),
}

impl Saver {
    /// With its task, which lives as long as the saver is used by somebody else.
    pub(crate) fn spawn(store: Store) -> Arc<Self> {
        let wake = Arc::new(Notify::new());
        let saver = Arc::new(Self { store, changed: Mutex::default(), wake: Arc::clone(&wake) });
        let weak = Arc::downgrade(&saver);
        tokio::spawn(async move {
            // While it waits it holds neither the saver nor the store: a stopped server's directory is free at once.
            while weak.strong_count() > 0 {
                if tokio::time::timeout(10 * COLLECT_FOR, wake.notified()).await.is_ok() {
                    tokio::time::sleep(COLLECT_FOR).await;
                    if let Some(saver) = weak.upgrade() {
                        saver.flush().await;
                    }
                }
            }
        });
        saver
    }

    /// A session changed.
    pub(crate) fn save(&self, row: SessionRow) {
        self.note(row.info.id, Change::Put(Box::new(row)));
    }

    /// A session is no more.
    pub(crate) fn remove(&self, organisation: OrganisationId, id: SessionId) {
        self.note(id, Change::Remove(organisation));
    }

    fn note(&self, id: SessionId, change: Change) {
        self.changed().insert(id, change);
        self.wake.notify_one();
    }

    /// Writes all that has changed.
    pub(crate) async fn flush(&self) {
        let changes = std::mem::take(&mut *self.changed());
        // At once, so that they share commits.
        let writes = changes.into_iter().map(|(session, change)| async move {
            let written = match change {
                Change::Put(row) => self.store.put_session(*row).await,
                Change::Remove(organisation) => self.store.remove_session(organisation, session).await,
            };
            match written {
                // Removed by somebody else meanwhile, alone or with its machine.
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => tracing::warn!(%session, %error, "what an agent said of a session was not written"),
            }
        });
        futures_util::future::join_all(writes).await;
    }

    fn changed(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Change>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
