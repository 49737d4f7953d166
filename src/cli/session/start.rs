//! `sessionforge session start`: a program in a PTY host of its own, which lives on when this command has ended.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::agent::{self, config::ConfigFile};
use crate::base::id::SessionId;
use crate::base::problem::{Code, Problem};
use crate::cli::agent::TIER_HINT;
use crate::cli::args;
use crate::cli::failure::{Exit, Failure, LOOK_AROUND};
use crate::cli::output::Output;
use crate::host::runtime_dir::{self, RuntimeDirError};
use crate::host::spec::{self, Spec};
use crate::host::{launch, tier};
use crate::pty::Size;
use crate::wire::session::Launch;

/// Size of a session that nobody watches yet; the first viewer brings its own.
const SIZE: Size = Size { cols: 80, rows: 24 };

pub(super) async fn run(data_dir: &Path, args: args::SessionStart, output: &mut Output) -> Result<(), Failure> {
    // `--command sh -- -c true`, or `-- sh -c true` as one would write it without us, or `-- --continue` for the default.
    let mut words = args.args.into_iter().peekable();
    let first = words.next_if(|word| args.command.is_none() && !word.starts_with('-'));
    let command = args.command.or(first).unwrap_or_else(|| DEFAULT_COMMAND.to_owned());
    let session = start(data_dir, command, words.collect(), args.workdir, args.name, SIZE).await?;
    output.line(session);
    Ok(())
}

/// What to do about a working directory that cannot be one.
pub(in crate::cli) const WORKDIR_HINT: &str = "name another with --workdir; without it, it is where you are";

/// What is started when nothing is said.
const DEFAULT_COMMAND: &str = "claude";

/// Starts a session in `workdir`, as the caller sees it, with the caller's own environment.
pub(in crate::cli) async fn start(
    data_dir: &Path,
    command: String,
    args: Vec<String>,
    workdir: Option<PathBuf>,
    name: Option<String>,
    size: Size,
) -> Result<SessionId, Failure> {
    let dir = agent::runtime_dir(data_dir);
    let config = ConfigFile::read(data_dir).map_err(Failure::of_config)?;
    let workdir = match workdir {
        Some(path) => std::path::absolute(&path).context("the working directory cannot be used")?,
        None => std::env::current_dir().context("the working directory is not known")?,
    };
    let workdir = workdir.into_os_string().into_string().map_err(|_| {
        Failure::new(Exit::Usage, "the working directory's name is not UTF-8, which sessions cannot have")
            .hint(WORKDIR_HINT)
    })?;
    let session = SessionId::random();
    let Size { cols, rows } = size;
    let launch = Launch { command, args, workdir: Some(workdir), name, cols, rows };
    spec::check(&launch).map_err(refused)?;
    runtime_dir::prepare(&dir).map_err(|error: RuntimeDirError| {
        Failure::new(Exit::Failed, error).hint("choose another place with --data-dir")
    })?;
    let env = agent::local::environment(data_dir, session);
    let tier = tier::probe::tier(config.tier).map_err(|error| Failure::new(Exit::Failed, error).hint(TIER_HINT))?;
    let keep_screen = config.keep_screens;
    let spec = Spec { session, launch, runtime_dir: dir, env, resumed_from: None, keep_screen, tier };
    let executable = launch::own_executable().context("this program cannot be run again")?;
    launch::start(&executable, &spec, None).await.map_err(|error| refused(error.into()))?;
    Ok(session)
}

fn refused(problem: Problem) -> Failure {
    let exit = if problem.code == Code::CommandNotFound { Exit::CommandNotFound } else { Exit::Failed };
    let hint = match problem.code {
        // Which says so itself.
        Code::CommandNotFound => None,
        Code::WorkdirNotFound => Some(WORKDIR_HINT),
        Code::OutcomeUnknown => Some("`sessionforge session list` shows whether it runs"),
        Code::BadRequest | Code::TooLarge => Some("`sessionforge session start --help` says what can be asked for"),
        _ => Some(LOOK_AROUND),
    };
    let failure = Failure::new(exit, problem);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
