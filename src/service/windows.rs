//! Windows services: what is registered, and what stands between the service manager and the agent.
//!
//! The service manager starts programs as `LocalSystem`, which may do anything on the machine, so none of the product runs so.
//! What it starts is the [guard](guard): a loop that waits until the person whose service it is is signed in, starts the
//! agent by that person's own token, and ends with it. Whoever reaches a session reaches what that person may do.
//!
//! The guard's program is a copy that only administrators may replace ([`scm`]); the agent's is the person's, and may be
//! updated by that person.

#[cfg(windows)]
pub mod guard;
#[cfg(windows)]
mod person;
#[cfg(windows)]
pub mod scm;
#[cfg(test)]
mod tests;
pub mod words;

use std::fmt;
use std::time::Duration;

use super::{Definition, ServiceError};
use crate::base::sid;

/// What the service is called; also the source of what it writes to the event log.
pub const NAME: &str = "sessionforge";

/// What people see in the list of services.
pub const DISPLAY_NAME: &str = "SessionForge agent";

/// What the list says below that.
pub const DESCRIPTION: &str =
    "Starts the SessionForge agent of the person who installed it, as that person, while that person is signed in.";

/// The hidden subcommand that the guard is.
pub const SUBCOMMAND: &str = "service-guard";

/// Where its registration is, for a person.
pub const REGISTERED_AT: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\sessionforge";

/// Option of the agent: it ends when its standard input does, which the guard holds.
pub const UNTIL_CLOSED: &str = "--until-closed";

/// What is registered with the service manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The guard's program.
    pub executable: String,
    /// Its arguments: whose service it is, and after `--` the agent's program and arguments.
    pub arguments: Vec<String>,
    /// Who may do what to the service, as Windows writes access lists (SDDL).
    pub access: String,
    /// A guard that crashes is started again after this long.
    pub again_after: Duration,
}

/// What to register for this definition, whose `run_as` is the person's security identifier; `guard` is the guard's program.
pub fn registration(definition: &Definition, guard: &str) -> Result<Registration, ServiceError> {
    let person = definition.run_as.as_deref().unwrap_or_default();
    if sid::kind(person) != sid::Kind::Person {
        return Err(ServiceError::NotAPerson(person.to_owned()));
    }
    let agent = std::iter::once(&definition.executable).chain(&definition.arguments);
    let before = [SUBCOMMAND, "--person", person, "--"].map(str::to_owned);
    let arguments: Vec<String> = before.into_iter().chain(agent.cloned()).chain([UNTIL_CLOSED.to_owned()]).collect();
    for text in arguments.iter().chain([&definition.executable]) {
        if text.contains('\0') {
            let why = "no command line can hold the character 0";
            return Err(ServiceError::Unwritable { manager: "Windows", what: "the argument", text: text.clone(), why });
        }
    }
    Ok(Registration {
        executable: guard.to_owned(),
        arguments,
        access: access(person),
        again_after: Duration::from_secs(5),
    })
}

/// What services have by default (System and Administrators all, people at the machine and services a look), and for
/// the person to start, stop and ask, so that no day needs an administrator; but not to change what it runs.
fn access(person: &str) -> String {
    let look = "CCLCSWLOCRRC";
    format!(
        "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;{look};;;IU)(A;;{look};;;SU)\
         (A;;CCLCSWRPWPLOCRRC;;;{person})"
    )
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = std::iter::once(&self.executable).chain(&self.arguments).map(String::as_str).collect();
        writeln!(f, "name         {NAME}")?;
        writeln!(f, "display name {DISPLAY_NAME}")?;
        writeln!(f, "description  {DESCRIPTION}")?;
        writeln!(f, "account      LocalSystem")?;
        writeln!(f, "start        automatically")?;
        writeln!(f, "on a crash   again after {} s", self.again_after.as_secs())?;
        writeln!(f, "access       {}", self.access)?;
        writeln!(f, "command      {}", words::line(&words))
    }
}

/// Whose service it is, and the agent's program and arguments, from the guard's arguments; `None` if they are not ours.
pub fn understood(arguments: &[String]) -> Option<(&str, &[String])> {
    match arguments {
        [subcommand, option, person, end, agent @ ..]
            if subcommand == SUBCOMMAND && option == "--person" && end == "--" && !agent.is_empty() =>
        {
            Some((person, agent))
        }
        _ => None,
    }
}

/// What the guard does when the agent has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Starts it again after so long.
    Again(Duration),
    /// Ends, with the agent's exit code: only a person can help.
    GiveUp,
}

/// See [`Next`]. As systemd is told: every 5 s, without a limit, but not after wrong usage (2) and a server's refusal (3).
pub fn after_end(code: u32) -> Next {
    if matches!(code, 2 | 3) { Next::GiveUp } else { Next::Again(Duration::from_secs(5)) }
}
