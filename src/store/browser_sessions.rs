//! Browsers that are signed in, by the hash of their cookie.

use redb::WriteTransaction;

use super::db::Fault;
use super::schema::{BROWSER_SESSIONS, MEMBERSHIPS, USERS, pair};
use super::{BrowserSessionRow, MembershipRow, Store, StoreError};
use crate::base::id::UserId;
use crate::base::secret::{Secret, SecretHash};

/// Browsers one person is signed in with. The oldest is signed out for one more.
const BROWSER_SESSIONS_PER_USER_MAX: usize = 50;

impl Store {
    /// Signs a browser in.
    pub async fn add_browser_session(&self, row: BrowserSessionRow) -> Result<(), StoreError> {
        self.write(move |t| add(t, &row)).await
    }

    /// The browser that has this cookie, unless it has expired by `now`.
    pub async fn browser_session(&self, cookie: &Secret, now: u64) -> Result<Option<BrowserSessionRow>, StoreError> {
        let hash = cookie.hash();
        self.read(move |t| Ok(BROWSER_SESSIONS.get(t, hash.as_str())?.filter(|row| now < row.expires_at))).await
    }

    /// The same, with the person's place in the organisation they work in; nobody if they lost it.
    pub async fn browser_member(
        &self,
        cookie: &Secret,
        now: u64,
    ) -> Result<Option<(BrowserSessionRow, MembershipRow)>, StoreError> {
        let hash = cookie.hash();
        self.read(move |t| {
            let session = BROWSER_SESSIONS.get(t, hash.as_str())?.filter(|row| now < row.expires_at);
            let Some(session) = session else { return Ok(None) };
            let membership = MEMBERSHIPS.get(t, &pair(session.user, session.organisation))?;
            Ok(membership.map(|membership| (session, membership)))
        })
        .await
    }

    /// Keeps a browser signed in until `expires_at`. One that was signed out meanwhile stays so.
    pub async fn extend_browser_session(&self, hash: SecretHash, expires_at: u64) -> Result<(), StoreError> {
        self.write(move |t| match BROWSER_SESSIONS.get(t, hash.as_str())? {
            Some(row) => BROWSER_SESSIONS.put(t, hash.as_str(), &BrowserSessionRow { expires_at, ..row }),
            None => Ok(()),
        })
        .await
    }

    /// Signs a browser out. One that is not signed in is no error.
    pub async fn remove_browser_session(&self, hash: SecretHash) -> Result<(), StoreError> {
        self.write(move |t| BROWSER_SESSIONS.remove(t, hash.as_str())).await
    }

    /// Sets a new password and signs out every other browser of that person; answers which.
    pub async fn change_password(
        &self,
        user: UserId,
        password: String,
        keep: Option<SecretHash>,
    ) -> Result<Vec<SecretHash>, StoreError> {
        self.write(move |t| {
            let Some(mut row) = USERS.get(t, &user.to_string())? else {
                return Err(StoreError::NotFound { what: "user" }.into());
            };
            row.password = Some(password);
            USERS.put(t, &user.to_string(), &row)?;
            let mut out = Vec::new();
            for session in BROWSER_SESSIONS.all(t)? {
                if session.user == user && Some(&session.hash) != keep.as_ref() {
                    BROWSER_SESSIONS.remove(t, session.hash.as_str())?;
                    out.push(session.hash);
                }
            }
            Ok(out)
        })
        .await
    }
}

/// Adds a row, after the expired ones and those beyond the person's bound are gone.
pub(super) fn add(t: &WriteTransaction, row: &BrowserSessionRow) -> Result<(), Fault> {
    let mut own = Vec::new();
    for other in BROWSER_SESSIONS.all(t)? {
        if other.expires_at <= row.created_at {
            BROWSER_SESSIONS.remove(t, other.hash.as_str())?;
        } else if other.user == row.user {
            own.push(other);
        }
    }
    own.sort_by_key(|other| other.created_at);
    let too_many = (own.len() + 1).saturating_sub(BROWSER_SESSIONS_PER_USER_MAX);
    for oldest in own.iter().take(too_many) {
        BROWSER_SESSIONS.remove(t, oldest.hash.as_str())?;
    }
    BROWSER_SESSIONS.put(t, row.hash.as_str(), row)
}
