//! The line that a person pastes on a new machine: the server's own script puts the agent there, logs it in, starts it with the
//! machine, and takes it away again. Nothing comes from anywhere but that server.

use std::path::Path;
use std::process::Command;

use super::browser_pages::look;
use super::support::chrome::Chrome;
use super::support::page::open;
use super::support::process::{Ran, run};
use super::support::systemd::{UserSystemd, with};
use super::support::wait::poll;
use super::support::world::{Place, World};

/// Somebody who is not root, as far as the programs of the machine can tell: an account that every system has.
const NOBODY: &str = "65534";

/// `curl … | SHELL -s -- OPTIONS` as that person types it.
async fn paste(place: &Place, fetch: &str, shell: &str, options: &str) -> Ran {
    let line = format!("{fetch} | {shell} -s -- {options}");
    let mut command = place.command_of(
        Path::new("unshare"),
        &["--user", &format!("--map-user={NOBODY}"), &format!("--map-group={NOBODY}"), "sh", "-c", &line],
    );
    command.env_remove("SESSIONFORGE_LOG");
    run(with(place, command)).await
}

fn curl(world: &World) -> String {
    format!("curl -fsSL http://{}/agent", world.http.address)
}

async fn machine_is_online(world: &World, name: &str) {
    let who = world.http.clone();
    poll(&format!("{name} is online"), async || {
        let machines = who.clone().get("/api/v1/machines").await.json();
        let is_it = |machine: &serde_json::Value| machine["name"] == name && machine["online"] == true;
        machines["machines"].as_array()?.iter().any(is_it).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_line_puts_a_machine_on_the_server_and_another_takes_it_away() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let Some(_systemd) = UserSystemd::start(world.place()).await else { return };
    let (key, place) = (world.make_key("new machine").await, world.place());
    let first = paste(place, &curl(&world), "sh", &format!("--key {key} --name 'new one'")).await;
    assert!(first.code == 0, "{first:?}");
    assert!(first.out.contains("Logged in") && first.out.contains("connected as"), "{first:?}");
    assert!(first.out.contains("on your PATH"), "{first:?}");
    machine_is_online(&world, "new one").await;
    let program = place.path("home/.local/bin/sessionforge");
    assert!(program.exists());

    // Again, by every shell and by the other downloader: nothing is to be done.
    let wget = format!("wget -qO- http://{}/install.sh", world.http.address);
    for (fetch, shell) in [(curl(&world), "dash"), (wget, "bash"), (curl(&world), "busybox sh")] {
        let again = paste(place, &fetch, shell, &format!("--key {key}")).await;
        assert!(again.code == 0 && again.out.contains("as it should be"), "{shell}: {again:?}");
        assert!(again.out.contains("installed already"), "{shell}: {again:?}");
    }
    let without_key = paste(place, &curl(&world), "sh", "").await;
    assert_eq!(without_key.code, 0, "it is logged in: {without_key:?}");

    let gone = paste(place, &curl(&world), "sh", "--uninstall").await;
    assert!(gone.code == 0 && gone.out.contains("Removed"), "{gone:?}");
    assert!(!program.exists());
    let unit = place.path("home/.config/systemd/user");
    assert!(!unit.exists() || std::fs::read_dir(unit).unwrap().next().is_none(), "nothing of the service is left");
    let again = paste(place, &curl(&world), "sh", "--uninstall").await;
    assert!(again.code == 0 && again.out.contains("nothing was done"), "{again:?}");
}

#[tokio::test]
async fn what_went_wrong_is_said_and_nothing_half_done_is_left() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let (key, place) = (world.make_key("new machine").await, world.place());
    let program = place.path("home/.local/bin/sessionforge");
    let fails = |ran: &Ran, why: &str| {
        assert!(ran.code != 0 && format!("{}{}", ran.err, ran.out).contains(why), "{why}: {ran:?}");
    };
    fails(&paste(place, &curl(&world), "sh", "--no-such").await, "there is no option --no-such");
    fails(&paste(place, &curl(&world), "sh", "--key").await, "--key needs a value");
    fails(&paste(place, &curl(&world), "sh", "--target plan9").await, "has no program for plan9");
    fails(&paste(place, &curl(&world), "sh", "--version 7.7.7").await, "has no 7.7.7 program");
    fails(&paste(place, &curl(&world), "sh", "--run-as ada").await, "only root");
    // A list that is not the one of what is sent, as if something on the way had changed either.
    let other_list = "sed 's/^while_read/&/; s/checksum_of \"$work\\/sessionforge\"/echo 0000/'";
    fails(
        &paste(place, &format!("{} | {other_list}", curl(&world)), "sh", &format!("--key {key}")).await,
        "checksum is another",
    );
    assert!(!program.exists(), "nothing was installed");
    // A line that broke in the middle of the script.
    let half = paste(place, &format!("{} | head -c 6000", curl(&world)), "sh", &format!("--key {key}")).await;
    assert!(!program.exists(), "{half:?}");
    fails(&paste(place, &curl(&world), "sh", "--no-service --key sf_live_nonsense").await, "not an API key");
    fails(&paste(place, &curl(&world), "sh", "--no-service").await, "no key was given");
    let ran = paste(place, &curl(&world), "sh", &format!("--no-service --key {key}")).await;
    assert!(ran.code == 0 && program.exists(), "{ran:?}");
}

#[tokio::test]
async fn root_chooses_where_the_program_goes() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let (key, place) = (world.make_key("root's").await, world.place());
    let dir = place.path("opt with blanks/bin");
    let line = format!("{} | sh -s -- --no-service --dir '{}' --key {key}", curl(&world), dir.display());
    let ran = run(place.command_of(Path::new("sh"), &["-c", &line])).await;
    assert!(ran.code == 0 && dir.join("sessionforge").exists(), "{ran:?}");
    let mut status = Command::new(dir.join("sessionforge"));
    status.args(["auth", "status"]).env_clear().env("HOME", place.path("home"));
    let status = run(status).await;
    assert!(status.code == 0 && status.out.contains(&world.http.address.to_string()), "{status:?}");
}

