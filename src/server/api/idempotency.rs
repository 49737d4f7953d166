//! `Idempotency-Key`: a request that was sent twice, because no answer came, is carried out once.
//!
//! What a key makes is named by the key (draft-ietf-httpapi-idempotency-key-header, section 2): nothing has to be
//! remembered, so a repeat is known as one also after this server was killed between the two.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::super::answer::ApiError;
use super::super::auth::Caller;
use crate::base::id::{InvitationId, KeyId, MachineId, OrganisationId, SessionId, UserId, WebhookId};
use crate::base::problem::Code;

/// Name of the header, in lower case.
const HEADER: &str = "idempotency-key";

/// One key, in bytes. A UUID has 36.
const KEY_BYTES_MAX: usize = 255;

/// The key of a request, if it has one.
#[derive(Debug, Clone)]
pub(in crate::server) struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    /// The session that a start on `machine` with this key makes: another person's key of the same text makes another.
    pub(in crate::server) fn session(&self, caller: &Caller, machine: MachineId) -> Option<SessionId> {
        self.digest(caller, &format!("start on {machine}")).map(SessionId::of_digest)
    }

    /// The API key that a request with this key makes; `how` names the kind of request.
    pub(in crate::server) fn api_key(&self, caller: &Caller, how: &str) -> Option<KeyId> {
        self.digest(caller, &format!("API key: {how}")).map(KeyId::of_digest)
    }

    /// The invitation that a request with this key makes.
    pub(in crate::server) fn invitation(&self, caller: &Caller) -> Option<InvitationId> {
        self.digest(caller, "invitation").map(InvitationId::of_digest)
    }

    /// The webhook that a request with this key makes.
    pub(in crate::server) fn webhook(&self, caller: &Caller) -> Option<WebhookId> {
        self.digest(caller, "webhook").map(WebhookId::of_digest)
    }

    /// The organisation that a request with this key founds. Its person is who repeats it: the first request moved their
    /// browser to the new organisation.
    pub(in crate::server) fn organisation(&self, caller: &Caller) -> Option<OrganisationId> {
        let anywhere = Caller { organisation: OrganisationId::of_digest([0; 16]), ..caller.clone() };
        self.digest(&anywhere, "organisation").map(OrganisationId::of_digest)
    }

    /// What tells an input into `session` with this key from all others.
    pub(in crate::server) fn input(&self, caller: &Caller, session: SessionId) -> Option<[u8; 16]> {
        self.digest(caller, &format!("input into {session}"))
    }

    /// What tells a link that resets `user`'s password, made with this key, from all others.
    pub(in crate::server) fn reset_link(&self, caller: &Caller, user: UserId) -> Option<[u8; 16]> {
        self.digest(caller, &format!("reset link of {user}"))
    }

    /// Whether there is one.
    pub(in crate::server) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// What tells this request from all others that are not repeats of it. `purpose` names the kind of request.
    fn digest(&self, caller: &Caller, purpose: &str) -> Option<[u8; 16]> {
        let key = self.0.as_ref()?;
        let mut digest = Sha256::new();
        for part in [purpose, &caller.organisation.to_string(), &caller.user.to_string(), key] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        let mut half = [0; 16];
        half.iter_mut().zip(digest.finalize()).for_each(|(to, byte)| *to = byte);
        Some(half)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        let key = value.to_str().unwrap_or_default().trim();
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            let message = format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible ASCII characters, like a UUID");
            return Err(ApiError::new(Code::BadRequest, message));
        }
        Ok(Self(Some(key.to_owned())))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::server::auth::Via;
    use crate::store::Role;

    fn caller() -> Caller {
        let via = Via::Key(KeyId::random());
        let (user, organisation, role) = (UserId::random(), OrganisationId::random(), Role::Member);
        Caller {
            user,
            organisation,
            role,
            via,
            scopes: None,
            expires_at: None,
            address: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    #[test]
    fn a_key_names_one_session_of_one_person_on_one_machine() {
        let (ada, bob, machine) = (caller(), caller(), MachineId::random());
        let key = IdempotencyKey(Some("a".to_owned()));
        let session = key.session(&ada, machine).unwrap();
        let again = Caller { via: Via::Key(KeyId::random()), ..ada.clone() };
        assert_eq!(key.session(&again, machine), Some(session), "however they signed in");
        assert_ne!(key.session(&bob, machine), Some(session));
        assert_ne!(key.session(&ada, MachineId::random()), Some(session));
        assert_ne!(IdempotencyKey(Some("b".to_owned())).session(&ada, machine), Some(session));
        assert_eq!(IdempotencyKey(None).session(&ada, machine), None);
    }
}
