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
use super::link::{FIRST_WORD_WITHIN, Greeted};
use super::local;
use crate::base::clock::unix_millis;
use crate::base::id::SessionId;
use crate::base::limits::{SESSIONS_KNOWN_MAX, SESSIONS_PER_MACHINE_MAX};
use crate::base::problem::{Code, Problem};
use crate::host::client::{ConnectError, HostClient, LocalStream};
use crate::host::last_screen::{self, LastScreen};
use crate::host::launch::{self, StartError};
use crate::host::runtime_dir::{self, Facts, RuntimeDirError};
use crate::host::spec::{self, Spec};
use crate::wire::hello::Role;
use crate::wire::session::{Activity, Launch, SessionInfo, SessionState};

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
        Ok(Self {
            data_dir: data_dir.to_owned(),
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
            facts.info.activity = Activity::Idle;
            facts.info.pid = None;
            facts.info.ended_at = Some(unix_millis());
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
        config.check_allowed(&launch.command)?;
        spec::check(&launch)?;
        let hosts = Arc::clone(self);
        let keep_screen = config.keep_screens;
        // A task of its own: when the uplink breaks the start is carried through, and found by the next one.
        let starting = tokio::spawn(async move {
            let _turn = hosts.turn(session).await;
            hosts.start_in_turn(session, launch, keep_screen).await
        });
        starting.await.map_err(Problem::internal)?
    }

    async fn start_in_turn(&self, session: SessionId, launch: Launch, keep_screen: bool) -> Result<(), Problem> {
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
        let spec = Spec {
            session,
            launch,
            runtime_dir: self.runtime_dir.clone(),
            env: local::environment(&self.data_dir, session),
            keep_screen,
        };
        match launch::start(&self.executable, &spec).await {
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
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::secret::Secret;
    use crate::host::runtime_dir::write_facts;

    fn facts(id: SessionId, state: SessionState) -> Facts {
        let info = SessionInfo { state, started_at: 1, ..SessionInfo::new(id, "bash") };
        Facts { protocol: (1, 0), build: "0".into(), host_pid: 1, socket: "/nowhere.sock".into(), info }
    }

    fn config(data_dir: &Path) -> AgentConfig {
        AgentConfig {
            data_dir: data_dir.to_owned(),
            server: String::new(),
            identity: String::new(),
            key: Secret::new(""),
            name: None,
            allow: vec!["bash".into()],
            insecure_http: false,
            keep_screens: true,
        }
    }

    fn launch() -> Launch {
        Launch { command: "bash".into(), args: Vec::new(), workdir: None, name: None, cols: 80, rows: 24 }
    }

    /// Hosts whose "program" is a script: it counts its starts, writes the facts a host would, and reports.
    fn played(data_dir: &Path, session: SessionId) -> Arc<Hosts> {
        let facts = serde_json::to_string(&facts(session, SessionState::Running)).unwrap();
        let (dir, count) = (runtime_dir(data_dir), data_dir.join("count"));
        let script = data_dir.join("host.sh");
        let text = format!(
            "#!/bin/sh\ncat > /dev/null\necho once >> '{}'\nsleep 0.2\ncat > '{}/{session}.json' << 'END'\n{facts}\nEND\n\
             echo '{{\"ready\":{{\"pid\":1,\"socket\":\"/nowhere.sock\"}}}}'\n",
            count.display(),
            dir.display(),
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        Arc::new(Hosts::new(data_dir, script).unwrap())
    }

    #[tokio::test]
    async fn a_session_that_is_asked_for_twice_is_started_once_and_answered_twice() {
        let home = tempfile::tempdir().unwrap();
        let session = SessionId::random();
        let hosts = played(home.path(), session);
        let config = config(home.path());
        let (first, second) =
            tokio::join!(hosts.start(&config, session, launch()), hosts.start(&config, session, launch()));
        assert_eq!((first, second), (Ok(()), Ok(())));
        assert_eq!(hosts.start(&config, session, launch()).await, Ok(()), "also after it runs");
        assert_eq!(std::fs::read_to_string(home.path().join("count")).unwrap(), "once\n");
    }

    #[tokio::test]
    async fn a_machine_runs_so_many_sessions_and_ended_ones_do_not_count() {
        let home = tempfile::tempdir().unwrap();
        let session = SessionId::random();
        let hosts = played(home.path(), session);
        let dir = runtime_dir(home.path());
        for number in 0..SESSIONS_PER_MACHINE_MAX {
            let state = if number == 0 { SessionState::Exited } else { SessionState::Running };
            write_facts(&dir, &facts(SessionId::random(), state)).unwrap();
        }
        assert_eq!(hosts.start(&config(home.path()), session, launch()).await, Ok(()));
        let refused = hosts.start(&config(home.path()), SessionId::random(), launch()).await.unwrap_err();
        assert_eq!(refused.code, Code::TooMany);
        assert!(refused.message.contains("stop one"), "{refused}");
    }

    #[tokio::test]
    async fn sessions_lost_in_a_reboot_do_not_count_once_they_were_found_dead() {
        let home = tempfile::tempdir().unwrap();
        let session = SessionId::random();
        let hosts = played(home.path(), session);
        for _ in 0..SESSIONS_PER_MACHINE_MAX {
            let lost = facts(SessionId::random(), SessionState::Running);
            write_facts(&runtime_dir(home.path()), &lost).unwrap();
        }
        let found = hosts.open_all().await;
        let lost = |opening: &Opening| matches!(opening, Opening::Ended(info) if info.state == SessionState::Lost);
        assert!(found.iter().all(|(_, opening)| lost(opening)));
        assert_eq!(hosts.start(&config(home.path()), session, launch()).await, Ok(()));
    }

    #[tokio::test]
    async fn the_oldest_that_ended_make_room_for_the_new() {
        let home = tempfile::tempdir().unwrap();
        let session = SessionId::random();
        let hosts = played(home.path(), session);
        let dir = runtime_dir(home.path());
        let mut oldest = facts(SessionId::random(), SessionState::Exited);
        oldest.info.started_at = 0;
        write_facts(&dir, &oldest).unwrap();
        for _ in 1..SESSIONS_KNOWN_MAX {
            write_facts(&dir, &facts(SessionId::random(), SessionState::Exited)).unwrap();
        }
        assert_eq!(hosts.start(&config(home.path()), session, launch()).await, Ok(()));
        let known = hosts.sessions().unwrap();
        assert!(known.len() == SESSIONS_KNOWN_MAX && !known.contains(&oldest.info.id));
    }

    #[tokio::test]
    async fn what_ended_can_be_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let hosts = played(home.path(), SessionId::random());
        let ended = facts(SessionId::random(), SessionState::Exited);
        write_facts(&runtime_dir(home.path()), &ended).unwrap();
        assert_eq!(hosts.sessions().unwrap().len(), 1);
        assert_eq!(hosts.forget(ended.info.id).await, Ok(()));
        assert_eq!(hosts.forget(ended.info.id).await, Ok(()), "twice is no error");
        assert!(hosts.sessions().unwrap().is_empty());
    }
}
