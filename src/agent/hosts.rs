//! The PTY hosts of this machine: found, opened, started, forgotten. Outlives each uplink.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::config::AgentConfig;
use super::environment::Environment;
use super::link::{FIRST_WORD_WITHIN, Greeted};
use super::local;
use crate::base::clock::unix_millis;
use crate::base::id::SessionId;
use crate::base::limits::{SESSIONS_KNOWN_MAX, SESSIONS_PER_MACHINE_MAX};
use crate::base::problem::{Code, Problem};
use crate::host::client::{ConnectError, HostClient, LocalStream};
use crate::host::conversation;
use crate::host::last_screen::{self, LastScreen};
use crate::host::launch::{self, StartError};
use crate::host::runtime_dir::{self, Facts, RuntimeDirError};
use crate::host::spec::{self, Ready, Spec};
use crate::wire::conversation::resuming;
use crate::wire::hello::Role;
use crate::wire::session::{Launch, SessionInfo, SessionState};

/// Hosts opened at the same time. Each answers within a millisecond; one that hangs must not hold up the others.
const OPENED_AT_ONCE: usize = 64;

/// Time from a host's socket to its first word there.
const SERVES_WITHIN: Duration = Duration::from_secs(5);

/// How often such a host is looked for.
const LOOKED_FOR_EVERY: Duration = Duration::from_millis(50);

/// Time a host has to end after it was told that its session is forgotten.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(2);

/// A host that lives and has said what its session is.
pub(super) type LiveHost = Greeted<ReadHalf<LocalStream>, WriteHalf<LocalStream>>;

/// What was found where a session's host should be.
pub(super) enum Opening {
    /// It lives.
    Live(Box<LiveHost>),
    /// Somebody listens there and does not answer: stopped or starved, perhaps not for ever.
    Mute(SessionInfo),
    /// Nobody is there. The session has exited, or is lost if nobody has written that down.
    Ended(SessionInfo),
    /// Nothing is known of such a session.
    Missing,
}

/// The runtime directory, and the starts that are under way.
#[derive(Debug)]
pub(super) struct Hosts {
    data_dir: PathBuf,
    runtime_dir: PathBuf,
    executable: PathBuf,
    /// What sessions find in their environment.
    pub(super) environment: Environment,
    starting: Mutex<HashSet<SessionId>>,
    started: Notify,
}

/// Where in a data directory PTY hosts are found.
pub fn runtime_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("run")
}

impl Hosts {
    /// Of this agent's data directory; PTY hosts are started by running `executable` again.
    pub(super) fn new(config: &AgentConfig, executable: PathBuf) -> Result<Self, RuntimeDirError> {
        let runtime_dir = runtime_dir(&config.data_dir);
        runtime_dir::prepare(&runtime_dir)?;
        Ok(Self {
            data_dir: config.data_dir.clone(),
            environment: Environment::new(config.environment),
            runtime_dir,
            executable,
            starting: Mutex::default(),
            started: Notify::new(),
        })
    }

    /// All sessions that have a host or had one.
    pub(super) fn sessions(&self) -> io::Result<HashSet<SessionId>> {
        Ok(runtime_dir::sessions(&self.runtime_dir)?.into_iter().collect())
    }

    /// Opens them all.
    pub(super) async fn open_all(&self) -> Vec<(SessionId, Opening)> {
        let sessions = self.sessions().unwrap_or_else(|cause| {
            tracing::error!(%cause, "the runtime directory cannot be read");
            HashSet::new()
        });
        let opened: Vec<_> = stream::iter(sessions)
            .map(async |session| (session, self.open(session).await))
            .buffer_unordered(OPENED_AT_ONCE)
            .collect()
            .await;
        opened
    }

