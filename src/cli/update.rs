//! `sessionforge update`: another version in the place of this one, restarted, watched, and taken back if it does not come up.

pub(super) mod args;
mod check;
pub(super) mod machine;
mod source;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use tokio::runtime::Runtime;

use self::machine::{Machine, running_service};
use self::source::Source;
use super::failure::{Exit, Failure};
use super::output::{Look, Output, printable};
use super::progress::Progress;
use super::{local_agent, paths};
use crate::agent::updating::{Course, lock};
use crate::update::course::{Outcome, carry_out};
use crate::update::offer::{Offer, compare, kept_by, version_said};
use crate::update::swap::Swap;
use crate::wire::build;
use crate::wire::updating::UpdatePhase;

/// A program that is asked for its version has this long; it does nothing but print.
const VERSION_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn run(args: &args::Update, output: &mut Output) -> Result<ExitCode, Failure> {
    let data_dir = paths::data_dir(args.data_dir.clone())?;
    if args.check {
        return check::run(&data_dir, args, output);
    }
    let _held = match lock(&data_dir) {
        Ok(None) => return Err(Failure::new(Exit::Failed, "another update of this machine is under way")),
        Ok(held) => held,
        // No agent has ever run from there.
        Err(_) => None,
    };
    let course = args.version.as_ref().filter(|_| args.for_page).map(|to| Course::begin(&data_dir, &to.to_string()));
    let done = take(&data_dir, args, course.as_ref(), output);
    if let Some(course) = course {
        course.end(done.as_ref().err().map(|failure| failure.sentence.clone()));
    }
    done
}

fn take(
    data_dir: &Path,
    args: &args::Update,
    course: Option<&Course>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let current = own_file()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    let job = Job { runtime: &runtime, current: &current, data_dir, args, course };
    if let Some(file) = &args.from {
        return replace(&job, file, &file.display().to_string(), output);
    }
    let source = runtime.block_on(Source::ask(data_dir))?;
    let file = source.choose(&source::wanted(args))?;
    if !may_take(&file.version.to_string(), &printable(&source.server), args, output)? {
        return Ok(ExitCode::SUCCESS);
    }
    let downloaded = runtime.block_on(source.download(file, &current, course))?;
    job.reach(UpdatePhase::Checking);
    replace(&job, &downloaded.0, &file.name, output)
}

/// What is to be done, and where.
struct Job<'a> {
    runtime: &'a Runtime,
    /// The file of this program.
    current: &'a Path,
    data_dir: &'a Path,
    args: &'a args::Update,
    /// Where it is written down how it goes.
    course: Option<&'a Course>,
}

impl Job<'_> {
    fn reach(&self, phase: UpdatePhase) {
        if let Some(course) = self.course {
            course.reach(phase);
        }
    }
}

/// Whether `version` is to take this one's place; `false` if it has it already.
fn may_take(version: &str, whose: &str, args: &args::Update, output: &mut Output) -> Result<bool, Failure> {
    let newest = args.from.is_none() && args.version.is_none();
    may_take_over(version, whose, args.allow_downgrade, newest, output)
}

/// The same; `newest`: nobody has named it, it is just the newest that there is.
pub(super) fn may_take_over(
    version: &str,
    whose: &str,
    allow_downgrade: bool,
    newest: bool,
    output: &mut Output,
) -> Result<bool, Failure> {
    let running = build::version();
    match compare(running, version) {
        Some(Offer::Newer) => Ok(true),
        Some(Offer::Same) => {
            output.line(format_args!("{version} is in its place already."));
            Ok(false)
        }
        Some(Offer::Older) if allow_downgrade => Ok(true),
        // The newest that there is may well be older than this one; that is nobody's fault.
        Some(Offer::Older) if newest => {
            output.line(format_args!("This is {running}, newer than {whose} has, which is {version}."));
            Ok(false)
        }
        Some(Offer::Older) | None => {
            let sentence = format!("{whose} is {version}, older than this {running}");
            Err(Failure::new(Exit::Failed, sentence).hint("--allow-downgrade goes back all the same"))
        }
    }
}

