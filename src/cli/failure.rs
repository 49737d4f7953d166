//! What a command that failed leaves behind: one sentence, perhaps a hint, an exit code.

use std::fmt;
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

    pub(super) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

/// Causes without a face of their own.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, format_args!("{error:#}"))
    }
}
