//! The caller: a browser by its cookie or a program by its key, with organisation and role.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, Method, header, request::Parts};

use super::super::Shared;
use super::super::answer::ApiError;
use super::{cookie, origin};
use crate::base::api_key;
use crate::base::clock::unix_millis;
use crate::base::id::{KeyId, OrganisationId, UserId};
use crate::base::problem::Code;
use crate::base::secret::{Secret, SecretHash};
use crate::store::{KeyRow, Role};

/// A key's last use is noted at most this often, in milliseconds: it is for people, not for accounts.
const KEY_TOUCHED_EVERY_MILLIS: u64 = 60_000;

/// Who asks, on whose behalf, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The person.
    pub user: UserId,
    /// The organisation they ask in; nothing outside it exists for them.
    pub organisation: OrganisationId,
    /// What they may do there.
    pub role: Role,
    /// How they came.
    pub via: Via,
}

/// How a caller came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// A browser; the hash of its cookie.
    Browser(SecretHash),
    /// A program with an API key.
    Key(KeyId),
}

impl Caller {
    /// Refuses a caller below `role`.
    pub fn at_least(&self, role: Role) -> Result<(), ApiError> {
        // Later roles may do less.
        if self.role <= role { Ok(()) } else { Err(ApiError::new(Code::NotAllowed, "your role does not allow this")) }
    }

    /// The cookie's hash; refuses a key, for what only a person may do.
    pub fn browser(&self) -> Result<&SecretHash, ApiError> {
        match &self.via {
            Via::Browser(hash) => Ok(hash),
            Via::Key(_) => Err(ApiError::new(Code::NotAllowed, "sign in with a browser to do this; a key may not")),
        }
    }
}

/// A program with an API key: an agent. Never a browser.
#[derive(Debug, Clone)]
pub struct KeyCaller {
    /// The key it came with.
    pub key: KeyRow,
    /// On whose behalf.
    pub caller: Caller,
}

fn not_signed_in() -> ApiError {
    ApiError::new(Code::NotSignedIn, "sign in first, or send an API key as Authorization: Bearer sf_live_…")
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(by_key(&parts.headers, shared).await?.caller);
        }
        let Some(cookie) = cookie::of(&parts.headers, shared.config.is_https()) else { return Err(not_signed_in()) };
        if changes_state(parts) && origin::from(&parts.headers, &shared.config) != origin::From::OwnPage {
            return Err(ApiError::new(Code::NotAllowed, "requests with a cookie must come from the server's own page"));
        }
        let member = shared.store.browser_member(&cookie, unix_millis()).await?;
        let (session, membership) = member.ok_or_else(not_signed_in)?;
        Ok(Self {
            user: session.user,
            organisation: session.organisation,
            role: membership.role,
            via: Via::Browser(session.hash),
        })
    }
}

impl FromRequestParts<Arc<Shared>> for KeyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        by_key(&parts.headers, shared).await
    }
}

/// Whether a request does more than look. An upgrade does: keys are typed through it.
fn changes_state(parts: &Parts) -> bool {
    !matches!(parts.method, Method::GET | Method::HEAD) || parts.headers.contains_key(header::UPGRADE)
}

async fn by_key(headers: &HeaderMap, shared: &Arc<Shared>) -> Result<KeyCaller, ApiError> {
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = text.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(not_signed_in)?.trim();
    if !api_key::is_well_formed(key) {
        return Err(ApiError::new(
            Code::NotSignedIn,
            "this is not a whole API key: it begins with sf_live_ and has 40 characters; copy it again",
        ));
    }
    let refused = || ApiError::new(Code::NotSignedIn, "this API key is not known here or was revoked; make a new one");
    let (key, membership) = shared.store.key_member(&Secret::new(key)).await?.ok_or_else(refused)?;
    note_use(shared, &key);
    let caller =
        Caller { user: key.created_by, organisation: key.organisation, role: membership.role, via: Via::Key(key.id) };
    Ok(KeyCaller { key, caller })
}

/// Nobody waits for this write, and a failure is the log's alone: the key was good all the same.
fn note_use(shared: &Arc<Shared>, key: &KeyRow) {
    let now = unix_millis();
    if key.last_used_at.is_some_and(|at| now.saturating_sub(at) < KEY_TOUCHED_EVERY_MILLIS) {
        return;
    }
    let (store, organisation, id) = (shared.store.clone(), key.organisation, key.id);
    shared.tasks.spawn(async move {
        if let Err(error) = store.touch_key(organisation, id, now).await {
            tracing::warn!(%error, key = %id, "the key's last use was not noted");
        }
    });
}
