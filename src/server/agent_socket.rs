//! Keystroke and output hop 5 of 8. One agent's connection: all sessions of its machine.
//!
//! Keys arrive from the hubs through [`super::relay::Uplink`] and leave to the agent; output arrives from it and goes to
//! the hub of its channel. An agent is believed about its own channels only.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;

use super::Shared;
use super::audit::note_refusal;
use super::auth::Caller;
use super::auth::client::ClientAddress;
use super::handoff_asked;
use super::rate::PerSecond;
use super::relay::{Line, Organisation, Relay, SessionHub, Uplink};
use super::socket::{BATCH_BYTES, Bye, Conversation, FrameSocket};
use super::upgrade::Upgrade;
use crate::base::id::{KeyId, SessionId};
use crate::base::limits::HELLO_WITHIN;
use crate::base::problem::{Code, Problem};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::wire::Frame;
use crate::wire::close::Close;
use crate::wire::handoff::{HandoffAsk, Phase};
use crate::wire::message::{self, Announced, FromAgent, SessionSays, ToAgent};

/// Messages an agent may send in a second: thousands of viewers who join or leave at once are answered one by one.
const MESSAGES_PER_SECOND_MAX: usize = 20_000;

/// Questions of one agent about handoffs that wait for an answer: each is a command that somebody waits for.
const HANDINGS_MAX: usize = 64;

/// The same in bytes: an agent that comes back names all its sessions in a few hundred KiB.
const MESSAGE_BYTES_PER_SECOND_MAX: usize = 16 * 1024 * 1024;

/// `GET /api/v1/agent`.
pub(super) async fn open(State(shared): State<Arc<Shared>>, caller: Caller, upgrade: Upgrade) -> Response {
    let key = match caller.key() {
        Ok(key) => key,
        Err(error) => return error.into_response(),
    };
    let (response, socket) = upgrade.accept();
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        if let Ok(socket) = socket.await {
            serve(socket, &caller, key, &shared).await;
        }
    });
    response
}

/// Talks with an agent until either side has a reason to stop.
pub(super) async fn serve<S>(ws: WebSocketStream<S>, caller: &Caller, key: KeyId, shared: &Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut socket = FrameSocket::new(ws, shared.relay.heart().gap());
    let bye = match register(&mut socket, caller, key, shared).await {
        Ok(mut agent) => {
            let machine = agent.uplink.machine;
            tracing::info!(%machine, "agent connected");
            let bye = socket.converse(&mut agent).await;
            tracing::info!(%machine, why = ?bye, "agent disconnected");
            agent.leave();
            bye
        }
        Err(bye) => {
            tracing::info!(why = ?bye, "agent not registered");
            bye
        }
    };
    socket.close(bye).await;
}

/// Greeting, then the machine: who speaks here, and whether it may.
async fn register<S>(
    socket: &mut FrameSocket<S>,
    caller: &Caller,
    key: KeyId,
    shared: &Arc<Shared>,
) -> Result<Agent, Bye>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let relay = &shared.relay;
    if relay.is_closing() {
        return Err(Bye::Close(Close::Restart));
    }
    socket.greet().await?;
    let Frame::Control(json) = socket.next_within(HELLO_WITHIN).await? else {
        return Err(Bye::bad("an agent registers its machine first"));
    };
    let FromAgent::Register { machine, facts } = message::from_json(&json).map_err(Bye::bad)? else {
        return Err(Bye::bad("an agent registers its machine first"));
    };
    let (store, organisation_id, key_id) = (relay.store(), caller.organisation, key);
    let event = caller.event(Action::MachineRegister, ClientAddress(caller.address)).fact("name", &facts.name);
    let row = store.noting(event.clone()).register_machine(organisation_id, key_id, machine, facts).await;
    let row = row.map_err(|error| {
        note_refusal(shared, event.on(key_id).refused(&error));
        refused(&error)
    })?;
    let organisation_name = match store.organisation(organisation_id).await.map_err(|error| refused(&error))? {
        Some(organisation) => organisation.name,
        None => return Err(Bye::Close(Close::KeyRefused)),
    };
    let organisation = relay.organisation(organisation_id).await.map_err(|_| Bye::Close(Close::Restart))?;
    let uplink = Arc::new(Uplink::new(row.id, organisation_id, key_id).sharing(relay.memory().share(row.id)));
    uplink.line.expires_at(caller.expires_at);
    uplink.line.comes_from(caller.address);
    uplink.say(&ToAgent::Registered { machine: row.id, organisation: organisation_name });
    organisation.connected(row, &uplink);
    let now = Instant::now();
    let agent = Agent {
        uplink,
        organisation,
        channels: HashMap::new(),
        by_session: HashMap::new(),
        relay: Arc::clone(relay),
        handings: Arc::new(Semaphore::new(HANDINGS_MAX)),
        messages: PerSecond::new(MESSAGES_PER_SECOND_MAX, now),
        message_bytes: PerSecond::new(MESSAGE_BYTES_PER_SECOND_MAX, now),
    };
    // From here on a revoked key or a stop closes the line; what happened just before is looked for once.
    if relay.is_closing() {
        agent.uplink.line.close(Close::Restart);
    }
    relay.look_again(caller, &agent.uplink.line).await;
    Ok(agent)
}

