//! One viewer of a session, as the hub sees it: where it stands in the output, and what it has not been told.

use std::collections::VecDeque;
use std::sync::Arc;

use super::way::Way;
use crate::base::id::{SessionId, UserId, ViewerId};
use crate::base::offset::Offset;
use crate::base::problem::Problem;
use crate::server::auth::Caller;
use crate::server::relay::Page;
use crate::stream::Reader;
use crate::wire::frame::{Frame, InputOutcome, SnapshotAt};
use crate::wire::message::{self, From, Take, Theme, ToViewer};
use crate::wire::view::Person;

/// Acknowledgements of input waiting for one viewer. Consecutive ones of the same outcome are one, so this many
/// changes of who controls; beyond it the oldest are merged, and the page sends again what it misses.
const INPUT_ACKS_MAX: usize = 64;

/// Somebody who wants to watch.
#[derive(Debug)]
pub struct Arrival {
    /// On which connection.
    pub page: Arc<Page>,
    /// What it calls the session.
    pub channel: u32,
    /// Its own number.
    pub viewer: ViewerId,
    /// What it has already.
    pub from: From,
    /// Whether the person may type here.
    pub may_type: bool,
    /// Whether it wants the keyboard.
    pub take: Take,
    /// Its size in cells.
    pub cols: u16,
    /// Its size in cells.
    pub rows: u16,
    /// Its colours.
    pub theme: Option<Theme>,
}

/// What a snapshot's frames say of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    /// 0 for a repaint.
    pub(super) id: u32,
    pub(super) at: SnapshotAt,
    pub(super) history: bool,
}

/// How urgent it is to tell a viewer who controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// It knows.
    Told,
    /// Only the number of viewers changed: a crowd that arrives is told once, not once for each.
    Soon,
    /// At once.
    Now,
}

/// A request for the scrollback.
#[derive(Debug, Clone, Copy)]
pub(super) struct HistoryWish {
    /// The page's number of it.
    pub(super) id: u32,
    /// Whether the hub has passed it on.
    pub(super) asked: bool,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "five independent facts, each with its own word")]
pub(super) struct Watcher {
    page: Arc<Page>,
    pub(super) channel: u32,
    /// As the PTY host knows it.
    pub(super) viewer: ViewerId,
    page_viewer: ViewerId,
    may_type: bool,
    pub(super) take: Take,
    pub(super) cols: u16,
    pub(super) rows: u16,
    pub(super) theme: Option<Theme>,
    pub(super) reader: Reader<Label>,
    /// Its page was told that there is something, and has not looked yet.
    marked: bool,
    /// It has all there is, and is to be told of more.
    pub(super) hungry: bool,
    /// Whether the machine is there.
    pub(super) live: bool,
    /// What its page knows of that, and whether its keys pass.
    pub(super) way: Way,
    pub(super) control: Urgency,
    pub(super) told_end: bool,
    pub(super) history: Option<HistoryWish>,
    /// Which of the hub's scrollback snapshots it is being sent.
    pub(super) history_number: u64,
    input_acks: VecDeque<(u64, InputOutcome)>,
    /// Its channel is closed, for this reason.
    pub(super) dismissed: Option<Problem>,
}

impl Watcher {
    pub(super) fn new(arrival: Arrival, viewer: ViewerId, reader: Reader<Label>, live: bool) -> Self {
        let take = if arrival.may_type { arrival.take } else { Take::Never };
        Self {
            page: arrival.page,
            channel: arrival.channel,
            viewer,
            page_viewer: arrival.viewer,
            may_type: arrival.may_type,
            take,
            cols: arrival.cols,
            rows: arrival.rows,
            theme: arrival.theme,
            reader,
            marked: false,
            hungry: false,
            live,
            way: Way::Unsaid,
            control: Urgency::Told,
            told_end: false,
            history: None,
            history_number: 0,
            input_acks: VecDeque::new(),
            dismissed: None,
        }
    }

    pub(super) fn may_type(&self) -> bool {
        self.may_type
    }

    /// From now on it may type, or may not: whether that is news. Who seizes the keyboard does not wait until it is free.
    pub(super) fn set_may_type(&mut self, may_type: bool, seizes: bool) -> bool {
        if self.may_type == may_type {
            return false;
        }
        self.may_type = may_type;
        self.take = match (may_type, seizes) {
            (true, true) => Take::Always,
            (true, false) => Take::IfFree,
            (false, _) => Take::Never,
        };
        true
    }

    /// On whose behalf it watches.
    pub(super) fn who(&self) -> &Caller {
        &self.page.who
    }

    /// Whether `page` was opened before its own.
    pub(super) fn came_after(&self, page: &Page) -> bool {
        page.is_before(&self.page)
    }

    /// That person, as others see them.
    pub(super) fn person(&self) -> Person {
        Person { id: self.page.who.user, name: self.page.name.clone() }
    }

    /// Has its page look, once.
    pub(super) fn wake(&mut self) {
        if !std::mem::replace(&mut self.marked, true) {
            self.page.channel_ready(self.channel);
        }
    }

    /// Its page looks.
    pub(super) fn looked(&mut self) {
        self.marked = false;
    }

    pub(super) fn input_acked(&mut self, number: u64, outcome: InputOutcome) {
        let full = self.input_acks.len() >= INPUT_ACKS_MAX;
        match self.input_acks.back_mut() {
            Some(last) if last.1 == outcome => last.0 = last.0.max(number),
            Some(last) if full => *last = (number, outcome),
            _ => self.input_acks.push_back((number, outcome)),
        }
        self.wake();
    }

    pub(super) fn control_changed(&mut self, urgency: Urgency) {
        if urgency > self.control {
            self.control = urgency;
            self.wake();
        }
    }

    pub(super) fn dismiss(&mut self, problem: Problem) {
        self.dismissed = Some(problem);
        self.wake();
    }

    /// What it is to be told before any output.
    pub(super) fn take_news(&mut self, out: &mut Vec<Frame>) {
        let channel = self.channel;
        self.way.tell(channel, self.live, out);
        let viewer = self.page_viewer;
        out.extend(self.input_acks.drain(..).map(|(number, outcome)| Frame::InputAck {
            channel,
            viewer,
            number,
            outcome,
        }));
    }

    pub(super) fn end(&self, offset: Offset) -> Frame {
        message::to_frame(&ToViewer::End { channel: self.channel, offset })
    }
}

/// What the PTY host calls a viewer: nobody can make it that of another person or another session.
pub(super) fn derived(user: UserId, session: SessionId, viewer: ViewerId) -> ViewerId {
    use sha2::{Digest as _, Sha256};

    let mut digest = Sha256::new();
    digest.update(user.to_string());
    digest.update(session.to_string());
    digest.update(viewer.0);
    let mut raw = [0; 16];
    raw.iter_mut().zip(digest.finalize()).for_each(|(to, byte)| *to = byte);
    ViewerId(raw)
}
