//! Many at once: what a thousand agents and a fleet of thousands do to one viewer, and that nothing stays of them.

use std::sync::Arc;

use serde_json::json;
use sessionforge::wire::message::Take;

use super::support::http::Http;
use super::support::played::agent::PlayedAgent;
use super::support::server::TestServer;
use super::support::viewer::{Manners, Viewer};
use super::support::wait::{Changes, WAIT_MAX, poll};

/// Agents of one key with this many sessions each, all of them connected.
async fn agents(owner: &mut Http, count: usize, sessions: usize) -> Vec<PlayedAgent> {
    let key = owner.post("/api/v1/keys", &json!({ "name": "crowd" })).await.ok().json();
    let who = Http { bearer: key["key"].as_str().map(str::to_owned), cookie: None, ..owner.clone() };
    let changes = Arc::new(Changes::default());
    let agents: Vec<_> = (0..count)
        .map(|number| PlayedAgent::start(who.clone(), format!("machine-{number}"), sessions, Arc::clone(&changes)))
        .collect();
    let online = || agents.iter().all(|agent| agent.look(|seen| seen.online_since.is_some())).then_some(());
    changes.wait(WAIT_MAX, online).await.expect("all agents connect");
    agents
}

#[tokio::test]
async fn a_viewer_in_a_fleet_of_thousands_is_not_cut_off_and_hears_of_all() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    // Two megabytes of news: more than may wait for one page.
    let agents = agents(&mut owner, 30, 200).await;
    let session = agents[7].look(|seen| seen.sessions[3]);
    let viewer = Viewer::open(
        &owner,
        session,
        Manners { take: Take::Always, screen: false, receive_buffer: Some(32 * 1024), ..Manners::default() },
    );
    viewer.expect_attached().await;
    viewer.type_text("x").await;
    viewer.expect("the key comes back", |seen| (seen.tail.last() == Some(&b'x')).then_some(())).await;
    viewer
        .expect("it is told of all", |seen| (seen.sessions.len() == 6_000 && seen.machines.len() == 30).then_some(()))
        .await;
    viewer.look(|seen| {
        assert_eq!(seen.connections, 1, "cut off: {:?}", seen.closed);
        assert_eq!(seen.violations, Vec::<String>::new());
    });
}

#[tokio::test]
async fn nothing_stays_of_agents_and_viewers_that_have_gone() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let nobody = tasks();
    let agents = agents(&mut owner, 20, 5).await;
    let only_agents = tasks();
    let sessions: Vec<_> = agents.iter().map(|agent| agent.look(|seen| seen.sessions[0])).collect();
    let viewers: Vec<_> = sessions.iter().map(|id| Viewer::open(&owner, *id, Manners::default())).collect();
    for viewer in &viewers {
        viewer.expect_attached().await;
    }
    drop(viewers);
    poll("the server has let go of every viewer", async || (tasks() <= only_agents).then_some(())).await;
    let sessions = owner.get("/api/v1/sessions").await.ok().json();
    assert!(sessions["sessions"].as_array().unwrap().iter().all(|session| session["viewers"] == 0), "{sessions}");
    drop(agents);
    poll("the server has let go of every agent", async || (tasks() <= nobody).then_some(())).await;
}
