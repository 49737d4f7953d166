//! Browsers that are signed in, by the hash of their cookie.

use redb::WriteTransaction;

use super::db::Fault;
use super::schema::{BROWSER_SESSIONS, Look, USERS};
use super::{Admission, BrowserSessionRow, Store, StoreError, organisations};
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
    ) -> Result<Option<Admission<BrowserSessionRow>>, StoreError> {
        let (hash, changes) = (cookie.hash(), self.inner.db.changes());
        if let Some(known) = self.inner.browsers.get(&hash, changes) {
            return Ok(Some(known).filter(|known| now < known.by.expires_at));
        }
        let found = self.browser_still(hash.clone(), now).await?;
        if let Some(found) = &found {
            self.inner.browsers.put(hash, changes, found.clone());
        }
        Ok(found)
    }

    /// The same of a browser that somebody came by a moment ago.
    pub async fn browser_still(
        &self,
        hash: SecretHash,
        now: u64,
    ) -> Result<Option<Admission<BrowserSessionRow>>, StoreError> {
        self.read(move |t| {
            let session = BROWSER_SESSIONS.get(t, hash.as_str())?.filter(|row| now < row.expires_at);
            let Some(session) = session else { return Ok(None) };
            let (user, organisation) = (session.user, session.organisation);
            organisations::admission(t, session, user, organisation)
        })
        .await
    }

    /// The browsers a person is signed in with at `now`, the one seen last first.
    pub async fn browser_sessions(&self, user: UserId, now: u64) -> Result<Vec<BrowserSessionRow>, StoreError> {
        let mut rows = self.read(move |t| of_user(t, user)).await?;
        rows.retain(|row| now < row.expires_at);
        rows.sort_by_key(|row| std::cmp::Reverse(row.last_seen.max(row.created_at)));
        Ok(rows)
    }

    /// Signs one of a person's browsers out, by its public name.
    pub async fn end_browser_session(&self, user: UserId, name: String) -> Result<SecretHash, StoreError> {
        self.write(move |t| {
            let row = of_user(t, user)?.into_iter().find(|row| row.public_name() == name);
            let row = row.ok_or(StoreError::NotFound { what: "browser session" })?;
            BROWSER_SESSIONS.remove(t, row.hash.as_str())?;
            Ok(row.hash)
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
        self.write(move |t| set_password(t, user, password, keep.as_ref())).await
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

/// A new password, and the browsers that are signed out by it.
pub(super) fn set_password(
    t: &WriteTransaction,
    user: UserId,
    password: String,
    keep: Option<&SecretHash>,
) -> Result<Vec<SecretHash>, Fault> {
    let Some(mut row) = USERS.get(t, &user.to_string())? else {
        return Err(StoreError::NotFound { what: "user" }.into());
    };
    row.password = Some(password);
    USERS.put(t, &user.to_string(), &row)?;
    let mut out = Vec::new();
    for session in of_user(t, user)? {
        if Some(&session.hash) != keep {
            BROWSER_SESSIONS.remove(t, session.hash.as_str())?;
            out.push(session.hash);
        }
    }
    Ok(out)
}

fn of_user(t: &impl Look, user: UserId) -> Result<Vec<BrowserSessionRow>, Fault> {
    Ok(BROWSER_SESSIONS.all(t)?.into_iter().filter(|row| row.user == user).collect())
}
