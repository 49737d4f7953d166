//! Which service a command means, whose it is, and where that person's data is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use directories::BaseDirs;

use super::failure;
use crate::cli::args::DataDir;
use crate::cli::failure::{Exit, Failure};
use crate::cli::paths;
use crate::service::account::{self, Account};
use crate::service::launchd::Launchd;
use crate::service::systemd::Systemd;
use crate::service::{Manager, Scope, System};

/// Variable by which sudo says who called it.
const SUDO_VARIABLE: &str = "SUDO_USER";

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
        let system = System;
        if scope == Scope::System {
            let manager: Box<dyn Manager> = if cfg!(target_os = "macos") {
                Box::new(Launchd::system(system))
            } else {
                Box::new(Systemd::system(system))
            };
            return Ok(Self { scope, manager, own_systemd: None });
        }
        let dirs = BaseDirs::new().context("no home directory is known")?;
        let me = account::find(&system, &uid().to_string()).map_err(failure)?;
        if cfg!(target_os = "macos") {
            let manager = Box::new(Launchd::own(system, dirs.home_dir(), me.uid));
            return Ok(Self { scope, manager, own_systemd: None });
        }
        let systemd = || Systemd::own(system, dirs.config_dir(), &me.name);
        Ok(Self { scope, manager: Box::new(systemd()), own_systemd: Some(systemd()) })
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
        if self.scope == Scope::System { " --system" } else { "" }
    }

    /// The data directory of the agent that the service runs, as its file has it.
    pub(in crate::cli) fn data_dir(&self) -> Option<PathBuf> {
        let words = self.manager.words()?;
        let at = words.iter().position(|word| word == "--data-dir")?;
        words.get(at + 1).map(PathBuf::from)
    }
}

/// Whether a person who is not root has called this by sudo.
pub(super) fn is_sudo() -> bool {
    uid() == 0 && std::env::var(SUDO_VARIABLE).is_ok_and(|user| user != "root")
}

/// Who is to run the machine's service.
pub(super) fn run_as(chosen: Option<String>) -> Result<Account, Failure> {
    let caller = || std::env::var(SUDO_VARIABLE).ok().filter(|_| is_sudo()).unwrap_or_else(|| uid().to_string());
    account::find(&System, &chosen.unwrap_or_else(caller)).map_err(failure)
}

/// Where `person`'s agent keeps its data: root looks there, and makes nothing.
pub(super) fn data_dir_of(person: &Account, given: DataDir) -> Result<PathBuf, Failure> {
    if let Some(path) = given.data_dir {
        return Ok(std::path::absolute(path).context("there is no current directory")?);
    }
    if person.uid == uid() {
        return paths::data_dir(given);
    }
    let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    Ok(Path::new(&person.home).join(below).join("sessionforge"))
}

/// Text for a service manager: those take no other.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(Exit::Failed, format_args!("{} is not UTF-8, and no service can be told of it", path.display()))
    })
}

fn uid() -> u32 {
    #[cfg(unix)]
    {
        rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    0
}
