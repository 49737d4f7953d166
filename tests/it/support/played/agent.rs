//! An agent as the server knows it: it registers, announces its sessions, carries their frames, and comes back by itself
//! with the product's own backoff.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sessionforge::base::id::{MachineId, SessionId, fill_random};
use sessionforge::base::limits::PING_EVERY;
use sessionforge::stream::backoff::Backoff;
use sessionforge::wire::Frame;
use sessionforge::wire::attention::{Need, Reason};
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{self, Announced, FromAgent, ToAgent};
use sessionforge::wire::session::{Activity, MachineFacts, SessionInfo};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::http::Http;
use super::super::socket::{Closed, Socket};
use super::super::wait::Changes;
use super::host::PlayedHost;

/// Where agents connect.
pub const AGENT_PATH: &str = "/api/v1/agent";

/// What one session prints, in [`Order::Pace`], while somebody watches.
const LINE: &[u8] = b"a line of output as a program at work prints one in a second\r\n";

/// Output one played host keeps, in bytes.
const LOG_BYTES_MAX: usize = 256 * 1024;

enum Order {
    Cut,
    Away(bool),
    Replace(SessionId),
    Change(SessionId, Box<dyn FnOnce(&mut SessionInfo) + Send>),
    /// Lines a second of every session that somebody watches; one, until told otherwise.
    Pace(usize),
}

/// What others may know of an agent.
#[derive(Debug, Default)]
pub struct Seen {
    /// Its machine, once registered.
    pub machine: Option<MachineId>,
    /// Since when the server knows all its sessions; `None` while it is not connected.
    pub online_since: Option<Instant>,
    /// Connections registered so far.
    pub connections: u32,
    /// Its sessions now.
    pub sessions: Vec<SessionId>,
}

/// The agent. Dropping it breaks its connection.
pub struct PlayedAgent {
    seen: Arc<Mutex<Seen>>,
    orders: mpsc::Sender<Order>,
    task: tokio::task::JoinHandle<()>,
}

impl PlayedAgent {
    /// Begins to connect with `sessions` sessions. `changes` is raised whenever what is [`Seen`] of it changes.
    pub fn start(who: Http, name: String, sessions: usize, changes: Arc<Changes>) -> Self {
        let hosts: Vec<_> = (0..sessions).map(|_| PlayedHost::new(SessionId::random(), LOG_BYTES_MAX)).collect();
        let seen = Arc::new(Mutex::new(Seen { sessions: ids(&hosts), ..Seen::default() }));
        let (orders, taken) = mpsc::channel(16);
        let agent = Agent {
            who,
            name,
            hosts,
            seen: Arc::clone(&seen),
            changes,
            orders: taken,
            last_channel: 0,
            away: false,
            pace: 1,
        };
        Self { seen, orders, task: tokio::spawn(agent.run()) }
    }

    /// Looks at what is known of it.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// Breaks its connection without a word; it comes back by itself.
    pub async fn cut(&self) {
        self.order(Order::Cut).await;
    }

    /// Breaks its connection and does not come back, or comes back after all.
    pub async fn away(&self, away: bool) {
        self.order(Order::Away(away)).await;
    }

    /// Ends a session, forgets it, and starts another one.
    pub async fn replace(&self, session: SessionId) {
        self.order(Order::Replace(session)).await;
    }

    /// A session's title changes.
    pub async fn retitle(&self, session: SessionId, title: String) {
        self.change(session, |info| info.title = Some(title)).await;
    }

    /// What is known of a session changes.
    pub async fn change(&self, session: SessionId, change: impl FnOnce(&mut SessionInfo) + Send + 'static) {
        self.order(Order::Change(session, Box::new(change))).await;
    }

    /// A session asks for leave to run `text`; its request number `id`.
    pub async fn ask(&self, session: SessionId, id: u64, text: &str) {
        let (reason, tool, text) = (Reason::Permission, Some("Bash".to_owned()), text.to_owned());
        let need = Need { id, reason, tool, text, since: 5, answerable: true, always: false };
        self.change(session, |info| (info.activity, info.needs) = (Activity::NeedsYou, Some(need))).await;
    }

    /// It was answered, and works on.
    pub async fn work(&self, session: SessionId) {
        self.change(session, |info| (info.activity, info.needs) = (Activity::Working, None)).await;
    }

    /// Sessions that somebody watches print this many lines a second.
    pub async fn pace(&self, lines: usize) {
        self.order(Order::Pace(lines)).await;
    }

    async fn order(&self, order: Order) {
        assert!(self.orders.send(order).await.is_ok(), "the agent has gone");
    }
}

impl Drop for PlayedAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Agent {
    who: Http,
    name: String,
    hosts: Vec<PlayedHost>,
    seen: Arc<Mutex<Seen>>,
    changes: Arc<Changes>,
    orders: mpsc::Receiver<Order>,
    last_channel: u32,
    away: bool,
    pace: usize,
}

