//! One organisation's machines and sessions, as they are now, and the pages that are told of them.

mod sight;
mod starting;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use sight::{no_such_machine, no_such_session};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::bounds;
use super::saver::Saver;
use super::{Page, SessionHub, Uplink};
use crate::base::clock::unix_millis;
use crate::base::id::{MachineId, OrganisationId, SessionId, UserId};
use crate::base::limits::{PAGES_PER_PERSON_MAX, SESSIONS_KNOWN_MAX};
use crate::base::problem::{Code, Problem};
use crate::store::{MachineRow, SessionRow, Sharing, Store, StoreError};
use crate::wire::close::Close;
use crate::wire::message::{MachineView, Person, SessionView};
use crate::wire::session::{Activity, MachineFacts, SessionInfo};

/// One organisation.
#[derive(Debug)]
pub struct Organisation {
    id: OrganisationId,
    saver: Arc<Saver>,
    state: Mutex<State>,
    /// Told when a machine or a session changed, for commands that wait for that.
    news: Arc<Notify>,
}

/// How many there are of everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Census {
    /// Agents that are connected.
    pub agents: u64,
    /// Machines that are registered.
    pub machines: u64,
    /// Connections that listen to the fleet.
    pub pages: u64,
    /// Sessions whose program runs, as far as is known.
    pub sessions: u64,
    /// Terminals that somebody watches.
    pub viewers: u64,
}

#[derive(Debug, Default)]
struct State {
    machines: BTreeMap<MachineId, Machine>,
    sessions: BTreeMap<SessionId, Session>,
    pages: Vec<Arc<Page>>,
    /// Who asked for sessions that do not run yet.
    starting: HashMap<SessionId, UserId>,
    /// What people are called.
    names: HashMap<UserId, String>,
    /// The organisation's.
    news: Arc<Notify>,
}

#[derive(Debug)]
struct Machine {
    owner: UserId,
    facts: MachineFacts,
    /// What people call it here; else what the agent says.
    name: Option<String>,
    tags: Vec<String>,
    last_seen: u64,
    uplink: Option<Arc<Uplink>>,
}

#[derive(Debug)]
struct Session {
    machine: MachineId,
    owner: UserId,
    sharing: Sharing,
    info: SessionInfo,
    hub: Arc<SessionHub>,
}

impl Organisation {
    /// As the store remembers it: every machine away until its agent connects.
    pub(super) async fn load(id: OrganisationId, store: &Store, saver: Arc<Saver>) -> Result<Self, StoreError> {
        let names = store.members(id).await?.into_iter().map(|member| (member.user.id, member.user.name)).collect();
        let machine = |row: MachineRow| (row.id, Machine::of(row, None));
        let session = |row: SessionRow| {
            let hub = Arc::new(SessionHub::new(row.info.id));
            (row.info.id, Session { machine: row.machine, owner: row.owner, sharing: row.sharing, info: row.info, hub })
        };
        let machines = store.machines(id).await?.into_iter().map(machine).collect();
        let sessions = store.sessions(id).await?.into_iter().map(session).collect();
        let state = State { machines, sessions, names, ..State::default() };
        let news = Arc::clone(&state.news);
        Ok(Self { id, saver, state: Mutex::new(state), news })
    }

    /// Wakes when a machine or a session changes. Make it before looking.
    pub(super) fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// A machine's agent, or why there is none.
    pub(super) fn uplink(&self, id: MachineId) -> Result<Arc<Uplink>, Problem> {
        let state = self.state();
        let machine = state.machines.get(&id).ok_or_else(no_such_machine)?;
        machine.uplink.clone().ok_or_else(|| {
            Problem::new(Code::MachineOffline, format!("{} is not connected: start its agent", machine.shown_name()))
        })
    }

    /// A page wants to be told of changes, until [`Self::page_closed`]. `false` if its person has too many.
    pub(crate) fn page_opened(&self, page: &Arc<Page>) -> bool {
        let mut state = self.state();
        let fits = state.pages.iter().filter(|other| other.who.user == page.who.user).count() < PAGES_PER_PERSON_MAX;
        if fits {
            state.pages.push(Arc::clone(page));
        }
        fits
    }

    /// A page is gone.
    pub(crate) fn page_closed(&self, page: &Arc<Page>) {
        self.state().pages.retain(|other| !Arc::ptr_eq(other, page));
    }

    /// The number of a session's viewers changed.
    pub(crate) fn viewers_changed(&self, id: SessionId) {
        self.state().tell_session(id);
    }

    /// A machine's agent is registered. An earlier connection of the same machine is closed.
    pub(crate) fn connected(&self, row: MachineRow, uplink: &Arc<Uplink>) {
        let mut state = self.state();
        let id = row.id;
        let machine = Machine::of(row, Some(Arc::clone(uplink)));
        if let Some(Machine { uplink: Some(before), .. }) = state.machines.insert(id, machine) {
            before.line.close(Close::Replaced);
        }
        state.tell_machine(id);
    }