fn replace(job: &Job<'_>, from: &Path, shown: &str, output: &mut Output) -> Result<ExitCode, Failure> {
    let Job { runtime, current, args, data_dir, .. } = *job;
    let swap = Swap::stage(current, from).map_err(|error| Failure::new(Exit::Failed, error))?;
    let version = runtime.block_on(version_of(swap.staged(), shown))?;
    if !may_take(&version, shown, args, output)? {
        return Ok(ExitCode::SUCCESS);
    }
    let service = running_service(current)?;
    let runs = service.is_some();
    if args.for_page && !runs {
        let sentence = "no service runs this agent, so it is updated on the machine: `sessionforge update`";
        return Err(Failure::new(Exit::Failed, sentence));
    }
    let mut machine = Machine::new(runtime, &swap, service, &version)?;
    let progress =
        Progress::start(if runs { "waiting for the new version to come up" } else { "replacing the program" });
    job.reach(UpdatePhase::Restarting);
    let outcome = carry_out(&mut machine, runs);
    drop(progress);
    say(outcome, &version, &swap, runs, output)?;
    if !runs && let Some(agent) = runtime.block_on(local_agent::status(data_dir)) {
        let note =
            format!("An agent that no service runs goes on as {}: start it again (process {})", agent.build, agent.pid);
        output.line(output.paint(Look::Faint, note));
    }
    Ok(ExitCode::SUCCESS)
}

fn say(outcome: Outcome<String>, version: &str, swap: &Swap, runs: bool, output: &mut Output) -> Result<(), Failure> {
    let running = build::version();
    let failed = |sentence: String| Err(Failure::new(Exit::Failed, sentence));
    match outcome {
        Outcome::Updated => {
            let done = output.paint(Look::Good, format_args!("Updated from {running} to {version}."));
            output.line(format_args!("{done} Sessions go on."));
            if runs {
                output.fact("Service", "restarted, and as well as before");
            }
            output.fact("Before", format_args!("{}, kept", swap.old().display()));
            Ok(())
        }
        Outcome::Untouched(why) => failed(format!("{why}; {running} is still in its place")),
        Outcome::Back(why) => {
            failed(format!("{version} did not come up ({why}); {running} is back in its place, and runs"))
        }
        Outcome::BackButDown { why, then } => failed(format!(
            "{version} did not come up ({why}); {running} is back in its place, but does not come up either ({then}): see \
             `sessionforge service status`"
        )),
        Outcome::Stuck { why, then } => failed(format!(
            "{version} did not come up ({why}), and could not be taken out of its place ({then}): rename {} by hand",
            swap.old().display()
        )),
    }
}

/// The file of this program; it must be ours to replace.
pub(super) fn own_file() -> Result<PathBuf, Failure> {
    let current = std::env::current_exe()
        .and_then(|path| path.canonicalize())
        .context("this program does not know where it is; if it was just replaced, run the new one")?;
    match kept_by(&current) {
        None => Ok(current),
        Some(keeper) => {
            let sentence = format!("{} is kept up to date by {keeper}", current.display());
            Err(Failure::new(Exit::Failed, sentence).hint("update it by that"))
        }
    }
}

/// What `file` says that it is. It is run for that: what was downloaded for another system cannot be.
pub(super) async fn version_of(file: &Path, shown: &str) -> Result<String, Failure> {
    let no = |why: &str| Failure::new(Exit::Failed, format_args!("{shown} is no SessionForge for this system: {why}"));
    let mut command = Command::new(file);
    command.arg("version").stdin(Stdio::null()).stderr(Stdio::null());
    let running = tokio::process::Command::from(command).kill_on_drop(true).output();
    match tokio::time::timeout(VERSION_WITHIN, running).await {
        Ok(Ok(output)) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            version_said(&said).map(str::to_owned).ok_or_else(|| no("it does not say its version"))
        }
        Ok(Ok(output)) => Err(no(&format!("asked for its version it ended with {}", output.status))),
        Ok(Err(error)) => Err(no(&printable(&error.to_string()))),
        Err(_) => Err(no("asked for its version it did not answer")),
    }
}
