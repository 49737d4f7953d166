//! State in redb, one typed face per kind of row; no redb type leaves this module.
//!
//! What a caller was told is committed is on disk. Presence and live streams are memory and not here.
//! Rows that belong to an organisation are only reached by naming it.

mod accounts;
mod attempts;
pub mod audit;
mod backup;
mod browser_sessions;
mod db;
mod error;
mod frozen;
mod handoff;
mod invitations;
mod keys;
mod later;
mod links;
mod machines;
mod members;
mod migrate;
mod notify;
mod open;
mod organisations;
mod remembered;
mod row;
mod schema;
mod scope;
mod second_factors;
mod sessions;
mod settings;
mod webhooks;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub use accounts::{NewOwner, Profile};
pub use attempts::AttemptsRow;
pub use backup::{Restored, copy_closed, restore};
pub use db::Counts;
pub use error::{OpenError, StoreError};
pub use handoff::{Adoption, End, HandoffRow, Offer};
pub use invitations::Joining;
pub use later::Note;
pub use machines::MachineEdit;
pub use members::{Ended, Member};
pub use notify::{Listening, PUSHES_PER_PERSON_MAX, PushRow};
pub use row::{
    Admission, BrowserSessionRow, InvitationRow, KeyRow, LinkPurpose, LinkRow, MachineRow, MembershipRow,
    OrganisationRow, Role, SecondFactorRow, SessionRow, Sharing, USER_AGENT_BYTES_MAX, UserRow,
};
pub use scope::Scope;
pub use webhooks::{DELIVERIES_PER_WEBHOOK_MAX, DeliveryRow, Shape, Try, WEBHOOKS_PER_ORGANISATION_MAX, WebhookRow};

use db::{Db, Fault};
use remembered::Remembered;

/// The open store. Clones share it; when the last is dropped the directory is free for another server.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// What the next write notes in the audit log.
    pending: Option<audit::Pending>,
}

/// Fields are dropped in this order: the database is closed before the directory is unlocked.
struct Inner {
    db: Db,
    keys: Remembered<KeyRow>,
    browsers: Remembered<BrowserSessionRow>,
    _lock: File,
}

impl Store {
    /// Opens the data directory `dir`, creating what is missing. Blocks for some milliseconds.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let opened = open::open(dir)?;
        let db = Db::new(opened.path, opened.database)
            .map_err(|error| OpenError::Unusable { path: dir.to_owned(), detail: error.to_string() })?;
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                keys: Remembered::default(),
                browsers: Remembered::default(),
                _lock: opened.lock,
            }),
            pending: None,
        })
    }

    /// What the database has done since it was opened.
    pub fn counts(&self) -> Counts {
        self.inner.db.counts()
    }

    /// Size of the database file, in bytes; 0 if that cannot be told.
    pub fn file_bytes(&self) -> u64 {
        self.inner.db.file_bytes()
    }

    async fn read<T, F>(&self, look: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&redb::ReadTransaction) -> Result<T, Fault> + Send + 'static,
    {
        self.inner.db.read(look).await
    }

    async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&redb::WriteTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let pending = self.pending.clone();
        let noted = move |t: &redb::WriteTransaction| {
            let changed = change(t)?;
            audit::note_pending(t, pending.as_ref())?;
            Ok(changed)
        };
        self.inner.db.write(noted).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

#[cfg(test)]
mod tests;
