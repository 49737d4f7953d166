//! One organisation's machines and sessions, as they are now, and the pages that are told of them.

mod asking;
mod handing;
mod known;
mod sight;
mod starting;
mod telling;
mod tour;
mod updating;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use known::{Machine, State};
pub(super) use sight::{no_such_machine, no_such_session};
pub(crate) use tour::Tour;
pub(in crate::server) use updating::Sight;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::bounds;
use super::saver::Saver;
use super::{Page, SessionHub, Uplink};
use crate::base::clock::unix_millis;
use crate::base::id::{MachineId, OrganisationId, SessionId, UserId, fill_random};
use crate::base::limits::{PAGES_PER_PERSON_MAX, SESSIONS_KNOWN_MAX};
use crate::base::problem::{Code, Problem};
use crate::server::notify::desk::Desk;
use crate::store::{MachineRow, Note, SessionRow, Sharing, Store, StoreError};
use crate::wire::Frame;
use crate::wire::close::Close;
use crate::wire::load::Load;
use crate::wire::session::SessionInfo;

/// One organisation.
#[derive(Debug)]
pub struct Organisation {
    id: OrganisationId,
    saver: Arc<Saver>,
    /// Where what happens is laid down for whoever tells people.
    desk: Arc<Desk>,
    state: Mutex<State>,
    /// Told when a machine or a session changed, for commands that wait for that.
    news: Arc<Notify>,
    /// Tells this process's fleet from those of servers before it, whose changes were counted from 0 too.
    began: u64,
    /// Whose turn it is to take a step of a handoff.
    turn: tokio::sync::Mutex<()>,
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

impl Organisation {
    /// As the store remembers it: every machine away until its agent connects.
    pub(super) async fn load(
        id: OrganisationId,
        store: &Store,
        saver: Arc<Saver>,
        desk: Arc<Desk>,
    ) -> Result<Self, StoreError> {
        let names = store.members(id).await?.into_iter().map(|member| (member.user.id, member.user.name)).collect();
        let mut state = State { names, ..State::default() };
        for row in store.machines(id).await? {
            state.machines.insert(row.id, Machine::of(row));
        }
        for row in store.sessions(id).await? {
            state.insert(row);
        }
        let news = Arc::clone(&state.news);
        let mut began = [0; 8];
        fill_random(&mut began);
        let (began, turn) = (u64::from_be_bytes(began), tokio::sync::Mutex::new(()));
        Ok(Self { id, saver, desk, state: Mutex::new(state), news, began, turn })
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

    /// The first message to a page: what it sees, or as much as `room` bytes hold. The tour goes on behind it.
    pub(crate) fn fleet(&self, page: &Page, tour: &mut Tour, room: usize) -> Frame {
        self.state().fleet(page, tour, room)
    }

    /// What `page` has not been told yet, about `room` bytes of it.
    pub(crate) fn tell(&self, page: &Page, tour: &mut Tour, room: usize, out: &mut Vec<Frame>) {
        self.state().tell(page, tour, room, out);
    }

    /// The number of a session's viewers changed.
    pub(crate) fn viewers_changed(&self, id: SessionId) {
        self.state().tell_session(id);
    }

    /// A machine's agent is registered. An earlier connection of the same machine is closed.
    pub(crate) fn connected(&self, row: MachineRow, uplink: &Arc<Uplink>) {
        let mut state = self.state();
        let id = row.id;
        let mut machine = Machine::of(row);
        machine.uplink = Some(Arc::clone(uplink));
        if let Some(before) = state.machines.remove(&id) {
            (machine.sessions, machine.update) = (before.sessions, before.update);
            if let Some(uplink) = before.uplink {
                uplink.line.close(Close::Replaced);
            }
        }
        state.machines.insert(id, machine);
        self.saver.note(Note::MachineSeen(self.id, id, unix_millis()));
        state.tell_machine(id);
        self.tell_machine_is(&state, id, true);
    }

    /// An agent's connection has ended. Whether the machine is away now: a newer connection may have come.
    pub(crate) fn disconnected(&self, uplink: &Arc<Uplink>) -> bool {
        uplink.ended();
        let mut state = self.state();
        let Some(machine) = state.machines.get_mut(&uplink.machine) else { return false };
        if !machine.uplink.as_ref().is_some_and(|now| Arc::ptr_eq(now, uplink)) {
            return false;
        }
        (machine.uplink, machine.load) = (None, None);
        machine.last_seen = unix_millis();
        self.saver.note(Note::MachineSeen(self.id, uplink.machine, machine.last_seen));
        state.of(uplink.machine).for_each(|session| session.hub.offline(uplink));
        state.tell_machine(uplink.machine);
        self.tell_machine_is(&state, uplink.machine, false);
        true
    }

    /// How busy a machine is.
    pub(crate) fn loaded(&self, uplink: &Arc<Uplink>, load: Load) {
        let mut state = self.state();
        if state.speaks_for(uplink).is_ok()
            && let Some(machine) = state.machines.get_mut(&uplink.machine)
        {
            machine.load = Some(bounds::load(load));
            state.tell_machine(uplink.machine);
        }
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
                if state.of(uplink.machine).count() >= SESSIONS_KNOWN_MAX {
                    let text = format!("a machine has at most {SESSIONS_KNOWN_MAX} sessions, ended ones included");
                    return Err(Problem::new(Code::TooMany, text));
                }
                let owner = state.starting.get(&id).copied().unwrap_or(owner);
                let (machine, organisation, sharing) = (uplink.machine, self.id, Sharing::default());
                let (fresh, info, handoff) = (info.clone().lasting(), info.clone(), None);
                let hub = state.insert(SessionRow { machine, organisation, owner, info, sharing, handoff });
                self.save(&state, id);
                state.tell_session(id);
                self.tell_change(&state, &fresh, id);
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
        self.tell_gone(state, id);
        state.stopping.remove(&id);
        if let Some(session) = state.sessions.remove(&id) {
            if let Some(machine) = state.machines.get_mut(&session.machine) {
                machine.sessions.remove(&id);
            }
            self.saver.note(Note::SessionGone(self.id, id));
            session.hub.gone(&Problem::new(Code::NotFound, "this session was removed"));
            if session.is_shared() {
                state.tell_machine_to(session.machine, |_| true);
            }
        }
    }

    fn remove_all_but(&self, state: &mut State, machine: MachineId, kept: &[SessionId]) {
        let kept: HashSet<&SessionId> = kept.iter().collect();
        let gone: Vec<SessionId> =
            state.of(machine).map(|session| session.info.id).filter(|id| !kept.contains(id)).collect();
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
            state.share_machine(row.id, row.sharing);
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
        self.state().of(machine).filter(|session| !session.info.has_ended()).count()
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
        // What a program is at is of no interest after a restart; pages are told all the same.
        let worth_saving = session.info.clone().lasting() != info.clone().lasting();
        let before = std::mem::replace(&mut session.info, info);
        if worth_saving {
            self.save(state, id);
        }
        state.tell_session(id);
        self.tell_change(state, &before, id);
    }

    fn save(&self, state: &State, id: SessionId) {
        if let Some(session) = state.sessions.get(&id) {
            self.saver.note(Note::Session(Box::new(session.row(self.id))));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
