//! From a port to connections to requests.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::answer::ApiError;
use super::guest::Guest;
use super::places::{NoPlace, Places};
use super::tls::{Tls, TlsError};
use super::{ServerConfig, Shared};
use crate::store::{OpenError, StoreError};

/// Time from a connection's start to its first whole request. Whoever sends a byte now and then only wants the place.
const FIRST_HEAD_WITHIN: Duration = Duration::from_secs(10);

/// Time in which a further request's head must have come, and for which a connection waits for one.
///
/// Longer than the minute that proxies keep an idle connection (nginx, `keepalive_timeout`), so that a proxy never sends
/// a request into one that we are just closing.
const HEAD_TIME_MAX: Duration = Duration::from_secs(75);

/// A request's head, in bytes, and what is read ahead of a body. hyper's own bound of 400 KiB, times the places, is
/// more than the whole appliance needs; browsers send some 2 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Connections that wait to be accepted: every page and every agent comes at once after a restart. The system has a
/// bound of its own (Linux: 4,096, `net.core.somaxconn`).
const ACCEPT_QUEUE: u32 = 4_096;

/// Pause after the system had no place for another connection, mostly for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections at a time that are told why there is no place for them; more are only closed.
const TURNED_AWAY_AT_ONCE: usize = 16;

/// Time in which they must have taken that in.
const TURNED_AWAY_WITHIN: Duration = Duration::from_secs(1);

/// What repeats is logged this often, with how often it happened.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// Time from a connection's start to the end of its TLS handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// First byte of every TLS connection (RFC 8446, 5.1: the handshake's record type).
const TLS_HANDSHAKE: u8 = 22;

/// What somebody gets who speaks plain HTTP to a port with TLS.
const SPEAK_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
    content-length: 51\r\n\r\nthis port speaks TLS: write https:// instead of http";

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another program has the port.
    #[error("port {port} is in use by another program: choose another with --listen")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on {address} ({detail}): choose another address with --listen")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        detail: String,
    },
    /// Passwords and terminals would cross the network in the clear.
    #[error(
        "{address} can be reached by other machines, and without TLS everybody on the way could read passwords and \
         terminals: give it a certificate with --tls-cert and --tls-key, put a proxy with TLS before it and name it with \
         --trusted-proxy, or accept that with --insecure-http"
    )]
    Exposed {
        /// Where.
        address: SocketAddr,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Metrics name what runs here, and are for this machine.
    #[error("metrics are served to this machine only, and {address} can be reached by others: choose 127.0.0.1")]
    MetricsExposed {
        /// Where.
        address: SocketAddr,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our own fault.
    #[error("the server did not start: {0}")]
    Internal(String),
}

pub(super) fn listen(config: &ServerConfig) -> Result<TcpListener, StartError> {
    let address = config.listen;
    if !config.may_listen(address) {
        return Err(StartError::Exposed { address });
    }
    socket(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => StartError::PortInUse { port: address.port() },
        _ => StartError::Listen { address, detail: error.to_string() },
    })
}

/// The listener of the metrics.
pub(super) fn metrics(address: SocketAddr) -> Result<TcpListener, StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::MetricsExposed { address });
    }
    socket(address).map_err(|error| StartError::Listen { address, detail: error.to_string() })
}

fn socket(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Unix: a server that starts again takes its port although old connections linger. On Windows the same
    // option would let another program take the port from us.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

/// Where a listener listens, if it may.
pub(super) fn address(listener: &TcpListener, config: &ServerConfig) -> Result<SocketAddr, StartError> {
    let address = listener
        .local_addr()
        .map_err(|error| StartError::Listen { address: config.listen, detail: error.to_string() })?;
    if config.may_listen(address) { Ok(address) } else { Err(StartError::Exposed { address }) }
}

/// The URL of an address. Who listens everywhere is reached on this machine as localhost.
pub(super) fn url(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    }
}

