//! The agent between a server and PTY hosts that are played by the tests: what each of them would notice.

mod compatibility;
mod one_agent;

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_util::sync::CancellationToken;

use super::config::{AgentConfig, ConfigFile, Origin};
use super::{AgentError, Status, run, runtime_dir};
use crate::base::id::{MachineId, SessionId, ViewerId};
use crate::base::limits::{FRAME_PAYLOAD_BYTES_MAX, SILENCE_MAX, WINDOW_BYTES_MAX, WINDOW_BYTES_START};
use crate::base::offset::Offset;
use crate::base::problem::Code;
use crate::base::secret::Secret;
use crate::host::framed::{FrameReader, FrameWriter};
use crate::host::last_screen::{self, LastScreen};
use crate::host::runtime_dir::{Facts, prepare, socket_path, write_facts};
use crate::wire::Frame;
use crate::wire::frame::{InputOutcome, SnapshotAt};
use crate::wire::hello::{Hello, PROTOCOL_MAJOR, PROTOCOL_MINOR, Role};
use crate::wire::message::{Announced, From, FromAgent, SessionAsk, SessionSays, ToAgent, from_json, to_frame};
use crate::wire::session::{Launch, SessionInfo, SessionState};

/// Longer than the silence after which an agent leaves its server.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| unreachable!("waited too long for {what}"))
}

fn info(id: SessionId, state: SessionState) -> SessionInfo {
    SessionInfo { state, started_at: 1, ..SessionInfo::new(id, "bash") }
}

/// A PTY host's socket and facts, without a PTY.
struct Host {
    id: SessionId,
    listener: UnixListener,
}

/// One connection to it.
struct HostPeer {
    reader: FrameReader<tokio::net::unix::OwnedReadHalf>,
    writer: FrameWriter<tokio::net::unix::OwnedWriteHalf>,
}

impl Host {
    fn new(data_dir: &Path) -> Self {
        let id = SessionId::random();
        let dir = runtime_dir(data_dir);
        prepare(&dir).unwrap();
        let socket = socket_path(&dir, id);
        let listener = UnixListener::bind(&socket).unwrap();
        let protocol = (PROTOCOL_MAJOR, PROTOCOL_MINOR);
        let facts = Facts { protocol, build: "0".into(), host_pid: 1, socket, info: info(id, SessionState::Running) };
        write_facts(&dir, &facts).unwrap();
        Self { id, listener }
    }

    async fn accept(&self) -> HostPeer {
        let (stream, _): (UnixStream, _) = soon("the agent at the host", self.listener.accept()).await.unwrap();
        let (reader, writer) = stream.into_split();
        let mut peer = HostPeer { reader: FrameReader::new(reader), writer: FrameWriter::new(writer) };
        assert!(matches!(peer.next().await, Frame::Hello(_)));
        peer.send(&Hello::of(Role::Host).to_frame()).await;
        peer.send(&to_frame(&SessionSays::Info { info: info(self.id, SessionState::Running) })).await;
        peer
    }
}

impl HostPeer {
    async fn next(&mut self) -> Frame {
        soon("a frame at the host", self.reader.next()).await.unwrap().unwrap()
    }

    async fn send(&mut self, frame: &Frame) {
        self.writer.send(frame).await.unwrap();
    }
}

/// The server's end of an uplink.
struct Server {
    listener: TcpListener,
}

struct Peer {
    socket: WebSocketStream<TcpStream>,
    registered_as: Option<MachineId>,
}

impl Server {
    /// Takes the next connection as far as `registered`.
    async fn accept(&self, machine: MachineId) -> Peer {
        let mut peer = self.accept_unregistered().await;
        assert!(matches!(peer.next().await, Frame::Hello(_)));
        let FromAgent::Register { machine: known, .. } = peer.hear().await else {
            unreachable!("register comes first")
        };
        peer.registered_as = known;
        peer.send(&Hello::of(Role::Server).to_frame()).await;
        peer.say(&ToAgent::Registered { machine, organisation: "home".into() }).await;
        peer
    }

    async fn accept_unregistered(&self) -> Peer {
        let (stream, _) = soon("the agent at the server", self.listener.accept()).await.unwrap();
        let socket = soon("the upgrade", tokio_tungstenite::accept_async(stream)).await.unwrap();
        Peer { socket, registered_as: None }
    }
}

