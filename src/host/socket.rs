//! The host's socket: bound for its owner alone, serving several connections at a time.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use tokio::net::UnixListener;

use super::connection;
use super::session::Session;

/// Connections of one host: the agent, one that replaces it, and local terminals.
const CONNECTIONS_MAX: usize = 16;

/// Binds `path`, in a directory that only its owner may enter.
///
/// A socket file that nobody listens on is left from a host that crashed, and replaced; a live one is never.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    if path.exists() {
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            Err(error) => return Err(error),
        }
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Accepts for ever. Must run inside a `LocalSet`.
pub(super) async fn serve(listener: UnixListener, session: Rc<Session>) {
    let open = Rc::new(Cell::new(0));
    let owner = rustix::process::geteuid().as_raw();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: those who are connected go on, and one of them may leave.
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        // The directory keeps others out already; this holds where somebody has opened it up.
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == owner) || open.get() >= CONNECTIONS_MAX {
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
