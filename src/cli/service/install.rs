//! `sessionforge service install`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::args::Install;
use super::health::LOG;
use super::place::{Place, is_sudo, person, text};
use super::{failure, say_how_it_is};
use crate::agent::credentials::Credentials;
use crate::cli::args::DataDir;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::cli::paths;
use crate::service::{Activity, Change, Definition, Scope};

pub(super) fn run(mut options: Install, given: DataDir, output: &mut Output) -> Result<ExitCode, Failure> {
    if is_sudo() && !options.system {
        // A service of root's own would be nobody's wish.
        options.system = true;
        output.note("run by sudo, so this is the machine's service (--system)");
    }
    let scope = if options.system { Scope::System } else { Scope::Own };
    let place = Place::of(scope)?;
    let (person, account, data_dir) = if place.scope == Scope::System {
        let person = person(options.run_as.take(), given)?;
        (Some(person.name), Some(person.account), person.data_dir)
    } else {
        (None, None, paths::data_dir(given)?)
    };
    check_connected(&data_dir, person.as_deref())?;
    let definition = definition(&data_dir, account, &options)?;
    let change = place.manager.install(&definition).map_err(failure)?;

    let done = match change {
        Change::New => "installed",
        Change::Changed => "changed",
        Change::None => "installed already, and as it should be",
    };
    output.fact("Service", format_args!("{done}: {}", place.manager.file().display()));
    if let Some(person) = &person {
        output.fact("Runs as", person);
        if !options.allow_sudo && cfg!(target_os = "linux") {
            let fact = "programs in sessions cannot become root; install it with --allow-sudo if they must";
            output.fact("", output.paint(Look::Faint, fact));
        }
    }
    linger(&place, output);
    if options.no_start {
        return Ok(ExitCode::SUCCESS);
    }
    let running = place.manager.state().map_err(failure)?.activity == Activity::Running;
    if running && change == Change::Changed {
        place.manager.restart().map_err(failure)?;
    } else {
        place.manager.start().map_err(failure)?;
    }
    say_how_it_is(&place, output)
}

/// An agent that has never been told its server would end again and again.
fn check_connected(data_dir: &Path, person: Option<&str>) -> Result<(), Failure> {
    let known = Credentials::read(data_dir).map_err(|error| Failure::new(Exit::Failed, error))?;
    if known.is_some() {
        return Ok(());
    }
    let sentence = format!("no server and no key are kept in {}", data_dir.display());
    let who = person.map(|person| format!("as {person}, ")).unwrap_or_default();
    Err(Failure::new(Exit::Failed, sentence)
        .hint(format_args!("{who}log in first: `sessionforge auth login --server URL --key KEY`")))
}

fn definition(data_dir: &Path, run_as: Option<String>, options: &Install) -> Result<Definition, Failure> {
    let executable = executable()?;
    let mut arguments = vec!["agent".to_owned(), "--data-dir".to_owned(), text(data_dir)?];
    arguments.extend(["--log-file".to_owned(), text(&data_dir.join(LOG))?]);
    if options.insecure_http {
        arguments.push("--insecure-http".to_owned());
    }
    Ok(Definition { executable: text(&executable)?, arguments, run_as, may_become_root: options.allow_sudo })
}

/// This very program, where it is: an update replaces it there.
fn executable() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe().context("this program does not know where it is")?;
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::new(Exit::Failed, format_args!("{} is not there any more", path.display()))
        .hint("run the one that has taken its place"))
}

/// Sees to it that a person's own service outlives that person's sign-in, or says what is missing.
fn linger(place: &Place, output: &mut Output) {
    let Some(systemd) = &place.own_systemd else { return };
    match systemd.make_linger() {
        Ok(true) => {
            output.note("lingering is turned on: your services run from the machine's start on, signed in or not");
        }
        Ok(false) => {}
        Err(error) => output.warning(format_args!(
            "lingering could not be turned on ({error}): agent and sessions end when you sign out"
        )),
    }
}
