//! Accounts and the service of Windows: there is one, the machine's, and it is a person's.

use anyhow::Context as _;

use super::{Person, Place};
use crate::base::sid;
use crate::cli::args::DataDir;
use crate::cli::failure::{Exit, Failure};
use crate::cli::paths;
use crate::cli::service::failure;
use crate::service::windows::scm::Scm;
use crate::service::{Scope, ServiceError};

/// The service, whatever the scope.
#[allow(clippy::unnecessary_wraps, reason = "elsewhere a person's home must be found")]
pub(super) fn of(_scope: Scope) -> Result<Place, Failure> {
    Ok(Place { scope: Scope::System, manager: Box::new(Scm), own_systemd: None })
}

/// An administrator's rights come with the person's own name.
pub(in crate::cli::service) fn is_sudo() -> bool {
    false
}

/// Whose sessions the agent has: of the one who is named, else of who installs it.
pub(in crate::cli::service) fn person(named: Option<String>, given: DataDir) -> Result<Person, Failure> {
    let own = sid::own().context("it cannot be told as whom this runs")?;
    let account = match named {
        Some(name) => sid::of_name(&name).map_err(|_| failure(ServiceError::NoUser(name)))?,
        None => own.clone(),
    };
    if given.data_dir.is_none() && account != own {
        return Err(Failure::new(Exit::Usage, "where that person's data is cannot be told from here").hint(
            "name it as well: --data-dir C:\\Users\\NAME\\AppData\\Local\\sessionforge\\data, if that person has not chosen another",
        ));
    }
    let name = sid::name(&account).unwrap_or_else(|_| account.clone());
    Ok(Person { name, account, data_dir: paths::data_dir(given)? })
}
