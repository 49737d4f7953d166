//! Program, host, agent, server and viewers on one virtual clock, and everything that can happen between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sessionforge::base::id::{KeyId, MachineId, OrganisationId, SessionId};
use sessionforge::server::relay::{Page, SessionHub, Uplink};
use sessionforge::wire::frame::Frame;
use sessionforge::wire::message::{self, ToAgent};

use super::host::{Connection, Host};
use super::pipe::Pipe;
use super::schedule::Op;
use super::tab::Tab;
use super::viewer::{Fate, Viewer};
use crate::support::random::Random;

/// The session's channel on every uplink.
const CHANNEL: u32 = 7;

/// Time in which everything comes to rest once nothing goes wrong any more: the longest delay before a reconnect is
/// 30 seconds, and as long again for slow lines.
const PATIENCE: Duration = Duration::from_mins(2);

/// One connection of the agent, to the server and to the host.
struct Way {
    uplink: Arc<Uplink>,
    down: Pipe,
    up: Pipe,
    /// `None` once the host has noticed that it is over.
    host: Option<Connection>,
    host_notices: Option<Instant>,
    server_notices: Option<Instant>,
    served: bool,
}

pub struct World {
    now: Instant,
    random: Random,
    session: SessionId,
    host: Host,
    hub: SessionHub,
    ways: Vec<Way>,
    agent_back: Option<Instant>,
    uplink_delay: Duration,
    tabs: Vec<Tab>,
    tabs_ever: u64,
    viewers: Vec<Viewer>,
    lines: Vec<(Duration, u64)>,
}

impl World {
    pub fn new(seed: u64, viewers: usize) -> Self {
        let mut random = Random::new(seed);
        let now = Instant::now();
        let session = SessionId::random();
        let mut host = Host::new([128, 512, 2_048][random.between(0, 2) as usize] * 1024);
        host.behind = [0, 3_000, 60_000][random.between(0, 2) as usize];
        let mut world = Self {
            now,
            session,
            host,
            hub: SessionHub::new(session),
            ways: Vec::new(),
            agent_back: Some(now),
            uplink_delay: Duration::from_millis(random.between(0, 60)),
            tabs: Vec::new(),
            tabs_ever: 0,
            viewers: (0..viewers).map(|name| Viewer::new(name as u8)).collect(),
            lines: (0..viewers).map(|_| (Duration::from_millis(random.between(0, 80)), 20_000)).collect(),
            random,
        };
        world.viewers.iter_mut().for_each(|viewer| viewer.again_at = Some(now));
        world
    }

    /// Does what the ops say, then lets everything come to rest, and checks what everybody has and was told.
    pub fn play(mut self, ops: &[Op]) {
        for op in ops {
            self.carry_out(op);
            self.settle_now();
        }
        self.come_to_rest();
        let (end, epoch) = (self.host.log.end(), self.host.epoch);
        for viewer in &self.viewers {
            assert!(viewer.is_settled(end, epoch), "viewer {} is not where the program is", viewer.name);
            let typed = self.host.typed.get(&viewer.name);
            for (number, fate) in &viewer.fates {
                let applied = typed.is_some_and(|typed| typed.binary_search(number).is_ok());
                match fate {
                    Fate::Applied => {
                        assert!(applied, "key {number} of {} is lost, and was called applied", viewer.name);
                    }
                    Fate::Refused => {
                        assert!(!applied, "key {number} of {} was applied, and called refused", viewer.name);
                    }
                    Fate::Late => {}
                }
            }
            assert!(viewer.gone_back <= self.host.behind, "went back by {} bytes", viewer.gone_back);
        }
        for tab in std::mem::take(&mut self.tabs) {
            self.hub.detach(tab.slot.expect("it is attached"));
        }
        self.viewers.clear();
        self.settle_now();
        self.run_for(Duration::from_secs(1));
        assert_eq!(self.hub.viewers(), 0);
        let subscribed = self.ways.iter().filter_map(|way| way.host.as_ref()).any(Connection::is_subscribed);
        assert!(!subscribed, "nobody watches, and nothing is subscribed");
    }

    fn carry_out(&mut self, op: &Op) {
        let count = self.viewers.len();
        match *op {
            Op::Print(bytes) => self.host.print(bytes),
            Op::Run(ms) => self.run_for(Duration::from_millis(ms)),
            Op::Type { viewer, keys } => {
                for _ in 0..keys {
                    self.by_viewer(viewer % count, Viewer::key);
                }
            }
            Op::TakeControl(viewer) => self.by_viewer(viewer % count, |viewer, on, _| viewer.take_control(on)),
            Op::Resize { viewer, cols } => self.by_viewer(viewer % count, |viewer, on, _| viewer.resize(on, cols)),
            Op::History(viewer) => self.by_viewer(viewer % count, |viewer, on, _| viewer.ask_history(on)),
            Op::Stall { viewer, ms } => {
                self.viewers[viewer % count].stalled_until = Some(self.now + Duration::from_millis(ms));
            }
            Op::Line { viewer, delay_ms, bytes_per_ms } => {
                let line = (Duration::from_millis(delay_ms), bytes_per_ms);
                self.lines[viewer % count] = line;
                for tab in self.tabs.iter_mut().filter(|tab| tab.viewer == viewer % count) {
                    (tab.down.delay, tab.down.bytes_per_ms) = line;
                    (tab.up.delay, tab.up.bytes_per_ms) = line;
                }
            }
            Op::CutViewer { viewer, arrives, late_ms, noticed_ms } => {
                self.cut_viewer(viewer % count, arrives, late_ms, noticed_ms);
            }
            Op::CutAgent { arrives, noticed_ms, back_ms } => self.cut_agent(arrives, noticed_ms, back_ms),
            Op::KillServer => self.kill_server(),
        }
    }

