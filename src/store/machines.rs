//! Machines: registered by an agent's first connection, bound to their organisation for good.

use super::schema::{KEYS, MACHINES};
use super::{MachineRow, Store, StoreError, audit, sessions};
use crate::base::clock::unix_millis;
use crate::base::id::{KeyId, MachineId, OrganisationId};
use crate::wire::session::MachineFacts;
use crate::wire::view::MachineSharing;

/// Machines of one organisation. A key that leaked must not fill the disk with inventions.
const MACHINES_PER_ORGANISATION_MAX: usize = 10_000;

/// What people change about a machine; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineEdit {
    /// What to call it; an empty name is what the agent says.
    pub name: Option<String>,
    /// What to file it under.
    pub tags: Option<Vec<String>>,
    /// What the organisation may do with it.
    pub sharing: Option<MachineSharing>,
}

impl Store {
    /// The machine an agent speaks for, after its facts were noted.
    ///
    /// A `claimed` id of this organisation and of the maker of `key` is that machine; an unknown one is answered with
    /// a new id; one of somebody else is refused with [`StoreError::ForeignMachine`]. A new machine belongs to the
    /// maker of `key`.
    ///
    /// What the store is [noting](Self::noting) is noted of a new machine alone.
    ///
    /// A machine that comes back as it was is only looked up: after a restart of the server all of them do, and none
    /// is to wait for a commit. When it was last connected is [noted](super::Note::MachineSeen) a moment later.
    pub async fn register_machine(
        &self,
        organisation: OrganisationId,
        key: KeyId,
        claimed: Option<MachineId>,
        facts: MachineFacts,
    ) -> Result<MachineRow, StoreError> {
        if let Some(id) = claimed
            && let Some(row) = self.machine_as_it_was(organisation, key, id, &facts).await?
        {
            return Ok(row);
        }
        let pending = self.pending.clone();
        self.write(move |t| {
            let now = unix_millis();
            let Some(made) = KEYS.get(t, organisation, key)? else {
                return Err(StoreError::NotFound { what: "API key" }.into());
            };
            let known = match claimed {
                Some(id) if MACHINES.home(t, id)?.is_some_and(|home| home != organisation) => {
                    return Err(StoreError::ForeignMachine.into());
                }
                Some(id) => MACHINES.get(t, organisation, id)?,
                None => None,
            };
            if known.as_ref().is_some_and(|row| row.owner != made.created_by) {
                return Err(StoreError::ForeignMachine.into());
            }
            let is_new = known.is_none();
            let row = if let Some(row) = known {
                MachineRow { key, facts, last_seen: now, ..row }
            } else {
                if MACHINES.count(t, organisation)? >= MACHINES_PER_ORGANISATION_MAX {
                    return Err(StoreError::TooMany { what: "machines", max: MACHINES_PER_ORGANISATION_MAX }.into());
                }
                let mut id = MachineId::random();
                while MACHINES.home(t, id)?.is_some() {
                    id = MachineId::random();
                }
                let owner = made.created_by;
                let (name, tags, sharing) = Default::default();
                MachineRow {
                    id,
                    organisation,
                    key,
                    owner,
                    facts,
                    registered_at: now,
                    last_seen: now,
                    name,
                    tags,
                    sharing,
                }
            };
            MACHINES.put(t, organisation, row.id, &row)?;
            audit::only_on(pending.as_ref(), is_new.then_some(row.id));
            Ok(row)
        })
        .await
    }

    /// The row of a machine, if registering it with this key and these facts would not change it.
    async fn machine_as_it_was(
        &self,
        organisation: OrganisationId,
        key: KeyId,
        id: MachineId,
        facts: &MachineFacts,
    ) -> Result<Option<MachineRow>, StoreError> {
        let facts = facts.clone();
        self.read(move |t| {
            let Some(made) = KEYS.get(t, organisation, key)? else { return Ok(None) };
            let row = MACHINES.get(t, organisation, id)?;
            Ok(row.filter(|row| row.key == key && row.owner == made.created_by && row.facts == facts))
        })
        .await
    }

    /// All machines of an organisation, by id.
    pub async fn machines(&self, organisation: OrganisationId) -> Result<Vec<MachineRow>, StoreError> {
        self.read(move |t| MACHINES.list(t, organisation)).await
    }

    /// One machine.
    pub async fn machine(&self, organisation: OrganisationId, id: MachineId) -> Result<Option<MachineRow>, StoreError> {
        self.read(move |t| MACHINES.get(t, organisation, id)).await
    }

    /// Changes what people call a machine, or file it under.
    pub async fn edit_machine(
        &self,
        organisation: OrganisationId,
        id: MachineId,
        edit: MachineEdit,
    ) -> Result<MachineRow, StoreError> {
        self.write(move |t| {
            let mut row = MACHINES.get(t, organisation, id)?.ok_or(StoreError::NotFound { what: "machine" })?;
            if let Some(name) = edit.name {
                row.name = Some(name).filter(|name| !name.is_empty());
            }
            if let Some(tags) = edit.tags {
                row.tags = tags;
            }
            row.sharing = edit.sharing.unwrap_or(row.sharing);
            MACHINES.put(t, organisation, id, &row)?;
            Ok(row)
        })
        .await
    }

    /// Forgets a machine and its sessions. Its agent would be a new machine.
    pub async fn remove_machine(&self, organisation: OrganisationId, id: MachineId) -> Result<(), StoreError> {
        self.write(move |t| {
            if MACHINES.get(t, organisation, id)?.is_none() {
                return Err(StoreError::NotFound { what: "machine" }.into());
            }
            sessions::remove_all(t, organisation, id)?;
            MACHINES.remove(t, organisation, id)
        })
        .await
    }
}
