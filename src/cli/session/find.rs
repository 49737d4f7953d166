//! From what a person calls a session to the session: its id, the beginning of its id, or its name.

use std::path::Path;

use anyhow::Context as _;

use crate::base::id::SessionId;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::printable;
use crate::host::runtime_dir::{self, Facts};

/// Matches that are named when there are several.
const NAMED_MAX: usize = 8;

/// The one session that `asked` means.
pub(in crate::cli) fn session(dir: &Path, asked: &str) -> Result<Facts, Failure> {
    let known = runtime_dir::scan(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
    match choose(&known, asked) {
        Choice::One(facts) => Ok(facts.clone()),
        Choice::None => {
            Err(Failure::new(Exit::Failed, format_args!("there is no session {:?} on this machine", printable(asked)))
                .hint("`sessionforge session list --all` shows those that there are"))
        }
        Choice::Several(facts) => {
            let shown: Vec<String> = facts.iter().take(NAMED_MAX).map(|facts| described(facts)).collect();
            let more = if facts.len() > NAMED_MAX { ", …" } else { "" };
            Err(Failure::new(
                Exit::Usage,
                format_args!("{:?} may be any of {} sessions", printable(asked), facts.len()),
            )
            .hint(format_args!("say which by more of its id: {}{more}", shown.join(", "))))
        }
    }
}

fn described(facts: &Facts) -> String {
    let name = facts.info.name.as_deref().unwrap_or(&facts.info.command);
    format!("{} ({})", facts.info.id, printable(name))
}

enum Choice<'a> {
    One(&'a Facts),
    None,
    Several(Vec<&'a Facts>),
}

/// A whole id means that session. Else a name goes before the beginning of an id, and sessions whose program runs go
/// before those that have ended: names are used again.
fn choose<'a>(known: &'a [Facts], asked: &str) -> Choice<'a> {
    if let Ok(id) = asked.parse::<SessionId>() {
        return known.iter().find(|facts| facts.info.id == id).map_or(Choice::None, Choice::One);
    }
    if asked.is_empty() {
        return Choice::None;
    }
    let begins = |facts: &Facts| {
        let id = facts.info.id.to_string();
        id.starts_with(asked) || id.strip_prefix("ses_").is_some_and(|rest| rest.starts_with(asked))
    };
    let named: Vec<&Facts> = known.iter().filter(|facts| facts.info.name.as_deref() == Some(asked)).collect();
    let found = if named.is_empty() { known.iter().filter(|facts| begins(facts)).collect() } else { named };
    let living: Vec<&Facts> = found.iter().copied().filter(|facts| !facts.info.has_ended()).collect();
    match (found.as_slice(), living.as_slice()) {
        ([], _) => Choice::None,
        ([one], _) | (_, [one]) => Choice::One(one),
        (_, []) => Choice::Several(found),
        _ => Choice::Several(living),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::tests::facts;
    use crate::wire::session::SessionState;

    fn chosen(known: &[Facts], asked: &str) -> Result<Option<String>, usize> {
        match choose(known, asked) {
            Choice::One(facts) => Ok(Some(facts.info.id.to_string())),
            Choice::None => Ok(None),
            Choice::Several(facts) => Err(facts.len()),
        }
    }

    #[test]
    fn a_session_is_known_by_its_id_its_beginning_and_its_name() {
        let known = [
            facts("ses_aaaa00000001", Some("büro 1"), SessionState::Running),
            facts("ses_aaab00000002", Some("tests"), SessionState::Exited),
            facts("ses_bbbb00000003", Some("tests"), SessionState::Running),
            facts("ses_cccc00000004", Some("aaa"), SessionState::Running),
        ];
        let one = |id: &str| Ok(Some(id.to_owned()));
        assert_eq!(chosen(&known, "ses_aaab00000002"), one("ses_aaab00000002"));
        assert_eq!(chosen(&known, "ses_bb"), one("ses_bbbb00000003"));
        assert_eq!(chosen(&known, "b"), one("ses_bbbb00000003"));
        assert_eq!(chosen(&known, "büro 1"), one("ses_aaaa00000001"));
        assert_eq!(chosen(&known, "tests"), one("ses_bbbb00000003"), "the one that runs");
        assert_eq!(chosen(&known, "aaa"), one("ses_cccc00000004"), "a name goes before a beginning");
        assert_eq!(chosen(&known, "ses_aaa"), one("ses_aaaa00000001"), "the one that runs");
        assert_eq!(chosen(&known, "ses_"), Err(3));
        assert_eq!(chosen(&known, "ses_aaaa00000009"), Ok(None));
        assert_eq!(chosen(&known, "nothing"), Ok(None));
        assert_eq!(chosen(&known, ""), Ok(None));
    }
}
