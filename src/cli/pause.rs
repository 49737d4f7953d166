//! `sessionforge pause` and `resume`: hand a session over and take it back, for people and for Claude Code's `/sf-pause`.
//!
//! Both ask the agent over its HTTP on this machine, by the session's own token inside of a session. With `--wait` the
//! command ends when it is known what became of the handoff, over every restart of agent and server.

pub(super) mod args;
mod told;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use self::args::{Pause, Resume};
use super::failure::{Exit, Failure};
use super::local_agent::{self, Refusal, Way};
use super::output::Output;
use super::paths;
use super::progress::Progress;
use super::session::find;
use crate::agent;
use crate::agent::local::Handed;
use crate::base::clock::millis;
use crate::base::id::{SessionId, ViewerId};
use crate::base::problem::Code;
use crate::wire::handoff::Phase;

/// Variable that names the session a program runs in.
const SESSION_VARIABLE: &str = "SESSIONFORGE_SESSION";

/// First and longest time between two tries while the agent or its server cannot be reached.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

pub(super) fn pause(args: Pause, output: &mut Output) -> Result<ExitCode, Failure> {
    let (way, session) = place(args.data_dir, args.session.as_deref())?;
    let expires_in = args.expires.map(millis);
    // Asked again after a lost answer it is the same offer.
    let once = ViewerId::random().to_string();
    let wish = json!({
        "note": args.note, "to": args.to, "expires_in": expires_in, "gate": args.wait, "once": once,
    });
    block_on(async {
        let path = format!("/v1/sessions/{session}/pause");
        let handed = if args.wait {
            insist(&way, &path, &wish, output).await?
        } else {
            let _progress = Progress::start("asking the server");
            local_agent::ask::<Handed>(&way, &path, &wish).await.map_err(Failure::from)?
        };
        for line in told::paused(&handed) {
            output.line(line);
        }
        if args.wait { wait(&way, session, handed, output).await } else { Ok(ExitCode::SUCCESS) }
    })
}

pub(super) fn resume(args: Resume, output: &mut Output) -> Result<ExitCode, Failure> {
    let (way, session) = place(args.data_dir, args.session.as_deref())?;
    block_on(async {
        let wish = json!({ "note": args.note });
        let progress = Progress::start("asking the server");
        let handed = local_agent::ask::<Handed>(&way, &format!("/v1/sessions/{session}/resume"), &wish).await;
        drop(progress);
        let handed = handed?;
        for line in told::resumed(&handed.handoff) {
            output.line(line);
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Asks until it is over, and says what it became.
async fn wait(way: &Way, session: SessionId, handed: Handed, output: &mut Output) -> Result<ExitCode, Failure> {
    let path = format!("/v1/sessions/{session}/handoff");
    let mut handoff = handed.handoff;
    while !handoff.phase.is_over() {
        let wish = json!({ "number": handoff.number, "phase": handoff.phase });
        let next = insist(way, &path, &wish, output).await?.handoff;
        if next.phase == Phase::Adopted && handoff.phase != Phase::Adopted {
            output.line(told::adopted(&next));
        }
        handoff = next;
    }
    for line in told::outcome(&handoff) {
        output.line(line);
    }
    Ok(ExitCode::from(told::code(handoff.phase)))
}

/// Asks as long as only the way is broken.
async fn insist(way: &Way, path: &str, wish: &Value, output: &mut Output) -> Result<Handed, Failure> {
    let (mut delay, longest) = RETRY;
    let mut said = false;
    loop {
        match local_agent::ask::<Handed>(way, path, wish).await {
            Ok(handed) => return Ok(handed),
            Err(refusal) if refusal.may_pass() => {
                if !std::mem::replace(&mut said, true) {
                    output.note(format_args!("{refusal}; trying until it works"));
                }
                tokio::time::sleep(delay).await;
                delay = (2 * delay).min(longest);
            }
            Err(Refusal::Told(problem)) if problem.code == Code::NotFound => {
                return Err(Failure {
                    exit: Exit::HandoffExited,
                    ..Failure::new(Exit::Failed, problem.message)
                        .hint("`sessionforge session list --all` shows what became of it")
                });
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
}

/// The session that is meant, and the way to the agent that has it.
fn place(data_dir: super::args::DataDir, asked: Option<&str>) -> Result<(Way, SessionId), Failure> {
    let data_dir = paths::data_dir(data_dir)?;
    if let Some(asked) = asked {
        let session = find::session(&agent::runtime_dir(&data_dir), asked)?.info.id;
        return Ok((Way::owners(data_dir), session));
    }
    let session = std::env::var(SESSION_VARIABLE).ok().and_then(|id| id.parse().ok());
    let session = session.ok_or_else(|| {
        Failure::new(Exit::Usage, "this does not run in a session: say which one is meant")
            .hint("`sessionforge session list` shows those that there are")
    })?;
    Ok((Way::of_session(data_dir), session))
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    runtime.block_on(work)
}
