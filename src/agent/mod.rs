//! The agent: finds and starts PTY hosts, holds the one outbound connection to the server.
//!
//! [`run`] is all of it. [`uplink`] is hop 6: what one connection carries. Whatever ends a connection, the next one is
//! made after a delay, for ever; only what a person must mend first ends the agent.

pub mod account;
mod announce;
pub mod config;
mod connect;
pub mod credentials;
mod dial;
pub mod downloads;
mod endpoint;
pub mod environment;
pub mod error;
mod facts;
mod fetch;
#[cfg(fuzzing)]
pub mod fuzzing;
mod handing;
mod hosts;
mod last_screen;
mod link;
mod load;
pub mod local;
mod outbox;
mod register;
mod round_trip;
mod shared;
pub mod updating;
mod uplink;
mod writer;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::config::AgentConfig;
use self::credentials::CredentialsError;
use self::error::{Next, UplinkError};
use self::handing::Handing;
use self::hosts::Hosts;
pub use self::hosts::runtime_dir;
pub use self::register::Registered;
use self::round_trip::{Pings, RoundTrip};
use self::updating::Updating;
use self::uplink::Uplink;
use crate::base::gap::{BEAT_EVERY, Gap};
use crate::base::id::fill_random;
use crate::base::private;
use crate::host::launch::own_executable;
use crate::host::runtime_dir::RuntimeDirError;
use crate::stream::backoff::Backoff;

/// A connection that was registered for this long was healthy: the next failure is a first one.
const HEALTHY_AFTER: Duration = Duration::from_secs(5);

/// How long a new agent waits for one that is about to be gone: a process that was killed holds its files until the
/// system has put it away, and so does a child of it that is just becoming a PTY host.
const TAKE_OVER_WITHIN: Duration = Duration::from_secs(2);

/// Time between two looks whether it is gone.
const TAKE_OVER_EVERY: Duration = Duration::from_millis(20);

/// Why an agent ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// One agent at a time may use a data directory.
    #[error("another agent is running with {0}")]
    AlreadyRunning(PathBuf),
    /// The data directory cannot be used.
    #[error("the data directory {0} cannot be used: {1}")]
    DataDir(PathBuf, #[source] io::Error),
    /// The directory of the PTY hosts cannot be used.
    #[error(transparent)]
    RuntimeDir(#[from] RuntimeDirError),
    /// What was remembered cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// A person must act before there is any use in another try.
    #[error(transparent)]
    Refused(UplinkError),
}

/// How an agent is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// On its way to the server.
    Connecting,
    /// Registered.
    Online(Registered),
    /// Tries again after a while.
    Waiting {
        /// Why the last connection ended.
        cause: String,
        /// Until the next try.
        delay: Duration,
    },
}

