//! The addresses of the agent's HTTP, and who may ask them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{LocalAgent, VERSION, handoff, session_token};
use crate::agent::Status;
use crate::agent::config::AgentConfig;
use crate::agent::environment::EnvironmentFacts;
use crate::agent::handing::Handing;
use crate::agent::hosts::{self, Hosts, Opening};
use crate::agent::round_trip::RoundTrip;
use crate::base::clock::unix_millis;
use crate::base::id::{IdError, MachineId, SessionId};
use crate::base::problem::{Code, Problem};
use crate::base::secret::Secret;
use crate::host::client::{ConnectError, HostClient};
use crate::host::runtime_dir;
use crate::wire::hello::Role;
use crate::wire::message::SessionAsk;
use crate::wire::session::{Launch, SessionInfo};

/// A request's body, in bytes: a command with every argument at its longest does not fit, no person's does not.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Size of a session that nobody watches yet; the first viewer brings its own.
const SIZE: (u16, u16) = (80, 24);

/// What `GET /v1/status` answers. Fields may be added, none is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalStatus {
    /// See [`VERSION`].
    pub version: u32,
    /// The agent's version.
    pub build: String,
    /// Its process.
    pub pid: u32,
    /// Since when it runs, in milliseconds since 1970.
    pub started_at: u64,
    /// Address of its server.
    pub server: String,
    /// How the way there is.
    pub link: Link,
    /// Since when it is so, in milliseconds since 1970.
    pub link_since: u64,
    /// How long the way to the server and back took when it was measured last, in microseconds: not before it was, and
    /// not of an older agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<u64>,
    /// How sessions are given a terminal here.
    pub terminal: String,
}

/// The agent's way to its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Link {
    /// Being made.
    Connecting,
    /// Made.
    Online {
        /// What this machine is there.
        machine: MachineId,
        /// Name of the organisation it belongs to.
        organisation: String,
        /// Version of the server; an older agent does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        build: Option<String>,
    },
    /// Broken, and tried again after a while.
    Waiting {
        /// Why.
        cause: String,
    },
    /// A state of a newer agent.
    #[serde(other)]
    Unknown,
}

