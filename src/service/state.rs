//! How a service is, whichever system runs it.

use std::time::Duration;

use serde::Serialize;

/// What a service is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// There is a process.
    Running,
    /// It has ended by itself and is about to be started again.
    Restarting,
    /// It was stopped, or never started.
    #[default]
    Stopped,
    /// It has ended by itself and is not started again: a person must act first.
    Failed,
}

/// How the last process ended that did so by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// How a service is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Whether it is started with the machine or with the person's session.
    pub enabled: bool,
    /// What it is doing.
    pub activity: Activity,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// For how long that process has been running, where the service manager tells.
    pub uptime: Option<Duration>,
    /// How often it was started again after it had ended by itself, where the service manager counts.
    pub restarts: Option<u32>,
    /// How it last ended, if not as it was told to.
    pub ended: Option<Ended>,
}
