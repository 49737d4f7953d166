//! `sessionforge service` with a real `systemd --user`: installed, kept alive, changed, removed; sessions live through it.

use std::process::Stdio;

use serde_json::Value;

use super::support::process::{Ran, run, signal_pid};
use super::support::systemd::{UserSystemd, command};
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::{Place, World};

async fn service(place: &Place, arguments: &[&str]) -> Ran {
    run(command(place, &[&["service"], arguments].concat())).await
}

async fn done(place: &Place, arguments: &[&str]) -> String {
    let ran = service(place, arguments).await;
    assert_eq!(ran.code, 0, "service {arguments:?}: {ran:?}");
    ran.out + &ran.err
}

/// What a script reads of a service that is installed.
async fn found(place: &Place) -> Value {
    let ran = service(place, &["status", "--json"]).await;
    serde_json::from_str::<Value>(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))["found"].clone()
}

/// A world whose agent has connected once and was stopped, and a service manager; nothing where there can be none.
async fn prepared() -> Option<(World, UserSystemd)> {
    let mut world = World::start().await;
    world.terminate_agent().await;
    let systemd = UserSystemd::start(world.place()).await?;
    Some((world, systemd))
}

#[tokio::test]
async fn a_service_is_installed_kept_alive_and_removed_and_sessions_live_through_all_of_it() {
    let Some((mut world, _systemd)) = prepared().await else { return };
    let data_dir = world.place().path("agent").display().to_string();
    let install = ["install", "--data-dir", &data_dir];
    for arguments in [&["start"][..], &["stop"], &["restart"]] {
        let ran = service(world.place(), arguments).await;
        assert!(ran.code == 1 && ran.err.contains("not installed") && ran.err.contains("service install"), "{ran:?}");
    }
    let status = service(world.place(), &["status"]).await;
    assert!(status.code == 1 && status.out.contains("not installed"), "{status:?}");

    let said = done(world.place(), &install).await;
    assert!(said.contains("installed: ") && said.contains("connected as mac_") && said.contains("of Acme"), "{said}");
    assert!(said.contains("lingering"), "nobody can linger here, and that is said: {said}");
    let first = found(world.place()).await;
    assert_eq!(
        (&first["healthy"], &first["enabled"], &first["activity"]),
        (&true.into(), &true.into(), &"running".into())
    );
    assert_eq!((first["data_dir"].as_str(), &first["restarts"]), (Some(data_dir.as_str()), &0.into()), "{first}");
    assert!(first["uptime_seconds"].is_u64() && first["log"].as_str().unwrap().contains("agent.log"), "{first}");
    let said = done(world.place(), &install).await;
    assert!(said.contains("installed already"), "{said}");
    assert_eq!(found(world.place()).await["pid"], first["pid"], "one that is as it should be goes on");

    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("echo before-$((1+1))\r").await;
    viewer.expect_text("before-2").await;
    let host = world.place().hosts()[0].host_pid;

    let said = done(world.place(), &["restart"]).await;
    assert!(said.contains("running") && said.contains("connected as"), "{said}");
    let second = found(world.place()).await;
    assert_ne!(second["pid"], first["pid"]);
    viewer.expect_attached().await;
    viewer.type_text("echo after-$((1+1))\r").await;
    viewer.expect_text("after-2").await;

    signal_pid(u32::try_from(second["pid"].as_u64().unwrap()).unwrap(), "KILL");
    let third = poll("systemd starts the agent again", async || {
        let now = found(world.place()).await;
        (now["healthy"] == true && now["pid"] != second["pid"]).then_some(now)
    })
    .await;
    assert_eq!(third["restarts"], 1);

    let said = done(world.place(), &[&install[..], &["--insecure-http"]].concat()).await;
    assert!(said.contains("changed: ") && said.contains("connected as"), "{said}");
    assert_ne!(found(world.place()).await["pid"], third["pid"], "what was changed holds from now on");

    let said = done(world.place(), &["stop"]).await;
    assert!(said.contains("Sessions go on"), "{said}");
    let status = service(world.place(), &["status"]).await;
    assert!(status.code == 1 && status.out.contains("stopped"), "{status:?}");
    let said = done(world.place(), &["start"]).await;
    assert!(said.contains("connected as"), "{said}");

    let said = done(world.place(), &["uninstall"]).await;
    assert!(said.contains("removed"), "{said}");
    let left: Vec<_> = std::fs::read_dir(world.place().path("home/.config/systemd/user"))
        .unwrap()
        .flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).into_iter().flatten())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(done(world.place(), &["uninstall"]).await.contains("no service"));
    assert_eq!(world.place().hosts()[0].host_pid, host);
    let listed = run(world.place().command(&["session", "list", "--data-dir", &data_dir])).await;
    assert!(listed.out.contains(&session.to_string()), "it runs on without a service: {listed:?}");

    // What was never under the service's roof is not missed by the next agent either.
    world.start_agent().await;
    viewer.expect_attached().await;
    viewer.type_text("echo at-last-$((1+1))\r").await;
    viewer.expect_text("at-last-2").await;
}

