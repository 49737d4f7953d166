//! Who sees what of an organisation: everything that leaves the fleet passes here, with the person who asks.
//!
//! What somebody may not see does not exist for them. A machine is seen by its owner, by those who administer, and by
//! those with whom one of its sessions is shared.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Organisation;
use super::known::{Detail, Machine, Session, State, this_minute};
use crate::base::id::{MachineId, SessionId, UserId};
use crate::base::problem::{Code, Problem};
use crate::server::auth::Caller;
use crate::server::auth::permissions::{Permission, Whose};
use crate::server::relay::{Page, Rights, SessionHub};
use crate::store::{HandoffRow, Sharing};
use crate::wire::attention::Need;
use crate::wire::session::SessionInfo;
use crate::wire::view::{Asking, MachineSharing, MachineView, Person, SessionView};

impl Organisation {
    /// What tells the lists that somebody sees now from all others. Ask before looking: they may be newer, never older.
    pub fn seen_by(&self, who: &Caller) -> String {
        let changes = self.state().changes.get();
        let Caller { user, role, scopes, .. } = who;
        let seen = format!("{:x} {changes} {} {user} {role:?} {scopes:?}", self.began, this_minute());
        URL_SAFE_NO_PAD.encode(Sha256::digest(seen))
    }

    /// The machines somebody sees, by id.
    pub fn machines(&self, who: &Caller) -> Vec<MachineView> {
        let state = self.state();
        let shown: HashSet<MachineId> =
            state.sessions.values().filter(|it| it.shows_machine_to(who)).map(|it| it.machine).collect();
        let seen = state.machines.iter().filter(|(id, machine)| machine.is_seen(who, shown.contains(id)));
        seen.map(|(id, machine)| state.machine_view(*id, machine)).collect()
    }

    /// The sessions somebody sees, by id.
    pub fn sessions(&self, who: &Caller) -> Vec<SessionView> {
        let state = self.state();
        let seen = state.sessions.values().filter(|session| session.allows(who, Permission::SeeSession));
        seen.map(|session| state.session_view(session, session.detail(who))).collect()
    }

    /// One machine, if they see it.
    pub fn machine(&self, who: &Caller, id: MachineId) -> Option<MachineView> {
        let state = self.state();
        let machine = state.machines.get(&id).filter(|machine| machine.is_seen(who, state.shows(id, who)))?;
        Some(state.machine_view(id, machine))
    }

    /// One session, if they see it.
    pub fn session(&self, who: &Caller, id: SessionId) -> Option<SessionView> {
        let state = self.state();
        let session = state.sessions.get(&id).filter(|session| session.allows(who, Permission::SeeSession))?;
        Some(state.session_view(session, session.detail(who)))
    }

    /// Whether somebody may do this to a machine; one they do not see is not there.
    pub(in crate::server) fn may_machine(
        &self,
        who: &Caller,
        id: MachineId,
        permission: Permission,
    ) -> Result<(), Problem> {
        let state = self.state();
        // What a key lacks it is told, whether or not the machine is there.
        who.may(permission)?;
        let machine = state.machines.get(&id).filter(|machine| machine.is_known_to(who, state.shows(id, who)));
        let machine = machine.ok_or_else(no_such_machine)?;
        let whose = who.whose(machine.owner, Sharing::Private);
        if permission == Permission::StartSession && whose == Whose::Others && machine.sharing == MachineSharing::Start
        {
            return who.may(Permission::StartShared);
        }
        who.may_with(permission, whose)
    }

    /// A session that somebody may do this to, with its hub; one they do not see is not there.
    pub(in crate::server) fn may_session(
        &self,
        who: &Caller,
        id: SessionId,
        permission: Permission,
    ) -> Result<(SessionView, Arc<SessionHub>, Whose), Problem> {
        let state = self.state();
        who.may(permission)?;
        let session = state.sessions.get(&id).filter(|session| session.is_known_to(who)).ok_or_else(no_such_session)?;
        let whose = session.whose(who);
        who.may_with(permission, whose)?;
        if permission == Permission::TypeSession
            && let Some(adopter) = session.adopter().filter(|adopter| *adopter != who.user)
        {
            let name = state.person(adopter).name;
            let text = format!("{name} has adopted this session and has the keyboard: take it back first");
            return Err(Problem::new(Code::Conflict, text));
        }
        Ok((state.session_view(session, session.detail(who)), Arc::clone(&session.hub), whose))
    }

