//! What sessions can run: their environment, Claude Code in it, and the terminal they get.

use std::path::{Path, PathBuf};

use super::{Finding, State};
use crate::agent::config::{ConfigFile, Origin};
use crate::agent::environment::EnvironmentFacts;
use crate::cli::paths::shell_word;
use crate::host::claude_settings::Forbidden;
use crate::host::tier::{self, Probed, Tier, TierError};

/// By what sessions get a terminal. Asked once: WSL takes seconds to answer.
pub(super) struct Terminals {
    /// What there is; only on Windows.
    probed: Option<Probed>,
    tier: Result<Tier, TierError>,
}

impl Terminals {
    pub(super) fn look(config: &ConfigFile) -> Self {
        let probed = tier::probe::all();
        let tier = match &probed {
            Some(probed) => tier::choose(probed, config.tier),
            None => tier::probe::tier(config.tier),
        };
        Self { probed, tier }
    }
}

/// Why a missing Claude Code matters.
const WHY_CLAUDE: &str = "a session that is started from the page would not find it";

/// The program that sessions are mostly for.
const CLAUDE: &[&str] = if cfg!(windows) { &["claude.exe", "claude.cmd"] } else { &["claude"] };

/// Where installers put it below a home directory; a `*` stands for a version.
const BELOW_HOME: [&str; 9] = [
    ".local/bin",
    ".claude/local",
    ".npm-global/bin",
    ".nvm/versions/node/*/bin",
    ".local/share/fnm/node-versions/*/installation/bin",
    ".volta/bin",
    ".bun/bin",
    "n/bin",
    "AppData/Roaming/npm",
];

/// And elsewhere.
const ELSEWHERE: [&str; 3] = ["/usr/local/bin", "/opt/homebrew/bin", "/opt/node/bin"];

pub(super) fn environment(facts: &EnvironmentFacts) -> Finding {
    let shell = facts.shell.as_deref().unwrap_or("the login shell");
    if let Some(problem) = &facts.problem {
        return Finding::new("environment", State::Warning, problem)
            .why("sessions from the page get the agent's own environment: programs that only a shell finds are missing")
            .mend(format_args!("{shell} -l -i -c true < /dev/null, and mend what waits or fails"));
    }
    match facts.origin {
        Origin::Agent => Finding::good("environment", "sessions from the page have the agent's own"),
        Origin::Login => Finding::good(
            "environment",
            format_args!(
                "of {shell}, in {} ms; it sets {}",
                facts.took_ms.unwrap_or_default(),
                if facts.set.is_empty() { "nothing more".to_owned() } else { facts.set.join(" ") }
            ),
        ),
    }
}

/// Looked for where sessions run: in the Linux, where WSL is what they run in.
pub(super) fn claude(facts: &EnvironmentFacts, terminals: &Terminals) -> Finding {
    if let (Some(probed), Ok(Tier::Wsl { distribution })) = (&terminals.probed, &terminals.tier) {
        return claude_in_wsl(probed, distribution);
    }
    claude_in(facts.path.as_deref().unwrap_or_default(), WHY_CLAUDE)
}

/// Where Claude Code is: on this PATH, else where installers put it.
pub(in crate::cli) fn find_claude(path: &str, home: Option<&Path>) -> Option<PathBuf> {
    on_path(path).or_else(|| installed_elsewhere(home))
}

fn on_path(path: &str) -> Option<PathBuf> {
    first_file(std::env::split_paths(path))
}

/// Whether Claude Code is on this PATH, and why it matters that it is not.
pub(in crate::cli) fn claude_in(path: &str, why: &str) -> Finding {
    if let Some(found) = on_path(path) {
        return Finding::good("claude", found.display());
    }
    let finding = |what: String| Finding::new("claude", State::Bad, what).why(why);
    match installed_elsewhere(std::env::home_dir().as_deref()) {
        Some(found) => {
            let folder = found.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
            finding(format!(
                "command not found: claude is at {}, which is not on the PATH of sessions",
                found.display()
            ))
            .mend(if cfg!(windows) {
                format!("[Environment]::SetEnvironmentVariable('Path', [Environment]::GetEnvironmentVariable('Path', 'User') + ';{folder}', 'User')")
            } else {
                format!("echo 'export PATH={}:\"$PATH\"' >> ~/.profile", shell_word(&folder))
            })
        }
        None => finding("command not found: claude is not on the PATH of sessions".to_owned())
            .mend("npm install -g @anthropic-ai/claude-code"),
    }
}

/// Whether Claude Code may say when it needs somebody; `forbidden` names what keeps it from that.
pub(in crate::cli) fn hooks(forbidden: Option<Forbidden>) -> Option<Finding> {
    let Forbidden { file, key, managed } = forbidden?;
    let mend = if managed {
        format!("ask whoever manages this machine to take {key} out of {}", file.display())
    } else {
        format!("take {key} out of {0}: ${{EDITOR:-vi}} {0}", shell_word(&file.to_string_lossy()))
    };
    Some(
        Finding::new("hooks", State::Warning, format_args!("{} sets {key}", file.display()))
            .why("Claude Code does not say when it needs you; its sessions show only whether output comes")
            .mend(mend),
    )
}