impl Peer {
    /// The next frame that is no ping.
    async fn next(&mut self) -> Frame {
        loop {
            let frame = self.next_of_all().await;
            if !matches!(frame, Frame::Ping(_)) {
                return frame;
            }
        }
    }

    async fn next_of_all(&mut self) -> Frame {
        loop {
            match soon("a frame at the server", self.socket.next()).await.unwrap().unwrap() {
                Message::Binary(bytes) => return Frame::decode(bytes).unwrap(),
                other => assert!(!other.is_close(), "the agent closed: {other:?}"),
            }
        }
    }

    async fn send(&mut self, frame: &Frame) {
        self.socket.send(Message::Binary(frame.encode())).await.unwrap();
    }

    async fn say(&mut self, message: &ToAgent) {
        self.send(&to_frame(message)).await;
    }

    /// The next control message that is not about output.
    async fn hear(&mut self) -> FromAgent {
        loop {
            if let Frame::Control(json) = self.next().await {
                return from_json(&json).unwrap();
            }
        }
    }

    async fn sessions(&mut self) -> Vec<Announced> {
        let FromAgent::Sessions { sessions } = self.hear().await else { unreachable!("sessions come first") };
        sessions
    }
}

/// An agent that runs until dropped.
struct World {
    data_dir: tempfile::TempDir,
    server: Server,
    agent: JoinHandle<Result<(), AgentError>>,
    stop: CancellationToken,
}

/// An agent whose sessions have its own environment: this process is no program that a shell could become.
fn config(data_dir: &Path, server: String) -> AgentConfig {
    let file = ConfigFile { allow: vec!["bash".into()], environment: Some(Origin::Agent), ..ConfigFile::default() };
    AgentConfig::new(data_dir, server, Secret::new("sf_live_test"), file)
}

impl World {
    async fn start(prepare: impl FnOnce(&Path)) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        prepare(data_dir.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(data_dir.path(), format!("http://{}", listener.local_addr().unwrap()));
        let stop = CancellationToken::new();
        let agent = tokio::spawn(run(config, watch::channel(Status::Connecting).0, stop.clone()));
        Self { data_dir, server: Server { listener }, agent, stop }
    }
}

