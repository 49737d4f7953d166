//! What people want to be told and where, the browsers that get push messages, and which request was told last.

use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::db::Fault;
use super::schema::{BROWSER_SESSIONS, Look, MEMBERS, NEEDS_TOLD, PREFERENCES, PUSHES, SETTINGS, pair};
use super::{BrowserSessionRow, Role, Store, StoreError, members};
use crate::base::id::{OrganisationId, PushId, SessionId, UserId};
use crate::base::secret::{Secret, SecretHash};
use crate::wire::notice::Preferences;

/// Browsers of one person that get push messages. The oldest goes for one more.
pub const PUSHES_PER_PERSON_MAX: usize = 20;

/// A browser that gets push messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRow {
    /// Its public name.
    pub id: PushId,
    /// Whose.
    pub user: UserId,
    /// The sign-in it belongs to: it gets nothing once that has ended.
    pub browser: SecretHash,
    /// Where its messages go: an address of the browser's maker.
    pub endpoint: String,
    /// Its public key, base64url.
    pub p256dh: String,
    /// What it shares with us, likewise.
    pub auth: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
}

/// The request of a session that was told last: it is not told again after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldRow {
    need: u64,
    since: u64,
}

/// A member who may be told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Who.
    pub user: UserId,
    /// What they may.
    pub role: Role,
    /// What they want.
    pub wants: Preferences,
}

impl Store {
    /// The active members of an organisation, with what each wants to be told.
    pub async fn listening(&self, organisation: OrganisationId) -> Result<Vec<Listening>, StoreError> {
        self.read(move |t| {
            let mut all = Vec::new();
            for user in MEMBERS.starting_with(t, &pair(organisation, ""))? {
                if let Some(place) = members::active(t, user, organisation)? {
                    let wants = PREFERENCES.get(t, &user.to_string())?.unwrap_or_default();
                    all.push(Listening { user, role: place.role, wants });
                }
            }
            Ok(all)
        })
        .await
    }

    /// What somebody wants to be told.
    pub async fn preferences(&self, user: UserId) -> Result<Preferences, StoreError> {
        self.read(move |t| Ok(PREFERENCES.get(t, &user.to_string())?.unwrap_or_default())).await
    }

    /// Sets it.
    pub async fn put_preferences(&self, user: UserId, wants: Preferences) -> Result<(), StoreError> {
        self.write(move |t| PREFERENCES.put(t, &user.to_string(), &wants)).await
    }

    /// The browsers of a person that get push messages at `now`, each signed in still.
    pub async fn pushes(&self, user: UserId, now: u64) -> Result<Vec<PushRow>, StoreError> {
        self.read(move |t| {
            let mut rows = Vec::new();
            for row in PUSHES.starting_with(t, &pair(user, ""))? {
                if signed_in(t, &row, now)?.is_some() {
                    rows.push(row);
                }
            }
            Ok(rows)
        })
        .await
    }

    /// Notes that a browser gets push messages; it takes the place of the same browser's earlier one.
    pub async fn add_push(&self, row: PushRow, now: u64) -> Result<(), StoreError> {
        self.write(move |t| {
            let mut kept = Vec::new();
            for known in PUSHES.starting_with(t, &pair(row.user, ""))? {
                let same = known.browser == row.browser || known.endpoint == row.endpoint;
                if same || signed_in(t, &known, now)?.is_none() {
                    remove(t, &known)?;
                } else {
                    kept.push(known);
                }
            }
            kept.sort_by_key(|row| (row.created_at, row.id));
            let surplus = (kept.len() + 1).saturating_sub(PUSHES_PER_PERSON_MAX);
            kept.iter().take(surplus).try_for_each(|row| remove(t, row))?;
            PUSHES.put(t, &pair(row.user, row.id), &row)
        })
        .await
    }

    /// A browser gets no push messages any more. One that got none is [`StoreError::NotFound`].
    pub async fn remove_push(&self, user: UserId, id: PushId) -> Result<(), StoreError> {
        self.write(move |t| match PUSHES.get(t, &pair(user, id))? {
            Some(row) => remove(t, &row),
            None => Err(StoreError::NotFound { what: "push subscription" }.into()),
        })
        .await
    }

