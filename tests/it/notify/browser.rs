//! Notifications in Chromium: the settings, the service worker, and what is shown of the system's.

use serde_json::{Value, json};

use super::Scene;
use crate::support::chrome::Chrome;
use crate::support::tab::Tab;
use crate::support::wait::poll;

/// A tab of the owner at `path`, who let this server notify.
async fn open(chrome: &Chrome, scene: &Scene, path: &str, leave: bool) -> Tab {
    let tab = chrome.open("about:blank").await;
    let cookie = scene.owner.cookie.clone().unwrap();
    let (name, value) = cookie.split_once('=').unwrap();
    let origin = format!("http://{}", scene.server.address);
    let cookie = json!({"name": name, "value": value, "url": origin, "httpOnly": true, "sameSite": "Strict"});
    tab.call("Network.setCookie", cookie).await;
    let setting = if leave { "granted" } else { "denied" };
    let asked = json!({"permission": {"name": "notifications"}, "setting": setting, "origin": origin});
    tab.call("Browser.setPermission", asked).await;
    tab.navigate(&format!("{origin}{path}")).await;
    tab
}

/// What the service worker shows, each as its title and text.
async fn shown(tab: &Tab) -> Value {
    let look = "navigator.serviceWorker.ready.then(it => it.getNotifications()).then(all => all.map(it => [it.title, it.body, it.tag]))";
    tab.evaluate(look).await
}

async fn expect_shown(tab: &Tab, why: &str, look: impl Fn(&Value) -> bool) -> Value {
    poll(why, async || Some(shown(tab).await).filter(&look)).await
}

/// The box of a kind and a way.
fn cell(way: &str, kind: &str) -> String {
    format!("input[aria-label^=\"{way}: {kind}\"]")
}