    /// Holds a session's viewers to what they may do now.
    pub(in crate::server) fn reconsider(&self, id: SessionId) {
        // The hub while the fleet is held, as everywhere: so nobody's older word comes last.
        if let Some(session) = self.state().sessions.get(&id) {
            session.hub.reconsider(|who| session.rights(who));
        }
    }

    /// Whether somebody may type into a session now.
    pub(in crate::server) fn may_type(&self, who: &Caller, id: SessionId) -> bool {
        self.state().sessions.get(&id).is_some_and(|session| session.rights(who).may_type)
    }

    /// A session's handoff is another now: those who lose the session are told, and those who get it.
    pub(in crate::server::relay) fn handed(&self, id: SessionId, handoff: HandoffRow) {
        let mut state = self.state();
        state.tell_session(id);
        let Some(session) = state.sessions.get_mut(&id) else { return };
        let before = session.handoff.replace(handoff);
        // Who asked, asked somebody who may have it no more.
        session.asking.clear();
        session.hub.reconsider(|who| session.rights(who));
        let machine = session.machine;
        state.tell_session(id);
        self.tell_handoff(&state, id, before.as_ref());
        // With a session its machine comes and goes.
        state.tell_machine_to(machine, |_| true);
    }

    /// What a person is called, for those who do not ask the store each time.
    pub(in crate::server) fn name_of(&self, id: UserId) -> String {
        self.state().person(id).name
    }

    /// Somebody joined, or is called differently now.
    pub(in crate::server) fn set_names(&self, names: impl IntoIterator<Item = (UserId, String)>) {
        let mut state = self.state();
        state.names = names.into_iter().collect();
        state.changed();
        // Whatever says a name is told anew when it is told again.
        state.machines.values().for_each(|machine| machine.told.outdated());
        state.sessions.values().for_each(Session::outdated);
    }
}

impl State {
    /// Something that somebody may see is another now.
    fn changed(&self) {
        self.changes.set(self.changes.get() + 1);
        self.news.notify_waiters();
    }

    /// Whether a machine has a session that lets somebody see it.
    pub(super) fn shows(&self, id: MachineId, who: &Caller) -> bool {
        self.of(id).any(|session| session.shows_machine_to(who))
    }

    /// The organisation may do something else with a machine: those who lose it are told, and those who get it.
    pub(super) fn share_machine(&mut self, id: MachineId, sharing: MachineSharing) {
        let Some(machine) = self.machines.get_mut(&id).filter(|machine| machine.sharing != sharing) else { return };
        machine.sharing = sharing;
        for session in machine.sessions.clone() {
            self.tell_session(session);
            if let Some(session) = self.sessions.get_mut(&session) {
                session.machine_sharing = sharing;
                session.hub.reconsider(|who| session.rights(who));
            }
            self.tell_session(session);
        }
        self.tell_machine_to(id, |_| true);
    }

    pub(super) fn person(&self, id: UserId) -> Person {
        let name = self.names.get(&id).cloned().unwrap_or_else(|| "somebody who left".to_owned());
        Person { id, name }
    }

    pub(super) fn machine_view(&self, id: MachineId, machine: &Machine) -> MachineView {
        machine.view(id, self.person(machine.owner))
    }

    pub(super) fn session_view(&self, session: &Session, detail: Detail) -> SessionView {
        let handoff = session.handoff.as_ref().filter(|handoff| handoff.is_open());
        let handoff = handoff.map(|handoff| Box::new(self.handoff_view(handoff)));
        let asking = session.asking.iter().map(|ask| Asking { who: self.person(ask.by), until: ask.until }).collect();
        let view = session.view(self.person(session.owner), handoff, asking);
        match detail {
            Detail::Whole => view,
            Detail::Kind => {
                SessionView { info: SessionInfo { needs: view.info.needs.map(Need::kind), ..view.info }, ..view }
            }
        }
    }

