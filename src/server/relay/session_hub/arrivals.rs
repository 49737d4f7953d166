//! Viewers that come: who is let in, whose place it takes, and where it goes on.

use super::Slot;
use super::state::{State, join};
use super::upstream::Upstream;
use super::watcher::{Arrival, Label, Urgency, Watcher};
use crate::base::id::ViewerId;
use crate::base::limits::{HUB_LOG_BYTES_MAX, VIEWERS_PER_SESSION_MAX};
use crate::base::offset::Offset;
use crate::base::problem::{Code, Problem};
use crate::stream::Reader;
use crate::wire::message::From;

impl State {
    pub(super) fn attach(&mut self, arrival: Arrival, viewer: ViewerId) -> Result<Slot, Problem> {
        if let Some(problem) = &self.gone {
            return Err(problem.clone());
        }
        if self.watchers.len() >= VIEWERS_PER_SESSION_MAX {
            return Err(Problem::new(
                Code::TooMany,
                "this session has as many viewers as it can have; try again later",
            ));
        }
        if let Some(other) = self.watcher_of(viewer) {
            let again = Problem::new(Code::Conflict, "this terminal was opened again in another place");
            if other.came_after(&arrival.page) {
                // The tab has left this connection, and what it had sent on it comes late.
                return Err(again);
            }
            // The same tab over a new connection, before the old one was noticed to be dead.
            other.dismiss(again);
        }
        let reader = self.reader_from(arrival.from);
        let mut watcher = Watcher::new(arrival, viewer, reader, self.upstream.is_some());
        if self.control.is_some() {
            watcher.control_changed(Urgency::Now);
        }
        watcher.wake();
        if let Some(upstream) = &mut self.upstream {
            join(upstream, &mut watcher);
        }
        self.last_slot += 1;
        self.watchers.insert(self.last_slot, watcher);
        self.watchers.values_mut().for_each(|watcher| watcher.control_changed(Urgency::Soon));
        self.subscribe();
        Ok(self.last_slot)
    }

    /// A reader that goes on where the viewer stands, if that can be; else one that is painted.
    fn reader_from(&mut self, from: From) -> Reader<Label> {
        let From::Offset { offset, epoch } = from else { return Reader::unpainted() };
        if self.watchers.is_empty() && self.epoch.is_none() {
            // Nothing is known here: the host decides, and repaints if it knows better.
            self.log.restart_at(offset);
            self.furthest = offset;
            self.epoch = Some(epoch);
        } else if self.epoch == Some(epoch) && self.can_begin_at(offset) {
            self.log.restart_at(offset);
            if let Some(upstream) = &mut self.upstream {
                upstream.subscribe_again(offset, epoch);
            }
        }
        // A viewer may be ahead after a restart of this server, but never by more than was on its way.
        let known = offset >= self.log.start() && offset.since(self.log.end()) <= HUB_LOG_BYTES_MAX as u64;
        if self.epoch == Some(epoch) && known { Reader::at(offset) } else { Reader::unpainted() }
    }

    /// Whether the log, of which nothing has come yet, can as well begin a little earlier. So it is after a restart of this
    /// server, when viewers come back who have not all seen the same.
    fn can_begin_at(&self, offset: Offset) -> bool {
        let awaits = self.upstream.as_ref().is_some_and(Upstream::awaits_screen);
        let start = self.log.start();
        let earlier = offset < start && start.since(offset) <= HUB_LOG_BYTES_MAX as u64;
        earlier && self.log.bytes() == 0 && !awaits && self.ended.is_none()
    }
}
