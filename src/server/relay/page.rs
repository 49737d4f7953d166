//! A page, as the fleet and the hubs see it: marks of what it has not been told, never a queue of messages.
//!
//! Its own task looks at the marks and renders what is true then. So a slow page costs one mark for each thing that
//! changed, however often it did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::line::Line;
use crate::base::id::{MachineId, SessionId};
use crate::server::auth::Caller;
use crate::wire::message::ToViewer;
use crate::wire::notice::Notice;

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
    /// Whether it can show notifications; a reader of events cannot.
    shows: bool,
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
    /// What to show, and what to take back, by tag: the newest of each.
    notices: BTreeMap<String, Option<(Notice, bool, bool)>>,
    /// Whether a person has it before them, and which session it shows then.
    focus: Focus,
}

/// What a person sees of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// Another window, or none.
    #[default]
    Elsewhere,
    /// The page, and this session if one is open.
    Here(Option<SessionId>),
}

/// Notifications that wait for a page. One that reads none for so many is not read by anybody.
const NOTICES_MAX: usize = 64;

impl Page {
    /// Of a new connection.
    pub fn new(who: Caller, name: String) -> Self {
        let line = Line::default();
        line.expires_at(who.expires_at);
        line.comes_from(who.address);
        let number = PAGES.fetch_add(1, Ordering::Relaxed);
        Self { who, name, line, number, shows: false, marks: Mutex::default() }
    }

    /// The same, of a page that shows notifications.
    #[must_use]
    pub(in crate::server) fn that_shows(self) -> Self {
        Self { shows: true, ..self }
    }

    /// Whether it shows notifications.
    pub(super) fn takes_notices(&self) -> bool {
        self.shows
    }

    /// What a person sees of it now.
    pub(in crate::server) fn set_focus(&self, focus: Focus) {
        self.mark(|marks| marks.focus = focus);
    }

    /// Whether a person has it before them.
    pub(super) fn has_focus(&self) -> bool {
        self.mark(|marks| marks.focus != Focus::Elsewhere)
    }

    /// Whether a person has it before them, and it shows this session.
    pub(super) fn looks_at(&self, session: SessionId) -> bool {
        self.mark(|marks| marks.focus == Focus::Here(Some(session)))
    }

    /// Has it show a notification.
    pub(super) fn show(&self, notice: &Notice, sound: bool, desktop: bool) {
        self.put_notice(notice.tag.clone(), Some((notice.clone(), sound, desktop)));
    }

    /// Has it take back what it shows with this tag.
    pub(super) fn take_back(&self, tag: &str) {
        self.put_notice(tag.to_owned(), None);
    }

    fn put_notice(&self, tag: String, notice: Option<(Notice, bool, bool)>) {
        let wake = self.mark(|marks| {
            let fits = marks.notices.len() < NOTICES_MAX || marks.notices.contains_key(&tag);
            if fits {
                marks.notices.insert(tag, notice);
            }
            fits
        });
        if wake {
            self.line.wake();
        }
    }

    /// What it is to show or take back, and counts as told now.
    pub(in crate::server) fn next_notice(&self) -> Option<ToViewer> {
        let (tag, notice) = self.mark(|marks| marks.notices.pop_first())?;
        Some(match notice {
            Some((notice, sound, desktop)) => ToViewer::Notice { notice, sound, desktop },
            None => ToViewer::NoticeOver { tag },
        })
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
