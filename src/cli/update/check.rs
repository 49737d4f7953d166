//! Which version the server runs: its agents are to be of the same one. The running agent knows, from the server's greeting.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use crate::agent::local::{Link, LocalStatus};
use crate::cli::failure::{Exit, Failure};
use crate::cli::local_agent;
use crate::cli::output::{Look, Output, printable};
use crate::update::offer::{Offer, compare};
use crate::wire::build;

/// What `--json` prints. Fields may be added, none is taken away.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    /// Version of this program.
    version: &'static str,
    /// Version of the agent that runs: another one if the program was replaced since.
    agent: &'a str,
    server: &'a str,
    /// Version of the server.
    server_version: &'a str,
    update_available: bool,
}

pub(super) fn run(data_dir: &Path, only: bool, json: bool, output: &mut Output) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    let agent = runtime.block_on(local_agent::status(data_dir));
    let (agent, offered) = connected(agent.as_ref())?;
    let running = build::version();
    let offer = compare(running, offered);
    let is_newer = offer == Some(Offer::Newer);
    if json {
        output.json(&Checked {
            version: running,
            agent: &agent.build,
            server: &agent.server,
            server_version: offered,
            update_available: is_newer,
        });
        return Ok(ExitCode::SUCCESS);
    }
    let (server, offered) = (printable(&agent.server), printable(offered));
    output.line(match offer {
        Some(Offer::Newer) => format!("{offered} is there: {server} runs it. This is {running}."),
        Some(Offer::Same) => format!("This is {running}, and so is {server}."),
        Some(Offer::Older) => {
            format!("This is {running}, newer than {server}, which runs {offered}: update the server.")
        }
        None => format!("This is {running}; {server} runs {offered}, which cannot be compared."),
    });
    if agent.build != running {
        let note =
            format!("The agent that runs is {}: start it again to have it run {running}", printable(&agent.build));
        output.line(output.paint(Look::Faint, note));
    }
    let how = "get it for this system, and `sessionforge update --from FILE` puts it in this program's place";
    if is_newer && !only {
        // Nothing was updated, and a script must not think so.
        return Err(
            Failure::new(Exit::Failed, format_args!("this build cannot download {offered} by itself")).hint(how)
        );
    }
    if is_newer {
        output.line(output.paint(Look::Faint, format_args!("Not downloaded by this build: {how}")));
    }
    Ok(ExitCode::SUCCESS)
}

/// The agent and the version of the server that it is connected to.
fn connected(agent: Option<&LocalStatus>) -> Result<(&LocalStatus, &str), Failure> {
    let unknown = |sentence: &str| Err(Failure::new(Exit::Failed, sentence));
    match agent {
        None => unknown("no agent runs, so it is not known which version its server runs"),
        Some(agent) => match &agent.link {
            Link::Online { build: Some(build), .. } => Ok((agent, build)),
            Link::Online { .. } => unknown("the agent that runs is too old to say which version its server runs"),
            _ => unknown("the agent is not connected, so it is not known which version its server runs"),
        },
    }
}
