//! What an API key may be used for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One use. A key has any number of them; its maker's role bounds it besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Scope {
    /// Connect a machine.
    #[serde(rename = "agent")]
    Agent,
    /// See sessions and their screens.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Start sessions, type into them, share and stop them.
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// See machines.
    #[serde(rename = "machines:read")]
    MachinesRead,
    /// Rename, tag and remove machines.
    #[serde(rename = "machines:write")]
    MachinesWrite,
    /// Members, invitations, keys and the organisation.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Agent, Self::SessionsRead, Self::SessionsWrite, Self::MachinesRead, Self::MachinesWrite, Self::Admin];

    /// As people and programs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::SessionsRead => "sessions:read",
            Self::SessionsWrite => "sessions:write",
            Self::MachinesRead => "machines:read",
            Self::MachinesWrite => "machines:write",
            Self::Admin => "admin",
        }
    }

    /// Whether a key with this scope may do what `needed` asks for: who may change things may look at them.
    pub fn covers(self, needed: Self) -> bool {
        self == needed
            || matches!(
                (self, needed),
                (Self::SessionsWrite, Self::SessionsRead) | (Self::MachinesWrite, Self::MachinesRead)
            )
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_written_as_it_is_called() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
            assert_eq!(Scope::ALL.iter().filter(|other| **other == scope).count(), 1);
        }
    }
}
