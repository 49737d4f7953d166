//! What became of a need, for the hook at the other end that waits for it.

use tokio::io::AsyncWrite;

use super::Connection;
use crate::host::attention::Outcome;
use crate::wire::message::{self, SessionSays};

impl<W: AsyncWrite + Unpin> Connection<W> {
    /// Nobody is at the other end any more.
    pub(super) fn closed(&self) {
        self.session.connection_closed(self.id);
        if let Some(need) = self.waits_for {
            self.session.abandoned(need);
        }
    }

    /// Says it, once.
    pub(super) fn tell_answer(&mut self) {
        let Some(need) = self.waits_for else { return };
        let answer = match self.session.outcome(need) {
            Outcome::Waits => return,
            Outcome::Answered(answer) => Some(answer),
            Outcome::Withdrawn => None,
        };
        self.waits_for = None;
        self.writer.queue(&message::to_frame(&SessionSays::Answered { answer }));
    }
}
