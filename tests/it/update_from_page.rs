//! Agents brought to another version from the page: one and all, with progress, and told why when it does not come to that.

use std::path::PathBuf;

use serde_json::{Value, json};
use sessionforge::base::id::MachineId;
use sessionforge::update::target::Target;
use sessionforge::wire::Frame;
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{self, FromAgent, ToAgent};
use sessionforge::wire::session::MachineFacts;
use sessionforge::wire::updating::{UpdatePhase, UpdateReport, UpdateWay};

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::browser_pages::look;
use super::support::chrome::Chrome;
use super::support::http::Http;
use super::support::other_build::{OTHER_VERSION, install};
use super::support::page::{member, open, url};
use super::support::played::agent::AGENT_PATH;
use super::support::process::run;
use super::support::socket::Socket;
use super::support::systemd::{UserSystemd, with};
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::World;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn target() -> Target {
    Target::own().expect("tests run where release files are made for")
}

/// Where a release file of this version belongs on the server.
fn release_path(world: &World, version: &str) -> PathBuf {
    let directory = world.place().path("server/releases");
    std::fs::create_dir_all(&directory).unwrap();
    directory.join(target().file_name(&version.parse().unwrap()))
}

/// A world whose agent is a service, installed as a person does it.
async fn served() -> Option<(World, UserSystemd)> {
    let mut world = World::start().await;
    world.terminate_agent().await;
    let systemd = UserSystemd::start(world.place()).await?;
    let program = world.place().path("bin/sessionforge");
    install(&program, false);
    let (server, key) = (format!("http://{}", world.http.address), world.make_key("update").await);
    let data_dir = world.place().path("agent").display().to_string();
    for words in [&["auth", "login", "--server", &server, "--key", &key][..], &["service", "install"]] {
        let arguments = [words, &["--data-dir", &data_dir]].concat();
        let ran = run(with(world.place(), world.place().command_of(&program, &arguments))).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    world.expect_machine().await;
    Some((world, systemd))
}

async fn machine(world: &World, id: MachineId) -> Value {
    world.http.clone().get(&format!("/api/v1/machines/{id}")).await.ok().json()
}

async fn expect_machine(world: &World, why: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    poll(why, async || {
        let machine = machine(world, world.machine()).await;
        wanted(&machine).then_some(machine)
    })
    .await
}

async fn ask(world: &World, body: &Value) -> (u16, Value) {
    let answer = world.http.clone().post(&format!("/api/v1/machines/{}/update", world.machine()), body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_machine_is_updated_from_the_page_and_its_sessions_live_on() {
    let Some(chrome) = Chrome::start().await else { return };
    let Some((world, _systemd)) = served().await else { return };
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("echo before-$((1+1))\r").await;
    viewer.expect_text("before-2").await;
    let (status, problem) = ask(&world, &json!({})).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("nothing newer"), "{problem}");
    install(&release_path(&world, OTHER_VERSION), true);

    let tab = open(&chrome, &world, &format!("/machines/{}", world.machine())).await;
    tab.expect_text(&format!("{OTHER_VERSION} is available")).await;
    look(&tab, "machine-update-available").await;
    tab.navigate(&url(&world, "/machines")).await;
    tab.expect_text(&format!("{OTHER_VERSION} is available")).await;
    look(&tab, "machines-update-available").await;
    tab.navigate(&url(&world, &format!("/machines/{}", world.machine()))).await;
    tab.click(&format!("button: Update to {OTHER_VERSION}")).await;
    tab.expect_text(&format!("Updated to {OTHER_VERSION}")).await;
    look(&tab, "machine-updated").await;

    let after = expect_machine(&world, "it runs the other version", |it| it["build"] == OTHER_VERSION).await;
    assert_eq!((&after["update"]["phase"], &after["update"]["to"]), (&json!("done"), &json!(OTHER_VERSION)), "{after}");
    viewer.expect_attached().await;
    viewer.type_text("echo after-$((1+1))\r").await;
    viewer.expect_text("after-2").await;
    let log = world.http.clone().get("/api/v1/audit?action=machine.update").await.ok().json();
    let entry = &log["entries"][0];
    assert!(entry["facts"]["to"] == OTHER_VERSION && entry["on"] == world.machine().to_string(), "{log}");
    let (status, problem) = ask(&world, &json!({ "version": VERSION })).await;
    assert!(
        status == 409 && problem["detail"].as_str().unwrap().contains("--allow-downgrade"),
        "never back: {problem}"
    );
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn an_update_that_fails_is_told_with_its_reason_also_after_a_restart_and_the_version_before_runs() {
    let Some(chrome) = Chrome::start().await else { return };
    let Some((mut world, _systemd)) = served().await else { return };
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    // Says that it is a far newer version, and ends as soon as it is run as anything.
    let broken = "#!/bin/sh\n[ \"$1\" = version ] && echo 'sessionforge 9.9.9' && exit 0\nexit 7\n";
    std::fs::write(release_path(&world, "9.9.9"), broken).unwrap();
    assert_eq!(ask(&world, &json!({})).await.0, 202);
    let failed = expect_machine(&world, "it has failed", |it| it["update"]["phase"] == "failed").await;
    let why = failed["update"]["why"].as_str().unwrap();
    assert!(why.contains("9.9.9 did not come up") && why.contains(&format!("{VERSION} is back")), "{why}");
    assert_eq!(failed["build"], VERSION);
    viewer.expect_attached().await;
    viewer.type_text("echo after-$((1+1))\r").await;
    viewer.expect_text("after-2").await;

    world.interrupt_server().await;
    world.start_server().await;
    let again = expect_machine(&world, "the agent has said it again", |it| it["update"]["phase"] == "failed").await;
    assert_eq!(again["update"]["why"], failed["update"]["why"]);
    let tab = open(&chrome, &world, &format!("/machines/{}", world.machine())).await;
    tab.expect_text("Update to 9.9.9 failed").await;
    tab.expect_text("did not come up").await;
    look(&tab, "machine-update-failed").await;
    tab.navigate(&url(&world, "/machines")).await;
    tab.expect_text("Update to 9.9.9 failed").await;
    look(&tab, "machines-update-failed").await;
}

#[tokio::test]
async fn who_may_not_or_whose_owner_does_not_want_it_is_told_so() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::start().await;
    std::fs::write(release_path(&world, "9.9.9"), "newer").unwrap();
    let (status, problem) = ask(&world, &json!({})).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("no service runs its agent"), "{problem}");
    let tab = open(&chrome, &world, &format!("/machines/{}", world.machine())).await;
    tab.expect_text("sessionforge update").await;
    look(&tab, "machine-update-by-hand").await;

    world.terminate_agent().await;
    std::fs::write(world.place().path("agent/agent.json"), r#"{"allow": ["*"], "update": "off"}"#).unwrap();
    world.start_agent().await;
    let (status, problem) = ask(&world, &json!({})).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("its owner wants it so"), "{problem}");
    let all = world.http.clone().post("/api/v1/updates", &json!({})).await;
    assert!(all.status == 409 && all.text().contains("no machine"), "{all:?}");
    let mut member = member(&world, "Mia", "member").await;
    let hidden = member.post(&format!("/api/v1/machines/{}/update", world.machine()), &json!({})).await;
    assert_eq!(hidden.status, 404, "somebody else's machine is not there");
    let seen = member.get("/api/v1/updates").await.ok().json();
    assert_eq!(seen["available"], json!([]), "nor is what there is for it");
}

/// An agent that is only protocol: it stays connected, begins an update that it is asked for, and says of it what it is told to.
struct Played {
    machine: MachineId,
    facts: MachineFacts,
    says: mpsc::Sender<FromAgent>,
    begun: watch::Receiver<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Played {
    async fn start(world: &World, name: &str) -> Self {
        let facts = MachineFacts {
            name: name.to_owned(),
            hostname: name.to_owned(),
            os: "linux".to_owned(),
            build: VERSION.to_owned(),
            target: target().name().to_owned(),
            update_way: UpdateWay::Page,
            ..MachineFacts::default()
        };
        Self::connect(world, facts, None).await
    }

    async fn connect(world: &World, facts: MachineFacts, machine: Option<MachineId>) -> Self {
        let who = Http { bearer: Some(world.key().to_owned()), cookie: None, ..world.http.clone() };
        let Ok(mut socket) = Socket::open(&who, AGENT_PATH, None).await else { panic!("an agent is let in") };
        socket.greet(Role::Agent).await.unwrap();
        socket.send(&message::to_frame(&FromAgent::Register { machine, facts: facts.clone() })).await.unwrap();
        let machine = loop {
            if let Frame::Control(json) = socket.next().await.unwrap()
                && let Ok(ToAgent::Registered { machine, .. }) = message::from_json(&json)
            {
                break machine;
            }
        };
        socket.send(&message::to_frame(&FromAgent::Sessions { sessions: Vec::new() })).await.unwrap();
        let ((says, said), (begins, begun)) = (mpsc::channel(16), watch::channel(false));
        let task = AbortOnDropHandle::new(tokio::spawn(serve(socket, said, begins)));
        Self { machine, facts, says, begun, _task: task }
    }

    /// Waits until it is asked, and has begun.
    async fn begin(&mut self) {
        self.begun.wait_for(|begun| *begun).await.unwrap();
        self.report(UpdatePhase::Downloading, None).await;
    }

    async fn report(&self, phase: UpdatePhase, why: Option<&str>) {
        let why = why.map(str::to_owned);
        let update = UpdateReport { to: OTHER_VERSION.to_owned(), phase, percent: 42, why, began_at: 1 };
        self.says.send(FromAgent::Update { update }).await.unwrap();
    }

    /// As the new version, which says that it is done.
    async fn done(self, world: &World) -> Self {
        let facts = MachineFacts { build: OTHER_VERSION.to_owned(), ..self.facts.clone() };
        let again = Self::connect(world, facts, Some(self.machine)).await;
        again.report(UpdatePhase::Done, None).await;
        again
    }
}

async fn serve(mut socket: Socket, mut said: mpsc::Receiver<FromAgent>, begins: watch::Sender<bool>) {
    loop {
        let frame = tokio::select! {
            frame = socket.next() => frame,
            Some(message) = said.recv() => {
                if socket.send(&message::to_frame(&message)).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let answer = match frame {
            Err(_) => return,
            Ok(Frame::Ping(number)) => Frame::Pong(number),
            Ok(Frame::Control(json)) => match message::from_json(&json) {
                Ok(ToAgent::Update { request, version }) => {
                    assert_eq!(version, OTHER_VERSION);
                    begins.send_replace(true);
                    message::to_frame(&FromAgent::Done { request, problem: None })
                }
                _ => continue,
            },
            Ok(_) => continue,
        };
        if socket.send(&answer).await.is_err() {
            return;
        }
    }
}

async fn step(world: &World, of: &Played) -> Value {
    let updates = world.http.clone().get("/api/v1/updates").await.ok().json();
    let steps = updates["rollout"]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["machine"] == of.machine.to_string()).expect("a machine of the rollout").clone()
}

async fn expect_step(world: &World, of: &Played, state: &str) -> Value {
    poll(state, async || Some(step(world, of).await).filter(|step| step["state"] == state)).await
}

/// In the order in which they are asked: by their ids.
async fn fleet(world: &World) -> Vec<Played> {
    let mut fleet = Vec::new();
    for name in ["anvil", "bellows", "crucible", "drill"] {
        fleet.push(Played::start(world, name).await);
    }
    fleet.sort_by_key(|played| played.machine);
    fleet
}

#[tokio::test]
async fn all_are_updated_one_first_then_together_and_a_restarted_server_goes_on() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::server_only().await;
    world.set_up().await;
    std::fs::write(release_path(&world, OTHER_VERSION), "newer").unwrap();
    let mut fleet = fleet(&world).await;
    let tab = open(&chrome, &world, "/machines").await;
    tab.expect_text("4 machines could run a newer version").await;
    look(&tab, "machines-update-all").await;
    tab.click("button: Update all").await;
    tab.expect_text("One goes first").await;
    tab.evaluate("document.querySelector('dialog .button-primary').click()").await;
    let mut first = fleet.remove(0);
    first.begin().await;
    tab.expect_text("Updating machines").await;
    tab.expect_text("downloaded 42\u{a0}%").await;
    look(&tab, "machines-updating").await;
    for other in &fleet {
        assert_eq!(step(&world, other).await["state"], "waiting", "the first goes alone");
    }
    let again = world.http.clone().post("/api/v1/updates", &json!({})).await;
    assert!(again.status == 409 && again.text().contains("already"), "{again:?}");
    drop(tab);

    world.interrupt_server().await;
    world.start_server().await;
    // It comes back as the version before, and goes on.
    first = Played::connect(&world, first.facts.clone(), Some(first.machine)).await;
    first.report(UpdatePhase::Restarting, None).await;
    let mut back = Vec::new();
    for played in fleet {
        back.push(Played::connect(&world, played.facts.clone(), Some(played.machine)).await);
    }
    assert_eq!(step(&world, &first).await["state"], "asked");
    let first = first.done(&world).await;
    expect_step(&world, &first, "done").await;
    for played in &mut back {
        played.begin().await;
    }
    let mut through = vec![first];
    for played in back {
        through.push(played.done(&world).await);
    }
    let over = poll("the rollout is over", async || {
        let updates = world.http.clone().get("/api/v1/updates").await.ok().json();
        updates["rollout"]["ended_at"].is_u64().then_some(updates)
    })
    .await;
    assert!(over["rollout"]["steps"].as_array().unwrap().iter().all(|step| step["state"] == "done"), "{over}");
    assert!(over["rollout"].get("stopped").is_none() && over["available"] == json!([]), "{over}");
    let complaints = chrome.take_complaints();
    assert!(
        complaints.iter().all(|it| it.contains("CONNECTION_REFUSED")),
        "but that the server was away: {complaints:?}"
    );
}

#[tokio::test]
async fn the_first_that_fails_stops_the_others_and_the_page_says_which_and_why() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::server_only().await;
    world.set_up().await;
    std::fs::write(release_path(&world, OTHER_VERSION), "newer").unwrap();
    let mut fleet = fleet(&world).await;
    world.http.post("/api/v1/updates", &json!({})).await.ok();
    let name = fleet[0].facts.name.clone();
    fleet[0].begin().await;
    fleet[0].report(UpdatePhase::Failed, Some("its disk is full")).await;
    let failed = expect_step(&world, &fleet[0], "failed").await;
    assert_eq!(failed["why"], "its disk is full");
    for other in &fleet[1..] {
        expect_step(&world, other, "left_out").await;
    }
    let tab = open(&chrome, &world, "/machines").await;
    tab.expect_text("0 of 4 updated, 1 failed, 3 left out").await;
    tab.expect_text(&format!("{name} failed, so no further machine was asked")).await;
    look(&tab, "machines-update-stopped").await;

    // Whoever has mended it begins again, and may think better of it.
    fleet[0] = Played::connect(&world, fleet[0].facts.clone(), Some(fleet[0].machine)).await;
    world.http.post("/api/v1/updates", &json!({})).await.ok();
    fleet[0].begin().await;
    let stopped = world.http.delete("/api/v1/updates").await.ok().json();
    assert_eq!(stopped["rollout"]["stopped"], "Ada stopped it", "{stopped}");
    assert_eq!(step(&world, &fleet[0]).await["state"], "asked", "what is under way goes on");
    assert_eq!(step(&world, &fleet[1]).await["state"], "left_out");
}
