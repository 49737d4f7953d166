//! An agent that is brought to another version, as its server and the page are told of it.

use serde::{Deserialize, Serialize};

/// How a machine's agent gets another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateWay {
    /// The page may ask for it: the agent does it by itself.
    Page,
    /// On the machine only: its owner wants it so.
    Off,
    /// On the machine only, by root.
    Root,
    /// On the machine only, by the package manager that the program came with.
    Package,
    /// On the machine only: no service runs the agent, or one that it may not restart.
    Hand,
    /// On the machine only: the agent is of a version that cannot be asked. A word that this build does not know counts as
    /// this one.
    #[default]
    #[serde(other)]
    Unsaid,
}

/// Where in its course an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdatePhase {
    /// The file is on its way.
    Downloading,
    /// The file is there, and is looked at: checksum, signature, version.
    Checking,
    /// The new version has taken its place, and is to come up.
    Restarting,
    /// The new version runs, and is connected.
    Done,
    /// The version before runs; see [`UpdateReport::why`].
    Failed,
    /// A phase of a newer protocol: it is under way.
    #[default]
    #[serde(other)]
    Unknown,
}

impl UpdatePhase {
    /// Whether nothing more comes.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// How an update goes: said by the agent at each step, and again at each connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UpdateReport {
    /// Version that it goes to.
    pub to: String,
    /// Where it is.
    #[serde(default)]
    pub phase: UpdatePhase,
    /// How much of the file has come, in percent.
    #[serde(default)]
    pub percent: u8,
    /// Why it failed, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it began, in milliseconds since 1970 by the machine's clock.
    #[serde(default)]
    pub began_at: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_newer_protocol_are_understood_as_far_as_they_must_be() {
        let report: UpdateReport =
            serde_json::from_str(r#"{"to":"9.9.9","phase":"rehearsing","mood":"calm","why":null}"#).unwrap();
        assert!(!report.phase.is_over() && report.why.is_none());
        assert_eq!(serde_json::from_str::<UpdateWay>(r#""by_pigeon""#).unwrap(), UpdateWay::Unsaid);
    }
}
