//! The environment of sessions that nobody at a terminal starts: that of the person's login shell.
//!
//! A service is started with next to nothing in its environment. What makes `claude` be found – npm's, nvm's, fnm's or
//! Homebrew's directory on the PATH – is written in the files that the person's shell reads. So the shell is run once, as
//! for a login, and what it leaves is asked for, as editors do that are started from a desktop.
//!
//! It is resolved once for each start of the agent, and again when a program is not found or somebody asks. It never holds
//! up a start for longer than [`RESOLVED_WITHIN`]: a shell that hangs is killed with all it started, and sessions get the
//! agent's own environment.

#[cfg(unix)]
mod shell;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::base::clock::{millis, unix_millis};

#[cfg(unix)]
pub use self::shell::{SUBCOMMAND, main};

/// Time that the login shell has, in which it may read files over a network and start version managers. Editors give
/// theirs as long; a start that waits for it is still answered before its server gives up (20 s).
pub const RESOLVED_WITHIN: Duration = Duration::from_secs(10);

/// Variables, in the order in which the shell gave them.
pub type Variables = Vec<(OsString, OsString)>;

/// Where the environment of sessions comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// What the login shell makes of the agent's.
    Login,
    /// The agent's own.
    Agent,
}

/// Why the login shell's environment is not known.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// It cannot be run.
    #[error("{} cannot be run: {cause}", shell.display())]
    Unrunnable {
        /// The shell.
        shell: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It was not done in time.
    #[error("{} was not ready within {} s: something in the files it reads waits", shell.display(), RESOLVED_WITHIN.as_secs())]
    Late {
        /// The shell.
        shell: PathBuf,
    },
    /// It ended without doing what it was told.
    #[error("{} ended before it was ready: something in the files it reads ends it", shell.display())]
    Ended {
        /// The shell.
        shell: PathBuf,
    },
    /// It printed too much.
    #[error("{} prints without end when it starts", shell.display())]
    TooMuch {
        /// The shell.
        shell: PathBuf,
    },
}

/// How sessions come by their environment, for a person. Values may be secrets: only the PATH's is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentFacts {
    /// Where it comes from.
    pub origin: Origin,
    /// The login shell.
    pub shell: Option<String>,
    /// When it was resolved, in milliseconds since 1970.
    pub resolved_at: Option<u64>,
    /// How long that took, in milliseconds.
    pub took_ms: Option<u64>,
    /// Why the login shell's is not known, so that the agent's own is used.
    pub problem: Option<String>,
    /// Names of variables that the login shell adds or changes.
    pub set: Vec<String>,
    /// Where programs are looked for.
    pub path: Option<String>,
}

/// The environment as it was last resolved.
#[derive(Debug, Clone)]
struct Resolved {
    shell: PathBuf,
    at: u64,
    took: Duration,
    outcome: Result<Arc<Variables>, Arc<EnvironmentError>>,
}

/// The environment of sessions.
#[derive(Debug)]
pub struct Environment {
    origin: Origin,
    /// Locked while it is resolved: whoever needs it meanwhile waits for the same answer.
    resolved: Mutex<Option<Resolved>>,
}

impl Environment {
    /// Not resolved yet. Where there are no login shells it is the agent's own.
    pub fn new(origin: Origin) -> Self {
        let origin = if cfg!(unix) { origin } else { Origin::Agent };
        Self { origin, resolved: Mutex::new(None) }
    }

    /// What a session's program is to have; `None` for the agent's own.
    pub async fn get(&self) -> Option<Arc<Variables>> {
        if self.origin == Origin::Agent {
            return None;
        }
        let mut resolved = self.resolved.lock().await;
        if resolved.is_none() {
            *resolved = Some(resolve().await);
        }
        resolved.as_ref()?.outcome.as_ref().ok().cloned()
    }

    /// Resolves it anew. A person may have installed a program since, or mended a file that the shell reads.
    pub async fn refresh(&self) {
        if self.origin == Origin::Login {
            let mut resolved = self.resolved.lock().await;
            *resolved = Some(resolve().await);
        }
    }