impl Agent {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            if let Ok(mut socket) = Socket::open(&self.who, AGENT_PATH, None).await
                && self.register(&mut socket).await.is_ok()
            {
                backoff.reset();
                // Whatever ended it, the next one is made.
                let _ = self.serve(socket).await;
            }
            self.tell(|seen| seen.online_since = None);
            while self.away
                && let Some(order) = self.orders.recv().await
            {
                self.away = !matches!(order, Order::Away(false));
            }
            let mut raw = [0; 4];
            fill_random(&mut raw);
            tokio::time::sleep(backoff.next(u32::from_ne_bytes(raw))).await;
        }
    }

    async fn register(&mut self, socket: &mut Socket) -> Result<(), Closed> {
        socket.greet(Role::Agent).await?;
        let machine = self.seen.lock().unwrap().machine;
        let facts = MachineFacts {
            name: self.name.clone(),
            hostname: self.name.clone(),
            os: "linux".to_owned(),
            build: "played".to_owned(),
            ..MachineFacts::default()
        };
        socket.send(&message::to_frame(&FromAgent::Register { machine, facts })).await?;
        let machine = loop {
            if let Frame::Control(json) = socket.next().await?
                && let Ok(ToAgent::Registered { machine, .. }) = message::from_json(&json)
            {
                break machine;
            }
        };
        self.last_channel = 0;
        for host in &mut self.hosts {
            self.last_channel += 1;
            host.connected(self.last_channel);
        }
        let announced = |host: &PlayedHost| Announced { channel: host.channel, info: host.info.clone() };
        let sessions = self.hosts.iter().map(announced).collect();
        socket.send(&message::to_frame(&FromAgent::Sessions { sessions })).await?;
        self.tell(|seen| {
            seen.machine = Some(machine);
            seen.connections += 1;
        });
        Ok(())
    }

    async fn serve(&mut self, mut socket: Socket) -> Result<(), Closed> {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            self.send_all(&mut socket).await?;
            tokio::select! {
                frame = socket.next() => self.heard(frame?),
                // The first one at once: whoever asks for a session when it is answered finds it.
                _ = ping.tick() => socket.send(&Frame::Ping(1)).await?,
                _ = second.tick() => {
                    let lines = LINE.repeat(self.pace);
                    self.hosts.iter_mut().filter(|host| host.is_watched()).for_each(|host| host.print(&lines));
                }
                order = self.orders.recv() => match order {
                    Some(Order::Replace(session)) => self.replace(session, &mut socket).await?,
                    Some(Order::Change(session, change)) => {
                        if let Some(host) = self.hosts.iter_mut().find(|host| host.info.id == session) {
                            host.change(change);
                        }
                    }
                    Some(Order::Pace(lines)) => self.pace = lines,
                    Some(Order::Away(away)) => {
                        self.away = away;
                        return Ok(());
                    }
                    Some(Order::Cut) | None => return Ok(()),
                },
            }
        }
    }

    async fn send_all(&mut self, socket: &mut Socket) -> Result<(), Closed> {
        for host in &mut self.hosts {
            while let Some(frame) = host.next(std::time::Instant::now()) {
                socket.send(&frame).await?;
            }
        }
        Ok(())
    }

    fn heard(&mut self, frame: Frame) {
        let now = std::time::Instant::now();
        match frame {
            Frame::Input { channel, .. } | Frame::Ack { channel, .. } => {
                if let Some(host) = self.on(channel) {
                    host.heard(frame, now);
                }
            }
            Frame::Control(json) => {
                let message = message::from_json(&json).expect("a message of ours");
                if let ToAgent::Session { channel, ask } = message
                    && let Some(host) = self.on(channel)
                {
                    host.asked(&ask);
                }
            }
            Frame::Pong(_) => self.tell(|seen| {
                seen.online_since.get_or_insert_with(Instant::now);
            }),
            _ => {}
        }
    }

    async fn replace(&mut self, session: SessionId, socket: &mut Socket) -> Result<(), Closed> {
        let Some(at) = self.hosts.iter().position(|host| host.info.id == session) else { return Ok(()) };
        self.hosts[at].end();
        self.send_all(socket).await?;
        socket.send(&message::to_frame(&FromAgent::Closed { channel: self.hosts[at].channel })).await?;
        let mut host = PlayedHost::new(SessionId::random(), LOG_BYTES_MAX);
        self.last_channel += 1;
        host.connected(self.last_channel);
        let announced = Announced { channel: host.channel, info: host.info.clone() };
        self.hosts[at] = host;
        let sessions = ids(&self.hosts);
        self.tell(|seen| seen.sessions = sessions);
        socket.send(&message::to_frame(&FromAgent::Opened { announced })).await
    }

    fn on(&mut self, channel: u32) -> Option<&mut PlayedHost> {
        self.hosts.iter_mut().find(|host| host.channel == channel)
    }

    fn tell(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
        self.changes.raise();
    }
}

fn ids(hosts: &[PlayedHost]) -> Vec<SessionId> {
    hosts.iter().map(|host| host.info.id).collect()
}
