//! The agent ends, in every way in which it can, and PTY hosts do not notice: they are nobody's children.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sessionforge::base::id::SessionId;
use sessionforge::host::runtime_dir::read_facts;

use super::support::other_build::{OTHER_VERSION, install};
use super::support::process::{run, signal_pid};
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::World;

/// A shell with something on its screen that only it knows, and what stands there.
async fn busy_shell(world: &World) -> (SessionId, Viewer, String) {
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("secret=kept; echo up a''nd running\r").await;
    viewer.expect_prompt_after("up and running").await;
    let before = viewer.text();
    (session, viewer, before)
}

/// The same screen without a repaint, the same shell, and the same process under the same id.
async fn expect_unharmed(world: &World, session: SessionId, host: u32, viewer: &Viewer, before: &str) {
    viewer.expect("the way is whole again", |seen| seen.live.then_some(())).await;
    viewer.expect_screen("the same screen", |screen| screen == before).await;
    viewer.type_text("echo still-$secret\r").await;
    viewer.expect_text("still-kept").await;
    viewer.look(|seen| assert_eq!((seen.repaints, &seen.violations), (1, &Vec::new()), "it went on at its offset"));
    assert_eq!(world.host_pid(session), host);
    assert_eq!(state(world, session).await["state"], "running");
}

async fn state(world: &World, session: SessionId) -> Value {
    world.http.clone().get(&format!("/api/v1/sessions/{session}")).await.json()
}

async fn expect_offline(viewer: &Viewer) {
    viewer.expect("the viewer is told that the way is broken", |seen| (!seen.live).then_some(())).await;
}

/// What `sessionforge session …` says on the machine.
async fn command(world: &World, words: &[&str]) -> String {
    let data_dir = world.dir().join("agent");
    let ran =
        run(world.place().command(&[&["session", "--data-dir", data_dir.to_str().unwrap()], words].concat())).await;
    assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    ran.out
}

/// A process's parent, group, session and terminal: fields 4 to 7 of proc(5).
fn family(pid: u32) -> [i64; 4] {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let fields: Vec<i64> = after_name.split_whitespace().skip(1).take(4).map(|field| field.parse().unwrap()).collect();
    fields.try_into().unwrap()
}

/// What a process has open, by descriptor.
fn open_files(pid: u32) -> Vec<String> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| Some(std::fs::read_link(file.path()).ok()?.display().to_string())).collect()
}

#[tokio::test]
async fn a_pty_host_is_in_no_group_session_or_terminal_of_the_agent_and_has_none_of_its_files() {
    let world = World::start().await;
    let (session, _viewer, _) = busy_shell(&world).await;
    let (host, agent) = (world.host_pid(session), world.agent_pid());
    let [parent, group, leader, terminal] = family(host);
    let of_agent = family(agent);
    assert_ne!(parent, i64::from(agent), "its parent");
    assert_ne!(group, of_agent[1], "its process group");
    assert_ne!(leader, of_agent[2], "its session");
    assert_eq!(terminal, 0, "no terminal that could hang up");
    let of_agent = open_files(agent);
    for file in open_files(host) {
        // Sockets and pipes have one name for both ends' holders; a lock or log of the agent's is a path.
        let own = file == "/dev/null" || file.starts_with("anon_inode:") || !of_agent.contains(&file);
        assert!(own, "the host holds {file} of the agent's");
    }
}

/// Starts the world's agent in a terminal of its own, as its foreground job: the shell's session leader is the child.
fn start_in_terminal(world: &World) -> Child {
    let agent = world.agent_command();
    let mut words = vec![agent.get_program().to_owned()];
    words.extend(agent.get_args().map(ToOwned::to_owned));
    let line: Vec<String> = words.iter().map(|word| format!("'{}'", word.display())).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]).env_clear();
    script.envs(agent.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    script.spawn().unwrap()
}

/// The agent under `script`: its only child.
async fn agent_below(script: u32) -> u32 {
    poll("the agent runs in its terminal", async || {
        let child = |pid: u32| {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            children.split_whitespace().next()?.parse::<u32>().ok()
        };
        let mut pid = child(script)?;
        while let Some(below) = child(pid) {
            pid = below;
        }
        Some(pid)
    })
    .await
}

#[tokio::test]
async fn sessions_survive_the_agents_whole_process_group_and_its_terminal() {
    let mut world = World::start().await;
    world.kill_agent();
    let mut terminal = start_in_terminal(&world);
    let agent = agent_below(terminal.id()).await;
    world.expect_machine().await;
    let (session, viewer, before) = busy_shell(&world).await;
    let host = world.host_pid(session);

    // The group of the terminal's foreground job at once, then the terminal: what follows is hung up.
    let group = i32::try_from(family(agent)[1]).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    signal_pid(terminal.id(), "KILL");
    terminal.wait().unwrap();
    expect_offline(&viewer).await;
    // It is not our child, so nobody waits for it: its connection may be closed while its lock is not. So the next one
    // waits for a moment.
    world.start_agent().await;
    expect_unharmed(&world, session, host, &viewer, &before).await;
}

