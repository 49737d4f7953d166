//! Sessions as last heard of, so that they can be shown while their machine is away.

use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::db::Fault;
use super::schema::{Look, MACHINES, NEEDS_TOLD, SESSION_HOMES, SESSIONS, pair};
use super::{SessionRow, Store, StoreError};
use crate::base::id::{MachineId, OrganisationId, SessionId};

/// Where a session is: how a foreign id is told from an unknown one, and how a row is found by its id alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionHome {
    organisation: OrganisationId,
    machine: MachineId,
}

impl Store {
    /// All sessions of an organisation, by machine and id.
    pub async fn sessions(&self, organisation: OrganisationId) -> Result<Vec<SessionRow>, StoreError> {
        self.read(move |t| SESSIONS.starting_with(t, &pair(organisation, ""))).await
    }

    /// One session.
    pub async fn session(&self, organisation: OrganisationId, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.read(move |t| find(t, organisation, id)).await
    }

    /// Notes a session. An id that is known under another machine is refused with
    /// [`StoreError::ForeignSession`]; owner, sharing and handoff of a known one stay.
    pub async fn put_session(&self, row: SessionRow) -> Result<(), StoreError> {
        self.write(move |t| note(t, row)).await
    }

    /// Forgets a session.
    pub async fn remove_session(&self, organisation: OrganisationId, id: SessionId) -> Result<(), StoreError> {
        self.write(move |t| forget(t, organisation, id)).await
    }
}

pub(super) fn note(t: &WriteTransaction, row: SessionRow) -> Result<(), Fault> {
    if MACHINES.get(t, row.organisation, row.machine)?.is_none() {
        return Err(StoreError::NotFound { what: "machine" }.into());
    }
    let row = checked(t, row)?;
    put(t, &row)
}

pub(super) fn forget(t: &WriteTransaction, organisation: OrganisationId, id: SessionId) -> Result<(), Fault> {
    match find(t, organisation, id)? {
        Some(row) => remove(t, &row),
        None => Err(StoreError::NotFound { what: "session" }.into()),
    }
}

/// Removes every session of a machine that is removed.
pub(super) fn remove_all(t: &WriteTransaction, organisation: OrganisationId, machine: MachineId) -> Result<(), Fault> {
    let rows = SESSIONS.starting_with(t, &place(organisation, machine, ""))?;
    rows.iter().try_for_each(|row| remove(t, row))
}

pub(super) fn find(t: &impl Look, organisation: OrganisationId, id: SessionId) -> Result<Option<SessionRow>, Fault> {
    match SESSION_HOMES.get(t, &id.to_string())? {
        Some(home) if home.organisation == organisation => SESSIONS.get(t, &place(organisation, home.machine, id)),
        _ => Ok(None),
    }
}

pub(super) fn put(t: &WriteTransaction, row: &SessionRow) -> Result<(), Fault> {
    SESSIONS.put(t, &place(row.organisation, row.machine, row.info.id), row)?;
    let home = SessionHome { organisation: row.organisation, machine: row.machine };
    SESSION_HOMES.put(t, &row.info.id.to_string(), &home)
}

fn remove(t: &WriteTransaction, row: &SessionRow) -> Result<(), Fault> {
    NEEDS_TOLD.remove(t, &row.info.id.to_string())?;
    SESSIONS.remove(t, &place(row.organisation, row.machine, row.info.id))?;
    SESSION_HOMES.remove(t, &row.info.id.to_string())
}

/// A row's key: so that an organisation's and a machine's sessions each stand together.
fn place(organisation: OrganisationId, machine: MachineId, id: impl std::fmt::Display) -> String {
    pair(organisation, pair(machine, id))
}

/// `row` with the owner and the handoff it had before, if it may be written at all.
fn checked(t: &impl Look, row: SessionRow) -> Result<SessionRow, Fault> {
    match SESSION_HOMES.get(t, &row.info.id.to_string())? {
        None => Ok(row),
        Some(home) if home.organisation != row.organisation || home.machine != row.machine => {
            Err(StoreError::ForeignSession.into())
        }
        Some(_) => Ok(match find(t, row.organisation, row.info.id)? {
            Some(SessionRow { owner, sharing, handoff, .. }) => SessionRow { owner, sharing, handoff, ..row },
            None => row,
        }),
    }
}
