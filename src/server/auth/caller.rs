//! The caller: a browser by its cookie or a program by its key, with organisation and role.
//!
//! Found once for each request, by the gate in front of its address, which also asks the table of permissions.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, Uri, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::Shared;
use super::super::answer::ApiError;
use super::super::audit::note_refusal;
use super::super::routes::Access;
use super::client::{self, ClientAddress};
use super::permissions::role_name;
use super::{cookie, origin};
use crate::base::allow_list::AllowList;
use crate::base::api_key;
use crate::base::clock::unix_millis;
use crate::base::id::{KeyId, OrganisationId, UserId};
use crate::base::problem::{Code, Problem};
use crate::base::secret::{Secret, SecretHash};
use crate::store::audit::{Action, Actor, Event};
use crate::store::{Admission, BrowserSessionRow, KeyRow, Note, Role, Scope};

/// A key's last use is noted at most this often, in milliseconds: it is for people, not for accounts.
const KEY_TOUCHED_EVERY_MILLIS: u64 = 60_000;

/// Whoever comes from an address that is not allowed may ask again after this: an admin may have allowed it.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(30);

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
    /// Where they are, as far as trusted proxies say.
    pub address: IpAddr,
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
    let asked = Asked::of(&parts);
    let caller = match identify(&parts, &shared).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    if let Err(problem) = caller.may(permission) {
        asked.note_refused(&shared, &caller);
        return ApiError::from(problem).into_response();
    }
    let left = match shared.sign_in.count(&caller) {
        Ok(left) => left,
        Err(error) => return error.into_response(),
    };
    parts.extensions.insert(caller.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if response.extensions().get() == Some(&Code::NotAllowed) {
        asked.note_refused(&shared, &caller);
    }
    left.put(response.headers_mut());
    response
}

/// What a request is about, to note that it was refused.
struct Asked {
    method: Method,
    address: Option<MatchedPath>,
    uri: Uri,
}

impl Asked {
    fn of(parts: &Parts) -> Self {
        let address = parts.extensions.get().cloned();
        Self { method: parts.method.clone(), address, uri: parts.uri.clone() }
    }

    /// In the organisation's log: who asked for what their role or their key may not.
    fn note_refused(&self, shared: &Arc<Shared>, caller: &Caller) {
        let address = self.address.as_ref().map_or("", MatchedPath::as_str);
        let event = caller.event(Action::Access, ClientAddress(caller.address));
        // Of nested routers the address is whole and the path is not.
        let parts = address.rsplit('/').zip(self.uri.path().rsplit('/'));
        let id = parts.filter(|(name, _)| *name == "{id}").map(|(_, id)| id).next();
        let event = id.into_iter().fold(event, Event::on);
        let asked = format_args!("{} {}", self.method, address.trim_start_matches("/api/v1"));
        let how = if caller.scopes.is_some() { ", by a key" } else { "" };
        note_refusal(shared, event.fact("asked", asked).refused(format_args!("{}{how}", role_name(caller.role))));
    }
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
    let admission = shared.store.browser_member(&cookie, unix_millis()).await?;
    let Admission { by: session, membership, allowed } = admission.ok_or_else(not_signed_in)?;
    let caller = Caller {
        user: session.user,
        organisation: session.organisation,
        role: membership.role,
        via: Via::Browser(session.hash.clone()),
        scopes: None,
        expires_at: None,
        address: address.0,
    };
    let_in(shared, &caller, &allowed)?;
    note_visit(shared, &session, address);
    Ok(caller)
}

/// Whether the organisation lets people and programs in from where this one is.
fn let_in(shared: &Arc<Shared>, caller: &Caller, allowed: &AllowList) -> Result<(), ApiError> {
    if allowed.admits(caller.address) {
        return Ok(());
    }
    let event = caller.event(Action::Enter, ClientAddress(caller.address)).on(caller.user);
    note_refusal(shared, event.refused("address"));
    Err(not_from(caller.address))
}

/// What somebody is told whom an organisation does not let in from where they are. Not for good: an agent comes back.
pub(in crate::server) fn not_from(address: IpAddr) -> ApiError {
    let message = format!(
        "this organisation lets nobody in from {address}: come from a network that it allows, or ask an admin of it to \
         allow yours"
    );
    ApiError::for_now(Code::AddressNotAllowed, ASKED_AGAIN_AFTER, message)
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
    let secret = Secret::new(key);
    let Some(admission) = shared.store.key_member(&secret, unix_millis()).await? else {
        note_refused_key(shared, &secret, from).await?;
        return Err(refused());
    };
    let Admission { by: key, membership, allowed } = admission;
    note_use(shared, &key, from.0);
    let caller = Caller {
        user: key.created_by,
        organisation: key.organisation,
        role: membership.role,
        via: Via::Key(key.id),
        scopes: Some(key.scopes.into()),
        expires_at: key.expires_at,
        address: from.0,
    };
    let_in(shared, &caller, &allowed)?;
    Ok(caller)
}

/// In the log of the organisation whose key it was, or of the server if it never was anybody's.
async fn note_refused_key(shared: &Arc<Shared>, key: &Secret, from: ClientAddress) -> Result<(), ApiError> {
    let event = match shared.store.key_of_any_time(key).await? {
        Some(row) => {
            let why = match (row.revoked_at, row.is_valid(unix_millis())) {
                (Some(_), _) => "revoked",
                (None, false) => "expired",
                (None, true) => "its maker has no place here",
            };
            let actor = Actor::Key(row.id, row.created_by);
            Event::of(row.organisation, actor, Action::KeyUse).on(row.id).refused(why)
        }
        None => Event::of_server(Actor::Nobody, Action::KeyUse).refused("unknown"),
    };
    note_refusal(shared, event.from(from.0));
    Ok(())
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