/// Claude Code in a Linux of WSL: that of Windows, which its PATH finds as well, is another one.
fn claude_in_wsl(probed: &Probed, distribution: &str) -> Finding {
    let in_it = probed.distributions.iter().find(|it| it.name == distribution);
    if in_it.is_some_and(|it| it.has_claude) {
        return Finding::good("claude", format_args!("in {distribution}, on the PATH of its login shell"));
    }
    let other = probed.distributions.iter().find(|it| it.has_claude).map(|it| format!("; {} has it", it.name));
    Finding::new(
        "claude",
        State::Bad,
        format_args!("command not found: claude is not on the PATH in {distribution}{}", other.unwrap_or_default()),
    )
    .why(WHY_CLAUDE)
    .mend(format_args!("wsl --distribution {distribution} -- bash -lic 'npm install -g @anthropic-ai/claude-code'"))
}

fn installed_elsewhere(home: Option<&Path>) -> Option<PathBuf> {
    let below = home.into_iter().flat_map(|home| BELOW_HOME.iter().flat_map(|pattern| folders(home, pattern)));
    first_file(below.chain(ELSEWHERE.iter().map(PathBuf::from)))
}

/// Claude Code in the first of these folders that has it.
fn first_file(folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.flat_map(|folder| CLAUDE.iter().map(move |name| folder.join(name))).find(|file| file.is_file())
}

/// The folders that a pattern with at most one `*` means, the newest name first.
fn folders(home: &Path, pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once("/*/") else { return vec![home.join(pattern)] };
    let entries = std::fs::read_dir(home.join(before)).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path().join(after)).collect();
    found.sort();
    found.reverse();
    found
}

/// How sessions get a terminal; told where it could be better.
pub(super) fn terminal(terminals: &Terminals) -> Option<Finding> {
    match &terminals.tier {
        Ok(Tier::Pty) => None,
        Ok(tier @ Tier::Pipes) => Some(
            Finding::new("terminal", State::Bad, tier)
                .why("sessions start and show nothing of full-screen programs")
                .mend("wsl --install, or install Git for Windows"),
        ),
        Ok(tier @ (Tier::Conpty | Tier::GitBash { .. })) => Some(without_wsl(tier, terminals.probed.as_ref())),
        Ok(tier) => Some(Finding::good("terminal", tier)),
        Err(error) => Some(Finding::new("terminal", State::Bad, error).mend("sessionforge config unset tier")),
    }
}

/// A tier below WSL, and what stands in the way of that one.
fn without_wsl(tier: &Tier, probed: Option<&Probed>) -> Finding {
    let (missing, mend) = match probed.map(|probed| probed.distributions.as_slice()) {
        Some([first, ..]) => (
            format!("{} of WSL has no Claude Code on its PATH", first.name),
            format!("wsl --distribution {} -- bash -lic 'npm install -g @anthropic-ai/claude-code'", first.name),
        ),
        _ => ("WSL is missing".to_owned(), "wsl --install (and start Windows again)".to_owned()),
    };
    Finding::new("terminal", State::Warning, format_args!("{tier}: {missing}"))
        .why("sessions work; a terminal of Linux suits Claude Code and other full-screen programs better")
        .mend(mend)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_wsl_or_no_claude_in_it_is_told_which_and_what_mends_it() {
        let linux = |name: &str, has_claude| tier::Distribution { name: name.to_owned(), has_claude };
        let probed = |distributions| Probed { distributions, ..Probed::default() };
        let missing = without_wsl(&Tier::Conpty, Some(&probed(vec![])));
        assert!(missing.what.contains("WSL is missing") && missing.mend.unwrap().starts_with("wsl --install"));
        let bare = without_wsl(&Tier::Conpty, Some(&probed(vec![linux("Debian", false)])));
        assert!(bare.what.contains("Debian of WSL has no Claude Code") && bare.mend.unwrap().contains("npm install"));

        let both = probed(vec![linux("Debian", false), linux("Ubuntu", true)]);
        assert_eq!(claude_in_wsl(&both, "Ubuntu").state, State::Good);
        let wrong = claude_in_wsl(&both, "Debian");
        assert!(
            wrong.state == State::Bad && wrong.what.contains("not on the PATH in Debian; Ubuntu has it"),
            "{wrong:?}"
        );
    }

    #[test]
    fn a_claude_that_nvm_installed_is_found_where_it_is() {
        let home = tempfile::tempdir().unwrap();
        for version in ["v18.0.0", "v22.1.0"] {
            let folder = home.path().join(".nvm/versions/node").join(version).join("bin");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(CLAUDE[0]), "").unwrap();
        }
        let found = installed_elsewhere(Some(home.path())).unwrap();
        assert!(found.ends_with(Path::new("v22.1.0/bin").join(CLAUDE[0])), "{}", found.display());
    }
}
