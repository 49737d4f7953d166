//! Commands that only a machine can carry out: start, resume, stop, forget. Each is answered with what is true.
//!
//! *Done* is what the machine has confirmed or shown, *refused* what it will not do, and *unknown*
//! ([`Code::OutcomeUnknown`]) what it had no chance to confirm in time. While its agent is away a command is refused at
//! once; when its agent dies over one, the next connection is asked again, which changes nothing that was done already:
//! a start names its session, and what is stopped or forgotten stays so. A start is written down before it is asked
//! for, so that a server that is killed meanwhile still knows whose session it is, and that it may exist.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fleet::Organisation;
use super::uplink::Answer;
use super::{Relay, bounds};
use crate::base::clock::unix_millis;
use crate::base::id::{MachineId, OrganisationId, SessionId};
use crate::base::limits::SESSIONS_PER_MACHINE_MAX;
use crate::base::problem::{Code, Problem};
use crate::server::auth::Caller;
use crate::server::auth::permissions::Permission;
use crate::store::{SessionRow, Sharing, StoreError};
use crate::wire::conversation::resuming;
use crate::wire::message::{SessionAsk, ToAgent};
use crate::wire::session::{Launch, SessionInfo, SessionState};
use crate::wire::view::SessionView;

/// Time a machine has to confirm, reconnects included.
///
/// More than the 15 s an agent gives a PTY host to report, less than the 30 s after which a request is given up.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(20);

/// Time a program has to end once it was told: it is killed after five seconds, and read out for one more.
const ENDED_WITHIN: Duration = Duration::from_secs(12);

impl Relay {
    /// Starts a session on a machine, and says what became of it once its program runs.
    ///
    /// `once` is the id it must have: if there is such a session, that is the answer. Without one it gets a new id.
    pub async fn start(
        &self,
        who: &Caller,
        machine: MachineId,
        launch: Launch,
        once: Option<SessionId>,
    ) -> Result<SessionView, Problem> {
        bounds::check_launch(&launch)?;
        let place = self.organisation(who.organisation).await?;
        place.may_machine(who, machine, Permission::StartSession)?;
        let known = once.and_then(|session| place.started(session));
        if let Some(view) = known.as_ref().filter(|view| view.info.state != SessionState::Starting) {
            return repeated(view.clone(), machine, &launch);
        }
        match place.uplink(machine) {
            // It was asked for before, by a server that is no more or of a machine that went away over it.
            Err(problem) if problem.code == Code::MachineOffline && known.is_some() => return Err(unconfirmed()),
            uplink => uplink?,
        };
        let info = asked(once.unwrap_or_else(SessionId::random), &launch);
        self.begin(place, who, machine, info, Order::Start(launch)).await
    }

    /// Starts a session that goes on with the conversation of one that has ended, on the same machine. Whoever may type
    /// there and start sessions on the machine may do this; the new session is theirs. `once` is as for a start.
    pub async fn resume(
        &self,
        who: &Caller,
        from: SessionId,
        (cols, rows): (u16, u16),
        once: impl FnOnce(MachineId) -> Option<SessionId>,
    ) -> Result<SessionView, Problem> {
        let place = self.organisation(who.organisation).await?;
        let (SessionView { machine, info, .. }, ..) = place.may_session(who, from, Permission::TypeSession)?;
        place.may_machine(who, machine, Permission::StartSession)?;
        let once = once(machine);
        if let Some(view) = once.and_then(|session| place.started(session)) {
            if view.info.resumed_from != Some(from) {
                return Err(other_wish(view.info.id));
            }
            if view.info.state != SessionState::Starting {
                return Ok(view);
            }
        }
        if !info.has_ended() {
            return Err(Problem::new(Code::Conflict, "the session still runs: go there"));
        }
        let Some(conversation) = info.conversation else {
            let text = "which conversation the session was in is not known: start it again instead";
            return Err(Problem::new(Code::BadRequest, text));
        };
        place.uplink(machine)?;
        // As far as it is known here; the machine knows the arguments whole.
        let args = resuming(&info.args, conversation);
        let launch = Launch { command: info.command, args, workdir: Some(info.workdir), name: info.name, cols, rows };
        let asked = asked(once.unwrap_or_else(SessionId::random), &launch);
        let info = SessionInfo { conversation: Some(conversation), resumed_from: Some(from), ..asked };
        self.begin(place, who, machine, info, Order::Resume { from, cols, rows }).await
    }

    /// Has a session begin, unless the machine has too many.
    async fn begin(
        &self,
        place: Arc<Organisation>,
        who: &Caller,
        machine: MachineId,
        info: SessionInfo,
        order: Order,
    ) -> Result<SessionView, Problem> {
        if place.started(info.id).is_none() && place.running(machine) >= SESSIONS_PER_MACHINE_MAX {
            let text =
                format!("this machine runs {SESSIONS_PER_MACHINE_MAX} sessions already, its limit; stop one first");
            return Err(Problem::new(Code::TooMany, text));
        }
        let sharing = Sharing::default();
        let row = SessionRow { machine, organisation: who.organisation, owner: who.user, info, sharing, handoff: None };
        // Carried through also when whoever asked does not wait for the answer.
        let relay = self.clone();
        let starting = tokio::spawn(async move { relay.carry_out(&place, row, order).await });
        starting.await.map_err(Problem::internal)?
    }