#[tokio::test]
async fn sessions_survive_an_agent_that_is_told_to_stop() {
    let mut world = World::start().await;
    let (session, viewer, before) = busy_shell(&world).await;
    let host = world.host_pid(session);
    world.terminate_agent().await;
    expect_offline(&viewer).await;
    world.start_agent().await;
    expect_unharmed(&world, session, host, &viewer, &before).await;
}

#[tokio::test]
async fn another_build_takes_the_agents_place_while_sessions_run_and_finds_them() {
    let mut world = World::start().await;
    world.kill_agent();
    let program = world.dir().join("bin/forge");
    install(&program, false);
    world.run_from(Path::new(super::support::world::PROGRAM), &program);
    world.start_agent().await;
    let (session, viewer, before) = busy_shell(&world).await;
    let host = world.host_pid(session);

    install(&program, true);
    // The old agent goes on until it is stopped, and starts sessions by its own file, which has no name any more.
    let late = world.bash().await;
    world.terminate_agent().await;
    expect_offline(&viewer).await;
    world.start_agent().await;
    let machines = world.http.get("/api/v1/machines").await.json();
    assert_eq!(machines["machines"][0]["build"], OTHER_VERSION, "{machines}");
    expect_unharmed(&world, session, host, &viewer, &before).await;
    assert_eq!(state(&world, late).await["state"], "running");

    let new = world.bash().await;
    let build = |session| read_facts(&world.dir().join("agent/run"), session).unwrap();
    assert_eq!((build(new).build.as_str(), build(new).protocol), (OTHER_VERSION, (1, 1)));
    assert_eq!(build(session).build, env!("CARGO_PKG_VERSION"), "old hosts and new ones side by side");
}

#[tokio::test]
async fn a_session_whose_agent_never_comes_back_is_listed_and_stopped_on_its_machine() {
    let mut world = World::start().await;
    let (session, viewer, _) = busy_shell(&world).await;
    world.kill_agent();
    world.kill_server();
    drop(viewer);
    let id = session.to_string();
    let listed = command(&world, &["list"]).await;
    let line = listed.lines().find(|line| line.starts_with(&id)).unwrap_or_else(|| panic!("{id} in {listed}"));
    assert!(line.contains("running"), "{line}");
    let stopped = command(&world, &["stop", "--force", &id]).await;
    assert!(stopped.contains("has ended"), "{stopped}");
}

/// What happens on a machine while nobody on the server can see it.
struct Unseen {
    begun: SessionId,
    ended: SessionId,
    stopped: SessionId,
}

impl Unseen {
    /// `away` takes place between the sessions' start and everything that becomes of them.
    async fn happen(world: &mut World, away: impl FnOnce(&mut World)) -> Self {
        let go = world.dir().join("go");
        let script = format!("until [ -e '{}' ]; do sleep 0.05; done; exit 7", go.display());
        let (ended, stopped) = (world.start_session("bash", &["-c", &script]).await, world.bash().await);
        away(world);
        std::fs::write(go, "").unwrap();
        command(world, &["stop", "--force", &stopped.to_string()]).await;
        let begun = command(world, &["start", "--command", "bash"]).await.trim().parse().unwrap();
        poll("it is written down that the program has ended", async || {
            read_facts(&world.dir().join("agent/run"), ended)?.info.exit
        })
        .await;
        Self { begun, ended, stopped }
    }

    async fn expect_known(&self, world: &World) {
        for (session, wanted) in [(self.begun, "running"), (self.ended, "exited"), (self.stopped, "exited")] {
            poll(&format!("the server says {wanted} of {session}"), async || {
                (state(world, session).await["state"] == wanted).then_some(())
            })
            .await;
        }
        assert_eq!(state(world, self.ended).await["exit"]["code"], 7);
        let viewer = world.viewer(self.begun, Manners::default()).await;
        viewer.type_text("echo he''re\r").await;
        viewer.expect_text("here").await;
    }
}

#[tokio::test]
async fn what_began_ended_and_was_stopped_while_the_server_was_away_is_known_when_it_is_back() {
    let mut world = World::start().await;
    let (kept, viewer, before) = busy_shell(&world).await;
    let host = world.host_pid(kept);
    let unseen = Unseen::happen(&mut world, World::kill_server).await;
    world.start_server().await;
    unseen.expect_known(&world).await;
    expect_unharmed(&world, kept, host, &viewer, &before).await;
}

#[tokio::test]
async fn what_began_ended_and_was_stopped_while_the_agent_was_away_is_known_when_it_is_back() {
    let mut world = World::start().await;
    let (kept, viewer, before) = busy_shell(&world).await;
    let host = world.host_pid(kept);
    let unseen = Unseen::happen(&mut world, World::kill_agent).await;
    world.start_agent().await;
    unseen.expect_known(&world).await;
    expect_unharmed(&world, kept, host, &viewer, &before).await;
}
