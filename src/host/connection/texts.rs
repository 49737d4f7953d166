//! Screens as text, for scripts: asked for now, or for when there is more output than the asker has seen.
//!
//! One at a time is with the model; the others wait here, in order, within a bound.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::base::offset::Offset;
use crate::host::session::Session;
use crate::wire::message::SessionSays;
use crate::wire::session::ScreenText;

/// Requests of one connection that wait for output. The one that waited longest is given up for another: whoever sent it
/// has most likely gone, and is not told of anything anyhow once they stopped waiting.
const WAITING_MAX: usize = 64;

struct Wanted {
    request: u64,
    /// Wait until there is output behind it.
    after: Option<Offset>,
}

/// See the module's text.
#[derive(Default)]
pub(super) struct Texts {
    waiting: VecDeque<Wanted>,
    with_model: Option<(u64, oneshot::Receiver<(Offset, ScreenText)>)>,
}

impl Texts {
    /// Somebody wants one.
    pub(super) fn ask(&mut self, request: u64, after: Option<Offset>) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Wanted { request, after });
    }

    /// Asks the model for the next one that is due. Of a program that has ended all are.
    pub(super) fn go_on(&mut self, session: &Session) {
        if self.with_model.is_some() || self.waiting.is_empty() {
            return;
        }
        let end = session.with_log(|log| log.end());
        let due = |wanted: &Wanted| wanted.after.is_none_or(|after| after < end) || session.is_over();
        let next = self.waiting.iter().position(due).and_then(|at| self.waiting.remove(at));
        self.with_model = next.map(|wanted| (wanted.request, session.text(end)));
    }

    /// The next answer; pending while nothing was asked. `None` if the model began anew over it.
    pub(super) async fn answer(&mut self) -> Option<SessionSays> {
        let Some((request, reply)) = &mut self.with_model else { return std::future::pending().await };
        let (request, answer) = (*request, reply.await);
        self.with_model = None;
        answer.ok().map(|(offset, screen)| SessionSays::Text { request, offset, screen })
    }
}
