//! What a hook costs Claude Code: the very command that it is given, run as it runs it, with everything up and everything down.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;
use sessionforge::host::runtime_dir::settings_path;

use super::support::wait::poll;
use super::support::world::World;
use super::table::{Table, ms, percentile};

/// Runs in each situation: enough that the 99th percentile is not one run.
const RUNS: usize = 1_000;

/// The bar.
const COST_MAX: Duration = Duration::from_millis(20);

/// A session whose program Claude Code is taken for: a `claude` that reads and says nothing.
pub async fn played_claude(world: &World) -> SessionId {
    let path = world.place().path("bin/claude");
    std::fs::write(&path, "#!/bin/sh\nexec cat\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.start_session("claude", &[]).await
}

/// The shell command of one of our hooks, as Claude Code reads it in its settings.
pub async fn command_of(world: &World, session: SessionId, event: &str) -> String {
    let path = settings_path(&world.place().path("agent/run"), session);
    let settings: Value =
        poll("the settings are written", async || serde_json::from_slice(&std::fs::read(&path).ok()?).ok()).await;
    settings["hooks"][event][0]["hooks"][0]["command"].as_str().expect("a hook of ours").to_owned()
}

/// Starts a hook's command and tells it `said`.
pub fn start(command: &str, said: &Value) -> std::process::Child {
    let mut hook = Command::new("/bin/sh");
    hook.args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = hook.spawn().unwrap();
    child.stdin.take().unwrap().write_all(said.to_string().as_bytes()).unwrap();
    child
}

fn times(command: &str, said: &Value) -> Vec<Duration> {
    let one = |_| {
        let started = Instant::now();
        let ended = start(command, said).wait().unwrap();
        assert!(ended.success(), "a hook always ends well");
        started.elapsed()
    };
    (0..RUNS).map(one).collect()
}

/// The rows of the table.
pub async fn cost(table: &mut Table) {
    let mut world = World::start().await;
    let session = played_claude(&world).await;
    let command = command_of(&world, session, "PostToolUse").await;
    let said = |bytes: usize| {
        json!({"hook_event_name": "PostToolUse", "session_id": "b1946ac9-2b1c-4d6e-8f3a-000000000001",
            "cwd": world.place().path("home"), "tool_name": "Write",
            "tool_input": {"file_path": "src/main.rs", "content": "x".repeat(bytes)}})
    };
    let (small, large) = (said(4 * 1024), said(1024 * 1024));
    let both = |times: &mut [Duration]| format!("{} / {}", ms(percentile(times, 0.5)), ms(percentile(times, 0.99)));
    table.note("limit: a shell that does nothing, p50 / p99", both(&mut times("cat >/dev/null", &small)));
    let mut row = |what: &str, said: &Value| {
        let mut times = times(&command, said);
        let kept = percentile(&mut times, 0.99) <= COST_MAX;
        let what = format!("hook, {what}, p50 / p99 of {RUNS}");
        table.bar(&what, both(&mut times), &format!("p99 ≤ {} ms", COST_MAX.as_millis()), kept);
    };
    row("server and agent up", &small);
    row("a file of 1 MiB is written", &large);
    world.kill_server();
    row("server down", &small);
    world.kill_agent();
    row("server and agent down", &small);
    let host = world.host_pid(session);
    super::support::process::signal_pid(host, "KILL");
    row("PTY host gone too", &small);
}
