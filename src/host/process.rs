//! The life of a PTY host process: reads its spec, leaves everything of the agent's behind, starts the program, reports,
//! and serves until its session is forgotten.
//!
//! Order matters. The process forks while it has one thread and no runtime. It reports only when the socket accepts.
//! After the report nothing ties it to who started it: it has a session (in the system's sense) of its own, is a child
//! of init, and holds none of its starter's descriptors.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use daemonize::{Daemonize, Outcome};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::claim::claim;
use super::keeper::{Keeper, on_disk_thread};
use super::runtime_dir::{self, Facts};
use super::session::{Session, bounded, now_millis};
use super::spec::{self, Ready, Report, SPEC_BYTES_MAX, Spec};
use super::{conversation, environment, log, program, socket};
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

/// Descriptors beyond these were inherited by mistake of whoever started us.
const STANDARD_DESCRIPTORS: i32 = 3;
/// How far to look for such descriptors where the system cannot close a range.
#[cfg(not(target_os = "linux"))]
const DESCRIPTORS_MAX: i32 = 4096;

/// The subcommand `host`: reads a [`Spec`] on standard input, writes a [`Report`] to standard output, detaches and
/// serves. The result is that of what was started, and much later the host's own, which nobody reads.
///
/// Must be called before the process has any other thread.
pub fn run() -> ExitCode {
    close_inherited();
    let mut json = Vec::new();
    let spec = match std::io::stdin().take(SPEC_BYTES_MAX as u64).read_to_end(&mut json) {
        Ok(_) => serde_json::from_slice::<Spec>(&json)
            .map_err(|error| Problem::new(Code::BadRequest, format!("the spec cannot be understood: {error}"))),
        Err(error) => Err(Problem::new(Code::BadRequest, format!("the spec cannot be read: {error}"))),
    };
    // Standard output moves to another descriptor, because detaching points the first three at /dev/null.
    let report = match rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), STANDARD_DESCRIPTORS) {
        Ok(descriptor) => File::from(descriptor),
        Err(_) => return ExitCode::FAILURE,
    };
    // The program's own umask is the one we were started with; nothing else here makes files for others.
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(umask);
    #[allow(clippy::useless_conversion, reason = "the width of a mode differs between systems")]
    let detached = Daemonize::new().working_directory("/").umask(u32::from(umask.bits())).execute();
    match detached {
        Outcome::Parent(Ok(_)) => ExitCode::SUCCESS,
        Outcome::Parent(Err(_)) => ExitCode::FAILURE,
        Outcome::Child(Err(error)) => {
            say(report, &Report::Problem(Problem::internal(error)));
            ExitCode::FAILURE
        }
        Outcome::Child(Ok(_)) => live(spec, report),
    }
}

/// The detached process, from here on the PTY host.
fn live(spec: Result<Spec, Problem>, report: File) -> ExitCode {
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
    listener: tokio::net::UnixListener,
    facts: Facts,
}

impl Host {
    fn start(spec: &Spec) -> Result<Self, Problem> {
        let Spec { session, launch, runtime_dir, env, resumed_from, .. } = spec;
        spec::check(launch)?;
        if !runtime_dir.is_absolute() {
            return Err(Problem::new(Code::BadRequest, "the runtime directory is not an absolute path"));
        }
        let environment = environment::for_program(std::env::vars_os(), *session, env);
        let mut program = program::resolve(launch, environment)?;
        let conversation = conversation::begin(&launch.command, &launch.args, &mut program.args);
        runtime_dir::prepare(runtime_dir).map_err(|error| Problem::new(Code::Internal, error))?;
        // Until the facts say who has it.
        let _claim = conversation.map(|conversation| claim(runtime_dir, conversation, *resumed_from)).transpose()?;
        log::start(runtime_dir::log_path(runtime_dir, *session));
        let path = runtime_dir::socket_path(runtime_dir, *session);
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
        self.session.run().await;
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

/// Returns when the machine shuts down or somebody ends this process, after passing it on to the program.
async fn end_on_signal(session: Rc<Session>) {
    // A hangup does not concern us: we have no terminal. With a handler of our own it does not end us either, and
    // unlike an ignored signal a handled one is back to its default in the program.
    let hangup = signal(SignalKind::hangup());
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
            session.stop(false);
        }
        Err(_) => std::future::pending().await,
    }
    drop(hangup);
}

fn say(mut report: File, what: &Report) {
    let mut line = serde_json::to_vec(what).unwrap_or_default();
    line.push(b'\n');
    // If nobody listens any more, the next agent finds the host by its facts.
    let _ = report.write_all(&line);
}

/// Closes what was inherited beside standard input, output and error: the starter's sockets and locks are not ours to
/// keep open.
fn close_inherited() {
    #[cfg(target_os = "linux")]
    {
        let first = STANDARD_DESCRIPTORS.cast_unsigned();
        // SAFETY: called first thing in `run`, when this process has opened nothing itself.
        let _ = unsafe { libc::close_range(first, libc::c_uint::MAX, 0) };
    }
    #[cfg(not(target_os = "linux"))]
    for descriptor in STANDARD_DESCRIPTORS..DESCRIPTORS_MAX {
        // SAFETY: called first thing in `run`, when this process has opened nothing itself.
        let _ = unsafe { libc::close(descriptor) };
    }
}

/// One memory arena instead of one for each thread: a host is idle most of its life, and there are hundreds.
fn spare_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: these only set parameters of the allocator, before any other thread exists.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
            // Large buffers go back to the system when they are freed, as snapshots are.
            libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 256 * 1024);
        }
    }
}
