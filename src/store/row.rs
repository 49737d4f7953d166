//! Rows: what the tables hold. New fields must have a default, so that rows of an older build still read.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::handoff::HandoffRow;
use super::scope::Scope;
use crate::base::allow_list::AllowList;
use crate::base::id::{InvitationId, KeyId, MachineId, OrganisationId, UserId};
use crate::base::secret::{Secret, SecretHash};
use crate::wire::session::{MachineFacts, SessionInfo};
use crate::wire::view::MachineSharing;

/// What a member may do in an organisation. Later ones may do less.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, including handing the organisation over.
    Owner,
    /// Everything but that.
    Admin,
    /// Own machines and sessions, and what is shared.
    Member,
    /// Only looks. A role this build does not know counts as this one.
    #[default]
    #[serde(other)]
    Viewer,
}

/// The boundary of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationRow {
    /// Its id.
    pub id: OrganisationId,
    /// What people call it.
    pub name: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// From where it lets people and machines in.
    #[serde(default, skip_serializing_if = "AllowList::is_empty")]
    pub allowed: AllowList,
}

/// Who may come in by a cookie or a key, if they come from where they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission<R> {
    /// The cookie's row, or the key's.
    pub by: R,
    /// The place of its person in its organisation.
    pub membership: MembershipRow,
    /// From where that organisation lets people and machines in.
    pub allowed: AllowList,
}

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// Its id.
    pub id: UserId,
    /// What people call them.
    pub name: String,
    /// As they wrote it; looked up in lower case. `None` for an owner made by `sessionforge up`.
    #[serde(default)]
    pub email: Option<String>,
    /// argon2id in PHC form; `None` as long as they only sign in by link.
    #[serde(default)]
    pub password: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: u64,
}

/// A person's place in an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipRow {
    /// Where.
    pub organisation: OrganisationId,
    /// Who.
    pub user: UserId,
    /// What they may do there.
    pub role: Role,
    /// Milliseconds since 1970.
    pub since: u64,
    /// Milliseconds since 1970; nothing of theirs is valid here from then on. The row stays, so that names stay.
    #[serde(default)]
    pub deactivated_at: Option<u64>,
}

impl MembershipRow {
    /// Whether the person may do anything here at all.
    pub fn is_active(&self) -> bool {
        self.deactivated_at.is_none()
    }
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSessionRow {
    /// Of the cookie's value.
    pub hash: SecretHash,
    /// Who signed in.
    pub user: UserId,
    /// The organisation they work in.
    pub organisation: OrganisationId,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// Milliseconds since 1970; not valid from then on.
    pub expires_at: u64,
    /// Milliseconds since 1970, correct to about ten minutes; 0 for one of an earlier build.
    #[serde(default)]
    pub last_seen: u64,
    /// Where it was last seen.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// What it said of itself when it signed in, at most [`USER_AGENT_BYTES_MAX`].
    #[serde(default)]
    pub user_agent: Option<String>,
}

/// What a browser says of itself, in bytes. The usual ones are half as long.
pub const USER_AGENT_BYTES_MAX: usize = 256;

/// Hex digits of the cookie's hash that name a browser to its person: 64 bits, and no way back to the cookie.
const BROWSER_NAME_CHARS: usize = 16;

impl BrowserSessionRow {
    /// What the browser is called where the cookie must not be shown.
    pub fn public_name(&self) -> &str {
        self.hash.as_str().get(..BROWSER_NAME_CHARS).unwrap_or_default()
    }
}

/// An API key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its public name.
    pub id: KeyId,
    /// What its maker calls it.
    pub name: String,
    /// The key's first characters, to recognise it by.
    pub prefix: String,
    /// Of the whole key.
    pub hash: SecretHash,
    /// Where it is valid.
    pub organisation: OrganisationId,
    /// On whose behalf it acts.
    pub created_by: UserId,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// Milliseconds since 1970, correct to about a minute.
    #[serde(default)]
    pub last_used_at: Option<u64>,
    /// Milliseconds since 1970; refused from then on. The row stays, so that the key's id keeps its meaning.
    #[serde(default)]
    pub revoked_at: Option<u64>,
    /// What it may be used for.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// Milliseconds since 1970; refused from then on.
    #[serde(default)]
    pub expires_at: Option<u64>,
    /// Where it was last used from.
    #[serde(default)]
    pub last_used_from: Option<IpAddr>,
}

impl KeyRow {
    /// Whether it is good at `now`.
    pub fn is_valid(&self, now: u64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

/// A device with an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRow {
    /// Issued by the server.
    pub id: MachineId,
    /// Where it is registered; never changes.
    pub organisation: OrganisationId,
    /// The key its agent last came with.
    pub key: KeyId,
    /// Whose machine it is: the maker of the key it was first registered with.
    pub owner: UserId,
    /// What its agent says of it.
    pub facts: MachineFacts,
    /// Milliseconds since 1970.
    pub registered_at: u64,
    /// Milliseconds since 1970.
    pub last_seen: u64,
    /// What people call it here; else what the agent says.
    #[serde(default)]
    pub name: Option<String>,
    /// What people file it under.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What the organisation may do with it.
    #[serde(default)]
    pub sharing: MachineSharing,
}

/// Who may see a session beside its owner and those who administer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// Nobody.
    #[default]
    Private,
    /// Everybody in the organisation; members may adopt it, viewers watch.
    Organisation,
}

/// A session, as last heard of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Where it runs; never changes.
    pub machine: MachineId,
    /// Where it belongs; that of its machine.
    pub organisation: OrganisationId,
    /// Who started it.
    pub owner: UserId,
    /// All the rest.
    pub info: SessionInfo,
    /// Who else may see it: follows from the handoff, and is what earlier builds have of it.
    #[serde(default)]
    pub sharing: Sharing,
    /// Its newest handoff, if there ever was one.
    #[serde(default)]
    pub handoff: Option<HandoffRow>,
}

/// What a one-time link is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Makes the first account, the owner. Valid until used or replaced.
    Setup,
    /// Signs this person in.
    SignIn {
        /// Who.
        user: UserId,
        /// Where.
        organisation: OrganisationId,
    },
    /// Lets this person choose a new password.
    ResetPassword {
        /// Who.
        user: UserId,
    },
}

/// A one-time link, without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// Of the token.
    pub hash: SecretHash,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Milliseconds since 1970; `None` for a link that lasts until it is used.
    #[serde(default)]
    pub expires_at: Option<u64>,
    /// The request that made it, if that may have been sent twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<[u8; 16]>,
}

/// An invitation into an organisation, without its token. Accepted or revoked it is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRow {
    /// Its public name.
    pub id: InvitationId,
    /// Of the token.
    pub hash: SecretHash,
    /// Into which.
    pub organisation: OrganisationId,
    /// As what.
    pub role: Role,
    /// For whom alone, if that is said.
    #[serde(default)]
    pub email: Option<String>,
    /// Who invites.
    pub created_by: UserId,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// Milliseconds since 1970; void from then on.
    pub expires_at: u64,
}

/// A person's second factor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecondFactorRow {
    /// What the authenticator app holds too, in base32. Needed in the clear to reckon codes.
    pub secret: Secret,
    /// Milliseconds since 1970; `None` while the app has not shown a right code.
    #[serde(default)]
    pub confirmed_at: Option<u64>,
    /// Newest time step a code was accepted of: each is good once.
    #[serde(default)]
    pub last_step: u64,
    /// Of the recovery codes that are left.
    #[serde(default)]
    pub recovery: Vec<SecretHash>,
}
