//! What is noted, and what an entry holds.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Book;
use crate::base::id::{KeyId, MachineId, OrganisationId, UserId};

/// One fact of an entry, in bytes; longer ones are cut. Facts are names and settings, never what was typed or printed.
const FACT_BYTES_MAX: usize = 512;

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal;)*) => {
        /// What was done. The names are stable: filters and exports depend on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// Every action there is.
            pub const ALL: &[Self] = &[$(Self::$action),*];

            /// The same, as entries name them.
            pub const NAMES: &[&str] = &[$($name),*];

            /// As entries name it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$action => $name,)* }
            }
        }
    };
}

actions! {
    /// The first account was made.
    SetUp = "account.set_up";
    /// A browser was signed in, or was not.
    SignIn = "account.sign_in";
    /// A browser was signed out.
    SignOut = "account.sign_out";
    /// A password was changed or reset.
    PasswordChange = "account.password_change";
    /// A second factor was set up, used up, or taken away.
    SecondFactor = "account.second_factor";
    /// A browser session was ended by somebody else than itself.
    BrowserRevoke = "account.browser_revoke";
    /// Somebody was invited, or the invitation was taken back.
    MemberInvite = "member.invite";
    /// An invitation was accepted.
    MemberJoin = "member.join";
    /// A role was changed, ownership handed over included.
    MemberRole = "member.role";
    /// A member was deactivated or removed.
    MemberRemove = "member.remove";
    /// A key was made.
    KeyMake = "key.make";
    /// A key was replaced by a new one.
    KeyRotate = "key.rotate";
    /// A key was revoked.
    KeyRevoke = "key.revoke";
    /// A key was refused: unknown, revoked, expired, or its maker's place is lost.
    KeyUse = "key.use";
    /// Somebody came from an address that the organisation does not allow.
    Enter = "organisation.enter";
    /// Somebody asked for what their role, or their key, may not. Always refused.
    Access = "access.try";
    /// A machine came for the first time, or was refused.
    MachineRegister = "machine.register";
    /// A machine was renamed or tagged.
    MachineChange = "machine.change";
    /// A machine was removed.
    MachineRemove = "machine.remove";
    /// An agent was asked to bring itself to another version.
    MachineUpdate = "machine.update";
    /// A session was started.
    SessionStart = "session.start";
    /// A session was stopped.
    SessionStop = "session.stop";
    /// A session that had ended was removed.
    SessionForget = "session.forget";
    /// Somebody watches a session. Once an hour for the same person and session.
    SessionAttach = "session.attach";
    /// Somebody took the keyboard.
    SessionTakeControl = "session.take_control";
    /// A script typed.
    SessionInput = "session.input";
    /// What a session asked was answered from elsewhere than its terminal.
    SessionAnswer = "session.answer";
    /// A session was offered to others.
    SessionShare = "session.share";
    /// Somebody asked whoever has the keyboard for it.
    SessionAsk = "session.ask";
    /// That was refused. What is granted is an adoption, or a return.
    SessionRefuseAsk = "session.refuse_ask";
    /// Somebody adopted it.
    SessionAdopt = "session.adopt";
    /// It was given back, or taken back.
    SessionReturn = "session.return";
    /// A webhook was made.
    WebhookMake = "webhook.make";
    /// A webhook was changed, given a new secret, or switched off or on.
    WebhookChange = "webhook.change";
    /// A webhook was removed.
    WebhookRemove = "webhook.remove";
    /// The server switched a webhook off whose receiver failed for days.
    WebhookOff = "webhook.off";
    /// A setting of the organisation or the server was changed.
    Setting = "setting.change";
    /// Refusals that are not named one by one, because there were too many.
    Refusals = "audit.refusals";
    /// The log was exported.
    AuditExport = "audit.export";
    /// Old entries were removed.
    AuditTrim = "audit.trim";
    /// A backup of the server's state was made.
    Backup = "server.backup";
}

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was.
    #[default]
    Done,
    /// It was not allowed, or did not fit.
    #[serde(other)]
    Refused,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Actor {
    /// Somebody unknown.
    #[default]
    Nobody,
    /// A person in a browser.
    User(UserId),
    /// A program, on behalf of the key's maker.
    Key(KeyId, UserId),
    /// An agent.
    Machine(MachineId),
    /// Whoever has the server's data directory in hand, or the server by itself.
    Server,
}

/// Something to be noted.
#[derive(Debug, Clone)]
pub struct Event {
    pub(super) book: Book,
    pub(super) actor: Actor,
    pub(super) action: Action,
    pub(super) outcome: Outcome,
    pub(super) on: Option<String>,
    pub(super) from: Option<IpAddr>,
    pub(super) facts: BTreeMap<String, String>,
}

impl Event {
    /// Something in an organisation.
    pub fn of(organisation: OrganisationId, actor: Actor, action: Action) -> Self {
        Self::in_book(Book::Of(organisation), actor, action)
    }

    /// Something that belongs to no organisation.
    pub fn of_server(actor: Actor, action: Action) -> Self {
        Self::in_book(Book::Server, actor, action)
    }

    /// Something in `book`.
    pub fn in_book(book: Book, actor: Actor, action: Action) -> Self {
        Self { book, actor, action, outcome: Outcome::Done, on: None, from: None, facts: BTreeMap::new() }
    }

    /// In which chain it is noted.
    pub fn book(&self) -> Book {
        self.book
    }

    /// What makes two refusals the same: who tried what, on what, from where.
    pub fn kind(&self) -> (Actor, Action, Option<String>, Option<IpAddr>) {
        (self.actor, self.action, self.on.clone(), self.from)
    }

    /// What it was done to: an id.
    #[must_use]
    pub fn on(self, what: impl Display) -> Self {
        Self { on: Some(cut(what.to_string())), ..self }
    }

    /// Where the request came from.
    #[must_use]
    pub fn from(self, address: IpAddr) -> Self {
        Self { from: Some(address), ..self }
    }

    /// It was not done, for this reason.
    #[must_use]
    pub fn refused(self, why: impl Display) -> Self {
        Self { outcome: Outcome::Refused, ..self }.fact("why", why)
    }

    /// One more fact about it. Never a secret, never what was typed into a terminal.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Display) -> Self {
        self.facts.insert(name.to_owned(), cut(value.to_string()));
        self
    }
}

/// The longest beginning that fits.
fn cut(mut text: String) -> String {
    let end = text.floor_char_boundary(FACT_BYTES_MAX);
    text.truncate(end);
    text
}

/// Who acted, with the names they had then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Who {
    /// The person; `None` for somebody unknown, a machine, or the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What they were called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key their program came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The machine whose agent acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineId>,
    /// The server by itself, or whoever has its data directory in hand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub server: bool,
}

/// One entry. Its stored bytes are this as JSON, and their SHA-256 is the next one's `before`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Entry {
    /// Its number in its chain, from 1.
    pub seq: u64,
    /// Milliseconds since 1970 by the server's clock.
    pub at: u64,
    /// One of [`Action::NAMES`], or of a newer build.
    pub action: String,
    /// Whether it was done.
    pub outcome: Outcome,
    /// By whom.
    pub who: Who,
    /// The id of what it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Where the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// What else there is to know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// SHA-256 of the entry before it, 64 hex digits; zeros for the first.
    pub before: String,
}
