//! The way to one connected agent: what is to be sent to it, and the requests it has not answered yet.

mod lanes;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::line::Line;
use super::memory::Share;
use crate::base::id::{KeyId, MachineId, OrganisationId};
use crate::base::problem::{Code, Problem};
use crate::wire::Frame;
use crate::wire::close::Close;
use crate::wire::message::{self, SessionAsk, ToAgent};
use lanes::{Lanes, OF_MACHINE};

/// Requests to one agent that are not answered yet.
const REQUESTS_MAX: usize = 256;

/// The agent does not take what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was carried out.
    Done,
    /// It was not, for this reason.
    Refused(Problem),
    /// The connection ended before an answer came: it may have been carried out.
    Broke,
    /// No answer came in time: it may have been carried out, or be still.
    Late,
}

/// A connected agent.
#[derive(Debug)]
pub struct Uplink {
    /// The machine it speaks for.
    pub machine: MachineId,
    /// Where that belongs.
    pub organisation: OrganisationId,
    /// The key it came with.
    pub key: KeyId,
    /// Its connection.
    pub line: Line,
    /// What hubs may hold of what it sends.
    pub(super) memory: Arc<Share>,
    queue: Mutex<Queue>,
    requests: Mutex<Requests>,
}

#[derive(Debug, Default)]
struct Queue {
    lanes: Lanes,
    /// Newest credit by channel; older ones are worth nothing.
    acks: BTreeMap<u32, u64>,
}

#[derive(Debug, Default)]
struct Requests {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<(), Problem>>>,
    ended: bool,
}

impl Uplink {
    /// Of a machine whose agent was just registered.
    pub fn new(machine: MachineId, organisation: OrganisationId, key: KeyId) -> Self {
        let (line, memory, queue, requests) = Default::default();
        Self { machine, organisation, key, line, memory, queue, requests }
    }

    /// The same, where all connections of the machine share what may be held.
    #[must_use]
    pub(crate) fn sharing(self, memory: Arc<Share>) -> Self {
        Self { memory, ..self }
    }

    /// Sends a frame behind the earlier ones of the session on `channel`.
    pub fn send(&self, channel: u32, frame: Frame) -> Result<(), Full> {
        self.queue().lanes.push(channel, frame)?;
        self.line.wake();
        Ok(())
    }

    /// Sends a message. An agent that does not take it is not there any more: its connection is closed.
    pub fn say(&self, message: &ToAgent) {
        self.say_on(OF_MACHINE, message);
    }

    /// Sends a message to the PTY host of the session on `channel`.
    pub fn ask(&self, channel: u32, ask: SessionAsk) {
        self.say_on(channel, &ToAgent::Session { channel, ask });
    }

    fn say_on(&self, channel: u32, message: &ToAgent) {
        if self.send(channel, message::to_frame(message)).is_err() {
            self.line.close(Close::TooMany);
        }
    }

    /// Gives credit.
    pub fn ack(&self, channel: u32, consumed: u64) {
        self.queue().acks.insert(channel, consumed);
        self.line.wake();
    }

    /// The next frame to send: credit first, it is small and keeps output coming.
    pub fn next(&self) -> Option<Frame> {
        let mut queue = self.queue();
        if let Some((channel, consumed)) = queue.acks.pop_first() {
            return Some(Frame::Ack { channel, consumed });
        }
        queue.lanes.pop()
    }

    /// Sends the request that `message` makes of its number, and waits for the answer.
    pub async fn request(&self, deadline: Instant, message: impl FnOnce(u64) -> ToAgent) -> Answer {
        let (number, answer) = match self.new_request() {
            Ok(request) => request,
            Err(unsent) => return unsent,
        };
        self.say(&message(number));
        let outcome = tokio::time::timeout_at(deadline, answer).await;
        self.requests().waiting.remove(&number);
        match outcome {
            Ok(Ok(Ok(()))) => Answer::Done,
            Ok(Ok(Err(problem))) => Answer::Refused(problem),
            Ok(Err(_)) => Answer::Broke,
            Err(_) => Answer::Late,
        }
    }

    /// The agent's answer to a request. One that nobody waits for any more is dropped.
    pub fn answered(&self, request: u64, problem: Option<Problem>) {
        if let Some(waiting) = self.requests().waiting.remove(&request) {
            // Whoever asked may have given up.
            let _ = waiting.send(problem.map_or(Ok(()), Err));
        }
    }

    /// The connection has ended: whoever waits for an answer learns it.
    pub fn ended(&self) {
        let mut requests = self.requests();
        requests.ended = true;
        requests.waiting.clear();
    }

    fn new_request(&self) -> Result<(u64, oneshot::Receiver<Result<(), Problem>>), Answer> {
        let mut requests = self.requests();
        if requests.ended {
            return Err(Answer::Broke);
        }
        if requests.waiting.len() >= REQUESTS_MAX {
            let text = "this machine has too many requests to answer; try again soon";
            return Err(Answer::Refused(Problem::new(Code::TooMany, text)));
        }
        requests.last += 1;
        let number = requests.last;
        let (sender, receiver) = oneshot::channel();
        requests.waiting.insert(number, sender);
        Ok((number, receiver))
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn requests(&self) -> std::sync::MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::base::id::{SessionId, ViewerId};

    fn uplink() -> Arc<Uplink> {
        Arc::new(Uplink::new(MachineId::random(), OrganisationId::random(), KeyId::random()))
    }

    fn forget(request: u64) -> ToAgent {
        ToAgent::Forget { request, session: SessionId::random() }
    }

    #[tokio::test]
    async fn a_request_is_answered_truthfully_whatever_happens() {
        let uplink = uplink();
        let ask_within = |time| {
            let uplink = Arc::clone(&uplink);
            tokio::spawn(async move { uplink.request(Instant::now() + time, forget).await })
        };
        let ask = || ask_within(Duration::from_mins(1));
        let (done, refused) = (ask(), ask());
        tokio::task::yield_now().await;
        let problem = Problem::new(Code::NotFound, "no such session");
        uplink.answered(1, None);
        uplink.answered(2, Some(problem.clone()));
        uplink.answered(99, None);
        assert_eq!(done.await.unwrap(), Answer::Done);
        assert_eq!(refused.await.unwrap(), Answer::Refused(problem));
        assert_eq!(ask_within(Duration::from_millis(20)).await.unwrap(), Answer::Late);
        let broken = ask();
        tokio::task::yield_now().await;
        uplink.ended();
        assert_eq!(broken.await.unwrap(), Answer::Broke);
        assert_eq!(ask().await.unwrap(), Answer::Broke, "it was over before");
    }

    #[test]
    fn an_agent_that_takes_nothing_costs_its_queue_and_no_more() {
        let uplink = uplink();
        let paste = Bytes::from(vec![b'x'; 8 * 1024]);
        let mut number = 0;
        let refused = loop {
            number += 1;
            let frame = Frame::Input { channel: 1, viewer: ViewerId::random(), number, bytes: paste.clone() };
            if uplink.send(1, frame).is_err() {
                break number;
            }
            uplink.ack(1, number);
        };
        assert!((500..520).contains(&refused), "{refused}");
        assert_eq!(uplink.next(), Some(Frame::Ack { channel: 1, consumed: refused - 1 }), "only the newest credit");
        assert!(matches!(uplink.next(), Some(Frame::Input { number: 1, .. })));
    }
}
