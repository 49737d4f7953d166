//! Questions of this machine's programs about handoffs, on their way to the server and back.
//!
//! The loopback HTTP asks, the uplink of the moment carries it. Nothing is kept over a reconnect: whoever asked is told
//! that the way broke and asks again, which is harmless ([`HandoffAsk::Pause`] has a mark for it).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::base::id::SessionId;
use crate::base::problem::{Code, Problem};
use crate::wire::handoff::{HandoffAsk, HandoffView};
use crate::wire::message::FromAgent;

/// Questions that wait for the uplink to take them: it does at once.
const WAITING_MAX: usize = 64;

type Answer = Result<HandoffView, Problem>;

/// One question.
#[derive(Debug)]
struct Question {
    session: SessionId,
    ask: HandoffAsk,
    answer: oneshot::Sender<Answer>,
}

/// The questions that an uplink takes, and who waits for which answer.
#[derive(Debug)]
pub(super) struct Questions {
    new: mpsc::Receiver<Question>,
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    last_request: u64,
}

impl Questions {
    /// The next one, as it is sent. `None` once another uplink takes them.
    pub(super) async fn next(&mut self) -> Option<FromAgent> {
        let Question { session, ask, answer } = self.new.recv().await?;
        // Whoever does not wait any more has no use for an answer.
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        self.last_request += 1;
        self.waiting.insert(self.last_request, answer);
        Some(FromAgent::Handoff { request: self.last_request, session, ask })
    }

    /// The server answers.
    pub(super) fn told(&mut self, request: u64, handoff: Option<Box<HandoffView>>, problem: Option<Problem>) {
        let Some(waiting) = self.waiting.remove(&request) else { return };
        let told = match (handoff, problem) {
            (Some(handoff), _) => Ok(*handoff),
            (None, Some(problem)) => Err(problem),
            (None, None) => Err(Problem::internal("the server told nothing of a handoff")),
        };
        // Whoever asked may have given up.
        let _ = waiting.send(told);
    }
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Handing {
    uplink: Mutex<Option<mpsc::Sender<Question>>>,
}

impl Handing {
    /// An uplink is there, and takes questions as long as it keeps what it gets here.
    pub(super) fn online(&self) -> Questions {
        let (sender, new) = mpsc::channel(WAITING_MAX);
        *self.uplink.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        Questions { new, waiting: HashMap::new(), last_request: 0 }
    }

    /// Asks the server.
    pub(super) async fn ask(&self, session: SessionId, ask: HandoffAsk) -> Answer {
        let uplink = self.uplink.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (answer, answered) = oneshot::channel();
        let asked = async {
            uplink?.send(Question { session, ask, answer }).await.ok()?;
            answered.await.ok()
        };
        asked.await.unwrap_or_else(|| {
            Err(Problem::new(
                Code::MachineOffline,
                "the agent is not connected to its server; `sessionforge status` says why",
            ))
        })
    }
}
