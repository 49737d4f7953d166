//! Handing over a session of this machine: what `/sf-pause` and `sessionforge pause` ask. The server decides.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::api::{Api, Caller, Refused, session_id};
use crate::wire::handoff::{HandoffAsk, HandoffView, Phase};

/// A handoff, and where people go for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// The session's address on the server.
    pub link: String,
    /// How the handoff is.
    #[serde(flatten)]
    pub handoff: HandoffView,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Pause {
    note: Option<String>,
    to: Option<String>,
    expires_in: Option<u64>,
    gate: bool,
    once: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Resume {
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    number: u64,
    #[serde(default)]
    phase: Option<Phase>,
}

type Body<T> = Result<Json<T>, JsonRejection>;
type Answer = Result<Json<Handed>, Refused>;

pub(super) async fn pause(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Body<Pause>,
) -> Answer {
    let Json(Pause { note, to, expires_in, gate, once }) = body?;
    ask(&api, caller, &id, HandoffAsk::Pause { note, to, expires_in, gate, once }).await
}

pub(super) async fn resume(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Body<Resume>,
) -> Answer {
    let Json(Resume { note }) = body?;
    ask(&api, caller, &id, HandoffAsk::Resume { note }).await
}

pub(super) async fn look(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Body<Look>,
) -> Answer {
    let Json(Look { number, phase }) = body?;
    ask(&api, caller, &id, HandoffAsk::Look { number, phase }).await
}

async fn ask(api: &Api, caller: Caller, id: &str, ask: HandoffAsk) -> Answer {
    let session = session_id(id)?;
    caller.check_may(session)?;
    let handoff = api.handing.ask(session, ask).await.map_err(Refused)?;
    let link = format!("{}/sessions/{session}", api.config.server.trim_end_matches('/'));
    Ok(Json(Handed { link, handoff }))
}
