//! What a page is told of the fleet: everything once, then what changes. A piece at a time, so that neither a fleet of
//! thousands nor a thousand changes at once ever stand before a terminal's output or fill a page's buffer.

use std::cell::RefCell;
use std::collections::{BTreeMap, btree_map};
use std::ops::Bound::{Excluded, Unbounded};

use super::known::{Machine, Session, State};
use crate::base::id::{MachineId, SessionId};
use crate::server::auth::permissions::Permission;
use crate::server::relay::Page;
use crate::wire::Frame;
use crate::wire::message::{self, ToViewer};

/// A thing as pages are told of it, made when the first of them is and shared by all until it changes.
#[derive(Debug, Default)]
pub(super) struct Told(RefCell<Option<Frame>>);

impl Told {
    /// The frame; `message` makes it if it is not there.
    pub(super) fn get(&self, message: impl FnOnce() -> ToViewer) -> Frame {
        self.0.borrow_mut().get_or_insert_with(|| message::to_frame(&message())).clone()
    }

    /// The thing changed.
    pub(super) fn outdated(&self) {
        self.0.take();
    }
}

/// How far a page has been told what there is: all machines, then all sessions, each in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Tour {
    machine: Option<MachineId>,
    session: Option<SessionId>,
    over: bool,
}

impl Tour {
    /// Whether the page has been told everything once.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    fn passed(&mut self, stop: &Stop<'_>) {
        match *stop {
            Stop::Machine(id, _) => self.machine = Some(id),
            Stop::Session(id, _) => self.session = Some(id),
        }
    }
}

impl State {
    /// The first message, with about as much as `room` bytes of JSON hold; the tour goes on behind it.
    pub(super) fn fleet(&self, page: &Page, tour: &mut Tour, mut room: usize) -> Frame {
        let (mut machines, mut sessions) = (Vec::new(), Vec::new());
        while let Some(stop) = self.next_stop(page, tour)
            && fits(&self.told(&stop, page), &mut room)
        {
            match stop {
                Stop::Machine(id, machine) => machines.push(self.machine_view(id, machine)),
                Stop::Session(_, session) => sessions.push(self.session_view(session, session.detail(&page.who))),
            }
            tour.passed(&stop);
        }
        tour.over = self.next_stop(page, tour).is_none();
        message::to_frame(&ToViewer::Fleet { machines, sessions })
    }

    /// What `page` has not been told: what changed, then what follows on the tour; about `room` bytes.
    pub(super) fn tell(&self, page: &Page, tour: &mut Tour, mut room: usize, out: &mut Vec<Frame>) {
        while room > 0 {
            let frame = if let Some(id) = page.next_machine() {
                let machine =
                    self.machines.get(&id).filter(|machine| machine.is_seen(&page.who, self.shows(id, &page.who)));
                match machine {
                    Some(machine) => self.told(&Stop::Machine(id, machine), page),
                    None => message::to_frame(&ToViewer::MachineGone { id }),
                }
            } else if let Some(id) = page.next_session() {
                match self.sessions.get(&id).filter(|session| session.allows(&page.who, Permission::SeeSession)) {
                    Some(session) => self.told(&Stop::Session(id, session), page),
                    None => message::to_frame(&ToViewer::SessionGone { id }),
                }
            } else if !tour.over
                && let Some(stop) = self.next_stop(page, tour)
            {
                tour.passed(&stop);
                self.told(&stop, page)
            } else {
                // What comes later is a change, and told as one.
                tour.over = true;
                break;
            };
            // The last one may reach beyond.
            fits(&frame, &mut room);
            out.push(frame);
        }
    }

    /// What `page` sees next on its tour.
    fn next_stop(&self, page: &Page, tour: &Tour) -> Option<Stop<'_>> {
        let seen = |(id, machine): &(&MachineId, &Machine)| machine.is_seen(&page.who, self.shows(**id, &page.who));
        // Once a session was told there are no more machines to come.
        let machine = if tour.session.is_none() { after(&self.machines, tour.machine).find(seen) } else { None };
        if let Some((id, machine)) = machine {
            return Some(Stop::Machine(*id, machine));
        }
        let seen = |(_, session): &(&SessionId, &Session)| session.allows(&page.who, Permission::SeeSession);
        after(&self.sessions, tour.session).find(seen).map(|(id, session)| Stop::Session(*id, session))
    }

    fn told(&self, stop: &Stop<'_>, page: &Page) -> Frame {
        match *stop {
            Stop::Machine(id, machine) => {
                machine.told.get(|| ToViewer::Machine { machine: self.machine_view(id, machine) })
            }
            Stop::Session(_, session) => {
                let detail = session.detail(&page.who);
                session.told(detail).get(|| ToViewer::Session { session: self.session_view(session, detail) })
            }
        }
    }
}

/// What a tour comes by.
enum Stop<'a> {
    Machine(MachineId, &'a Machine),
    Session(SessionId, &'a Session),
}

fn after<K: Ord, V>(map: &BTreeMap<K, V>, key: Option<K>) -> btree_map::Range<'_, K, V> {
    match key {
        Some(key) => map.range((Excluded(key), Unbounded)),
        None => map.range(..),
    }
}

/// Whether a frame fits into `room`, which shrinks by it.
fn fits(frame: &Frame, room: &mut usize) -> bool {
    let bytes = match frame {
        Frame::Control(json) => json.len(),
        _ => 0,
    };
    let fits = bytes <= *room;
    *room = room.saturating_sub(bytes);
    fits
}
