//! The server is killed and started again under the whole crowd: when is everybody back?

use std::time::Duration;

use tokio::time::Instant;

use super::Measure;
use super::crowd::Crowd;
use super::support::world::World;
use super::table::{Table, ms, percentile};

/// The bar.
const LIVE_WITHIN: Duration = Duration::from_secs(2);

/// Longer than any return should take.
const GIVE_UP: Duration = Duration::from_mins(1);

/// Time between two restarts: connections count as healthy, and what the server writes behind has been written.
const CALM: Duration = Duration::from_secs(8);

/// Measures.
pub async fn measure(measure: Measure, table: &mut Table) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let crowd = Crowd::arrive(&mut world, measure).await;
    let typists = measure.viewers * 4 / 5;
    let (mut halves, mut worst, mut agents, mut starts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..measure.runs {
        tokio::time::sleep(CALM).await;
        crowd.board.with(|found| found.returns.clear());
        let killed = Instant::now();
        world.kill_server();
        world.start_server().await;
        starts.push(killed.elapsed());
        let board = &crowd.board;
        let returned = board
            .changes
            .wait(GIVE_UP, || board.with(|found| (found.returns.len() >= typists).then(|| found.returns.clone())));
        let returned = returned.await.unwrap_or_else(|| {
            board.with(|found| panic!("{} of {typists} viewers came back: {:?}", found.returns.len(), found.closed))
        });
        let mut times: Vec<Duration> = returned.iter().map(|at| *at - killed).collect();
        halves.push(percentile(&mut times, 0.5));
        worst.push(percentile(&mut times, 1.0));
        agents.push(crowd.agents_back(killed).await - killed);
        println!("  run {run}: {:?}, last viewer {:?}, last agent {:?}", halves[run], worst[run], agents[run]);
    }
    crowd.settle().await;
    let middle = |times: &mut Vec<Duration>| percentile(times, 0.5);
    let what = format!("server killed under {} agents and {} viewers", measure.agents, measure.viewers);
    table.note(&what, format!("median of {} runs each", measure.runs));
    table.note("until it listens again", ms(middle(&mut starts)));
    let time = middle(&mut halves);
    table.bar("until a viewer echoes again, p50 of viewers", ms(time), "≤ 2 s", time <= LIVE_WITHIN);
    let time = middle(&mut worst);
    table.bar("until the last viewer echoes again", ms(time), "≤ 2 s", time <= LIVE_WITHIN);
    table.note("the same, worst run", ms(percentile(&mut worst, 1.0)));
    table.note("until the last agent is back", ms(middle(&mut agents)));
    let (typed, echoed) = crowd.board.with(|found| (found.typed, found.echoed));
    table.bar("keys typed meanwhile, and their echoes", format!("{typed}, {echoed}"), "each once", typed == echoed);
}
