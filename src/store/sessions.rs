//! Sessions as last heard of, so that they can be shown while their machine is away.

use redb::WriteTransaction;

use super::db::Fault;
use super::schema::{MACHINES, SESSIONS};
use super::{SessionRow, Store, StoreError};
use crate::base::id::{MachineId, OrganisationId, SessionId};

impl Store {
    /// All sessions of an organisation, by id.
    pub async fn sessions(&self, organisation: OrganisationId) -> Result<Vec<SessionRow>, StoreError> {
        self.read(move |t| SESSIONS.list(t, organisation)).await
    }

    /// One session.
    pub async fn session(&self, organisation: OrganisationId, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.read(move |t| SESSIONS.get(t, organisation, id)).await
    }

    /// Notes a session. An id that is known under another machine is refused with
    /// [`StoreError::ForeignSession`]; the owner of a known one stays.
    pub async fn put_session(&self, row: SessionRow) -> Result<(), StoreError> {
        self.write(move |t| {
            let row = checked(t, row)?;
            SESSIONS.put(t, row.organisation, row.info.id, &row)
        })
        .await
    }

    /// Forgets a session.
    pub async fn remove_session(&self, organisation: OrganisationId, id: SessionId) -> Result<(), StoreError> {
        self.write(move |t| {
            if SESSIONS.get(t, organisation, id)?.is_none() {
                return Err(StoreError::NotFound { what: "session" }.into());
            }
            SESSIONS.remove(t, organisation, id)
        })
        .await
    }

    /// A machine's sessions are exactly `rows` from now on: what its agent says after it connected.
    ///
    /// Answers the ids that were known before and are not any more. If one of `rows` is refused as in
    /// [`Store::put_session`], nothing changes.
    pub async fn replace_machine_sessions(
        &self,
        organisation: OrganisationId,
        machine: MachineId,
        rows: Vec<SessionRow>,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.write(move |t| {
            let rows = rows
                .into_iter()
                .map(|row| checked(t, SessionRow { machine, organisation, ..row }))
                .collect::<Result<Vec<_>, _>>()?;
            let mut gone = Vec::new();
            for old in SESSIONS.list(t, organisation)? {
                if old.machine == machine && !rows.iter().any(|row| row.info.id == old.info.id) {
                    SESSIONS.remove(t, organisation, old.info.id)?;
                    gone.push(old.info.id);
                }
            }
            for row in &rows {
                SESSIONS.put(t, organisation, row.info.id, row)?;
            }
            Ok(gone)
        })
        .await
    }
}

/// `row` with the owner it had before, if it may be written at all.
fn checked(t: &WriteTransaction, row: SessionRow) -> Result<SessionRow, Fault> {
    if MACHINES.get(t, row.organisation, row.machine)?.is_none() {
        return Err(StoreError::NotFound { what: "machine" }.into());
    }
    match SESSIONS.home(t, row.info.id)? {
        None => Ok(row),
        Some(home) if home != row.organisation => Err(StoreError::ForeignSession.into()),
        Some(_) => match SESSIONS.get(t, row.organisation, row.info.id)? {
            Some(known) if known.machine != row.machine => Err(StoreError::ForeignSession.into()),
            Some(known) => Ok(SessionRow { owner: known.owner, ..row }),
            None => Ok(row),
        },
    }
}
