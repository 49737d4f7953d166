//! The life of a PTY host process: reads its spec, leaves everything of the agent's behind, starts the program, reports,
//! and serves until its session is forgotten.
//!
//! Order matters. On Unix the process forks while it has one thread and no runtime. It reports only when the socket accepts.
//! After the report nothing ties it to who started it: it has a session (in the system's sense) of its own, is a child
//! of init, and holds none of its starter's descriptors.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use self::unix::run;
#[cfg(unix)]
use self::unix::{end_on_signal, spare_memory};
#[cfg(windows)]
pub use self::windows::run;
#[cfg(windows)]
use self::windows::{end_on_signal, spare_memory};

use super::claim::claim;
use super::keeper::{Keeper, on_disk_thread};
use super::runtime_dir::{self, Facts};
use super::session::{Session, bounded, now_millis};
use super::spec::{self, Ready, Report, SPEC_BYTES_MAX, Spec};
use super::{claude_settings, conversation, environment, log, program, socket};
use crate::base::problem::{Code, Problem};
use crate::pty::{self, Pty, Size};
use crate::wire::build;
use crate::wire::session::SessionInfo;

/// A disk that did not take the end of a session is tried again after this long.
const RECORDED_EVERY: Duration = Duration::from_secs(5);

/// Connections have this long to hear of the end before the process goes.
const FAREWELL: Duration = Duration::from_millis(200);

/// The last screen has this long to reach the disk before the process goes.
const SCREEN_WITHIN: Duration = Duration::from_secs(1);

/// Time to look through the names of a directory.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

/// Threads that write to disk, beside the model's: one, and one more should a disk hang.
const DISK_THREADS: usize = 2;
/// An idle one stays for longer than a screen at work needs until its next picture, and not much longer.
const DISK_THREAD_STAYS: Duration = Duration::from_secs(3);
/// Its stack, in bytes.
const DISK_STACK_BYTES: usize = 256 * 1024;

/// What is to be run, from standard input.
fn read_spec() -> Result<Spec, Problem> {
    let mut json = Vec::new();
    match std::io::stdin().take(SPEC_BYTES_MAX as u64).read_to_end(&mut json) {
        Ok(_) => serde_json::from_slice::<Spec>(&json)
            .map_err(|error| Problem::new(Code::BadRequest, format!("the spec cannot be understood: {error}"))),
        Err(error) => Err(Problem::new(Code::BadRequest, format!("the spec cannot be read: {error}"))),
    }
}

/// The detached process, from here on the PTY host.
fn live(spec: Result<Spec, Problem>, report: impl Write) -> ExitCode {
    spare_memory();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(DISK_THREADS)
        .thread_keep_alive(DISK_THREAD_STAYS)
        .thread_stack_size(DISK_STACK_BYTES)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            say(report, &Report::Problem(Problem::internal(error)));
            return ExitCode::FAILURE;
        }
    };
    let ended = tokio::task::LocalSet::new().block_on(&runtime, async {
        let started = match spec {
            Ok(spec) => Host::start(&spec).map(|host| (host, spec)),
            Err(problem) => Err(problem),
        };
        match started {
            Ok((host, spec)) => {
                let ready = Ready { pid: std::process::id(), socket: host.facts.socket.clone() };
                say(report, &Report::Ready(ready));
                host.live(&spec).await;
                ExitCode::SUCCESS
            }
            Err(problem) => {
                say(report, &Report::Problem(problem));
                ExitCode::FAILURE
            }
        }
    });
    // Waits for no disk.
    runtime.shutdown_background();
    ended
}

struct Host {
    session: Rc<Session>,
    listener: socket::Listener,
    facts: Facts,
}

