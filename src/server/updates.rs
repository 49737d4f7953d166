//! Agents brought to another version from here: which one is offered to whom, asking one machine, and a rollout over many.
//!
//! A rollout is kept in the store at each step, so that a server that is restarted in the middle of one goes on with it; how
//! each machine's update goes is said anew by its agent when it connects.

mod rollout;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

pub(super) use rollout::{Rollout, Step};

use super::Shared;
use super::answer::ApiError;
use super::auth::Caller;
use super::auth::permissions::{Permission, Whose};
use super::relay::{Organisation, Sight};
use crate::base::clock::unix_millis;
use crate::base::id::{MachineId, OrganisationId, UserId};
use crate::base::problem::Code;
use crate::store::audit::{Action, Actor, Book, Event};
use crate::store::{Store, StoreError};
use crate::update::manifest::{Channel, Manifest, Wanted};
use crate::update::offer::{Offer, compare};
use crate::update::target::Target;
use crate::wire::updating::UpdateWay;

/// Time between two looks at the machines of a rollout: each of their steps takes seconds.
const TURN_EVERY: Duration = Duration::from_millis(500);

/// The newest finished version for a machine, if it is newer than what runs there.
pub(super) fn offered(manifest: &Manifest, sight: &Sight) -> Option<String> {
    let facts = &sight.facts;
    let target = facts.target.parse().ok().or_else(|| guessed(&facts.os, &facts.arch))?;
    let version = manifest.choose(target, &Wanted::Newest(Channel::Stable))?.version.to_string();
    (compare(&facts.build, &version) == Some(Offer::Newer)).then_some(version)
}

/// What an agent that does not say it was built for, so that the page can at least say that there is something newer.
fn guessed(os: &str, arch: &str) -> Option<Target> {
    match (os, arch) {
        ("linux", "x86_64") => Some(Target::LinuxX86),
        ("linux", "aarch64") => Some(Target::LinuxArm),
        ("macos", "x86_64") => Some(Target::MacX86),
        ("macos", "aarch64") => Some(Target::MacArm),
        ("windows", "x86_64") => Some(Target::WindowsX86),
        _ => None,
    }
}

/// Rollouts, by organisation: the last one of each.
#[derive(Debug, Default)]
pub(super) struct Rollouts(Mutex<HashMap<OrganisationId, Rollout>>);

impl Rollouts {
    fn all(&self) -> MutexGuard<'_, HashMap<OrganisationId, Rollout>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An organisation's last one.
    pub(super) fn of(&self, organisation: OrganisationId) -> Option<Rollout> {
        self.all().get(&organisation).cloned()
    }
}

fn setting(organisation: OrganisationId) -> String {
    format!("rollout/{organisation}")
}

async fn keep(store: &Store, organisation: OrganisationId, rollout: &Rollout) {
    let kept = match serde_json::to_value(rollout) {
        Ok(value) => store.put_setting(&setting(organisation), value).await,
        Err(error) => Err(StoreError::Failed(error.to_string())),
    };
    if let Err(error) = kept {
        // It goes on; only a restart now would forget this step, and ask a machine again that is through.
        tracing::warn!(%error, %organisation, "a rollout's step was not written down");
    }
}

/// Goes on with what a server before this one had begun.
pub(super) async fn resume(shared: &Arc<Shared>) -> Result<(), StoreError> {
    for book in shared.store.audit_books().await? {
        let Book::Of(organisation) = book else { continue };
        let kept = shared.store.setting(&setting(organisation)).await?;
        let Some(rollout) = kept.and_then(|kept| serde_json::from_value::<Rollout>(kept).ok()) else { continue };
        let running = rollout.is_running();
        shared.rollouts.all().insert(organisation, rollout);
        if running {
            conduct_soon(shared, organisation);
        }
    }
    Ok(())
}

