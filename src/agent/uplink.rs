//! Keystroke and output hop 6 of 8. One connection to the server, for all sessions of this machine.
//!
//! Keys arrive from the server and leave through [`super::link`]; output arrives from there and leaves through
//! [`super::outbox`] in the order in which it matters. Nothing is interpreted and nothing kept: credit runs from the server
//! to the PTY hosts, each uplink opens connections of its own to them, and with it all counting starts anew. Where a host is
//! gone, [`super::last_screen`] stands in for it. Invariant: no branch of [`Uplink::serve`] waits for a host, disk or server.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;

use super::config::AgentConfig;
use super::connect::Socket;
use super::error::UplinkError;
use super::handing::Questions;
use super::hosts::{self, Hosts, Opening};
use super::last_screen::StandIn;
use super::link::{Gone, ToHost, bare_ask};
use super::round_trip::Pings;
use super::shared::Shared;
use super::updating::Updating;
use super::writer::write;
use super::{announce, load};
use crate::base::gap::BEAT_EVERY;
use crate::base::id::SessionId;
use crate::base::limits::SILENCE_MAX;
use crate::base::problem::Problem;
use crate::wire::Frame;
use crate::wire::message::{self, Announced, FromAgent, ToAgent};
use crate::wire::session::SessionInfo;

/// A host that goes away sooner than this after it was linked is looked for by the next scan only.
const LINK_LIVED: Duration = Duration::from_secs(1);

/// Time to say good-bye before the connection is dropped.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// One registered connection.
pub(super) struct Uplink {
    config: Arc<AgentConfig>,
    hosts: Arc<Hosts>,
    shared: Arc<Shared>,
    channels: HashMap<u32, Session>,
    by_session: HashMap<SessionId, u32>,
    /// Channels are never used twice on a connection.
    next_channel: u32,
    /// Sessions whose hosts are being looked for.
    opening: HashSet<SessionId>,
    /// The links' work, one task for each host.
    links: JoinSet<Gone>,
    /// What takes a while: starting, forgetting, looking for hosts.
    errands: JoinSet<Answer>,
    questions: Questions,
    pings: Pings,
    updating: Arc<Updating>,
}

struct Session {
    info: SessionInfo,
    way: Way,
}

/// Where what is asked of a session goes.
enum Way {
    /// To its PTY host.
    Host(Link),
    /// To nobody, for now: its host does not answer, or was lost a moment ago.
    Nowhere,
    /// Its host is gone. There is a stand-in for it once something is asked.
    LastScreen(Option<StandIn>),
}

struct Link {
    to_host: ToHost,
    task: AbortHandle,
    since: Instant,
}

/// An errand's outcome.
enum Answer {
    /// A host was looked for.
    Opened { session: SessionId, opening: Opening },
    /// A session was to be started.
    Started { request: u64, session: SessionId, outcome: Result<Opening, Problem> },
    /// A session was to be forgotten.
    Forgotten { request: u64, session: SessionId, outcome: Result<(), Problem> },
}

impl Uplink {
    /// For a connection the server has registered.
    #[rustfmt::skip]
    pub(super) fn new(config: Arc<AgentConfig>, hosts: Arc<Hosts>, questions: Questions, pings: Pings, updating: Arc<Updating>) -> Self {
        let (channels, by_session, opening, links, errands) = Default::default();
        let (shared, next_channel) = (Arc::new(Shared::new()), 1);
        Self { config, hosts, shared, channels, by_session, next_channel, opening, links, errands, questions, pings, updating }
    }

    /// Announces all sessions, then carries frames both ways until the connection ends or `stop` is asked for.
    pub(super) async fn serve(mut self, socket: Socket, stop: &CancellationToken) -> Result<(), UplinkError> {
        let (mut sink, mut stream) = socket.split();
        let outcome = {
            let shared = Arc::clone(&self.shared);
            let mut writing = std::pin::pin!(write(&mut sink, &shared));
            self.announce_all().await?;
            let _telling = (load::telling(&shared), self.updating.telling(&shared));
            let mut beat = tokio::time::interval(BEAT_EVERY);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut heard = Instant::now();
            loop {
                tokio::select! {
                    () = stop.cancelled() => break Ok(()),
                    error = &mut writing => break Err(error),
                    message = stream.next() => {
                        if shared.slept() {
                            break Err(UplinkError::Slept);
                        }
                        heard = Instant::now();
                        match message {
                            Some(Ok(Message::Binary(frame))) => self.on_frame(Frame::decode(frame)?)?,
                            Some(Ok(Message::Close(close))) => {
                                let (code, reason) = close.map_or((1005, String::new()), |close| {
                                    (close.code.into(), close.reason.as_str().to_owned())
                                });
                                break Err(UplinkError::closed(code, &reason));
                            }
                            Some(Ok(_)) => {} // WebSocket's own pings, and text that no protocol of ours sends.
                            Some(Err(error)) => break Err(error.into()),
                            None => break Err(UplinkError::closed(1006, "without a word")),
                        }
                    }
                    Some(Ok(gone)) = self.links.join_next() => self.on_gone(gone),
                    Some(Ok(answer)) = self.errands.join_next() => self.on_answer(answer)?,
                    Some(question) = self.questions.next() => shared.say(&question)?,
                    _ = beat.tick() => {
                        if shared.beat() {
                            break Err(UplinkError::Slept);
                        }
                        if heard.elapsed() > SILENCE_MAX {
                            break Err(UplinkError::Silent);
                        }
                        // Also a sign of life, for a server that would hear nothing else.
                        self.pings.due(Instant::now()).map_or(Ok(()), |ping| shared.send(&Frame::Ping(ping)))?;
                        self.scan()?;
                    }
                }
            }
        };
        if outcome.is_ok() {
            let away = CloseFrame { code: CloseCode::Away, reason: "the agent stops".into() };
            // The server learns it from the broken connection otherwise.
            let _ = tokio::time::timeout(CLOSE_WITHIN, sink.send(Message::Close(Some(away)))).await;
        }
        outcome
    }

