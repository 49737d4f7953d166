//! The server's part of the journey: one session to many viewers, first the hub alone, then the server with its sockets.
//!
//! `through_server` is a played agent that prints, a real server on loopback, and played viewers that acknowledge.
//! `key_through_server` is a key from a viewer to the agent and its echo back, nobody else being there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::missing_panics_doc, reason = "a bench")]
#![allow(
    clippy::format_push_string,
    unreachable_pub,
    dead_code,
    reason = "shared with the tests, not all of it is used"
)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use sessionforge::base::id::{KeyId, MachineId, OrganisationId, SessionId, UserId, ViewerId};
use sessionforge::base::limits::{FRAME_PAYLOAD_BYTES_MAX, OUTPUT_LOG_BYTES_MAX};
use sessionforge::base::offset::Offset;
use sessionforge::server::auth::{Caller, Via};
use sessionforge::server::relay::{Arrival, Page, Pulled, SessionHub, Slot, Uplink};
use sessionforge::store::Role;
use sessionforge::stream::{OutputLog, Painting, Reader, Step};
use sessionforge::wire::Frame;
use sessionforge::wire::frame::{InputOutcome, SnapshotAt, SnapshotFlags};
use sessionforge::wire::hello::Role as Peer;
use sessionforge::wire::message::{self, Announced, From, FromAgent, FromViewer, SessionAsk, Take, ToAgent};
use sessionforge::wire::session::{MachineFacts, SessionInfo};
use support::http::Http;
use support::server::TestServer;
use support::socket::Socket;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

const MIB: usize = 1 << 20;
const CHANNEL: u32 = 1;

/// Every viewer takes a MiB and acknowledges it.
#[divan::bench(args = [1, 10, 100, 1000])]
fn hub_alone(bencher: Bencher<'_, '_>, viewers: usize) {
    let hub = SessionHub::new(SessionId::random());
    let uplink = Arc::new(Uplink::new(MachineId::random(), OrganisationId::random(), KeyId::random()));
    hub.online(&uplink, CHANNEL);
    let mut viewers: Vec<(Slot, u64)> = (0..viewers).map(|_| (hub.attach(arrival()).unwrap(), 0)).collect();
    let whole = SnapshotFlags { first: true, last: true, history: false };
    hub.snapshot(&uplink, CHANNEL, 0, SnapshotAt::default(), whole, b"").unwrap();
    let piece = vec![b'x'; FRAME_PAYLOAD_BYTES_MAX];
    let (mut end, mut out) = (Offset::ZERO, Vec::new());
    bencher.counter(BytesCount::new(MIB * viewers.len())).bench_local(|| {
        for _ in 0..MIB / piece.len() {
            hub.output(&uplink, CHANNEL, end, &piece).unwrap();
            end = end + piece.len();
            while uplink.next().is_some() {}
            for (slot, consumed) in &mut viewers {
                let now = Instant::now();
                while hub.pull(*slot, now, MIB, false, &mut out) == Pulled::More {}
                for frame in out.drain(..) {
                    if let Frame::Output { bytes, .. } = frame {
                        *consumed += bytes.len() as u64;
                    }
                }
                hub.acked(*slot, *consumed, now).unwrap();
            }
        }
    });
}

