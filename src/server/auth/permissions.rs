//! Who may do what: one table. Every handler and every message of a socket asks it; `docs/roles.md` shows it.
//!
//! A role bounds what a person may do in an organisation, on what is their own, shared with them, or of others. A key
//! may do at most what its maker may, and of that only what its scopes name.

use super::Caller;
use crate::base::id::UserId;
use crate::base::problem::{Code, Problem};
use crate::store::{Role, Scope, Sharing};

/// Something that may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each one's meaning is its row's text in the table below")]
#[repr(u8)]
pub enum Permission {
    SeeAccount,
    ChangeAccount,
    SeeMembers,
    Invite,
    ManageMembers,
    ResetPassword,
    ChangeOrganisation,
    HandOver,
    AddOrganisation,
    SeeKeys,
    MakeKey,
    RevokeKey,
    SeeAudit,
    ChangeServer,
    ManageWebhooks,
    ConnectMachine,
    SeeMachine,
    ChangeMachine,
    RemoveMachine,
    UpdateMachine,
    StartSession,
    StartShared,
    SeeSession,
    WatchSession,
    ReadScreen,
    TypeSession,
    ShareSession,
    AdoptSession,
    AskControl,
    StopSession,
    ForgetSession,
}

/// Whose a thing is, for somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Their own.
    Own,
    /// Somebody's who shares it with them.
    Shared,
    /// Somebody's whose session they have adopted.
    Adopted,
    /// Somebody's who does not.
    Others,
}

/// What a key may do of what its maker may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByKey {
    /// Nothing: only a person in a browser.
    No,
    /// This, whatever its scopes.
    Any,
    /// This, with the scope.
    With(Scope),
    /// The same, and nobody comes without a key.
    Only(Scope),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What it is about.
    pub permission: Permission,
    /// In the words of the documentation.
    pub what: &'static str,
    /// The least role for what is one's own, or belongs to nobody in particular.
    pub own: Role,
    /// For what is shared with one; `None`: nobody.
    pub shared: Option<Role>,
    /// For a session that one has adopted; `None`: what is shared says it.
    pub adopted: Option<Role>,
    /// For what is somebody else's; `None`: nobody.
    pub others: Option<Role>,
    /// What a key needs.
    pub key: ByKey,
}

const fn rule(permission: Permission, what: &'static str, own: Role, key: ByKey) -> Rule {
    Rule { permission, what, own, shared: None, adopted: None, others: None, key }
}

/// The table, in the order of [`Permission`].
#[rustfmt::skip]
pub const TABLE: &[Rule] = {
    use ByKey::{Any, No, Only, With};
    use Permission as P;
    use Role::{Admin, Member, Owner, Viewer};
    use Scope as S;
    &[
        rule(P::SeeAccount, "see their own account", Viewer, Any),
        rule(P::ChangeAccount, "change their own account: name, password, second factor, browsers, organisation", Viewer, No),
        rule(P::SeeMembers, "see who belongs to the organisation", Member, With(S::Admin)),
        rule(P::Invite, "invite people, up to their own role", Admin, With(S::Admin)),
        rule(P::ManageMembers, "change roles, deactivate and remove members, up to their own role", Admin, With(S::Admin)),
        rule(P::ResetPassword, "make a link that resets a member's password, up to their own role", Admin, No),
        rule(P::ChangeOrganisation, "change the organisation's name and settings", Admin, With(S::Admin)),
        rule(P::HandOver, "hand the organisation over", Owner, No),
        rule(P::AddOrganisation, "found another organisation", Owner, No),
        Rule { others: Some(Admin), ..rule(P::SeeKeys, "see API keys", Member, With(S::Admin)) },
        rule(P::MakeKey, "make API keys, and replace their own", Member, No),
        Rule { others: Some(Admin), ..rule(P::RevokeKey, "revoke API keys", Member, With(S::Admin)) },
        rule(P::SeeAudit, "read the audit log", Admin, With(S::Admin)),
        rule(P::ChangeServer, "see and change what concerns the whole server", Owner, With(S::Admin)),
        rule(P::ManageWebhooks, "see and change webhooks, which send news elsewhere", Admin, With(S::Admin)),
        rule(P::ConnectMachine, "connect machines", Member, Only(S::Agent)),
        Rule { shared: Some(Viewer), others: Some(Admin), ..rule(P::SeeMachine, "see machines", Viewer, With(S::MachinesRead)) },
        Rule { others: Some(Admin), ..rule(P::ChangeMachine, "rename and tag machines, and share them with the organisation", Member, With(S::MachinesWrite)) },
        Rule { others: Some(Admin), ..rule(P::RemoveMachine, "remove machines", Member, With(S::MachinesWrite)) },
        Rule { others: Some(Admin), ..rule(P::UpdateMachine, "have the agents of machines updated to a version that the server has", Member, With(S::MachinesWrite)) },
        rule(P::StartSession, "start sessions on their own machines", Member, With(S::SessionsWrite)),
        rule(P::StartShared, "start sessions on machines that are shared for it", Member, With(S::SessionsWrite)),
        Rule { shared: Some(Viewer), others: Some(Admin), ..rule(P::SeeSession, "see sessions: name, state, who watches", Viewer, With(S::SessionsRead)) },
        Rule { shared: Some(Viewer), others: Some(Admin), ..rule(P::WatchSession, "watch a session's screen, visibly", Viewer, With(S::SessionsRead)) },
        Rule { shared: Some(Viewer), ..rule(P::ReadScreen, "read a session's screen by the API, wait for it, and be told what it asks", Viewer, With(S::SessionsRead)) },
        Rule { adopted: Some(Member), ..rule(P::TypeSession, "type into sessions and set their size", Member, With(S::SessionsWrite)) },
        Rule { others: Some(Admin), ..rule(P::ShareSession, "share sessions with the organisation, and take them back", Member, With(S::SessionsWrite)) },
        Rule { shared: Some(Member), ..rule(P::AdoptSession, "adopt sessions that are shared, and give them back", Member, With(S::SessionsWrite)) },
        Rule { shared: Some(Member), others: Some(Admin), ..rule(P::AskControl, "ask for the keyboard of a session", Member, With(S::SessionsWrite)) },
        Rule { others: Some(Admin), ..rule(P::StopSession, "stop sessions", Member, With(S::SessionsWrite)) },
        Rule { others: Some(Admin), ..rule(P::ForgetSession, "remove sessions that have ended", Member, With(S::SessionsWrite)) },
    ]
};

