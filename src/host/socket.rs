//! The host's socket: bound for its owner alone, serving several connections at a time.

use std::cell::Cell;
use std::rc::Rc;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use self::unix::{Listener, bind};
#[cfg(windows)]
pub(super) use self::windows::{Listener, bind};
use super::connection;
use super::session::Session;

/// Connections of one host: the agent, one that replaces it, and local terminals.
const CONNECTIONS_MAX: usize = 16;

/// Accepts for ever. Must run inside a `LocalSet`.
pub(super) async fn serve(mut listener: Listener, session: Rc<Session>) {
    let open = Rc::new(Cell::new(0));
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                // Out of descriptors, most likely: those who are connected go on, and one of them may leave.
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        if open.get() >= CONNECTIONS_MAX {
            tracing::warn!(open = open.get(), "a connection was refused");
            continue;
        }
        open.set(open.get() + 1);
        let (session, open) = (Rc::clone(&session), Rc::clone(&open));
        tokio::task::spawn_local(async move {
            if let Err(error) = connection::serve(stream, session).await {
                tracing::info!(%error, "a connection was closed");
            }
            open.set(open.get() - 1);
        });
    }
}
