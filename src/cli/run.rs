//! `sessionforge run`: a session and this terminal on it, in one. On detach the session lives on.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::attach::{self, Options};
use super::failure::{Exit, Failure};
use super::output::{Output, printable};
use super::session::attach::{Attach, OWN_SESSION, attached, detach_key};
use super::session::start::{self, WORKDIR_HINT};
use super::{args, paths};
use crate::wire::message::Take;

pub(super) fn run(args: args::Run, output: &mut Output) -> Result<ExitCode, Failure> {
    // An alias like `claude='sessionforge run claude'` must not break `claude --print … | less`; and what runs in a session
    // already is in one.
    if !attach::is_there() || std::env::var_os(OWN_SESSION).is_some() {
        return run_as_it_is(&args);
    }
    let place = paths::option(&args.data_dir);
    let data_dir = paths::data_dir(args.data_dir)?;
    let detach = detach_key(&data_dir, args.detach_key)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    runtime.block_on(async {
        let mut words = args.command.into_iter();
        let command = words.next().context("no command was given")?;
        let shown_name = printable(args.name.as_deref().unwrap_or(&command));
        let size = attach::size();
        let id = start::start(&data_dir, command, words.collect(), args.workdir, args.name, size).await?;
        let shown = format!("{id} ({shown_name})");
        let options = Options { take: Take::IfFree, detach };
        attached(&data_dir, Attach { id, options, shown, place, tells_end: false }, output).await
    })
}

/// Becomes the program, without a session.
#[cfg(unix)]
fn run_as_it_is(args: &args::Run) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt as _;
    let (program, arguments) = args.command.split_first().context("no command was given")?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).current_dir(workdir(args)?);
    Err(cannot_be_run(program, &command.exec()))
}

/// The same where no process can become another program: it waits for that one, and leaves Ctrl-C to it.
#[cfg(windows)]
fn run_as_it_is(args: &args::Run) -> Result<ExitCode, Failure> {
    let (program, arguments) = args.command.split_first().context("no command was given")?;
    let workdir = workdir(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    let status = runtime.block_on(async {
        let _ours = super::signals::Signals::new()?;
        let path = crate::host::program::on_path(program).unwrap_or_else(|| program.into());
        let mut command = tokio::process::Command::new(path);
        command.args(arguments).current_dir(workdir).status().await
    });
    let status = status.map_err(|error| cannot_be_run(program, &error))?;
    Ok(super::session::attach::exit_code(status.code().unwrap_or(1)).into())
}

fn workdir(args: &args::Run) -> Result<&Path, Failure> {
    let workdir = args.workdir.as_deref().unwrap_or(Path::new("."));
    if workdir.is_dir() {
        return Ok(workdir);
    }
    let sentence = format!("the working directory {} does not exist on this machine", workdir.display());
    Err(Failure::new(Exit::Failed, sentence).hint(WORKDIR_HINT))
}

fn cannot_be_run(program: &str, error: &std::io::Error) -> Failure {
    let program = printable(program);
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::new(Exit::CommandNotFound, format_args!("command not found: {program}"))
            .hint("install it, or give its full path");
    }
    Failure::of_io(format_args!("{program} cannot be run"), error)
}
