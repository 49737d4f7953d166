//! `sessionforge session …`: this machine's sessions, straight from their PTY hosts. Works without an agent or a server.

pub(super) mod attach;
pub(super) mod find;
pub(super) mod list;
mod screen;
mod send;
pub(super) mod start;
pub(super) mod state;
mod stop;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Context as _;

use super::args::{self, SessionCommand};
use super::failure::Failure;
use super::output::Output;
use super::paths;
use crate::agent;

pub(super) fn run(args: args::Session, output: &mut Output) -> Result<ExitCode, Failure> {
    let place = paths::option(&args.data_dir);
    let data_dir = paths::data_dir(args.data_dir)?;
    let dir = agent::runtime_dir(&data_dir);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    runtime.block_on(async {
        match args.command {
            SessionCommand::List { all, json } => list::run(&dir, all, json, output).await?,
            SessionCommand::Start(args) => start::run(&data_dir, args, output).await?,
            SessionCommand::Stop { session, force } => stop::run(&dir, &session, force, output).await?,
            SessionCommand::Send(args) => send::run(&dir, args, output).await?,
            SessionCommand::Screen { session, json } => screen::run(&dir, &session, json, output).await?,
            SessionCommand::Attach(args) => return attach::run(&data_dir, args, &place, output).await,
        }
        Ok(ExitCode::SUCCESS)
    })
}
