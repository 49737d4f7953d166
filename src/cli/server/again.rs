//! The server started again in its own process, from the file that is in its program's place now.
//!
//! The process stays the same one to whoever started it: a service manager, a terminal, `--daemon`. Its listening socket is
//! handed on, so that whoever connects meanwhile waits a moment instead of being refused, and the port is nobody else's.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use rustix::io::FdFlags;

use crate::cli::failure::Failure;

/// Names the descriptor of the listening socket, to the process after this one.
const LISTENER_VARIABLE: &str = "SESSIONFORGE_LISTENER";

/// How this process was started, as it was at its start: the file may be another one later.
#[derive(Debug)]
pub(super) struct Again {
    program: PathBuf,
    arguments: Vec<OsString>,
    directory: PathBuf,
}

impl Again {
    /// Of this process. `None` if it does not know where it is.
    pub(super) fn of_this_process() -> Option<Self> {
        let program = std::env::current_exe().and_then(|path| path.canonicalize()).ok()?;
        let arguments = std::env::args_os().skip(1).filter(|word| word != "--daemon").collect();
        Some(Self { program, arguments, directory: std::env::current_dir().ok()? })
    }

    /// Becomes the program that is in its place. Comes back only if that cannot be started.
    pub(super) fn start(&self, listener: Option<&OwnedFd>, log_file: Option<&PathBuf>) -> Failure {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory).env_remove(LISTENER_VARIABLE);
        if let Some(log_file) = log_file {
            command.env("SESSIONFORGE_LOG_FILE", log_file);
        }
        if let Some(listener) = listener {
            // Without this it would be closed with this program.
            if rustix::io::fcntl_setfd(listener, FdFlags::empty()).is_ok() {
                command.env(LISTENER_VARIABLE, listener.as_raw_fd().to_string());
            }
        }
        let error = anyhow::Error::from(command.exec());
        error.context(format!("{} cannot be started again", self.program.display())).into()
    }
}

/// The socket that the process before this one has handed on, if it listens where this one is to.
pub(super) fn listener(listen: SocketAddr) -> anyhow::Result<Option<tokio::net::TcpListener>> {
    let Some(descriptor) = std::env::var(LISTENER_VARIABLE).ok().and_then(|text| text.parse::<RawFd>().ok()) else {
        return Ok(None);
    };
    if descriptor <= 2 || !std::path::Path::new(&format!("/dev/fd/{descriptor}")).exists() {
        return Ok(None);
    }
    // SAFETY: the program before this one in this very process has left it open and named it for this purpose. Nothing has
    // been opened under that number since, as it is open, and nobody else in this process takes it.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    rustix::io::fcntl_setfd(&owned, FdFlags::CLOEXEC)?;
    if !listens(&owned) {
        return Ok(None);
    }
    let listener = TcpListener::from(owned);
    let there = listener.local_addr()?;
    if there.ip() != listen.ip() || (listen.port() != 0 && listen.port() != there.port()) {
        return Ok(None);
    }
    listener.set_nonblocking(true)?;
    Ok(Some(tokio::net::TcpListener::from_std(listener).context("the listening socket cannot be used")?))
}

#[cfg(not(target_os = "macos"))]
fn listens(socket: &OwnedFd) -> bool {
    rustix::net::sockopt::socket_acceptconn(socket).unwrap_or(false)
}

/// macOS does not tell whether a socket listens: the one that does has an address and nobody at its other end.
#[cfg(target_os = "macos")]
fn listens(socket: &OwnedFd) -> bool {
    let stream = rustix::net::sockopt::socket_type(socket).is_ok_and(|it| it == rustix::net::SocketType::STREAM);
    stream && rustix::net::getpeername(socket).is_err()
}