#[tokio::test]
async fn the_scripts_name_the_server_as_it_was_asked_for() {
    let world = World::server_only().await;
    let ask = |host: &str| {
        let line = format!("curl -fsS -H 'Host: {host}' http://{}/install.sh", world.http.address);
        let command = world.place().command_of(Path::new("sh"), &["-c", &line]);
        run(command)
    };
    let by_name = ask("localhost:7373").await;
    assert!(by_name.out.contains("server='http://localhost:7373'"), "{by_name:?}");
    for bad in ["a';reboot;'", "evil.example", "x y"] {
        assert_ne!(ask(bad).await.code, 0, "{bad}");
    }
    let script = world.http.clone().get("/agent/install.ps1").await.ok().text();
    assert!(script.contains(&world.http.address.to_string()) && !script.contains("@SERVER@"), "{script}");
}

#[tokio::test]
async fn the_page_shows_the_line_and_turns_green_when_the_machine_appears() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::server_only().await;
    world.set_up().await;
    let Some(_systemd) = UserSystemd::start(world.place()).await else { return };
    let tab = open(&chrome, &world, "/machines").await;
    tab.click("button: Make a key").await;
    tab.expect_text("Waiting for it").await;
    tab.click("button: Linux").await;
    let line =
        tab.evaluate("[...document.querySelectorAll('code')].map(e => e.textContent).find(t => t.startsWith('curl'))");
    let line = line.await.as_str().expect("a line to paste").to_owned();
    look(&tab, "add-machine").await;
    tab.click("button: Windows").await;
    tab.expect_text("no program for Windows yet").await;
    look(&tab, "add-machine-no-program").await;
    let (fetch, rest) = line.split_once(" | sh -s -- ").expect("piped into a shell");
    let pasted = paste(world.place(), fetch, "sh", rest).await;
    assert_eq!(pasted.code, 0, "{pasted:?}");
    tab.expect_text("is connected").await;
    look(&tab, "add-machine-done").await;
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}