    /// All sessions of this machine: what is missing in the first message is gone.
    async fn announce_all(&mut self) -> Result<(), UplinkError> {
        let found = self.hosts.open_all().await;
        let all = found.into_iter().filter_map(|(session, opening)| self.open(session, opening)).collect();
        let (sessions, rest) = announce::fitting(all);
        self.shared.say(&FromAgent::Sessions { sessions })?;
        for announced in rest {
            self.shared.say(&FromAgent::Opened { announced })?;
        }
        Ok(())
    }

    /// Gives a session its channel, and its link if its host lives.
    fn open(&mut self, session: SessionId, opening: Opening) -> Option<Announced> {
        let channel = self.next_channel;
        let (info, way) = match opening {
            Opening::Live(greeted) => {
                let info = greeted.info.clone();
                let (to_host, work) = greeted.link(channel, Arc::clone(&self.shared));
                let task = self.links.spawn(work);
                (info, Way::Host(Link { to_host, task, since: Instant::now() }))
            }
            Opening::Mute(info) => (info, Way::Nowhere),
            Opening::Ended(info) => (info, Way::LastScreen(None)),
            Opening::Missing => return None,
        };
        self.next_channel += 1;
        let info = announce::shortened(info);
        self.channels.insert(channel, Session { info: info.clone(), way });
        if let Some(before) = self.by_session.insert(session, channel) {
            self.drop_channel(before);
        }
        Some(Announced { channel, info })
    }

    fn drop_channel(&mut self, channel: u32) {
        if let Some(Session { way: Way::Host(link), .. }) = self.channels.remove(&channel) {
            link.task.abort();
        }
        self.shared.forget(channel);
    }

    fn on_frame(&mut self, frame: Frame) -> Result<(), UplinkError> {
        match frame {
            Frame::Input { channel, viewer, number, bytes } => {
                tracing::trace!(hop = "k6", channel, bytes = bytes.len(), "input");
                self.pass_down(channel, &Frame::Input { channel: 0, viewer, number, bytes });
            }
            Frame::Ack { channel, consumed } => self.pass_down(channel, &Frame::Ack { channel: 0, consumed }),
            Frame::Ping(number) => self.shared.send(&Frame::Pong(number))?,
            Frame::Control(json) => self.on_control(&json)?,
            Frame::Pong(number) => self.pings.answered(number, Instant::now()),
            // The rest flows the other way or is newer than we are.
            Frame::Hello(_)
            | Frame::Output { .. }
            | Frame::Snapshot { .. }
            | Frame::InputAck { .. }
            | Frame::Unknown(_) => {}
        }
        Ok(())
    }

    fn on_control(&mut self, json: &bytes::Bytes) -> Result<(), UplinkError> {
        match message::from_json(json)? {
            ToAgent::Session { channel, .. } => {
                if let Some(ask) = bare_ask(json) {
                    self.pass_down(channel, &Frame::Control(ask.into()));
                }
            }
            ToAgent::Start { request, session, launch } => {
                self.start(request, session, move |hosts, config| async move {
                    hosts.start(&config, session, launch).await
                });
            }
            ToAgent::Resume { request, session, from, cols, rows } => {
                self.start(request, session, move |hosts, config| async move {
                    hosts.resume(&config, session, from, (cols, rows)).await
                });
            }
            ToAgent::Forget { request, session } => {
                let hosts = Arc::clone(&self.hosts);
                self.errands.spawn(async move {
                    let outcome = hosts.forget(session).await;
                    Answer::Forgotten { request, session, outcome }
                });
            }
            ToAgent::Update { request, version } => self.shared.say(&self.updating.begin(request, &version))?,
            ToAgent::Handoff { request, handoff, problem } => self.questions.told(request, handoff, problem),
            ToAgent::Registered { .. } | ToAgent::Unknown => {}
        }
        Ok(())
    }

