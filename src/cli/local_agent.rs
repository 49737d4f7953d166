//! Asking the running agent over its HTTP on this machine.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Exit, Failure};
use crate::agent::config::Origin;
use crate::agent::environment::{Environment, EnvironmentFacts, RESOLVED_WITHIN};
use crate::agent::local::{LocalAgent, LocalStatus, TOKEN_VARIABLE, URL_VARIABLE};
use crate::base::problem::{Code, Problem};
use crate::base::secret::Secret;

/// Time an agent on the same machine has to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Time for what the agent asks its server: more than the 20 s after which that answers in any case.
const SERVER_ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// One answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How the agent of this data directory is; nothing if none runs, or none that answers.
pub(super) async fn status(data_dir: &Path) -> Option<LocalStatus> {
    let agent = LocalAgent::read(data_dir)?;
    tokio::time::timeout(ANSWER_WITHIN, get(&agent, "/v1/status")).await.ok()?
}

/// Where sessions' environment comes from: the running agent's word, else what an agent that is a service would find.
pub(super) async fn environment(data_dir: &Path, origin: Option<Origin>) -> EnvironmentFacts {
    if let Some(agent) = LocalAgent::read(data_dir) {
        let within = RESOLVED_WITHIN + ANSWER_WITHIN;
        if let Ok(Some(facts)) = tokio::time::timeout(within, get(&agent, "/v1/environment")).await {
            return facts;
        }
    }
    Environment::new(origin.unwrap_or(Origin::Login)).facts().await
}

async fn get<T: DeserializeOwned>(agent: &LocalAgent, path: &str) -> Option<T> {
    let (status, body) = call(agent.address, &agent.token, Method::GET, path, Bytes::new()).await?;
    if status == StatusCode::OK { serde_json::from_slice(&body).ok() } else { None }
}

/// How an agent is found, each time anew: it may be restarted meanwhile, on another port.
pub(super) struct Way {
    data_dir: PathBuf,
    /// A session's own token, and where its agent was when the session began.
    session: Option<(SocketAddr, Secret)>,
}

impl Way {
    /// For whoever can read the data directory.
    pub(super) fn owners(data_dir: PathBuf) -> Self {
        Self { data_dir, session: None }
    }

    /// For a program in a session, by that session's token.
    pub(super) fn of_session(data_dir: PathBuf) -> Self {
        let address = std::env::var(URL_VARIABLE).ok();
        let address = address.and_then(|url| url.strip_prefix("http://")?.parse().ok());
        let token = std::env::var(TOKEN_VARIABLE).ok().map(Secret::new);
        Self { data_dir, session: address.zip(token) }
    }

    /// Where to ask, in this order.
    fn doors(&self) -> Vec<(SocketAddr, Secret)> {
        let running = LocalAgent::read(&self.data_dir);
        match &self.session {
            Some((address, token)) => {
                let moved = running.map(|agent| agent.address).filter(|now| now != address);
                [*address].into_iter().chain(moved).map(|address| (address, token.clone())).collect()
            }
            None => running.into_iter().map(|agent| (agent.address, agent.token)).collect(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nobody answers.
    NoAgent,
    /// The agent says why not.
    Told(Problem),
}

impl Refusal {
    /// Whether it is only the way that is broken.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::NoAgent => true,
            Self::Told(problem) => {
                matches!(problem.code, Code::MachineOffline | Code::TooMany | Code::Internal | Code::OutcomeUnknown)
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAgent => f.write_str("no agent runs here, or its server does not answer"),
            Self::Told(problem) => f.write_str(&problem.message),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let failure = Self::new(Exit::Failed, &refusal);
        match refusal {
            Refusal::NoAgent => failure.hint("`sessionforge status` says how it is"),
            Refusal::Told(_) => failure,
        }
    }
}

/// Posts `wish` to an address of the agent that has its server answer.
pub(super) async fn ask<T: DeserializeOwned>(way: &Way, path: &str, wish: &impl Serialize) -> Result<T, Refusal> {
    let body = Bytes::from(serde_json::to_vec(wish).unwrap_or_default());
    for (address, token) in way.doors() {
        let asked = call(address, &token, Method::POST, path, body.clone());
        match tokio::time::timeout(SERVER_ANSWERS_WITHIN, asked).await {
            Ok(Some((StatusCode::OK, answer))) => {
                return serde_json::from_slice(&answer).map_err(|error| Refusal::Told(Problem::internal(error)));
            }
            // Another agent listens there now, which knows nothing of this token.
            Ok(Some((StatusCode::UNAUTHORIZED, _)) | None) | Err(_) => {}
            Ok(Some((_, answer))) => {
                let problem = serde_json::from_slice(&answer).map_err(|_| Refusal::NoAgent)?;
                return Err(Refusal::Told(problem));
            }
        }
    }
    Err(Refusal::NoAgent)
}

async fn call(
    address: SocketAddr,
    token: &Secret,
    method: Method,
    path: &str,
    body: Bytes,
) -> Option<(StatusCode, Bytes)> {
    let stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string())
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
        .body(Full::new(body))
        .ok()?;
    let answer = sender.send_request(request).await.ok()?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
    Some((status, body))
}
