//! Disks that take nothing: on the server, on a machine, from the start or all of a sudden. What was promised stays, what
//! goes on without a disk goes on, and room heals it without a restart.
#![cfg(target_os = "linux")]

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use super::support::process::{Process, run};
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::{PROGRAM, Place, World};

/// The kernel's limit on file sizes plays a disk that takes nothing: every write fails, and the signal is ignored.
fn writes(pid: u32, allowed: bool) {
    let hard = getrlimit(Resource::Fsize).maximum;
    let current = if allowed { hard } else { Some(0) };
    let pid = Pid::from_raw(pid.try_into().unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current, maximum: hard }).unwrap();
}

#[tokio::test]
async fn a_servers_disk_that_takes_nothing_costs_what_must_be_written_and_nothing_else() {
    let mut world = World::start_on_small_disks().await;
    let viewer = world.viewer(world.bash().await, Manners::default()).await;
    viewer.type_text("echo be''fore\r").await;
    viewer.expect_text("\nbefore\n").await;
    writes(world.server_pid(), false);
    // The first finds the database open, the others find it read from memory, which would take them.
    for _ in 0..3 {
        let refused = world.http.post("/api/v1/keys", &json!({"name": "one more"})).await;
        assert_eq!(refused.status, 500, "{}", refused.text());
        assert!(refused.text().contains("its disk is full"), "{}", refused.text());
    }
    viewer.type_text("echo mean''while\r").await;
    viewer.expect_text("\nmeanwhile\n").await;
    // What is only read is still there: pages load, and connections that break are let in again.
    world.http.get("/api/v1/me").await.ok();
    viewer.cut().await;
    viewer.expect("it is back", |seen| (seen.connections > 1 && seen.live).then_some(())).await;
    viewer.type_text("echo ag''ain\r").await;
    viewer.expect_text("\nagain\n").await;
    writes(world.server_pid(), true);
    poll("it takes keys again", async || {
        let answer = world.http.clone().post("/api/v1/keys", &json!({"name": "healed"})).await;
        (answer.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_machines_disk_that_takes_nothing_refuses_new_sessions_and_keeps_the_others() {
    let world = World::start_on_small_disks().await;
    let session = world.start_session("cat", &[]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    writes(world.agent_pid(), false);
    let host = world.host_pid(session);
    writes(host, false);
    let (status, problem) = world.try_start_session(&json!({"command": "bash"})).await.unwrap_err();
    let sentence = problem["detail"].as_str().unwrap();
    assert!(status == 500 && sentence.contains("disk is full or read-only"), "{status} {problem}");
    viewer.type_text("still here\r").await;
    viewer.expect_text("still here\nstill here").await;
    // Its end cannot be written down now, and is when there is room.
    world.stop_session(session).await;
    writes(host, true);
    writes(world.agent_pid(), true);
    poll("the end of the session is recorded", async || {
        world.place().hosts().iter().any(|facts| facts.info.id == session && facts.info.has_ended()).then_some(())
    })
    .await;
    world.bash().await;
}

#[tokio::test]
async fn a_log_on_a_full_disk_stops_nobody() {
    let place = Place::new();
    let log = place.path("server.log");
    let mut command = place.command_of(&place.program_for_small_disks(), &["server", "--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(place.path("server")).arg("--log-file").arg(&log);
    let mut server = Process::start("server", command);
    let line = server.expect_line("/setup#").await;
    let (url, token) = line.split_whitespace().find_map(|word| word.split_once("/setup#")).unwrap();
    let mut http = super::support::http::Http::new(url.trim_start_matches("http://").parse().unwrap());
    http.post(
        "/api/v1/setup",
        &json!({"token": token, "organisation": "A", "name": "A", "email": "a@example.org", "password": "correct horse battery"}),
    )
    .await
    .ok();
    let logged = || {
        let files = std::fs::read_dir(place.path(".")).unwrap().flatten();
        let logs = files.filter(|file| file.file_name().to_string_lossy().starts_with("server.log"));
        logs.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect::<String>()
    };
    writes(server.pid(), false);
    // Refused sign-ins are logged, and need no database.
    let wrong = json!({"email": "a@example.org", "password": "wrong horse battery"});
    assert_eq!(http.post("/api/v1/sign-in", &wrong).await.status, 401);
    http.get("/healthz").await.ok();
    writes(server.pid(), true);
    poll("it logs again", async || {
        http.clone().post("/api/v1/sign-in", &wrong).await;
        logged().contains("a sign-in failed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_data_directory_that_is_read_only_is_named_at_the_start() {
    let place = Place::new();
    for (command, dir) in [("server", "server"), ("agent", "agent")] {
        let dir = place.path(dir);
        let path = dir.to_str().unwrap();
        let rest: &[&str] =
            if command == "server" { &["--listen", "127.0.0.1:0"] } else { &["--server", "http://127.0.0.1:9"] };
        let program = place.command(&[&[command, "--data-dir", path], rest].concat());
        let mut inside = Command::new("unshare");
        // A mount of our own is read-only also for root, whom permissions do not stop.
        let script = format!("mount --bind '{path}' '{path}' && mount -o remount,ro,bind '{path}' && exec \"$@\"");
        inside
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "-", PROGRAM])
            .args(program.get_args());
        inside.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", place.path("home"));
        inside.env("SESSIONFORGE_API_KEY", "sf_live_00000000000000000000000000000000");
        let probe = run({
            let mut probe = Command::new("unshare");
            probe.args(["--user", "--map-root-user", "--mount", "true"]);
            probe
        });
        if probe.await.code != 0 {
            eprintln!("\n!!! SKIPPED: this system lets nobody mount.\n");
            return;
        }
        let ran = run(inside).await;
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.err.contains(path) && ran.err.contains("Read-only"), "{command}: {ran:?}");
    }
}
