//! `sessionforge status`: the agent, its server, this machine and its sessions, also when none of it runs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use futures_util::future::join_all;
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::output::{Look, Output, printable};
use super::progress::Progress;
use super::session::{list, state};
use super::{args, local_agent, paths};
use crate::agent::credentials::{self, Credentials};
use crate::agent::local::{Link, LocalStatus};
use crate::agent::runtime_dir;
use crate::base::clock::unix_millis;
use crate::base::id::MachineId;
use crate::host::runtime_dir as hosts;
use crate::wire::session::SessionInfo;

/// What `--json` prints. Fields may be added, none is taken away.
#[derive(Serialize)]
struct Shown {
    /// Absent while no agent runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<LocalStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<MachineId>,
    data_dir: String,
    build: &'static str,
    sessions: Vec<SessionInfo>,
}

pub(super) fn run(args: args::Status, output: &mut Output) -> Result<ExitCode, Failure> {
    let place = paths::option(&args.data_dir);
    let data_dir = paths::data_dir(args.data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    let progress = Progress::start("asking the agent and the sessions");
    let shown = runtime.block_on(look(&data_dir));
    drop(progress);
    let shown = shown?;
    let is_online = matches!(&shown.agent, Some(LocalStatus { link: Link::Online { .. }, .. }));
    if args.json {
        output.json(&shown);
    } else {
        print(&shown, &place, output);
    }
    Ok(if is_online { ExitCode::SUCCESS } else { Exit::Failed.into() })
}

async fn look(data_dir: &Path) -> Result<Shown, Failure> {
    let known = hosts::scan(&runtime_dir(data_dir)).context("the sessions cannot be read")?;
    let (agent, mut sessions) = tokio::join!(local_agent::status(data_dir), join_all(known.iter().map(state::now)));
    sessions.retain(|info| !info.has_ended());
    let failed = |error| Failure::new(Exit::Failed, error).hint("`sessionforge auth login` writes it anew");
    let remembered = Credentials::read(data_dir).map_err(failed)?.map(|credentials| credentials.server);
    let server = agent.as_ref().map(|agent| agent.server.clone()).or(remembered);
    let machine = match (&agent, &server) {
        (Some(LocalStatus { link: Link::Online { machine, .. }, .. }), _) => Some(*machine),
        (_, Some(server)) => credentials::machine(data_dir, server).map_err(failed)?,
        _ => None,
    };
    let data_dir = data_dir.display().to_string();
    Ok(Shown { agent, server, machine, data_dir, build: crate::wire::build::version(), sessions })
}

fn print(shown: &Shown, place: &str, output: &mut Output) {
    match (&shown.agent, &shown.server) {
        (Some(agent), _) => print_agent(agent, output),
        (None, Some(server)) => {
            output.fact("Agent", output.paint(Look::Bad, "not running"));
            output.fact("Server", printable(server));
            output.fact("", output.paint(Look::Faint, format_args!("`sessionforge agent{place}` connects to it")));
        }
        (None, None) => {
            output.fact("Agent", output.paint(Look::Bad, "not running"));
            output.fact("Server", "none yet");
            let first = format!("`sessionforge auth login --server URL --key KEY{place}` is the way in");
            output.fact("", output.paint(Look::Faint, first));
        }
    }
    if let Some(machine) = shown.machine {
        output.fact("Machine", machine);
    }
    output.fact("Data", &shown.data_dir);
    output.fact("Sessions", shown.sessions.len());
    if !shown.sessions.is_empty() {
        output.line("");
        list::print(&shown.sessions, output);
    }
}

fn print_agent(agent: &LocalStatus, output: &mut Output) {
    let since = |at: u64| list::age(unix_millis().saturating_sub(at));
    let running = output.paint(Look::Good, "running");
    let process = format!("{running} for {}, process {}, {}", since(agent.started_at), agent.pid, agent.build);
    output.fact("Agent", process);
    let link_since = since(agent.link_since);
    let (state, look) = match &agent.link {
        Link::Online { organisation, .. } => {
            (format!("connected for {link_since}, {}", printable(organisation)), Look::Good)
        }
        Link::Connecting => ("connecting".to_owned(), Look::Plain),
        Link::Waiting { cause } => (format!("not connected for {link_since}: {}", printable(cause)), Look::Bad),
        Link::Unknown => ("in a state this build does not know".to_owned(), Look::Plain),
    };
    output.fact("Server", printable(&agent.server));
    output.fact("", output.paint(look, state));
    if let Some(took) = agent.round_trip_us {
        output.fact("", format_args!("there and back in {}", millis(took)));
    }
    output.fact("Terminal", printable(&agent.terminal));
}

/// A time in microseconds as a person reads it: as exact as it is short.
fn millis(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{} ms", micros / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_way_is_told_more_exactly_than_a_long_one() {
        for (micros, text) in
            [(0, "0.0 ms"), (430, "0.4 ms"), (9_999, "9.9 ms"), (10_000, "10 ms"), (1_234_567, "1234 ms")]
        {
            assert_eq!(millis(micros), text);
        }
    }
}