    /// For a program that was not found: the environment, if it is another one now. A shell that does not work is not
    /// waited for again.
    pub async fn changed(&self) -> Option<Arc<Variables>> {
        let before = self.get().await?;
        self.refresh().await;
        self.get().await.filter(|now| *now != before)
    }

    /// How it came to be, resolving it if it was not yet.
    pub async fn facts(&self) -> EnvironmentFacts {
        let found = self.get().await;
        let resolved = self.resolved.lock().await.clone();
        let own: Variables = std::env::vars_os().collect();
        let variables = found.as_deref().unwrap_or(&own);
        let set = variables.iter().filter(|variable| !own.contains(variable));
        let mut set: Vec<String> = set.map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        set.sort();
        EnvironmentFacts {
            origin: self.origin,
            shell: resolved.as_ref().map(|resolved| resolved.shell.display().to_string()),
            resolved_at: resolved.as_ref().map(|resolved| resolved.at),
            took_ms: resolved.as_ref().map(|resolved| millis(resolved.took)),
            problem: resolved.and_then(|resolved| resolved.outcome.err()).map(|error| error.to_string()),
            set,
            path: value(variables, "PATH").map(|path| path.to_string_lossy().into_owned()),
        }
    }
}

async fn resolve() -> Resolved {
    let (began, at) = (Instant::now(), unix_millis());
    let (shell, outcome) = ask_shell().await;
    let took = began.elapsed();
    match &outcome {
        Ok(variables) => {
            let (shell, took_ms) = (shell.display(), millis(took));
            tracing::info!(%shell, took_ms, variables = variables.len(), "environment of the login shell");
        }
        Err(cause) => tracing::warn!(%cause, "sessions get the agent's own environment"),
    }
    Resolved { shell, at, took, outcome: outcome.map(Arc::new).map_err(Arc::new) }
}

#[cfg(unix)]
async fn ask_shell() -> (PathBuf, Result<Variables, EnvironmentError>) {
    let own: Variables = std::env::vars_os().collect();
    let shell = shell::of_person(value(&own, "SHELL"));
    let outcome = shell::ask(&shell).await;
    (shell, outcome.map(|login| merged(login, &own)))
}

/// There is none, and [`Environment::new`] sees to it that none is asked.
#[cfg(not(unix))]
fn ask_shell() -> std::future::Ready<(PathBuf, Result<Variables, EnvironmentError>)> {
    let shell = PathBuf::new();
    let cause = std::io::ErrorKind::Unsupported.into();
    std::future::ready((shell.clone(), Err(EnvironmentError::Unrunnable { shell, cause })))
}

/// The login shell's, with what only the agent's own PATH has behind its PATH: `/etc/profile` may begin a new one, and
/// what was found before stays found.
#[cfg(unix)]
fn merged(mut login: Variables, own: &[(OsString, OsString)]) -> Variables {
    let Some(path) = value(own, "PATH") else { return login };
    let mut folders: Vec<PathBuf> = value(&login, "PATH").map(std::env::split_paths).into_iter().flatten().collect();
    for folder in std::env::split_paths(path) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    // They came out of such lists, so they can form one.
    if let Ok(path) = std::env::join_paths(folders) {
        login.retain(|(name, _)| name != "PATH");
        login.push(("PATH".into(), path));
    }
    login
}

fn value<'v>(variables: &'v [(OsString, OsString)], name: &str) -> Option<&'v OsStr> {
    variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_the_agent_found_before_stays_found_after_the_shell_had_its_say() {
        let variables = |path: &str| vec![("A".into(), "1".into()), ("PATH".into(), path.into())];
        let merged = merged(variables("/nvm/bin:/usr/bin"), &variables("/opt/bin:/usr/bin"));
        assert_eq!(value(&merged, "PATH"), Some(OsStr::new("/nvm/bin:/usr/bin:/opt/bin")));
        assert_eq!(merged.len(), 2);
    }

    #[tokio::test]
    async fn an_agent_that_uses_its_own_environment_asks_no_shell() {
        let environment = Environment::new(Origin::Agent);
        assert_eq!(environment.get().await, None);
        let facts = environment.facts().await;
        assert_eq!((facts.shell, facts.problem, facts.set), (None, None, vec![]));
    }
}
