//! One-time links: each works once, and not for ever.

use super::accounts::first_owner;
use super::browser_sessions;
use super::db::Fault;
use super::schema::{LINKS, Look, USERS};
use super::{BrowserSessionRow, LinkPurpose, LinkRow, Store, StoreError, UserRow, members};
use crate::base::id::{OrganisationId, UserId};
use crate::base::secret::{Secret, SecretHash};

impl Store {
    /// Notes a link. A new set-up link replaces the one before it; expired links go. A link that the same request made
    /// before stays alone: [`StoreError::LinkAlready`].
    pub async fn add_link(&self, link: LinkRow, now: u64) -> Result<(), StoreError> {
        self.write(move |t| {
            let links = LINKS.all(t)?;
            if link.once.is_some() && links.iter().any(|old| old.once == link.once) {
                return Err(StoreError::LinkAlready.into());
            }
            for old in links {
                let replaced = old.purpose == LinkPurpose::Setup && link.purpose == LinkPurpose::Setup;
                if replaced || old.expires_at.is_some_and(|at| at <= now) {
                    LINKS.remove(t, old.hash.as_str())?;
                }
            }
            LINKS.put(t, link.hash.as_str(), &link)
        })
        .await
    }

    /// Whether a set-up link can still be used: [`StoreError::SetUpAlready`] or [`StoreError::LinkInvalid`] if not.
    pub async fn check_setup_link(&self, token: &Secret, now: u64) -> Result<(), StoreError> {
        let hash = token.hash();
        self.read(move |t| usable_for_setup(t, &hash, now)).await
    }

    /// Uses a sign-in link up and signs a browser in, both or neither. `session` gets the browser's row
    /// for whom the link names.
    pub async fn sign_in_by_link(
        &self,
        token: &Secret,
        now: u64,
        session: impl FnOnce(UserId, OrganisationId) -> BrowserSessionRow + Send + 'static,
    ) -> Result<BrowserSessionRow, StoreError> {
        let hash = token.hash();
        self.write(move |t| {
            let link = valid(t, &hash, now)?;
            let LinkPurpose::SignIn { user, organisation } = link.purpose else {
                return Err(StoreError::LinkInvalid.into());
            };
            if members::active(t, user, organisation)?.is_none() {
                return Err(StoreError::LinkInvalid.into());
            }
            let row = session(user, organisation);
            LINKS.remove(t, hash.as_str())?;
            browser_sessions::add(t, &row)?;
            Ok(row)
        })
        .await
    }
}

impl Store {
    /// Whose password a reset link changes: [`StoreError::LinkInvalid`] if it can change none.
    pub async fn reset_link(&self, token: &Secret, now: u64) -> Result<UserRow, StoreError> {
        let hash = token.hash();
        self.read(move |t| resets(t, &hash, now)).await
    }

    /// Uses a reset link up: sets the password and signs every browser of that person out. Answers who, and which.
    pub async fn reset_password(
        &self,
        token: &Secret,
        password: String,
        now: u64,
    ) -> Result<(UserId, Vec<SecretHash>), StoreError> {
        let hash = token.hash();
        self.write(move |t| {
            let user = resets(t, &hash, now)?.id;
            // Every other such link too: whoever asked twice must not leave a key under the mat.
            for link in LINKS.all(t)? {
                if link.purpose == (LinkPurpose::ResetPassword { user }) {
                    LINKS.remove(t, link.hash.as_str())?;
                }
            }
            Ok((user, browser_sessions::set_password(t, user, password, None)?))
        })
        .await
    }
}

fn resets(t: &impl Look, hash: &SecretHash, now: u64) -> Result<UserRow, Fault> {
    let LinkPurpose::ResetPassword { user } = valid(t, hash, now)?.purpose else {
        return Err(StoreError::LinkInvalid.into());
    };
    USERS.get(t, &user.to_string())?.ok_or_else(|| StoreError::LinkInvalid.into())
}

/// The link of this hash, if it can still be used.
pub(super) fn valid(t: &impl Look, hash: &SecretHash, now: u64) -> Result<LinkRow, Fault> {
    LINKS
        .get(t, hash.as_str())?
        .filter(|link| link.expires_at.is_none_or(|at| now < at))
        .ok_or_else(|| StoreError::LinkInvalid.into())
}

/// Whether the first account can be made with the link of this hash.
pub(super) fn usable_for_setup(t: &impl Look, hash: &SecretHash, now: u64) -> Result<(), Fault> {
    if first_owner(t)?.is_some() {
        return Err(StoreError::SetUpAlready.into());
    }
    match valid(t, hash, now)?.purpose {
        LinkPurpose::Setup => Ok(()),
        LinkPurpose::SignIn { .. } | LinkPurpose::ResetPassword { .. } => Err(StoreError::LinkInvalid.into()),
    }
}
