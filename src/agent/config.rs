//! What the owner of the machine decides: `agent.json` in the data directory, and the command line over it.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use super::dial::Way;
pub use super::environment::Origin;
use crate::base::problem::{Code, Problem};
use crate::base::secret::Secret;
use crate::host::tier::{Tier, TierName};
use crate::wire::updating::UpdateWay;

/// Programs a server may start unless `agent.json` says otherwise.
pub const ALLOWED_BY_DEFAULT: [&str; 6] = ["claude", "bash", "zsh", "sh", "powershell", "cmd"];

/// Name of the file with the owner's decisions.
pub const CONFIG_FILE: &str = "agent.json";

/// Why `agent.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is there, but cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is not what it should be.
    #[error("{path} is not a valid configuration: {cause}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        cause: serde_json::Error,
    },
}

/// `agent.json`. Every field may be left out; one that is not known here is a typing error, and refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Programs the server may start, by file name; `"*"` allows all.
    pub allow: Vec<String>,
    /// What a person calls this machine; its host name if `None`.
    pub name: Option<String>,
    /// Whether each session's last screen is kept in the data directory, to be shown when its PTY host is gone. What is
    /// on a terminal is then on the disk, in files of their owner alone. Holds for sessions started from then on.
    pub keep_screens: bool,
    /// The key that detaches a terminal of this machine from a session, like `ctrl-]`; the command line reads it.
    pub detach_key: Option<String>,
    /// The terminal tier on Windows; the best that is there if `None`.
    pub tier: Option<TierName>,
    /// See [`Way::proxy`].
    pub proxy: Option<String>,
    /// See [`Way::ca_file`].
    pub ca_file: Option<PathBuf>,
    /// Where the environment of sessions comes from; see [`Origin`].
    pub environment: Option<Origin>,
    /// Whether the page may bring the agent to another version.
    pub update: Update,
}

/// Who may bring the agent to another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Whoever may on the page, and on the machine.
    #[default]
    Page,
    /// On the machine alone.
    Off,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            allow: ALLOWED_BY_DEFAULT.map(str::to_owned).to_vec(),
            name: None,
            keep_screens: true,
            detach_key: None,
            tier: None,
            proxy: None,
            ca_file: None,
            environment: None,
            update: Update::default(),
        }
    }
}

impl ConfigFile {
    /// Reads it out of the data directory; what is not there is as by default.
    pub fn read(data_dir: &Path) -> Result<Self, ConfigError> {
        let path = data_dir.join(CONFIG_FILE);
        match std::fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(|cause| ConfigError::Invalid { path, cause }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(cause) => Err(ConfigError::Unreadable { path, cause }),
        }
    }

    /// The way to the server that it describes. A relative file is one of the data directory.
    pub fn way(&self, data_dir: &Path) -> Way {
        Way { proxy: self.proxy.clone(), ca_file: self.ca_file.as_ref().map(|path| data_dir.join(path)) }
    }
}

/// All an agent needs to know.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Where sessions, credentials and `agent.json` are.
    pub data_dir: PathBuf,
    /// Address of the server, like `https://forge.example.com`.
    pub server: String,
    /// Under which name the machine id this server gave is remembered: its address, or a word that outlives the
    /// address where that changes from start to start.
    pub identity: String,
    /// What the agent shows to be let in.
    pub key: Secret,
    /// What a person calls this machine; its host name if `None`.
    pub name: Option<String>,
    /// Programs the server may start, by file name; `"*"` allows all.
    pub allow: Vec<String>,
    /// Whether the key may cross a network unencrypted.
    pub insecure_http: bool,
    /// See [`ConfigFile::keep_screens`].
    pub keep_screens: bool,
    /// By what programs get a terminal.
    pub tier: Tier,
    /// How to get to the server.
    pub way: Way,
    /// Where the environment of sessions comes from.
    pub environment: Origin,
    /// How this agent gets another version.
    pub update_way: UpdateWay,
}

