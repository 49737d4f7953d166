//! A PTY host of a test's own, and a reader of it that remembers what it saw.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::base::offset::Offset;
use sessionforge::base::problem::Problem;
use sessionforge::host::client::{ConnectError, HostClient};
use sessionforge::host::launch;
use sessionforge::host::spec::Spec;
use sessionforge::wire::frame::{Frame, InputOutcome, SnapshotAt};
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{self, From, SessionAsk, SessionSays, Take};
use sessionforge::wire::session::{Launch, SessionInfo};

/// Longest wait for anything; nothing measured.
const WAIT_MAX: Duration = Duration::from_secs(45);

/// The real binary.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sessionforge"))
}

/// A PTY host in a runtime directory of its own. Killed when dropped, with its program.
pub struct TestHost {
    dir: tempfile::TempDir,
    pub session: SessionId,
    pub pid: u32,
    pub socket: PathBuf,
}

/// What to run: `sh -c script` in 80×24.
pub fn shell(script: &str) -> Launch {
    Launch {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        workdir: Some("/".to_owned()),
        name: None,
        cols: 80,
        rows: 24,
    }
}

/// A spec for `launch` in `dir`.
pub fn spec(launch: Launch, dir: &Path) -> Spec {
    Spec {
        session: SessionId::random(),
        launch,
        runtime_dir: dir.join("run"),
        env: Vec::new(),
        resumed_from: None,
        keep_screen: true,
        tier: sessionforge::host::tier::Tier::Pty,
    }
}

impl TestHost {
    pub async fn start(launch: Launch) -> Result<Self, Problem> {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec(launch, dir.path());
        let ready = launch::start(binary(), &spec, None).await?;
        Ok(Self { dir, session: spec.session, pid: ready.pid, socket: ready.socket })
    }

    pub async fn shell(script: &str) -> Self {
        Self::start(shell(script)).await.unwrap()
    }

    pub fn runtime_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    pub async fn connect(&self) -> Probe {
        Probe::new(HostClient::connect(&self.socket, Role::Agent).await.unwrap())
    }

    /// Connected, in control, and subscribed from a snapshot.
    pub async fn attach(&self) -> Probe {
        let mut probe = self.connect().await;
        probe.join(Take::IfFree, 80, 24).await;
        probe.ask(SessionAsk::Subscribe { from: From::Snapshot }).await;
        probe
    }

    pub async fn is_gone(&self) -> bool {
        matches!(HostClient::connect(&self.socket, Role::Agent).await, Err(ConnectError::Gone))
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        signal(self.pid, libc::SIGKILL);
    }
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: i32) {
    // SAFETY: kill(2) touches no memory of ours.
    let _ = unsafe { libc::kill(i32::try_from(pid).unwrap(), signal) };
}

/// One connection to a host.
pub struct Probe {
    client: HostClient,
    pub viewer: ViewerId,
    next_number: u64,
    /// Whether what is read is acknowledged.
    pub acknowledges: bool,
    /// How much of the screen's end is kept and looked through, in bytes.
    pub searches: usize,
    /// Takes at most this many bytes a second, as a slow line does.
    pub bytes_per_second: Option<u32>,
    consumed: u64,
    /// All output since the last repaint, and the repaint before it.
    pub screen: Vec<u8>,
    pub painted_at: SnapshotAt,
    pub repaints: usize,
    /// Offset of the next byte expected.
    pub offset: Offset,
    pub received: u64,
    pub hash: u64,
    pub info: Option<SessionInfo>,
    pub infos: usize,
    pub control: Option<SessionSays>,
    pub ended: Option<Offset>,
    pub acks: HashMap<u64, InputOutcome>,
    /// Answers to snapshot requests, complete ones only.
    pub answers: HashMap<u32, (SnapshotAt, Vec<u8>)>,
    answering: HashMap<u32, Vec<u8>>,
    pub pongs: Vec<u64>,
}

