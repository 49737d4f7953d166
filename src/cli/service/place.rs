//! Which service a command means, whose it is, and where that person's data is.

#[cfg(unix)]
#[path = "place/unix.rs"]
mod imp;
#[cfg(windows)]
#[path = "place/windows.rs"]
mod imp;

use std::path::{Path, PathBuf};

pub(super) use self::imp::{is_sudo, person};
use crate::cli::failure::{Exit, Failure};
use crate::cli::paths;
use crate::service::systemd::Systemd;
use crate::service::{Manager, Scope, System};

/// One service and its surroundings.
pub(in crate::cli) struct Place {
    pub(in crate::cli) scope: Scope,
    pub(in crate::cli) manager: Box<dyn Manager>,
    /// The same, where it is a person's own and that person's systemd: it can linger.
    pub(super) own_systemd: Option<Systemd<System>>,
}

impl Place {
    /// The service of this scope.
    pub(super) fn of(scope: Scope) -> Result<Self, Failure> {
        imp::of(scope)
    }

    /// The one that is meant by somebody who wants to know or do something about one that is there.
    pub(in crate::cli) fn installed(system: bool) -> Result<Self, Failure> {
        if system || is_sudo() {
            return Self::of(Scope::System);
        }
        let own = Self::of(Scope::Own)?;
        if own.manager.is_installed() {
            return Ok(own);
        }
        let machines = Self::of(Scope::System)?;
        Ok(if machines.manager.is_installed() { machines } else { own })
    }

    /// What must be added to a command that means this service.
    pub(super) fn option(&self) -> &'static str {
        if self.scope == Scope::System && cfg!(unix) { " --system" } else { "" }
    }

    /// The data directory of the agent that the service runs: as its file has it, else (a package does not know it) the
    /// usual one of who asks.
    pub(in crate::cli) fn data_dir(&self) -> Option<PathBuf> {
        let words = self.manager.words()?;
        match words.iter().position(|word| word == "--data-dir") {
            Some(at) => words.get(at + 1).map(PathBuf::from),
            None => paths::usual_data_dir(),
        }
    }
}

/// The person whose sessions an agent of the machine's service has.
pub(super) struct Person {
    /// For a person.
    pub(super) name: String,
    /// For the service manager.
    pub(super) account: String,
    /// Where that person's agent keeps its data. Whoever installs a service looks there, and makes nothing.
    pub(super) data_dir: PathBuf,
}

/// Text for a service manager: those take no other.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(Exit::Failed, format_args!("{} is not UTF-8, and no service can be told of it", path.display()))
            .hint("give it another name, or another place with --data-dir")
    })
}