impl AgentConfig {
    /// As `agent.json` has it, with a server and a key.
    pub fn new(data_dir: &Path, server: String, key: Secret, file: ConfigFile) -> Self {
        Self {
            way: file.way(data_dir),
            data_dir: data_dir.to_owned(),
            identity: server.clone(),
            server,
            key,
            name: file.name,
            allow: file.allow,
            insecure_http: false,
            keep_screens: file.keep_screens,
            environment: file.environment.unwrap_or(Origin::Login),
            // Whoever starts it knows more.
            update_way: if file.update == Update::Off { UpdateWay::Off } else { UpdateWay::Hand },
            tier: Tier::default(),
        }
    }

    /// Refuses a program that the owner of this machine does not allow.
    ///
    /// A path counts by its last part: `/opt/bin/claude` is `claude`. Whoever can put a program of that name on this
    /// machine can already run it.
    pub fn check_allowed(&self, command: &str) -> Result<(), Problem> {
        let program = program_name(command);
        if self.allow.iter().any(|allowed| allowed == "*" || same_program(allowed, program)) {
            return Ok(());
        }
        Err(Problem::new(
            Code::CommandNotAllowed,
            format!(
                "this machine does not allow {program:?}: its owner can add it to \"allow\" in {} and start the agent again",
                self.data_dir.join(CONFIG_FILE).display()
            ),
        ))
    }
}

/// Last part of a path; both separators count, since a Windows path may be checked anywhere.
fn program_name(command: &str) -> &str {
    command.rsplit(['/', '\\']).next().unwrap_or(command)
}

fn same_program(allowed: &str, program: &str) -> bool {
    if cfg!(windows) {
        let bare = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
        };
        return bare(allowed) == bare(program);
    }
    allowed == program
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn config(allow: &[&str]) -> AgentConfig {
        let allow = allow.iter().map(|&program| program.to_owned()).collect();
        let file = ConfigFile { allow, ..ConfigFile::default() };
        AgentConfig::new(Path::new("/data"), String::new(), Secret::new(""), file)
    }

    #[test]
    fn a_program_is_allowed_by_its_file_name() {
        let config = config(&["claude", "bash"]);
        for command in ["claude", "/usr/local/bin/claude", "./bash"] {
            assert_eq!(config.check_allowed(command), Ok(()), "{command}");
        }
        for command in ["python3", "claude-2", "", "/usr/bin/", "claude/python3"] {
            assert!(config.check_allowed(command).is_err(), "{command}");
        }
        assert_eq!(config.check_allowed("CLAUDE").is_ok(), cfg!(windows), "as file names are there");
    }

    #[test]
    fn a_star_allows_all_and_a_refusal_says_what_to_do() {
        assert_eq!(config(&["*"]).check_allowed("/bin/true"), Ok(()));
        let refused = config(&["bash"]).check_allowed("/bin/true").unwrap_err();
        assert_eq!(refused.code, Code::CommandNotAllowed);
        assert!(refused.message.contains("\"true\"") && refused.message.contains("agent.json"), "{refused}");
    }

    #[test]
    fn a_config_file_may_be_missing_or_short_but_not_wrong() {
        let data_dir = tempfile::tempdir().unwrap();
        assert_eq!(ConfigFile::read(data_dir.path()).unwrap(), ConfigFile::default());
        let write = |json: &str| std::fs::write(data_dir.path().join(CONFIG_FILE), json).unwrap();
        write(r#"{"name": "büro"}"#);
        let read = ConfigFile::read(data_dir.path()).unwrap();
        assert_eq!((read.name.as_deref(), read.allow.len()), (Some("büro"), ALLOWED_BY_DEFAULT.len()));
        assert!(read.keep_screens);
        write(r#"{"keep_screens": false}"#);
        assert!(!ConfigFile::read(data_dir.path()).unwrap().keep_screens);
        write(r#"{"alow": ["*"]}"#);
        let error = ConfigFile::read(data_dir.path()).unwrap_err().to_string();
        assert!(error.contains("alow") && error.contains(CONFIG_FILE), "{error}");
    }
}
