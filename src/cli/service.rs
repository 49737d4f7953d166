//! `sessionforge service …`: the agent run by the system's own service manager. `docs/service.md` is its page.

pub(super) mod args;
pub(super) mod health;
mod install;
pub(super) mod place;
pub(super) mod sight;
mod status;

use std::process::ExitCode;

use anyhow::Context as _;

use self::args::{ServiceCommand, Which};
use self::health::Health;
use self::place::Place;
use super::failure::{Exit, Failure, LOOK_AROUND};
use super::output::{Look, Output};
use super::progress::Progress;
use crate::service::{Activity, ServiceError};

pub(super) fn run(args: args::Service, output: &mut Output) -> Result<ExitCode, Failure> {
    match args.command {
        ServiceCommand::Install(options) => install::run(options, args.data_dir, output),
        ServiceCommand::Uninstall(which) => uninstall(which, output),
        ServiceCommand::Start(which) => act(which, output, |place| place.manager.start()),
        ServiceCommand::Restart(which) => act(which, output, |place| place.manager.restart()),
        ServiceCommand::Stop(which) => stop(which, output),
        ServiceCommand::Status { which, json } => status::run(&Place::installed(which.system)?, json, output),
    }
}

fn uninstall(which: Which, output: &mut Output) -> Result<ExitCode, Failure> {
    let place = Place::installed(which.system)?;
    if place.manager.uninstall().map_err(failure)? {
        output.line("The service is stopped and removed. Sessions that run go on; data and key are still there.");
    } else {
        output.line("There was no service.");
    }
    Ok(ExitCode::SUCCESS)
}

fn stop(which: Which, output: &mut Output) -> Result<ExitCode, Failure> {
    let place = Place::installed(which.system)?;
    let progress = Progress::start("waiting for the agent to end");
    let stopped = place.manager.stop();
    drop(progress);
    stopped.map_err(failure)?;
    output.line("The agent is stopped. Sessions go on.");
    let start = format!("`sessionforge service start{}` starts it", place.option());
    output.line(output.paint(Look::Faint, start));
    Ok(ExitCode::SUCCESS)
}

fn act(
    which: Which,
    output: &mut Output,
    how: impl FnOnce(&Place) -> Result<(), ServiceError>,
) -> Result<ExitCode, Failure> {
    let place = Place::installed(which.system)?;
    how(&place).map_err(failure)?;
    say_how_it_is(&place, output)
}

/// Waits until it shows whether the agent came up, and says so. That its server is away is not the service's failure.
fn say_how_it_is(place: &Place, output: &mut Output) -> Result<ExitCode, Failure> {
    let data_dir = place.data_dir().unwrap_or_default();
    let progress = Progress::start("waiting for the agent to connect");
    let health = runtime()?.block_on(Health::settled(place, &data_dir));
    drop(progress);
    let health = health.map_err(failure)?;
    status::print(place, &health, &data_dir, output);
    let runs = health.agent.is_some() || health.state.activity == Activity::Running;
    Ok(if runs { ExitCode::SUCCESS } else { Exit::Failed.into() })
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?)
}

/// What a refusal means to the person.
fn failure(error: ServiceError) -> Failure {
    let hint = match &error {
        ServiceError::NoManager(_) => "`sessionforge agent` runs the agent under whatever starts programs here".to_owned(),
        ServiceError::NoOwnManager(_) => {
            "sign in as that person instead of by su, or install the machine's service: `sudo sessionforge service install \
             --system`"
                .to_owned()
        }
        ServiceError::NotInstalled => "`sessionforge service install` installs it".to_owned(),
        ServiceError::NeedsRoot => "say it again with sudo, or leave --system out for a service of your own".to_owned(),
        ServiceError::NeedsAdministrator => {
            "right-click PowerShell, choose \"Run as administrator\", and say it there again; day by day none is needed".to_owned()
        }
        ServiceError::NotAPerson(_) => "install it as the person whose sessions it is for".to_owned(),
        ServiceError::NoUser(_) => "name one that is there with --run-as".to_owned(),
        ServiceError::Unwritable { .. } | ServiceError::Refused { .. } | ServiceError::Io { .. } => {
            return Failure::new(Exit::Failed, error).hint(LOOK_AROUND);
        }
    };
    Failure::new(Exit::Failed, error).hint(hint)
}