    /// The server's own secret of this name; `make` gives one if there is none yet.
    pub async fn server_secret(
        &self,
        name: &'static str,
        make: impl FnOnce() -> Secret + Send + 'static,
    ) -> Result<Secret, StoreError> {
        self.write(move |t| {
            let known = SETTINGS.get(t, name)?.and_then(|it| it.as_str().map(Secret::new));
            if let Some(known) = known {
                return Ok(known);
            }
            let made = make();
            SETTINGS.put(t, name, &made.expose().into())?;
            Ok(made)
        })
        .await
    }

    /// Whether a session's request is another than the one told last; it counts as told from now on.
    pub async fn is_untold(&self, session: SessionId, need: u64, since: u64) -> Result<bool, StoreError> {
        self.write(move |t| {
            let (key, row) = (session.to_string(), ToldRow { need, since });
            if NEEDS_TOLD.get(t, &key)? == Some(row) {
                return Ok(false);
            }
            NEEDS_TOLD.put(t, &key, &row)?;
            Ok(true)
        })
        .await
    }
}

fn signed_in(t: &impl Look, row: &PushRow, now: u64) -> Result<Option<BrowserSessionRow>, Fault> {
    let session = BROWSER_SESSIONS.get(t, row.browser.as_str())?;
    Ok(session.filter(|session| session.user == row.user && now < session.expires_at))
}

fn remove(t: &WriteTransaction, row: &PushRow) -> Result<(), Fault> {
    PUSHES.remove(t, &pair(row.user, row.id))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn browser(user: UserId, name: &str) -> BrowserSessionRow {
        let (hash, organisation) = (Secret::new(name).hash(), OrganisationId::random());
        let (address, user_agent) = (None, None);
        BrowserSessionRow { hash, user, organisation, created_at: 0, expires_at: 9, last_seen: 0, address, user_agent }
    }

    fn push(user: UserId, browser: &BrowserSessionRow, endpoint: &str, created_at: u64) -> PushRow {
        let (p256dh, auth) = (String::new(), String::new());
        let (id, endpoint, browser) = (PushId::random(), endpoint.to_owned(), browser.hash.clone());
        PushRow { id, user, browser, endpoint, p256dh, auth, created_at }
    }

    #[tokio::test]
    async fn a_browser_that_signed_out_gets_nothing_and_each_gets_one_of_each() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let user = UserId::random();
        let (one, two) = (browser(user, "one"), browser(user, "two"));
        for row in [&one, &two] {
            store.add_browser_session(row.clone()).await.unwrap();
        }
        store.add_push(push(user, &one, "https://a/1", 1), 1).await.unwrap();
        store.add_push(push(user, &two, "https://a/2", 2), 1).await.unwrap();
        store.add_push(push(user, &one, "https://a/3", 3), 1).await.unwrap();
        let ends =
            |rows: Vec<PushRow>| rows.into_iter().map(|row| row.endpoint).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(ends(store.pushes(user, 1).await.unwrap()), ["https://a/2".into(), "https://a/3".into()].into());
        store.remove_browser_session(two.hash.clone()).await.unwrap();
        assert_eq!(ends(store.pushes(user, 1).await.unwrap()), ["https://a/3".into()].into());
        assert_eq!(store.pushes(user, 9).await.unwrap(), [], "the sign-in has expired");
    }

    #[tokio::test]
    async fn a_request_is_told_once_whatever_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let session = SessionId::random();
        let store = Store::open(dir.path()).unwrap();
        assert!(store.is_untold(session, 1, 5).await.unwrap());
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert!(!store.is_untold(session, 1, 5).await.unwrap());
        assert!(store.is_untold(session, 1, 6).await.unwrap(), "another program's first");
    }

    #[tokio::test]
    async fn a_secret_of_the_server_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let first = store.server_secret("key", || Secret::new("a")).await.unwrap();
        assert!(store.server_secret("key", || Secret::new("b")).await.unwrap().same_as(&first));
    }
}
