//! What people are told of when they do not look: the kinds of news, the ways to tell, what each person wants, and what a
//! page shows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Name of a time zone, in bytes; the longest of the tz database has 32.
pub const ZONE_BYTES_MAX: usize = 64;

/// Why somebody is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A tool may not run without leave.
    Permission,
    /// A question with choices.
    Question,
    /// A plan waits for approval.
    Plan,
    /// The program could not go on.
    Error,
    /// The program called: a bell, or a notification of its own.
    Notice,
    /// It has done what it was told.
    Done,
    /// A session is offered to one, or to everybody.
    Shared,
    /// Somebody adopted one's session.
    Adopted,
    /// A session was given back, or taken back from one.
    Returned,
    /// A program ended with a failure, or its machine lost it.
    Failed,
    /// A machine has been away for half a minute.
    Offline,
    /// A webhook was switched off because its receiver failed for days. For those who administer.
    Webhook,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Permission,
        Self::Question,
        Self::Plan,
        Self::Error,
        Self::Notice,
        Self::Done,
        Self::Shared,
        Self::Adopted,
        Self::Returned,
        Self::Failed,
        Self::Offline,
        Self::Webhook,
    ];

    /// As programs read it: the `type` of a webhook.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permission => "session.permission",
            Self::Question => "session.question",
            Self::Plan => "session.plan",
            Self::Error => "session.error",
            Self::Notice => "session.notice",
            Self::Done => "session.done",
            Self::Shared => "session.shared",
            Self::Adopted => "session.adopted",
            Self::Returned => "session.returned",
            Self::Failed => "session.failed",
            Self::Offline => "machine.offline",
            Self::Webhook => "webhook.off",
        }
    }

    /// Whether somebody is waited for: a push wakes a sleeping phone for it.
    pub const fn is_urgent(self) -> bool {
        self.is_need() && !matches!(self, Self::Notice)
    }

    /// Whether it follows from what a session needs.
    pub const fn is_need(self) -> bool {
        matches!(self, Self::Permission | Self::Question | Self::Plan | Self::Error | Self::Notice)
    }

    /// Where a person is told of it who has chosen nothing.
    pub fn usual(self) -> BTreeSet<Channel> {
        match self {
            Self::Notice | Self::Offline => BTreeSet::new(),
            Self::Done => [Channel::Desktop].into(),
            _ => [Channel::Desktop, Channel::Push].into(),
        }
    }
}

/// A way to tell a person. The page itself, with its list of what needs them, is always one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A tone in an open page.
    Sound,
    /// A notification of the system, from an open page.
    Desktop,
    /// A message to every browser that subscribed, also while no page is open.
    Push,
}

/// Of what somebody wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Sessions and machines that are their own, that they have adopted, or that are offered to them.
    #[default]
    Mine,
    /// All that they see.
    All,
}

/// When somebody is left alone: every day, by the clock of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Quiet {
    /// When it begins, like `22:00`.
    pub from: String,
    /// When it ends, like `07:00`; on the next day if it is before the beginning.
    pub to: String,
    /// Where, by its name in the IANA database, like `Europe/Berlin`.
    pub zone: String,
}

/// What one person wants to be told, and where. The page's own list is always there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Preferences {
    /// Where they are told of what; a kind that is not named is told where it usually is.
    #[serde(default)]
    pub events: BTreeMap<Kind, BTreeSet<Channel>>,
    /// Of whose sessions.
    #[serde(default)]
    pub reach: Reach,
    /// When not.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// Whether a notification holds what a session asks: the command, the question. It stands on a locked screen then.
    #[serde(default)]
    pub with_text: bool,
}

impl Preferences {
    /// Where this person is told of `kind`.
    pub fn channels(&self, kind: Kind) -> BTreeSet<Channel> {
        self.events.get(&kind).cloned().unwrap_or_else(|| kind.usual())
    }
}

/// A notification in words: what a page shows, and what a push message holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Notice {
    /// What it is about; a later one with the same tag takes its place.
    pub tag: String,
    /// When it happened, in milliseconds since 1970: one that comes by two ways is known by it.
    #[serde(default)]
    pub at: u64,
    /// Why.
    pub kind: Kind,
    /// First line.
    pub title: String,
    /// The rest.
    pub body: String,
    /// Where a click leads, on this server.
    pub path: String,
}