const _: () = {
    let mut at = 0;
    while at < TABLE.len() {
        assert!(TABLE[at].permission as usize == at, "every permission has its row, in order");
        at += 1;
    }
    assert!(TABLE.len() == Permission::ForgetSession as usize + 1, "every permission has its row");
};

impl Permission {
    /// Its row.
    pub const fn rule(self) -> &'static Rule {
        &TABLE[self as usize]
    }
}

impl Rule {
    /// The least role for a thing; `None`: nobody.
    pub fn least(&self, whose: Whose) -> Option<Role> {
        match whose {
            Whose::Own => Some(self.own),
            // What is shared is somebody else's too: who may there, may here. Later roles may do less.
            Whose::Shared => self.shared.max(self.others),
            Whose::Adopted => self.adopted.max(self.shared).max(self.others),
            Whose::Others => self.others,
        }
    }
}

impl Caller {
    /// Whose a thing is for this caller.
    pub fn whose(&self, owner: UserId, sharing: Sharing) -> Whose {
        if owner == self.user {
            return Whose::Own;
        }
        match sharing {
            Sharing::Organisation => Whose::Shared,
            Sharing::Private => Whose::Others,
        }
    }

    /// Whether they may do this to what is their own or nobody's in particular.
    pub fn may(&self, permission: Permission) -> Result<(), Problem> {
        self.may_with(permission, Whose::Own)
    }

    /// Whether they may do this to a thing, without a word about why not.
    pub fn allows(&self, permission: Permission, whose: Whose) -> bool {
        self.way_is_open(permission.rule().key) && self.role_allows(permission, whose)
    }

    /// Whether the person may, however they come.
    pub fn role_allows(&self, permission: Permission, whose: Whose) -> bool {
        // Later roles may do less.
        permission.rule().least(whose).is_some_and(|least| self.role <= least)
    }

    /// Whether they may do this to a thing.
    pub fn may_with(&self, permission: Permission, whose: Whose) -> Result<(), Problem> {
        if self.allows(permission, whose) {
            return Ok(());
        }
        let rule = permission.rule();
        self.way_allows(rule.key)?;
        let least = rule.least(whose);
        let who = role_name(self.role);
        Err(Problem::new(
            Code::NotAllowed,
            match (whose, least) {
                (Whose::Own, _) => format!("your role here is {who}, and that may not {}", rule.what),
                (_, Some(_)) => {
                    format!("this belongs to somebody else, and as {who} you may not {} of others", rule.what)
                }
                (_, None) => format!("this belongs to somebody else, and only they may {}", rule.what),
            },
        ))
    }

    fn way_is_open(&self, key: ByKey) -> bool {
        match (&self.scopes, key) {
            (None, key) => !matches!(key, ByKey::Only(_)),
            (Some(_), ByKey::Any) => true,
            (Some(_), ByKey::No) => false,
            (Some(scopes), ByKey::With(needed) | ByKey::Only(needed)) => {
                scopes.iter().any(|scope| scope.covers(needed))
            }
        }
    }

    /// The same, with the reason.
    fn way_allows(&self, key: ByKey) -> Result<(), Problem> {
        let refused = |message: String| Err(Problem::new(Code::NotAllowed, message));
        if self.way_is_open(key) {
            return Ok(());
        }
        match key {
            ByKey::Only(scope) if self.scopes.is_none() => {
                refused(format!("this is for programs with an API key of scope {scope}"))
            }
            ByKey::With(needed) | ByKey::Only(needed) => {
                refused(format!("this API key lacks the scope {needed}: make one that has it"))
            }
            ByKey::No | ByKey::Any => refused("sign in with a browser to do this; a key may not".to_owned()),
        }
    }

    /// Refuses to touch somebody, or to give a role, above the caller's own.
    pub fn outranks(&self, role: Role) -> Result<(), Problem> {
        // Later roles may do less.
        if self.role <= role {
            return Ok(());
        }
        let (mine, theirs) = (role_name(self.role), role_name(role));
        Err(Problem::new(Code::NotAllowed, format!("as {mine} you have no say over the role {theirs}")))
    }
}

/// As people read it.
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Viewer => "viewer",
    }
}
