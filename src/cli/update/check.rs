//! `sessionforge update --check`: whether the server has a newer version for this machine.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::args::Update;
use super::source::{self, Source};
use crate::agent::local::{Link, LocalStatus};
use crate::cli::failure::Failure;
use crate::cli::local_agent;
use crate::cli::output::{Look, Output, printable};
use crate::update::offer::{Offer, compare};
use crate::wire::build;

/// What `--json` prints. Fields may be added, none is taken away.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    /// Version of this program.
    version: &'static str,
    /// Version of the agent that runs: another one if the program was replaced since. `null` if none runs.
    agent: Option<&'a str>,
    server: &'a str,
    /// Version of the server, as far as the agent that runs knows.
    server_version: Option<&'a str>,
    /// Version that the server has for this machine; `null` if none.
    available: Option<String>,
    update_available: bool,
}

pub(super) fn run(data_dir: &Path, args: &Update, output: &mut Output) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    let source = runtime.block_on(Source::ask(data_dir))?;
    let agent = runtime.block_on(local_agent::status(data_dir));
    let available = source.find(&source::wanted(args)).map(|file| file.version.to_string());
    let running = build::version();
    let offer = available.as_deref().and_then(|version| compare(running, version));
    let server = printable(&source.server);
    if args.json {
        output.json(&Checked {
            version: running,
            agent: agent.as_ref().map(|agent| agent.build.as_str()),
            server: &server,
            server_version: agent.as_ref().and_then(server_version),
            update_available: offer == Some(Offer::Newer),
            available,
        });
        return Ok(ExitCode::SUCCESS);
    }
    output.line(match (offer, available) {
        (Some(Offer::Newer), Some(version)) => {
            format!("{version} is there, on {server}. This is {running}: `sessionforge update` changes that.")
        }
        (Some(Offer::Same), _) => format!("This is {running}, and {server} has nothing newer."),
        (_, Some(version)) => format!("This is {running}, newer than {server} has, which is {version}."),
        (_, None) => format!("This is {running}, and {server} has no release file for this kind of machine."),
    });
    if let Some(agent) = agent.filter(|agent| agent.build != running) {
        let note =
            format!("The agent that runs is {}: start it again to have it run {running}", printable(&agent.build));
        output.line(output.paint(Look::Faint, note));
    }
    Ok(ExitCode::SUCCESS)
}

fn server_version(agent: &LocalStatus) -> Option<&str> {
    match &agent.link {
        Link::Online { build, .. } => build.as_deref(),
        _ => None,
    }
}
