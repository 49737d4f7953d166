//! Stands in for the PTY host of a session whose host is gone: answers from the last screen that was left on disk.
//!
//! Frames, order and credit are those of a live host, so that neither the server nor the page needs a second way. The
//! screen is read when somebody subscribes or asks, and let go when nobody does.

use std::sync::Arc;

use bytes::BytesMut;
use tokio_util::task::AbortOnDropHandle;

use super::hosts::Hosts;
use super::link::ToHost;
use super::outbox::NotRead;
use super::shared::Shared;
use crate::base::offset::Offset;
use crate::host::last_screen::LastScreen;
use crate::host::screen_text::screen_text;
use crate::stream::output_log::OutputLog;
use crate::stream::reader::{Painting, Reader, Step};
use crate::stream::screen::Screen;
use crate::wire::Frame;
use crate::wire::frame::{InputOutcome, SnapshotAt, SnapshotFlags, take_frame};
use crate::wire::message::{self, From, FromAgent, SessionAsk, SessionSays};
use crate::wire::session::SessionInfo;

/// One session's stand-in, until dropped.
#[derive(Debug)]
pub(super) struct StandIn {
    asks: ToHost,
    _work: AbortOnDropHandle<()>,
}

impl StandIn {
    /// For the session that has `channel`, on which no host has sent anything: credit begins with it.
    pub(super) fn new(channel: u32, info: SessionInfo, hosts: Arc<Hosts>, shared: Arc<Shared>) -> Self {
        let asks = ToHost::new();
        let work = Work {
            channel,
            info,
            hosts,
            shared,
            asks: asks.clone(),
            screen: None,
            reader: Reader::at(Offset::ZERO),
            log: OutputLog::new(0),
            subscribed: false,
            end_told: false,
        };
        let work = tokio::spawn(async move {
            let session = work.info.id;
            if let Err(error) = work.run().await {
                tracing::debug!(%session, %error, "nobody takes its last screen");
            }
        });
        Self { asks, _work: AbortOnDropHandle::new(work) }
    }

    /// Where its asks go, as a host's.
    pub(super) fn asks(&self) -> &ToHost {
        &self.asks
    }
}

/// What the frames of a snapshot say of it.
#[derive(Debug, Clone, Copy)]
struct Label {
    id: u32,
    at: SnapshotAt,
    history: bool,
}

struct Work {
    channel: u32,
    info: SessionInfo,
    hosts: Arc<Hosts>,
    shared: Arc<Shared>,
    asks: ToHost,
    screen: Option<LastScreen>,
    reader: Reader<Label>,
    /// Empty: it ends where the screen was taken, or where a reader has more than that.
    log: OutputLog,
    subscribed: bool,
    end_told: bool,
}

impl Work {
    async fn run(mut self) -> Result<(), NotRead> {
        let mut frames = BytesMut::new();
        loop {
            // What the agent itself has encoded is a frame.
            while let Ok(Some(frame)) = take_frame(&mut frames) {
                self.take(frame).await?;
                self.fill().await;
            }
            frames = self.asks.taken().await;
        }
    }

