//! Agents brought to another version: what there is for whom, one machine, all of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id};
use super::super::audit::note_soon;
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::auth::permissions::Permission;
use super::super::updates::{self, Rollout, Step};
use crate::base::id::MachineId;
use crate::base::problem::Code;
use crate::store::audit::Action;
use crate::update::manifest::Wanted;
use crate::update::offer::{Offer, compare};
use crate::wire::view::{MachineView, Person};

/// What there is, and what is under way.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Updates {
    /// Of the machines that the caller sees, those for which the server has a newer version.
    available: Vec<Available>,
    /// The last time that all were updated, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<RolloutView>,
}

/// A newer version for a machine.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "UpdateAvailable")]
pub(in crate::server) struct Available {
    machine: MachineId,
    version: String,
    /// Whether the caller may have it updated.
    allowed: bool,
}

/// Machines that are updated one after the other.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Rollout")]
pub(in crate::server) struct RolloutView {
    /// Who began it.
    by: Person,
    /// When, in milliseconds since 1970.
    began_at: u64,
    /// When its last machine was through; missing while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
    /// Why not all were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// Those of its machines that the caller sees, in the order of their turns.
    steps: Vec<Step>,
}

/// `GET /updates`
pub(in crate::server) async fn show(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Updates>, ApiError> {
    view(&shared, &caller).await.map(Json)
}

async fn view(shared: &Shared, caller: &Caller) -> Result<Updates, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    let manifest = shared.releases.manifest().await;
    let seen: Vec<MachineId> = place.machines(caller).into_iter().map(|machine| machine.id).collect();
    let available = seen.iter().filter_map(|&machine| {
        let version = updates::offered(&manifest, &place.sight(machine)?)?;
        let allowed = place.may_machine(caller, machine, Permission::UpdateMachine).is_ok();
        Some(Available { machine, version, allowed })
    });
    let available = available.collect();
    let rollout = shared.rollouts.of(caller.organisation).map(|rollout| {
        let Rollout { by, began_at, ended_at, stopped, steps } = rollout;
        let steps = steps.into_iter().filter(|step| seen.binary_search(&step.machine).is_ok()).collect();
        RolloutView { by: Person { id: by, name: place.name_of(by) }, began_at, ended_at, stopped, steps }
    });
    Ok(Updates { available, rollout })
}

/// `POST /updates`: all machines that the caller may update, one first, then a few at a time; the first that fails ends it.
pub(in crate::server) async fn begin(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
) -> Result<(StatusCode, Json<Updates>), ApiError> {
    let rollout = updates::begin(&shared, &caller).await?;
    let event = caller.event(Action::MachineUpdate, from).fact("machines", rollout.steps.len());
    note_soon(&shared, event);
    tracing::info!(user = %caller.user, machines = rollout.steps.len(), "a rollout begins");
    Ok((StatusCode::ACCEPTED, Json(view(&shared, &caller).await?)))
}

/// `DELETE /updates`: no further machine is asked; those that are at it go on.
pub(in crate::server) async fn stop(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
) -> Result<Json<Updates>, ApiError> {
    updates::stop(&shared, &caller).await?;
    note_soon(&shared, caller.event(Action::MachineUpdate, from).fact("rollout", "stopped"));
    view(&shared, &caller).await.map(Json)
}

/// To which version.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "UpdateWanted")]
pub(in crate::server) struct Wish {
    /// One that the server has and that is newer; the newest finished one if it is left out.
    #[serde(default)]
    version: Option<String>,
}

/// `POST /machines/{id}/update`: answered when its agent has begun; how it goes is the machine's `update`.
pub(in crate::server) async fn machine(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<MachineId>,
    Body(Wish { version }): Body<Wish>,
) -> Result<(StatusCode, Json<MachineView>), ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    place.may_machine(&caller, id, Permission::UpdateMachine)?;
    let gone = || ApiError::new(Code::NotFound, "there is no such machine");
    let sight = place.sight(id).ok_or_else(gone)?;
    let manifest = shared.releases.manifest().await;
    let to = match version {
        None => updates::offered(&manifest, &sight).ok_or_else(|| {
            let message =
                format!("this server has nothing newer for {} than the {} it runs", sight.name, sight.facts.build);
            ApiError::new(Code::Conflict, message)
        })?,
        Some(text) => {
            let wanted: Version =
                text.parse().map_err(|_| ApiError::new(Code::BadRequest, "a version is written like 0.2.0"))?;
            let target = sight.facts.target.parse().ok();
            if target.and_then(|target| manifest.choose(target, &Wanted::Exactly(wanted))).is_none() {
                let message = format!("this server has no {text} for {}", sight.name);
                return Err(ApiError::new(Code::Conflict, message));
            }
            if compare(&sight.facts.build, &text) != Some(Offer::Newer) {
                let message = format!(
                    "{} runs {}: an older version is put there on the machine itself, by `sessionforge update \
                     --allow-downgrade`",
                    sight.name, sight.facts.build
                );
                return Err(ApiError::new(Code::Conflict, message));
            }
            text
        }
    };
    let event = caller.event(Action::MachineUpdate, from).on(id).fact("to", &to);
    if let Err(problem) = place.update(id, &to).await {
        note_soon(&shared, event.refused(&problem));
        return Err(problem.into());
    }
    note_soon(&shared, event);
    tracing::info!(machine = %id, user = %caller.user, to, "an agent is updated");
    Ok((StatusCode::ACCEPTED, Json(shared.relay.machine(&caller, id).await?)))
}