fn refused(error: &StoreError) -> Bye {
    tracing::warn!(%error, "a machine was not registered");
    Bye::Close(match error {
        StoreError::ForeignMachine => Close::MachineRefused,
        StoreError::NotFound { .. } => Close::KeyRefused,
        StoreError::TooMany { .. } => Close::TooMany,
        _ => Close::Restart,
    })
}

/// An agent's side of the conversation.
struct Agent {
    uplink: Arc<Uplink>,
    organisation: Arc<Organisation>,
    channels: HashMap<u32, (SessionId, Arc<SessionHub>)>,
    by_session: HashMap<SessionId, u32>,
    relay: Arc<Relay>,
    /// Questions about handoffs that wait for their answer.
    handings: Arc<Semaphore>,
    messages: PerSecond,
    message_bytes: PerSecond,
}

impl Agent {
    fn hub(&self, channel: u32) -> Option<&SessionHub> {
        // Frames of a session that was refused or closed meanwhile lead nowhere.
        self.channels.get(&channel).map(|(_, hub)| &**hub)
    }

    fn open(&mut self, Announced { channel, info }: Announced) -> Result<(), Bye> {
        let session = info.id;
        if self.channels.contains_key(&channel) {
            return Err(Bye::bad(format!("channel {channel} was used before")));
        }
        let hub = match self.organisation.opened(&self.uplink, channel, info) {
            Ok(hub) => hub,
            Err(problem) => {
                tracing::warn!(machine = %self.uplink.machine, %session, %problem, "a session was refused");
                return Ok(());
            }
        };
        if let Some(before) = self.by_session.insert(session, channel) {
            self.channels.remove(&before);
        }
        self.channels.insert(channel, (session, hub));
        Ok(())
    }

    fn on_message(&mut self, message: FromAgent) -> Result<(), Bye> {
        match message {
            FromAgent::Register { .. } => return Err(Bye::bad("the machine is registered already")),
            FromAgent::Sessions { sessions } => {
                let named: Vec<SessionId> = sessions.iter().map(|announced| announced.info.id).collect();
                sessions.into_iter().try_for_each(|announced| self.open(announced))?;
                self.organisation.only(&self.uplink, &named);
            }
            FromAgent::Opened { announced } => self.open(announced)?,
            FromAgent::Closed { channel } => {
                if let Some((session, hub)) = self.channels.remove(&channel) {
                    self.by_session.remove(&session);
                    hub.offline(&self.uplink);
                    self.organisation.closed(&self.uplink, session);
                }
            }
            FromAgent::Session { channel, says } => self.on_says(channel, says),
            FromAgent::Handoff { request, session, ask } => self.on_handoff(request, session, ask),
            FromAgent::Done { request, problem } => self.uplink.answered(request, problem),
            FromAgent::Update { update } => self.organisation.updates(&self.uplink, update),
            FromAgent::Load { load } => self.organisation.loaded(&self.uplink, load),
            FromAgent::Unknown => {}
        }
        Ok(())
    }

    fn on_says(&self, channel: u32, says: SessionSays) {
        let Some((session, hub)) = self.channels.get(&channel) else { return };
        match says {
            SessionSays::Info { info } if info.id == *session => {
                self.organisation.changed(&self.uplink, info);
            }
            SessionSays::Info { .. } | SessionSays::Answered { .. } | SessionSays::Unknown => {}
            says @ (SessionSays::Control { .. } | SessionSays::Text { .. } | SessionSays::End { .. }) => {
                let taken = hub.is_taken_at_the_machine(&self.uplink, channel, &says);
                hub.says(&self.uplink, channel, says);
                if taken {
                    self.taken_at_the_machine(*session);
                }
            }
        }
    }