    /// Connects to a session's host.
    pub(super) async fn open(&self, session: SessionId) -> Opening {
        let facts = runtime_dir::read_facts(&self.runtime_dir, session);
        let socket = match &facts {
            Some(facts) => facts.socket.clone(),
            None => runtime_dir::socket_path(&self.runtime_dir, session),
        };
        let greeting = async {
            let (reader, writer) = HostClient::connect(&socket, Role::Agent).await?.split();
            Ok::<_, ConnectError>(Greeted::wait(reader, writer).await?)
        };
        match (tokio::time::timeout(FIRST_WORD_WITHIN, greeting).await, facts) {
            (Ok(Ok(greeted)), _) => Opening::Live(Box::new(greeted)),
            (_, None) => Opening::Missing,
            (Ok(Err(ConnectError::Gone)), Some(facts)) => Opening::Ended(self.found_dead(facts)),
            (outcome, Some(facts)) => {
                let cause =
                    outcome.ok().and_then(Result::err).map_or("no answer".to_owned(), |cause| cause.to_string());
                tracing::warn!(%session, cause, "its PTY host cannot be talked to");
                Opening::Mute(facts.info)
            }
        }
    }

    /// A session whose host is gone is lost, unless it was written down that it exited. From now on that is written.
    fn found_dead(&self, mut facts: Facts) -> SessionInfo {
        if !facts.info.has_ended() {
            facts.info.state = SessionState::Lost;
            facts.info = facts.info.lasting();
            facts.info.pid = None;
            facts.info.ended_at = Some(unix_millis());
            facts.info.last_screen_at = last_screen::taken_at(&self.runtime_dir, facts.info.id);
            facts.info.conversation = conversation::at_end(&facts.info, &self.runtime_dir);
            if let Err(cause) = runtime_dir::write_facts(&self.runtime_dir, &facts) {
                // It is found dead again by the next who looks.
                tracing::warn!(session = %facts.info.id, %cause, "that it is lost cannot be written down");
            }
        }
        facts.info.last_screen_at = last_screen::taken_at(&self.runtime_dir, facts.info.id);
        facts.info
    }

    /// What a session's host left of its screen.
    pub(super) async fn last_screen(&self, session: SessionId) -> Option<LastScreen> {
        let dir = self.runtime_dir.clone();
        // A reader that panicked has read nothing.
        tokio::task::spawn_blocking(move || last_screen::read(&dir, session)).await.ok().flatten()
    }

    /// Starts a session, or does nothing if it has been started before. Waits for an earlier start of the same one.
    pub(super) async fn start(
        self: &Arc<Self>,
        config: &AgentConfig,
        session: SessionId,
        launch: Launch,
    ) -> Result<(), Problem> {
        self.start_as(config, session, launch, None).await
    }

    /// Starts a session that goes on with the conversation of `from`, which has ended. Its size alone may be another.
    pub(super) async fn resume(
        self: &Arc<Self>,
        config: &AgentConfig,
        session: SessionId,
        from: SessionId,
        (cols, rows): (u16, u16),
    ) -> Result<(), Problem> {
        let info = match self.open(from).await {
            Opening::Live(host) if host.info.has_ended() => host.info.clone(),
            Opening::Ended(info) => info,
            Opening::Live(_) | Opening::Mute(_) => {
                return Err(Problem::new(Code::Conflict, format!("{from} still runs: go there, or stop it first")));
            }
            Opening::Missing => return Err(Problem::new(Code::NotFound, "this machine has no such session any more")),
        };
        let conversation = info.conversation.ok_or_else(|| {
            Problem::new(Code::BadRequest, "which conversation the session was in is not known: start it again instead")
        })?;
        let args = resuming(&info.args, conversation);
        let launch = Launch { command: info.command, args, workdir: Some(info.workdir), name: info.name, cols, rows };
        self.start_as(config, session, launch, Some(from)).await
    }

    async fn start_as(
        self: &Arc<Self>,
        config: &AgentConfig,
        session: SessionId,
        launch: Launch,
        resumed_from: Option<SessionId>,
    ) -> Result<(), Problem> {
        config.check_allowed(&launch.command)?;
        spec::check(&launch)?;
        let hosts = Arc::clone(self);
        let (runtime_dir, keep_screen, tier) = (self.runtime_dir.clone(), config.keep_screens, config.tier.clone());
        let env = local::environment(&self.data_dir, session);
        let spec = Spec { session, launch, runtime_dir, env, resumed_from, keep_screen, tier };
        // A task of its own: when the uplink breaks the start is carried through, and found by the next one.
        let starting = tokio::spawn(async move {
            let _turn = hosts.turn(session).await;
            hosts.start_in_turn(&spec).await
        });
        starting.await.map_err(Problem::internal)?
    }

