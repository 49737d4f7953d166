//! From a port to connections to requests.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::tls::{Tls, TlsError};
use super::{ServerConfig, Shared};
use crate::store::{OpenError, StoreError};

/// HTTP connections at a time; one that became a WebSocket gives its place back. A thousand pages that load
/// at once open six each, and more wait in the system's queue.
const CONNECTIONS_MAX: usize = 8_192;

/// Time in which a request's head must have come, and for which a connection waits for another request.
///
/// Longer than the minute that proxies keep an idle connection (nginx, `keepalive_timeout`), so that a proxy never sends
/// a request into one that we are just closing.
const HEAD_TIME_MAX: Duration = Duration::from_secs(75);

/// A request's head, in bytes, and what is read ahead of a body. hyper's own bound of 400 KiB, times the places, is
/// more than the whole appliance needs.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Connections that wait to be accepted: every page and every agent comes at once after a restart. The system has a
/// bound of its own (Linux: 4,096, `net.core.somaxconn`).
const ACCEPT_QUEUE: u32 = 4_096;

/// Pause after the system had no place for another connection, mostly for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    shutdown: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = accept(listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let (tls, router, shutdown) = (tls.clone(), router.clone(), shared.shutdown.clone());
                shared.tasks.spawn(async move {
                    match tls {
                        None => serve(stream, peer, router, shutdown).await,
                        Some(tls) => {
                            if let Some(stream) = shake_hands(stream, &tls).await {
                                serve(stream, peer, router, shutdown).await;
                            }
                        }
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // A key's echo must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
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
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
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
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}
