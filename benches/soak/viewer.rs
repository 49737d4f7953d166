//! A viewer that types, checks every byte, comes back by itself, and notes how long its keys took.
//!
//! Its keys are bytes that no program here prints: key `n` is `0x80 + n mod 64`. So the echo can be told from the output
//! around it, and must come in order, each key once. After a repaint the screen says how many keys were sent back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId, fill_random};
use sessionforge::base::limits::PING_EVERY;
use sessionforge::base::offset::Offset;
use sessionforge::stream::backoff::Backoff;
use sessionforge::wire::Frame;
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{From, FromViewer, Take, ToViewer, from_json, to_frame};
use tokio::time::Instant;

use super::support::http::Http;
use super::support::socket::{Closed, Socket};
use super::support::viewer::{CHANNEL, VIEWER_PATH};
use super::support::wait::Changes;

/// What all viewers found, together.
#[derive(Debug, Default)]
pub struct Findings {
    /// From key to echo, while the line was whole.
    pub echoes: Vec<Duration>,
    /// What must not happen.
    pub violations: Vec<String>,
    /// Keys typed, and those that came back.
    pub typed: u64,
    /// See `typed`.
    pub echoed: u64,
    /// Viewers that are live now.
    pub live: usize,
    /// Connections that were live at some time.
    pub connections: u64,
    /// For each return: when the viewer was live again and had its first echo.
    pub returns: Vec<Instant>,
    /// Bytes of news of the fleet.
    pub news: u64,
    /// Close codes and refusals, newest last, only the first few.
    pub closed: Vec<String>,
}

/// What viewers share.
#[derive(Debug, Default)]
pub struct Board {
    findings: Mutex<Findings>,
    /// Raised when a viewer comes or goes.
    pub changes: Changes,
    quiet: std::sync::atomic::AtomicBool,
}

/// Close reasons that are kept.
const CLOSED_MAX: usize = 20;