    async fn start_in_turn(&self, spec: &Spec) -> Result<(), Problem> {
        let session = spec.session;
        if runtime_dir::read_facts(&self.runtime_dir, session).is_some() {
            return Ok(());
        }
        let known = runtime_dir::scan(&self.runtime_dir).map_err(Problem::internal)?;
        let running = known.iter().filter(|facts| !facts.info.has_ended()).count();
        if running + self.starting().len() > SESSIONS_PER_MACHINE_MAX {
            return Err(Problem::new(
                Code::TooMany,
                format!(
                    "this machine runs {running} sessions, its limit is {SESSIONS_PER_MACHINE_MAX}: stop one first"
                ),
            ));
        }
        let too_many = (known.len() + 1).saturating_sub(SESSIONS_KNOWN_MAX);
        for facts in known.iter().filter(|facts| facts.info.has_ended()).take(too_many) {
            tracing::info!(session = %facts.info.id, "the oldest session that has ended is forgotten");
            self.forget(facts.info.id).await?;
        }
        match self.launch(spec).await {
            Ok(ready) => {
                tracing::info!(%session, host = ready.pid, "session started");
                Ok(())
            }
            // An agent that died before it heard of it has started it: once is what was asked for.
            Err(StartError::Refused(problem)) if problem.code == Code::Conflict => {
                self.started_before(session, problem).await
            }
            Err(StartError::Refused(problem)) => Err(problem),
            Err(error) => {
                tracing::error!(%session, %error, "session not started");
                Err(error.into())
            }
        }
    }

    /// Starts a host in the environment of sessions. A program that is not found may have been installed since that was
    /// resolved, in a directory that is on the PATH of shells from then on.
    async fn launch(&self, spec: &Spec) -> Result<Ready, StartError> {
        let environment = self.environment.get().await;
        let started = launch::start(&self.executable, spec, environment.as_deref()).await;
        if !matches!(&started, Err(StartError::Refused(problem)) if problem.code == Code::CommandNotFound) {
            return started;
        }
        match self.environment.changed().await {
            Some(environment) => launch::start(&self.executable, spec, Some(&environment)).await,
            None => started,
        }
    }

    /// Waits until a host that is about to serve `session` does, or returns `problem`.
    async fn started_before(&self, session: SessionId, problem: Problem) -> Result<(), Problem> {
        let deadline = Instant::now() + SERVES_WITHIN;
        while Instant::now() < deadline {
            if !matches!(self.open(session).await, Opening::Missing) {
                return Ok(());
            }
            tokio::time::sleep(LOOKED_FOR_EVERY).await;
        }
        Err(problem)
    }

    /// Ends the host of a session that has ended, with its log and its last screen, and removes what is left.
    pub(super) async fn forget(&self, session: SessionId) -> Result<(), Problem> {
        let still_runs = || Problem::new(Code::Conflict, "the session still runs: stop it first");
        match self.open(session).await {
            Opening::Live(host) if host.info.has_ended() => {
                // What became of it the directory tells, not how the connection ended: it removes its files by itself.
                let _ = tokio::time::timeout(FORGOTTEN_WITHIN, host.forget()).await;
                if runtime_dir::read_facts(&self.runtime_dir, session).is_some() {
                    return Err(Problem::new(Code::Conflict, "the session is still ending: try again soon"));
                }
            }
            Opening::Live(_) | Opening::Mute(_) => return Err(still_runs()),
            Opening::Ended(_) => {}
            Opening::Missing => return Ok(()),
        }
        runtime_dir::forget(&self.runtime_dir, session);
        Ok(())
    }

    fn starting(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.starting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else starts this session.
    async fn turn(&self, session: SessionId) -> Turn<'_> {
        loop {
            // The waiter is made before the look.
            let mut started = std::pin::pin!(self.started.notified());
            started.as_mut().enable();
            if self.starting().insert(session) {
                return Turn { hosts: self, session };
            }
            started.await;
        }
    }
}

/// A session that was started, and is not there when it is looked for.
pub(super) fn removed_since() -> Problem {
    Problem::new(Code::NotFound, "the session was started and has been removed since")
}

/// The right to start one session, until dropped.
struct Turn<'a> {
    hosts: &'a Hosts,
    session: SessionId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.hosts.starting().remove(&self.session);
        self.hosts.started.notify_waiters();
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