#[tokio::test]
async fn keys_go_down_and_output_goes_up_under_the_sessions_channel() {
    let mut host = None;
    let world = World::start(|dir| host = Some(Host::new(dir))).await;
    let host = host.unwrap();
    let (mut server, mut at_host) = tokio::join!(world.server.accept(MachineId::random()), host.accept());
    let announced = server.sessions().await;
    assert_eq!((announced.len(), announced[0].info.id), (1, host.id));
    let channel = announced[0].channel;

    server.say(&ToAgent::Session { channel, ask: SessionAsk::Subscribe { from: From::Snapshot } }).await;
    let viewer = ViewerId::random();
    let typed = |channel| Frame::Input { channel, viewer, number: 1, bytes: Bytes::from_static(b"ls\r") };
    server.send(&typed(channel)).await;
    server.send(&Frame::Ack { channel, consumed: 9 }).await;
    let Frame::Control(ask) = at_host.next().await else { unreachable!("it is a control frame") };
    assert_eq!(from_json::<SessionAsk>(&ask).unwrap(), SessionAsk::Subscribe { from: From::Snapshot });
    assert_eq!(at_host.next().await, typed(0));
    assert_eq!(at_host.next().await, Frame::Ack { channel: 0, consumed: 9 });

    let output = |channel| Frame::Output { channel, offset: Offset(3), bytes: Bytes::from_static(b"README") };
    let ack = |channel| Frame::InputAck { channel, viewer, number: 1, outcome: InputOutcome::Applied };
    at_host.send(&output(0)).await;
    assert_eq!(server.next().await, output(channel));
    at_host.send(&ack(0)).await;
    assert_eq!(server.next().await, ack(channel));
    // Fields of a newer host reach a newer server whole.
    at_host.send(&Frame::Control(Bytes::from_static(br#"{"kind":"sing","song":"la"}"#))).await;
    let Frame::Control(json) = server.next().await else { unreachable!("it is a control frame") };
    let json = String::from_utf8(json.to_vec()).unwrap();
    assert_eq!(json, format!(r#"{{"kind":"session","channel":{channel},"says":{{"kind":"sing","song":"la"}}}}"#));
}

#[tokio::test]
async fn a_flood_in_one_session_does_not_delay_the_echo_in_another() {
    let mut hosts = Vec::new();
    let world = World::start(|dir| hosts = vec![Host::new(dir), Host::new(dir)]).await;
    let [flooding, typing] = hosts.as_slice() else { unreachable!("there are two") };
    let (mut server, mut flood, mut echo) =
        tokio::join!(world.server.accept(MachineId::random()), flooding.accept(), typing.accept());
    let announced = server.sessions().await;
    let typing_channel = announced.iter().find(|it| it.info.id == typing.id).unwrap().channel;

    // A host that ignores all credit, and a server that does not read: everything on the way fills up.
    let flooding = tokio::spawn(async move {
        let bytes = Bytes::from(vec![b'x'; FRAME_PAYLOAD_BYTES_MAX]);
        for round in 0..2_000_u64 {
            let offset = Offset(round * FRAME_PAYLOAD_BYTES_MAX as u64);
            if flood.writer.send(&Frame::Output { channel: 0, offset, bytes: bytes.clone() }).await.is_err() {
                return;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await; // Nothing tells when buffers have filled up.
    assert!(!flooding.is_finished(), "the flood must be held somewhere");
    echo.send(&Frame::Output { channel: 0, offset: Offset(0), bytes: Bytes::from_static(b"e") }).await;
    // The agent has the echo before the server goes on reading.
    tokio::time::sleep(Duration::from_millis(100)).await;

    let mut before = 0;
    loop {
        match server.next().await {
            Frame::Output { channel, .. } if channel == typing_channel => break,
            Frame::Output { bytes, .. } => before += bytes.len(),
            _ => {}
        }
    }
    // What the systems' socket buffers already held cannot be overtaken; the agent's own megabyte can.
    assert!(before < 12 * 1024 * 1024, "{before} bytes of flood went before one echo");
    flooding.abort();
}

#[tokio::test]
async fn a_host_that_is_gone_means_a_lost_session_and_one_that_never_was_means_none() {
    let mut host = None;
    let world = World::start(|dir| host = Some(Host::new(dir))).await;
    let host = host.unwrap();
    let (mut server, at_host) = tokio::join!(world.server.accept(MachineId::random()), host.accept());
    let channel = server.sessions().await[0].channel;
    let session = host.id;
    drop((at_host, host));
    let FromAgent::Opened { announced } = server.hear().await else {
        unreachable!("the session's new state comes next")
    };
    assert_eq!((announced.info.id, announced.info.state), (session, SessionState::Lost));
    assert_ne!(announced.channel, channel, "credit begins anew, so the channel does");
}

#[tokio::test]
async fn a_program_that_is_not_allowed_is_refused_with_the_way_out() {
    let world = World::start(|_| {}).await;
    let mut server = world.server.accept(MachineId::random()).await;
    assert_eq!(server.sessions().await, []);
    let launch =
        Launch { command: "/usr/bin/python3".into(), args: vec![], workdir: None, name: None, cols: 80, rows: 24 };
    server.say(&ToAgent::Start { request: 7, session: SessionId::random(), launch }).await;
    let FromAgent::Done { request, problem: Some(problem) } = server.hear().await else {
        unreachable!("the request is answered")
    };
    assert_eq!((request, problem.code), (7, Code::CommandNotAllowed));
    assert!(problem.message.contains("agent.json"), "{problem}");
}

#[tokio::test]
async fn a_new_uplink_keeps_the_machine_and_opens_hosts_anew() {
    let mut host = None;
    let world = World::start(|dir| host = Some(Host::new(dir))).await;
    let host = host.unwrap();
    let machine = MachineId::random();
    let (mut first, _held) = tokio::join!(world.server.accept(machine), host.accept());
    assert_eq!(first.registered_as, None);
    assert_eq!(first.sessions().await.len(), 1);
    drop(first);
    let (mut second, mut at_host) = tokio::join!(world.server.accept(machine), host.accept());
    assert_eq!(second.registered_as, Some(machine));
    let channel = second.sessions().await[0].channel;
    second.send(&Frame::Ack { channel, consumed: 1 }).await;
    assert_eq!(at_host.next().await, Frame::Ack { channel: 0, consumed: 1 }, "nothing of the first uplink is left");
}

#[tokio::test]
async fn a_refused_key_ends_the_agent_and_a_restart_does_not() {
    let world = World::start(|_| {}).await;
    let mut peer = world.server.accept(MachineId::random()).await;
    let close = |code: u16| Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() }));
    peer.socket.send(close(4000)).await.unwrap();
    let mut peer = world.server.accept(MachineId::random()).await;
    peer.socket.send(close(4403)).await.unwrap();
    let ended = soon("the agent's end", world.agent).await.unwrap().unwrap_err();
    assert!(ended.to_string().contains("key"), "{ended}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_pinged_and_then_left() {
    let world = World::start(|_| {}).await;
    let mut peer = world.server.accept(MachineId::random()).await;
    peer.sessions().await;
    let since = Instant::now();
    // How busy the machine is may be said before.
    while !matches!(peer.next_of_all().await, Frame::Ping(_)) {}
    let mut again = world.server.accept_unregistered().await;
    let silence = since.elapsed();
    assert!(matches!(again.next().await, Frame::Hello(_)), "it comes back");
    assert!(silence > SILENCE_MAX && silence < SILENCE_MAX + Duration::from_secs(4), "{silence:?}");
}

#[tokio::test]
async fn a_last_screen_goes_up_within_the_servers_credit_and_then_the_end() {
    const SCREEN_BYTES: usize = 200 * 1024;
    let session = SessionId::random();
    let at = SnapshotAt { offset: Offset(1_000_000), epoch: 3, cols: 200, rows: 60 };
    let world = World::start(|data_dir| {
        let dir = runtime_dir(data_dir);
        prepare(&dir).unwrap();
        let info = info(session, SessionState::Running);
        let facts = Facts { protocol: (1, 0), build: "0".into(), host_pid: 1, socket: "/nowhere.sock".into(), info };
        write_facts(&dir, &facts).unwrap();
        let screen = Bytes::from(vec![b'x'; SCREEN_BYTES]);
        last_screen::write(&dir, session, &LastScreen { taken_at: 5, at, screen, history: None }).unwrap();
    })
    .await;
    let mut server = world.server.accept(MachineId::random()).await;
    let announced = server.sessions().await.remove(0);
    assert_eq!((announced.info.state, announced.info.last_screen_at), (SessionState::Lost, Some(5)));

    let channel = announced.channel;
    server.say(&ToAgent::Session { channel, ask: SessionAsk::Subscribe { from: From::Snapshot } }).await;
    let (mut consumed, mut unacknowledged) = (0, 0);
    let ended = loop {
        match server.next().await {
            Frame::Snapshot { id: 0, at: this, flags, bytes, .. } => {
                assert_eq!((this, flags.first), (at, consumed == 0));
                consumed += bytes.len();
                unacknowledged += bytes.len();
                assert!(
                    unacknowledged <= WINDOW_BYTES_MAX as usize / 2,
                    "{unacknowledged} without a word from the server"
                );
                if unacknowledged >= WINDOW_BYTES_START as usize {
                    unacknowledged = 0;
                    server.send(&Frame::Ack { channel, consumed: consumed as u64 }).await;
                }
            }
            Frame::Control(json) => match from_json(&json).unwrap() {
                FromAgent::Session { says: SessionSays::End { offset }, .. } => break offset,
                other => unreachable!("{other:?}"),
            },
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!((consumed, ended), (SCREEN_BYTES, at.offset));
    // Who has all of it already is only told of the end.
    let from = From::Offset { offset: at.offset, epoch: at.epoch };
    server.say(&ToAgent::Session { channel, ask: SessionAsk::Subscribe { from } }).await;
    let FromAgent::Session { says, .. } = server.hear().await else { unreachable!("the end comes next") };
    assert_eq!(says, SessionSays::End { offset: at.offset });
}