    fn by_viewer(&mut self, index: usize, act: impl Fn(&mut Viewer, u32, Instant) -> Option<Frame>) {
        let viewer = &mut self.viewers[index];
        let tab = viewer.tab.and_then(|number| self.tabs.iter_mut().find(|tab| tab.number == number));
        let channel = tab.as_ref().map_or(0, |tab| tab.channel);
        if let (Some(frame), Some(tab)) = (act(viewer, channel, self.now), tab) {
            tab.up.send(&frame, self.now);
        }
    }

    fn cut_viewer(&mut self, index: usize, arrives: u64, late_ms: u64, noticed_ms: u64) {
        let viewer = &mut self.viewers[index];
        let Some(number) = viewer.tab else { return };
        let random = self.random.next() as u32;
        let delay = viewer.backoff.next(random);
        viewer.disconnected(self.now + delay);
        if let Some(tab) = self.tabs.iter_mut().find(|tab| tab.number == number) {
            tab.up.cut(arrives);
            tab.up.hold_up(Duration::from_millis(late_ms));
            tab.server_notices = Some(self.now + Duration::from_millis(noticed_ms));
        }
    }

    fn cut_agent(&mut self, arrives: u64, noticed_ms: u64, back_ms: u64) {
        let now = self.now;
        for way in self.ways.iter_mut().filter(|way| way.host_notices.is_none()) {
            way.up.cut(arrives);
            way.down.cut(arrives);
            way.host_notices = Some(now + Duration::from_millis(noticed_ms / 10));
            way.server_notices = Some(now + Duration::from_millis(noticed_ms));
        }
        self.agent_back = Some(now + Duration::from_millis(back_ms));
    }

    fn kill_server(&mut self) {
        self.hub = SessionHub::new(self.session);
        self.tabs.clear();
        let now = self.now;
        for way in &mut self.ways {
            way.served = false;
            way.down.cut(0);
            way.host_notices.get_or_insert(now + Duration::from_millis(5));
        }
        self.agent_back = Some(now + Duration::from_millis(self.random.between(1, 250)));
        for viewer in &mut self.viewers {
            let random = self.random.next() as u32;
            let delay = viewer.backoff.next(random);
            viewer.disconnected(now + delay);
        }
    }

    fn come_to_rest(&mut self) {
        for line in &mut self.lines {
            *line = (Duration::from_millis(5), 20_000);
        }
        for tab in &mut self.tabs {
            (tab.down.bytes_per_ms, tab.up.bytes_per_ms) = (20_000, 20_000);
        }
        let until = self.now + PATIENCE;
        while let Some(due) = self.due() {
            assert!(due < until, "it never comes to rest");
            self.now = self.now.max(due);
            self.settle_now();
        }
    }

    fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.settle_now();
        }
        self.now = until;
    }

    fn due(&self) -> Option<Instant> {
        let ways = self.ways.iter().flat_map(|way| {
            let host = way.host.as_ref();
            let (up, down) = (way.up.due().filter(|_| way.served), host.and(way.down.due()));
            let snapshot = host.filter(|_| way.host_notices.is_none()).and_then(Connection::due);
            [up, down, snapshot, way.host_notices, way.server_notices]
        });
        let tabs = self.tabs.iter().flat_map(|tab| {
            let stalled = self.viewers.get(tab.viewer).is_some_and(|viewer| viewer.stalled_until.is_some());
            [tab.up.due(), tab.down.due().filter(|_| !stalled && tab.server_notices.is_none()), tab.server_notices]
        });
        let viewers = self.viewers.iter().map(Viewer::due);
        ways.chain(tabs).chain(viewers).chain([self.agent_back]).flatten().min()
    }

    /// Everybody does what there is to do now, until there is nothing.
    fn settle_now(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "it never ends");
            self.come_and_go();
            let mut moved = self.hosts_turn();
            moved |= self.server_turn();
            moved |= self.viewers_turn();
            if !moved {
                return;
            }
        }
    }

    fn come_and_go(&mut self) {
        let now = self.now;
        if self.agent_back.take_if(|at| *at <= now).is_some() {
            // An agent has one connection at a time; the server may not have noticed the end of the last one yet.
            let uplink = Arc::new(Uplink::new(MachineId::random(), OrganisationId::random(), KeyId::random()));
            let pipe = || Pipe::new(now, self.uplink_delay, 50_000);
            let (down, up, host) = (pipe(), pipe(), Some(self.host.connect()));
            self.hub.online(&uplink, CHANNEL);
            self.ways.push(Way { uplink, down, up, host, host_notices: None, server_notices: None, served: true });
        }
        for way in &mut self.ways {
            if way.host_notices.take_if(|at| *at <= now).is_some()
                && let Some(connection) = way.host.take()
            {
                self.host.closed(&connection);
            }
            if way.server_notices.take_if(|at| *at <= now).is_some() && std::mem::take(&mut way.served) {
                self.hub.offline(&way.uplink);
            }
        }
        self.ways.retain(|way| way.host.is_some() || way.served);
        let hub = &self.hub;
        self.tabs.retain_mut(|tab| {
            let over = tab.server_notices.is_some_and(|at| at <= now);
            if over && let Some(slot) = tab.slot.take() {
                hub.detach(slot);
            }
            !over
        });
        for (index, viewer) in self.viewers.iter_mut().enumerate() {
            viewer.stalled_until.take_if(|at| *at <= now);
            viewer.expire(now);
            if viewer.again_at.take_if(|at| *at <= now).is_some() {
                self.tabs_ever += 1;
                let (delay, bytes_per_ms) = self.lines[index];
                let pipe = || Pipe::new(now, delay, bytes_per_ms);
                let (number, channel, page) = (
                    self.tabs_ever,
                    self.tabs_ever as u32,
                    Arc::new(Page::new(viewer.who.clone(), format!("viewer {}", viewer.name))),
                );
                let (mut up, down) = (pipe(), pipe());
                up.send(&viewer.attach(channel, self.session), now);
                viewer.tab = Some(number);
                let (slot, ready, server_notices) = (None, false, None);
                let (sent, acked) = (0, 0);
                self.tabs.push(Tab {
                    number,
                    viewer: index,
                    page,
                    channel,
                    slot,
                    up,
                    down,
                    ready,
                    sent,
                    acked,
                    server_notices,
                });
            }
        }
    }

    fn hosts_turn(&mut self) -> bool {
        let (now, mut moved) = (self.now, false);
        for way in &mut self.ways {
            let Some(connection) = &mut way.host else { continue };
            for frame in way.down.take(now) {
                connection.take(frame, &mut self.host, now);
                moved = true;
            }
            if way.host_notices.is_none() {
                moved |= connection.fill(&mut self.host, &mut way.up, now);
            }
        }
        moved
    }

    fn server_turn(&mut self) -> bool {
        let (now, mut moved) = (self.now, false);
        for way in self.ways.iter_mut().filter(|way| way.served) {
            for frame in way.up.take(now) {
                moved = true;
                match frame {
                    Frame::Output { offset, bytes, .. } => {
                        self.hub.output(&way.uplink, CHANNEL, offset, &bytes).unwrap();
                    }
                    Frame::Snapshot { id, at, flags, bytes, .. } => {
                        self.hub.snapshot(&way.uplink, CHANNEL, id, at, flags, &bytes).unwrap();
                    }
                    Frame::InputAck { viewer, number, outcome, .. } => self.hub.input_acked(viewer, number, outcome),
                    Frame::Control(json) => {
                        self.hub.says(&way.uplink, CHANNEL, message::from_json(&json).unwrap());
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!(way.uplink.line.closing().is_none(), "an agent that reads is not hung up on");
            while way.down.has_room()
                && let Some(frame) = way.uplink.next()
            {
                let frame = match frame {
                    Frame::Control(json) => match message::from_json(&json).unwrap() {
                        ToAgent::Session { ask, .. } => message::to_frame(&ask),
                        other => panic!("{other:?}"),
                    },
                    frame => frame,
                };
                // Into the void, if nobody is there any more.
                if way.host_notices.is_none() && way.host.is_some() {
                    way.down.send(&frame, now);
                    moved = true;
                }
            }
        }
        for tab in &mut self.tabs {
            moved |= tab.hear(&self.hub, now);
            moved |= tab.pull(&self.hub, now);
        }
        moved
    }

    fn viewers_turn(&mut self) -> bool {
        let (now, mut moved) = (self.now, false);
        for viewer in self.viewers.iter_mut().filter(|viewer| viewer.stalled_until.is_none()) {
            let Some(tab) = self.tabs.iter_mut().find(|tab| Some(tab.number) == viewer.tab) else { continue };
            let mut out = Vec::new();
            let before = viewer.consumed;
            for frame in tab.down.take(now) {
                viewer.take(frame, tab.channel, now, &mut out);
            }
            if viewer.consumed > before {
                out.push(Frame::Ack { channel: tab.channel, consumed: viewer.consumed });
            }
            moved |= !out.is_empty();
            for frame in &out {
                tab.up.send(frame, now);
            }
        }
        moved
    }
}
