//! What is done on the server goes to the audit log: how a handler says who it was.
//!
//! A change is noted in its own commit: `shared.store.noting(caller.event(Action::KeyMake, from).on(id)).add_key(row)`.
//! What changes nothing on disk is noted by itself, and nobody waits for it: [`note_soon`].

use std::sync::Arc;

use super::Shared;
use super::auth::client::ClientAddress;
use super::auth::{Caller, Via};
use crate::store::audit::{Action, Actor, Event};

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
