//! Writes what agents say of themselves to the store, a moment later and together.
//!
//! A title that changes ten times a second must not be ten commits, nor a thousand agents that come back at once a
//! thousand. Whatever was promised to a caller is not left to this: the handlers' own writes are awaited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::id::{KeyId, MachineId, SessionId};
use crate::base::secret::SecretHash;
use crate::store::{Note, Store};

/// How long changes are collected before they are written together.
const COLLECT_FOR: Duration = Duration::from_secs(1);

/// What a note is about.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    Session(SessionId),
    Machine(MachineId),
    Key(KeyId),
    Browser(SecretHash),
    Attempts(String),
}

impl Subject {
    fn of(note: &Note) -> Self {
        match note {
            Note::Session(row) => Self::Session(row.info.id),
            Note::SessionGone(_, id) => Self::Session(*id),
            Note::MachineSeen(_, id, _) => Self::Machine(*id),
            Note::KeyUsed(_, id, ..) => Self::Key(*id),
            Note::BrowserSeen(hash, ..) => Self::Browser(hash.clone()),
            Note::Attempts(subject, _) => Self::Attempts(subject.clone()),
        }
    }
}

/// Changes not written yet: the newest of each thing.
#[derive(Debug)]
pub(crate) struct Saver {
    store: Store,
    notes: Mutex<HashMap<Subject, Note>>,
    wake: Arc<Notify>,
}

impl Saver {
    /// With its task, which lives as long as the saver is used by somebody else.
    pub(crate) fn spawn(store: Store) -> Arc<Self> {
        let wake = Arc::new(Notify::new());
        let saver = Arc::new(Self { store, notes: Mutex::default(), wake: Arc::clone(&wake) });
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

    /// Something changed.
    pub(crate) fn note(&self, note: Note) {
        self.notes().insert(Subject::of(&note), note);
        self.wake.notify_one();
    }

    /// Writes all that has changed.
    pub(crate) async fn flush(&self) {
        let notes: Vec<Note> = std::mem::take(&mut *self.notes()).into_values().collect();
        let count = notes.len();
        if let Err(error) = self.store.write_notes(notes).await {
            tracing::warn!(count, %error, "what changed about sessions and machines was not written");
        }
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, HashMap<Subject, Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
