//! `sessionforge skill`: Claude Code's `/sf-pause` and `/sf-resume`, put where Claude Code looks for skills.
//!
//! A skill that a person has edited is theirs: it is neither replaced nor removed unless they say so. Whether one was edited is
//! told by its last line, which holds a digest of the rest.

use std::io;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::failure::{Exit, Failure};
use super::output::{Output, printable};
use crate::base::secret::Secret;

/// The skills and their texts.
const SKILLS: [(&str, &str); 2] =
    [("sf-pause", include_str!("skill/sf-pause.md")), ("sf-resume", include_str!("skill/sf-resume.md"))];

/// Begins the last line of an installed skill.
const MARK: &str = "<!-- installed by sessionforge; sha256 of what stands above: ";

/// Variable that tells Claude Code where its settings are.
const CONFIG_DIR_VARIABLE: &str = "CLAUDE_CONFIG_DIR";

#[derive(Debug, clap::Args)]
pub(super) struct Skill {
    #[command(subcommand)]
    command: SkillCommand,
}

impl Skill {
    /// What `skill install` says.
    pub(super) fn install() -> Self {
        Self { command: SkillCommand::Install { force: false } }
    }

    /// What `skill uninstall` says.
    pub(super) fn uninstall() -> Self {
        Self { command: SkillCommand::Uninstall { force: false } }
    }
}

#[derive(Debug, Subcommand)]
enum SkillCommand {
    /// Put /sf-pause and /sf-resume into ~/.claude/skills, or bring them up to date
    Install {
        /// Also where somebody has edited them
        #[arg(long)]
        force: bool,
    },
    /// Remove them
    Uninstall {
        /// Also where somebody has edited them
        #[arg(long)]
        force: bool,
    },
}

/// Does it, or only says what would be done.
pub(super) fn run(args: Skill, dry_run: bool, output: &mut Output) -> Result<(), Failure> {
    let Skill { command } = args;
    let change = |directory: &Path, text| match command {
        SkillCommand::Install { force } => install(directory, text, force),
        SkillCommand::Uninstall { force } => uninstall(directory, force),
    };
    let root = directory()?;
    let mut edited = Vec::new();
    for (name, text) in SKILLS {
        let directory = root.join(name);
        if dry_run {
            let what = if matches!(command, SkillCommand::Install { .. }) { "installed in" } else { "removed from" };
            output.line(format_args!("/{name} would be {what} {}", printable(&directory.to_string_lossy())));
            continue;
        }
        let done = change(&directory, text)
            .map_err(|cause| Failure::of_io(format_args!("{} cannot be changed", directory.display()), &cause))?;
        match done {
            Done::Written => {
                output.line(format_args!("/{name} is installed in {}", printable(&directory.to_string_lossy())));
            }
            Done::Same => output.line(format_args!("/{name} is up to date")),
            Done::Removed => output.line(format_args!("/{name} is removed")),
            Done::Absent => output.line(format_args!("/{name} was not installed")),
            Done::Edited => edited.push(directory.join(FILE).display().to_string()),
        }
    }
    if edited.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format_args!("somebody has edited {}: left as it is", edited.join(" and ")))
        .hint("--force does it all the same"))
}

/// As Claude Code calls it.
const FILE: &str = "SKILL.md";

/// What became of one skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Written,
    Same,
    Removed,
    Absent,
    /// Nothing: it is somebody's own.
    Edited,
}

fn install(directory: &Path, text: &str, force: bool) -> io::Result<Done> {
    let (path, new) = (directory.join(FILE), marked(text));
    match read(&path)? {
        Some(there) if there == new => return Ok(Done::Same),
        Some(there) if !force && !is_ours(&there) => return Ok(Done::Edited),
        _ => {}
    }
    std::fs::create_dir_all(directory)?;
    // Whole or not at all: a Claude Code that runs reads it when it changes.
    let beside = directory.join("SKILL.md.new");
    std::fs::write(&beside, new)?;
    std::fs::rename(beside, path)?;
    Ok(Done::Written)
}

fn uninstall(directory: &Path, force: bool) -> io::Result<Done> {
    let path = directory.join(FILE);
    match read(&path)? {
        None => return Ok(Done::Absent),
        Some(there) if !force && !is_ours(&there) => return Ok(Done::Edited),
        Some(_) => std::fs::remove_file(path)?,
    }
    // Only if nothing of anybody's is left in it.
    let _ = std::fs::remove_dir(directory);
    Ok(Done::Removed)
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `text` with its mark.
fn marked(text: &str) -> String {
    format!("{text}\n{MARK}{} -->\n", digest(text))
}

/// Whether it is as some version of this program wrote it.
fn is_ours(there: &str) -> bool {
    let parts = there.rsplit_once(MARK).and_then(|(text, rest)| Some((text.strip_suffix('\n')?, rest)));
    parts.is_some_and(|(text, rest)| rest.trim_end() == format!("{} -->", digest(text)))
}

fn digest(text: &str) -> String {
    // Half of it tells edits apart as well, and keeps the line short.
    let whole = Secret::new(text).hash();
    whole.as_str().chars().take(32).collect()
}

/// Where Claude Code looks for a person's own skills.
fn directory() -> Result<PathBuf, Failure> {
    let config = std::env::var_os(CONFIG_DIR_VARIABLE).filter(|set| !set.is_empty()).map(PathBuf::from);
    let home = || directories::BaseDirs::new().map(|dirs| dirs.home_dir().join(".claude"));
    let config = config.or_else(home).ok_or_else(|| {
        Failure::new(Exit::Failed, "no home directory is known")
            .hint(format_args!("say where in {CONFIG_DIR_VARIABLE}"))
    })?;
    Ok(config.join("skills"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_has_edited_stays_and_what_an_older_version_wrote_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let skill = dir.path().join("sf-pause");
        assert_eq!(install(&skill, "old text\n", false).unwrap(), Done::Written);
        assert_eq!(install(&skill, "old text\n", false).unwrap(), Done::Same);
        assert_eq!(install(&skill, "new text\n", false).unwrap(), Done::Written, "a newer version");
        let path = skill.join(FILE);
        let edited = std::fs::read_to_string(&path).unwrap().replace("new", "my");
        std::fs::write(&path, &edited).unwrap();
        assert_eq!(install(&skill, "newer text\n", false).unwrap(), Done::Edited);
        assert_eq!(uninstall(&skill, false).unwrap(), Done::Edited);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), edited);
        assert_eq!(install(&skill, "newer text\n", true).unwrap(), Done::Written);
        std::fs::write(skill.join("notes.md"), "mine").unwrap();
        assert_eq!(uninstall(&skill, false).unwrap(), Done::Removed);
        assert!(skill.join("notes.md").exists(), "what is not ours stays");
        assert_eq!(uninstall(&skill, false).unwrap(), Done::Absent);
    }
}