#[tokio::test]
async fn a_service_that_cannot_work_says_why_also_with_hostile_names() {
    let Some((mut world, _systemd)) = prepared().await else { return };
    let hostile = world.place().path("a $HOME 50% \"q\" 'ü'");
    let data_dir = hostile.display().to_string();
    let ran = service(world.place(), &["install", "--data-dir", &data_dir]).await;
    assert!(ran.code == 1 && ran.err.contains("no server and no key"), "{ran:?}");
    std::fs::rename(world.place().path("agent"), &hostile).unwrap();
    std::fs::create_dir(world.place().path("agent")).unwrap();
    let said = done(world.place(), &["install", "--data-dir", &data_dir]).await;
    assert!(said.contains("connected as"), "every name arrived as it was: {said}");
    assert_eq!(found(world.place()).await["data_dir"].as_str(), Some(data_dir.as_str()));

    let keys = world.http.get("/api/v1/keys").await.ok().json();
    let key =
        keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == "workbench").expect("the agent's").clone();
    world.http.delete(&format!("/api/v1/keys/{}", key["id"].as_str().unwrap())).await.ok();
    let failed = poll("the service has failed", async || {
        let now = found(world.place()).await;
        (now["activity"] == "failed").then_some(now)
    })
    .await;
    assert_eq!((&failed["ended"]["code"], &failed["healthy"]), (&3.into(), &false.into()), "{failed}");
    let last = failed["last_error"].as_str().unwrap_or_default().to_owned();
    assert!(last.contains("ERROR") && last.contains("the agent has ended"), "{failed}");
    let status = service(world.place(), &["status"]).await;
    assert!(status.code == 1 && status.out.contains("failed") && status.out.contains("refuses this key"), "{status:?}");
    assert!(status.out.contains("journalctl --user"), "{status:?}");
    done(world.place(), &["uninstall"]).await;
}

/// So does the service of Windows hold its agent, which it can send no signal.
#[tokio::test]
async fn an_agent_that_is_held_by_its_input_ends_in_order_when_that_ends_and_sessions_go_on() {
    let mut world = World::start().await;
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    world.terminate_agent().await;
    let mut command = world.agent_command();
    command.arg("--until-closed").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut agent = command.spawn().unwrap();
    viewer.expect_attached().await;
    viewer.type_text("echo held-$((1+1))\r").await;
    viewer.expect_text("held-2").await;
    drop(agent.stdin.take());
    let status = poll("the agent ends", async || agent.try_wait().ok().flatten()).await;
    assert_eq!(status.code(), Some(0));
    world.start_agent().await;
    viewer.expect_attached().await;
    viewer.type_text("echo on-$((1+1))\r").await;
    viewer.expect_text("on-2").await;
}