/// Serves connections until `shutdown`; those that are open end by themselves after it.
pub(super) async fn accept_all(
    listener: &TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    shared: &Arc<Shared>,
    places: &Arc<Places>,
    shutdown: &CancellationToken,
) {
    let doormen = Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE));
    let (mut failures, mut refusals) = (Seldom::default(), Seldom::default());
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: those who are connected go on, and one of them may leave.
                if let Some(times) = failures.happened(Instant::now()) {
                    tracing::warn!(%error, times, "connections were not accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A key's echo must not wait for the acknowledgement of the one before. A peer that has gone already does not mind.
        let _ = stream.set_nodelay(true);
        match places.take(peer.ip(), Instant::now()) {
            Ok(place) => {
                let (tls, router, shutdown) = (tls.clone(), router.clone(), shared.shutdown.clone());
                shared.tasks.spawn(async move {
                    match tls {
                        None => serve(Guest::new(stream, place), peer, router, shutdown).await,
                        Some(tls) => {
                            if let Some(stream) = shake_hands(stream, &tls).await {
                                serve(Guest::new(stream, place), peer, router, shutdown).await;
                            }
                        }
                    }
                });
            }
            Err(why) => {
                if let Some(times) = refusals.happened(Instant::now()) {
                    tracing::warn!(?why, %peer, times, "connections were refused");
                }
                if let (None, Ok(doorman)) = (&tls, Arc::clone(&doormen).try_acquire_owned()) {
                    shared.tasks.spawn(async move {
                        // Whoever does not listen is closed all the same.
                        let _ = tokio::time::timeout(TURNED_AWAY_WITHIN, turn_away(stream, why)).await;
                        drop(doorman);
                    });
                }
            }
        }
    }
}

/// Says in HTTP why there is no place, before anything was asked.
async fn turn_away(mut stream: TcpStream, why: NoPlace) -> std::io::Result<()> {
    let answer = ApiError::from(why);
    let (status, after, body) = answer.written();
    let head = format!(
        "HTTP/1.1 {status}\r\nretry-after: {after}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await?;
    // What is asked is read away: a connection closed before that would be reset, and the answer lost.
    tokio::io::copy(&mut stream.take(HEAD_BYTES_MAX as u64), &mut tokio::io::sink()).await?;
    Ok(())
}

/// Counts what repeats, so that a log is not filled with it.
#[derive(Debug, Default)]
struct Seldom {
    times: u64,
    said_at: Option<Instant>,
}

impl Seldom {
    /// It happened once more. How often since it was last said, if it is time to say it again.
    fn happened(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        if self.said_at.is_some_and(|at| now.duration_since(at) < SAID_EVERY) {
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

/// The TLS handshake, if it comes to one in time.
async fn shake_hands(mut stream: TcpStream, tls: &Tls) -> Option<TlsStream<TcpStream>> {
    let shaking = async {
        let mut first = [0];
        if stream.peek(&mut first).await? > 0 && first != [TLS_HANDSHAKE] {
            stream.write_all(SPEAK_TLS).await?;
            stream.shutdown().await?;
            // What was asked is read away: a connection closed before that would be reset, and the answer lost.
            tokio::io::copy(&mut stream.take(HEAD_BYTES_MAX as u64), &mut tokio::io::sink()).await?;
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        tls.acceptor().accept(stream).await
    };
    match tokio::time::timeout(HANDSHAKE_WITHIN, shaking).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS handshake");
            None
        }
        Err(_) => None,
    }
}

async fn serve<S>(stream: S, peer: SocketAddr, router: Router, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let asked = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&asked);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        asks.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = nothing_asked(&asked) => {
            tracing::debug!(%peer, "a connection asked for nothing in time");
            return;
        }
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

/// Returns if no request has come by the time the first should have.
async fn nothing_asked(asked: &AtomicBool) {
    tokio::time::sleep(FIRST_HEAD_WITHIN).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}
