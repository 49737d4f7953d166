//! The task behind a viewer: it connects, reads, acknowledges, obeys, and connects again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::base::limits::{PING_EVERY, SILENCE_MAX};
use sessionforge::wire::close::{Then, then};
use sessionforge::wire::frame::Frame;
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{From, FromViewer, ToViewer, from_json, to_frame};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::http::Http;
use super::super::socket::{Closed, Socket};
use super::seen::Seen;
use super::{CHANNEL, Manners, Order, Shared, VIEWER_PATH};

pub(super) struct Tab {
    pub(super) who: Http,
    pub(super) session: SessionId,
    pub(super) viewer: ViewerId,
    pub(super) manners: Manners,
    pub(super) shared: Arc<Shared>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) unacknowledged: VecDeque<(u64, Bytes)>,
    pub(super) next_number: u64,
    pub(super) reading: bool,
    pub(super) acknowledging: bool,
    pub(super) read_again: Instant,
}

impl Tab {
    pub(super) async fn run(mut self) {
        loop {
            let closed = match Socket::open(&self.who, VIEWER_PATH, self.manners.receive_buffer).await {
                Ok(socket) => self.serve(socket).await,
                Err(refused) => Closed { code: None, reason: format!("{refused:?}") },
            };
            let again = closed.code.is_none_or(|code| then(code) == Then::Retry);
            self.tell(|seen| {
                (seen.attached, seen.live) = (false, false);
                seen.closed.push(closed);
            });
            if !again {
                return;
            }
            tokio::time::sleep(self.manners.reconnect_delay).await;
        }
    }

    fn tell<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let value = change(&mut self.shared.seen.lock().unwrap());
        self.shared.changes.raise();
        value
    }

    async fn serve(&mut self, mut socket: Socket) -> Closed {
        match self.attach(&mut socket).await {
            Ok(()) => {}
            Err(closed) => return closed,
        }
        // As a page does: who is told something all the time is not asked whether it is there.
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            let (reading, read_again, silent_at) = (self.reading, self.read_again, socket.heard_at + SILENCE_MAX);
            let frame = async {
                tokio::time::sleep_until(read_again).await;
                if reading { socket.next().await } else { std::future::pending().await }
            };
            let done = tokio::select! {
                () = tokio::time::sleep_until(silent_at), if reading => {
                    if socket.heard_at + SILENCE_MAX > Instant::now() {
                        continue; // A ping came, which is answered where frames are read.
                    }
                    return Closed { code: None, reason: "no sign of life".to_owned() };
                }
                frame = frame => match frame {
                    Ok(frame) => self.take(frame, &mut socket).await,
                    Err(closed) => return closed,
                },
                _ = ping.tick(), if reading => socket.send(&Frame::Ping(1)).await,
                order = self.orders.recv() => match order {
                    Some(Order::Cut) => return Closed { code: None, reason: "cut by the test".to_owned() },
                    Some(order) => self.obey(order, &mut socket).await,
                    None => return Closed { code: None, reason: "the tab was closed".to_owned() },
                },
            };
            if let Err(closed) = done {
                return closed;
            }
        }
    }

    async fn attach(&self, socket: &mut Socket) -> Result<(), Closed> {
        socket.greet(Role::Viewer).await?;
        let from = self.tell(|seen| {
            seen.connections += 1;
            seen.consumed = 0;
            let half = std::mem::take(&mut seen.painting);
            if half || seen.repaints == 0 {
                From::Snapshot
            } else {
                From::Offset { offset: seen.offset, epoch: seen.epoch }
            }
        });
        let attach = FromViewer::Attach {
            channel: CHANNEL,
            session: self.session,
            viewer: self.viewer,
            from,
            take: self.manners.take,
            cols: self.manners.cols,
            rows: self.manners.rows,
            theme: None,
        };
        socket.send(&to_frame(&attach)).await
    }

    async fn take(&mut self, frame: Frame, socket: &mut Socket) -> Result<(), Closed> {
        let payload = match frame {
            Frame::Output { offset, bytes, .. } => {
                self.tell(|seen| seen.output(offset, &bytes, &self.manners));
                bytes.len()
            }
            Frame::Snapshot { id, at, flags, bytes, .. } => {
                self.tell(|seen| seen.snapshot(id, at, flags, &bytes, &self.manners));
                bytes.len()
            }
            Frame::InputAck { number, outcome, .. } => {
                while self.unacknowledged.front().is_some_and(|(first, _)| *first <= number) {
                    self.unacknowledged.pop_front();
                }
                self.tell(|seen| seen.input_acks.insert(number, outcome));
                return Ok(());
            }
            Frame::Control(json) => {
                let message: ToViewer = from_json(&json).unwrap_or_else(|problem| panic!("{problem}"));
                let mended =
                    matches!(message, ToViewer::Attached { live: true, .. } | ToViewer::Live { live: true, .. });
                self.tell(|seen| seen.told(message));
                if mended {
                    for (number, bytes) in &self.unacknowledged {
                        socket.send(&self.input(*number, bytes.clone())).await?;
                    }
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if let Some(rate) = self.manners.bytes_per_second {
            // Behind time it catches up by reading on at once, so the rate holds over any while.
            let since = self.read_again.max(Instant::now() - Duration::from_millis(20));
            self.read_again = since + Duration::from_nanos(payload as u64 * 1_000_000_000 / rate);
        }
        self.acknowledge(socket).await
    }

    async fn acknowledge(&self, socket: &mut Socket) -> Result<(), Closed> {
        if !self.acknowledging {
            return Ok(());
        }
        let consumed = self.shared.seen.lock().unwrap().consumed;
        socket.send(&Frame::Ack { channel: CHANNEL, consumed }).await
    }

    async fn obey(&mut self, order: Order, socket: &mut Socket) -> Result<(), Closed> {
        match order {
            Order::Type(bytes) => {
                let number = self.next_number;
                self.next_number += 1;
                self.unacknowledged.push_back((number, bytes.clone()));
                if self.shared.seen.lock().unwrap().live {
                    socket.send(&self.input(number, bytes)).await?;
                }
            }
            Order::Say(message) => {
                if let FromViewer::Resize { cols, rows, .. } | FromViewer::TakeControl { cols, rows, .. } = message {
                    (self.manners.cols, self.manners.rows) = (cols, rows);
                }
                socket.send(&to_frame(&message)).await?;
            }
            Order::Read(reading) => (self.reading, socket.heard_at) = (reading, Instant::now()),
            Order::Acknowledge(acknowledging) => {
                self.acknowledging = acknowledging;
                self.acknowledge(socket).await?;
            }
            Order::Cut => {}
        }
        Ok(())
    }

    fn input(&self, number: u64, bytes: Bytes) -> Frame {
        Frame::Input { channel: CHANNEL, viewer: self.viewer, number, bytes }
    }
}