impl Board {
    /// Looks at the findings, or changes them.
    pub fn with<T>(&self, look: impl FnOnce(&mut Findings) -> T) -> T {
        look(&mut self.findings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether viewers type.
    pub fn type_keys(&self, on: bool) {
        self.quiet.store(!on, std::sync::atomic::Ordering::Relaxed);
    }

    fn is_quiet(&self) -> bool {
        self.quiet.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn violation(&self, what: String) {
        self.with(|findings| findings.violations.push(what));
    }
}

/// The viewer. Dropping it closes its tab.
pub struct Watcher {
    task: tokio::task::JoinHandle<()>,
    cut: Arc<tokio::sync::Notify>,
}

impl Watcher {
    /// Opens a tab on `session` that types a key every `every`, or only watches.
    pub fn open(who: &Http, session: SessionId, every: Option<Duration>, board: &Arc<Board>) -> Self {
        let cut = Arc::new(tokio::sync::Notify::new());
        let tab = Tab {
            who: who.clone(),
            session,
            every,
            board: Arc::clone(board),
            cut: Arc::clone(&cut),
            viewer: ViewerId::random(),
            number: 0,
            unacknowledged: VecDeque::new(),
            unechoed: VecDeque::new(),
            echoed: 0,
            at: None,
            screen: Vec::new(),
            consumed: 0,
            live: false,
            returning: false,
        };
        Self { task: tokio::spawn(tab.run()), cut }
    }

    /// Breaks its line; it comes back by itself.
    pub fn cut(&self) {
        self.cut.notify_one();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Tab {
    who: Http,
    session: SessionId,
    every: Option<Duration>,
    board: Arc<Board>,
    cut: Arc<tokio::sync::Notify>,
    viewer: ViewerId,
    number: u64,
    unacknowledged: VecDeque<(u64, Bytes)>,
    /// When each key was typed that has not come back; `None` if the line broke since.
    unechoed: VecDeque<Option<Instant>>,
    echoed: u64,
    /// Where it stands, once painted.
    at: Option<(Offset, u32)>,
    screen: Vec<u8>,
    consumed: u64,
    live: bool,
    /// The next echo is the first one since the line broke.
    returning: bool,
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.set_live(false);
    }
}

impl Tab {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            match Socket::open(&self.who, VIEWER_PATH, None).await {
                Ok(socket) => {
                    let closed = self.serve(socket).await;
                    if self.live {
                        backoff.reset();
                    }
                    self.note(&format!("{closed:?}"));
                }
                Err(refused) => self.note(&format!("{refused:?}")),
            }
            self.set_live(false);
            self.returning = true;
            self.unechoed.iter_mut().for_each(|typed| *typed = None);
            let mut raw = [0; 4];
            fill_random(&mut raw);
            tokio::time::sleep(backoff.next(u32::from_ne_bytes(raw))).await;
        }
    }

    fn note(&self, closed: &str) {
        self.board.with(|findings| {
            if findings.closed.len() < CLOSED_MAX {
                findings.closed.push(closed.to_owned());
            }
        });
    }

    async fn serve(&mut self, mut socket: Socket) -> Closed {
        match self.talk(&mut socket).await {
            Ok(never) => match never {},
            Err(closed) => closed,
        }
    }

    async fn talk(&mut self, socket: &mut Socket) -> Result<std::convert::Infallible, Closed> {
        socket.greet(Role::Viewer).await?;
        self.consumed = 0;
        self.screen.clear();
        let from = self.at.map_or(From::Snapshot, |(offset, epoch)| From::Offset { offset, epoch });
        let take = if self.every.is_some() { Take::IfFree } else { Take::Never };
        let (channel, session, viewer) = (CHANNEL, self.session, self.viewer);
        let attach = FromViewer::Attach { channel, session, viewer, from, take, cols: 80, rows: 24, theme: None };
        socket.send(&to_frame(&attach)).await?;
        let every = self.every.unwrap_or(Duration::from_hours(1));
        // Not all in the same instant, as people do not.
        let mut key =
            tokio::time::interval_at(Instant::now() + every.mul_f64(f64::from(self.viewer.0[0]) / 255.0), every);
        key.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ping = tokio::time::interval(PING_EVERY);
        let cut = Arc::clone(&self.cut);
        loop {
            tokio::select! {
                _ = ping.tick() => socket.send(&Frame::Ping(1)).await?,
                frame = socket.next() => self.take(frame?, socket).await?,
                _ = key.tick() => if self.every.is_some() && !self.board.is_quiet() {
                    self.press(socket).await?;
                },
                () = cut.notified() => return Err(Closed { code: None, reason: "cut by the test".to_owned() }),
            }
        }
    }

    async fn press(&mut self, socket: &mut Socket) -> Result<(), Closed> {
        let bytes = Bytes::from(vec![key_byte(self.number)]);
        self.number += 1;
        self.unacknowledged.push_back((self.number, bytes));
        self.board.with(|findings| findings.typed += 1);
        self.unechoed.push_back(self.live.then(Instant::now));
        if self.live {
            self.send_keys(socket, self.number).await?;
        }
        Ok(())
    }

    async fn send_keys(&self, socket: &mut Socket, from: u64) -> Result<(), Closed> {
        for (number, bytes) in self.unacknowledged.iter().filter(|(number, _)| *number >= from) {
            let (number, bytes) = (*number, bytes.clone());
            socket.send(&Frame::Input { channel: CHANNEL, viewer: self.viewer, number, bytes }).await?;
        }
        Ok(())
    }

    async fn take(&mut self, frame: Frame, socket: &mut Socket) -> Result<(), Closed> {
        let bytes = match frame {
            Frame::Output { offset, bytes, .. } => {
                if self.at.is_none_or(|(at, _)| at != offset) {
                    self.board.violation(format!("output at {offset} where {:?} was expected", self.at));
                }
                self.at = self.at.map(|(_, epoch)| (offset + bytes.len(), epoch));
                bytes.iter().filter(|byte| **byte >= 0x80).for_each(|byte| self.came_back(*byte));
                bytes.len()
            }
            Frame::Snapshot { id: 0, at, flags, bytes, .. } => {
                if flags.first {
                    self.screen.clear();
                }
                self.screen.extend_from_slice(&bytes);
                if flags.last {
                    self.painted();
                    self.at = Some((at.offset, at.epoch));
                }
                bytes.len()
            }
            Frame::Snapshot { bytes, .. } => bytes.len(),
            Frame::InputAck { number, .. } => {
                while self.unacknowledged.front().is_some_and(|(first, _)| *first <= number) {
                    self.unacknowledged.pop_front();
                }
                return Ok(());
            }
            Frame::Control(json) => return self.told(&json, socket).await,
            _ => return Ok(()),
        };
        self.consumed += bytes as u64;
        socket.send(&Frame::Ack { channel: CHANNEL, consumed: self.consumed }).await
    }

    async fn told(&mut self, json: &[u8], socket: &mut Socket) -> Result<(), Closed> {
        // News of the fleet is most of what comes, and nothing to a viewer that has its session.
        let is_news = [&b"{\"kind\":\"session"[..], b"{\"kind\":\"machine", b"{\"kind\":\"fleet"];
        if is_news.iter().any(|head| json.starts_with(head)) {
            self.board.with(|findings| findings.news += json.len() as u64);
            return Ok(());
        }
        match from_json(json) {
            Ok(ToViewer::Attached { live, .. } | ToViewer::Live { live, .. }) => {
                self.set_live(live);
                if live {
                    self.send_keys(socket, 0).await?;
                    if self.returning && self.every.is_some() {
                        self.press(socket).await?;
                    }
                }
                Ok(())
            }
            Ok(ToViewer::Detached { problem, .. }) => Err(Closed { code: None, reason: problem.message }),
            Ok(_) => Ok(()),
            Err(problem) => {
                self.board.violation(problem.message);
                Ok(())
            }
        }
    }

    fn came_back(&mut self, byte: u8) {
        if byte != key_byte(self.echoed) {
            self.board.violation(format!("key {} came back as {byte:#x}", self.echoed));
        }
        self.echoed(1);
    }

    /// The screen says how many keys were sent back.
    fn painted(&mut self) {
        let told = std::str::from_utf8(&self.screen).ok().and_then(|text| text.parse::<u64>().ok());
        if self.every.is_none() {
            // It does not know what others typed.
            self.echoed = told.unwrap_or(self.echoed);
            return;
        }
        match told.and_then(|told| told.checked_sub(self.echoed)) {
            Some(more) if self.echoed + more <= self.number => self.echoed(more),
            _ => self.board.violation(format!("a screen with {told:?} keys after {} of {}", self.echoed, self.number)),
        }
    }

    fn echoed(&mut self, keys: u64) {
        self.echoed += keys;
        if self.every.is_none() {
            return;
        }
        let now = Instant::now();
        self.board.with(|findings| {
            findings.echoed += keys;
            for _ in 0..keys {
                if let Some(typed) = self.unechoed.pop_front().flatten() {
                    findings.echoes.push(now - typed);
                }
            }
            if keys > 0 && std::mem::take(&mut self.returning) {
                findings.returns.push(now);
                self.board.changes.raise();
            }
        });
    }

    fn set_live(&mut self, live: bool) {
        if std::mem::replace(&mut self.live, live) != live {
            self.board.with(|findings| {
                if live {
                    findings.live += 1;
                    findings.connections += 1;
                } else {
                    findings.live -= 1;
                }
            });
            self.board.changes.raise();
        }
    }
}

fn key_byte(number: u64) -> u8 {
    0x80 | (number % 64) as u8
}
