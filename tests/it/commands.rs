//! Start, stop and forget, while agent or server die over them: what is answered is true, and nothing is done twice.

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;

use super::support::http::{Answer, Http};
use super::support::process::signal_pid;
use super::support::wait::poll;
use super::support::world::World;

/// Asks the world's machine for a session, with a key that says which start this is.
async fn start(world: &World, key: &str, command: &Value) -> Answer {
    let mut who = Http { once: Some(key.to_owned()), ..world.http.clone() };
    who.post(&format!("/api/v1/machines/{}/sessions", world.machine()), command).await
}

fn id(answer: &Answer) -> SessionId {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().parse().unwrap()
}

/// Waits until the server has asked the machine for something, so often.
async fn expect_asked(world: &World, times: usize) {
    poll(&format!("the machine was asked {times} times"), async || {
        (world.logs().0.matches("the machine is asked").count() >= times).then_some(())
    })
    .await;
}

/// A program that leaves a line in a file each time it is started.
fn counted(world: &World) -> (Value, impl Fn() -> usize + use<>) {
    let file = world.dir().join("starts");
    let script = format!("echo started >> '{}'; exec cat", file.display());
    let starts = move || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    (json!({"command": "bash", "args": ["-c", script]}), starts)
}

#[tokio::test]
async fn a_start_that_is_asked_for_again_with_its_key_happens_once() {
    let world = World::start().await;
    let (command, starts) = counted(&world);
    let (a, b, c) =
        tokio::join!(start(&world, "one", &command), start(&world, "one", &command), start(&world, "one", &command));
    let session = id(&a);
    assert_eq!((id(&b), id(&c)), (session, session));
    assert_eq!(id(&start(&world, "one", &command).await), session, "also once it runs");
    let other = start(&world, "one", &json!({"command": "bash"})).await;
    assert_eq!((other.status, other.json()["code"].clone()), (409, json!("conflict")), "{}", other.text());
    assert_ne!(id(&start(&world, "two", &command).await), session);
    poll("both have begun", async || (starts() == 2).then_some(())).await;
    assert_eq!(world.place().hosts().len(), 2);
}

#[tokio::test]
async fn a_start_whose_agent_dies_over_it_is_carried_out_by_the_next_once() {
    let mut world = World::start_logging("info,sessionforge::server=debug").await;
    let (command, starts) = counted(&world);
    signal_pid(world.agent_pid(), "STOP");
    let asking = {
        let (mut who, machine, command) = (world.http.clone(), world.machine(), command.clone());
        tokio::spawn(async move { who.post(&format!("/api/v1/machines/{machine}/sessions"), &command).await })
    };
    expect_asked(&world, 1).await;
    world.kill_agent();
    world.start_agent().await;
    let session = id(&asking.await.unwrap());
    poll("it has begun", async || (starts() == 1).then_some(())).await;
    let hosts = world.place().hosts();
    assert_eq!(hosts.iter().map(|facts| facts.info.id).collect::<Vec<_>>(), [session]);
}

#[tokio::test]
async fn a_start_whose_server_is_killed_over_it_happens_once_when_it_is_asked_for_again() {
    let mut world = World::start_logging("info,sessionforge::server=debug").await;
    let (command, starts) = counted(&world);
    signal_pid(world.agent_pid(), "STOP");
    let asking = {
        let (mut who, machine, command) = (world.http.clone(), world.machine(), command.clone());
        who.once = Some("mine".to_owned());
        let path = format!("/api/v1/machines/{machine}/sessions");
        tokio::spawn(async move { who.try_send("POST", &path, Some(&command)).await })
    };
    expect_asked(&world, 1).await;
    world.kill_server();
    assert!(asking.await.unwrap().is_err(), "whoever asked was cut off without an answer");
    world.start_server().await;
    let remembered = world.http.clone().get("/api/v1/sessions").await.ok().json()["sessions"].clone();
    assert_eq!(remembered[0]["state"], "starting", "the server knows that it may exist: {remembered}");
    signal_pid(world.agent_pid(), "CONT");
    // The agent comes back by itself; until then it is not known what became of the start.
    let answer = poll("the machine is back", async || {
        let answer = start(&world, "mine", &command).await;
        if answer.status == 504 {
            assert_eq!(answer.json()["code"], "outcome_unknown");
            return None;
        }
        Some(answer)
    })
    .await;
    let session = id(&answer);
    assert_eq!(remembered[0]["id"], json!(session));
    poll("it has begun", async || (starts() == 1).then_some(())).await;
    assert_eq!(world.place().hosts().len(), 1);
    let sessions = world.http.clone().get("/api/v1/sessions").await.ok().json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
}

