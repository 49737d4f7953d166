//! `GET /events`: what changes in the fleet, as server-sent events, for scripts and whoever has no WebSocket.
//!
//! The same news as pages get, in the same words (`docs/protocol.md`), and like them by marks instead of queues: a reader
//! that is slow is told once of each thing that changed, however often it did.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;

use super::super::Shared;
use super::super::answer::ApiError;
use super::super::auth::Caller;
use super::super::relay::{Organisation, Page};
use crate::base::problem::Problem;
use crate::wire::message::ToViewer;

/// Something is sent at least this often, so that proxies keep the connection and the reader notices when it is gone.
const SOMETHING_EVERY: Duration = Duration::from_secs(15);

/// News goes out at most this often: what changes ten times a second is told as often as somebody reads.
const NEWS_EVERY: Duration = Duration::from_millis(250);

/// Time after which a browser's reader comes back.
const COME_BACK_AFTER: Duration = Duration::from_secs(2);

/// `GET /events`: first `fleet` with everything, then `machine`, `machine_gone`, `session`, `session_gone`.
pub(in crate::server) async fn stream(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let organisation = shared.relay.organisation(caller.organisation).await?;
    let reader = Reader::new(caller, organisation).ok_or_else(|| {
        let text = "you listen to this server over as many connections as one person may; close some";
        ApiError::later(COME_BACK_AFTER, text)
    })?;
    shared.relay.look_again(&reader.page.who, &reader.page.line).await;
    if shared.relay.is_closing() {
        return Err(Problem::internal("events were asked for while the server stops").into());
    }
    let events = futures_util::stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SOMETHING_EVERY)))
}

/// Somebody who listens, until it is dropped.
struct Reader {
    page: Arc<Page>,
    organisation: Arc<Organisation>,
    told_fleet: bool,
    waiting: VecDeque<Event>,
}

impl Reader {
    /// `None` if its person has too many: nobody could tell it of changes, nor to hang up.
    fn new(caller: Caller, organisation: Arc<Organisation>) -> Option<Self> {
        let name = organisation.name_of(caller.user);
        let page = Arc::new(Page::new(caller, name));
        let fits = organisation.page_opened(&page);
        fits.then_some(Self { page, organisation, told_fleet: false, waiting: VecDeque::new() })
    }

    /// The next event; `None` when the connection is to end: signed out, key revoked, server stopped.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.page.line.closing().is_some() {
                return None;
            }
            if !std::mem::replace(&mut self.told_fleet, true) {
                return self.fleet();
            }
            if self.page.has_fleet_news() {
                self.take_news();
                continue;
            }
            self.page.line.woken().await;
            if self.page.line.closing().is_none() {
                // Together with what comes right behind it.
                tokio::time::sleep(NEWS_EVERY).await;
            }
        }
    }

    fn fleet(&self) -> Option<Event> {
        let who = &self.page.who;
        let (machines, sessions) = (self.organisation.machines(who), self.organisation.sessions(who));
        Some(event("fleet", &ToViewer::Fleet { machines, sessions })?.retry(COME_BACK_AFTER))
    }

    fn take_news(&mut self) {
        let who = &self.page.who;
        while let Some(id) = self.page.next_machine() {
            let told = match self.organisation.machine(who, id) {
                Some(machine) => event("machine", &ToViewer::Machine { machine }),
                None => event("machine_gone", &ToViewer::MachineGone { id }),
            };
            self.waiting.extend(told);
        }
        while let Some(id) = self.page.next_session() {
            let told = match self.organisation.session(who, id) {
                Some(session) => event("session", &ToViewer::Session { session }),
                None => event("session_gone", &ToViewer::SessionGone { id }),
            };
            self.waiting.extend(told);
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.organisation.page_closed(&self.page);
    }
}

/// One event; the message's own `kind` is its name.
fn event(name: &str, message: &ToViewer) -> Option<Event> {
    // Our messages are enums of strings and numbers; such values always have a JSON form.
    Event::default().event(name).json_data(message).ok()
}
