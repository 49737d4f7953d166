//! `sessionforge agent`: puts this machine's sessions on a server.

mod login;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::args;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::service::health::LOG;
use super::signals::Signals;
use super::{logging, paths};
use crate::agent::config::{AgentConfig, ConfigFile, Origin};
use crate::agent::credentials::{Credentials, CredentialsError, machines_file};
use crate::agent::error::UplinkError;
use crate::agent::{AgentError, Status};
use crate::base::secret::Secret;
use crate::host::tier;
use crate::wire::close::Close;

/// Variable that holds the API key.
pub(super) const KEY_VARIABLE: &str = "SESSIONFORGE_API_KEY";

/// What to do about a terminal tier that cannot be had.
pub(super) const TIER_HINT: &str =
    "without one named, the best that is there is taken; `sessionforge doctor` says what stands in its way";

/// One key file, in bytes: a key is 40 characters, and whoever names the wrong file should not wait for its end.
pub(super) const KEY_FILE_BYTES_MAX: u64 = 4 * 1024;

pub(super) fn run(args: args::Agent, output: &mut Output) -> Result<(), Failure> {
    #[cfg(windows)]
    crate::base::sid::check_own().map_err(|error| {
        Failure::new(Exit::Usage, error).hint("start it as that person; `sessionforge service install` sees to it")
    })?;
    let data_dir = paths::data_dir(args.data_dir)?;
    let config_file = ConfigFile::read(&data_dir).map_err(Failure::of_config)?;
    // Whoever holds it by its standard input reads nothing that it says.
    let log_file = args.log_file.or_else(|| args.until_closed.then(|| data_dir.join(LOG)));
    let logs_to_file = log_file.is_some();
    let stop = CancellationToken::new();
    // One thread: the agent moves bytes and computes nothing, and it is on every machine.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the agent cannot start")?;
    let (credentials, _log) = if args.until_closed {
        stop_when_closed(stop.clone());
        let log = logging::start(log_file)?;
        if args.server.is_none() && !runtime.block_on(login::wait(&data_dir, login::LOOK_EVERY, &stop))? {
            return Ok(());
        }
        (credentials(&data_dir, args.server, args.key_file)?, log)
    } else {
        (credentials(&data_dir, args.server, args.key_file)?, logging::start(log_file)?)
    };
    let tier = tier::probe::tier(args.tier.or(config_file.tier))
        .map_err(|error| Failure::new(Exit::Usage, error).hint(TIER_HINT))?;
    let name = args.name.or_else(|| credentials.name.clone()).or(config_file.name.clone());
    let update_way = super::update::machine::way(config_file.update);
    let insecure_http = args.insecure_http || credentials.insecure_http;
    let file = ConfigFile { name, ..for_terminal(config_file) };
    let config = AgentConfig::new(&data_dir, credentials.server.clone(), credentials.key.clone(), file);
    let config = AgentConfig { insecure_http, tier, update_way, ..config };
    let ended: Result<(), Failure> = runtime.block_on(async {
        let mut signals = Signals::new().context("signals cannot be received")?;
        let (status, mut changes) = watch::channel(Status::Connecting);
        let mut running = std::pin::pin!(crate::agent::run(config, status, stop.clone()));
        loop {
            tokio::select! {
                ended = &mut running => return ended.map_err(|error| failure(error, &data_dir)),
                () = signals.next() => stop.cancel(),
                Ok(()) = changes.changed() => {
                    if let Status::Online(registered) = &*changes.borrow_and_update() {
                        if let Err(error) = credentials.write(&data_dir) {
                            // For the next start; this one has what it needs.
                            tracing::warn!(%error, "server and key could not be written down for the next start");
                        }
                        output.line(format_args!(
                            "connected to {} as {} of {}",
                            credentials.server, registered.machine, registered.organisation
                        ));
                    }
                }
            }
        }
    });
    // Whoever starts an agent for its log looks there, and a service manager may show its standard error to nobody.
    ended.inspect_err(|failure| {
        if logs_to_file {
            tracing::error!("the agent has ended: {}", failure.sentence);
        }
    })
}