#[tokio::test]
async fn a_stop_is_answered_when_the_program_has_ended_however_it_clings() {
    let world = World::start().await;
    let session = world.start_session("bash", &["-c", "trap '' HUP TERM; echo clinging; sleep 600 & wait; wait"]).await;
    let path = format!("/api/v1/sessions/{session}");
    let stopped = world.http.clone().post(&format!("{path}/stop"), &json!({"force": false})).await;
    assert_eq!(stopped.status, 204, "{}", stopped.text());
    assert_eq!(world.http.clone().get(&path).await.json()["state"], "exited");
    let again = world.http.clone().post(&format!("{path}/stop"), &json!({"force": false})).await;
    assert_eq!((again.status, again.json()["code"].clone()), (409, json!("session_ended")));
}

#[tokio::test]
async fn a_stop_and_a_removal_whose_agent_dies_over_them_are_carried_out_by_the_next() {
    let mut world = World::start_logging("info,sessionforge::server=debug").await;
    let session = world.start_session("cat", &[]).await;
    let path = format!("/api/v1/sessions/{session}");
    for (asked, (method, path, body)) in
        [("POST", format!("{path}/stop"), Some(json!({"force": true}))), ("DELETE", path.clone(), None)]
            .into_iter()
            .enumerate()
    {
        signal_pid(world.agent_pid(), "STOP");
        let asking = {
            let mut who = world.http.clone();
            tokio::spawn(async move { who.send(method, &path, body.as_ref()).await })
        };
        // Once for the start, and twice for each: this agent and the next.
        expect_asked(&world, 2 + 2 * asked).await;
        world.kill_agent();
        world.start_agent().await;
        let answer = asking.await.unwrap();
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    assert_eq!(world.http.clone().get(&path).await.status, 404);
    assert!(world.place().hosts().is_empty(), "nothing is left of it on the machine");
}

#[tokio::test]
async fn commands_to_a_machine_that_is_away_are_refused_at_once() {
    let mut world = World::start().await;
    let (running, ended) = (world.bash().await, world.bash().await);
    world.stop_session(ended).await;
    world.kill_agent();
    poll("the server knows that the machine is away", async || {
        let machine = world.http.clone().get(&format!("/api/v1/machines/{}", world.machine())).await.json();
        (machine["online"] == false).then_some(())
    })
    .await;
    let mut who = world.http.clone();
    let start = who.post(&format!("/api/v1/machines/{}/sessions", world.machine()), &json!({"command": "bash"})).await;
    let stop = who.post(&format!("/api/v1/sessions/{running}/stop"), &json!({"force": true})).await;
    let forget = who.delete(&format!("/api/v1/sessions/{ended}")).await;
    for answer in [start, stop, forget] {
        assert_eq!(answer.json()["code"], "machine_offline", "{}", answer.text());
        assert!(answer.text().contains("start its agent"), "{}", answer.text());
    }
    let (sessions, hosts) = (who.get("/api/v1/sessions").await.json(), world.place().hosts().len());
    assert_eq!((sessions["sessions"].as_array().unwrap().len(), hosts), (2, 2), "and nothing was changed");
}
