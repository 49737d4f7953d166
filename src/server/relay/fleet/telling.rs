//! What the fleet lays on the desk for whoever tells people, and what it tells their pages.

use super::Organisation;
use super::known::{Machine, Session, State};
use crate::base::clock::unix_millis;
use crate::base::id::{MachineId, SessionId, UserId};
use crate::server::auth::Via;
use crate::server::notify::news::{About, News, Subject, What, change, handed};
use crate::server::relay::Page;
use crate::store::HandoffRow;
use crate::wire::notice::{Kind, Notice};
use crate::wire::session::SessionInfo;
use crate::wire::view::MachineSharing;

impl Organisation {
    /// A session that was `before` has changed.
    pub(super) fn tell_change(&self, state: &State, before: &SessionInfo, id: SessionId) {
        let Some(session) = state.sessions.get(&id) else { return };
        if let Some(what) = change(before, &session.info, state.stopping.contains(&id)) {
            self.lay_down(state, id, what, None);
        }
    }

    /// A session's handoff has taken a step.
    pub(super) fn tell_handoff(&self, state: &State, id: SessionId, before: Option<&HandoffRow>) {
        let Some(after) = state.sessions.get(&id).and_then(|session| session.handoff.as_ref()) else { return };
        let name = |user: UserId| state.person(user).name;
        if let Some((what, by)) = handed(before, after, name) {
            self.lay_down(state, id, what, by);
        }
    }

    /// A session is about to be removed: what was told of it is over.
    pub(super) fn tell_gone(&self, state: &State, id: SessionId) {
        self.lay_down(state, id, What::Over, None);
    }

    /// A machine's agent has gone, or has come back.
    pub(super) fn tell_machine_is(&self, state: &State, id: MachineId, online: bool) {
        let Some(machine) = state.machines.get(&id) else { return };
        let what = if online { What::Over } else { What::told(Kind::Offline) };
        let (name, owner) = (machine.shown_name().to_owned(), machine.owner);
        let shown = machine.sharing != MachineSharing::Nobody || state.of(id).any(Session::is_shared);
        let about = About::Machine { id, name, owner, shown };
        let (organisation, at) = (self.id, if online { unix_millis() } else { machine.last_seen });
        self.desk.tell(News { organisation, at, about, what, by: None });
    }

    fn lay_down(&self, state: &State, id: SessionId, what: What, by: Option<UserId>) {
        let Some(session) = state.sessions.get(&id) else { return };
        let machine_name = state.machines.get(&session.machine).map(Machine::shown_name).unwrap_or_default().to_owned();
        let offered = session.handoff.as_ref().filter(|handoff| handoff.is_open() && handoff.adoption.is_none());
        let subject = Subject {
            info: session.info.clone(),
            machine: session.machine,
            machine_name,
            owner: session.owner,
            adopter: session.adopter(),
            shared: session.is_shared(),
            to: offered.and_then(|handoff| handoff.offer.to),
        };
        let (organisation, at, about) = (self.id, unix_millis(), About::Session(Box::new(subject)));
        self.desk.tell(News { organisation, at, about, what, by });
    }

    /// Somebody has a session's program ended: its end is no failure.
    pub(in crate::server::relay) fn stopping(&self, id: SessionId) {
        let mut state = self.state();
        if state.sessions.contains_key(&id) {
            state.stopping.insert(id);
        }
    }

    /// Since when a machine is away, in milliseconds since 1970; `None` for one that is there, or is none.
    pub(in crate::server) fn away_since(&self, id: MachineId) -> Option<u64> {
        let state = self.state();
        state.machines.get(&id).filter(|machine| machine.uplink.is_none()).map(|machine| machine.last_seen)
    }

    /// Whether a page of somebody's that has the focus shows this session.
    pub(in crate::server) fn looks(&self, user: UserId, session: SessionId) -> bool {
        self.state().pages.iter().any(|page| page.who.user == user && page.looks_at(session))
    }

    /// Shows somebody a notification: on one page of each of their browsers, the one that has the focus if any. Answers on
    /// how many.
    pub(in crate::server) fn notify(&self, user: UserId, notice: &Notice, sound: bool, desktop: bool) -> usize {
        let state = self.state();
        let mut chosen: Vec<&Page> = Vec::new();
        for page in state.pages.iter().filter(|page| page.who.user == user && page.takes_notices()) {
            let Via::Browser(browser) = &page.who.via else { continue };
            let same = |other: &&mut &Page| matches!(&other.who.via, Via::Browser(of) if of == browser);
            match chosen.iter_mut().find(same) {
                Some(other) if page.has_focus() && !other.has_focus() => *other = page,
                Some(_) => {}
                None => chosen.push(page),
            }
        }
        for page in &chosen {
            page.show(notice, sound, desktop);
        }
        chosen.len()
    }

    /// Takes back what somebody's pages show with a tag.
    pub(in crate::server) fn take_back(&self, user: UserId, tag: &str) {
        let state = self.state();
        for page in state.pages.iter().filter(|page| page.who.user == user && page.takes_notices()) {
            page.take_back(tag);
        }
    }
}
