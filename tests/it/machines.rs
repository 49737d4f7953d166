//! Machines as people see them: there or not, and how busy.

use serde_json::Value;

use super::browser_pages::look;
use super::support::chrome::Chrome;
use super::support::page::{open, url};
use super::support::proxy::{Proxy, Rule};
use super::support::wait::poll;
use super::support::world::World;

/// Waits until the API says of the machine what is wanted.
async fn expect(world: &World, why: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/v1/machines/{}", world.machine());
    poll(why, async || {
        let machine = world.http.clone().get(&path).await.ok().json();
        wanted(&machine).then_some(machine)
    })
    .await
}

/// A world whose agent comes through a proxy.
async fn behind_a_proxy() -> (World, Proxy) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let proxy = Proxy::start(world.http.address).await;
    world.route_agent(proxy.address);
    world.start_agent().await;
    (world, proxy)
}

/// Within [`sessionforge::base::limits::DEAD_NOTICED_WITHIN`], 15 s, which the limits assert of their parts at compile time:
/// on a busy machine a test can only wait for it.
#[tokio::test]
async fn a_machine_whose_network_vanishes_without_a_word_is_offline_and_comes_back_by_itself() {
    let (world, proxy) = behind_a_proxy().await;
    expect(&world, "it is online", |machine| machine["online"] == true).await;
    proxy.set(Rule::Hold);
    let away = expect(&world, "it is offline", |machine| machine["online"] == false).await;
    assert!(away["last_seen"].as_u64() > Some(0), "{away}");
    assert!(away["load"].is_null(), "how busy it was is not shown as if it was: {away}");
    proxy.set(Rule::Pass);
    expect(&world, "it is online again", |machine| machine["online"] == true).await;
}

#[tokio::test]
async fn the_page_shows_that_a_machine_is_gone_and_that_it_is_back() {
    let Some(chrome) = Chrome::start().await else { return };
    let (world, proxy) = behind_a_proxy().await;
    let tab = open(&chrome, &world, "/machines").await;
    tab.expect_text("0 running").await;
    proxy.set(Rule::Hold);
    tab.expect_text("Offline, seen").await;
    proxy.set(Rule::Pass);
    tab.expect_text("0 running").await;
}

#[tokio::test]
async fn a_machine_says_how_busy_it_is() {
    let world = World::start().await;
    let machine = expect(&world, "its agent has said it", |machine| machine["load"].is_object()).await;
    let (load, hardware) = (&machine["load"], &machine["hardware"]);
    assert!(load["cpu_percent"].as_u64().unwrap() <= 100, "{machine}");
    let used = load["memory_used_bytes"].as_u64().unwrap();
    assert!((1..=hardware["memory_bytes"].as_u64().unwrap()).contains(&used), "{machine}");
    assert!((1..=hardware["disk_bytes"].as_u64().unwrap()).contains(&load["disk_free_bytes"].as_u64().unwrap()));
}

#[tokio::test]
async fn the_page_shows_how_busy_a_machine_is() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open(&chrome, &world, "/machines").await;
    tab.expect(
        "the list says so",
        "/CPU \\d+ %\\s*Memory \\d+ %\\s*Disk \\d+ %/.test(document.querySelector('.row-load')?.innerText)",
    )
    .await;
    look(&tab, "machines-load").await;
    tab.navigate(&url(&world, &format!("/machines/{}", world.machine()))).await;
    tab.expect_text("CPU now").await;
    tab.expect("and how much is left", "/free of/.test(document.querySelector('.facts').innerText)").await;
    look(&tab, "machine-load").await;
}
