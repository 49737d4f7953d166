//! `sessionforge init`: `claude` runs in a session from now on, and can hand itself over. Both can be taken back.
//!
//! What is added to a shell's start file is one marked block; nothing else in the file is touched.

mod block;
mod shell;
mod start_file;

use std::path::{Path, PathBuf};

use self::block::Edit;
use self::shell::{Shell, Words};
use super::doctor::{self, Finding, State, programs};
use super::failure::{Exit, Failure};
use super::output::{Look, Output, printable};
use super::paths::shell_word;
use super::skill::{self, Skill};
use crate::host::claude_settings;

/// See the module's text.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Init {
    /// Take out again what `init` has put in
    #[arg(long)]
    remove: bool,
    /// The shell whose start file is changed; may be said several times [default: that of SHELL]
    #[arg(long, value_name = "SHELL")]
    shell: Vec<Shell>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

const HELP: &str = "\
In new shells, `claude` is `sessionforge run claude` then: the same program, in a session that lives on when the \
terminal closes. Scripts, pipes and what runs inside of a session call the program itself, and so does `command claude`.

Examples:
  sessionforge init --dry-run
  sessionforge init
  sessionforge init --shell zsh --shell bash
  sessionforge init --remove";

pub(super) fn run(args: &Init, output: &mut Output) -> Result<(), Failure> {
    let home = std::env::home_dir()
        .filter(|home| home.is_absolute())
        .ok_or_else(|| Failure::new(Exit::Failed, "no home directory is known").hint("set HOME to it"))?;
    let path = std::env::var("PATH").unwrap_or_default();
    let claude = programs::find_claude(&path, Some(&home));
    for shell in shells(&args.shell)? {
        let file = shell.start_file(&home, |name| std::env::var_os(name));
        let block = shell.block(&words(claude.as_deref(), &path)?);
        start_file(&file, (!args.remove).then_some(block.as_str()), args.dry_run, output)?;
    }
    let skills = skill::run(if args.remove { Skill::uninstall() } else { Skill::install() }, args.dry_run, output);
    if !args.remove && !args.dry_run {
        look(&path, &home, output);
    }
    skills
}

/// Those that were said, else the person's own.
fn shells(said: &[Shell]) -> Result<Vec<Shell>, Failure> {
    if !said.is_empty() {
        return Ok(said.to_vec());
    }
    if cfg!(windows) {
        return Ok(Vec::new()); // Skills alone: there is no start file that all shells of Windows read.
    }
    let own = std::env::var("SHELL").unwrap_or_default();
    Shell::of_path(&own).map(|shell| vec![shell]).ok_or_else(|| {
        let what = if own.is_empty() {
            "SHELL does not say which shell is yours".to_owned()
        } else {
            format!("there is no way known to tell {} about it", printable(&own))
        };
        Failure::new(Exit::Usage, what).hint("`sessionforge init --shell bash`, or zsh, or fish")
    })
}

/// How the block calls the two programs.
fn words(claude: Option<&Path>, path: &str) -> Result<Words, Failure> {
    let text = |path: PathBuf| {
        path.into_os_string().into_string().map_err(|path| {
            let path = path.to_string_lossy().into_owned();
            Failure::new(Exit::Failed, format_args!("{} has a name that is not UTF-8", printable(&path)))
                .hint("put the program elsewhere, or write the alias yourself")
        })
    };
    let own = std::env::current_exe().map_err(|cause| {
        Failure::new(Exit::Failed, format_args!("it cannot be told where this program is: {cause}"))
            .hint("call it by its full path")
    })?;
    let on_path = |name: &str| std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| file.is_file());
    // By its name where that leads here: a package manager may put the next version elsewhere.
    let same = |found: &Path| found.canonicalize().ok() == own.canonicalize().ok();
    let sessionforge =
        if on_path(NAME).is_some_and(|found| same(&found)) { NAME.to_owned() } else { text(own.clone())? };
    let claude = match claude {
        Some(found) if on_path(CLAUDE).as_deref() != Some(found) => text(found.to_owned())?,
        _ => CLAUDE.to_owned(),
    };
    Ok(Words { sessionforge, claude })
}

const NAME: &str = "sessionforge";
const CLAUDE: &str = "claude";

fn start_file(path: &Path, block: Option<&str>, dry_run: bool, output: &mut Output) -> Result<(), Failure> {
    let shown = printable(&path.to_string_lossy());
    let cannot = |cause: start_file::Error| {
        Failure::new(Exit::Failed, format_args!("{shown} cannot be changed: {cause}"))
            .hint("nothing was changed; `sessionforge init --dry-run` shows what would be, to be put where you want it")
    };
    let before = start_file::read(path).map_err(cannot)?;
    let edit = block::edit(&before, block).map_err(|error| cannot(start_file::Error::Block(error)))?;
    let again = format!("source {}", shell_word(&shown));
    match (edit, block) {
        (Edit::Same, Some(_)) => output.line(format_args!("{shown} has it already: `claude` runs in a session")),
        (Edit::Same, None) => output.line(format_args!("{shown} has nothing of this program")),
        (Edit::Changed(_), Some(block)) if dry_run => {
            output.line(format_args!("{shown} would get:"));
            for line in block.lines() {
                output.line(output.paint(Look::Faint, format_args!("  {}", printable(line))));
            }
        }
        (Edit::Changed(_), None) if dry_run => {
            output.line(format_args!("{shown} would lose the block of this program"));
        }
        (Edit::Changed(after), _) => {
            start_file::replace(path, &after).map_err(cannot)?;
            output.line(match block {
                Some(_) => format!("{shown}: `claude` runs in a session, in new shells; in this one after `{again}`"),
                None => format!("{shown}: the block of this program is out; shells that run still know it"),
            });
        }
    }
    if block.is_some()
        && let Some(line) = block::other_definition(&before)
    {
        output
            .warning(format_args!("line {line} of {shown} says what `claude` is, too: what a shell reads last holds"));
    }
    Ok(())
}

/// Says what else it takes.
fn look(path: &str, home: &Path, output: &mut Output) {
    let mut findings = vec![programs::claude_in(path, "`sessionforge run claude` finds nothing to run")];
    findings.extend(programs::hooks(claude_settings::forbidden(home)));
    for finding in findings.iter().filter(|finding: &&Finding| finding.state() != State::Good) {
        doctor::print(finding, output);
    }
    output.line(
        output.paint(
            Look::Faint,
            "`sessionforge doctor` looks at everything; `sessionforge init --remove` takes it back",
        ),
    );
}
