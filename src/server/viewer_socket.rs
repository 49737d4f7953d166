//! Keystroke and output hop 3 of 8. One page's connection: any number of terminals, and the news of the fleet.
//!
//! Keys arrive from the page and leave through [`super::relay::SessionHub::input`]. Output is pulled from the hubs as the
//! page's credit allows, a little of each session in turn.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;

use super::Shared;
use super::audit::{note_soon, note_watching};
use super::auth::Caller;
use super::auth::client::ClientAddress;
use super::auth::permissions::{Permission, Whose};
use super::rate::PerSecond;
use super::relay::{Arrival, Focus, Line, Organisation, Page, Pulled, SessionHub, Slot, Tour, heard_on};
use super::socket::{BATCH_BYTES, Bye, Conversation, FrameSocket};
use super::upgrade::Upgrade;
use crate::base::id::SessionId;
use crate::base::limits::{CHANNELS_PER_VIEWER_MAX, COLS_MAX, CONTROL_BYTES_MAX, FRAME_PAYLOAD_BYTES_MAX, ROWS_MAX};
use crate::base::problem::{Code, Problem};
use crate::store::audit::Action;
use crate::wire::Frame;
use crate::wire::close::Close;
use crate::wire::message::{self, FromViewer, Theme, ToViewer};

/// News of the fleet, and of how many watch, go out at most this often: a thousand viewers that arrive together are
/// told once of each other, not a thousand times.
const NEWS_EVERY: Duration = Duration::from_millis(100);

/// Frames a page may send in a second. Acknowledgements of the fastest output are a quarter of it.
const FRAMES_PER_SECOND_MAX: usize = 20_000;

/// Messages among them: a page that opens all its channels at once, and drags its window.
const MESSAGES_PER_SECOND_MAX: usize = 1_000;

/// Channels of one page on one session: so that no page takes the places of all viewers.
const CHANNELS_PER_SESSION_MAX: usize = 8;

/// Answers that wait while a page does not read. It asks faster than it listens, so it is not a page of ours.
const ANSWERS_MAX: usize = 1_024;

/// News of the fleet sent at a time, in bytes of JSON. A fleet of thousands is told within a few seconds, and a crowd of
/// pages that comes back after a restart leaves the processor to its terminals.
const NEWS_BYTES_MAX: usize = 64 * 1024;

/// How much of the first message about the fleet is filled; the rest follows piece by piece.
const FLEET_BYTES_MAX: usize = CONTROL_BYTES_MAX / 2;

/// `GET /api/v1/viewer`.
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    from: ClientAddress,
    upgrade: Upgrade,
) -> Response {
    let (response, socket) = upgrade.accept();
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        if let Ok(socket) = socket.await {
            serve(socket, caller, from, shared).await;
        }
    });
    response
}

/// Talks with a page until either side has a reason to stop.
async fn serve<S>(ws: WebSocketStream<S>, caller: Caller, from: ClientAddress, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut socket = FrameSocket::new(ws, shared.relay.heart().gap());
    let bye = match Tab::open(caller, from, shared).await {
        Ok(mut tab) => match socket.greet().await {
            Ok(_) => socket.converse(&mut tab).await,
            Err(bye) => bye,
        },
        Err(bye) => bye,
    };
    if let Bye::Bad(what) = &bye {
        tracing::info!(what, "a page was hung up on");
    }
    socket.close(bye).await;
}

/// A page's side of the conversation.
struct Tab {
    shared: Arc<Shared>,
    from: ClientAddress,
    page: Arc<Page>,
    organisation: Arc<Organisation>,
    channels: HashMap<u32, Attached>,
    /// Channels with something to send, in turn.
    ready: VecDeque<u32>,
    marked: Vec<u32>,
    answers: Vec<Frame>,
    greeted: bool,
    /// Which session its person looks at, if at any, while they have the page before them.
    looking: Focus,
    tour: Tour,
    /// When news may go out next, and channels that wait for it to be told how many watch.
    news_at: Instant,
    counts: Vec<u32>,
    frames: PerSecond,
    messages: PerSecond,
}

struct Attached {
    session: SessionId,
    hub: Arc<SessionHub>,
    slot: Slot,
    /// It stands in `ready`.
    queued: bool,
}

impl Tab {
    /// Listens to the fleet from here on: before the greeting, so that a sign-out in between is not missed.
    async fn open(caller: Caller, from: ClientAddress, shared: Arc<Shared>) -> Result<Self, Bye> {
        let relay = &shared.relay;
        let organisation = relay.organisation(caller.organisation).await.map_err(|_| Bye::Close(Close::Restart))?;
        let name = organisation.name_of(caller.user);
        let page = Arc::new(Page::new(caller, name).that_shows());
        if !organisation.page_opened(&page) {
            return Err(Bye::Close(Close::TooMany));
        }
        if relay.is_closing() {
            page.line.close(Close::Restart);
        }
        relay.look_again(&page.who, &page.line).await;
        let now = Instant::now();
        Ok(Self {
            shared,
            from,
            page,
            organisation,
            channels: HashMap::new(),
            ready: VecDeque::new(),
            marked: Vec::new(),
            answers: Vec::new(),
            greeted: false,
            looking: Focus::Elsewhere,
            tour: Tour::default(),
            news_at: now,
            counts: Vec::new(),
            frames: PerSecond::new(FRAMES_PER_SECOND_MAX, now),
            messages: PerSecond::new(MESSAGES_PER_SECOND_MAX, now),
        })
    }

