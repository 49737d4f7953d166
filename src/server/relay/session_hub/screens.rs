//! Screens: who needs one, where it comes from, and how few are asked for.

use bytes::Bytes;

use super::Slot;
use super::state::State;
use super::upstream::{Purpose, Violation};
use super::watcher::{Label, Watcher};
use crate::stream::Painting;
use crate::wire::frame::{SnapshotAt, SnapshotFlags};

/// Output behind the last screen up to which it is painted again, in bytes: a page of it is on the viewer's screen with
/// the same frame, and nobody waits for the way to the host and back.
const SCREEN_REUSED_BYTES: u64 = 4 * 1024;

/// Scrollback snapshots on their way to viewers at a time. With one more, the oldest is given up: that viewer asks again.
pub(super) const HISTORIES_MAX: usize = 4;

impl State {
    pub(super) fn snapshot(
        &mut self,
        id: u32,
        at: SnapshotAt,
        flags: SnapshotFlags,
        piece: &[u8],
    ) -> Result<(), Violation> {
        let Some(upstream) = &mut self.upstream else { return Ok(()) };
        upstream.received(piece.len())?;
        let whole = upstream.snapshot(id, at, flags, piece)?;
        match whole {
            Some((Purpose::Repaint, at, bytes)) => self.repainted(at, bytes),
            // Nothing comes any more, and what there is of the session ends before the log begins: an old picture, left by
            // a host that is gone. Everybody is brought to it, or nobody could follow it.
            Some((Purpose::Screen, at, bytes)) if self.ended.is_some() && at.offset < self.log.start() => {
                self.repainted(at, bytes);
            }
            Some((Purpose::Screen, at, bytes)) => {
                self.screen = Some((at, bytes.clone()));
                for watcher in self.watchers.values_mut().filter(|watcher| watcher.reader.awaits_repaint()) {
                    paint(watcher, at, &bytes);
                }
            }
            Some((Purpose::History, at, bytes)) => self.history_came(at, &bytes),
            Some((Purpose::Unasked, ..)) | None => {}
        }
        self.settle();
        Ok(())
    }

    /// The host painted the hub: so everybody is.
    pub(super) fn repainted(&mut self, at: SnapshotAt, bytes: Bytes) {
        self.log.restart_at(at.offset);
        self.furthest = at.offset;
        self.epoch = Some(at.epoch);
        for watcher in self.watchers.values_mut() {
            paint(watcher, at, &bytes);
        }
        self.screen = Some((at, bytes));
        self.ask_history();
    }

    pub(super) fn history_came(&mut self, at: SnapshotAt, bytes: &Bytes) {
        let mut on_the_way: Vec<u64> = self
            .watchers
            .values()
            .filter(|watcher| watcher.reader.is_answering())
            .map(|watcher| watcher.history_number)
            .collect();
        on_the_way.sort_unstable();
        on_the_way.dedup();
        let given_up = on_the_way.first().filter(|_| on_the_way.len() >= HISTORIES_MAX).copied();
        self.last_history += 1;
        for watcher in self.watchers.values_mut() {
            if Some(watcher.history_number) == given_up {
                watcher.reader.cancel_answer();
            }
            if let Some(wish) = watcher.history.take_if(|wish| wish.asked) {
                watcher.history_number = self.last_history;
                let label = Label { id: wish.id, at, history: true };
                watcher.reader.answered(Painting::of(label, bytes.clone()));
                watcher.wake();
            }
        }
        self.ask_history();
    }

    /// A viewer needs a screen: the last one if that is nearly as good, else a new one.
    pub(super) fn paint_or_ask(&mut self, slot: Slot) {
        let usable = self.has_usable_screen();
        match (self.screen.as_ref().filter(|_| usable), self.watchers.get_mut(&slot)) {
            (Some((at, bytes)), Some(watcher)) if at.offset >= watcher.reader.position() => {
                paint(watcher, *at, bytes);
            }
            _ => self.ask_screen(),
        }
    }

    /// Whether the last screen and what came after it are nearly as good as a new one.
    pub(super) fn has_usable_screen(&self) -> bool {
        self.screen.as_ref().is_some_and(|(at, _)| {
            at.offset >= self.log.start() && self.log.end().since(at.offset) <= SCREEN_REUSED_BYTES
        })
    }

    pub(super) fn ask_screen(&mut self) {
        let Some(upstream) = &mut self.upstream else { return };
        if !upstream.is_joined() || upstream.awaits_screen() {
            return;
        }
        if self.watchers.values().any(|watcher| watcher.reader.follows()) {
            upstream.ask_screen();
        } else {
            // Nobody needs the output between: the host paints the hub, and leaves it out.
            upstream.ask_repaint();
        }
        self.settle();
    }

    pub(super) fn ask_history(&mut self) {
        let Some(upstream) = &mut self.upstream else { return };
        if !upstream.is_joined() || upstream.awaits_history() {
            return;
        }
        let mut wanted = false;
        for wish in self.watchers.values_mut().filter_map(|watcher| watcher.history.as_mut()) {
            wish.asked = true;
            wanted = true;
        }
        if wanted {
            upstream.ask_history();
        }
    }
}

fn paint(watcher: &mut Watcher, at: SnapshotAt, bytes: &Bytes) {
    watcher.reader.repainted(at.offset, Painting::of(Label { id: 0, at, history: false }, bytes.clone()));
    watcher.wake();
}
