//! What a hub knows, and what follows from each thing that happens to it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::scripts::Scripts;
use super::upstream::{Subscription, Upstream, Violation};
use super::watcher::{Urgency, Watcher};
use super::{Pulled, Rights, Slot};
use crate::base::id::ViewerId;
use crate::base::limits::HUB_LOG_BYTES_MAX;
use crate::base::offset::Offset;
use crate::base::problem::{Code, Problem};
use crate::server::auth::Caller;
use crate::server::relay::Uplink;
use crate::server::relay::memory::{Held, Share};
use crate::stream::{OutputLog, Step};
use crate::wire::frame::{Frame, SnapshotAt, SnapshotFlags};
use crate::wire::message::{self, SessionAsk, Take, ToViewer};
use crate::wire::view::Person;

/// Output kept of a session while memory is short, in bytes: several windows of a slow viewer.
const SHORT_LOG_BYTES: usize = 128 * 1024;

/// How far the log runs ahead of the furthest viewer, in windows of that viewer.
///
/// Enough that it never waits for the uplink, and little enough that a slow viewer does not draw a flood over it.
const WINDOWS_AHEAD: u64 = 4;
/// Least of the same, in bytes.
const AHEAD_BYTES_MIN: u64 = 32 * 1024;
/// Most of the same, in bytes: the other half is for viewers behind the furthest.
pub(super) const AHEAD_BYTES_MAX: u64 = HUB_LOG_BYTES_MAX as u64 / 2;