async fn wants(scene: &Scene) -> Value {
    scene.owner.clone().get("/api/v1/me/notifications").await.ok().json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_chooses_what_they_are_told_and_where() {
    let Some(chrome) = Chrome::start().await else { return };
    let scene = Scene::start().await;
    let tab = open(&chrome, &scene, "/settings/notifications", false).await;
    tab.expect_text("This browser blocks notifications from this server").await;
    tab.portraits("notifications-denied").await;
    tab.click(&cell("Sound", "A session is done")).await;
    poll("it is kept", async || {
        let events = wants(&scene).await["events"]["done"].clone();
        (events == json!(["sound", "desktop"])).then_some(())
    })
    .await;
    tab.click("main section .segments button:last-child").await;
    tab.click("main label.check input").await;
    tab.expect_element("#quiet-zone").await;
    poll("quiet hours and reach are kept", async || {
        let wants = wants(&scene).await;
        (wants["reach"] == "all" && wants["quiet"]["from"] == "22:00" && wants["quiet"]["zone"].is_string())
            .then_some(())
    })
    .await;
    let origin = format!("http://{}", scene.server.address);
    let asked = json!({"permission": {"name": "notifications"}, "setting": "granted", "origin": origin});
    tab.call("Browser.setPermission", asked).await;
    tab.reload().await;
    tab.expect_text("Allowed: shown while a page is open").await;
    tab.portraits("notifications").await;
    tab.click("button[aria-label=\"Test desktop notifications\"]").await;
    expect_shown(&tab, "the test is shown", |shown| shown[0][1] == "Desktop notifications work in this browser").await;
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_shown_on_the_desktop_unless_it_is_looked_at_and_goes_when_it_was_answered() {
    let Some(chrome) = Chrome::start().await else { return };
    let scene = Scene::start().await;
    scene.webhook(json!({})).await;
    let tab = open(&chrome, &scene, "/machines", true).await;
    tab.call("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await;
    tab.expect_text("workbench").await;
    scene.agent.ask(scene.session, 1, "ls").await;
    let told = expect_shown(&tab, "the request is shown", |shown| shown[0].is_array()).await;
    assert_eq!((&told[0][1], &told[0][2]), (&json!("Asks to use Bash · workbench"), &json!(scene.session)));
    scene.agent.work(scene.session).await;
    expect_shown(&tab, "it is taken back", |shown| *shown == json!([])).await;

    // The same, with the session in front.
    tab.evaluate(&format!("document.querySelector('a[href=\"/sessions/{}\"]').click()", scene.session)).await;
    tab.expect("the terminal is there", "document.querySelector('[data-testid=stage]')?.dataset.line === 'live'").await;
    scene.agent.ask(scene.session, 2, "ls").await;
    // Webhooks are told last: whoever is told at all was told before.
    scene.receiver.expect(2).await;
    tab.expect("the page knows of it", "document.title.startsWith('(1)')").await;
    assert_eq!(shown(&tab).await, json!([]), "nobody is called to what they look at");
    scene.agent.work(scene.session).await;
    tab.evaluate("document.querySelector('a[href=\"/machines\"], a[href=\"/\"]').click()").await;
    tab.expect("another page is there", "!document.querySelector('[data-testid=stage]')").await;
    scene.agent.ask(scene.session, 3, "ls").await;
    expect_shown(&tab, "elsewhere it is shown again", |shown| shown[0].is_array()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_worker_shows_what_is_pushed_and_takes_it_back() {
    let Some(chrome) = Chrome::start().await else { return };
    let scene = Scene::start().await;
    let tab = open(&chrome, &scene, "/", true).await;
    poll("the service worker runs", async || {
        let state = tab.evaluate("navigator.serviceWorker.ready.then(it => it.active.state)").await;
        (state == "activated").then_some(())
    })
    .await;
    let registration = tab.service_worker().await;
    let push = async |message: Value| {
        let origin = format!("http://{}", scene.server.address);
        let pushed = json!({"origin": origin, "registrationId": registration, "data": message.to_string()});
        tab.call("ServiceWorker.deliverPushMessage", pushed).await;
    };
    let notice = json!({"tag": "ses_x", "kind": "plan", "title": "fix the build", "body": "Has a plan", "path": "/sessions/ses_x"});
    push(json!({ "show": notice })).await;
    expect_shown(&tab, "it is shown", |shown| *shown == json!([["fix the build", "Has a plan", "ses_x"]])).await;
    let newer =
        json!({"tag": "ses_x", "kind": "done", "title": "fix the build", "body": "Is done", "path": "/sessions/ses_x"});
    push(json!({ "show": newer })).await;
    expect_shown(&tab, "in its place", |shown| *shown == json!([["fix the build", "Is done", "ses_x"]])).await;
    push(json!({ "over": "ses_x" })).await;
    expect_shown(&tab, "it is taken back", |shown| *shown == json!([])).await;
    push(json!("no message of ours")).await;
    expect_shown(&tab, "a browser must show something", |shown| shown[0][0] == "SessionForge").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_makes_a_webhook_tests_it_and_sends_again() {
    let Some(chrome) = Chrome::start().await else { return };
    let scene = Scene::start().await;
    let tab = open(&chrome, &scene, "/settings/webhooks", false).await;
    tab.fill(".hook-form input[placeholder=\"Team chat\"]", "Team chat").await;
    tab.fill(".hook-form input[type=url]", "ftp://nowhere").await;
    tab.click(".hook-form button[type=submit]").await;
    tab.expect_text("not an address to send to").await;
    // The browser's own log has the refusal.
    chrome.take_complaints();
    tab.fill(".hook-form input[type=url]", &scene.receiver.url("/hook")).await;
    tab.click(".hook-form button[type=submit]").await;
    tab.expect_text("The secret of “Team chat”").await;
    tab.expect_text("whsec_").await;
    // The second wait is of ten seconds: long enough to be seen by a page that looks every few.
    scene.receiver.answer(&[500, 500]);
    tab.click("button[aria-label=\"Test Team chat\"]").await;
    tab.expect_text("Again in").await;
    scene.receiver.expect(3).await;
    tab.expect_text("Delivered").await;
    tab.expect("and the webhook is well again", "!document.body.innerText.includes('Failing since')").await;
    tab.click(".hook-log summary").await;
    tab.expect_text("HTTP 500").await;
    tab.portraits("webhooks").await;
    tab.click(".hook-log .button").await;
    let again = scene.receiver.expect(4).await;
    assert_eq!(again.header("webhook-id"), scene.receiver.expect(1).await.header("webhook-id"));
    tab.click("button[aria-label=\"Change Team chat\"]").await;
    tab.portraits("webhooks-change").await;
    tab.click(".hook-more .button").await;
    tab.expect_text("Off since").await;
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}
