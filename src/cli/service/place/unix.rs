//! Accounts and services of Unix.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use directories::BaseDirs;

use super::{Person, Place};
use crate::cli::args::DataDir;
use crate::cli::failure::Failure;
use crate::cli::paths;
use crate::cli::service::failure;
use crate::service::account::{self, Account};
use crate::service::launchd::Launchd;
use crate::service::systemd::Systemd;
use crate::service::{Manager, Scope, System};

/// Variable by which sudo says who called it.
const SUDO_VARIABLE: &str = "SUDO_USER";

/// The service of this scope.
pub(super) fn of(scope: Scope) -> Result<Place, Failure> {
    let system = System;
    if scope == Scope::System {
        let manager: Box<dyn Manager> = if cfg!(target_os = "macos") {
            Box::new(Launchd::system(system))
        } else {
            Box::new(Systemd::system(system))
        };
        return Ok(Place { scope, manager, own_systemd: None });
    }
    let dirs = BaseDirs::new().context("no home directory is known")?;
    let me = account::find(&system, &uid().to_string()).map_err(failure)?;
    if cfg!(target_os = "macos") {
        let manager = Box::new(Launchd::own(system, dirs.home_dir(), me.uid));
        return Ok(Place { scope, manager, own_systemd: None });
    }
    let systemd = || Systemd::own(system, dirs.config_dir(), &me.name);
    Ok(Place { scope, manager: Box::new(systemd()), own_systemd: Some(systemd()) })
}

/// Whether a person who is not root has called this by sudo.
pub(in crate::cli::service) fn is_sudo() -> bool {
    uid() == 0 && std::env::var(SUDO_VARIABLE).is_ok_and(|user| user != "root")
}

/// Who is to run the machine's service: the one who is named, else who called sudo.
pub(in crate::cli::service) fn person(named: Option<String>, given: DataDir) -> Result<Person, Failure> {
    let caller = || std::env::var(SUDO_VARIABLE).ok().filter(|_| is_sudo()).unwrap_or_else(|| uid().to_string());
    let account = account::find(&System, &named.unwrap_or_else(caller)).map_err(failure)?;
    let data_dir = data_dir(&account, given)?;
    Ok(Person { name: account.name.clone(), account: account.name, data_dir })
}

fn data_dir(person: &Account, given: DataDir) -> Result<PathBuf, Failure> {
    if let Some(path) = given.data_dir {
        return Ok(std::path::absolute(path).context("there is no current directory")?);
    }
    if person.uid == uid() {
        return paths::data_dir(given);
    }
    let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    Ok(Path::new(&person.home).join(below).join("sessionforge"))
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
