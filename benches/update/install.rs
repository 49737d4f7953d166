//! From the line that a person pastes on a new machine until the server lists that machine as connected.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::process::run as run_command;
use crate::support::systemd::{UserSystemd, with};
use crate::support::wait::poll;
use crate::support::world::World;
use crate::table::Table;

/// Machines that are set up, one after the other; each is taken away again.
const MACHINES: usize = 7;

/// The promise.
const BAR: Duration = Duration::from_secs(30);

/// Somebody who is not root, as far as the programs of the machine can tell.
const NOBODY: &str = "65534";

pub async fn run(table: &mut Table) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let Some(_systemd) = UserSystemd::start(world.place()).await else { return };
    let mut times = Vec::new();
    for number in 0..MACHINES {
        let (name, key) = (format!("machine {number}"), world.make_key(&format!("key {number}")).await);
        let options = format!("--key {key} --name '{name}'");
        let began = Instant::now();
        let ((), listed) = tokio::join!(paste(&world, &options), online(&world, &name));
        times.push(listed - began);
        paste(&world, "--uninstall").await;
    }
    crate::all_within(table, "the line pasted, until the machine is listed as connected", &mut times, BAR);
}

async fn paste(world: &World, options: &str) {
    let line = format!("curl -fsSL http://{}/agent | sh -s -- {options}", world.http.address);
    let (user, group) = (format!("--map-user={NOBODY}"), format!("--map-group={NOBODY}"));
    let place = world.place();
    let mut command = place.command_of(Path::new("unshare"), &["--user", &user, &group, "sh", "-c", &line]);
    command.env_remove("SESSIONFORGE_LOG");
    let ran = run_command(with(place, command)).await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// When the server lists it as connected.
async fn online(world: &World, name: &str) -> Instant {
    let mut who = world.http.clone();
    poll("the machine is listed", async || {
        let machines = who.get("/api/v1/machines").await.json();
        let is_it = |machine: &serde_json::Value| machine["name"] == name && machine["online"] == true;
        machines["machines"].as_array()?.iter().any(is_it).then(Instant::now)
    })
    .await
}