    /// An agent's connection has ended. Whether the machine is away now: a newer connection may have come.
    pub(crate) fn disconnected(&self, uplink: &Arc<Uplink>) -> bool {
        uplink.ended();
        let mut state = self.state();
        let Some(machine) = state.machines.get_mut(&uplink.machine) else { return false };
        if !machine.uplink.as_ref().is_some_and(|now| Arc::ptr_eq(now, uplink)) {
            return false;
        }
        machine.uplink = None;
        machine.last_seen = unix_millis();
        for session in state.sessions.values().filter(|session| session.machine == uplink.machine) {
            session.hub.offline(uplink);
        }
        state.tell_machine(uplink.machine);
        true
    }

    /// An agent has a session, on this channel. Its hub, unless the id is another machine's, the machine has too many, or
    /// a newer connection of the machine has come.
    pub(crate) fn opened(
        &self,
        uplink: &Arc<Uplink>,
        channel: u32,
        info: SessionInfo,
    ) -> Result<Arc<SessionHub>, Problem> {
        let info = bounds::session(info);
        let id = info.id;
        let mut state = self.state();
        let owner = state.speaks_for(uplink)?.owner;
        let hub = match state.sessions.get(&id) {
            Some(known) if known.machine != uplink.machine => {
                return Err(Problem::new(Code::Conflict, "this session id belongs to another machine"));
            }
            Some(known) => Arc::clone(&known.hub),
            None => {
                let count = state.sessions.values().filter(|session| session.machine == uplink.machine).count();
                if count >= SESSIONS_KNOWN_MAX {
                    let text = format!("a machine has at most {SESSIONS_KNOWN_MAX} sessions, ended ones included");
                    return Err(Problem::new(Code::TooMany, text));
                }
                let owner = state.starting.get(&id).copied().unwrap_or(owner);
                let hub = Arc::new(SessionHub::new(id));
                let (machine, sharing) = (uplink.machine, Sharing::default());
                let session = Session { machine, owner, sharing, info: info.clone(), hub: Arc::clone(&hub) };
                state.sessions.insert(id, session);
                self.save(&state, id);
                state.tell_session(id);
                hub
            }
        };
        self.note(&mut state, info);
        // While nobody else can say whose the session is: a connection that is being replaced must not be the last word.
        hub.online(uplink, channel);
        self.news.notify_waiters();
        Ok(hub)
    }

    /// Something about a session changed.
    pub(crate) fn changed(&self, uplink: &Arc<Uplink>, info: SessionInfo) {
        let mut state = self.state();
        let its = state.sessions.get(&info.id).is_some_and(|session| session.machine == uplink.machine);
        if its && state.speaks_for(uplink).is_ok() {
            self.note(&mut state, bounds::session(info));
        }
    }

    /// An agent has named all its sessions: those that it did not name are no more.
    pub(crate) fn only(&self, uplink: &Arc<Uplink>, named: &[SessionId]) {
        let mut state = self.state();
        if state.speaks_for(uplink).is_ok() {
            self.remove_all_but(&mut state, uplink.machine, named);
        }
    }

    /// A session's agent has forgotten it.
    pub(crate) fn closed(&self, uplink: &Arc<Uplink>, id: SessionId) {
        let mut state = self.state();
        let its = state.sessions.get(&id).is_some_and(|session| session.machine == uplink.machine);
        if its && state.speaks_for(uplink).is_ok() {
            self.remove(&mut state, id);
        }
    }

    /// A session is no more.
    pub(super) fn remove_session(&self, id: SessionId) {
        self.remove(&mut self.state(), id);
    }

    fn remove(&self, state: &mut State, id: SessionId) {
        // Before it is gone: then nobody could say who saw it.
        state.tell_session(id);
        if let Some(session) = state.sessions.remove(&id) {
            self.saver.remove(self.id, id);
            session.hub.gone(&Problem::new(Code::NotFound, "this session was removed"));
            if session.sharing == Sharing::Organisation {
                state.tell_machine_to(session.machine, |_| true);
            }
        }
    }

    fn remove_all_but(&self, state: &mut State, machine: MachineId, kept: &[SessionId]) {
        let of_machine = state.sessions.values().filter(|session| session.machine == machine);
        let gone: Vec<SessionId> = of_machine.map(|session| session.info.id).filter(|id| !kept.contains(id)).collect();
        for id in gone {
            tracing::debug!(session = %id, %machine, "the machine does not have it any more");
            self.remove(state, id);
        }
    }

    /// A machine was removed, and its sessions with it. Its agent's connection is closed.
    pub(super) fn remove_machine(&self, id: MachineId) {
        let mut state = self.state();
        state.tell_machine(id);
        self.remove_all_but(&mut state, id, &[]);
        if let Some(uplink) = state.machines.remove(&id).and_then(|machine| machine.uplink) {
            uplink.line.close(Close::MachineRefused);
        }
    }

