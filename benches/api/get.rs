//! Polling beside a crowd: authenticated GETs at a fixed rate while a thousand agents are connected and idle.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Measure;
use super::poller::{Asks, Found, poll};
use super::support::http::Http;
use super::support::played::agent::PlayedAgent;
use super::support::process::cpu_time;
use super::support::wait::Changes;
use super::support::world::World;
use super::table::{Table, ms, percentile};

/// Pollers, each with a key and a connection of its own. A key may ask a hundred times a second.
const POLLERS: usize = 50;

/// Longer than any crowd should need to arrive.
const GIVE_UP: Duration = Duration::from_mins(2);

/// The bar.
const P99_BAR: Duration = Duration::from_millis(20);

/// Measures.
pub async fn measure(measure: Measure, table: &mut Table) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let agents = crowd(&mut world, measure.agents).await;
    let (machine, session) = agents[0].look(|seen| (seen.machine.unwrap(), seen.sessions[0]));
    let mut keys = Vec::new();
    for number in 0..POLLERS {
        let scopes = json!(["sessions:read", "machines:read"]);
        let form = json!({ "name": format!("poller {number}"), "scopes": scopes });
        let made = world.http.post("/api/v1/keys", &form).await.ok().json();
        keys.push(made["key"].as_str().unwrap().to_owned());
    }
    let pid = world.server_pid();
    let idle = cpu_time(pid);
    tokio::time::sleep(measure.time / 2).await;
    let idle = cpu_time(pid).saturating_sub(idle).as_secs_f64() / (measure.time / 2).as_secs_f64();
    table.note(
        &format!("server's processor time, {} idle agents", measure.agents),
        format!("{:.0} % of a core", 100.0 * idle),
    );
    for (path, tagged, rate) in [
        ("/api/v1/me".to_owned(), false, measure.rate),
        (format!("/api/v1/machines/{machine}"), false, measure.rate),
        (format!("/api/v1/sessions/{session}"), true, measure.rate),
        ("/api/v1/machines".to_owned(), true, measure.rate),
        ("/api/v1/sessions".to_owned(), true, measure.rate),
        ("/api/v1/machines".to_owned(), false, measure.rate / 20),
    ] {
        let asks = |key: &String| Asks { address: world.http.address, bearer: key.clone(), path: path.clone(), tagged };
        let shown = path.replace(&machine.to_string(), "{id}").replace(&session.to_string(), "{id}");
        run(&shown, keys.iter().map(asks).collect(), rate, measure, pid, table).await;
    }
}

async fn run(shown: &str, pollers: Vec<Asks>, rate: usize, measure: Measure, pid: u32, table: &mut Table) {
    let (count, tagged) = (pollers.len(), pollers[0].tagged);
    let every = Duration::from_secs(1) * count as u32 / rate as u32;
    // Connections are made before the first request is due, and the pollers' moments are spread evenly.
    let begin = Instant::now() + Duration::from_secs(1);
    let end = begin + measure.time;
    let tasks = pollers.into_iter().enumerate();
    let tasks: Vec<_> = tasks
        .map(|(number, asks)| tokio::spawn(poll(asks, begin + every * number as u32 / count as u32, every, end)))
        .collect();
    tokio::time::sleep_until(begin).await;
    let cpu = cpu_time(pid);
    let mut all = Found::default();
    for task in tasks {
        let found = task.await.unwrap();
        all.times.extend(found.times);
        all.unchanged += found.unchanged;
        all.body_bytes = all.body_bytes.max(found.body_bytes);
    }
    let took = begin.elapsed().as_secs_f64();
    let cpu = cpu_time(pid).saturating_sub(cpu).as_secs_f64();
    let answered = all.times.len();
    let reached = answered as f64 / took;
    let (p50, p99) = (percentile(&mut all.times, 0.5), percentile(&mut all.times, 0.99));
    let how = if tagged { format!(", If-None-Match ({} of {answered} are 304)", all.unchanged) } else { String::new() };
    let what = format!("GET {shown} of {} bytes{how}", all.body_bytes);
    let measured = format!(
        "{reached:.0} of {rate} a second, p50 {}, p99 {}; server {:.0} µs of processor each",
        ms(p50),
        ms(p99),
        1e6 * cpu / answered as f64
    );
    let bar = format!("{rate} a second, p99 ≤ 20 ms");
    table.bar(&what, measured, &bar, reached >= 0.98 * rate as f64 && p99 <= P99_BAR);
}

async fn crowd(world: &mut World, agents: usize) -> Vec<PlayedAgent> {
    let bearer = Some(world.make_key("crowd").await);
    let who = Http { bearer, cookie: None, ..world.http.clone() };
    let changes = Arc::new(Changes::default());
    let agent = |number: usize| PlayedAgent::start(who.clone(), format!("machine-{number}"), 1, Arc::clone(&changes));
    let crowd: Vec<_> = (0..agents).map(agent).collect();
    let all = || crowd.iter().all(|agent| agent.look(|seen| seen.online_since.is_some())).then_some(());
    changes.wait(GIVE_UP, all).await.unwrap_or_else(|| panic!("the agents did not all come"));
    crowd
}
