//! Unix: the host forks away from who started it, and hears of the machine's end by a signal.

use std::fs::File;
use std::process::ExitCode;
use std::rc::Rc;

use daemonize::{Daemonize, Outcome};
use tokio::signal::unix::{SignalKind, signal};

use super::{live, read_spec, say};
use crate::base::problem::Problem;
use crate::host::session::Session;
use crate::host::spec::Report;

/// Descriptors beyond these were inherited by mistake of whoever started us.
const STANDARD_DESCRIPTORS: i32 = 3;
/// How far to look for such descriptors where the system cannot close a range.
const DESCRIPTORS_MAX: i32 = 4096;

/// The subcommand `host`: reads a [`Spec`] on standard input, writes a [`Report`] to standard output, detaches and
/// serves. The result is that of what was started, and much later the host's own, which nobody reads.
///
/// Must be called before the process has any other thread.
pub fn run() -> ExitCode {
    close_inherited();
    let spec = read_spec();
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

/// Returns when the machine shuts down or somebody ends this process, after passing it on to the program.
pub(super) async fn end_on_signal(session: Rc<Session>) {
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

/// Closes what was inherited beside standard input, output and error: the starter's sockets and locks are not ours to
/// keep open.
fn close_inherited() {
    #[cfg(target_os = "linux")]
    {
        let first = STANDARD_DESCRIPTORS.cast_unsigned();
        // By its number: C libraries have had the function since glibc 2.34 only, kernels the call since 5.9.
        // SAFETY: called first thing in `run`, when this process has opened nothing itself.
        if unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) } == 0 {
            return;
        }
    }
    for descriptor in STANDARD_DESCRIPTORS..DESCRIPTORS_MAX {
        // SAFETY: called first thing in `run`, when this process has opened nothing itself.
        let _ = unsafe { libc::close(descriptor) };
    }
}

/// One memory arena instead of one for each thread: a host is idle most of its life, and there are hundreds.
pub(super) fn spare_memory() {
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
