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

use super::config::AgentConfig;
use super::link::{FIRST_WORD_WITHIN, Greeted};
use crate::base::id::SessionId;
use crate::base::limits::SESSIONS_PER_MACHINE_MAX;
use crate::base::problem::{Code, Problem};
use crate::host::client::{ConnectError, HostClient, LocalStream};
use crate::host::launch::{self, StartError};
use crate::host::runtime_dir::{self, RuntimeDirError};
use crate::host::spec::{self, Spec};
use crate::wire::hello::Role;
use crate::wire::session::{Launch, SessionInfo, SessionState};

/// Hosts opened at the same time. Each answers within a millisecond; one that hangs must not hold up the others.
const OPENED_AT_ONCE: usize = 64;

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
    runtime_dir: PathBuf,
    executable: PathBuf,
    starting: Mutex<HashSet<SessionId>>,
    started: Notify,
}

/// Where in a data directory PTY hosts are found.
pub fn runtime_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("run")
}

impl Hosts {
    /// Of this data directory; PTY hosts are started by running `executable` again.
    pub(super) fn new(data_dir: &Path, executable: PathBuf) -> Result<Self, RuntimeDirError> {
        let runtime_dir = runtime_dir(data_dir);
        runtime_dir::prepare(&runtime_dir)?;
        Ok(Self { runtime_dir, executable, starting: Mutex::default(), started: Notify::new() })
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
            (Ok(Err(ConnectError::Gone)), Some(facts)) => Opening::Ended(as_found_dead(facts.info)),
            (outcome, Some(facts)) => {
                let cause =
                    outcome.ok().and_then(Result::err).map_or("no answer".to_owned(), |cause| cause.to_string());
                tracing::warn!(%session, cause, "its PTY host cannot be talked to");
                Opening::Mute(facts.info)
            }
        }
    }

    /// Starts a session, or does nothing if it has been started before. Waits for an earlier start of the same one.
    pub(super) async fn start(
        self: &Arc<Self>,
        config: &AgentConfig,
        session: SessionId,
        launch: Launch,
    ) -> Result<(), Problem> {
        config.check_allowed(&launch.command)?;
        spec::check(&launch)?;
        let hosts = Arc::clone(self);
        // A task of its own: when the uplink breaks the start is carried through, and found by the next one.
        let starting = tokio::spawn(async move {
            let _turn = hosts.turn(session).await;
            hosts.start_in_turn(session, launch).await
        });
        starting.await.map_err(Problem::internal)?
    }

    async fn start_in_turn(&self, session: SessionId, launch: Launch) -> Result<(), Problem> {
        if runtime_dir::read_facts(&self.runtime_dir, session).is_some() {
            return Ok(());
        }
        let running = runtime_dir::scan(&self.runtime_dir).map_err(Problem::internal)?;
        let running = running.iter().filter(|facts| !has_ended(&facts.info)).count();
        if running + self.starting().len() > SESSIONS_PER_MACHINE_MAX {
            return Err(Problem::new(
                Code::TooMany,
                format!(
                    "this machine runs {running} sessions, its limit is {SESSIONS_PER_MACHINE_MAX}: stop one first"
                ),
            ));
        }
        let spec = Spec { session, launch, runtime_dir: self.runtime_dir.clone(), env: Vec::new() };
        match launch::start(&self.executable, &spec).await {
            Ok(ready) => {
                tracing::info!(%session, host = ready.pid, "session started");
                Ok(())
            }
            Err(StartError::Refused(problem)) => Err(problem),
            Err(error) => {
                tracing::error!(%session, %error, "session not started");
                Err(error.into())
            }
        }
    }

    /// Ends the host of a session that has ended, with its log and its last screen, and removes what is left.
    pub(super) async fn forget(&self, session: SessionId) -> Result<(), Problem> {
        let still_runs = || Problem::new(Code::Conflict, "the session still runs: stop it first");
        match self.open(session).await {
            Opening::Live(host) if has_ended(&host.info) => {
                // Whatever broke the connection, a host that can go has gone by then.
                if tokio::time::timeout(FORGOTTEN_WITHIN, host.forget()).await.is_err() {
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

/// What a session is whose host is gone: lost, unless it was written down that it exited.
fn as_found_dead(mut info: SessionInfo) -> SessionInfo {
    if !has_ended(&info) {
        info.state = SessionState::Lost;
        info.pid = None;
    }
    info
}

/// Whether nothing more can come from the session's program.
pub(super) fn has_ended(info: &SessionInfo) -> bool {
    matches!(info.state, SessionState::Exited | SessionState::Lost)
}
