//! Machines, sessions and people as the page and the REST API show them.

use serde::{Deserialize, Serialize};

use super::handoff::HandoffView;
use super::load::Load;
use super::session::{MachineFacts, SessionInfo};
use super::updating::UpdateReport;
use crate::base::id::{MachineId, UserId};

/// Somebody, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// What people call them.
    pub name: String,
}

/// What the other members of its organisation may do with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineSharing {
    /// Nothing: it is not there for them.
    #[default]
    Nobody,
    /// See it, and watch its sessions.
    See,
    /// Start sessions on it too, except viewers.
    Start,
}

/// A machine as the page and the REST API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MachineView {
    /// Its id.
    pub id: MachineId,
    /// What the agent says of it.
    #[serde(flatten)]
    pub facts: MachineFacts,
    /// Whether its agent is connected.
    pub online: bool,
    /// When it was last connected, in milliseconds since 1970 by the server's clock.
    pub last_seen: u64,
    /// Whose it is.
    pub owner: Person,
    /// What people file it under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What the organisation may do with it.
    #[serde(default)]
    pub sharing: MachineSharing,
    /// How busy it is, while its agent is connected and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// How the last update that the server asked for goes, or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateReport>,
}

/// A session as the page and the REST API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SessionView {
    /// The machine it runs on.
    pub machine: MachineId,
    /// What is known of it.
    #[serde(flatten)]
    pub info: SessionInfo,
    /// Viewers attached now.
    pub viewers: u32,
    /// Whose it is.
    pub owner: Person,
    /// Whether everybody in the organisation may see it, and members adopt it.
    pub shared: bool,
    /// How it is handed over, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<Box<HandoffView>>,
    /// Who watches or types now, each once; at most twenty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watching: Vec<Person>,
    /// Who asks for the keyboard now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asking: Vec<Asking>,
}

/// Somebody asks whoever has the keyboard for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Asking {
    /// Who.
    #[serde(flatten)]
    pub who: Person,
    /// Until when, in milliseconds since 1970 by the server's clock.
    pub until: u64,
}
