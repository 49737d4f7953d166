//! Asking the running agent over its HTTP on this machine.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;

use crate::agent::config::Origin;
use crate::agent::environment::{Environment, EnvironmentFacts, RESOLVED_WITHIN};
use crate::agent::local::{LocalAgent, LocalStatus};

/// Time an agent on the same machine has to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// One answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How the agent of this data directory is; nothing if none runs, or none that answers.
pub(super) async fn status(data_dir: &Path) -> Option<LocalStatus> {
    let agent = LocalAgent::read(data_dir)?;
    tokio::time::timeout(ANSWER_WITHIN, ask(&agent, "/v1/status")).await.ok()?
}

/// Where sessions' environment comes from: the running agent's word, else what an agent that is a service would find.
pub(super) async fn environment(data_dir: &Path, origin: Option<Origin>) -> EnvironmentFacts {
    if let Some(agent) = LocalAgent::read(data_dir) {
        let within = RESOLVED_WITHIN + ANSWER_WITHIN;
        if let Ok(Some(facts)) = tokio::time::timeout(within, ask(&agent, "/v1/environment")).await {
            return facts;
        }
    }
    Environment::new(origin.unwrap_or(Origin::Login)).facts().await
}

async fn ask<T: DeserializeOwned>(agent: &LocalAgent, path: &str) -> Option<T> {
    let stream = tokio::net::TcpStream::connect(agent.address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header(HOST, agent.address.to_string())
        .header(AUTHORIZATION, format!("Bearer {}", agent.token.expose()))
        .body(Empty::<Bytes>::new())
        .ok()?;
    let answer = sender.send_request(request).await.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
    serde_json::from_slice(&body).ok()
}