fn arrival() -> Arrival {
    let (user, organisation) = (UserId::random(), OrganisationId::random());
    let (via, scopes, expires_at) = (Via::Key(KeyId::random()), None, None);
    let who = Caller {
        user,
        organisation,
        role: Role::Owner,
        via,
        scopes,
        expires_at,
        address: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    let (page, may_type) = (Arc::new(Page::new(who, "Ada".to_owned())), true);
    let (channel, viewer, from, take) = (CHANNEL, ViewerId::random(), From::Snapshot, Take::IfFree);
    Arrival { page, channel, viewer, from, may_type, take, cols: 80, rows: 24, theme: None }
}

/// Every viewer receives 64 MiB (one viewer) or 2 MiB (many).
#[divan::bench(args = [1, 10, 100], sample_count = 5, sample_size = 1)]
fn through_server(bencher: Bencher<'_, '_>, viewers: usize) {
    let runtime = Runtime::new().unwrap();
    let each = if viewers == 1 { 64 * MIB } else { 2 * MIB };
    let mut world = runtime.block_on(World::start(viewers));
    bencher.counter(BytesCount::new(each * viewers)).bench_local(|| runtime.block_on(world.print(each)));
}

#[divan::bench(sample_count = 200, sample_size = 10)]
fn key_through_server(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().unwrap();
    let mut world = runtime.block_on(World::start(1));
    bencher.bench_local(|| runtime.block_on(world.echo()));
}

struct World {
    _server: TestServer,
    print: tokio::sync::mpsc::Sender<usize>,
    viewers: Vec<Tab>,
}

impl World {
    async fn start(viewers: usize) -> Self {
        let server = TestServer::start().await;
        let mut owner = server.owner().await;
        let key = owner.post("/api/v1/keys", &serde_json::json!({ "name": "bench" })).await.ok().json();
        let agent = Http { bearer: key["key"].as_str().map(str::to_owned), cookie: None, ..owner.clone() };
        let session = SessionId::random();
        let (print, prints) = tokio::sync::mpsc::channel(1);
        let socket = Socket::open(&agent, "/api/v1/agent", None).await.unwrap();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        tokio::spawn(agent_task(socket, session, prints, ready));
        is_ready.await.unwrap();
        let mut tabs = Vec::new();
        for _ in 0..viewers {
            tabs.push(Tab::open(&owner, session).await);
        }
        Self { _server: server, print, viewers: tabs }
    }

    async fn print(&mut self, bytes: usize) {
        self.print.send(bytes).await.unwrap();
        futures_util::future::join_all(self.viewers.iter_mut().map(|tab| tab.read(bytes))).await;
    }

    async fn echo(&mut self) {
        let tab = &mut self.viewers[0];
        tab.number += 1;
        let bytes = Bytes::from_static(b"x");
        let input = Frame::Input { channel: CHANNEL, viewer: tab.viewer, number: tab.number, bytes };
        tab.socket.send(&input).await.unwrap();
        tab.read(1).await;
    }
}

struct Tab {
    socket: Socket,
    viewer: ViewerId,
    number: u64,
    next: Offset,
    wanted: Offset,
    consumed: u64,
}

impl Tab {
    async fn open(who: &Http, session: SessionId) -> Self {
        let mut socket = Socket::open(who, "/api/v1/viewer", None).await.unwrap();
        socket.greet(Peer::Viewer).await.unwrap();
        let viewer = ViewerId::random();
        let (from, take) = (From::Snapshot, Take::IfFree);
        let attach =
            FromViewer::Attach { channel: CHANNEL, session, viewer, from, take, cols: 80, rows: 24, theme: None };
        socket.send(&message::to_frame(&attach)).await.unwrap();
        let mut tab = Self { socket, viewer, number: 0, next: Offset::ZERO, wanted: Offset::ZERO, consumed: 0 };
        while !tab.take().await {}
        tab
    }

    /// Takes one frame; whether the screen was painted.
    async fn take(&mut self) -> bool {
        match self.socket.next().await.unwrap() {
            Frame::Output { offset, bytes, .. } => {
                assert_eq!(offset, self.next, "a gap");
                self.next = offset + bytes.len();
                self.consumed += bytes.len() as u64;
            }
            Frame::Snapshot { at, bytes, flags, .. } => {
                self.consumed += bytes.len() as u64;
                self.next = at.offset;
                if flags.last {
                    self.wanted = self.wanted.max(at.offset);
                    self.ack().await;
                    return true;
                }
            }
            _ => return false,
        }
        self.ack().await;
        false
    }

    async fn ack(&mut self) {
        self.socket.send(&Frame::Ack { channel: CHANNEL, consumed: self.consumed }).await.unwrap();
    }

    async fn read(&mut self, bytes: usize) {
        self.wanted = self.wanted + bytes;
        while self.next < self.wanted {
            // With a hundred on one machine some may be left behind; they are painted, and have read all the same.
            self.take().await;
        }
    }
}

/// An agent with one session, whose host prints what it is told to and echoes.
async fn agent_task(
    mut socket: Socket,
    session: SessionId,
    mut prints: tokio::sync::mpsc::Receiver<usize>,
    ready: tokio::sync::oneshot::Sender<()>,
) {
    socket.greet(Peer::Agent).await.unwrap();
    let facts = MachineFacts { name: "bench".to_owned(), ..MachineFacts::default() };
    socket.send(&message::to_frame(&FromAgent::Register { machine: None, facts })).await.unwrap();
    socket.next().await.unwrap();
    let announced = Announced { channel: CHANNEL, info: info(session) };
    socket.send(&message::to_frame(&FromAgent::Sessions { sessions: vec![announced] })).await.unwrap();
    // Whoever asks for the session from here on finds it.
    socket.send(&Frame::Ping(1)).await.unwrap();
    while !matches!(socket.next().await.unwrap(), Frame::Pong(_)) {}
    ready.send(()).unwrap();

    let mut log = OutputLog::new(OUTPUT_LOG_BYTES_MAX);
    let mut reader: Option<Reader<SnapshotAt>> = None;
    let (mut left, piece) = (0, vec![b'x'; FRAME_PAYLOAD_BYTES_MAX]);
    loop {
        // The program is held when the log is half unread: what is measured is the server, not what it leaves out.
        if let Some(reader) = &reader {
            while left > 0 && log.end().since(reader.position()) < OUTPUT_LOG_BYTES_MAX as u64 / 2 {
                let bytes = left.min(piece.len());
                log.append(&piece[..bytes]);
                left -= bytes;
            }
        }
        while let Some(reader) = &mut reader {
            let frame = match reader.step(&mut log, Instant::now()) {
                Step::Output { offset, bytes } => Frame::Output { channel: CHANNEL, offset, bytes },
                Step::Paint { label: at, first, last, bytes } | Step::Answer { label: at, first, last, bytes } => {
                    let flags = SnapshotFlags { first, last, history: false };
                    Frame::Snapshot { channel: CHANNEL, id: 0, at, flags, bytes }
                }
                Step::Repaint => {
                    let at = SnapshotAt { offset: log.end(), epoch: 0, cols: 80, rows: 24 };
                    reader.repainted(at.offset, Painting::of(at, Bytes::from_static(b"screen")));
                    continue;
                }
                Step::Wait => break,
            };
            socket.send(&frame).await.unwrap();
        }
        tokio::select! {
            Some(bytes) = prints.recv() => left += bytes,
            frame = socket.next() => match frame {
                Ok(Frame::Ack { consumed, .. }) => reader.as_mut().unwrap().acked(consumed, Instant::now()).unwrap(),
                Ok(Frame::Input { viewer, number, bytes, .. }) => {
                    log.append(&bytes);
                    let outcome = InputOutcome::Applied;
                    socket.send(&Frame::InputAck { channel: CHANNEL, viewer, number, outcome }).await.unwrap();
                }
                Ok(Frame::Control(json)) => match message::from_json(&json) {
                    Ok(ToAgent::Session { ask: SessionAsk::Subscribe { .. }, .. }) => reader = Some(Reader::unpainted()),
                    Ok(ToAgent::Session { ask: SessionAsk::Snapshot { id, .. }, .. }) => {
                        let at = SnapshotAt { offset: log.end(), epoch: 0, cols: 80, rows: 24 };
                        let flags = SnapshotFlags { first: true, last: true, history: false };
                        socket.send(&Frame::Snapshot { channel: CHANNEL, id, at, flags, bytes: Bytes::new() }).await.unwrap();
                    }
                    _ => {}
                },
                Ok(_) => {}
                Err(_) => return,
            },
        }
    }
}

fn info(id: SessionId) -> SessionInfo {
    SessionInfo::new(id, "bench")
}
