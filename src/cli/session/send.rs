//! `sessionforge session send`: types into a session without attaching a terminal.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;

use super::find;
use super::screen::connected;
use crate::base::id::ViewerId;
use crate::base::limits::{INPUT_BYTES_MAX, INPUT_KEPT_FOR};
use crate::cli::args;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::host::client::HostClient;
use crate::wire::frame::{Frame, InputOutcome};
use crate::wire::message::{SessionAsk, SessionSays, Take, from_json};

/// What standard input may hold, in bytes: more than anybody pastes.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// Time a host has to say who controls.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn run(dir: &Path, args: args::SessionSend, output: &mut Output) -> Result<(), Failure> {
    let facts = find::session(dir, &args.session)?;
    let mut typed =
        if args.text.is_empty() && !args.enter { standard_input()? } else { args.text.join(" ").into_bytes() };
    if args.enter {
        typed.push(b'\r');
    }
    let (id, viewer) = (facts.info.id, ViewerId::random());
    let mut host = connected(&facts).await?;
    let take = if args.take { Take::Always } else { Take::IfFree };
    let answered = tokio::time::timeout(ANSWER_WITHIN, join(&mut host, viewer, take)).await;
    let controls = answered.ok().flatten().with_context(|| format!("the PTY host of {id} does not answer"))?;
    if !controls {
        return Err(Failure::new(Exit::Failed, format_args!("somebody else has the keyboard of {id}"))
            .hint("`--take` takes it"));
    }
    let pieces: Vec<Bytes> = typed.chunks(INPUT_BYTES_MAX).map(Bytes::copy_from_slice).collect();
    let last = pieces.len() as u64;
    for (number, bytes) in (1..).zip(pieces) {
        host.send(&Frame::Input { channel: 0, viewer, number, bytes }).await.context("the connection broke")?;
    }
    let progress = Progress::start(format!("waiting for {id} to read it"));
    let outcome = tokio::time::timeout(INPUT_KEPT_FOR, applied(&mut host, last)).await;
    drop(progress);
    match outcome {
        Ok(Some(InputOutcome::Applied)) => {
            output.line(format_args!("{} bytes typed into {id}", typed.len()));
            Ok(())
        }
        Ok(Some(InputOutcome::Ended)) => Err(Failure::new(Exit::Failed, format_args!("the program of {id} has ended"))
            .hint("`sessionforge session list --all` shows how")),
        Ok(Some(InputOutcome::NotController)) => {
            Err(Failure::new(Exit::Failed, format_args!("somebody took the keyboard of {id} meanwhile"))
                .hint("`--take` takes it back"))
        }
        Ok(None) => Err(Failure::new(Exit::Failed, format_args!("the PTY host of {id} is gone"))
            .hint("`sessionforge session list --all` shows what became of it")),
        Err(_) => Err(Failure::new(Exit::Failed, format_args!("the program of {id} does not read what is typed"))
            .hint("what it has not read yet waits for it")),
    }
}

fn standard_input() -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut typed = Vec::new();
    std::io::stdin().take(TEXT_BYTES_MAX + 1).read_to_end(&mut typed).context("standard input cannot be read")?;
    if typed.len() as u64 > TEXT_BYTES_MAX {
        return Err(Failure::new(
            Exit::Usage,
            format_args!("more than {TEXT_BYTES_MAX} bytes cannot be typed at once"),
        )
        .hint("send it in parts, or put it into a file that the program reads"));
    }
    Ok(typed)
}

/// Joins at the size the session has, so that nobody's picture changes. Whether the keyboard was given; nothing if the
/// host is gone.
async fn join(host: &mut HostClient, viewer: ViewerId, take: Take) -> Option<bool> {
    let (_, cols, rows) = control(host).await?;
    host.ask(&SessionAsk::Join { viewer, take, cols, rows, theme: None }).await.ok()?;
    let (controller, ..) = control(host).await?;
    Some(controller == Some(viewer))
}

async fn control(host: &mut HostClient) -> Option<(Option<ViewerId>, u16, u16)> {
    loop {
        if let Frame::Control(json) = host.next().await.ok()??
            && let Ok(SessionSays::Control { controller, cols, rows, .. }) = from_json(&json)
        {
            return Some((controller, cols, rows));
        }
    }
}

/// What became of the last piece, or of the first that was refused.
async fn applied(host: &mut HostClient, last: u64) -> Option<InputOutcome> {
    if last == 0 {
        return Some(InputOutcome::Applied);
    }
    loop {
        if let Frame::InputAck { number, outcome, .. } = host.next().await.ok()??
            && (number >= last || outcome != InputOutcome::Applied)
        {
            return Some(outcome);
        }
    }
}
