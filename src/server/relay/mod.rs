//! The relay between viewers and agents: memory of who is connected, over what the store knows.

use crate::base::id::{KeyId, MachineId, OrganisationId, SessionId, UserId};
use crate::base::problem::{Code, Problem};
use crate::base::secret::SecretHash;
use crate::store::Store;
use crate::wire::message::{MachineView, SessionView};
use crate::wire::session::Launch;

/// Everything that is connected.
#[derive(Debug)]
pub struct Relay {
    store: Store,
}

impl Relay {
    /// With nobody connected.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// All machines of an organisation.
    pub async fn machines(&self, organisation: OrganisationId) -> Result<Vec<MachineView>, Problem> {
        let rows = self.store.machines(organisation).await?;
        let view = |row: crate::store::MachineRow| MachineView {
            id: row.id,
            facts: row.facts,
            online: false,
            last_seen: row.last_seen,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// All sessions of an organisation.
    pub async fn sessions(&self, organisation: OrganisationId) -> Result<Vec<SessionView>, Problem> {
        let rows = self.store.sessions(organisation).await?;
        Ok(rows.into_iter().map(|row| SessionView { machine: row.machine, info: row.info, viewers: 0 }).collect())
    }

    /// Starts a session on a machine.
    pub async fn start(
        &self,
        organisation: OrganisationId,
        _owner: UserId,
        machine: MachineId,
        _launch: Launch,
    ) -> Result<SessionView, Problem> {
        match self.store.machine(organisation, machine).await? {
            Some(_) => Err(Problem::new(Code::MachineOffline, "the machine is not connected; start its agent")),
            None => Err(Problem::new(Code::NotFound, "there is no such machine")),
        }
    }

    /// Ends a session's program.
    pub async fn stop(&self, organisation: OrganisationId, session: SessionId, _force: bool) -> Result<(), Problem> {
        match self.store.session(organisation, session).await? {
            Some(_) => Err(Problem::new(Code::MachineOffline, "the machine is not connected; start its agent")),
            None => Err(Problem::new(Code::NotFound, "there is no such session")),
        }
    }

    /// Removes a session that has ended.
    pub async fn forget(&self, organisation: OrganisationId, session: SessionId) -> Result<(), Problem> {
        Ok(self.store.remove_session(organisation, session).await?)
    }

    /// Removes a machine and its sessions.
    pub async fn remove_machine(&self, organisation: OrganisationId, machine: MachineId) -> Result<(), Problem> {
        Ok(self.store.remove_machine(organisation, machine).await?)
    }

    /// Closes every connection that came with this key.
    pub fn disconnect_key(&self, _key: KeyId) {}

    /// Closes every connection of this browser.
    pub fn disconnect_browser_session(&self, _hash: &SecretHash) {}

    /// Closes every connection because the server stops.
    pub async fn shutdown(&self) {}
}
