//! Tiers: by what a program gets its terminal on Windows, from the best to the last resort. `docs/windows.md` has their limits.
//!
//! What there is on a machine is probed once, when an agent or a command starts; [`choose`] is pure, and so is
//! [`Tier::words`], which says how a command becomes a program of that tier. On Unix there is one tier, its PTY.

pub mod probe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// First build of Windows that has pseudo consoles (ConPTY): 10, version 1809.
pub const CONPTY_BUILD: u32 = 17_763;

/// How a shell becomes the program it was asked for, which is no text in a shell's line but its arguments.
const EXEC_ARGUMENTS: &str = r#"exec "$0" "$@""#;

/// Programs of Windows itself: no Linux and no Git Bash runs them better.
const WINDOWS_PROGRAMS: [&str; 3] = ["cmd", "powershell", "pwsh"];

/// Which tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TierName {
    /// A Linux of the Windows Subsystem for Linux, in a pseudo console.
    Wsl,
    /// The shell of Git for Windows, in a pseudo console.
    GitBash,
    /// A pseudo console of Windows, with the program itself in it.
    Conpty,
    /// No terminal at all: the program's standard input and output.
    Pipes,
}

impl TierName {
    /// All of them, best first.
    pub const ALL: [Self; 4] = [Self::Wsl, Self::GitBash, Self::Conpty, Self::Pipes];

    /// As a person writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wsl => "wsl",
            Self::GitBash => "git-bash",
            Self::Conpty => "conpty",
            Self::Pipes => "pipes",
        }
    }
}

impl FromStr for TierName {
    type Err = TierError;

    fn from_str(text: &str) -> Result<Self, TierError> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text).ok_or_else(|| TierError::Unknown(text.to_owned()))
    }
}

/// A tier with what it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tier", rename_all = "kebab-case")]
pub enum Tier {
    /// The system's own terminals, on Unix.
    #[default]
    Pty,
    /// See [`TierName::Wsl`].
    Wsl {
        /// Which Linux.
        distribution: String,
    },
    /// See [`TierName::GitBash`].
    GitBash {
        /// Its `bash.exe`.
        bash: PathBuf,
    },
    /// See [`TierName::Conpty`].
    Conpty,
    /// See [`TierName::Pipes`].
    Pipes,
}

/// For a person, in `status` and on the page.
impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pty => f.write_str("pty"),
            Self::Wsl { distribution } => write!(f, "wsl ({distribution})"),
            Self::GitBash { .. } => f.write_str("git-bash"),
            Self::Conpty => f.write_str("conpty"),
            Self::Pipes => f.write_str("pipes (no terminal: no resize, no full-screen programs)"),
        }
    }
}

/// What there is on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probed {
    /// Build number of Windows, if it says.
    pub build: Option<u32>,
    /// Linuxes of the Windows Subsystem for Linux, the default one first.
    pub distributions: Vec<Distribution>,
    /// Where the shell of Git for Windows is.
    pub git_bash: Option<PathBuf>,
}

/// One Linux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Its name.
    pub name: String,
    /// Whether Claude Code is installed in it: not the one of Windows, which its PATH finds too.
    pub has_claude: bool,
}

/// Why a tier that was asked for cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TierError {
    /// There is no such tier.
    #[error("there is no terminal tier {0:?}: it is wsl, git-bash, conpty or pipes")]
    Unknown(String),
    /// Not on Windows.
    #[error("terminal tiers are for Windows: here every program has a PTY")]
    NotWindows,
    /// There is no Linux.
    #[error("no Linux of WSL is installed: `wsl --install` installs one")]
    NoWsl,
    /// There is no Git for Windows.
    #[error("Git for Windows is not installed: gitforwindows.org has it")]
    NoGitBash,
    /// Windows is older than its pseudo consoles.
    #[error("this Windows (build {0}) has no pseudo consoles: they came with build {CONPTY_BUILD}, Windows 10 1809")]
    NoConpty(u32),
}

/// The best tier of a Windows machine, or the one that is `wanted` if it can be had.
///
/// By itself WSL is chosen only where Claude Code is installed in it: a Linux that somebody keeps for something else would
/// hide the programs of Windows.
pub fn choose(probed: &Probed, wanted: Option<TierName>) -> Result<Tier, TierError> {
    let too_old = probed.build.filter(|build| *build < CONPTY_BUILD);
    let git_bash = || probed.git_bash.clone().map(|bash| Tier::GitBash { bash });
    let wsl = |distribution: &Distribution| Tier::Wsl { distribution: distribution.name.clone() };
    let with_claude = probed.distributions.iter().find(|distribution| distribution.has_claude);
    if wanted == Some(TierName::Pipes) {
        return Ok(Tier::Pipes);
    }
    if let Some(build) = too_old {
        return wanted.map_or(Ok(Tier::Pipes), |_| Err(TierError::NoConpty(build)));
    }
    match wanted {
        Some(TierName::Wsl) => with_claude.or(probed.distributions.first()).map(wsl).ok_or(TierError::NoWsl),
        Some(TierName::GitBash) => git_bash().ok_or(TierError::NoGitBash),
        Some(TierName::Conpty | TierName::Pipes) => Ok(Tier::Conpty),
        None => Ok(with_claude.map(wsl).or_else(git_bash).unwrap_or(Tier::Conpty)),
    }
}

impl Tier {
    /// Program and arguments that run `command` in this tier; `None` if it is run as it is.
    pub fn words(&self, command: &str, args: &[String], workdir: &str) -> Option<(String, Vec<String>)> {
        let name = command.rsplit(['/', '\\']).next().unwrap_or(command).to_ascii_lowercase();
        let bare = name.strip_suffix(".exe").unwrap_or(&name);
        if bare.len() < name.len() || WINDOWS_PROGRAMS.contains(&bare) {
            return None;
        }
        let (program, before): (String, Vec<&str>) = match self {
            Self::Pty | Self::Conpty | Self::Pipes => return None,
            Self::Wsl { distribution } => (
                "wsl.exe".to_owned(),
                // Interactive, because nvm and its like set the PATH in files that only interactive shells read.
                vec!["--distribution", distribution, "--cd", workdir, "--exec", "/bin/bash", "-lic", EXEC_ARGUMENTS],
            ),
            Self::GitBash { bash } => (bash.to_string_lossy().into_owned(), vec!["-lc", EXEC_ARGUMENTS]),
        };
        let words = before.into_iter().map(str::to_owned).chain([command.to_owned()]).chain(args.iter().cloned());
        Some((program, words.collect()))
    }

    /// Variables that WSL hands to a Linux program, as `WSLENV` takes them; nothing in other tiers.
    pub fn handed_over(&self) -> Option<&'static str> {
        matches!(self, Self::Wsl { .. }).then_some(
            "TERM:COLORTERM:TERM_PROGRAM:TERM_PROGRAM_VERSION:FORCE_HYPERLINK:SESSIONFORGE_SESSION:SESSIONFORGE_AGENT_URL:\
             SESSIONFORGE_TOKEN",
        )
    }
}
