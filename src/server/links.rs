//! What `sessionforge up` and the server's own console may do without signing in: whoever calls these has the
//! data directory in hand.

use std::time::Duration;

use super::auth::cookie::random_token;
use super::{Server, StartError};
use crate::base::api_key;
use crate::base::clock::{millis, unix_millis};
use crate::base::id::{KeyId, OrganisationId, UserId};
use crate::base::secret::Secret;
use crate::store::audit::{Action, Actor, Event};
use crate::store::{KeyRow, LinkPurpose, LinkRow, MembershipRow, Scope, Store, StoreError};

/// Life of a sign-in link: long enough to be clicked, too short to be found in a scrollback.
const SIGN_IN_LINK_LASTS: Duration = Duration::from_mins(10);

/// How people get in at the server's start.
#[derive(Debug, Clone)]
pub enum FirstLink {
    /// Nobody owns the server: this URL makes the owner's account. The next start makes another.
    SetUp(String),
    /// The owner has no password yet: this URL signs them in, once, within ten minutes.
    SignIn(String),
    /// People sign in with their passwords.
    NotNeeded,
}

impl Server {
    /// The link to print at the start of a plain server.
    pub async fn first_link(&self) -> Result<FirstLink, StartError> {
        let store = &self.shared.store;
        if store.has_password().await? {
            return Ok(FirstLink::NotNeeded);
        }
        if let Some(owner) = store.first_owner().await? {
            return Ok(FirstLink::SignIn(self.sign_in_link(&owner).await?));
        }
        let token = random_token();
        let link = LinkRow { hash: token.hash(), purpose: LinkPurpose::Setup, expires_at: None, once: None };
        store.add_link(link, unix_millis()).await?;
        Ok(FirstLink::SetUp(self.link("setup", &token)))
    }

    /// The owner of this server; made without a password and called `name` if there is none.
    pub async fn ensure_local_owner(&self, name: String) -> Result<MembershipRow, StartError> {
        Ok(self.shared.store.ensure_local_owner(name, unix_millis()).await?)
    }

    /// A URL that signs `member` in, once, within ten minutes.
    pub async fn sign_in_link(&self, member: &MembershipRow) -> Result<String, StartError> {
        let now = unix_millis();
        let token = random_token();
        let link = LinkRow {
            hash: token.hash(),
            purpose: LinkPurpose::SignIn { user: member.user, organisation: member.organisation },
            expires_at: Some(now.saturating_add(millis(SIGN_IN_LINK_LASTS))),
            once: None,
        };
        self.shared.store.add_link(link, now).await?;
        Ok(self.link("sign-in", &token))
    }

    /// The key for the agent on this machine: `have` if it is still good, else a new one called `name`.
    pub async fn local_agent_key(
        &self,
        member: &MembershipRow,
        name: String,
        have: Option<Secret>,
    ) -> Result<Secret, StartError> {
        if let Some(key) = have
            && self
                .shared
                .store
                .api_key_by_secret(&key, unix_millis())
                .await?
                .is_some_and(|row| row.organisation == member.organisation)
        {
            return Ok(key);
        }
        let new = NewKey { id: None, name, scopes: vec![Scope::Agent], expires_at: None };
        let (key, row) = new_key(member.organisation, member.user, new, unix_millis());
        self.shared.store.add_key(row).await?;
        Ok(key)
    }

    /// The token stands behind `#`: browsers send that part to nobody, and proxies log it nowhere.
    fn link(&self, page: &str, token: &Secret) -> String {
        format!("{}/{page}#{}", self.shared.url, token.expose())
    }
}

/// Life of a link that resets a password: an admin hands it over the same day.
const RESET_LINK_LASTS: Duration = Duration::from_hours(24);

/// A URL with which `user` chooses a new password, once, and when it ends. `store` is the one that notes it. `once` names
/// the request if it may be sent twice.
pub(super) async fn reset_link(
    store: &Store,
    url: &str,
    user: UserId,
    once: Option<[u8; 16]>,
    now: u64,
) -> Result<(String, u64), StoreError> {
    let (token, expires_at) = (random_token(), now.saturating_add(millis(RESET_LINK_LASTS)));
    let purpose = LinkPurpose::ResetPassword { user };
    store.add_link(LinkRow { hash: token.hash(), purpose, expires_at: Some(expires_at), once }, now).await?;
    Ok((format!("{url}/reset-password#{}", token.expose()), expires_at))
}

/// The same for the person of an e-mail address, made by whoever has the server's data directory in hand.
pub async fn console_reset_link(
    store: &Store,
    url: &str,
    email: &str,
    remove_second_factor: bool,
) -> Result<String, StoreError> {
    let user = store.user_by_email(email.trim()).await?.ok_or(StoreError::NotFound { what: "account" })?.id;
    let event = Event::of_server(Actor::Server, Action::PasswordChange).on(user).fact("how", "link made");
    let (url, _) = reset_link(&store.noting(event), url, user, None, unix_millis()).await?;
    if remove_second_factor {
        let event = Event::of_server(Actor::Server, Action::SecondFactor).on(user).fact("how", "removed");
        store.noting(event).remove_second_factor(user).await?;
    }
    Ok(url)
}

/// What is chosen about a key.
pub(super) struct NewKey {
    /// Its id, for a request that may be sent twice and must happen once.
    pub(super) id: Option<KeyId>,
    pub(super) name: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) expires_at: Option<u64>,
}

/// A new key on behalf of `user`: the key itself, shown once, and its row, which is to be stored.
pub(super) fn new_key(organisation: OrganisationId, user: UserId, new: NewKey, now: u64) -> (Secret, KeyRow) {
    let key = api_key::random();
    let row = KeyRow {
        id: new.id.unwrap_or_else(KeyId::random),
        name: new.name,
        prefix: key.expose().chars().take(api_key::SHOWN_CHARS).collect(),
        hash: key.hash(),
        organisation,
        created_by: user,
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        scopes: new.scopes,
        expires_at: new.expires_at,
        last_used_from: None,
    };
    (key, row)
}
