//! `sessionforge service status`, and what is said of a service that was just started.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::health::{Health, LOG, last_error, log_file};
use super::place::Place;
use super::{failure, runtime};
use crate::agent::credentials::Credentials;
use crate::agent::local::{Link, LocalStatus};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Look, Output, printable};
use crate::cli::session::list::age;
use crate::service::{Activity, Ended, Scope};

/// What `--json` prints. Fields may be added, none is taken away.
#[derive(Debug, Default, Serialize)]
struct Shown {
    installed: bool,
    /// `own` or `system`.
    scope: &'static str,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
}

/// Of one that is installed.
#[derive(Debug, Serialize)]
struct Found {
    enabled: bool,
    activity: Activity,
    /// Whether the agent runs and is connected to its server.
    healthy: bool,
    pid: Option<u32>,
    uptime_seconds: Option<u64>,
    restarts: Option<u32>,
    /// How the agent last ended, if not as it was told to.
    ended: Option<Ended>,
    executable: Option<String>,
    data_dir: Option<String>,
    log: Option<String>,
    last_error: Option<String>,
    /// Whether the service runs while its person is not signed in; only of an own systemd unit.
    lingering: Option<bool>,
    agent: Option<LocalStatus>,
}

pub(super) fn run(place: &Place, json: bool, output: &mut Output) -> Result<ExitCode, Failure> {
    let scope = if place.scope == Scope::System { "system" } else { "own" };
    let file = place.manager.file().display().to_string();
    if !place.manager.is_installed() {
        if json {
            output.json(&Shown { scope, file, ..Shown::default() });
        } else {
            output.fact("Service", output.paint(Look::Bad, "not installed"));
            output.fact("", output.paint(Look::Faint, "`sessionforge service install` installs it"));
        }
        return Ok(Exit::Failed.into());
    }
    let data_dir = place.data_dir().unwrap_or_default();
    let health = runtime()?.block_on(Health::now(place, &data_dir)).map_err(failure)?;
    let code = if health.is_well() { ExitCode::SUCCESS } else { Exit::Failed.into() };
    if json {
        output.json(&Shown { installed: true, scope, file, found: Some(found(place, health, &data_dir)) });
    } else {
        let installed = if place.scope == Scope::System { "the machine's" } else { "your own" };
        output.fact("Service", format_args!("{installed}, {}", printable(&file)));
        print(place, &health, &data_dir, output);
    }
    Ok(code)
}

fn found(place: &Place, health: Health, data_dir: &Path) -> Found {
    let log = log_file(data_dir);
    Found {
        enabled: health.state.enabled,
        activity: health.state.activity,
        healthy: health.is_well(),
        pid: health.state.pid,
        uptime_seconds: health.state.uptime.map(|uptime| uptime.as_secs()),
        restarts: health.state.restarts,
        ended: health.state.ended,
        executable: place.manager.words().and_then(|words| words.into_iter().next()),
        data_dir: place.data_dir().map(|path| path.display().to_string()),
        last_error: log.as_deref().and_then(last_error),
        log: log.map(|path| path.display().to_string()),
        lingering: place.own_systemd.as_ref().map(crate::service::systemd::Systemd::lingers),
        agent: health.agent,
    }
}

/// The facts of a service that is installed, from its process down to its log.
pub(super) fn print(place: &Place, health: &Health, data_dir: &Path, output: &mut Output) {
    let state = &health.state;
    let mut words = vec![match state.activity {
        Activity::Running => output.paint(Look::Good, "running"),
        Activity::Restarting => output.paint(Look::Bad, "ended, and about to be started again"),
        Activity::Failed => output.paint(Look::Bad, "failed, and not started again by itself"),
        Activity::Stopped => output.paint(Look::Bad, "stopped"),
    }];
    if let Some(uptime) = state.uptime {
        words.push(format!("for {}", age(u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX))));
    }
    if let Some(pid) = state.pid {
        words.push(format!("as process {pid}"));
    }
    if let Some(restarts @ 1..) = state.restarts {
        words.push(format!("(ended and started again {restarts} times)"));
    }
    output.fact("Agent", words.join(" "));
    if let Some(ended) = &state.ended {
        output.fact("", ended_words(ended));
    }
    match &health.agent {
        Some(agent) => print_link(agent, output),
        None if cfg!(windows) && state.activity == Activity::Running => output.fact("", waits_for(data_dir)),
        None if state.pid.is_some() => output.fact("", output.paint(Look::Bad, "it does not answer")),
        None => {}
    }
    if !state.enabled {
        let fact = output.paint(Look::Bad, "not started with the machine: install it again");
        output.fact("", fact);
    }
    if let Some(systemd) = &place.own_systemd {
        if systemd.lingers() {
            output.fact("Lingering", "on: the agent runs whether or not you are signed in");
        } else {
            output.fact("Lingering", output.paint(Look::Bad, "off: agent and sessions end when you sign out"));
            output.fact("", output.paint(Look::Faint, "`sudo loginctl enable-linger $USER` turns it on"));
        }
    }
    let log = log_file(data_dir);
    match &log {
        Some(log) => output.fact("Log", log.display()),
        None => output.fact("Log", format_args!("{}, not there yet", data_dir.join(LOG).display())),
    }
    if !health.is_well() {
        if let Some(line) = log.as_deref().and_then(last_error) {
            output.fact("Last error", printable(&format!(" {line}")));
        }
        if let Some(command) = place.manager.log_command() {
            output.fact("", output.paint(Look::Faint, format_args!("`{command}` has what the service manager says")));
        }
    }
}

/// What a service that runs is without, while there is no agent that answers.
fn waits_for(data_dir: &Path) -> &'static str {
    match Credentials::read(data_dir) {
        Ok(None) => "the agent waits until this machine is logged in: `sessionforge auth login --server URL --key KEY`",
        _ => "the agent starts when the person whose service it is signs in",
    }
}

fn print_link(agent: &LocalStatus, output: &mut Output) {
    output.fact("Server", printable(&agent.server));
    let (words, look) = match &agent.link {
        Link::Online { machine, organisation, .. } => {
            (format!("connected as {machine} of {}", printable(organisation)), Look::Good)
        }
        Link::Connecting => ("connecting".to_owned(), Look::Plain),
        Link::Waiting { cause } => (format!("not connected: {}", printable(cause)), Look::Bad),
        Link::Unknown => ("in a state this build does not know".to_owned(), Look::Plain),
    };
    output.fact("", output.paint(look, words));
}

/// Exit codes of an agent are those of the command line.
fn ended_words(ended: &Ended) -> String {
    let why = match ended {
        Ended::Code(2) => "its arguments cannot be used: install the service again",
        Ended::Code(3) => "the server refuses this key or this machine: connect it again with a new key",
        Ended::Code(4) => "another agent uses the data directory: stop that one",
        Ended::Code(code) => return format!("it last ended with exit code {code}"),
        Ended::Signal(signal) => return format!("it last ended by signal {signal}"),
    };
    format!("it last ended because {why}")
}
