//! A page, as the fleet and the hubs see it: marks of what it has not been told, never a queue of messages.
//!
//! Its own task looks at the marks and renders what is true then. So a slow page costs one mark for each thing that
//! changed, however often it did.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::line::Line;
use crate::base::id::{MachineId, SessionId};
use crate::server::auth::Caller;

/// Pages that this process has had, so that of two connections it is known which came later.
static PAGES: AtomicU64 = AtomicU64::new(0);

/// One page.
#[derive(Debug)]
pub struct Page {
    /// On whose behalf it is open.
    pub who: Caller,
    /// What others see that person called.
    pub name: String,
    /// Its connection.
    pub line: Line,
    number: u64,
    marks: Mutex<Marks>,
}

/// What a page has not been told yet.
#[derive(Debug, Default)]
struct Marks {
    /// Channels with something to send. A hub names one at most once before the page looks.
    channels: Vec<u32>,
    /// Machines that changed or went.
    machines: BTreeSet<MachineId>,
    /// Sessions that changed or went.
    sessions: BTreeSet<SessionId>,
}

impl Page {
    /// Of a new connection.
    pub fn new(who: Caller, name: String) -> Self {
        let line = Line::default();
        line.expires_at(who.expires_at);
        line.comes_from(who.address);
        Self { who, name, line, number: PAGES.fetch_add(1, Ordering::Relaxed), marks: Mutex::default() }
    }

    /// Whether `other` connected later.
    pub fn is_before(&self, other: &Self) -> bool {
        self.number < other.number
    }

    /// A channel has something to send.
    pub fn channel_ready(&self, channel: u32) {
        self.mark(|marks| marks.channels.push(channel));
        self.line.wake();
    }

    /// A machine changed or went.
    pub fn machine_changed(&self, id: MachineId) {
        if self.mark(|marks| marks.machines.insert(id)) {
            self.line.wake();
        }
    }

    /// A session changed or went.
    pub fn session_changed(&self, id: SessionId) {
        if self.mark(|marks| marks.sessions.insert(id)) {
            self.line.wake();
        }
    }

    /// Moves the channels with something to send to the end of `ready`.
    pub fn take_channels(&self, ready: &mut Vec<u32>) {
        self.mark(|marks| ready.append(&mut marks.channels));
    }

    /// A machine that changed or went, and counts as told now.
    pub fn next_machine(&self) -> Option<MachineId> {
        self.mark(|marks| marks.machines.pop_first())
    }

    /// A session that changed or went, and counts as told now.
    pub fn next_session(&self) -> Option<SessionId> {
        self.mark(|marks| marks.sessions.pop_first())
    }

    /// Whether something changed in the fleet.
    pub fn has_fleet_news(&self) -> bool {
        self.mark(|marks| !marks.machines.is_empty() || !marks.sessions.is_empty())
    }

    fn mark<T>(&self, change: impl FnOnce(&mut Marks) -> T) -> T {
        change(&mut self.marks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
