//! Invitations into an organisation: one use, an end, and revocable until then.

use redb::WriteTransaction;

use super::audit;
use super::db::Fault;
use super::schema::{INVITATION_HASHES, INVITATIONS, Look, MEMBERSHIPS, USER_EMAILS, USERS, pair};
use super::{BrowserSessionRow, InvitationRow, Store, StoreError, UserRow, browser_sessions, members};
use crate::base::id::{InvitationId, OrganisationId, UserId};
use crate::base::secret::{Secret, SecretHash};

/// Open invitations of one organisation.
const INVITATIONS_MAX: usize = 500;

/// Who accepts an invitation.
#[derive(Debug, Clone)]
pub enum Joining {
    /// Somebody without an account here, who makes one.
    New {
        /// What people call them.
        name: String,
        /// To sign in with.
        email: String,
        /// argon2id in PHC form.
        password: String,
    },
    /// Somebody who has an account, and is signed in.
    Known(UserId),
}

impl Store {
    /// Notes an invitation; expired ones of the same organisation go.
    pub async fn add_invitation(&self, row: InvitationRow) -> Result<(), StoreError> {
        self.write(move |t| {
            let mut open = 0;
            for other in INVITATIONS.list(t, row.organisation)? {
                if other.expires_at <= row.created_at {
                    remove(t, &other)?;
                } else {
                    open += 1;
                }
            }
            if open >= INVITATIONS_MAX {
                return Err(StoreError::TooMany { what: "open invitations", max: INVITATIONS_MAX }.into());
            }
            if INVITATIONS.get(t, row.organisation, row.id)?.is_some() {
                return Err(StoreError::MadeAlready { what: "invitation", id: row.id.to_string() }.into());
            }
            INVITATION_HASHES.put(t, row.hash.as_str(), &row.id.to_string())?;
            INVITATIONS.put(t, row.organisation, row.id, &row)
        })
        .await
    }

    /// Those of an organisation that can still be accepted, newest first.
    pub async fn invitations(&self, organisation: OrganisationId, now: u64) -> Result<Vec<InvitationRow>, StoreError> {
        let mut rows = self.read(move |t| INVITATIONS.list(t, organisation)).await?;
        rows.retain(|row| now < row.expires_at);
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
        Ok(rows)
    }

    /// Takes an invitation back.
    pub async fn revoke_invitation(
        &self,
        organisation: OrganisationId,
        id: InvitationId,
    ) -> Result<InvitationRow, StoreError> {
        self.write(move |t| {
            let row = INVITATIONS.get(t, organisation, id)?.ok_or(StoreError::NotFound { what: "invitation" })?;
            remove(t, &row)?;
            Ok(row)
        })
        .await
    }

    /// The invitation of this link, if it can still be accepted: [`StoreError::LinkInvalid`] if not.
    pub async fn invitation(&self, token: &Secret, now: u64) -> Result<InvitationRow, StoreError> {
        let hash = token.hash();
        self.read(move |t| open(t, &hash, now)).await
    }

    /// Uses an invitation up, makes the account if there is none, and signs the browser in: all or nothing.
    pub async fn accept_invitation(
        &self,
        token: &Secret,
        joining: Joining,
        now: u64,
        session: impl FnOnce(UserId, OrganisationId) -> BrowserSessionRow + Send + 'static,
    ) -> Result<BrowserSessionRow, StoreError> {
        let (hash, pending) = (token.hash(), self.pending.clone());
        self.write(move |t| {
            let invitation = open(t, &hash, now)?;
            let user = match joining {
                Joining::Known(id) => {
                    let user = USERS.get(t, &id.to_string())?.ok_or(StoreError::NotFound { what: "user" })?;
                    fits(&invitation, user.email.as_deref())?;
                    if MEMBERSHIPS.get(t, &pair(id, invitation.organisation))?.is_some() {
                        return Err(StoreError::MemberAlready.into());
                    }
                    user
                }
                Joining::New { name, email, password } => {
                    fits(&invitation, Some(&email))?;
                    let user = UserRow {
                        id: UserId::random(),
                        name,
                        email: Some(email),
                        password: Some(password),
                        created_at: now,
                    };
                    add_account(t, &user)?;
                    user
                }
            };
            members::add(t, invitation.organisation, user.id, invitation.role, now)?;
            remove(t, &invitation)?;
            audit::done_by(pending.as_ref(), user.id);
            let row = session(user.id, invitation.organisation);
            browser_sessions::add(t, &row)?;
            Ok(row)
        })
        .await
    }
}

fn open(t: &impl Look, hash: &SecretHash, now: u64) -> Result<InvitationRow, Fault> {
    let found = match INVITATION_HASHES.get(t, hash.as_str())? {
        Some(id) => match INVITATIONS.home(t, &id)? {
            Some(organisation) => INVITATIONS.get(t, organisation, &id)?,
            None => None,
        },
        None => None,
    };
    found.filter(|row| now < row.expires_at).ok_or_else(|| StoreError::LinkInvalid.into())
}

/// Whether an invitation that names an address is for this one.
fn fits(invitation: &InvitationRow, email: Option<&str>) -> Result<(), Fault> {
    match &invitation.email {
        Some(wanted) if email.is_none_or(|email| email.to_lowercase() != wanted.to_lowercase()) => {
            Err(StoreError::InvitedOther.into())
        }
        _ => Ok(()),
    }
}

fn add_account(t: &WriteTransaction, user: &UserRow) -> Result<(), Fault> {
    let email = user.email.as_deref().unwrap_or_default().to_lowercase();
    if USER_EMAILS.get(t, &email)?.is_some() {
        return Err(StoreError::EmailTaken.into());
    }
    USER_EMAILS.put(t, &email, &user.id.to_string())?;
    USERS.put(t, &user.id.to_string(), user)
}

fn remove(t: &WriteTransaction, row: &InvitationRow) -> Result<(), Fault> {
    INVITATION_HASHES.remove(t, row.hash.as_str())?;
    INVITATIONS.remove(t, row.organisation, row.id)
}
