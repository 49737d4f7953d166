//! What a command that failed leaves behind: one sentence, perhaps a hint, an exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Exit codes; scripts and service managers may depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It did not work.
    Failed = 1,
    /// It was asked for in a way that cannot work. clap uses the same number.
    Usage = 2,
    /// The server refuses this key, machine or version: starting again does not help.
    Refused = 3,
    /// Another process has the port or the data directory.
    InUse = 4,
    /// Whoever adopted the session refused what was to be approved.
    HandoffRefused = 10,
    /// Nobody adopted the session in time.
    HandoffExpired = 11,
    /// The session was taken back before anything was decided.
    HandoffTakenBack = 12,
    /// Whoever had adopted the session may not any more.
    HandoffRevoked = 13,
    /// The session ended before anything was decided.
    HandoffExited = 14,
    /// The session was given back without a decision.
    HandoffUndecided = 15,
    /// The program to run is not there. Shells use the same number.
    CommandNotFound = 127,
    /// The session a terminal was attached to is lost, or cannot be reached any more. ssh(1) uses the same number for a
    /// connection that broke, because programs hardly do.
    #[cfg_attr(not(unix), allow(dead_code, reason = "a terminal is attached on Unix only"))]
    Lost = 255,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What happened.
    pub(super) sentence: String,
    /// What to do about it, if the sentence does not say so itself.
    pub(super) hint: Option<String>,
    pub(super) exit: Exit,
}

impl Failure {
    pub(super) fn new(exit: Exit, sentence: impl fmt::Display) -> Self {
        Self { sentence: sentence.to_string(), hint: None, exit }
    }

    /// The system refused: `what` says what cannot be done.
    pub(super) fn of_io(what: impl fmt::Display, cause: &io::Error) -> Self {
        Self::new(Exit::Failed, format_args!("{what}: {cause}")).hint(hint_about(cause))
    }

    /// A settings file that is no such thing, or cannot be read.
    pub(super) fn of_config(error: impl fmt::Display) -> Self {
        Self::new(Exit::Failed, error).hint("correct the file, or remove it to begin with the defaults")
    }

    pub(super) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

/// Causes without a face of their own.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let of_system = error.chain().find_map(|cause| cause.downcast_ref());
        Self::new(Exit::Failed, format_args!("{error:#}")).hint(of_system.map_or(LOOK_AROUND, hint_about))
    }
}

/// What to do when nothing better is known.
pub(super) const LOOK_AROUND: &str = "`sessionforge doctor` looks at what may be wrong on this machine";

/// What to do about a refusal of the system, whatever it was asked.
fn hint_about(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => "see whose it is, and say this as that person",
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "see whether that path is written as it was meant, and its disk is there"
        }
        io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory => "something else is there: name another place",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "its disk is full: make room on it",
        io::ErrorKind::ReadOnlyFilesystem => "its disk is read-only: name another place",
        _ => LOOK_AROUND,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn whatever_the_system_refuses_comes_with_what_to_do() {
        let denied: anyhow::Result<()> =
            Err(io::Error::from(io::ErrorKind::PermissionDenied)).context("the log cannot be read");
        let failure = denied.map_err(Failure::from).err().and_then(|failure| failure.hint);
        assert_eq!(failure.as_deref(), Some("see whose it is, and say this as that person"));
        assert_eq!(Failure::from(anyhow::anyhow!("odd")).hint.as_deref(), Some(LOOK_AROUND));
        assert!(Failure::of_io("x", &io::Error::from(io::ErrorKind::StorageFull)).hint.is_some());
    }
}
