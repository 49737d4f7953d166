//! The agent as a service: what is written for each system's service manager, and how that one is told.
//!
//! What is written is rendered by pure functions ([`systemd::unit`], [`launchd::plist`], [`windows::registration`]). A [`Manager`] puts it in its
//! place and speaks with the system through a [`Run`], so that a test can play the system. One thing holds in all of
//! them: a PTY host is none of the service manager's business, and lives on whatever happens to the agent.

pub mod account;
pub mod launchd;
pub mod run;
pub mod state;
pub mod systemd;
pub mod windows;

use std::io;
use std::path::{Path, PathBuf};

pub use self::run::{Run, System};
pub use self::state::{Activity, Ended, State};

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One person's: installed without root, run by that person's own service manager.
    Own,
    /// The machine's: installed by root, run as one person, there before anybody signs in.
    System,
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The program, by its absolute path.
    pub executable: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Who runs it, on Windows by security identifier; nothing in [`Scope::Own`], where it is whoever installs it.
    pub run_as: Option<String>,
    /// Whether programs in sessions may become root by sudo; costs most of a system unit's hardening.
    pub may_become_root: bool,
}

/// What an installation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was none.
    New,
    /// There was another one.
    Changed,
    /// It was all there.
    None,
}

/// Why a service is not as it was asked to be.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A program that speaks with the service manager is not on this machine.
    #[error("{0} is not there: this machine has another service manager, or none")]
    NoManager(&'static str),
    /// There is no service manager of this person's that could be spoken with.
    #[error("your own service manager does not answer: {0}")]
    NoOwnManager(String),
    /// There is nothing to start, stop or restart.
    #[error("the service is not installed")]
    NotInstalled,
    /// Only root may.
    #[error("the service of the whole machine is root's to change")]
    NeedsRoot,
    /// Only an administrator may.
    #[error("only an administrator may install, change or remove a Windows service")]
    NeedsAdministrator,
    /// Nobody signs in as that account: sessions would be the system's, or nobody's.
    #[error("{0:?} is no person's account, and sessions run as a person, never as SYSTEM")]
    NotAPerson(String),
    /// The service manager cannot be given this text.
    #[error("{manager} cannot be given {what} {text:?}: {why}")]
    Unwritable {
        /// Which one.
        manager: &'static str,
        /// What the text is.
        what: &'static str,
        /// The text.
        text: String,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// There is no such account.
    #[error("this machine has no user {0:?}")]
    NoUser(String),
    /// The service manager refused.
    #[error("`{command}` failed: {said}")]
    Refused {
        /// What it was told.
        command: String,
        /// What it said.
        said: String,
    },
    /// A file could not be read, written or removed.
    #[error("{path} cannot be used: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// One system's service manager, and the place of our service in it.
pub trait Manager {
    /// The file that defines the service.
    fn file(&self) -> &Path;

    /// Whether that file is there.
    fn is_installed(&self) -> bool {
        self.file().exists()
    }

    /// Writes the definition down and has it started with the machine or the person's session. Does not start it now.
    fn install(&self, definition: &Definition) -> Result<Change, ServiceError>;

    /// Stops it and leaves nothing of it behind. Nothing to remove is no error: the answer is whether there was something.
    fn uninstall(&self) -> Result<bool, ServiceError>;

    /// Starts it; one that runs stays as it is.
    fn start(&self) -> Result<(), ServiceError>;

    /// Stops the agent, until it is started again or the machine is. Sessions go on.
    fn stop(&self) -> Result<(), ServiceError>;

    /// Stops and starts it.
    fn restart(&self) -> Result<(), ServiceError>;

    /// How it is.
    fn state(&self) -> Result<State, ServiceError>;

    /// The program and its arguments as the file has them; `None` if it was not written by us.
    fn words(&self) -> Option<Vec<String>>;

    /// The command that shows what the service manager itself has logged of it, if it keeps a log.
    fn log_command(&self) -> Option<String>;
}

/// Writes `text` to `path`, which the service manager reads too, unless it says so already.
fn put(path: &Path, text: &str) -> Result<Change, ServiceError> {
    let error = |cause| ServiceError::Io { path: path.to_owned(), cause };
    let before = match std::fs::read_to_string(path) {
        Ok(before) if before == text => return Ok(Change::None),
        Ok(_) => Change::Changed,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Change::New,
        Err(cause) => return Err(denied(error(cause))),
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(error).map_err(denied)?;
    }
    let beside = path.with_extension("new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // The failure above is what is reported.
        let _ = std::fs::remove_file(&beside);
    }
    written.map(|()| before).map_err(error).map_err(denied)
}

/// Removes `path`; whether it was there.
fn remove(path: &Path) -> Result<bool, ServiceError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(denied(ServiceError::Io { path: path.to_owned(), cause })),
    }
}

/// What is refused in a directory of the system's is refused for one reason.
fn denied(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Io { path, cause }
            if cause.kind() == io::ErrorKind::PermissionDenied
                && ["/etc/", "/Library/"].iter().any(|roots| path.starts_with(roots)) =>
        {
            ServiceError::NeedsRoot
        }
        other => other,
    }
}
