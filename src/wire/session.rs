//! What is known of a session and of a machine: the same shape on the wire, in the REST API and on the page.

use serde::{Deserialize, Serialize};

use crate::base::id::SessionId;

/// Where in its life a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Asked for; the program does not run yet.
    Starting,
    /// The program runs.
    #[default]
    Running,
    /// The program has ended; see [`SessionInfo::exit`].
    Exited,
    /// The PTY host ended without a word: a crash or a reboot of the machine.
    Lost,
}

/// Whether output came lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Output within the last two seconds.
    Working,
    /// Silence since then.
    #[default]
    #[serde(other)]
    Idle,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, when it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Name of the signal that ended it, like `SIGKILL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
}

/// What to run. Never a shell line: `command` is a program, `args` reach it untouched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Program name or path.
    pub command: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Absolute path of the directory to start in; `None` or `~` is the home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// What a person calls the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
}

/// What is known of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Program.
    pub command: String,
    /// Arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Directory it was started in, absolute.
    pub workdir: String,
    /// Title the program set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where in its life it is.
    pub state: SessionState,
    /// Whether output came lately.
    #[serde(default)]
    pub activity: Activity,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Process id of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
    /// When it started, in milliseconds since 1970 by the machine's clock.
    pub started_at: u64,
    /// When it ended, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<u64>,
}

/// What an agent says of the machine it runs on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MachineFacts {
    /// What a person calls it; the host name unless set.
    pub name: String,
    /// Host name.
    pub hostname: String,
    /// `linux`, `macos` or `windows`.
    pub os: String,
    /// Name and version of the system, like `Debian GNU/Linux 12`.
    #[serde(default)]
    pub os_version: String,
    /// `x86_64` or `aarch64`.
    pub arch: String,
    /// The agent's version.
    pub build: String,
    /// Programs its `allow` list lets run, for the page's start dialog.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Home directory of the person the agent runs as.
    #[serde(default)]
    pub home: String,
}