    fn queue(&mut self, channel: u32) {
        if let Some(attached) = self.channels.get_mut(&channel)
            && !std::mem::replace(&mut attached.queued, true)
        {
            self.ready.push_back(channel);
        }
    }

    fn answer(&mut self, message: &ToViewer) {
        self.answers.push(message::to_frame(message));
    }

    fn on_message(&mut self, message: FromViewer) {
        match message {
            FromViewer::Attach { channel, session, viewer, from, take, cols, rows, theme } => {
                let (page, (cols, rows)) = (Arc::clone(&self.page), size(cols, rows));
                let (theme, may_type) = (theme.filter(is_theme), false);
                let arrival = Arrival { page, channel, viewer, from, may_type, take, cols, rows, theme };
                if let Err(problem) = self.attach(session, arrival) {
                    self.answer(&ToViewer::Detached { channel, problem });
                }
            }
            FromViewer::Detach { channel } => self.detach(channel),
            FromViewer::TakeControl { channel, cols, rows } => {
                let (cols, rows) = size(cols, rows);
                if let Some(attached) = self.channels.get(&channel) {
                    let event = self.page.who.event(Action::SessionTakeControl, self.from);
                    note_soon(&self.shared, event.on(attached.session));
                }
                self.with(channel, |hub, slot| hub.take_control(slot, cols, rows));
            }
            FromViewer::Resize { channel, cols, rows } => {
                let (cols, rows) = size(cols, rows);
                self.with(channel, |hub, slot| hub.resize(slot, cols, rows));
            }
            FromViewer::Theme { channel, theme } if is_theme(&theme) => {
                self.with(channel, |hub, slot| hub.theme(slot, theme));
            }
            FromViewer::Looking { here, session } => {
                self.looking = if here { Focus::Here(session) } else { Focus::Elsewhere };
                self.refocus();
            }
            FromViewer::History { channel, id } if id != 0 => self.with(channel, |hub, slot| hub.history(slot, id)),
            FromViewer::Theme { .. } | FromViewer::History { .. } | FromViewer::Unknown => {}
        }
    }

    fn with(&self, channel: u32, act: impl FnOnce(&SessionHub, Slot)) {
        // A channel that was closed meanwhile is no mistake of the page.
        if let Some(attached) = self.channels.get(&channel) {
            act(&attached.hub, attached.slot);
        }
    }

    fn attach(&mut self, session: SessionId, arrival: Arrival) -> Result<(), Problem> {
        let channel = arrival.channel;
        if self.channels.contains_key(&channel) {
            return Err(Problem::new(Code::Conflict, "this channel is in use; detach it first or choose another"));
        }
        if self.channels.len() >= CHANNELS_PER_VIEWER_MAX {
            let text = format!("a page watches at most {CHANNELS_PER_VIEWER_MAX} sessions; close some first");
            return Err(Problem::new(Code::TooMany, text));
        }
        if self.channels.values().filter(|attached| attached.session == session).count() >= CHANNELS_PER_SESSION_MAX {
            let text = format!("a page watches one session at most {CHANNELS_PER_SESSION_MAX} times; close some first");
            return Err(Problem::new(Code::TooMany, text));
        }
        let (view, hub, whose) = self.organisation.may_session(&self.page.who, session, Permission::WatchSession)?;
        let may_type = self.organisation.may_type(&self.page.who, session);
        let slot = hub.attach(Arrival { may_type, ..arrival })?;
        note_watching(&self.shared, &self.page.who, self.from, &view);
        if whose != Whose::Own || !may_type {
            // It may have been handed on in between; what the hub was told then did not name this viewer.
            self.organisation.reconsider(session);
        }
        self.channels.insert(channel, Attached { session, hub, slot, queued: false });
        self.refocus();
        self.organisation.viewers_changed(session);
        Ok(())
    }

    fn detach(&mut self, channel: u32) {
        if let Some(attached) = self.channels.remove(&channel) {
            attached.hub.detach(attached.slot);
            self.organisation.viewers_changed(attached.session);
            self.refocus();
        }
    }

    /// What the page says that its person looks at, as far as it shows it.
    fn refocus(&self) {
        let shows = |session: &SessionId| self.channels.values().any(|attached| attached.session == *session);
        self.page.set_focus(match self.looking {
            Focus::Here(session) => Focus::Here(session.filter(shows)),
            Focus::Elsewhere => Focus::Elsewhere,
        });
    }

