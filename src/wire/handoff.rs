//! A session's handoff in words: what is asked of it, and what is told of it, the same to pages, scripts and agents.

use serde::{Deserialize, Serialize};

use super::view::Person;

/// A note, in bytes: a few sentences for the person who takes over, or back.
pub const NOTE_BYTES_MAX: usize = 2_000;

/// How a handoff is, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Offered: it can be adopted.
    Shared,
    /// Somebody has adopted it, and has the keyboard.
    Adopted,
    /// Given back by the adopter.
    Returned,
    /// Given back, and what was asked for is approved.
    Approved,
    /// Given back, and what was asked for is refused.
    Refused,
    /// Taken back by the owner, or by who administers.
    TakenBack,
    /// Nobody adopted it in time.
    Expired,
    /// Who had adopted it, or for whom it was, may not any more.
    Revoked,
    /// The session's program ended.
    Exited,
    /// A phase of a newer protocol.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Phase {
    /// Whether the session is its owner's alone again.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Shared | Self::Adopted)
    }
}

/// What the adopter says of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Go on.
    Approved,
    /// Do not.
    Refused,
}

/// A handoff. Times are milliseconds since 1970 by the server's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HandoffView {
    /// Counts the session's handoffs, from 1.
    pub number: u64,
    /// How it is.
    pub phase: Phase,
    /// Who offers it.
    pub by: Person,
    /// Since when.
    pub at: u64,
    /// What they say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who alone may adopt it; without it every member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Person>,
    /// When the offer ends by itself, unless it is adopted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Whether a program waits for it to be approved or refused.
    #[serde(default)]
    pub gate: bool,
    /// Who adopted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted_by: Option<Person>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted_at: Option<u64>,
    /// Who ended it; nobody did when it expired or the program ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Person>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<u64>,
    /// What who ended it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Asked by a machine for a session of its own, on behalf of the session's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HandoffAsk {
    /// Offer it.
    Pause {
        /// For the person who takes over.
        #[serde(default)]
        note: Option<String>,
        /// Who alone may adopt it: a member's id, e-mail address or name.
        #[serde(default)]
        to: Option<String>,
        /// Milliseconds until the offer ends by itself.
        #[serde(default)]
        expires_in: Option<u64>,
        /// Whether it is to be approved or refused.
        #[serde(default)]
        gate: bool,
        /// Chosen by the asker: the same once more is the same offer, also when that is over already.
        #[serde(default)]
        once: Option<String>,
    },
    /// Take it back.
    Resume {
        /// What to say about it.
        #[serde(default)]
        note: Option<String>,
    },
    /// Say how a handoff is: once it is not in `phase` any more, or after a while.
    Look {
        /// Which.
        number: u64,
        /// How it was last; without it the answer comes at once.
        #[serde(default)]
        phase: Option<Phase>,
    },
    /// A kind of a newer protocol.
    #[serde(other)]
    Unknown,
}