    /// Whoever has the machine has what runs on it: a keyboard that is taken there from who has adopted the session is a
    /// session taken back, and told so to everybody.
    fn taken_at_the_machine(&self, session: SessionId) {
        let adopted = self.organisation.newest_handoff(session).is_some_and(|it| it.phase == Phase::Adopted);
        let Ok(permit) = Arc::clone(&self.handings).try_acquire_owned() else { return };
        if !adopted {
            return;
        }
        let (relay, place, uplink) =
            (Arc::clone(&self.relay), Arc::clone(&self.organisation), Arc::clone(&self.uplink));
        tokio::spawn(async move {
            let ask = HandoffAsk::Resume { note: Some("taken back at the machine itself".to_owned()) };
            if let Err(problem) = handoff_asked::answer(&relay, &place, &uplink, session, ask).await {
                tracing::warn!(%session, %problem, "the keyboard was taken at the machine, and the handoff goes on");
            }
            drop(permit);
        });
    }

    fn on_handoff(&self, request: u64, session: SessionId, ask: HandoffAsk) {
        let (relay, uplink) = (Arc::clone(&self.relay), Arc::clone(&self.uplink));
        let Ok(permit) = Arc::clone(&self.handings).try_acquire_owned() else {
            let text = format!("this machine asks for {HANDINGS_MAX} handoffs at once already; try again soon");
            let problem = Some(Problem::new(Code::TooMany, text));
            return uplink.say(&ToAgent::Handoff { request, handoff: None, problem });
        };
        let place = Arc::clone(&self.organisation);
        tokio::spawn(async move {
            let asked = handoff_asked::answer(&relay, &place, &uplink, session, ask).await;
            let (handoff, problem) = match asked {
                Ok(handoff) => (Some(Box::new(handoff)), None),
                Err(problem) => (None, Some(problem)),
            };
            uplink.say(&ToAgent::Handoff { request, handoff, problem });
            drop(permit);
        });
    }

    /// The connection has ended.
    fn leave(&self) {
        self.organisation.disconnected(&self.uplink);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Also when the task is cut short; a second time changes nothing.
        self.leave();
    }
}

impl Conversation for Agent {
    fn line(&self) -> &Line {
        &self.uplink.line
    }

    fn heard(&mut self, frame: Frame) -> Result<(), Bye> {
        match frame {
            Frame::Output { channel, offset, bytes } => {
                tracing::trace!(hop = "b5", channel, bytes = bytes.len(), "output");
                self.hub(channel)
                    .map_or(Ok(()), |hub| hub.output(&self.uplink, channel, offset, &bytes))
                    .map_err(Bye::bad)?;
            }
            Frame::Snapshot { channel, id, at, flags, bytes } => {
                self.hub(channel)
                    .map_or(Ok(()), |hub| hub.snapshot(&self.uplink, channel, id, at, flags, &bytes))
                    .map_err(Bye::bad)?;
            }
            Frame::InputAck { channel, viewer, number, outcome } => {
                if let Some(hub) = self.hub(channel) {
                    hub.input_acked(viewer, number, outcome);
                }
            }
            Frame::Control(json) => {
                let now = Instant::now();
                if !self.messages.allows(1, now) || !self.message_bytes.allows(json.len(), now) {
                    return Err(Bye::Close(Close::TooMany));
                }
                self.on_message(message::from_json(&json).map_err(Bye::bad)?)?;
            }
            Frame::Hello(_) => return Err(Bye::bad("hello was said already")),
            Frame::Ack { .. } | Frame::Input { .. } => return Err(Bye::bad("an agent does not type")),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Unknown(_) => {}
        }
        Ok(())
    }

    fn fill(&mut self, out: &mut Vec<Frame>) -> Result<(), Bye> {
        let mut bytes = 0;
        while bytes < BATCH_BYTES
            && let Some(frame) = self.uplink.next()
        {
            if let Frame::Input { channel, bytes, .. } = &frame {
                tracing::trace!(hop = "k5", channel, bytes = bytes.len(), "input");
            }
            bytes += match &frame {
                Frame::Control(bytes) | Frame::Input { bytes, .. } => bytes.len(),
                _ => 0,
            };
            out.push(frame);
        }
        Ok(())
    }
}
