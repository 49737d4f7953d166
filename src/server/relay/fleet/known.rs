//! What is known of an organisation's machines and sessions: found by id, and sessions by their machine.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::Notify;

use super::tour::Told;
use crate::base::clock::unix_millis;
use crate::base::id::{MachineId, OrganisationId, SessionId, UserId};
use crate::base::problem::{Code, Problem};
use crate::server::relay::{Page, SessionHub, Uplink, bounds};
use crate::store::{HandoffRow, MachineRow, SessionRow, Sharing};
use crate::wire::handoff::HandoffView;
use crate::wire::load::Load;
use crate::wire::session::{MachineFacts, SessionInfo};
use crate::wire::updating::UpdateReport;
use crate::wire::view::{Asking, MachineSharing, MachineView, Person, SessionView};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) machines: BTreeMap<MachineId, Machine>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) pages: Vec<Arc<Page>>,
    /// Who asked for sessions that do not run yet.
    pub(super) starting: HashMap<SessionId, UserId>,
    /// Whose programs somebody has ended.
    pub(super) stopping: HashSet<SessionId>,
    /// What people are called.
    pub(super) names: HashMap<UserId, String>,
    /// The organisation's.
    pub(super) news: Arc<Notify>,
    /// Changes of anything that somebody may see.
    pub(super) changes: Cell<u64>,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) owner: UserId,
    pub(super) facts: MachineFacts,
    /// What people call it here; else what the agent says.
    pub(super) name: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) sharing: MachineSharing,
    pub(super) last_seen: u64,
    /// As its agent said last on this connection.
    pub(super) load: Option<Load>,
    /// How the last update goes, and when its agent said so, in milliseconds since 1970.
    pub(super) update: Option<(UpdateReport, u64)>,
    pub(super) uplink: Option<Arc<Uplink>>,
    pub(super) sessions: BTreeSet<SessionId>,
    pub(super) told: Told,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) machine: MachineId,
    /// Whose that is, and what the organisation may do with it.
    pub(super) machine_owner: UserId,
    pub(super) machine_sharing: MachineSharing,
    pub(super) owner: UserId,
    /// Its newest handoff.
    pub(super) handoff: Option<HandoffRow>,
    pub(super) info: SessionInfo,
    pub(super) hub: Arc<SessionHub>,
    /// Who asks for the keyboard. Memory only, like everything of presence.
    pub(super) asking: Vec<Ask>,
    told: [Told; 2],
}

/// Somebody asks for the keyboard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    /// Who.
    pub(super) by: UserId,
    /// Until when, in milliseconds since 1970.
    pub(super) until: u64,
}

/// How much of a session somebody is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Detail {
    /// All of it.
    Whole,
    /// Of what it asks only the kind.
    Kind,
}

impl State {
    /// The machine, if this is the connection that speaks for it.
    pub(super) fn speaks_for(&self, uplink: &Arc<Uplink>) -> Result<&Machine, Problem> {
        let machine = self.machines.get(&uplink.machine);
        let machine = machine.ok_or_else(|| Problem::new(Code::NotFound, "this machine was removed"))?;
        match &machine.uplink {
            Some(now) if Arc::ptr_eq(now, uplink) => Ok(machine),
            _ => Err(Problem::new(Code::Conflict, "a newer connection of this machine took over")),
        }
    }

    /// A machine's sessions.
    pub(super) fn of(&self, machine: MachineId) -> impl Iterator<Item = &Session> {
        let ids = self.machines.get(&machine).into_iter().flat_map(|machine| &machine.sessions);
        ids.filter_map(|id| self.sessions.get(id))
    }

    /// A session that was not known before.
    pub(super) fn insert(&mut self, row: SessionRow) -> Arc<SessionHub> {
        let handoff = row.handoff();
        let SessionRow { machine, owner, info, .. } = row;
        let (id, hub, told) = (info.id, Arc::new(SessionHub::new(info.id)), Default::default());
        let (mut machine_owner, mut machine_sharing) = (owner, MachineSharing::Nobody);
        if let Some(machine) = self.machines.get_mut(&machine) {
            machine.sessions.insert(id);
            (machine_owner, machine_sharing) = (machine.owner, machine.sharing);
        }
        let kept = Arc::clone(&hub);
        let asking = Vec::new();
        let session = Session { machine, machine_owner, machine_sharing, owner, handoff, info, hub, asking, told };
        self.sessions.insert(id, session);
        kept
    }
}

impl Machine {
    /// Away, until its agent connects.
    pub(super) fn of(row: MachineRow) -> Self {
        let MachineRow { owner, facts, last_seen, name, tags, sharing, .. } = row;
        let (load, update, uplink, sessions, told) = Default::default();
        let facts = bounds::machine(facts);
        Self { owner, facts, name, tags, sharing, last_seen, load, update, uplink, sessions, told }
    }

    pub(super) fn shown_name(&self) -> &str {
        self.name.as_ref().unwrap_or(&self.facts.name)
    }

    pub(super) fn view(&self, id: MachineId, owner: Person) -> MachineView {
        let online = self.uplink.is_some();
        let last_seen = if online { this_minute() } else { self.last_seen };
        let facts = MachineFacts { name: self.shown_name().to_owned(), ..self.facts.clone() };
        MachineView {
            id,
            facts,
            online,
            last_seen,
            owner,
            tags: self.tags.clone(),
            sharing: self.sharing,
            load: self.load,
            update: self.update.as_ref().map(|(report, _)| report.clone()),
        }
    }
}

/// When a machine that is connected was last seen, in milliseconds since 1970: to the minute, because a list that is polled
/// must not differ each time.
pub(super) fn this_minute() -> u64 {
    unix_millis() / 60_000 * 60_000
}

impl Session {
    /// As pages are told of it.
    pub(super) fn told(&self, detail: Detail) -> &Told {
        let [whole, kind] = &self.told;
        match detail {
            Detail::Whole => whole,
            Detail::Kind => kind,
        }
    }

    /// It changed.
    pub(super) fn outdated(&self) {
        self.told.iter().for_each(Told::outdated);
    }

    /// Whether others are in: it is offered, or adopted.
    pub(super) fn is_shared(&self) -> bool {
        self.handoff.as_ref().is_some_and(HandoffRow::is_open)
    }

    pub(super) fn sharing(&self) -> Sharing {
        if self.is_shared() { Sharing::Organisation } else { Sharing::Private }
    }

    /// Who has it now, beside its owner.
    pub(super) fn adopter(&self) -> Option<UserId> {
        self.handoff.as_ref().and_then(HandoffRow::adopter)
    }

    pub(super) fn view(&self, owner: Person, handoff: Option<Box<HandoffView>>, asking: Vec<Asking>) -> SessionView {
        SessionView {
            machine: self.machine,
            info: self.info.clone(),
            viewers: self.hub.viewers(),
            owner,
            shared: self.is_shared(),
            handoff,
            watching: self.hub.people(),
            asking,
        }
    }

    pub(super) fn row(&self, organisation: OrganisationId) -> SessionRow {
        let (machine, owner, sharing) = (self.machine, self.owner, self.sharing());
        SessionRow {
            machine,
            organisation,
            owner,
            info: self.info.clone().lasting(),
            sharing,
            handoff: self.handoff.clone(),
        }
    }
}
