//! The agent's HTTP for programs of this machine: how one finds it, and who may ask what.
//!
//! It listens on loopback only, on [`PORT`] or, where that is taken, on any other port. A file in the data directory, for
//! its owner alone, says where, and holds a token that is new at each start: whoever can read it can read all else there.
//! A session's program has a token of its own in its environment, which is good for that session only, outlives agents,
//! and is checked by computing it again from a secret of this data directory. `docs/local-api.md` has the addresses.

mod api;
mod handoff;
mod serve;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::api::Api;
pub use self::api::{Link, LocalStatus};
pub use self::handoff::Handed;
use super::Status;
use super::config::AgentConfig;
use super::handing::Handing;
use super::hosts::Hosts;
use super::round_trip::RoundTrip;
use crate::base::id::{SessionId, fill_random};
use crate::base::private;
use crate::base::secret::Secret;

/// The usual port.
pub const PORT: u16 = 3457;

/// Version of the addresses and of what they answer; it stands in each address.
pub const VERSION: u32 = 1;

/// Variable that tells a session's program where the agent was when the session began.
pub const URL_VARIABLE: &str = "SESSIONFORGE_AGENT_URL";

/// Variable that holds a session's own token.
pub const TOKEN_VARIABLE: &str = "SESSIONFORGE_TOKEN";

/// Says where the agent can be asked, and by which token, as long as it runs.
const FILE: &str = "agent/api.json";

/// What sessions' tokens are computed from.
const SECRET_FILE: &str = "agent/session-secret";

/// Random bytes of a token and of the secret.
const RANDOM_BYTES: usize = 32;

/// Where a running agent can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LocalAgent {
    /// See [`VERSION`].
    pub version: u32,
    /// On loopback.
    pub address: SocketAddr,
    /// To be sent as `Authorization: Bearer …`.
    pub token: Secret,
}

impl LocalAgent {
    /// Of the agent that uses `data_dir`, if it left word. It may have been killed since.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data_dir.join(FILE)).ok()?).ok()
    }
}

/// The file that names a running agent.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// What a session's program is told of the agent: nothing if its token cannot be made, which costs the program that alone.
pub fn environment(data_dir: &Path, session: SessionId) -> Vec<(String, String)> {
    let address =
        LocalAgent::read(data_dir).map_or(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), |agent| agent.address);
    match session_token(data_dir, session) {
        Ok(token) => vec![
            (URL_VARIABLE.to_owned(), format!("http://{address}")),
            (TOKEN_VARIABLE.to_owned(), token.expose().to_owned()),
        ],
        Err(cause) => {
            tracing::warn!(%session, %cause, "it gets no token for the agent");
            Vec::new()
        }
    }
}

/// A session's own token: its id, and what only this data directory's owner can compute for it.
fn session_token(data_dir: &Path, session: SessionId) -> io::Result<Secret> {
    let secret = secret(data_dir)?;
    // Hashed twice, each time behind the secret, as HMAC does: one hash alone could be computed on for a longer text.
    let inner = Secret::new(format!("{}{session}", secret.expose())).hash();
    let outer = Secret::new(format!("{}{}", secret.expose(), inner.as_str())).hash();
    Ok(Secret::new(format!("{session}.{}", outer.as_str())))
}

/// The secret of this data directory, made by whoever needs it first.
fn secret(data_dir: &Path) -> io::Result<Secret> {
    let path = data_dir.join(SECRET_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) if text.len() == 2 * RANDOM_BYTES => return Ok(Secret::new(text)),
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(directory) = path.parent() {
        private::create_directory(directory)?;
    }
    // Whole before it has its name, and named only once: two that begin at the same time agree on one.
    let beside = path.with_extension(random().expose().get(..16).unwrap_or("new"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&beside)?.write_all(random().expose().as_bytes())?;
    let named = std::fs::hard_link(&beside, &path);
    // Its other name is gone; a leftover would only be untidy.
    let _ = std::fs::remove_file(&beside);
    match named {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::read_to_string(&path).map(Secret::new),
    }
}

fn random() -> Secret {
    let mut raw = [0; RANDOM_BYTES];
    fill_random(&mut raw);
    let mut hex = String::with_capacity(2 * RANDOM_BYTES);
    for byte in raw {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Secret::new(hex)
}

/// The API while it is served. Dropping it ends it, and removes the file that names it.
pub(super) struct Local {
    file: PathBuf,
    _stop: DropGuard,
}

impl Local {
    /// Serves from now on.
    pub(super) async fn start(
        config: &Arc<AgentConfig>,
        hosts: &Arc<Hosts>,
        handing: &Arc<Handing>,
        status: watch::Receiver<Status>,
        round_trip: &Arc<RoundTrip>,
    ) -> io::Result<Self> {
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        };
        let agent = LocalAgent { version: VERSION, address: listener.local_addr()?, token: random() };
        let file = file(&config.data_dir);
        private::replace_file(&file, &serde_json::to_vec(&agent)?)?;
        let shared = (Arc::clone(config), Arc::clone(hosts), Arc::clone(handing), Arc::clone(round_trip));
        let api = Api::new(agent, shared, status);
        let stop = CancellationToken::new();
        tokio::spawn(serve::serve(listener, api.router(), stop.clone()));
        Ok(Self { file, _stop: stop.drop_guard() })
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // It names a port that nobody listens on any more; whoever reads it is told so.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// The same for connections made elsewhere, with this token and for this address.
#[cfg(fuzzing)]
pub(super) fn connections<S>(
    agent: LocalAgent,
    config: &Arc<AgentConfig>,
    hosts: &Arc<Hosts>,
    handing: &Arc<Handing>,
) -> impl Fn(S) -> std::pin::Pin<Box<dyn Future<Output = ()>>> + use<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let status = watch::channel(Status::Connecting).1;
    let shared = (Arc::clone(config), Arc::clone(hosts), Arc::clone(handing), Arc::default());
    let router = Api::new(agent, shared, status).router();
    move |stream| Box::pin(serve::connection(stream, router.clone()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_token_is_its_own_and_the_same_after_every_restart() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (SessionId::random(), SessionId::random());
        let token = |dir: &tempfile::TempDir, session| session_token(dir.path(), session).unwrap();
        assert!(token(&here, one).same_as(&token(&here, one)));
        assert!(!token(&here, one).same_as(&token(&here, two)));
        assert!(!token(&here, one).same_as(&token(&there, one)), "another data directory's is worth nothing here");
        assert!(token(&here, one).expose().starts_with(&format!("{one}.")));
    }

    #[cfg(unix)]
    #[test]
    fn the_secret_is_for_its_owner_alone_and_made_once() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let secrets: Vec<Secret> = std::thread::scope(|scope| {
            let path = dir.path();
            let made: Vec<_> = (0..8).map(|_| scope.spawn(move || secret(path).unwrap())).collect();
            made.into_iter().map(|made| made.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| secret.same_as(&secrets[0])));
        let mode = std::fs::metadata(dir.path().join(SECRET_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path().join("agent")).unwrap().count(), 1, "nothing is left beside it");
    }
}