    /// People call a machine differently, or file it elsewhere.
    pub(super) fn machine_edited(&self, row: MachineRow) {
        let mut state = self.state();
        if let Some(machine) = state.machines.get_mut(&row.id) {
            (machine.name, machine.tags) = (row.name, row.tags);
            state.tell_machine(row.id);
        }
    }

    /// What the store should say of a session.
    pub(super) fn session_row(&self, id: SessionId) -> Option<SessionRow> {
        let state = self.state();
        state.sessions.get(&id).map(|session| session.row(self.id))
    }

    /// Sessions of a machine whose programs run.
    pub(super) fn running(&self, machine: MachineId) -> usize {
        let state = self.state();
        state.sessions.values().filter(|session| session.machine == machine && !session.info.has_ended()).count()
    }

    /// Adds what there is here.
    pub(super) fn count(&self, census: &mut Census) {
        let state = self.state();
        census.machines += state.machines.len() as u64;
        census.agents += state.machines.values().filter(|machine| machine.uplink.is_some()).count() as u64;
        census.pages += state.pages.len() as u64;
        for session in state.sessions.values() {
            census.sessions += u64::from(session.info.exit.is_none());
            census.viewers += u64::from(session.hub.viewers());
        }
    }

    /// Closes the connections for which `close` has a reason.
    pub(super) fn hang_up(&self, page: impl Fn(&Page) -> Option<Close>, agent: impl Fn(&Uplink) -> Option<Close>) {
        let state = self.state();
        for other in &state.pages {
            if let Some(why) = page(other) {
                other.line.close(why);
            }
        }
        for uplink in state.machines.values().filter_map(|machine| machine.uplink.as_ref()) {
            if let Some(why) = agent(uplink) {
                uplink.line.close(why);
            }
        }
    }

    /// Asks the agents of somebody's machines to connect again, and be looked at anew.
    pub(super) fn hang_up_machines_of(&self, owner: UserId) {
        let state = self.state();
        for uplink in state.machines.values().filter(|it| it.owner == owner).filter_map(|it| it.uplink.as_ref()) {
            uplink.line.close(Close::Changed);
        }
    }

    fn note(&self, state: &mut State, info: SessionInfo) {
        let id = info.id;
        let Some(session) = state.sessions.get_mut(&id) else { return };
        if session.info == info {
            return;
        }
        // Whether output came lately is of no interest after a restart; pages are told all the same.
        let worth_saving = SessionInfo { activity: Activity::Idle, ..session.info.clone() }
            != SessionInfo { activity: Activity::Idle, ..info.clone() };
        session.info = info;
        if worth_saving {
            self.save(state, id);
        }
        state.tell_session(id);
    }

    fn save(&self, state: &State, id: SessionId) {
        if let Some(session) = state.sessions.get(&id) {
            self.saver.save(session.row(self.id));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The machine, if this is the connection that speaks for it.
    fn speaks_for(&self, uplink: &Arc<Uplink>) -> Result<&Machine, Problem> {
        let machine = self.machines.get(&uplink.machine);
        let machine = machine.ok_or_else(|| Problem::new(Code::NotFound, "this machine was removed"))?;
        match &machine.uplink {
            Some(now) if Arc::ptr_eq(now, uplink) => Ok(machine),
            _ => Err(Problem::new(Code::Conflict, "a newer connection of this machine took over")),
        }
    }
}

impl Machine {
    fn of(row: MachineRow, uplink: Option<Arc<Uplink>>) -> Self {
        let MachineRow { owner, facts, last_seen, name, tags, .. } = row;
        Self { owner, facts: bounds::machine(facts), name, tags, last_seen, uplink }
    }

    fn shown_name(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.facts.name)
    }

    fn view(&self, id: MachineId, owner: Person) -> MachineView {
        let online = self.uplink.is_some();
        let last_seen = if online { unix_millis() } else { self.last_seen };
        let facts = MachineFacts { name: self.shown_name().to_owned(), ..self.facts.clone() };
        MachineView { id, facts, online, last_seen, owner, tags: self.tags.clone() }
    }
}

impl Session {
    fn view(&self, owner: Person) -> SessionView {
        SessionView {
            machine: self.machine,
            info: self.info.clone(),
            viewers: self.hub.viewers(),
            owner,
            shared: self.sharing == Sharing::Organisation,
            watching: self.hub.people(),
        }
    }

    fn row(&self, organisation: OrganisationId) -> SessionRow {
        let (machine, owner, sharing) = (self.machine, self.owner, self.sharing);
        SessionRow { machine, organisation, owner, info: self.info.clone(), sharing }
    }
}

#[cfg(test)]
mod tests;
