//! Who was let in by a cookie or a key a moment ago, so that a script that asks a hundred times a second is looked up once.
//!
//! What is remembered holds until the next commit, whatever that changes: a revoked key is never let in after its revocation
//! was answered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Admission;
use crate::base::secret::SecretHash;

/// Cookies or keys remembered, a few hundred bytes each. Beyond it all are forgotten, and looked up once more.
const REMEMBERED_MAX: usize = 4_096;

/// By the hash of the cookie or key: what was found, and how many commits there had been before it was looked for.
#[derive(Debug)]
pub(super) struct Remembered<R>(Mutex<HashMap<SecretHash, (u64, Admission<R>)>>);

impl<R> Default for Remembered<R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<R: Clone> Remembered<R> {
    /// What was found, if there was no commit since.
    pub(super) fn get(&self, hash: &SecretHash, commits: u64) -> Option<Admission<R>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).filter(|(then, _)| *then == commits).map(|(_, found)| found.clone())
    }

    /// Found after `commits`, or later.
    pub(super) fn put(&self, hash: SecretHash, commits: u64, found: Admission<R>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(hash, (commits, found));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::base::id::KeyId;
    use crate::base::secret::Secret;
    use crate::store::{KeyRow, Role, Scope, Store};

    #[tokio::test]
    async fn whoever_lost_their_key_or_their_role_is_not_let_in_by_what_is_remembered() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let owner = store.ensure_local_owner("Ada".to_owned(), 0).await.unwrap();
        let secret = Secret::new("a key");
        let row = KeyRow {
            id: KeyId::random(),
            name: "script".to_owned(),
            prefix: String::new(),
            hash: secret.hash(),
            organisation: owner.organisation,
            created_by: owner.user,
            created_at: 0,
            last_used_at: None,
            revoked_at: None,
            scopes: vec![Scope::Agent],
            expires_at: Some(100),
            last_used_from: None,
        };
        store.add_key(row.clone()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(store.key_member(&secret, 1).await.unwrap().unwrap().membership.role, Role::Owner);
        }
        assert!(store.key_member(&secret, 100).await.unwrap().is_none(), "it has expired meanwhile");
        store.rename_organisation(owner.organisation, "Looms".to_owned()).await.unwrap();
        store.key_member(&secret, 1).await.unwrap().unwrap();
        store.revoke_key(owner.organisation, row.id, 2).await.unwrap();
        assert!(store.key_member(&secret, 3).await.unwrap().is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = super::Remembered::default();
        let found = |user| super::Admission {
            by: (),
            membership: crate::store::MembershipRow {
                organisation: crate::base::id::OrganisationId::random(),
                user,
                role: Role::Viewer,
                since: 0,
                deactivated_at: None,
            },
            allowed: crate::base::allow_list::AllowList::default(),
        };
        let user = crate::base::id::UserId::random();
        for number in 0..3 * super::REMEMBERED_MAX {
            known.put(Secret::new(number.to_string()).hash(), 7, found(user));
        }
        assert!(known.0.lock().unwrap().len() <= super::REMEMBERED_MAX);
        let last = Secret::new((3 * super::REMEMBERED_MAX - 1).to_string()).hash();
        assert!(known.get(&last, 7).is_some() && known.get(&last, 8).is_none(), "a commit ends it");
    }
}