    async fn carry_out(&self, place: &Organisation, row: SessionRow, order: Order) -> Result<SessionView, Problem> {
        let (organisation, machine, session) = (row.organisation, row.machine, row.info.id);
        let _starting = place.starting(session, row.owner);
        self.store().put_session(row.clone()).await?;
        match confirmed(place, machine, session, |request| order.message(request, session)).await {
            Ok(()) => {}
            Err(problem) if problem.code == Code::OutcomeUnknown => {
                // Shown as starting until the machine says what became of it.
                place.expect_session(row);
                return Err(problem);
            }
            Err(problem) => {
                self.remove_row(organisation, session).await?;
                return Err(problem);
            }
        }
        let opened = place.session_row(session).zip(place.started(session));
        let Some((row, view)) = opened else {
            return Err(Problem::internal(format!("{machine} said {session} was started, but never announced it")));
        };
        let view = match &order {
            Order::Start(launch) => repeated(view, machine, launch)?,
            Order::Resume { .. } => view,
        };
        self.store().put_session(row).await?;
        Ok(view)
    }

    /// Has a session's program end: politely, or at once if `force`. Answers when it has ended.
    pub async fn stop(&self, who: &Caller, session: SessionId, force: bool) -> Result<(), Problem> {
        let place = self.organisation(who.organisation).await?;
        let (view, hub, _) = place.may_session(who, session, Permission::StopSession)?;
        if view.info.has_ended() {
            return Err(Problem::new(Code::SessionEnded, "the session's program has ended already"));
        }
        place.uplink(view.machine)?;
        place.stopping(session);
        let deadline = Instant::now() + ENDED_WITHIN;
        let mut told = None;
        loop {
            let mut news = std::pin::pin!(place.news());
            news.as_mut().enable(); // Listening first, then looking.
            if place.started(session).is_none_or(|view| view.info.has_ended()) {
                return Ok(());
            }
            // What an agent was told that is gone may never have arrived.
            if let Some(uplink) = hub.ask(told.as_ref(), SessionAsk::Stop { force }) {
                tracing::debug!(%session, "the machine is asked");
                told = Some(uplink);
            }
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                let text = "the program was told to end and its machine has not confirmed that it did; the session \
                            shows when it has; ask again, or use force to kill it";
                return Err(Problem::new(Code::OutcomeUnknown, text));
            }
        }
    }

    /// Forgets a session that has ended.
    pub async fn forget(&self, who: &Caller, session: SessionId) -> Result<(), Problem> {
        let place = self.organisation(who.organisation).await?;
        let (view, ..) = place.may_session(who, session, Permission::ForgetSession)?;
        if !view.info.has_ended() {
            return Err(Problem::new(Code::Conflict, "the session's program still runs; stop it first"));
        }
        place.uplink(view.machine)?;
        confirmed(&place, view.machine, session, |request| ToAgent::Forget { request, session }).await?;
        place.remove_session(session);
        self.remove_row(who.organisation, session).await
    }

    async fn remove_row(&self, organisation: OrganisationId, session: SessionId) -> Result<(), Problem> {
        match self.store().remove_session(organisation, session).await {
            // The agent's own word may have been faster.
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Asks a machine until it answers, over reconnects of its agent.
async fn confirmed(
    place: &Organisation,
    machine: MachineId,
    session: SessionId,
    message: impl Fn(u64) -> ToAgent,
) -> Result<(), Problem> {
    let deadline = Instant::now() + CONFIRMED_WITHIN;
    loop {
        let mut news = std::pin::pin!(place.news());
        news.as_mut().enable(); // Listening first, then looking.
        match place.uplink(machine) {
            Ok(uplink) => {
                tracing::debug!(%session, %machine, "the machine is asked");
                match uplink.request(deadline, &message).await {
                    Answer::Done => return Ok(()),
                    Answer::Refused(problem) => return Err(problem),
                    Answer::Broke => tracing::debug!(%session, %machine, "the agent went without an answer"),
                    Answer::Late => return Err(unconfirmed()),
                }
            }
            Err(problem) if problem.code == Code::MachineOffline => {}
            Err(removed) => return Err(removed),
        }
        if tokio::time::timeout_at(deadline, news).await.is_err() {
            return Err(unconfirmed());
        }
    }
}

fn unconfirmed() -> Problem {
    let text = format!(
        "the machine did not confirm this within {} s, so it may have been done or not: look at its sessions when it is \
         connected; a start that is asked for again with the same Idempotency-Key happens once",
        CONFIRMED_WITHIN.as_secs()
    );
    Problem::new(Code::OutcomeUnknown, text)
}

/// The answer to a start that was asked for before. The size is the page's, which may have changed since.
fn repeated(known: SessionView, machine: MachineId, launch: &Launch) -> Result<SessionView, Problem> {
    let info = &known.info;
    // What is kept of long arguments may be less than was asked for.
    let same_args = info.args.len() < launch.args.len() || info.args == launch.args;
    if known.machine == machine && info.command == launch.command && info.name == launch.name && same_args {
        return Ok(known);
    }
    Err(other_wish(info.id))
}

fn other_wish(session: SessionId) -> Problem {
    let text =
        format!("this Idempotency-Key was used for another start, {session}; send a new one with each new start");
    Problem::new(Code::Conflict, text)
}

/// What a machine is asked to run.
enum Order {
    Start(Launch),
    Resume { from: SessionId, cols: u16, rows: u16 },
}

impl Order {
    fn message(&self, request: u64, session: SessionId) -> ToAgent {
        match *self {
            Self::Start(ref launch) => ToAgent::Start { request, session, launch: launch.clone() },
            Self::Resume { from, cols, rows } => ToAgent::Resume { request, session, from, cols, rows },
        }
    }
}

/// A session of which nothing is known but that it was asked for.
fn asked(id: SessionId, launch: &Launch) -> SessionInfo {
    SessionInfo {
        name: launch.name.clone(),
        args: launch.args.clone(),
        workdir: launch.workdir.clone().unwrap_or_default(),
        state: SessionState::Starting,
        cols: launch.cols,
        rows: launch.rows,
        started_at: unix_millis(),
        ..SessionInfo::new(id, &launch.command)
    }
}
