//! The program's environment: the agent's, without what only concerns the agent, with what describes this terminal.

use std::ffi::{OsStr, OsString};

use crate::base::id::SessionId;

/// Left out by name.
///
/// An agent may itself have been started by Claude Code; a Claude that inherits these believes it is a child of that
/// one and keeps no transcript (its changelog, 2.1.170). The API key is the agent's own.
const REMOVED: [&str; 9] = [
    "CLAUDECODE",
    "CLAUDE_PID",
    "CLAUDE_EFFORT",
    "CLAUDE_ENV_FILE",
    "CLAUDE_PROJECT_DIR",
    "SESSIONFORGE_API_KEY",
    "SESSIONFORGE_SESSION",
    "SESSIONFORGE_AGENT_URL",
    "SESSIONFORGE_TOKEN",
];

/// Of Claude Code's variables, those that mark one of its sessions; the others are a person's settings and stay.
const CLAUDE_SESSION_MARKERS: [&str; 5] = [
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_BRIDGE_SESSION_ID",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
];

/// Of the terminal that the agent itself was started in, and untrue of ours.
const OTHER_TERMINAL: [&str; 9] =
    ["COLUMNS", "LINES", "TMUX", "TMUX_PANE", "STY", "WINDOWID", "VTE_VERSION", "KITTY_WINDOW_ID", "WEZTERM_PANE"];

/// The environment of `session`'s program, made from the host's own and from what its spec sets.
pub fn for_program(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    session: SessionId,
    set: &[(String, String)],
) -> Vec<(OsString, OsString)> {
    let mut environment: Vec<(OsString, OsString)> = inherited.into_iter().filter(|(name, _)| stays(name)).collect();
    let session = session.to_string();
    let ours = [
        ("TERM", "xterm-256color"),
        ("COLORTERM", "truecolor"),
        ("TERM_PROGRAM", "SessionForge"),
        ("TERM_PROGRAM_VERSION", env!("CARGO_PKG_VERSION")),
        ("SESSIONFORGE_SESSION", session.as_str()),
        // Our screens show links; programs cannot know that of a terminal they have not heard of.
        ("FORCE_HYPERLINK", "1"),
    ];
    for (name, value) in ours.into_iter().chain(set.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
        put(&mut environment, name, value);
    }
    if !speaks_utf8(&environment) {
        // LC_ALL would overrule LANG, and is what said otherwise.
        environment.retain(|(name, _)| name != "LC_ALL" && name != "LC_CTYPE");
        put(&mut environment, "LANG", "C.UTF-8");
    }
    environment
}

/// The value of `name`, if it is set and not empty.
pub(super) fn get<'e>(environment: &'e [(OsString, OsString)], name: &str) -> Option<&'e OsStr> {
    let (_, value) = environment.iter().find(|(known, _)| is_called(known, name))?;
    (!value.is_empty()).then_some(value.as_os_str())
}

fn stays(name: &OsStr) -> bool {
    let listed = |list: &[&str]| list.iter().any(|entry| name == *entry);
    !listed(&REMOVED) && !listed(&CLAUDE_SESSION_MARKERS) && !listed(&OTHER_TERMINAL)
}

fn put(environment: &mut Vec<(OsString, OsString)>, name: &str, value: &str) {
    environment.retain(|(known, _)| !is_called(known, name));
    environment.push((name.into(), value.into()));
}

/// Windows tells no upper case from lower case in a name: its PATH is `Path`.
fn is_called(known: &OsStr, name: &str) -> bool {
    if cfg!(windows) { known.eq_ignore_ascii_case(name) } else { known == name }
}

/// Whether programs will take the terminal's text for UTF-8: the first of these that is set decides (locale(7)).
fn speaks_utf8(environment: &[(OsString, OsString)]) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| get(environment, name));
    let locale = locale.map(|locale| locale.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn environment(inherited: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let inherited = inherited.iter().map(|(name, value)| (name.into(), value.into()));
        for_program(inherited, "ses_a1b2c3d4e5f6".parse().unwrap(), &[("EXTRA".to_owned(), "1".to_owned())])
    }

    #[test]
    fn what_belongs_to_the_agent_does_not_reach_the_program() {
        let environment = environment(&[
            ("CLAUDECODE", "1"),
            ("CLAUDE_CODE_CHILD_SESSION", "1"),
            ("CLAUDE_CODE_DISABLE_MOUSE", "1"),
            ("SESSIONFORGE_API_KEY", "sf_live_x"),
            ("SESSIONFORGE_SESSION", "ses_000000000000"),
            ("TERM", "dumb"),
            ("HOME", "/home/ada"),
        ]);
        for gone in ["CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "SESSIONFORGE_API_KEY"] {
            assert_eq!(get(&environment, gone), None, "{gone}");
        }
        assert_eq!(get(&environment, "CLAUDE_CODE_DISABLE_MOUSE"), Some(OsStr::new("1")), "a person's own setting");
        assert_eq!(get(&environment, "SESSIONFORGE_SESSION"), Some(OsStr::new("ses_a1b2c3d4e5f6")));
        assert_eq!(get(&environment, "TERM"), Some(OsStr::new("xterm-256color")));
        assert_eq!(get(&environment, "HOME"), Some(OsStr::new("/home/ada")));
        assert_eq!(get(&environment, "EXTRA"), Some(OsStr::new("1")));
    }

    #[test]
    fn text_is_utf8_whatever_the_agent_was_started_with() {
        assert_eq!(get(&environment(&[]), "LANG"), Some(OsStr::new("C.UTF-8")));
        assert_eq!(get(&environment(&[("LANG", "de_DE.UTF-8")]), "LANG"), Some(OsStr::new("de_DE.UTF-8")));
        let overruled = environment(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]);
        assert_eq!((get(&overruled, "LANG"), get(&overruled, "LC_ALL")), (Some(OsStr::new("C.UTF-8")), None));
    }
}