    /// Has a session started by `how`, and opened.
    fn start<F>(
        &mut self,
        request: u64,
        session: SessionId,
        how: impl FnOnce(Arc<Hosts>, Arc<AgentConfig>) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<(), Problem>> + Send,
    {
        let (hosts, config) = (Arc::clone(&self.hosts), Arc::clone(&self.config));
        self.opening.insert(session);
        self.errands.spawn(async move {
            let outcome = match how(Arc::clone(&hosts), config).await {
                Ok(()) => Ok(hosts.open(session).await),
                Err(problem) => Err(problem),
            };
            Answer::Started { request, session, outcome }
        });
    }

    fn pass_down(&mut self, channel: u32, frame: &Frame) {
        let Some(Session { info, way }) = self.channels.get_mut(&channel) else { return };
        match way {
            Way::Host(link) if link.to_host.send(frame).is_err() => {
                tracing::warn!(session = %info.id, "its PTY host takes no input; the link to it is made anew");
                link.task.abort();
                *way = Way::Nowhere;
            }
            Way::Host(_) | Way::Nowhere => {}
            Way::LastScreen(stand_in) => {
                let new = || StandIn::new(channel, info.clone(), Arc::clone(&self.hosts), Arc::clone(&self.shared));
                // It takes everything at once; a server that sends faster than it reads goes without.
                let _ = stand_in.get_or_insert_with(new).asks().send(frame);
            }
        }
    }

    fn on_gone(&mut self, gone: Gone) {
        let Some(session) = self.channels.get_mut(&gone.channel) else { return };
        session.info = gone.info;
        let before = std::mem::replace(&mut session.way, Way::Nowhere);
        if matches!(before, Way::Host(link) if link.since.elapsed() >= LINK_LIVED) {
            let id = session.info.id;
            self.look_for(id);
        }
    }

    fn on_answer(&mut self, answer: Answer) -> Result<(), UplinkError> {
        match answer {
            Answer::Opened { session, opening } => {
                self.opening.remove(&session);
                self.on_opened(session, opening)
            }
            Answer::Started { request, session, outcome } => {
                self.opening.remove(&session);
                let problem = match outcome {
                    Ok(Opening::Missing) => Some(hosts::removed_since()),
                    Ok(opening) => {
                        self.on_opened(session, opening)?;
                        None
                    }
                    Err(problem) => Some(problem),
                };
                Ok(self.shared.say(&FromAgent::Done { request, problem })?)
            }
            Answer::Forgotten { request, session, outcome } => {
                if outcome.is_ok() {
                    self.close(session)?;
                }
                Ok(self.shared.say(&FromAgent::Done { request, problem: outcome.err() })?)
            }
        }
    }

    fn on_opened(&mut self, session: SessionId, opening: Opening) -> Result<(), UplinkError> {
        match (self.way(session), opening) {
            // Somebody was faster, or there is nothing new.
            (Some(Way::Host(_)), _)
            | (Some(Way::LastScreen(_)), Opening::Ended(_))
            | (Some(_), Opening::Mute(_))
            | (None, Opening::Missing) => Ok(()),
            (Some(_), Opening::Missing) => self.close(session),
            // On a channel of its own also when it had one: credit on that was its host's.
            (_, opening) => {
                if let Some(announced) = self.open(session, opening) {
                    self.shared.say(&FromAgent::Opened { announced })?;
                }
                Ok(())
            }
        }
    }

    fn way(&self, session: SessionId) -> Option<&Way> {
        Some(&self.channels.get(self.by_session.get(&session)?)?.way)
    }

    /// The session is forgotten: its channel ends.
    fn close(&mut self, session: SessionId) -> Result<(), UplinkError> {
        if let Some(channel) = self.by_session.remove(&session) {
            self.drop_channel(channel);
            self.shared.say(&FromAgent::Closed { channel })?;
        }
        Ok(())
    }

    /// Finds sessions that came or went without this uplink's doing, and hosts that answer again.
    fn scan(&mut self) -> Result<(), UplinkError> {
        let Ok(present) = self.hosts.sessions() else {
            return Ok(()); // The directory cannot be read just now; hosts and links do not depend on it.
        };
        let gone: Vec<SessionId> = self.by_session.keys().filter(|id| !present.contains(id)).copied().collect();
        for session in gone {
            if !matches!(self.way(session), Some(Way::Host(_))) {
                self.close(session)?;
            }
        }
        for session in present {
            if matches!(self.way(session), None | Some(Way::Nowhere)) {
                self.look_for(session);
            }
        }
        Ok(())
    }

    fn look_for(&mut self, session: SessionId) {
        if self.opening.insert(session) {
            let (hosts, shared) = (Arc::clone(&self.hosts), Arc::clone(&self.shared));
            let channel = self.by_session.get(&session).copied();
            self.errands.spawn(async move {
                if let Some(channel) = channel {
                    // A host's last output goes before the word that it is gone, which ends the channel.
                    shared.drained(channel).await;
                }
                Answer::Opened { session, opening: hosts.open(session).await }
            });
        }
    }
}
