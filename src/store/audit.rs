//! The audit log: who did what, on what, from where, when, and whether it was allowed.
//!
//! One chain of entries for each organisation, and one for the server itself. An entry holds the SHA-256 of the stored bytes
//! of the entry before it, so a changed, removed or inserted entry shows ([`Store::audit_verify`]). Nothing is ever changed;
//! old entries go from the front only, and an entry says through which one.
//!
//! An entry that belongs to a change is written in the change's own transaction ([`Store::noting`]): neither is there
//! without the other.

mod book;
mod check;
mod event;
mod look;

use std::sync::{Arc, Mutex, PoisonError};

pub(super) use book::append;
pub use book::{ENTRIES_MAX, Head};
pub(super) use check::check_all;
pub use check::{Checked, Flaw};
pub use event::{Action, Actor, Entry, Event, Outcome, Who};
pub use look::{Filter, PAGE_MAX, Page};

use redb::WriteTransaction;

use super::db::Fault;
use super::{Store, StoreError};
use crate::base::clock::unix_millis;
use crate::base::id::{OrganisationId, UserId};

/// A chain: an organisation's, or the server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Book {
    /// What happens in an organisation. Its admins read it.
    Of(OrganisationId),
    /// What belongs to none: sign-ins to accounts that do not exist, backups. Read on the server itself.
    Server,
}

impl std::fmt::Display for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Of(organisation) => organisation.fmt(f),
            Self::Server => f.write_str("server"),
        }
    }
}

/// An event that waits for the change it belongs to.
pub(super) type Pending = Arc<Mutex<Option<Event>>>;

impl Store {
    /// The same store, whose next write notes `event` in the same commit: both are on disk, or neither is.
    ///
    /// For one write. A refused write notes nothing; whoever wants the refusal noted says so with [`Self::note`].
    #[must_use]
    pub fn noting(&self, event: Event) -> Self {
        Self { inner: Arc::clone(&self.inner), pending: Some(Arc::new(Mutex::new(Some(event)))) }
    }

    /// Notes an event that changes nothing else here.
    pub async fn note(&self, event: Event) -> Result<(), StoreError> {
        let bare = Self { inner: Arc::clone(&self.inner), pending: None };
        bare.write(move |t| book::append(t, &event, unix_millis())).await
    }

    /// Removes entries of `book` older than `before` (milliseconds since 1970), and those beyond [`ENTRIES_MAX`]; says how
    /// many. An entry that says so is added, and the chain goes on from there.
    pub async fn audit_trim(&self, book: Book, before: u64) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            // In pieces, so that nobody else's write waits long for this one.
            let piece = self.write(move |t| book::trim(t, book, before, unix_millis())).await?;
            removed += piece;
            if piece < book::TRIMMED_AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

/// Notes what waits for this write, if anything does. After the write's own change, in its transaction.
pub(super) fn note_pending(t: &WriteTransaction, pending: Option<&Pending>) -> Result<(), Fault> {
    let event = pending.and_then(|pending| pending.lock().unwrap_or_else(PoisonError::into_inner).take());
    event.map_or(Ok(()), |event| book::append(t, &event, unix_millis()))
}

/// What waits for this write was done by somebody who came to be with it.
pub(super) fn done_by(pending: Option<&Pending>, user: UserId) {
    if let Some(pending) = pending
        && let Some(event) = &mut *pending.lock().unwrap_or_else(PoisonError::into_inner)
    {
        event.actor = Actor::User(user);
    }
}

/// What waits for this write is noted as done to `on`, or not at all: the change turned out to be none worth an entry.
pub(super) fn only_on(pending: Option<&Pending>, on: Option<impl std::fmt::Display>) {
    if let Some(pending) = pending {
        let mut event = pending.lock().unwrap_or_else(PoisonError::into_inner);
        *event = on.and_then(|on| event.take().map(|event| event.on(on)));
    }
}

#[cfg(test)]
mod tests;
