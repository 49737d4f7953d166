//! API keys: looked up by their hash, so that a copy of the file opens nothing.

use super::db::Fault;
use super::schema::{KEY_HASHES, KEYS, Look, MEMBERSHIPS, pair};
use super::{KeyRow, MembershipRow, Store, StoreError};
use crate::base::id::{KeyId, OrganisationId};
use crate::base::secret::{Secret, SecretHash};

/// Keys of one organisation, revoked ones included.
const KEYS_PER_ORGANISATION_MAX: usize = 5_000;

impl Store {
    /// Notes a new key.
    pub async fn add_key(&self, row: KeyRow) -> Result<(), StoreError> {
        self.write(move |t| {
            if KEYS.count(t, row.organisation)? >= KEYS_PER_ORGANISATION_MAX {
                return Err(StoreError::TooMany { what: "API keys", max: KEYS_PER_ORGANISATION_MAX }.into());
            }
            KEYS.put(t, row.organisation, row.id, &row)?;
            KEY_HASHES.put(t, row.hash.as_str(), &row.id.to_string())
        })
        .await
    }

    /// All keys of an organisation, revoked ones too, oldest first.
    pub async fn keys(&self, organisation: OrganisationId) -> Result<Vec<KeyRow>, StoreError> {
        let mut rows = self.read(move |t| KEYS.list(t, organisation)).await?;
        rows.sort_by_key(|row| (row.created_at, row.id));
        Ok(rows)
    }

    /// One key, unless it was revoked.
    pub async fn key(&self, organisation: OrganisationId, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.read(move |t| Ok(KEYS.get(t, organisation, id)?.filter(|row| row.revoked_at.is_none()))).await
    }

    /// The key that this is, unless it was revoked.
    pub async fn api_key_by_secret(&self, key: &Secret) -> Result<Option<KeyRow>, StoreError> {
        let hash = key.hash();
        self.read(move |t| by_hash(t, &hash)).await
    }

    /// The same, with the place of the key's maker in its organisation; nobody if they lost it.
    pub async fn key_member(&self, key: &Secret) -> Result<Option<(KeyRow, MembershipRow)>, StoreError> {
        let hash = key.hash();
        self.read(move |t| {
            let Some(key) = by_hash(t, &hash)? else { return Ok(None) };
            let membership = MEMBERSHIPS.get(t, &pair(key.created_by, key.organisation))?;
            Ok(membership.map(|membership| (key, membership)))
        })
        .await
    }

    /// Refuses a key from now on. A second time is [`StoreError::NotFound`].
    pub async fn revoke_key(&self, organisation: OrganisationId, id: KeyId, now: u64) -> Result<(), StoreError> {
        self.write(move |t| match KEYS.get(t, organisation, id)? {
            Some(row) if row.revoked_at.is_none() => {
                KEYS.put(t, organisation, id, &KeyRow { revoked_at: Some(now), ..row })
            }
            _ => Err(StoreError::NotFound { what: "API key" }.into()),
        })
        .await
    }

    /// Notes when a key was used.
    pub async fn touch_key(&self, organisation: OrganisationId, id: KeyId, now: u64) -> Result<(), StoreError> {
        self.write(move |t| match KEYS.get(t, organisation, id)? {
            Some(row) => KEYS.put(t, organisation, id, &KeyRow { last_used_at: Some(now), ..row }),
            None => Ok(()),
        })
        .await
    }
}

fn by_hash(t: &impl Look, hash: &SecretHash) -> Result<Option<KeyRow>, Fault> {
    let Some(id) = KEY_HASHES.get(t, hash.as_str())? else { return Ok(None) };
    let Some(organisation) = KEYS.home(t, &id)? else { return Ok(None) };
    Ok(KEYS.get(t, organisation, &id)?.filter(|row| row.revoked_at.is_none()))
}
