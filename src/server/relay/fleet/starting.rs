//! Sessions that were asked for and have not been announced: whose they are, and that they may exist.

use super::Organisation;
use super::known::Detail;
use crate::base::id::{SessionId, UserId};
use crate::store::SessionRow;
use crate::wire::view::SessionView;

impl Organisation {
    /// Until the answer drops, sessions of this id that a machine opens belong to `owner`.
    pub(in crate::server::relay) fn starting(&self, id: SessionId, owner: UserId) -> Starting<'_> {
        self.state().starting.insert(id, owner);
        Starting { organisation: self, id }
    }

    /// A session as whoever started it sees it.
    pub(in crate::server::relay) fn started(&self, id: SessionId) -> Option<SessionView> {
        let state = self.state();
        state.sessions.get(&id).map(|session| state.session_view(session, Detail::Whole))
    }

    /// A session was asked for, and its machine has not said what became of it: it will when it names its sessions.
    pub(in crate::server::relay) fn expect_session(&self, row: SessionRow) {
        let mut state = self.state();
        let id = row.info.id;
        if state.machines.contains_key(&row.machine) && !state.sessions.contains_key(&id) {
            state.insert(row);
            state.tell_session(id);
        }
    }
}

/// See [`Organisation::starting`].
pub(in crate::server::relay) struct Starting<'a> {
    organisation: &'a Organisation,
    id: SessionId,
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.organisation.state().starting.remove(&self.id);
    }
}
