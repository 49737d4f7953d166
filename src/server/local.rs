//! What commands on the same machine ask of a running server: `sessionforge server backup`, `audit verify`.
//!
//! redb lets one process have the file, so these go through the server: over HTTP on loopback, a port of its own and a token
//! that stands, with the port, in a file of the data directory that only its owner can read. Whoever can read that file can
//! read the state itself, so nothing is given away; a page or another user of the machine has no token.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, extract::DefaultBodyLimit};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::answer::ApiError;
use super::auth::cookie::random_token;
use super::{Shared, StartError, links};
use crate::base::private;
use crate::base::problem::{Code, Problem};
use crate::base::secret::Secret;
use crate::store::audit::{Action, Actor, Event};
use crate::wire::build;

/// Says where the server can be asked, and by which token. In the data directory, 0600, as long as the server runs.
const FILE: &str = "server.json";

/// A backup on its way to whoever asked for it; the rest of the name is random.
const BACKUP_PREFIX: &str = ".backup-";

/// One piece of a backup on its way, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// Where a running server can be asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct LocalServer {
    /// On loopback.
    pub address: SocketAddr,
    /// To be sent as `Authorization: Bearer …`.
    pub token: Secret,
}

impl LocalServer {
    /// Of the server that uses `data_dir`, if it left word. It may have been killed since.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data_dir.join(FILE)).ok()?).ok()
    }
}

/// The listener, and the file that names it. Dropping it removes the file.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) listener: TcpListener,
    token: Secret,
    file: PathBuf,
}

impl Local {
    pub(super) async fn bind(data_dir: &Path) -> Result<Self, StartError> {
        remove_leftovers(data_dir);
        let failed = |error: std::io::Error| StartError::Internal(format!("no local port: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let (address, token, file) = (listener.local_addr().map_err(failed)?, random_token(), data_dir.join(FILE));
        let said = serde_json::to_vec(&LocalServer { address, token: token.clone() })
            .map_err(|error| StartError::Internal(error.to_string()))?;
        private::replace_file(&file, &said)
            .map_err(|error| StartError::Internal(format!("{} cannot be written: {error}", file.display())))?;
        Ok(Self { listener, token, file })
    }

    pub(super) fn router(&self, shared: &Arc<Shared>) -> Router {
        let token = self.token.clone();
        let admit = move |headers: HeaderMap, request: Request, next: Next| {
            let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let said = said.and_then(|text| text.strip_prefix("Bearer ")).map(Secret::new);
            let admitted = said.is_some_and(|said| said.same_as(&token)) && !headers.contains_key(header::ORIGIN);
            async move {
                if admitted {
                    return next.run(request).await;
                }
                ApiError::new(Code::NotSignedIn, "this port is for commands on this machine").into_response()
            }
        };
        Router::new()
            .route("/backup", get(backup))
            .route("/audit/verify", get(verify))
            .route("/reset-password", get(reset_password))
            .route("/allow-any-address", get(allow_any_address))
            .route("/status", get(status))
            .route("/restart", get(restart))
            .layer(DefaultBodyLimit::max(PIECE_BYTES))
            .layer(middleware::from_fn(admit))
            .with_state(Arc::clone(shared))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // It names a port that nobody listens on any more; whoever reads it is told so.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// `GET /backup`: the whole state, as it is now.
async fn backup(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let path = shared.config.data_dir.join(format!("{BACKUP_PREFIX}{}", random_token().expose()));
    let temporary = Temporary(path.clone());
    let rows = shared.store.backup_to(path.clone()).await?;
    let file = tokio::fs::File::open(&path).await.map_err(Problem::internal)?;
    let bytes = file.metadata().await.map_err(Problem::internal)?.len();
    shared.store.note(Event::of_server(Actor::Server, Action::Backup).fact("rows", rows)).await?;
    tracing::info!(rows, bytes, "a backup was made");
    let pieces = futures_util::stream::unfold((file, temporary), async |(mut file, temporary)| {
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some((Ok(Bytes::from(piece)), (file, temporary)))
            }
            Err(error) => Some((Err(error), (file, temporary))),
        }
    });
    Ok(([(header::CONTENT_LENGTH, bytes)], Body::from_stream(pieces)).into_response())
}

/// How a running server is, for `server update`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its version.
    pub build: String,
    /// Its process.
    pub pid: u32,
    /// Whether requests can be answered.
    pub ready: bool,
    /// Whether it can start itself again.
    pub restarts: bool,
    /// How people reach it.
    pub url: String,
}

/// `GET /status`
async fn status(State(shared): State<Arc<Shared>>) -> Json<ServerStatus> {
    Json(ServerStatus {
        build: build::version().to_owned(),
        pid: std::process::id(),
        ready: !shared.relay.is_closing() && shared.store.is_readable().await,
        restarts: shared.restart.is_possible(),
        url: shared.url.clone(),
    })
}

#[derive(Debug, Deserialize)]
struct Copied {
    to: PathBuf,
}

/// `GET /restart`: starts again from the file that is in the program's place now. What the state was when it stopped is in
/// the file `to` before anything else opens it.
async fn restart(State(shared): State<Arc<Shared>>, Query(Copied { to }): Query<Copied>) -> Result<Response, ApiError> {
    if !shared.restart.ask(to) {
        let message = "this server cannot start itself again: stop it, and start it again";
        return Err(ApiError::new(Code::Conflict, message));
    }
    tracing::info!("the server starts itself again");
    Ok(Json(serde_json::json!({})).into_response())
}

/// Removes what a server that was killed in the middle of a backup has left.
fn remove_leftovers(data_dir: &Path) {
    let Ok(entries) = std::fs::read_dir(data_dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(BACKUP_PREFIX) {
            // One that cannot be removed costs room and nothing else.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A file that goes when it has been sent, or when whoever wanted it has gone.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What is left is removed at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[derive(Debug, Deserialize)]
struct Noted {
    seq: Option<u64>,
    hash: Option<String>,
}

/// `GET /audit/verify`: every chain of the audit log, checked from end to end.
async fn verify(
    State(shared): State<Arc<Shared>>,
    Query(Noted { seq, hash }): Query<Noted>,
) -> Result<Response, ApiError> {
    Ok(Json(shared.store.audit_verify(seq.zip(hash)).await?).into_response())
}

#[derive(Debug, Deserialize)]
struct Reset {
    email: String,
    #[serde(default)]
    remove_second_factor: bool,
}

/// `GET /reset-password`: a link with which the person of an e-mail address chooses a new password.
async fn reset_password(
    State(shared): State<Arc<Shared>>,
    Query(Reset { email, remove_second_factor }): Query<Reset>,
) -> Result<Response, ApiError> {
    let url = links::console_reset_link(&shared.store, &shared.url, &email, remove_second_factor).await?;
    Ok(Json(serde_json::json!({ "url": url })).into_response())
}

#[derive(Debug, Deserialize)]
struct Freed {
    organisation: Option<String>,
}

/// `GET /allow-any-address`: people come in from anywhere again, for an admin who is locked out. Answers which
/// organisations had a list.
async fn allow_any_address(
    State(shared): State<Arc<Shared>>,
    Query(Freed { organisation }): Query<Freed>,
) -> Result<Response, ApiError> {
    let freed = shared.store.allow_any_address(organisation).await?;
    Ok(Json(freed.into_iter().map(|row| row.name).collect::<Vec<_>>()).into_response())
}
