//! Connections to the agent's HTTP: few, short, and none that holds a place without asking anything.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections at a time: commands and skills of one person.
const CONNECTIONS_MAX: usize = 32;

/// From a connection's start to the end of a request's head; any user of the machine may connect.
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// A request's head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// After an error that concerns no connection, like too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until told to stop.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepting = async {
            let place = Arc::clone(&places).acquire_owned().await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>((listener.accept().await?.0, place))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = accepting => accepted,
        };
        let Ok((stream, place)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, router) => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }
}

/// One connection, until either side ends it.
pub(super) fn connection<S>(stream: S, router: Router) -> impl Future<Output = ()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    async {
        // How a caller ends is the caller's affair.
        let _ = connection.await;
    }
}
