//! A viewer that does nothing but measure: it reads, acknowledges, and looks for a mark in what came.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::wire::frame::Frame;
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{From, FromViewer, Take, ToViewer, from_json, to_frame};

use super::support::http::Http;
use super::support::socket::{Closed, Socket};
use super::support::viewer::{CHANNEL, VIEWER_PATH};

/// Longer than any of these measurements should take.
const GIVE_UP: Duration = Duration::from_mins(2);

/// Output that is kept to look for a mark in, in bytes.
const TAIL_BYTES: usize = 64 * 1024;

/// How one viewer is attached.
#[derive(Clone, Copy, Default)]
pub struct Line {
    /// Payload bytes a second it takes at most, with the small buffers of such a line.
    pub bytes_per_second: Option<u64>,
}

/// The viewer.
pub struct Probe {
    socket: Socket,
    viewer: ViewerId,
    number: u64,
    consumed: u64,
    line: Line,
    read_again: tokio::time::Instant,
    tail: Vec<u8>,
    /// Output bytes received.
    pub output: u64,
    /// Snapshot bytes received.
    pub painted: u64,
    /// Complete repaints received.
    pub repaints: u32,
}

impl Probe {
    /// Attaches to `session` and waits for its first complete screen.
    pub async fn attach(who: &Http, session: SessionId, take: Take, line: Line) -> Self {
        // What a slow line has in its kernel's buffer is part of what it has to wait for.
        let receive_buffer = line.bytes_per_second.map(|_| 64 * 1024);
        let mut socket = Socket::open(who, VIEWER_PATH, receive_buffer).await.expect("the server listens");
        socket.greet(Role::Viewer).await.expect("a hello");
        let viewer = ViewerId::random();
        let (cols, rows) = (120, 40);
        let attach = FromViewer::Attach {
            channel: CHANNEL,
            session,
            viewer,
            from: From::Snapshot,
            take,
            cols,
            rows,
            theme: None,
        };
        socket.send(&to_frame(&attach)).await.expect("an open line");
        let mut probe = Self {
            socket,
            viewer,
            number: 0,
            consumed: 0,
            line,
            read_again: tokio::time::Instant::now(),
            tail: Vec::new(),
            output: 0,
            painted: 0,
            repaints: 0,
        };
        while probe.repaints == 0 {
            probe.turn().await.expect("attached");
        }
        probe
    }

    /// Takes one frame.
    pub async fn turn(&mut self) -> Result<(), Closed> {
        tokio::time::sleep_until(self.read_again).await;
        let bytes = match self.socket.next().await? {
            Frame::Output { bytes, .. } => {
                self.output += bytes.len() as u64;
                bytes
            }
            Frame::Snapshot { flags, bytes, .. } => {
                self.painted += bytes.len() as u64;
                self.repaints += u32::from(flags.last);
                bytes
            }
            Frame::Control(json) => {
                if let Ok(ToViewer::Detached { problem, .. }) = from_json(&json) {
                    return Err(Closed { code: None, reason: problem.message });
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.consumed += bytes.len() as u64;
        if self.tail.len() > TAIL_BYTES {
            self.tail.drain(..self.tail.len() - 1024);
        }
        self.tail.extend_from_slice(&bytes);
        if let Some(rate) = self.line.bytes_per_second {
            let from = self.read_again.max(tokio::time::Instant::now());
            self.read_again = from + Duration::from_nanos(bytes.len() as u64 * 1_000_000_000 / rate);
        }
        self.socket.send(&Frame::Ack { channel: CHANNEL, consumed: self.consumed }).await
    }

    /// Reads until `mark` came, and says when it did.
    pub async fn until(&mut self, mark: &str) -> Duration {
        let started = Instant::now();
        let found = tokio::time::timeout(GIVE_UP, async {
            while !self.shows(mark) {
                self.turn().await.expect("attached");
            }
        });
        if found.await.is_err() {
            eprintln!("    gave up waiting for {mark:?} after {GIVE_UP:?}");
        }
        started.elapsed()
    }

    /// Whether `mark` is in what came last.
    pub fn shows(&self, mark: &str) -> bool {
        self.tail.windows(mark.len()).rev().any(|window| window == mark.as_bytes())
    }

    /// Forgets what came.
    pub fn forget(&mut self) {
        self.tail.clear();
    }

    /// Reads for a while.
    pub async fn read_for(&mut self, time: Duration) {
        let _ = tokio::time::timeout(time, async { while self.turn().await.is_ok() {} }).await;
    }

    /// Types.
    pub async fn type_text(&mut self, text: &str) {
        self.number += 1;
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let frame = Frame::Input { channel: CHANNEL, viewer: self.viewer, number: self.number, bytes };
        self.socket.send(&frame).await.expect("an open line");
    }

    /// Types a command that leaves no echo of `mark`, and reads until it printed it.
    pub async fn run(&mut self, command: &str, mark: &str) -> Duration {
        let (head, tail) = mark.split_at(1);
        self.forget();
        let started = Instant::now();
        self.type_text(&format!("{command}; echo; echo {head}''{tail}\r")).await;
        self.until(mark).await;
        started.elapsed()
    }

    /// Echo times of single bytes from a program that sends back what it gets. A sample that starts late because the
    /// one before was slow counts from when it was due.
    pub async fn echoes(&mut self, samples: usize, every: Duration) -> Vec<Duration> {
        let mut times = Vec::with_capacity(samples);
        let mut due = Instant::now();
        for _ in 0..samples {
            due += every;
            let late = Instant::now() > due;
            tokio::time::sleep_until(due.into()).await;
            // The runtime's timer wakes up to a millisecond late, which is no time of ours.
            let from = if late { due } else { Instant::now() };
            let before = self.output;
            self.type_text("x").await;
            while self.output == before {
                self.turn().await.expect("attached");
            }
            times.push(from.elapsed());
        }
        times
    }
}