    fn has_news(&self) -> bool {
        !self.counts.is_empty() || !self.tour.is_over() || self.page.has_fleet_news()
    }

    /// Lets one channel have its turn; how many bytes it took.
    fn turn(&mut self, channel: u32, tell_count: bool, out: &mut Vec<Frame>) -> usize {
        let Some(attached) = self.channels.get_mut(&channel) else { return 0 };
        attached.queued = false;
        let begin = out.len();
        let now = std::time::Instant::now();
        match attached.hub.pull(attached.slot, now, FRAME_PAYLOAD_BYTES_MAX, tell_count, out) {
            Pulled::All => {}
            Pulled::CountLater => self.counts.push(channel),
            Pulled::More => self.queue(channel),
            Pulled::Closed => {
                let session = attached.session;
                self.channels.remove(&channel);
                self.refocus();
                self.organisation.viewers_changed(session);
            }
        }
        let taken = out.get(begin..).unwrap_or_default();
        let bytes = taken.iter().map(payload_bytes).sum();
        if taken.iter().any(|frame| matches!(frame, Frame::Output { .. })) {
            tracing::trace!(hop = "b3", channel, bytes, "output");
        }
        bytes
    }
}

impl Conversation for Tab {
    fn line(&self) -> &Line {
        &self.page.line
    }

    fn heard(&mut self, frame: Frame) -> Result<(), Bye> {
        let now = Instant::now();
        let message = matches!(frame, Frame::Control(_));
        if !self.frames.allows(1, now) || !self.messages.allows(message.into(), now) || self.answers.len() > ANSWERS_MAX
        {
            return Err(Bye::Close(Close::TooMany));
        }
        match frame {
            Frame::Input { channel, number, bytes, .. } => {
                tracing::trace!(hop = "k3", channel, bytes = bytes.len(), "input");
                self.with(channel, |hub, slot| hub.input(slot, number, bytes));
            }
            Frame::Ack { channel, consumed } => {
                if let Some(attached) = self.channels.get(&channel) {
                    attached.hub.acked(attached.slot, consumed, now.into_std()).map_err(Bye::bad)?;
                }
                self.queue(channel);
            }
            Frame::Control(json) => self.on_message(message::from_json(&json).map_err(Bye::bad)?),
            Frame::Hello(_) => return Err(Bye::bad("hello was said already")),
            Frame::Output { .. } | Frame::Snapshot { .. } | Frame::InputAck { .. } => {
                return Err(Bye::bad("a page does not send output"));
            }
            Frame::Pong(number) => {
                if let Some(channel) = heard_on(number) {
                    self.with(channel, SessionHub::heard);
                }
            }
            Frame::Ping(_) | Frame::Unknown(_) => {}
        }
        Ok(())
    }

    fn fill(&mut self, out: &mut Vec<Frame>) -> Result<(), Bye> {
        let now = Instant::now();
        if !std::mem::replace(&mut self.greeted, true) {
            out.push(self.organisation.fleet(&self.page, &mut self.tour, FLEET_BYTES_MAX));
            // Terminals come first, also before the rest of the fleet.
            self.news_at = now + NEWS_EVERY;
        }
        out.append(&mut self.answers);
        while let Some(message) = self.page.next_notice() {
            out.push(message::to_frame(&message));
        }
        let mut marked = std::mem::take(&mut self.marked);
        self.page.take_channels(&mut marked);
        marked.drain(..).for_each(|channel| self.queue(channel));
        self.marked = marked;
        let mut bytes = 0;
        while bytes < BATCH_BYTES
            && let Some(channel) = self.ready.pop_front()
        {
            bytes += self.turn(channel, false, out);
        }
        // Behind output, but not instead of it: that may never end.
        if now >= self.news_at && self.has_news() {
            self.news_at = now + NEWS_EVERY;
            self.organisation.tell(&self.page, &mut self.tour, NEWS_BYTES_MAX, out);
            for channel in std::mem::take(&mut self.counts) {
                self.turn(channel, true, out);
            }
        }
        Ok(())
    }

    fn later(&self) -> Option<Instant> {
        self.has_news().then_some(self.news_at)
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.organisation.page_closed(&self.page);
        for (_, attached) in self.channels.drain() {
            attached.hub.detach(attached.slot);
            self.organisation.viewers_changed(attached.session);
        }
    }
}

fn payload_bytes(frame: &Frame) -> usize {
    match frame {
        Frame::Output { bytes, .. } | Frame::Snapshot { bytes, .. } | Frame::Control(bytes) => bytes.len(),
        _ => 0,
    }
}

/// Within what a PTY and the model take.
fn size(cols: u16, rows: u16) -> (u16, u16) {
    (cols.clamp(1, COLS_MAX), rows.clamp(1, ROWS_MAX))
}

fn is_theme(theme: &Theme) -> bool {
    let is_colour = |text: &str| {
        text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    [&theme.foreground, &theme.background, &theme.cursor].into_iter().all(|colour| is_colour(colour))
}
