//! `sessionforge session …`: this machine's sessions, straight from their PTY hosts. Works without an agent or a server.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::args::{self, SessionCommand};
use super::failure::{Exit, Failure};
use super::output::{Look, Output};
use super::paths;
use crate::agent::{self, config::ConfigFile};
use crate::base::clock::unix_millis;
use crate::base::id::SessionId;
use crate::base::problem::Problem;
use crate::host::client::{ConnectError, HostClient};
use crate::host::runtime_dir::{self, Facts};
use crate::host::spec::{self, Spec};
use crate::host::{launch, runtime_dir::RuntimeDirError};
use crate::wire::Frame;
use crate::wire::hello::Role;
use crate::wire::message::{SessionAsk, SessionSays, from_json};
use crate::wire::session::{Launch, SessionInfo, SessionState};

/// Time a host has to say how its session is.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Time a program has to end after it was asked to. Longer than a shell needs to save its history.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Size of a session that nobody watches yet; the first viewer brings its own.
const COLS: u16 = 80;
/// See [`COLS`].
const ROWS: u16 = 24;

pub(super) fn run(args: args::Session, output: &mut Output) -> Result<(), Failure> {
    let data_dir = paths::data_dir(args.data_dir)?;
    let dir = agent::runtime_dir(&data_dir);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    runtime.block_on(async {
        match args.command {
            SessionCommand::List => list(&dir, output).await,
            SessionCommand::Start(args) => {
                let config = ConfigFile::read(&data_dir).map_err(|error| Failure::new(Exit::Failed, error))?;
                start(&dir, args, config.keep_screens, output).await
            }
            SessionCommand::Stop { session, force } => stop(&dir, session, force, output).await,
        }
    })
}

async fn list(dir: &Path, output: &mut Output) -> Result<(), Failure> {
    let found = runtime_dir::scan(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
    if found.is_empty() {
        output.line("No sessions. Start one with `sessionforge session start`, or on the page.");
        return Ok(());
    }
    output.line(output.paint(Look::Faint, format_args!("{:<16}  {:<9}  {:<8}  COMMAND", "ID", "STATE", "AGE")));
    for facts in found {
        let info = now(facts).await;
        let (state, look) = match info.state {
            SessionState::Starting => ("starting", Look::Plain),
            SessionState::Running => ("running", Look::Good),
            SessionState::Exited => ("exited", Look::Faint),
            SessionState::Lost => ("lost", Look::Bad),
        };
        let state = output.paint(look, format_args!("{state:<9}"));
        let age = age(unix_millis().saturating_sub(info.started_at));
        let name = info.name.map(|name| format!("{}  ", printable(&name))).unwrap_or_default();
        let command: Vec<String> =
            std::iter::once(&info.command).chain(&info.args).map(|text| printable(text)).collect();
        output.line(format_args!("{}  {state}  {age:<8}  {name}{}", info.id, command.join(" ")));
    }
    Ok(())
}

/// What the session's host says of it, or what was written down when there is none.
async fn now(facts: Facts) -> SessionInfo {
    let asked = async {
        let mut host = HostClient::connect(&facts.socket, Role::Viewer).await?;
        Ok::<_, ConnectError>(next_info(&mut host).await?)
    };
    let mut info = facts.info.clone();
    match tokio::time::timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(Some(now))) => info = now,
        Ok(Err(ConnectError::Gone)) if info.state != SessionState::Exited => info.state = SessionState::Lost,
        _ => {}
    }
    info
}

async fn next_info(host: &mut HostClient) -> Result<Option<SessionInfo>, crate::host::framed::FramedError> {
    while let Some(frame) = host.next().await? {
        let Frame::Control(json) = frame else { continue };
        if let Ok(SessionSays::Info { info }) = from_json(&json) {
            return Ok(Some(info));
        }
    }
    Ok(None)
}

async fn start(dir: &Path, args: args::SessionStart, keep_screen: bool, output: &mut Output) -> Result<(), Failure> {
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
    let spec = Spec { session, launch, runtime_dir: dir.to_owned(), env: Vec::new(), keep_screen };
    let executable = launch::own_executable().context("this program cannot be run again")?;
    launch::start(&executable, &spec).await.map_err(|error| refused(error.into()))?;
    output.line(session);
    Ok(())
}

async fn stop(dir: &Path, session: SessionId, force: bool, output: &mut Output) -> Result<(), Failure> {
    let Some(facts) = runtime_dir::read_facts(dir, session) else {
        return Err(Failure::new(Exit::Failed, format_args!("there is no session {session} on this machine"))
            .hint("`sessionforge session list` shows those that there are"));
    };
    let mut host = match HostClient::connect(&facts.socket, Role::Viewer).await {
        Ok(host) => host,
        Err(ConnectError::Gone) => {
            output.line(format_args!("{session} is not running any more"));
            return Ok(());
        }
        Err(error) => return Err(refused(error.into())),
    };
    host.ask(&SessionAsk::Stop { force }).await.context("the session's PTY host cannot be reached")?;
    let ended = async {
        while let Ok(Some(info)) = next_info(&mut host).await {
            if matches!(info.state, SessionState::Exited | SessionState::Lost) {
                return;
            }
        }
    };
    if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
        return Err(Failure::new(
            Exit::Failed,
            format_args!("{session} did not end within {} seconds", STOP_WITHIN.as_secs()),
        )
        .hint(format_args!("`sessionforge session stop --force {session}` kills it")));
    }
    output.line(format_args!("{session} has ended"));
    Ok(())
}

fn refused(problem: Problem) -> Failure {
    Failure::new(Exit::Failed, problem)
}

/// A text of the person's or the program's choice, without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A duration for a table: its largest unit.
fn age(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (millis, text) in
            [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (200_000_000, "2 d")]
        {
            assert_eq!(age(millis), text);
        }
    }

    #[test]
    fn a_hostile_name_cannot_drive_the_terminal() {
        assert_eq!(printable("a\x1b]0;x\x07b\nc"), "a\u{fffd}]0;x\u{fffd}b\u{fffd}c");
    }
}