impl From<&Status> for Link {
    fn from(status: &Status) -> Self {
        match status {
            Status::Connecting => Self::Connecting,
            Status::Online(registered) => Self::Online {
                machine: registered.machine,
                organisation: registered.organisation.clone(),
                build: Some(registered.server_build.clone()),
            },
            Status::Waiting { cause, .. } => Self::Waiting { cause: cause.clone() },
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Whoever can read the data directory.
    Owner,
    /// The program of a session.
    Session(SessionId),
}

impl Caller {
    fn check_owner(self) -> Result<(), Refused> {
        match self {
            Self::Owner => Ok(()),
            Self::Session(_) => Err(not_allowed("a session's own token is good for that session only")),
        }
    }

    pub(super) fn check_may(self, session: SessionId) -> Result<(), Refused> {
        if self == Self::Session(session) { Ok(()) } else { self.check_owner() }
    }
}

/// What all requests share.
pub(super) struct Api {
    agent: LocalAgent,
    pub(super) config: Arc<AgentConfig>,
    hosts: Arc<Hosts>,
    pub(super) handing: Arc<Handing>,
    status: watch::Receiver<Status>,
    round_trip: Arc<RoundTrip>,
    started_at: u64,
    /// The link that was seen last, and since when it is so.
    link: Mutex<(Link, u64)>,
}

impl Api {
    pub(super) fn new(
        agent: LocalAgent,
        (config, hosts, handing, round_trip): (Arc<AgentConfig>, Arc<Hosts>, Arc<Handing>, Arc<RoundTrip>),
        status: watch::Receiver<Status>,
    ) -> Arc<Self> {
        let (now, link) = (unix_millis(), Link::from(&*status.borrow()));
        let link = Mutex::new((link, now));
        Arc::new(Self { agent, config, hosts, handing, status, round_trip, started_at: now, link })
    }

    pub(super) fn router(self: Arc<Self>) -> Router {
        tokio::spawn(watch_link(Arc::downgrade(&self), self.status.clone()));
        Router::new()
            .route("/v1/status", get(status))
            .route("/v1/environment", get(environment).post(resolve_environment))
            .route("/v1/sessions", get(sessions).post(start))
            .route("/v1/sessions/{id}", get(session))
            .route("/v1/sessions/{id}/stop", post(stop))
            .route("/v1/sessions/{id}/pause", post(handoff::pause))
            .route("/v1/sessions/{id}/resume", post(handoff::resume))
            .route("/v1/sessions/{id}/handoff", post(handoff::look))
            .fallback(async || refused(Code::NotFound, "there is no such address; docs/local-api.md has them"))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(middleware::from_fn_with_state(Arc::clone(&self), admit))
            .with_state(self)
    }

    /// Whose token this is.
    fn caller(&self, token: &Secret) -> Option<Caller> {
        if token.same_as(&self.agent.token) {
            return Some(Caller::Owner);
        }
        let session: SessionId = token.expose().split_once('.')?.0.parse().ok()?;
        let expected = session_token(&self.config.data_dir, session).ok()?;
        token.same_as(&expected).then_some(Caller::Session(session))
    }

    fn is_named(&self, host: &str) -> bool {
        let port = self.agent.address.port();
        ["127.0.0.1", "localhost"].iter().any(|name| host == format!("{name}:{port}"))
    }

    /// Tells a session's program to end. That it has is seen later.
    async fn stop(&self, session: SessionId, force: bool) -> Result<(), Problem> {
        let facts = runtime_dir::read_facts(&hosts::runtime_dir(&self.config.data_dir), session)
            .ok_or_else(|| Problem::new(Code::NotFound, "there is no such session on this machine"))?;
        match HostClient::connect(&facts.socket, Role::Agent).await {
            Ok(host) => Ok(host.tell(&SessionAsk::Stop { force }).await?),
            Err(ConnectError::Gone) => Err(Problem::new(Code::SessionEnded, "the session's program has ended")),
            Err(error) => Err(error.into()),
        }
    }

    async fn info(&self, session: SessionId) -> Result<SessionInfo, Refused> {
        match self.hosts.open(session).await {
            Opening::Live(host) => Ok(host.info.clone()),
            Opening::Mute(info) | Opening::Ended(info) => Ok(info),
            Opening::Missing => Err(refused(Code::NotFound, "there is no such session on this machine")),
        }
    }
}

/// Notes when the link changes, for as long as anybody can ask.
async fn watch_link(api: std::sync::Weak<Api>, mut status: watch::Receiver<Status>) {
    while status.changed().await.is_ok() {
        let Some(api) = api.upgrade() else { return };
        let link = Link::from(&*status.borrow_and_update());
        *api.link.lock().unwrap_or_else(PoisonError::into_inner) = (link, unix_millis());
    }
}

/// Lets in who has a token and is no browser: a page of any site can make one send requests here.
async fn admit(State(api): State<Arc<Api>>, headers: HeaderMap, mut request: Request<Body>, next: Next) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if !text(header::HOST).is_some_and(|host| api.is_named(host)) {
        // A name of somebody else's that leads here.
        return not_allowed("ask by the address 127.0.0.1").into_response();
    }
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return not_allowed("this address is for programs on this machine, not for pages").into_response();
    }
    let token = text(header::AUTHORIZATION).and_then(|said| said.strip_prefix("Bearer ")).map(Secret::new);
    let Some(caller) = token.and_then(|token| api.caller(&token)) else {
        let message = "no valid token was sent: it is in agent/api.json of the data directory, and in SESSIONFORGE_TOKEN of \
                       a session";
        return refused(Code::NotSignedIn, message).into_response();
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn status(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<LocalStatus>, Refused> {
    caller.check_owner()?;
    let (link, link_since) = api.link.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Json(LocalStatus {
        version: VERSION,
        build: crate::wire::build::version().to_owned(),
        pid: std::process::id(),
        started_at: api.started_at,
        server: api.config.server.clone(),
        link,
        link_since,
        round_trip_us: api.round_trip.last().map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
        terminal: api.config.tier.to_string(),
    }))
}

/// Where sessions' environment comes from.
async fn environment(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<EnvironmentFacts>, Refused> {
    caller.check_owner()?;
    Ok(Json(api.hosts.environment.facts().await))
}

/// The same, after the login shell was asked anew.
async fn resolve_environment(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<EnvironmentFacts>, Refused> {
    caller.check_owner()?;
    api.hosts.environment.refresh().await;
    Ok(Json(api.hosts.environment.facts().await))
}

#[derive(Debug, Serialize)]
struct Listed {
    sessions: Vec<SessionInfo>,
}

/// All sessions, also those that have ended; to a session's own program, that one.
async fn sessions(State(api): State<Arc<Api>>, Extension(caller): Extension<Caller>) -> Result<Json<Listed>, Refused> {
    if let Caller::Session(session) = caller {
        return Ok(Json(Listed { sessions: vec![api.info(session).await?] }));
    }
    let known = api.hosts.sessions().map_err(|cause| Refused(Problem::internal(cause)))?;
    let found = join_all(known.into_iter().map(|session| api.info(session))).await;
    let mut sessions: Vec<SessionInfo> = found.into_iter().flatten().collect();
    sessions.sort_by_key(|info| (info.started_at, info.id));
    Ok(Json(Listed { sessions }))
}

async fn session(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<SessionInfo>, Refused> {
    let id = session_id(&id)?;
    caller.check_may(id)?;
    Ok(Json(api.info(id).await?))
}

/// What to start; see [`Launch`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    cols: Option<u16>,
    #[serde(default)]
    rows: Option<u16>,
}

async fn start(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    start: Result<Json<Start>, JsonRejection>,
) -> Result<(StatusCode, Json<SessionInfo>), Refused> {
    caller.check_owner()?;
    let Json(Start { command, args, workdir, name, cols, rows }) = start?;
    let (cols, rows) = (cols.unwrap_or(SIZE.0), rows.unwrap_or(SIZE.1));
    let id = SessionId::random();
    let launch = Launch { command, args, workdir, name, cols, rows };
    api.hosts.start(&api.config, id, launch).await.map_err(Refused)?;
    Ok((StatusCode::CREATED, Json(api.info(id).await?)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Stop {
    force: bool,
}

async fn stop(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    stop: Result<Option<Json<Stop>>, JsonRejection>,
) -> Result<StatusCode, Refused> {
    let id = session_id(&id)?;
    caller.check_may(id)?;
    let Json(Stop { force }) = stop?.unwrap_or_default();
    api.stop(id, force).await.map_err(Refused)?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) fn session_id(text: &str) -> Result<SessionId, Refused> {
    text.parse().map_err(|error: IdError| refused(Code::BadRequest, &error.to_string()))
}

/// A problem as an answer.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Problem);

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        let code = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Code::TooLarge } else { Code::BadRequest };
        refused(code, &rejection.body_text())
    }
}

fn refused(code: Code, message: &str) -> Refused {
    Refused(Problem::new(code, message))
}

fn not_allowed(message: &str) -> Refused {
    refused(Code::NotAllowed, message)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.code {
            Code::BadRequest => StatusCode::BAD_REQUEST,
            Code::NotSignedIn => StatusCode::UNAUTHORIZED,
            Code::NotAllowed | Code::CommandNotAllowed => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Conflict | Code::SessionEnded => StatusCode::CONFLICT,
            Code::MachineOffline => StatusCode::SERVICE_UNAVAILABLE,
            Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::CommandNotFound | Code::WorkdirNotFound => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self.0)).into_response()
    }
}
