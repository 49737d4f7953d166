//! Machines, and the sessions started on them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id, Query};
use super::super::audit::note_soon;
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::tagged::Tagged;
use super::idempotency::IdempotencyKey;
use super::name;
use super::paged::Paged;
use crate::base::id::MachineId;
use crate::base::limits::{ARGUMENT_BYTES_MAX, ARGUMENTS_MAX, COLS_MAX, ROWS_MAX};
use crate::base::problem::Code;
use crate::store::MachineEdit;
use crate::store::audit::Action;
use crate::wire::session::Launch;
use crate::wire::view::{MachineSharing, MachineView, SessionView};

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Machines {
    machines: Vec<MachineView>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /machines`
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(paged): Query<Paged>,
) -> Result<Tagged<Machines>, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    Tagged::of(&headers, &place.seen_by(&caller), || {
        let (machines, next) = paged.of(place.machines(&caller), |machine| machine.id.to_string());
        Ok(Machines { machines, next })
    })
}

/// `GET /machines/{id}`
pub(in crate::server) async fn show(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Id(id): Id<MachineId>,
) -> Result<Json<MachineView>, ApiError> {
    Ok(Json(shared.relay.machine(&caller, id).await?))
}

/// `DELETE /machines/{id}`
pub(in crate::server) async fn remove(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<MachineId>,
) -> Result<StatusCode, ApiError> {
    let noting = shared.store.noting(caller.event(Action::MachineRemove, from).on(id));
    shared.relay.remove_machine(&noting, &caller, id).await?;
    tracing::info!(machine = %id, user = %caller.user, "machine removed");
    Ok(StatusCode::NO_CONTENT)
}

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "MachineEdit")]
pub(in crate::server) struct Edit {
    /// An empty one is what the agent says.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    /// What the organisation may do with it.
    #[serde(default)]
    sharing: Option<MachineSharing>,
}

/// Tags of one machine.
const TAGS_MAX: usize = 16;

impl Edit {
    fn checked(self) -> Result<MachineEdit, ApiError> {
        let text = self.name.as_deref().map(str::trim);
        let name = match text {
            None => None,
            Some("") => Some(String::new()),
            Some(text) => Some(name("the machine's name", text)?),
        };
        let tags =
            self.tags.map(|tags| tags.iter().map(|tag| super::name("a tag", tag)).collect::<Result<Vec<_>, _>>());
        let mut tags = tags.transpose()?;
        if let Some(tags) = &mut tags {
            tags.sort();
            tags.dedup();
            if tags.len() > TAGS_MAX {
                return Err(ApiError::new(Code::BadRequest, format!("a machine has at most {TAGS_MAX} tags")));
            }
        }
        Ok(MachineEdit { name, tags, sharing: self.sharing })
    }
}

/// `PATCH /machines/{id}`: its name, its tags, what the organisation may do with it.
pub(in crate::server) async fn edit(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<MachineId>,
    Body(asked): Body<Edit>,
) -> Result<Json<MachineView>, ApiError> {
    let edit = asked.checked()?;
    let event = caller.event(Action::MachineChange, from).on(id);
    let event = match edit.sharing {
        None => event,
        Some(MachineSharing::Nobody) => event.fact("shared", "nobody"),
        Some(MachineSharing::See) => event.fact("shared", "see"),
        Some(MachineSharing::Start) => event.fact("shared", "start"),
    };
    let noting = shared.store.noting(event);
    Ok(Json(shared.relay.edit_machine(&noting, &caller, id, edit).await?))
}

/// A new terminal's size, in cells. Only a page knows one; a script's session gets the classic one.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub(in crate::server) struct Size {
    pub(super) cols: u16,
    pub(super) rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

impl Size {
    pub(super) fn checked(self) -> Result<Self, ApiError> {
        if (1..=COLS_MAX).contains(&self.cols) && (1..=ROWS_MAX).contains(&self.rows) {
            return Ok(self);
        }
        let message = format!("a terminal has 1 to {COLS_MAX} columns and 1 to {ROWS_MAX} rows");
        Err(ApiError::new(Code::BadRequest, message))
    }
}

/// What to start.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Start {
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(flatten)]
    size: Size,
}

impl Start {
    fn launch(self) -> Result<Launch, ApiError> {
        let bad = |message: String| ApiError::new(Code::BadRequest, message);
        if self.args.len() > ARGUMENTS_MAX {
            return Err(bad(format!("a command takes at most {ARGUMENTS_MAX} arguments")));
        }
        for text in self.args.iter().chain([&self.command]).chain(&self.workdir) {
            if text.len() > ARGUMENT_BYTES_MAX {
                let bytes = text.len();
                return Err(bad(format!("an argument of {bytes} bytes is too long: {ARGUMENT_BYTES_MAX} are allowed")));
            }
            if text.contains('\0') {
                return Err(bad("commands, arguments and paths cannot contain a zero byte".to_owned()));
            }
        }
        if self.command.trim().is_empty() {
            return Err(bad("name the command to start".to_owned()));
        }
        let Size { cols, rows } = self.size.checked()?;
        let name = match self.name.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(name("the session's name", text)?),
        };
        let workdir = self.workdir.filter(|dir| !dir.trim().is_empty());
        Ok(Launch { command: self.command, args: self.args, workdir, name, cols, rows })
    }
}

/// `POST /machines/{id}/sessions`: with an `Idempotency-Key` once, however often it is asked for.
pub(in crate::server) async fn start_session(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<MachineId>,
    key: IdempotencyKey,
    Body(start): Body<Start>,
) -> Result<(StatusCode, Json<SessionView>), ApiError> {
    let once = key.session(&caller, id);
    let session = shared.relay.start(&caller, id, start.launch()?, once).await?;
    // Programs, not arguments: those may hold what belongs into no log.
    let event = caller.event(Action::SessionStart, from).on(session.info.id);
    note_soon(&shared, event.fact("machine", id).fact("command", &session.info.command));
    tracing::info!(session = %session.info.id, machine = %id, user = %caller.user, "session started");
    Ok((StatusCode::CREATED, Json(session)))
}
