//! What a PTY host is told when it starts, and what it answers: one JSON object each way over standard input and output.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::tier::Tier;
use crate::base::id::SessionId;
use crate::base::limits::{ARGUMENT_BYTES_MAX, ARGUMENTS_MAX, COLS_MAX, NAME_BYTES_MAX, ROWS_MAX};
use crate::base::problem::{Code, Problem};
use crate::wire::session::Launch;

/// One spec as JSON, in bytes: every argument at its longest, escaped, fits.
pub const SPEC_BYTES_MAX: usize = 2 * ARGUMENT_BYTES_MAX * (ARGUMENTS_MAX + 2);

/// What to run, and where to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The session's id.
    pub session: SessionId,
    /// What to run.
    pub launch: Launch,
    /// Directory of the sockets and facts of this person's PTY hosts.
    pub runtime_dir: PathBuf,
    /// Variables to set for the program beside the rules of [`super::environment`].
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// The session whose conversation it goes on with.
    #[serde(default)]
    pub resumed_from: Option<SessionId>,
    /// Whether its last screen is kept on disk.
    #[serde(default = "yes")]
    pub keep_screen: bool,
    /// By what its program gets a terminal.
    #[serde(default)]
    pub tier: Tier,
}

fn yes() -> bool {
    true
}

/// What became of a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The program runs and the socket accepts.
    Ready(Ready),
    /// It does not, and this is why.
    Problem(Problem),
}

/// A PTY host that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Process id of the host, not of its program.
    pub pid: u32,
    /// Where to connect.
    pub socket: PathBuf,
}

/// Checks the bounds of a launch before anything is done for it.
pub fn check(launch: &Launch) -> Result<(), Problem> {
    let too_large = |what: &str, max: usize| {
        Err(Problem::new(Code::TooLarge, format!("the {what} is longer than the {max} bytes allowed")))
    };
    if launch.command.is_empty() {
        return Err(Problem::new(Code::BadRequest, "no command was given"));
    }
    if launch.args.len() > ARGUMENTS_MAX {
        return Err(Problem::new(Code::TooLarge, format!("more than {ARGUMENTS_MAX} arguments were given")));
    }
    let texts = launch.args.iter().chain([&launch.command]).chain(&launch.workdir);
    for text in texts {
        if text.len() > ARGUMENT_BYTES_MAX {
            return too_large("command, an argument or the working directory", ARGUMENT_BYTES_MAX);
        }
        if text.contains('\0') {
            return Err(Problem::new(
                Code::BadRequest,
                "the command, its arguments and its directory cannot hold a NUL",
            ));
        }
    }
    if launch.name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
        return too_large("name", NAME_BYTES_MAX);
    }
    if !(1..=COLS_MAX).contains(&launch.cols) || !(1..=ROWS_MAX).contains(&launch.rows) {
        return Err(Problem::new(
            Code::BadRequest,
            format!("a terminal has 1 to {COLS_MAX} columns and 1 to {ROWS_MAX} rows"),
        ));
    }
    Ok(())
}
