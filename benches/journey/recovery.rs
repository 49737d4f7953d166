//! How long it takes to be back: from the death of a process to the first echo a viewer sees again.

use std::time::{Duration, Instant};

use super::support::viewer::{Manners, Viewer};
use super::support::world::World;
use super::table::{Table, ms, percentile};

/// Restarts per figure.
const RUNS: usize = 7;

/// Between two restarts: longer than it takes for a connection to count as healthy, so that each try is a first one.
const HEALTHY: Duration = Duration::from_secs(6);

/// What a page waits at most before its first try; it waits anything up to that.
const FIRST_TRY_WITHIN: Duration = Duration::from_millis(250);

/// The agent is killed and started again at once.
pub async fn agent(table: &mut Table) {
    let mut world = World::start().await;
    let viewer = viewer(&world).await;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        tokio::time::sleep(HEALTHY).await;
        let started = Instant::now();
        world.kill_agent();
        world.spawn_agent();
        times.push(echo(&viewer, started).await);
    }
    row(table, "agent killed and started, until a viewer's next echo", Duration::from_millis(1_500), &mut times);
}

/// The server is killed and started again at once.
pub async fn server(table: &mut Table) {
    let mut world = World::start().await;
    let viewer = viewer(&world).await;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        tokio::time::sleep(HEALTHY).await;
        let started = Instant::now();
        world.kill_server();
        world.start_server().await;
        times.push(echo(&viewer, started).await);
    }
    row(table, "server killed and started, until a viewer's next echo", Duration::from_secs(2), &mut times);
}

async fn viewer(world: &World) -> Viewer {
    let session = world.start_session("sh", &["-c", "stty raw -echo; echo ready; exec cat"]).await;
    let manners = Manners { reconnect_delay: FIRST_TRY_WITHIN, ..Manners::default() };
    let viewer = world.viewer(session, manners).await;
    viewer.expect_text("ready").await;
    viewer
}

/// A key that is typed while nothing works, and comes back when everything does.
async fn echo(viewer: &Viewer, started: Instant) -> Duration {
    let before = viewer.look(|seen| seen.offset);
    viewer.type_text("x").await;
    viewer.expect("the key comes back", |seen| (seen.offset > before).then_some(())).await;
    started.elapsed()
}

fn row(table: &mut Table, what: &str, bar: Duration, times: &mut [Duration]) {
    let (middle, worst) = (percentile(times, 0.5), percentile(times, 1.0));
    let told = format!("median {}, worst {}", ms(middle), ms(worst));
    table.bar(what, told, &format!("≤ {}", ms(bar)), worst <= bar);
}
