//! Who somebody is on Windows, by the security identifier that the system knows accounts by.

#[cfg(windows)]
mod system;

#[cfg(windows)]
pub use self::system::{name, of_name, of_token, own};

/// What an account is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody who can own sessions.
    Person,
    /// The system itself, or one of its services.
    System,
    /// A group, or anything else that nobody signs in as.
    Other,
}

/// What the account of this identifier is, by the ranges that Windows gives out
/// (learn.microsoft.com, "Security identifiers"): 5-21 to people of a machine or a domain, 12-1 to those of Entra ID, 5-18 to 5-20
/// to the system and its services, 5-80 and 5-82 to single services and web applications.
pub fn kind(sid: &str) -> Kind {
    let begins = |prefix: &str| sid.strip_prefix(prefix).is_some_and(|rest| rest.contains('-') || !rest.is_empty());
    if ["S-1-5-18", "S-1-5-19", "S-1-5-20"].contains(&sid) || begins("S-1-5-80-") || begins("S-1-5-82-") {
        Kind::System
    } else if begins("S-1-5-21-") || begins("S-1-12-1-") {
        Kind::Person
    } else {
        Kind::Other
    }
}

/// Why a process must not have sessions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPerson {
    /// Whoever reaches a session would have the whole machine.
    #[error("this runs as the system itself ({0}), and sessions run as a person, never as SYSTEM")]
    System(String),
    /// It is not known as whom.
    #[error("it cannot be told as whom this runs: {0}")]
    Unknown(String),
}

/// Whether a process of this account may have sessions.
pub fn check_may_have_sessions(sid: &str) -> Result<(), NotAPerson> {
    match kind(sid) {
        Kind::System => Err(NotAPerson::System(sid.to_owned())),
        // Accounts that are none of a person's may still be somebody's choice for a container or a kiosk.
        Kind::Person | Kind::Other => Ok(()),
    }
}

/// The same of this process.
#[cfg(windows)]
pub fn check_own() -> Result<(), NotAPerson> {
    check_may_have_sessions(&own().map_err(|error| NotAPerson::Unknown(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_from_the_system_and_from_groups() {
        for (sid, is) in [
            ("S-1-5-21-3623811015-3361044348-30300820-1013", Kind::Person),
            ("S-1-12-1-1111111111-2222222222-3333333333-4444444444", Kind::Person),
            ("S-1-5-18", Kind::System),
            ("S-1-5-19", Kind::System),
            ("S-1-5-20", Kind::System),
            ("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", Kind::System),
            ("S-1-5-32-544", Kind::Other),
            ("S-1-1-0", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(kind(sid), is, "{sid}");
        }
    }

    #[test]
    fn the_system_has_no_sessions() {
        assert!(matches!(check_may_have_sessions("S-1-5-18"), Err(NotAPerson::System(_))));
        assert_eq!(check_may_have_sessions("S-1-5-21-0-0-0-1000"), Ok(()));
    }

    #[cfg(windows)]
    #[test]
    fn this_process_runs_as_somebody_with_a_name_that_leads_back() {
        let sid = own().expect("it is known");
        assert!(sid.starts_with("S-1-"), "{sid}");
        let name = name(&sid).expect("it has a name");
        assert_eq!(of_name(&name).ok(), Some(sid), "{name}");
    }
}
