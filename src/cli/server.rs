//! `sessionforge server`: the page, the accounts, and the way to all machines.

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::args;
use super::failure::{Exit, Failure};
use super::output::{Look, Output};
use super::signals::Signals;
use super::{logging, paths};
use crate::server::{FirstLink, Server, ServerConfig, StartError, open_files};
use crate::store::OpenError;

/// Threads for what blocks: looks into the database, which take microseconds, and at most four password hashes. The
/// library's 512 would all be started, at some ten KiB each, when a thousand agents come back at once.
const BLOCKING_THREADS_MAX: usize = 32;

pub(super) fn run(args: args::Server, output: &mut Output) -> Result<(), Failure> {
    let data_dir = paths::data_dir(args.data_dir)?;
    let _log = logging::start(args.log_file)?;
    open_files::raise_limit();
    let config = ServerConfig {
        listen: args.listen,
        public_url: args.public_url,
        insecure_http: args.insecure_http,
        trusted_proxies: args.trusted_proxies,
        ..ServerConfig::new(&data_dir)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .context("the server cannot start")?;
    runtime.block_on(async {
        let mut signals = Signals::new().context("signals cannot be received")?;
        let server = Server::bind(config, None).await.map_err(failure)?;
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

        let shutdown = CancellationToken::new();
        let mut running = std::pin::pin!(server.run(shutdown.clone()));
        tokio::select! {
            () = &mut running => return Ok(()),
            () = signals.next() => shutdown.cancel(),
        }
        tokio::select! {
            () = running => {}
            () = signals.next() => {} // Who says it twice means now.
        }
        Ok(())
    })
}

/// What it means to the person that the server did not start.
pub(super) fn failure(error: StartError) -> Failure {
    let exit = match &error {
        StartError::PortInUse { .. } | StartError::Open(OpenError::Locked { .. }) => Exit::InUse,
        StartError::Exposed { .. } => Exit::Usage,
        StartError::Open(_) | StartError::Listen { .. } | StartError::Store(_) | StartError::Internal(_) => {
            Exit::Failed
        }
    };
    Failure::new(exit, error)
}