    /// Marks a machine for the pages that see it.
    pub(super) fn tell_machine(&self, id: MachineId) {
        let Some(machine) = self.machines.get(&id) else { return };
        self.tell_machine_to(id, |page| machine.is_seen(&page.who, self.shows(id, &page.who)));
    }

    pub(super) fn tell_machine_to(&self, id: MachineId, tell: impl Fn(&Page) -> bool) {
        self.changed();
        if let Some(machine) = self.machines.get(&id) {
            machine.told.outdated();
        }
        self.pages.iter().filter(|page| tell(page)).for_each(|page| page.machine_changed(id));
    }

    /// Marks a session for the pages that see it. One that is to be removed is told of before it is.
    pub(super) fn tell_session(&self, id: SessionId) {
        self.changed();
        let Some(session) = self.sessions.get(&id) else { return };
        session.outdated();
        let sees = |page: &&Arc<Page>| session.allows(&page.who, Permission::SeeSession);
        self.pages.iter().filter(sees).for_each(|page| page.session_changed(id));
    }
}

impl Machine {
    /// `shows`: it has a session that lets them see it.
    pub(super) fn is_seen(&self, who: &Caller, shows: bool) -> bool {
        who.allows(Permission::SeeMachine, self.whose(who, shows))
    }

    /// Whether its existence is no secret to somebody, whatever their key may be used for.
    fn is_known_to(&self, who: &Caller, shows: bool) -> bool {
        who.role_allows(Permission::SeeMachine, self.whose(who, shows))
    }

    fn whose(&self, who: &Caller, shows: bool) -> Whose {
        let shared = shows || self.sharing != MachineSharing::Nobody;
        who.whose(self.owner, if shared { Sharing::Organisation } else { Sharing::Private })
    }
}

impl Session {
    fn whose(&self, who: &Caller) -> Whose {
        match self.adopter() {
            Some(adopter) if adopter == who.user => Whose::Adopted,
            // Whoever's machine it is can attach there anyway.
            _ if self.machine_owner == who.user => Whose::Own,
            _ if self.machine_sharing != MachineSharing::Nobody => who.whose(self.owner, Sharing::Organisation),
            _ => who.whose(self.owner, self.sharing()),
        }
    }

    /// Whether somebody who sees this session sees its machine with it.
    fn shows_machine_to(&self, who: &Caller) -> bool {
        self.is_shared() || self.owner == who.user
    }

    pub(super) fn allows(&self, who: &Caller, permission: Permission) -> bool {
        who.allows(permission, self.whose(who))
    }

    /// Whether its existence is no secret to somebody, whatever their key may be used for.
    fn is_known_to(&self, who: &Caller) -> bool {
        who.role_allows(Permission::SeeSession, self.whose(who))
    }

    /// What a session asks is of its screen: a command, a file. Whoever may not read that unseen is told that it asks.
    pub(super) fn detail(&self, who: &Caller) -> Detail {
        if self.allows(who, Permission::ReadScreen) { Detail::Whole } else { Detail::Kind }
    }

    fn rights(&self, who: &Caller) -> Rights {
        let (adopter, may) = (self.adopter(), self.allows(who, Permission::TypeSession));
        Rights {
            watch: self.allows(who, Permission::WatchSession),
            // Whoever has adopted it, and nobody else.
            may_type: may && adopter.is_none_or(|adopter| adopter == who.user),
            seizes: adopter == Some(who.user),
        }
    }
}

pub(in crate::server::relay) fn no_such_machine() -> Problem {
    Problem::new(Code::NotFound, "there is no such machine")
}

pub(in crate::server::relay) fn no_such_session() -> Problem {
    Problem::new(Code::NotFound, "there is no such session; it may have been removed")
}
