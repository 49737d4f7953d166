//! `sessionforge server`: the page, the accounts, and the way to all machines.

#[cfg(unix)]
mod again;
pub(super) mod args;
mod config_file;
#[cfg(unix)]
mod daemon;
mod maintain;
mod update;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure};
use super::output::{Look, Output};
use super::signals::Signals;
use super::{logging, paths};
use crate::server::{FirstLink, Server, ServerConfig, StartError, TlsFiles, open_files};
use crate::store::{OpenError, copy_closed};

/// Threads for what blocks: looks into the database, which take microseconds, and at most four password hashes. The
/// library's 512 would all be started, at some ten KiB each, when a thousand agents come back at once.
const BLOCKING_THREADS_MAX: usize = 32;

/// What still runs when the server has ended in order gets this long before it is cut.
const STOPS_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);

/// The log of a server in the background, inside its data directory.
#[cfg(unix)]
const BACKGROUND_LOG: &str = "logs/server.log";

/// The process id of a server in the background, likewise.
#[cfg(unix)]
const PID_FILE: &str = "server.pid";

#[cfg(fuzzing)]
pub(super) use config_file::check as check_config_file;

pub(super) fn run(mut args: args::Server, output: &mut Output) -> Result<(), Failure> {
    let data_dir = paths::data_dir(args.data_dir.clone())?;
    if let Some(command) = args.command.take() {
        return maintain::run(command, &data_dir, output);
    }
    let args = config_file::apply(args, &data_dir)?;
    if args.daemon { in_background(args, &data_dir, output) } else { serve(args, &data_dir, output, || ()) }
}

#[cfg(unix)]
fn in_background(mut args: args::Server, data_dir: &Path, output: &mut Output) -> Result<(), Failure> {
    let absolute = |path: PathBuf| std::path::absolute(path).context("there is no current directory");
    // Its working directory will be another one.
    let log = args.log_file.take().map(absolute).transpose()?.unwrap_or_else(|| data_dir.join(BACKGROUND_LOG));
    args.tls_cert = args.tls_cert.take().map(absolute).transpose()?;
    args.tls_key = args.tls_key.take().map(absolute).transpose()?;
    let pid_file = args.pid_file.take().map(absolute).transpose()?.unwrap_or_else(|| data_dir.join(PID_FILE));
    let mut teller = match daemon::detach(&pid_file, data_dir, output)? {
        daemon::Side::Started => return Ok(()),
        daemon::Side::Background(teller) => Some(teller),
    };
    let (mut kept, said) = Output::kept();
    args.log_file = Some(log);
    let ended = serve(args, data_dir, &mut kept, || {
        if let Some(teller) = teller.take() {
            teller.ready(said.text());
        }
    });
    if let (Err(failure), Some(teller)) = (&ended, teller) {
        teller.failed(failure);
    }
    // It named a process that is no more.
    let _ = std::fs::remove_file(&pid_file);
    ended
}

#[cfg(not(unix))]
fn in_background(_: args::Server, _: &Path, _: &mut Output) -> Result<(), Failure> {
    Err(Failure::new(Exit::Usage, "--daemon is for Unix")
        .hint("on Windows a task of Task Scheduler that runs `sessionforge server` starts it with the machine"))
}

/// Serves until it is told to stop. `ready` is called once it listens and has said so.
fn serve(args: args::Server, data_dir: &Path, output: &mut Output, ready: impl FnOnce()) -> Result<(), Failure> {
    let json = args.log_format == args::LogFormat::Json;
    #[cfg(unix)]
    let again = again::Again::of_this_process();
    let log_file = args.log_file.clone();
    let _log = logging::start_as(logging::Log { file: args.log_file, json, days: args.log_days })?;
    open_files::raise_limit();
    let config = ServerConfig {
        listen: args.listen,
        public_url: args.public_url,
        insecure_http: args.insecure_http,
        tls: args.tls_cert.zip(args.tls_key).map(|(certificate, key)| TlsFiles { certificate, key }),
        metrics_listen: args.metrics_listen,
        trusted_proxies: args.trusted_proxies,
        notify_allow: args.notify_allow,
        ..ServerConfig::new(data_dir)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .context("the server cannot start")?;
    let ended: Result<Option<Restarting>, Failure> = runtime.block_on(async {
        let mut signals = Signals::new().context("signals cannot be received")?;
        #[cfg(unix)]
        let listener = again::listener(config.listen)?;
        #[cfg(not(unix))]
        let listener = None;
        let server = Server::bind(config, listener).await.map_err(failure)?;
        let link = server.first_link().await.map_err(failure)?;

        output.line(format_args!("SessionForge {} at {}", env!("CARGO_PKG_VERSION"), server.url()));
        output.fact("Data", data_dir.display());
        match link {
            FirstLink::SetUp(url) => {
                output.fact("Set up", output.paint(Look::Accent, url));
                output.fact("", output.paint(Look::Faint, "makes the owner's account; works once"));
            }
            FirstLink::SignIn(url) => {
                output.fact("Sign in", output.paint(Look::Accent, url));
                output.fact("", output.paint(Look::Faint, "works once, within ten minutes"));
            }
            FirstLink::NotNeeded => {}
        }
        if let Some(address) = server.metrics_address() {
            output.fact("Metrics", format_args!("http://{address}/metrics"));
        }
        ready();

        let shutdown = CancellationToken::new();
        let restart = server.restart();
        let asked = if cfg!(unix) { restart.enable() } else { CancellationToken::new() };
        #[cfg(unix)]
        let socket = server.socket();
        let mut running = std::pin::pin!(server.run(shutdown.clone()));
        let starts_again = tokio::select! {
            () = &mut running => return Ok(None),
            () = signals.next() => false,
            () = asked.cancelled() => true,
        };
        shutdown.cancel();
        tokio::select! {
            () = running => {}
            () = signals.next() => return Ok(None), // Who says it twice means now.
        }
        Ok(starts_again.then(|| Restarting {
            copy_to: restart.copy_to(),
            #[cfg(unix)]
            socket,
        }))
    });
    // Whatever still runs holds the state open.
    runtime.shutdown_timeout(STOPS_WITHIN);
    let Some(restarting) = ended? else { return Ok(()) };
    if let Some(to) = &restarting.copy_to
        && let Err(error) = copy_closed(data_dir, to)
    {
        // The backup that was made while it ran is there.
        tracing::warn!(%error, to = %to.display(), "the state was not copied once more at the stop");
    }
    #[cfg(unix)]
    if let Some(again) = again {
        return Err(again.start(restarting.socket.as_ref(), log_file.as_ref()));
    }
    let _ = log_file;
    Ok(())
}

/// What the server takes along when it starts itself again.
struct Restarting {
    copy_to: Option<PathBuf>,
    #[cfg(unix)]
    socket: Option<std::os::fd::OwnedFd>,
}

/// What it means to the person that the server did not start.
pub(super) fn failure(error: StartError) -> Failure {
    let exit = match &error {
        StartError::PortInUse { .. } | StartError::Open(OpenError::Locked { .. }) => Exit::InUse,
        StartError::Exposed { .. } | StartError::MetricsExposed { .. } | StartError::Tls(_) => Exit::Usage,
        StartError::Open(_) | StartError::Listen { .. } | StartError::Store(_) | StartError::Internal(_) => {
            Exit::Failed
        }
    };
    Failure::new(exit, error)
}
