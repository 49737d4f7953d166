//! `sessionforge server update`: another version in the place of a server, with a backup first, and back if it does not come up.
//!
//! What a machine's `update` does ([`crate::update`]), with two things more, because a server has a state whose form a new
//! version may change. The new version must open a copy of it before anything is touched. And the last backup is made by the
//! old server when it has closed the state, so that going back loses nothing that it ever committed.

mod copies;
mod rehearsal;
mod source;
mod world;

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tokio::runtime::Runtime;

use self::source::{Found, Source};
use self::world::Running;
use super::args::Update;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::cli::progress::Progress;
use crate::cli::update::{may_take_over, own_file, version_of};
use crate::update::course::{Outcome, carry_out};
use crate::update::offer::{Offer, compare};
use crate::update::swap::Swap;
use crate::wire::build;

/// What `--check --json` prints. Fields may be added, none is taken away.
#[derive(Debug, Serialize)]
struct Checked {
    /// Version of this program.
    version: &'static str,
    /// Version of the server that runs: another one if the program was replaced since. `null` if none runs.
    server: Option<String>,
    /// Version that there is; `null` if none.
    available: Option<String>,
    update_available: bool,
}

pub(super) fn run(wanted: &Update, data_dir: &Path, output: &mut Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    let source = Source::of(wanted, data_dir)?;
    if wanted.check {
        return check(&runtime, &source, wanted, data_dir, output);
    }
    let current = own_file()?;
    let found = runtime.block_on(source.find(wanted))?;
    if let Some(version) = &found.version
        && !may_take_over(version, &found.shown, wanted.allow_downgrade, wanted.version.is_none(), output)?
    {
        return Ok(());
    }
    let got = runtime.block_on(source.get(&found, &current))?;
    let swap = Swap::stage(&current, got.path()).map_err(|error| Failure::new(Exit::Failed, error))?;
    let version = runtime.block_on(version_of(swap.staged(), &found.shown))?;
    if found.version.is_none() && !may_take_over(&version, &found.shown, wanted.allow_downgrade, false, output)? {
        return Ok(());
    }
    let running = runtime.block_on(Running::find(data_dir))?;
    let copy = runtime.block_on(copies::make(data_dir))?;
    {
        let _progress = Progress::start(format!("{version} opens a copy of the state"));
        runtime.block_on(rehearsal::rehearse(swap.staged(), data_dir, &copy, &version))?;
    }
    let (runs, restarts) = (running.is_some(), running.as_ref().is_some_and(|running| running.status.restarts));
    let mut world = world::Server::new(&runtime, &swap, running, data_dir, &copy, &version);
    let progress =
        Progress::start(if restarts { "waiting for the new version to come up" } else { "replacing the program" });
    let outcome = carry_out(&mut world, restarts);
    drop(progress);
    say(outcome, &version, &swap, (runs, restarts), &copy, output)
}

fn check(
    runtime: &Runtime,
    source: &Source,
    wanted: &Update,
    data_dir: &Path,
    output: &mut Output,
) -> Result<(), Failure> {
    let available = runtime.block_on(source.look(wanted))?.and_then(|Found { version, .. }| version);
    let server = runtime.block_on(Running::find(data_dir))?.map(|running| running.status.build);
    let running = build::version();
    let offer = available.as_deref().and_then(|version| compare(running, version));
    if wanted.json {
        output.json(&Checked { version: running, server, update_available: offer == Some(Offer::Newer), available });
        return Ok(());
    }
    let place = source.shown();
    output.line(match (offer, available) {
        (Some(Offer::Newer), Some(version)) => {
            format!("{version} is there, in {place}. This is {running}: `sessionforge server update` changes that.")
        }
        (Some(Offer::Same), _) => format!("This is {running}, and {place} has nothing newer."),
        (_, Some(version)) => format!("This is {running}, newer than {place} has, which is {version}."),
        (_, None) => format!("This is {running}, and {place} has no release file for this kind of machine."),
    });
    if let Some(server) = server.filter(|server| server != running) {
        output.line(output.paint(Look::Faint, format_args!("The server that runs is {server}: start it again")));
    }
    Ok(())
}

fn say(
    outcome: Outcome<String>,
    version: &str,
    swap: &Swap,
    (runs, restarts): (bool, bool),
    copy: &Path,
    output: &mut Output,
) -> Result<(), Failure> {
    let running = build::version();
    let failed = |sentence: String| {
        Err(Failure::new(Exit::Failed, sentence).hint(format_args!("the state before it is in {}", copy.display())))
    };
    match outcome {
        Outcome::Updated => {
            output.line(output.paint(Look::Good, format_args!("Updated from {running} to {version}.")));
            if restarts {
                output.fact("Server", "started itself again, and answers; agents and pages come back by themselves");
            } else if runs {
                output.fact("Server", "runs on as before: stop it, and start it again");
            }
            output.fact("Before", format_args!("{}, kept", swap.old().display()));
            output.fact("Backup", copy.display());
            Ok(())
        }
        Outcome::Untouched(why) => failed(format!("{why}; {running} is still in its place")),
        Outcome::Back(why) => {
            failed(format!("{version} did not come up ({why}); {running} is back in its place, and runs"))
        }
        Outcome::BackButDown { why, then } => failed(format!(
            "{version} did not come up ({why}); {running} is back in its place, but does not come up either ({then}): start it \
             by hand"
        )),
        Outcome::Stuck { why, then } => failed(format!(
            "{version} did not come up ({why}), and going back failed ({then}): stop the server, rename {} by hand, and start it",
            swap.old().display()
        )),
    }
}

impl From<&Update> for crate::update::manifest::Wanted {
    fn from(wanted: &Update) -> Self {
        wanted.version.clone().map_or(Self::Newest(wanted.channel), Self::Exactly)
    }
}
