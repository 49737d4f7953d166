//! `sessionforge session stop`: ends a session's program. Works without an agent.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::{find, state};
use crate::cli::attach::cannot;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::host::client::{ConnectError, HostClient};
use crate::wire::hello::Role;
use crate::wire::message::SessionAsk;

/// Time a program has to end after it was asked to. Longer than a shell needs to save its history.
const STOP_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn run(dir: &Path, asked: &str, force: bool, output: &mut Output) -> Result<(), Failure> {
    let facts = find::session(dir, asked)?;
    let session = facts.info.id;
    let mut host = match HostClient::connect(&facts.socket, Role::Viewer).await {
        Ok(host) => host,
        Err(ConnectError::Gone) => {
            output.line(format_args!("{session} is not running any more"));
            return Ok(());
        }
        Err(error) => return Err(cannot(error)),
    };
    host.ask(&SessionAsk::Stop { force }).await.context("the session's PTY host cannot be reached")?;
    let ended = async {
        while let Ok(Some(info)) = state::next_info(&mut host).await {
            if info.has_ended() {
                return;
            }
        }
    };
    let progress = Progress::start(format!("waiting for {session} to end"));
    let ended = tokio::time::timeout(STOP_WITHIN, ended).await;
    drop(progress);
    if ended.is_err() {
        return Err(Failure::new(
            Exit::Failed,
            format_args!("{session} did not end within {} seconds", STOP_WITHIN.as_secs()),
        )
        .hint(format_args!("`sessionforge session stop --force {session}` kills it")));
    }
    output.line(format_args!("{session} has ended"));
    Ok(())
}
