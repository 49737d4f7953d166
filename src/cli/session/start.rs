//! `sessionforge session start`: a program in a PTY host of its own, which lives on when this command has ended.

use std::path::Path;

use anyhow::Context as _;

use super::refused;
use crate::agent::{self, config::ConfigFile};
use crate::base::id::SessionId;
use crate::cli::args;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;
use crate::host::launch;
use crate::host::runtime_dir::{self, RuntimeDirError};
use crate::host::spec::{self, Spec};
use crate::wire::session::Launch;

/// Size of a session that nobody watches yet; the first viewer brings its own.
const COLS: u16 = 80;
/// See [`COLS`].
const ROWS: u16 = 24;

pub(super) async fn run(data_dir: &Path, args: args::SessionStart, output: &mut Output) -> Result<(), Failure> {
    let dir = &agent::runtime_dir(data_dir);
    let config = ConfigFile::read(data_dir).map_err(|error| Failure::new(Exit::Failed, error))?;
    let workdir = match args.workdir {
        Some(path) => std::path::absolute(&path).context("the working directory cannot be used")?,
        None => std::env::current_dir().context("the working directory is not known")?,
    };
    let session = SessionId::random();
    let launch = Launch {
        command: args.command,
        args: args.args,
        workdir: Some(workdir.to_string_lossy().into_owned()),
        name: args.name,
        cols: COLS,
        rows: ROWS,
    };
    spec::check(&launch).map_err(refused)?;
    runtime_dir::prepare(dir).map_err(|error: RuntimeDirError| Failure::new(Exit::Failed, error))?;
    let spec = Spec { session, launch, runtime_dir: dir.to_owned(), env: Vec::new(), keep_screen: config.keep_screens };
    let executable = launch::own_executable().context("this program cannot be run again")?;
    launch::start(&executable, &spec).await.map_err(|error| refused(error.into()))?;
    output.line(session);
    Ok(())
}