/// Viewers that left and are remembered: as many as may go before the host's word of the first of them comes.
const LEFT_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct State {
    pub(super) upstream: Option<Upstream>,
    pub(super) log: OutputLog,
    log_held: Option<Held>,
    /// Epoch of the repaint that the log's output follows; with it a viewer may resume, and the hub too.
    pub(super) epoch: Option<u32>,
    /// The newest screen.
    pub(super) screen: Option<(SnapshotAt, Bytes)>,
    pub(super) watchers: HashMap<Slot, Watcher>,
    /// Viewers that left last, at most [`LEFT_MAX`].
    left: VecDeque<ViewerId>,
    pub(super) last_slot: Slot,
    pub(super) hungry: Vec<Slot>,
    /// The furthest viewer's position, and how far the log may run ahead of it.
    pub(super) furthest: Offset,
    pub(super) ahead_max: u64,
    pub(super) control: Option<Control>,
    pub(super) ended: Option<Ended>,
    pub(super) last_history: u64,
    pub(super) scripts: Scripts,
    /// The session is no more.
    pub(super) gone: Option<Problem>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Control {
    pub(super) controller: Option<ViewerId>,
    pub(super) present: bool,
    pub(super) cols: u16,
    pub(super) rows: u16,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) offset: Offset,
    /// No screen will come any more.
    pub(super) unpainted: bool,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            upstream: None,
            log: OutputLog::new(HUB_LOG_BYTES_MAX),
            log_held: None,
            epoch: None,
            screen: None,
            watchers: HashMap::new(),
            left: VecDeque::new(),
            last_slot: 0,
            hungry: Vec::new(),
            furthest: Offset::ZERO,
            ahead_max: AHEAD_BYTES_MIN,
            control: None,
            ended: None,
            last_history: 0,
            scripts: Scripts::default(),
            gone: None,
        }
    }

    pub(super) fn detach(&mut self, slot: Slot) {
        let Some(gone) = self.watchers.remove(&slot) else { return };
        let replaced = self.watcher_of(gone.viewer).is_some();
        if let Some(upstream) = self.upstream.as_mut().filter(|_| !replaced) {
            upstream.ask(SessionAsk::Leave { viewer: gone.viewer });
            if self.left.len() >= LEFT_MAX {
                self.left.pop_front();
            }
            self.left.push_back(gone.viewer);
        }
        self.watchers.values_mut().for_each(|watcher| watcher.control_changed(Urgency::Soon));
        if self.watchers.is_empty() {
            self.fall_idle();
            return;
        }
        self.furthest = self.watchers.values().map(|watcher| watcher.reader.position()).max().unwrap_or_default();
        self.settle();
    }

    /// Nobody watches: nothing is subscribed and nothing kept.
    pub(super) fn fall_idle(&mut self) {
        let mut upstream = self.upstream.take();
        if let Some(upstream) = &mut upstream {
            upstream.unsubscribe();
            upstream.settle(0);
        }
        let (last_slot, gone, scripts) = (self.last_slot, self.gone.take(), std::mem::take(&mut self.scripts));
        *self = Self { upstream, last_slot, scripts, gone, ..Self::new() };
    }

    pub(super) fn subscribe(&mut self) {
        let known = self.epoch.map(|epoch| (self.log.end(), epoch));
        if let Some(upstream) = &mut self.upstream
            && let Subscription::None { .. } = upstream.subscription
        {
            upstream.subscribe(known);
        }
    }

    pub(super) fn online(&mut self, uplink: &Arc<Uplink>, channel: u32) {
        if self.is_upstream(uplink, channel) {
            return;
        }
        let mut upstream = Upstream::new(Arc::clone(uplink), channel);
        self.ended = None;
        for watcher in self.watchers.values_mut() {
            watcher.live = true;
            watcher.way.broke(); // If it was whole until now, what was passed on over the old one may be lost.
            watcher.told_end = false;
            join(&mut upstream, watcher);
            watcher.wake();
        }
        self.upstream = Some(upstream);
        if self.watchers.is_empty() {
            return;
        }
        self.subscribe();
        if self.watchers.values().any(|watcher| watcher.reader.awaits_repaint()) {
            self.ask_screen();
        }
        self.ask_history();
    }

    /// Whether this is the way to the host now.
    pub(super) fn is_upstream(&self, uplink: &Arc<Uplink>, channel: u32) -> bool {
        self.upstream.as_ref().is_some_and(|upstream| upstream.is(uplink, channel))
    }

    pub(super) fn offline(&mut self, uplink: &Arc<Uplink>) {
        if !self.upstream.as_ref().is_some_and(|upstream| Arc::ptr_eq(upstream.uplink(), uplink)) {
            return;
        }
        self.upstream = None;
        self.scripts.offline();
        for watcher in self.watchers.values_mut() {
            watcher.live = false;
            watcher.way.broke();
            if let Some(wish) = &mut watcher.history {
                wish.asked = false;
            }
            watcher.wake();
        }
    }

    pub(super) fn output(&mut self, offset: Offset, bytes: &[u8]) -> Result<(), Violation> {
        let Some(upstream) = &mut self.upstream else { return Ok(()) };
        upstream.received(bytes.len())?;
        let known = upstream.accept(offset, self.log.end())?;
        let share = Arc::clone(&upstream.uplink().memory);
        if let Some(new) = known.and_then(|known| bytes.get(known..)) {
            self.log.append(new);
            self.hold_log(&share);
            for slot in self.hungry.drain(..) {
                if let Some(watcher) = self.watchers.get_mut(&slot) {
                    watcher.hungry = false;
                    watcher.wake();
                }
            }
        }
        self.settle();
        Ok(())
    }

    /// Counts what the log holds, and keeps it short where its machine's hubs hold much.
    fn hold_log(&mut self, share: &Arc<Share>) {
        self.log.keep(if share.is_tight() { SHORT_LOG_BYTES } else { HUB_LOG_BYTES_MAX });
        let held = self.log_held.get_or_insert_with(|| Held::none(share));
        if held.set(self.log.bytes()).is_err() {
            self.log.keep(SHORT_LOG_BYTES);
            // What cannot be counted any more is at most a short log for each session that is watched.
            let _ = held.set(self.log.bytes());
        }
    }

    pub(super) fn end(&mut self, offset: Offset) {
        let unpainted = !self.upstream.as_ref().is_some_and(Upstream::is_joined);
        self.ended = Some(Ended { offset, unpainted });
        self.watchers.values_mut().for_each(Watcher::wake);
        if !self.has_usable_screen() {
            // Whoever comes later is painted from it: the host may be gone by then.
            self.ask_screen();
        }
    }

    pub(super) fn pull(
        &mut self,
        slot: Slot,
        now: Instant,
        bytes_max: usize,
        tell_count: bool,
        viewers: u32,
        out: &mut Vec<Frame>,
    ) -> Pulled {
        let control = self.control;
        let is_news = self.watchers.get(&slot).is_some_and(|watcher| watcher.control > Urgency::Told);
        let who = if is_news { self.controlling() } else { None };
        let Some(watcher) = self.watchers.get_mut(&slot) else { return Pulled::Closed };
        watcher.looked();
        if let Some(problem) = watcher.dismissed.take() {
            out.push(message::to_frame(&ToViewer::Detached { channel: watcher.channel, problem }));
            return Pulled::Closed;
        }
        watcher.take_news(out);
        let told = watcher.control == Urgency::Now || tell_count && watcher.control == Urgency::Soon;
        if told && let Some(control) = control {
            out.push(control_frame(watcher, control, who, viewers));
            watcher.control = Urgency::Told;
        }
        let later = watcher.control == Urgency::Soon && control.is_some();
        if self.pull_output(slot, now, bytes_max, out) {
            return Pulled::More;
        }
        if later { Pulled::CountLater } else { Pulled::All }
    }

    /// Takes output until there is no more, no more credit, or enough; whether it was enough.
    pub(super) fn pull_output(&mut self, slot: Slot, now: Instant, bytes_max: usize, out: &mut Vec<Frame>) -> bool {
        let mut taken = 0;
        let enough = loop {
            let Some(watcher) = self.watchers.get_mut(&slot) else { return false };
            if taken >= bytes_max {
                break true;
            }
            let frame = match watcher.reader.step(&mut self.log, now) {
                Step::Output { offset, bytes } => Frame::Output { channel: watcher.channel, offset, bytes },
                Step::Paint { label, first, last, bytes } | Step::Answer { label, first, last, bytes } => {
                    let flags = SnapshotFlags { first, last, history: label.history };
                    Frame::Snapshot { channel: watcher.channel, id: label.id, at: label.at, flags, bytes }
                }
                Step::Repaint => {
                    self.paint_or_ask(slot);
                    continue;
                }
                Step::Wait => break false,
            };
            if let Frame::Output { bytes, .. } | Frame::Snapshot { bytes, .. } = &frame {
                taken += bytes.len();
            }
            out.push(frame);
        };
        self.after_pull(slot, out);
        enough
    }

    /// A viewer has taken what it could: it may be at the end, and the furthest.
    pub(super) fn after_pull(&mut self, slot: Slot, out: &mut Vec<Frame>) {
        let Some(watcher) = self.watchers.get_mut(&slot) else { return };
        let position = watcher.reader.position();
        if position >= self.log.end() {
            if !std::mem::replace(&mut watcher.hungry, true) {
                self.hungry.push(slot);
            }
            let due = !watcher.told_end && watcher.way.is_known();
            let shown = watcher.reader.follows();
            if let Some(ended) = self.ended.filter(|ended| due && (shown || ended.unpainted)) {
                watcher.told_end = true;
                out.push(watcher.end(ended.offset));
            }
        }
        if position >= self.furthest {
            self.furthest = position;
            let ahead = WINDOWS_AHEAD * watcher.reader.credit().window();
            self.ahead_max = ahead.clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
        }
        self.settle();
    }

    /// Gives the host credit for what came, unless the log runs too far ahead of everybody.
    pub(super) fn settle(&mut self) {
        let Some(upstream) = &mut self.upstream else { return };
        let ahead = self.log.end().since(self.furthest);
        let held = if upstream.awaits_screen() { 0 } else { ahead.saturating_sub(self.ahead_max) };
        upstream.settle(held);
    }

    /// Who may watch or type has changed: whoever may not any more is told so, and lets go of the keyboard.
    pub(super) fn reconsider(&mut self, rights: impl Fn(&Caller) -> Rights) {
        // First those who lose the keyboard: whoever gets it asks for it if it is free.
        for gains in [false, true] {
            for watcher in self.watchers.values_mut().filter(|watcher| watcher.dismissed.is_none()) {
                let Rights { watch, may_type, seizes } = rights(watcher.who());
                if may_type == gains && !watch {
                    watcher.dismiss(Problem::new(Code::NotAllowed, "this session is not shared with you any more"));
                }
                if may_type == gains && watcher.set_may_type(may_type, seizes) {
                    // Whoever joins again only to watch is the controller no more.
                    if let Some(upstream) = &mut self.upstream {
                        join(upstream, watcher);
                    }
                    watcher.control_changed(Urgency::Now);
                }
            }
        }
    }

    /// Whether a viewer is, or was a moment ago, one of those here: what the host says of it may come late.
    pub(super) fn knows(&mut self, viewer: ViewerId) -> bool {
        self.left.contains(&viewer) || self.scripts.types(viewer) || self.watcher_of(viewer).is_some()
    }

    /// Who has the keyboard, if it is somebody here.
    fn controlling(&self) -> Option<Person> {
        let Control { controller, present: true, .. } = self.control? else { return None };
        self.watchers.values().find(|watcher| Some(watcher.viewer) == controller).map(Watcher::person)
    }

    pub(super) fn watcher_of(&mut self, viewer: ViewerId) -> Option<&mut Watcher> {
        self.watchers.values_mut().find(|watcher| watcher.viewer == viewer && watcher.dismissed.is_none())
    }
}

/// Tells the host that a viewer is there. The second time it asks only for what it had.
pub(super) fn join(upstream: &mut Upstream, watcher: &mut Watcher) {
    upstream.ask(SessionAsk::Join {
        viewer: watcher.viewer,
        take: watcher.take,
        cols: watcher.cols,
        rows: watcher.rows,
        theme: watcher.theme.clone(),
    });
    if watcher.take == Take::Always {
        watcher.take = Take::IfFree;
    }
}

fn control_frame(watcher: &Watcher, control: Control, who: Option<Person>, viewers: u32) -> Frame {
    message::to_frame(&ToViewer::Control {
        channel: watcher.channel,
        you: control.controller == Some(watcher.viewer),
        present: control.present,
        who,
        may_type: watcher.may_type(),
        viewers,
        cols: control.cols,
        rows: control.rows,
    })
}