/// Stops at the end of standard input, by which a service manager holds an agent that it can send no signal.
fn stop_when_closed(stop: CancellationToken) {
    std::thread::spawn(move || {
        // However it ends, nobody holds it any more.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        stop.cancel();
    });
}

/// Server and key: what is said now goes before what was used last. A key is never sent to another server than its own.
fn credentials(data_dir: &Path, server: Option<String>, key_file: Option<PathBuf>) -> Result<Credentials, Failure> {
    let remembered =
        Credentials::read(data_dir).map_err(|error: CredentialsError| Failure::new(Exit::Failed, error))?;
    let key = match key_file {
        Some(path) => Some(read_key(&path)?),
        None => key_of_environment(),
    };
    let server = server.map(|server| server.trim_end_matches('/').to_owned());
    let known = remembered.filter(|known| server.as_ref().is_none_or(|server| *server == known.server));
    let Some(server) = server.or_else(|| known.as_ref().map(|known| known.server.clone())) else {
        return Err(Failure::new(Exit::Usage, "no server was given")
            .hint("`sessionforge auth login --server https://sf.example.org --key -` stores one, --server names one"));
    };
    match (key, known) {
        (Some(key), Some(known)) => Ok(Credentials { key, ..known }),
        (Some(key), None) => Ok(Credentials::new(server, key)),
        (None, Some(known)) => Ok(known),
        (None, None) => Err(Failure::new(Exit::Usage, format_args!("no API key for {server} was given"))
            .hint(format_args!("create one on the server's page, and put it into {KEY_VARIABLE} or a --key-file"))),
    }
}

/// The key of the environment, if there is one.
pub(super) fn key_of_environment() -> Option<Secret> {
    std::env::var(KEY_VARIABLE).ok().filter(|key| !key.trim().is_empty()).map(|key| Secret::new(key.trim()))
}

/// Whoever starts an agent in a terminal has set up its environment there, unless `agent.json` says where to take it from.
pub(super) fn for_terminal(file: ConfigFile) -> ConfigFile {
    let seen = std::io::stderr().is_terminal() || std::io::stdout().is_terminal();
    let environment = file.environment.or(seen.then_some(Origin::Agent));
    ConfigFile { environment, ..file }
}

fn read_key(path: &Path) -> Result<Secret, Failure> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text))
        .with_context(|| format!("the key file {} cannot be read", path.display()))?;
    if text.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, format_args!("the key file {} is empty", path.display()))
            .hint("create a key on the server's page, under API keys, and write it there"));
    }
    Ok(Secret::new(text.trim()))
}

/// What an agent's end means to the person who started it.
pub(super) fn failure(error: AgentError, data_dir: &Path) -> Failure {
    match error {
        AgentError::AlreadyRunning(_) => {
            Failure::new(Exit::InUse, error).hint("stop that one, or choose another --data-dir")
        }
        AgentError::Refused(UplinkError::Closed { code, reason }) if code == Close::MachineRefused.code() => {
            Failure::new(Exit::Refused, format_args!("the server refuses this machine: {reason}")).hint(format_args!(
                "to register it as a new one, remove {} and start the agent again",
                machines_file(data_dir).display()
            ))
        }
        AgentError::Refused(UplinkError::Address { .. } | UplinkError::InsecureHttp { .. }) => {
            Failure::new(Exit::Usage, error)
        }
        AgentError::Refused(_) => Failure::new(Exit::Refused, error)
            .hint("what the server says is for its owner; `sessionforge auth login` tries anew"),
        AgentError::DataDir(..) | AgentError::RuntimeDir(_) => {
            Failure::new(Exit::Failed, error).hint("choose another place with --data-dir")
        }
        AgentError::Credentials(_) => {
            Failure::new(Exit::Failed, error).hint("`sessionforge auth login` writes it anew")
        }
    }
}
