//! Machines as people see them: there or not, how busy, and shared or not.

use serde_json::{Value, json};

use super::browser_pages::look;
use super::support::chrome::Chrome;
use super::support::http::Http;
use super::support::page::{open, url};
use super::support::proxy::{Proxy, Rule};
use super::support::server::token_of;
use super::support::wait::poll;
use super::support::world::{PASSWORD, World};

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

/// Somebody who joins with a role.
async fn join(world: &World, name: &str, role: &str) -> Http {
    let made = world.http.clone().post("/api/v1/invitations", &json!({ "role": role })).await.ok().json();
    let token = token_of(made["url"].as_str().unwrap());
    let mut http = Http::new(world.http.address);
    let email = format!("{name}@example.org");
    let form = json!({ "token": token, "name": name, "email": email, "password": PASSWORD });
    http.post("/api/v1/invitations/accept", &form).await.ok();
    http
}

#[tokio::test]
async fn a_machine_is_seen_and_used_by_the_organisation_as_far_as_its_owner_shares_it() {
    let world = World::start().await;
    let (mut ada, mut bea, mut vic) =
        (world.http.clone(), join(&world, "bea", "member").await, join(&world, "vic", "viewer").await);
    let adas = world.start_session("cat", &[]).await;
    let machine = format!("/api/v1/machines/{}", world.machine());
    let session = format!("/api/v1/sessions/{adas}");
    let (start, text) = (json!({ "command": "cat" }), json!({ "text": "x", "take": true }));
    for who in [&mut bea, &mut vic] {
        assert_eq!(
            (who.get(&machine).await.status, who.get(&session).await.status),
            (404, 404),
            "as every machine begins"
        );
    }
    let wrong = ada.send("PATCH", &machine, Some(&json!({ "sharing": "everybody" }))).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());

    ada.send("PATCH", &machine, Some(&json!({ "sharing": "see" }))).await.ok();
    for who in [&mut bea, &mut vic] {
        assert_eq!(who.get(&machine).await.ok().json()["sharing"], "see");
        who.get(&format!("{session}/screen")).await.ok();
        assert_eq!(who.post(&format!("{session}/input"), &text).await.status, 403, "to see is not to type");
        assert_eq!(who.post(&format!("{machine}/sessions"), &start).await.status, 403, "nor to start");
        assert_eq!(who.send("PATCH", &machine, Some(&json!({ "sharing": "start" }))).await.status, 403, "nor to share");
    }
    let adopted = bea.post(&format!("{session}/adopt"), &json!({})).await;
    assert_eq!(adopted.status, 409, "nor to take over: {}", adopted.text());

    ada.send("PATCH", &machine, Some(&json!({ "sharing": "start" }))).await.ok();
    assert_eq!(vic.post(&format!("{machine}/sessions"), &start).await.status, 403, "viewers start nothing");
    let beas = bea.post(&format!("{machine}/sessions"), &start).await.ok().json();
    assert_eq!(beas["owner"]["name"], "bea", "{beas}");
    let beas = format!("/api/v1/sessions/{}", beas["id"].as_str().unwrap());
    bea.post(&format!("{beas}/input"), &text).await.ok();
    assert_eq!(
        bea.post(&format!("{session}/input"), &text).await.status,
        403,
        "of others' sessions she types into none"
    );

    ada.send("PATCH", &machine, Some(&json!({ "sharing": "nobody" }))).await.ok();
    assert_eq!((vic.get(&machine).await.status, vic.get(&beas).await.status), (404, 404));
    assert_eq!(bea.get(&session).await.status, 404);
    bea.get(&beas).await.ok();
    bea.get(&machine).await.ok();
    assert_eq!(
        bea.post(&format!("{machine}/sessions"), &start).await.status,
        403,
        "what she has she keeps, and no more"
    );
    ada.post(&format!("{beas}/stop"), &json!({ "force": true })).await.ok();
    let log = ada.get("/api/v1/audit?action=machine.change").await.ok().json();
    assert_eq!(log["entries"][0]["facts"], json!({ "shared": "nobody" }), "{log}");
}

#[tokio::test]
async fn a_machine_is_shared_on_its_page() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let mut bea = join(&world, "bea", "member").await;
    let tab = open(&chrome, &world, &format!("/machines/{}", world.machine())).await;
    tab.click("button: More").await;
    tab.click("button: Name, tags, sharing…").await;
    tab.expect_element("#machine-sharing").await;
    tab.evaluate(
        "(() => { const e = document.querySelector('#machine-sharing'); e.value = 'start'; \
         e.dispatchEvent(new Event('change', { bubbles: true })) })()",
    )
    .await;
    tab.expect_text("Every member can then run programs here as Ada's account.").await;
    look(&tab, "machine-sharing").await;
    tab.click("button: Save").await;
    tab.expect_text("Members may start sessions").await;
    assert_eq!(bea.get(&format!("/api/v1/machines/{}", world.machine())).await.ok().json()["sharing"], "start");
}