    async fn take(&mut self, frame: Frame) -> Result<(), NotRead> {
        match frame {
            Frame::Input { viewer, number, .. } => {
                let (channel, outcome) = (self.channel, InputOutcome::Ended);
                self.shared.send(&Frame::InputAck { channel, viewer, number, outcome })?;
            }
            Frame::Ack { consumed, .. } => {
                // A server that acknowledges more than it was sent gets no more than that.
                let _ = self.reader.acked(consumed, std::time::Instant::now());
            }
            Frame::Control(json) => {
                if let Ok(ask) = message::from_json(&json) {
                    self.ask(ask).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn ask(&mut self, ask: SessionAsk) -> Result<(), NotRead> {
        match ask {
            SessionAsk::Subscribe { from } => {
                self.read().await;
                self.subscribe(from);
            }
            SessionAsk::Unsubscribe => {
                self.subscribed = false;
                self.screen = None;
            }
            SessionAsk::Snapshot { id, history } if id != 0 => {
                self.read().await;
                self.answer(id, history);
            }
            SessionAsk::Join { .. } => {
                let (cols, rows) =
                    self.screen.as_ref().map_or((self.info.cols, self.info.rows), |it| (it.at.cols, it.at.rows));
                let says = SessionSays::Control { controller: None, present: false, cols, rows };
                self.shared.say(&FromAgent::Session { channel: self.channel, says })?;
            }
            SessionAsk::Text { request, .. } => {
                self.read().await;
                let Some(LastScreen { at, screen, .. }) = &self.screen else { return Ok(()) };
                let mut shown = Screen::new(at.cols, at.rows, 0);
                shown.feed(screen, std::time::Instant::now(), &mut Vec::new());
                let says = SessionSays::Text { request, offset: at.offset, screen: screen_text(&shown) };
                self.shared.say(&FromAgent::Session { channel: self.channel, says })?;
            }
            // Nobody is there to be sized, stopped or forgotten; the agent itself forgets.
            _ => {}
        }
        Ok(())
    }

    async fn read(&mut self) {
        if self.screen.is_none() {
            self.screen = self.hosts.last_screen(self.info.id).await;
        }
    }

    fn subscribe(&mut self, from: From) {
        let at = self.screen.as_ref().map(|screen| screen.at);
        match (at, from) {
            // It saw what came after the picture was taken, which must not be taken away.
            (Some(at), From::Offset { offset, epoch }) if offset >= at.offset && epoch >= at.epoch => {
                self.begin_at(offset);
            }
            (Some(at), _) => {
                self.begin_at(at.offset);
                self.reader.repaint_needed();
            }
            (None, From::Offset { offset, .. }) => self.begin_at(offset),
            (None, From::Snapshot) => self.begin_at(Offset::ZERO),
        }
        self.subscribed = true;
        self.end_told = false;
    }

    fn begin_at(&mut self, offset: Offset) {
        self.log.restart_at(offset);
        self.reader.go_on_at(offset);
    }

    fn answer(&mut self, id: u32, history: bool) {
        let Some(screen) = &self.screen else { return };
        let label = Label { id, at: screen.at, history };
        if !history {
            self.reader.answered_at_once(Painting::of(label, screen.screen.clone()));
        } else if screen.at.offset >= self.log.end() {
            // Where none was kept, the screen is all that is known: whoever asked need not ask again.
            let whole = screen.history.as_ref().unwrap_or(&screen.screen);
            self.reader.answered(Painting::of(label, whole.clone()));
        }
    }

    /// Sends what there is, as far as credit goes.
    async fn fill(&mut self) {
        loop {
            match self.reader.step(&mut self.log, std::time::Instant::now()) {
                Step::Paint { label, first, last, bytes } | Step::Answer { label, first, last, bytes } => {
                    let flags = SnapshotFlags { first, last, history: label.history };
                    let frame = Frame::Snapshot { channel: self.channel, id: label.id, at: label.at, flags, bytes };
                    self.shared.send_output(self.channel, frame.encode()).await;
                }
                Step::Repaint => match &self.screen {
                    Some(LastScreen { at, screen, .. }) => {
                        let label = Label { id: 0, at: *at, history: false };
                        self.reader.repainted(at.offset, Painting::of(label, screen.clone()));
                    }
                    None => self.reader.go_on_at(self.log.end()),
                },
                // The log is empty.
                Step::Output { .. } | Step::Wait => break,
            }
        }
        let end = self.log.end();
        if self.subscribed && !self.end_told && self.reader.follows() && self.reader.position() == end {
            self.end_told = true;
            let says = SessionSays::End { offset: end };
            let frame = message::to_frame(&FromAgent::Session { channel: self.channel, says });
            self.shared.send_output(self.channel, frame.encode()).await;
        }
    }
}
