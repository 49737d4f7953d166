//! A Unix socket in a directory that only its owner may enter.

use std::io;
use std::path::Path;

use tokio::net::{UnixListener, UnixStream};

/// What peers connect to.
pub(in crate::host) struct Listener {
    socket: UnixListener,
    owner: u32,
}

/// Binds `path`.
///
/// A socket file that nobody listens on is left from a host that crashed, and replaced; a live one is never.
pub(in crate::host) fn bind(path: &Path) -> io::Result<Listener> {
    use std::os::unix::fs::PermissionsExt;
    if path.exists() {
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            Err(error) => return Err(error),
        }
    }
    let socket = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Listener { socket, owner: rustix::process::geteuid().as_raw() })
}

impl Listener {
    /// The next peer of the owner's.
    pub(super) async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.socket.accept().await?;
            // The directory keeps others out already; this holds where somebody has opened it up.
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == self.owner) {
                return Ok(stream);
            }
            tracing::warn!("a connection of another user's was refused");
        }
    }
}
