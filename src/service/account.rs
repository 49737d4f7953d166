//! The accounts of a Unix machine: who runs a system service, and where that person's home is.

use super::{Run, ServiceError};

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its home directory.
    pub home: String,
}

/// Looks an account up by its name or number, also in a directory service.
pub fn find(run: &impl Run, user: &str) -> Result<Account, ServiceError> {
    // A name that is an option to these programs is no name of an account.
    let missing = || ServiceError::NoUser(user.to_owned());
    if user.is_empty() || user.starts_with('-') || user.contains(char::is_control) {
        return Err(missing());
    }
    let answer =
        if cfg!(target_os = "macos") { run.run("id", &["-P", user]) } else { run.run("getent", &["passwd", user]) }?;
    if !answer.success {
        return Err(missing());
    }
    parse(&answer.out).ok_or_else(missing)
}

/// One line of passwd(5), or of `id -P`, which has three fields more.
fn parse(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.lines().next()?.split(':').collect();
    let home = if fields.len() >= 10 { fields.get(8) } else { fields.get(5) }?;
    let uid = fields.get(2)?.parse().ok()?;
    home.starts_with('/').then(|| Account { name: fields[0].to_owned(), uid, home: (*home).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::run::Played;
    use super::*;

    #[test]
    fn an_account_is_read_in_both_forms_and_nonsense_is_none() {
        let ada = Account { name: "ada".into(), uid: 1000, home: "/home/ada".into() };
        assert_eq!(parse("ada:x:1000:1000:Ada L.,,,:/home/ada:/bin/bash\n"), Some(ada.clone()));
        assert_eq!(parse("ada:********:1000:20::0:0:Ada L.:/home/ada:/bin/zsh\n"), Some(ada));
        for nonsense in ["", "ada", "ada:x:y:z::/home/ada:", "ada:x:1:1::home:"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_name_is_never_an_option() {
        let played = Played::default();
        assert!(matches!(find(&&played, "--help"), Err(ServiceError::NoUser(_))));
        assert!(played.told().is_empty());
    }
}