/// FNV-1a, of which a running value is enough.
pub fn hash(mut so_far: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        so_far = (so_far ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    so_far
}

impl Probe {
    pub fn new(client: HostClient) -> Self {
        Self {
            client,
            viewer: ViewerId::random(),
            next_number: 1,
            acknowledges: true,
            searches: 1 << 20,
            bytes_per_second: None,
            consumed: 0,
            screen: Vec::new(),
            painted_at: SnapshotAt::default(),
            repaints: 0,
            offset: Offset::ZERO,
            received: 0,
            hash: 0xcbf2_9ce4_8422_2325,
            info: None,
            infos: 0,
            control: None,
            ended: None,
            acks: HashMap::new(),
            answers: HashMap::new(),
            answering: HashMap::new(),
            pongs: Vec::new(),
        }
    }

    pub async fn ask(&mut self, ask: SessionAsk) {
        self.client.ask(&ask).await.unwrap();
    }

    pub async fn send(&mut self, frame: &Frame) {
        self.client.send(frame).await.unwrap();
    }

    pub async fn join(&mut self, take: Take, cols: u16, rows: u16) {
        let viewer = self.viewer;
        self.ask(SessionAsk::Join { viewer, take, cols, rows, theme: None }).await;
    }

    /// Sends input with the next number, and tells it.
    pub async fn type_text(&mut self, text: impl Into<Bytes>) -> u64 {
        let number = self.next_number;
        self.type_numbered(number, text).await;
        number
    }

    /// Sends input with this number, new or again.
    pub async fn type_numbered(&mut self, number: u64, text: impl Into<Bytes>) {
        self.next_number = self.next_number.max(number + 1);
        let frame = Frame::Input { channel: 0, viewer: self.viewer, number, bytes: text.into() };
        self.send(&frame).await;
    }

    /// Reads until `done`, acknowledging what comes.
    pub async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let reading = async {
            while !done(self) {
                let frame = self.client.next().await.unwrap();
                self.take(frame.unwrap_or_else(|| panic!("the host closed the connection before: {what}"))).await;
            }
        };
        if tokio::time::timeout(WAIT_MAX, reading).await.is_err() {
            let screen = String::from_utf8_lossy(&self.screen[self.screen.len().saturating_sub(2000)..]).into_owned();
            panic!("waited {WAIT_MAX:?} in vain: {what}; at {:?}, the screen ends with {screen:?}", self.offset);
        }
    }

    /// Reads until the screen's bytes contain `text`.
    pub async fn until_text(&mut self, text: &str) {
        self.until(&format!("the text {text:?}"), |probe| probe.shows(text)).await;
    }

    pub async fn until_acked(&mut self, number: u64) -> InputOutcome {
        self.until("an input's answer", |probe| probe.acks.contains_key(&number)).await;
        self.acks[&number]
    }

    pub fn shows(&self, text: &str) -> bool {
        memmem(&self.screen, text.as_bytes())
    }

    /// The next frame, or the end; for what a test wants to see raw.
    pub async fn next(&mut self) -> Option<Frame> {
        tokio::time::timeout(WAIT_MAX, self.client.next()).await.unwrap().ok().flatten()
    }

    async fn take(&mut self, frame: Frame) {
        let payload = match frame {
            Frame::Output { offset, bytes, .. } => {
                assert_eq!(offset, self.offset, "output follows without a gap or a repeat");
                self.offset = offset + bytes.len();
                self.hash = hash(self.hash, &bytes);
                self.received += bytes.len() as u64;
                self.screen.extend_from_slice(&bytes);
                let excess = self.screen.len().saturating_sub(self.searches);
                self.screen.drain(..excess);
                bytes.len()
            }
            Frame::Snapshot { id: 0, at, flags, bytes, .. } => {
                if flags.first {
                    self.screen.clear();
                }
                self.screen.extend_from_slice(&bytes);
                if flags.last {
                    (self.painted_at, self.offset) = (at, at.offset);
                    self.repaints += 1;
                }
                bytes.len()
            }
            Frame::Snapshot { id, at, flags, bytes, .. } => {
                let answer = self.answering.entry(id).or_default();
                if flags.first {
                    answer.clear();
                }
                answer.extend_from_slice(&bytes);
                if flags.last {
                    let answer = self.answering.remove(&id).unwrap();
                    self.answers.insert(id, (at, answer));
                }
                bytes.len()
            }
            Frame::Control(json) => {
                match message::from_json(&json).unwrap() {
                    SessionSays::Info { info } => {
                        self.info = Some(info);
                        self.infos += 1;
                    }
                    SessionSays::End { offset } => self.ended = Some(offset),
                    control @ SessionSays::Control { .. } => self.control = Some(control),
                    SessionSays::Text { .. } | SessionSays::Answered { .. } | SessionSays::Unknown => {}
                }
                0
            }
            Frame::InputAck { number, outcome, viewer, .. } => {
                assert_eq!(viewer, self.viewer);
                self.acks.insert(number, outcome);
                0
            }
            Frame::Pong(number) => {
                self.pongs.push(number);
                0
            }
            other => panic!("not for a reader: {other:?}"),
        };
        self.consumed += payload as u64;
        if let Some(rate) = self.bytes_per_second {
            tokio::time::sleep(Duration::from_secs_f64(payload as f64 / f64::from(rate))).await;
        }
        if payload > 0 && self.acknowledges {
            let ack = Frame::Ack { channel: 0, consumed: self.consumed };
            self.client.send(&ack).await.unwrap();
        }
    }
}

fn memmem(hay: &[u8], needle: &[u8]) -> bool {
    // Only the newest part can be new; but waits are rare and screens short.
    hay.windows(needle.len().max(1)).any(|window| window == needle)
}
