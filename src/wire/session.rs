//! What is known of a session and of a machine: the same shape on the wire, in the REST API and on the page.

use serde::{Deserialize, Serialize};

use super::attention::{Need, Settled};
use super::updating::UpdateWay;
use crate::base::id::{ConversationId, SessionId};

/// Where in its life a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Asked for; the program does not run yet.
    Starting,
    /// The program has ended; see [`SessionInfo::exit`].
    Exited,
    /// The PTY host ended without a word: a crash or a reboot of the machine.
    Lost,
    /// The program runs. A state this build does not know counts as this one: whatever it is, it can be looked at.
    #[default]
    #[serde(other)]
    Running,
}

/// What a program that runs is at, as far as it says so itself; else as its output shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// At work. Of a program that does not say: output within the last two seconds.
    Working,
    /// It waits for a person; see [`SessionInfo::needs`].
    NeedsYou,
    /// It has done what it was told, and nobody has typed since.
    Done,
    /// None of these.
    #[default]
    #[serde(other)]
    Idle,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// What its program is at.
    #[serde(default)]
    pub activity: Activity,
    /// What it wants of a person now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Need>,
    /// How the need before that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
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
    /// When it ended, likewise; of a lost session, when that was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<u64>,
    /// When the last screen that is known was taken, likewise. Only of a session whose PTY host is gone, if a screen of
    /// it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_screen_at: Option<u64>,
    /// The conversation of a Claude Code session, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known")]
    pub conversation: Option<ConversationId>,
    /// Name of the model that a Claude Code session works with, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The git branch that a Claude Code session works on, if it works in a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The session whose conversation this one went on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_from: Option<SessionId>,
}

impl SessionInfo {
    /// Of a program that runs in a terminal of 80×24 cells, and of which nothing else is known.
    pub fn new(id: SessionId, command: &str) -> Self {
        Self {
            id,
            name: None,
            command: command.to_owned(),
            args: Vec::new(),
            workdir: "/".to_owned(),
            title: None,
            state: SessionState::Running,
            activity: Activity::Idle,
            needs: None,
            settled: None,
            exit: None,
            pid: None,
            cols: 80,
            rows: 24,
            started_at: 0,
            ended_at: None,
            last_screen_at: None,
            conversation: None,
            model: None,
            branch: None,
            resumed_from: None,
        }
    }

    /// Without what is true of the moment only, which no disk need know.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { activity: Activity::Idle, needs: None, settled: None, ..self }
    }

    /// Whether nothing more can come from its program.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, SessionState::Exited | SessionState::Lost)
    }
}

/// An id of a form that this build does not know is none, and costs nothing else.
fn known<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<ConversationId>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// What an agent says of the machine it runs on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// What it is made of.
    #[serde(default)]
    pub hardware: Hardware,
    /// How programs get a terminal: `pty`, or on Windows the name of a tier; empty when an older agent does not say.
    #[serde(default)]
    pub terminal: String,
    /// The release file that is for it, like `linux-x86_64`; empty when an older agent does not say, or there is none.
    #[serde(default)]
    pub target: String,
    /// How its agent gets another version.
    #[serde(default)]
    pub update_way: UpdateWay,
}

/// What a machine is made of. Zero or empty: its system does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hardware {
    /// Name of the processor.
    #[serde(default)]
    pub processor: String,
    /// Logical processors.
    #[serde(default)]
    pub cpus: u16,
    /// Memory, in bytes.
    #[serde(default)]
    pub memory_bytes: u64,
    /// The disk with the home directory, in bytes.
    #[serde(default)]
    pub disk_bytes: u64,
    /// What was free of it when the agent connected, in bytes.
    #[serde(default)]
    pub disk_free_bytes: u64,
}

/// What a screen shows, as text: for scripts. Without colours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScreenText {
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
    /// The rows from the top, without blanks at their ends.
    pub lines: Vec<String>,
    /// The cursor's column, from 0; equal to `cols` while a wrap is pending.
    pub cursor_column: u16,
    /// The cursor's row, from 0.
    pub cursor_row: u16,
    /// Whether the program shows the cursor.
    pub cursor_visible: bool,
    /// Whether a full-screen program has the screen.
    pub alternate: bool,
    /// Rows at the top are missing: the screen holds more text than a message.
    #[serde(default)]
    pub cut: bool,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_an_older_or_newer_peer_is_read_as_far_as_it_is_known() {
        let json = r#"{"id":"ses_a1b2c3d4e5f6","command":"sh","workdir":"/","state":"running","cols":80,"rows":24,"started_at":0}"#;
        let old: SessionInfo = serde_json::from_str(json).unwrap();
        assert_eq!(old, SessionInfo::new(old.id, "sh"));
        let newer = json.replace("\"cols\"", "\"conversation\":\"a form to come\",\"mood\":7,\"cols\"");
        assert_eq!(serde_json::from_str::<SessionInfo>(&newer).unwrap(), old);
    }
}
