//! The server: HTTP, WebSocket, the dashboard, and the relay between viewers and agents.

mod agent_socket;
pub mod answer;
mod api;
mod assets;
mod audit;
pub mod auth;
mod config;
mod downloads;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guest;
mod handoff;
mod handoff_asked;
mod heart;
mod install;
mod links;
mod listen;
mod local;
mod metrics;
mod notify;
pub mod open_files;
mod openapi;
mod places;
mod pulse;
mod rate;
pub mod relay;
mod releases;
mod restart;
mod router;
pub mod routes;
mod socket;
mod tagged;
mod tls;
mod updates;
pub mod upgrade;
mod viewer_socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::{LISTEN_DEFAULT, PublicUrl, PublicUrlError, ServerConfig};
pub use links::{FirstLink, console_reset_link};
pub use listen::StartError;
pub use local::{LocalServer, ServerStatus};
pub use restart::Restart;
pub use tls::{TlsError, TlsFiles};

use crate::base::clock::unix_millis;
use crate::store::Store;
use places::Places;
use relay::Relay;

/// Time that connections get to end in order when the server stops.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(3);

/// How often connections are looked through for keys that have expired.
const EXPIRY_EVERY: Duration = Duration::from_millis(500);

/// What every handler may use.
pub struct Shared {
    /// What is on disk.
    pub store: Store,
    /// What is connected.
    pub relay: Arc<Relay>,
    /// What the server was told at its start.
    pub config: ServerConfig,
    /// How people reach the server, without a slash at the end.
    pub url: String,
    /// Whether only this machine reaches it directly.
    pub(crate) on_loopback: bool,
    /// Cancelled when the server stops.
    pub shutdown: CancellationToken,
    /// What the server's end waits for, for a short while.
    pub tasks: TaskTracker,
    pub(crate) sign_in: auth::SignIn,
    pub(crate) metrics: metrics::Metrics,
    pub(in crate::server) notify: notify::Notifier,
    watchers: audit::Watchers,
    refusals: audit::Refusals,
    /// The agents' program, for each kind of machine.
    releases: releases::Releases,
    rollouts: updates::Rollouts,
    restart: Arc<Restart>,
    pub(crate) started_at: SystemTime,
    /// For people and agents.
    places: Arc<Places>,
}

/// A server that has its data and its port, and answers once it runs.
pub struct Server {
    shared: Arc<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<tls::Tls>>,
    metrics: Option<TcpListener>,
    local: local::Local,
}

impl Server {
    /// Takes the data directory and the port: `listener` if given, else `config.listen`.
    pub async fn bind(config: ServerConfig, listener: Option<TcpListener>) -> Result<Self, StartError> {
        let listener = match listener {
            Some(listener) => listener,
            None => listen::listen(&config)?,
        };
        let address = listen::address(&listener, &config)?;
        let tls = config.tls.clone().map(tls::Tls::new).transpose()?.map(Arc::new);
        let metrics = config.metrics_listen.map(listen::metrics).transpose()?;
        let dir = config.data_dir.clone();
        let store = tokio::task::spawn_blocking(move || Store::open(&dir))
            .await
            .map_err(|error| StartError::Internal(error.to_string()))??;
        let local = local::Local::bind(&config.data_dir).await?;
        let url = config.public_url.as_ref().map_or_else(|| listen::url(address, tls.is_some()), PublicUrl::origin);
        let places = Places::new(open_files::limit(), config.trusted_proxies.clone());
        let relay = Arc::new(Relay::new(store.clone()));
        let releases = releases::Releases::new(&config.data_dir);
        let shared = Arc::new(Shared {
            sign_in: auth::SignIn::load(Arc::clone(&relay)).await?,
            relay,
            store,
            notify: notify::Notifier::new(config.notify_allow.clone()),
            config,
            url,
            on_loopback: address.ip().is_loopback(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
            metrics: metrics::Metrics::default(),
            watchers: audit::Watchers::default(),
            refusals: audit::Refusals::default(),
            releases,
            rollouts: updates::Rollouts::default(),
            restart: Arc::default(),
            started_at: SystemTime::now(),
            places,
        });
        Ok(Self { shared, listener, address, tls, metrics, local })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is asked to start itself again.
    pub fn restart(&self) -> Arc<Restart> {
        Arc::clone(&self.shared.restart)
    }

    /// The socket it listens on, once more: open as long as either is.
    #[cfg(unix)]
    pub fn socket(&self) -> Option<std::os::fd::OwnedFd> {
        std::os::fd::AsFd::as_fd(&self.listener).try_clone_to_owned().ok()
    }

    /// Where it serves metrics, if it does.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// How people reach it, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Answers until `shutdown` is cancelled, then ends what is open within three seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { shared, listener, tls, metrics, local, .. } = self;
        let router = router::router(Arc::clone(&shared));
        let people = listen::accept_all(&listener, tls, router, &shared, &shared.places, &shutdown);
        // Of their own, so that commands and monitoring get through whoever takes all other places.
        let (own, watched) = (Places::few(), Places::few());
        let commands = listen::accept_all(&local.listener, None, local.router(&shared), &shared, &own, &shutdown);
        let monitoring = async {
            if let Some(metrics) = &metrics {
                let router = metrics::router(Arc::clone(&shared));
                listen::accept_all(metrics, None, router, &shared, &watched, &shutdown).await;
            }
        };
        let trimming = Arc::clone(&shared);
        shared.tasks.spawn(async move { audit::trim_daily(&trimming).await });
        let summing = Arc::clone(&shared);
        shared.tasks.spawn(async move { audit::sum_up_hourly(&summing).await });
        let telling = Arc::clone(&shared);
        shared.tasks.spawn(async move { notify::tell_all(&telling).await });
        let delivering = Arc::clone(&shared);
        shared.tasks.spawn(async move { notify::webhook::deliver_all(&delivering).await });
        if let Err(error) = updates::resume(&shared).await {
            tracing::warn!(%error, "what was being updated is not gone on with");
        }
        let expiring = async {
            let mut beat = tokio::time::interval(EXPIRY_EVERY);
            while shutdown.run_until_cancelled(beat.tick()).await.is_some() {
                shared.relay.close_expired(unix_millis());
                shared.relay.end_handoffs(unix_millis()).await;
            }
        };
        tokio::join!(people, commands, monitoring, expiring);
        drop((listener, metrics, local));
        shared.shutdown.cancel();
        shared.tasks.close();
        let ended = async {
            shared.relay.shutdown().await;
            shared.tasks.wait().await;
            // What the connections had to say as they ended.
            shared.relay.flush().await;
            audit::sum_up(&shared).await;
        };
        if tokio::time::timeout(SHUTDOWN_TIME_MAX, ended).await.is_err() {
            tracing::warn!(open = shared.tasks.len(), "connections were cut");
        }
    }
}