/// Runs until `stop` is asked for, or until a person must act.
pub async fn run(
    config: AgentConfig,
    status: watch::Sender<Status>,
    stop: CancellationToken,
) -> Result<(), AgentError> {
    let executable = own_executable().map_err(|cause| AgentError::DataDir(config.data_dir.clone(), cause))?;
    let _lock = tokio::select! {
        lock = take_over(&config.data_dir) => lock?,
        () = stop.cancelled() => return Ok(()),
    };
    let hosts = Arc::new(Hosts::new(&config, executable)?);
    // Not when the first session needs it: the shell may take its time.
    let _resolving = {
        let hosts = Arc::clone(&hosts);
        AbortOnDropHandle::new(tokio::spawn(async move {
            hosts.environment.get().await;
        }))
    };
    let config = Arc::new(config);
    // Sessions and their way to the server do not depend on it.
    let handing = Arc::new(Handing::default());
    let round_trip = Arc::new(RoundTrip::default());
    let _local = local::Local::start(&config, &hosts, &handing, status.subscribe(), &round_trip)
        .await
        .inspect_err(|cause| tracing::warn!(%cause, "programs on this machine cannot ask the agent"));
    let (updating, _watching) = Updating::start(&config.data_dir, config.update_way);
    let mut backoff = Backoff::new();
    loop {
        status.send_replace(Status::Connecting);
        let ended = tokio::select! {
            ended = connection(&config, &hosts, (&handing, &updating), &round_trip, &status, &stop) => ended,
            () = stop.cancelled() => return Ok(()),
        };
        let Err(cause) = ended.outcome else { return Ok(()) };
        if ended.healthy {
            backoff.reset();
        }
        let delay = match cause.next() {
            Next::Stop => return Err(AgentError::Refused(cause)),
            Next::RetryAtOnce => {
                backoff.reset();
                Duration::ZERO
            }
            Next::Retry => backoff.next(random()),
        };
        tracing::warn!(%cause, delay_ms = delay.as_millis(), "not connected");
        status.send_replace(Status::Waiting { cause: cause.to_string(), delay });
        tokio::select! {
            () = awake_for(delay) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

struct Ended {
    outcome: Result<(), UplinkError>,
    healthy: bool,
}

/// One connection from its first packet to its end.
async fn connection(
    config: &Arc<AgentConfig>,
    hosts: &Arc<Hosts>,
    (handing, updating): (&Handing, &Arc<Updating>),
    round_trip: &Arc<RoundTrip>,
    status: &watch::Sender<Status>,
    stop: &CancellationToken,
) -> Ended {
    let registering = async {
        let mut socket = connect::connect(config).await?;
        let registered = register::register(&mut socket, config).await?;
        Ok((socket, registered))
    };
    let (socket, registered) = match registering.await {
        Ok(registered) => registered,
        Err(cause) => return Ended { outcome: Err(cause), healthy: false },
    };
    tracing::info!(machine = %registered.machine, organisation = registered.organisation, "connected");
    status.send_replace(Status::Online(registered));
    let since = Instant::now();
    let pings = Pings::new(Arc::clone(round_trip));
    let uplink = Uplink::new(Arc::clone(config), Arc::clone(hosts), handing.online(), pings, Arc::clone(updating));
    let outcome = uplink.serve(socket, stop).await;
    Ended { outcome, healthy: since.elapsed() >= HEALTHY_AFTER }
}

/// Waits for `delay`, or until this machine wakes up from sleep: then the wait has lasted long enough.
async fn awake_for(delay: Duration) {
    let until = Instant::now() + delay;
    let gap = Gap::new(SystemTime::now());
    while Instant::now() < until && !gap.beat(SystemTime::now()) {
        tokio::time::sleep_until(until.min(Instant::now() + BEAT_EVERY)).await;
    }
}

fn random() -> u32 {
    let mut raw = [0; 4];
    fill_random(&mut raw);
    u32::from_ne_bytes(raw)
}

/// The same as [`lock`], with some patience for an agent that was told to end.
async fn take_over(data_dir: &Path) -> Result<File, AgentError> {
    let until = Instant::now() + TAKE_OVER_WITHIN;
    loop {
        match lock(data_dir) {
            Err(AgentError::AlreadyRunning(_)) if Instant::now() < until => tokio::time::sleep(TAKE_OVER_EVERY).await,
            outcome => return outcome,
        }
    }
}

/// Holds the data directory for this process, until dropped or dead.
fn lock(data_dir: &Path) -> Result<File, AgentError> {
    let error = |cause| AgentError::DataDir(data_dir.to_owned(), cause);
    let path = credentials::lock_file(data_dir);
    if let Some(directory) = path.parent() {
        private::create_directory(directory).map_err(error)?;
    }
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
    match options.open(&path) {
        Ok(file) => {
            #[cfg(unix)]
            rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
                .map_err(|_| AgentError::AlreadyRunning(data_dir.to_owned()))?;
            Ok(file)
        }
        // Windows: whoever has it open shares it with nobody.
        Err(cause) if cfg!(windows) && cause.raw_os_error() == Some(32) => {
            Err(AgentError::AlreadyRunning(data_dir.to_owned()))
        }
        Err(cause) => Err(error(cause)),
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