impl Host {
    fn start(spec: &Spec) -> Result<Self, Problem> {
        #[cfg(windows)]
        crate::base::sid::check_own().map_err(|error| Problem::new(Code::NotAllowed, error))?;
        let Spec { session, launch, runtime_dir, env, resumed_from, tier, .. } = spec;
        spec::check(launch)?;
        if !runtime_dir.is_absolute() {
            return Err(Problem::new(Code::BadRequest, "the runtime directory is not an absolute path"));
        }
        let environment = environment::for_program(std::env::vars_os(), *session, env);
        let mut program = program::resolve(launch, tier, environment)?;
        runtime_dir::prepare(runtime_dir).map_err(|error| Problem::new(Code::Internal, error))?;
        let path = runtime_dir::socket_path(runtime_dir, *session);
        claude_settings::put_in(launch, &mut program, &path, &runtime_dir::settings_path(runtime_dir, *session));
        let conversation = conversation::begin(&launch.command, &launch.args, &mut program.args);
        // Until the facts say who has it.
        let _claim = conversation.map(|conversation| claim(runtime_dir, conversation, *resumed_from)).transpose()?;
        log::start(runtime_dir::log_path(runtime_dir, *session));
        let listener = socket::bind(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Problem::new(Code::Conflict, format!("{session} runs already")),
            _ => Problem::new(Code::Internal, format!("the socket {} cannot be used: {error}", path.display())),
        })?;
        // Whatever fails from here on leaves nothing behind.
        let removed = |problem: Problem| {
            runtime_dir::forget(runtime_dir, *session);
            problem
        };
        let size = bounded(Size { cols: launch.cols, rows: launch.rows });
        let pty = pty::open(&program, size).map_err(|error| removed(Problem::new(Code::Internal, error)))?;
        let info = SessionInfo {
            name: launch.name.clone(),
            args: launch.args.clone(),
            workdir: program.workdir.display().to_string(),
            pid: pty.pid(),
            cols: size.cols,
            rows: size.rows,
            started_at: now_millis(),
            conversation,
            resumed_from: *resumed_from,
            ..SessionInfo::new(*session, &launch.command)
        };
        let facts = Facts {
            protocol: build::protocol(),
            build: build::version().to_owned(),
            host_pid: std::process::id(),
            socket: path,
            info: info.clone(),
        };
        runtime_dir::write_facts(runtime_dir, &facts).map_err(|error| {
            removed(Problem::new(
                Code::Internal,
                format!(
                    "the session cannot be recorded in {} ({error}): see whether its disk is full or read-only",
                    runtime_dir.display()
                ),
            ))
        })?;
        let session = Session::new(Box::new(pty), info).map_err(|error| removed(Problem::internal(error)))?;
        Ok(Self { session, listener, facts })
    }

    /// Serves to the end, and past it until the session is forgotten.
    async fn live(mut self, Spec { runtime_dir, keep_screen, .. }: &Spec) {
        tokio::task::spawn_local(socket::serve(self.listener, Rc::clone(&self.session)));
        let told_to_end = tokio::task::spawn_local(end_on_signal(Rc::clone(&self.session)));
        let (running, over) = oneshot::channel();
        let keeping = keep_screen
            .then(|| tokio::task::spawn_local(Keeper::new(Rc::clone(&self.session), runtime_dir.clone()).run(over)));
        tokio::select! {
            () = self.session.run() => {}
            never = keep_conversation(&self.session, runtime_dir, self.facts.clone()) => match never {},
        }
        drop(running);

        // Before anything waits: who is told of the end finds it on disk. A disk that takes nothing is tried again below.
        self.facts.info = self.session.info();
        let _ = runtime_dir::write_facts(runtime_dir, &self.facts);
        look_for_conversation(&self.session, runtime_dir).await;
        self.facts.info = self.session.info();
        let forgotten = tokio::select! {
            biased; // Once at least it is recorded first.
            never = record(runtime_dir, &self.facts) => match never {},
            forgotten = self.session.kept() => forgotten,
            _ = told_to_end => false,
        };
        if let Some(keeping) = keeping {
            // Before the files are removed: it must not come back after.
            let _ = tokio::time::timeout(SCREEN_WITHIN, keeping).await;
        }
        tokio::time::sleep(FAREWELL).await;
        if forgotten {
            runtime_dir::forget(runtime_dir, self.facts.info.id);
        } else {
            // What became of the session stays to be read; only the way to it is gone.
            let _ = std::fs::remove_file(&self.facts.socket);
        }
    }
}

/// Writes down which conversation the session is in whenever it changes: a start that names one looks there whether a
/// live session has it.
async fn keep_conversation(session: &Session, runtime_dir: &Path, mut facts: Facts) -> std::convert::Infallible {
    loop {
        let mut changed = std::pin::pin!(session.changed());
        changed.as_mut().enable(); // Listening first, then looking.
        let conversation = session.conversation();
        if conversation != facts.info.conversation {
            facts.info.conversation = conversation;
            // Here and now: what is written later could be written behind the end. A disk that does not take it has the
            // conversation it began with.
            let _ = runtime_dir::write_facts(runtime_dir, &facts);
        }
        changed.await;
    }
}

/// See [`conversation::at_end`].
async fn look_for_conversation(session: &Session, runtime_dir: &Path) {
    let (info, runtime_dir) = (session.info(), runtime_dir.to_owned());
    let looking = on_disk_thread(move || conversation::at_end(&info, &runtime_dir));
    // A disk that hangs does not keep the end from being told.
    if let Ok(Some(found)) = tokio::time::timeout(LOOK_WITHIN, looking).await {
        session.set_conversation(found);
    }
}

/// Records how the session ended, again and again while the disk does not take it: else it would be lost with its host.
async fn record(runtime_dir: &std::path::Path, facts: &Facts) -> std::convert::Infallible {
    let mut said = false;
    while let Err(error) = runtime_dir::write_facts(runtime_dir, facts) {
        if !std::mem::replace(&mut said, true) {
            tracing::warn!(%error, "the end of the session could not be recorded yet");
        }
        tokio::time::sleep(RECORDED_EVERY).await;
    }
    std::future::pending().await
}

fn say(mut report: impl Write, what: &Report) {
    let mut line = serde_json::to_vec(what).unwrap_or_default();
    line.push(b'\n');
    // If nobody listens any more, the next agent finds the host by its facts.
    let _ = report.write_all(&line).and_then(|()| report.flush());
}