/// Begins one over all machines that the caller may update, and that can be asked.
pub(super) async fn begin(shared: &Arc<Shared>, caller: &Caller) -> Result<Rollout, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    let manifest = shared.releases.manifest().await;
    let machines = place.machine_ids().into_iter().filter_map(|id| {
        place.may_machine(caller, id, Permission::UpdateMachine).ok()?;
        let sight = place.sight(id).filter(|it| it.online && it.facts.update_way == UpdateWay::Page)?;
        Some((id, offered(&manifest, &sight)?))
    });
    let rollout = Rollout::new(caller.user, unix_millis(), machines.collect());
    if rollout.steps.is_empty() {
        let message = "no machine that is connected and may be updated from here has a newer version to take";
        return Err(ApiError::new(Code::Conflict, message));
    }
    {
        let mut all = shared.rollouts.all();
        if all.get(&caller.organisation).is_some_and(Rollout::is_running) {
            return Err(ApiError::new(Code::Conflict, "machines are being updated already; wait for that, or stop it"));
        }
        all.insert(caller.organisation, rollout.clone());
    }
    keep(&shared.store, caller.organisation, &rollout).await;
    conduct_soon(shared, caller.organisation);
    Ok(rollout)
}

/// No further machine is asked. Whoever began it may, and whoever may update the machines of others.
pub(super) async fn stop(shared: &Shared, caller: &Caller) -> Result<Rollout, ApiError> {
    let place = shared.relay.organisation(caller.organisation).await?;
    let stopped = {
        let mut all = shared.rollouts.all();
        let rollout = all.get_mut(&caller.organisation).filter(|rollout| rollout.is_running());
        let rollout = rollout.ok_or_else(|| ApiError::new(Code::Conflict, "no machines are being updated"))?;
        if rollout.by != caller.user && !caller.allows(Permission::UpdateMachine, Whose::Others) {
            let message = "somebody else began this, and only they or an admin may stop it";
            return Err(ApiError::new(Code::NotAllowed, message));
        }
        rollout.stop(unix_millis(), &format!("{} stopped it", place.name_of(caller.user)));
        rollout.clone()
    };
    keep(&shared.store, caller.organisation, &stopped).await;
    Ok(stopped)
}

fn conduct_soon(shared: &Arc<Shared>, organisation: OrganisationId) {
    let conducting = Arc::clone(shared);
    shared.tasks.spawn(async move { conduct(&conducting, organisation).await });
}

/// Sees a rollout through, or until the server stops.
async fn conduct(shared: &Arc<Shared>, organisation: OrganisationId) {
    let up_since = unix_millis();
    let Ok(place) = shared.relay.organisation(organisation).await else { return };
    let mut kept = String::new();
    loop {
        let now = unix_millis();
        let Some((asked, by)) = turn(shared, &place, organisation, now, up_since) else { return };
        keep_if_new(shared, organisation, &mut kept).await;
        let asking = asked.into_iter().map(async |(machine, to)| {
            let event = Event::of(organisation, Actor::User(by), Action::MachineUpdate).on(machine).fact("to", &to);
            let answer = place.update(machine, &to).await;
            let event = match &answer {
                Ok(()) => event,
                Err(problem) => event.refused(problem),
            };
            super::audit::note_soon(shared, event);
            (machine, answer)
        });
        let answers = join_all(asking).await;
        let over = {
            let mut all = shared.rollouts.all();
            let Some(rollout) = all.get_mut(&organisation) else { return };
            for (machine, answer) in answers {
                rollout.answered(unix_millis(), machine, answer);
            }
            !rollout.is_running()
        };
        if over {
            keep_if_new(shared, organisation, &mut kept).await;
            return;
        }
        if shared.shutdown.run_until_cancelled(tokio::time::sleep(TURN_EVERY)).await.is_none() {
            return;
        }
    }
}

fn turn(
    shared: &Shared,
    place: &Organisation,
    organisation: OrganisationId,
    now: u64,
    up_since: u64,
) -> Option<(Vec<(MachineId, String)>, UserId)> {
    let mut all = shared.rollouts.all();
    let rollout = all.get_mut(&organisation)?;
    let asked = rollout.turn(now, up_since, |id| place.sight(id));
    Some((asked, rollout.by))
}

async fn keep_if_new(shared: &Shared, organisation: OrganisationId, kept: &mut String) {
    let Some(rollout) = shared.rollouts.of(organisation) else { return };
    let now = format!("{rollout:?}");
    if *kept != now {
        keep(&shared.store, organisation, &rollout).await;
        *kept = now;
    }
}
