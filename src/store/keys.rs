//! API keys: looked up by their hash, so that a copy of the file opens nothing.

use redb::WriteTransaction;

use super::db::Fault;
use super::schema::{KEY_HASHES, KEYS, Look};
use super::{Admission, KeyRow, Store, StoreError, organisations};
use crate::base::id::{KeyId, OrganisationId};
use crate::base::secret::{Secret, SecretHash};

/// Keys of one organisation, revoked ones included.
const KEYS_PER_ORGANISATION_MAX: usize = 5_000;

impl Store {
    /// Notes a new key.
    pub async fn add_key(&self, row: KeyRow) -> Result<(), StoreError> {
        self.write(move |t| add(t, &row)).await
    }

    /// Notes a key in the place of `old`, which is good until `old_until` at the longest.
    pub async fn rotate_key(&self, old: KeyId, row: KeyRow, old_until: u64) -> Result<(), StoreError> {
        self.write(move |t| {
            let known = KEYS.get(t, row.organisation, old)?.filter(|known| known.is_valid(row.created_at));
            let known = known.ok_or(StoreError::NotFound { what: "API key" })?;
            let expires_at = Some(known.expires_at.map_or(old_until, |at| at.min(old_until)));
            KEYS.put(t, known.organisation, old, &KeyRow { expires_at, ..known })?;
            add(t, &row)
        })
        .await
    }

    /// All keys of an organisation, revoked ones too, oldest first.
    pub async fn keys(&self, organisation: OrganisationId) -> Result<Vec<KeyRow>, StoreError> {
        let mut rows = self.read(move |t| KEYS.list(t, organisation)).await?;
        rows.sort_by_key(|row| (row.created_at, row.id));
        Ok(rows)
    }

    /// One key, unless it was revoked. It may have expired.
    pub async fn key(&self, organisation: OrganisationId, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.read(move |t| Ok(KEYS.get(t, organisation, id)?.filter(|row| row.revoked_at.is_none()))).await
    }

    /// The key that this is, if it is good at `now`.
    pub async fn api_key_by_secret(&self, key: &Secret, now: u64) -> Result<Option<KeyRow>, StoreError> {
        let hash = key.hash();
        self.read(move |t| Ok(by_hash(t, &hash)?.filter(|key| key.is_valid(now)))).await
    }

    /// The same, with the place of the key's maker in its organisation; nobody if they lost it.
    pub async fn key_member(&self, key: &Secret, now: u64) -> Result<Option<Admission<KeyRow>>, StoreError> {
        let (hash, changes) = (key.hash(), self.inner.db.changes());
        if let Some(known) = self.inner.keys.get(&hash, changes) {
            return Ok(Some(known).filter(|known| known.by.is_valid(now)));
        }
        let wanted = hash.clone();
        let found = self
            .read(move |t| {
                let Some(key) = by_hash(t, &wanted)?.filter(|key| key.is_valid(now)) else { return Ok(None) };
                let (user, organisation) = (key.created_by, key.organisation);
                organisations::admission(t, key, user, organisation)
            })
            .await?;
        if let Some(found) = &found {
            self.inner.keys.put(hash, changes, found.clone());
        }
        Ok(found)
    }

    /// The same of a key that somebody came by a moment ago.
    pub async fn key_still(
        &self,
        organisation: OrganisationId,
        id: KeyId,
        now: u64,
    ) -> Result<Option<Admission<KeyRow>>, StoreError> {
        self.read(move |t| {
            let Some(key) = KEYS.get(t, organisation, id)?.filter(|key| key.is_valid(now)) else { return Ok(None) };
            let user = key.created_by;
            organisations::admission(t, key, user, organisation)
        })
        .await
    }

    /// The key that this was or is, good or not: to say whose key was refused.
    pub async fn key_of_any_time(&self, key: &Secret) -> Result<Option<KeyRow>, StoreError> {
        let hash = key.hash();
        self.read(move |t| by_hash(t, &hash)).await
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
}

fn add(t: &WriteTransaction, row: &KeyRow) -> Result<(), Fault> {
    if KEYS.count(t, row.organisation)? >= KEYS_PER_ORGANISATION_MAX {
        return Err(StoreError::TooMany { what: "API keys", max: KEYS_PER_ORGANISATION_MAX }.into());
    }
    if KEYS.get(t, row.organisation, row.id)?.is_some() {
        return Err(StoreError::MadeAlready { what: "API key", id: row.id.to_string() }.into());
    }
    KEYS.put(t, row.organisation, row.id, row)?;
    KEY_HASHES.put(t, row.hash.as_str(), &row.id.to_string())
}

fn by_hash(t: &impl Look, hash: &SecretHash) -> Result<Option<KeyRow>, Fault> {
    let Some(id) = KEY_HASHES.get(t, hash.as_str())? else { return Ok(None) };
    let Some(organisation) = KEYS.home(t, &id)? else { return Ok(None) };
    KEYS.get(t, organisation, &id)
}
