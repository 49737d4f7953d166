//! The caller: a browser by its cookie or a program by its key, with organisation and role.
//!
//! Found once for each request, by the gate in front of its address, which also asks the table of permissions.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, Method, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::Shared;
use super::super::answer::ApiError;
use super::super::routes::Access;
use super::client::{self, ClientAddress};
use super::{cookie, origin};
use crate::base::api_key;
use crate::base::clock::unix_millis;
use crate::base::id::{KeyId, OrganisationId, UserId};
use crate::base::problem::{Code, Problem};
use crate::base::secret::{Secret, SecretHash};
use crate::store::{BrowserSessionRow, KeyRow, Note, Role, Scope};

/// A key's last use is noted at most this often, in milliseconds: it is for people, not for accounts.
const KEY_TOUCHED_EVERY_MILLIS: u64 = 60_000;

/// That a browser was there is noted at most this often, in milliseconds.
const BROWSER_TOUCHED_EVERY_MILLIS: u64 = 10 * 60_000;

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
    /// What a key may be used for; `None` for a person in a browser.
    pub scopes: Option<Arc<[Scope]>>,
    /// When the key expires, in milliseconds since 1970.
    pub expires_at: Option<u64>,
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
    /// The cookie's hash; refuses a key, for what only a person may do.
    pub fn browser(&self) -> Result<&SecretHash, ApiError> {
        match &self.via {
            Via::Browser(hash) => Ok(hash),
            Via::Key(_) => Err(ApiError::new(Code::NotAllowed, "sign in with a browser to do this; a key may not")),
        }
    }

    /// The key; refuses a browser, for what only a program may do.
    pub fn key(&self) -> Result<KeyId, ApiError> {
        match &self.via {
            Via::Key(key) => Ok(*key),
            Via::Browser(_) => Err(ApiError::new(Code::NotAllowed, "this is for programs with an API key")),
        }
    }
}

fn not_signed_in() -> ApiError {
    ApiError::new(Code::NotSignedIn, "sign in first, or send an API key as Authorization: Bearer sf_live_…")
}

/// In front of every address: who asks, and whether they may come there at all.
pub(in crate::server) async fn gate(
    State((shared, access)): State<(Arc<Shared>, Access)>,
    request: Request,
    next: Next,
) -> Response {
    let Access::To(permission) = access else { return next.run(request).await };
    let (mut parts, body) = request.into_parts();
    let caller = match identify(&parts, &shared).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    if let Err(problem) = caller.may(permission) {
        return ApiError::from(problem).into_response();
    }
    let left = match shared.sign_in.count(&caller) {
        Ok(left) => left,
        Err(error) => return error.into_response(),
    };
    parts.extensions.insert(caller);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    left.put(response.headers_mut());
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::internal("an open address asked for its caller").into())
    }
}

async fn identify(parts: &Parts, shared: &Arc<Shared>) -> Result<Caller, ApiError> {
    let address = client::of(parts, shared);
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return by_key(&parts.headers, address, shared).await;
    }
    let Some(cookie) = cookie::of(&parts.headers, shared.config.is_https()) else { return Err(not_signed_in()) };
    if changes_state(parts) && origin::from(&parts.headers, &shared.config) != origin::From::OwnPage {
        return Err(ApiError::new(Code::NotAllowed, "requests with a cookie must come from the server's own page"));
    }
    let member = shared.store.browser_member(&cookie, unix_millis()).await?;
    let (session, membership) = member.ok_or_else(not_signed_in)?;
    note_visit(shared, &session, address);
    Ok(Caller {
        user: session.user,
        organisation: session.organisation,
        role: membership.role,
        via: Via::Browser(session.hash),
        scopes: None,
        expires_at: None,
    })
}

/// Whether a request does more than look. An upgrade does: keys are typed through it.
fn changes_state(parts: &Parts) -> bool {
    !matches!(parts.method, Method::GET | Method::HEAD) || parts.headers.contains_key(header::UPGRADE)
}

async fn by_key(headers: &HeaderMap, from: ClientAddress, shared: &Arc<Shared>) -> Result<Caller, ApiError> {
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = text.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(not_signed_in)?.trim();
    if !api_key::is_well_formed(key) {
        return Err(ApiError::new(
            Code::NotSignedIn,
            "this is not a whole API key: it begins with sf_live_ and has 40 characters; copy it again",
        ));
    }
    let refused = || {
        ApiError::new(Code::NotSignedIn, "this API key is not known here, was revoked, or has expired; make a new one")
    };
    let known = shared.store.key_member(&Secret::new(key), unix_millis()).await?;
    let (key, membership) = known.ok_or_else(refused)?;
    note_use(shared, &key, from.0);
    Ok(Caller {
        user: key.created_by,
        organisation: key.organisation,
        role: membership.role,
        via: Via::Key(key.id),
        scopes: Some(key.scopes.into()),
        expires_at: key.expires_at,
    })
}

/// Nobody waits for this to be written: a crowd that comes with one key is one row.
fn note_use(shared: &Arc<Shared>, key: &KeyRow, from: IpAddr) {
    let now = unix_millis();
    if key.last_used_at.is_none_or(|at| now.saturating_sub(at) >= KEY_TOUCHED_EVERY_MILLIS) {
        shared.relay.note(Note::KeyUsed(key.organisation, key.id, now, from));
    }
}

/// The same for a browser.
fn note_visit(shared: &Arc<Shared>, session: &BrowserSessionRow, ClientAddress(from): ClientAddress) {
    let now = unix_millis();
    if now.saturating_sub(session.last_seen) < BROWSER_TOUCHED_EVERY_MILLIS && session.address == Some(from) {
        return;
    }
    shared.relay.note(Note::BrowserSeen(session.hash.clone(), now, from));
}
