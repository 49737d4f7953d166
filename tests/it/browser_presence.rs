//! Who watches and who types, on the page: colours and names, asking for the keyboard, a phone beside a desktop, and the link
//! that was sent to somebody who has to sign in first.

use serde_json::{Value, json};

use super::handoff::{adopt, handoff};
use super::support::chrome::Chrome;
use super::support::page::{member, open_as, open_session, url};
use super::support::tab::{SIZES, Tab};
use super::support::wait::poll;
use super::support::world::{PASSWORD, World};

const CONTROLS: &str = "[data-testid=stage][data-line=live][data-control=true]";
const WATCHES: &str = "[data-testid=stage][data-line=live][data-control=false]";

async fn share(world: &World, session: sessionforge::base::id::SessionId) {
    let path = format!("/api/v1/sessions/{session}/sharing");
    world.http.clone().send("PUT", &path, Some(&json!({ "with": "organisation" }))).await.ok();
}

/// How a person is shown in the bar: their letters, their colour, and whether as who types.
async fn chip(tab: &Tab, name: &str) -> Value {
    let chip = format!("[data-person={}]", json!(name));
    tab.expect_element(&chip).await;
    tab.evaluate(&format!(
        "(() => {{ const e = document.querySelector('{chip}'); \
         return [e.textContent, e.getAttribute('style'), e.classList.contains('who-types')] }})()"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_asks_for_the_keyboard_and_whoever_has_it_gives_it_or_not() {
    let Some(chrome) = Chrome::start().await else { return };
    let second = chrome.another().await;
    let world = World::start().await;
    let (bea, cleo) = (member(&world, "Bea", "member").await, member(&world, "Cleo Dale", "member").await);
    let guest = member(&world, "Gus", "viewer").await;
    let session = world.bash().await;
    share(&world, session).await;
    adopt(&bea, session).await.ok();
    let path = format!("/sessions/{session}?renderer=dom");
    let beas = open_as(&chrome, &world, &bea, &path).await;
    beas.expect_element(CONTROLS).await;
    let cleos = open_as(&second, &world, &cleo, &path).await;
    cleos.expect_element(WATCHES).await;

    assert_eq!(chip(&cleos, "Bea").await[2], true, "she types");
    let as_bea_sees = chip(&beas, "Cleo Dale").await;
    assert_eq!((&as_bea_sees[0], &as_bea_sees[2]), (&json!("CD"), &json!(false)));
    let guests = super::support::viewer::Viewer::open(&guest, session, super::support::viewer::Manners::default());
    guests.expect_attached().await;
    chip(&cleos, "Gus").await;
    let asked = guest.clone().post(&format!("/api/v1/sessions/{session}/ask"), &json!({})).await;
    assert_eq!(asked.status, 403, "guests watch, and no more: {}", asked.text());

    cleos.click("button: Ask for the keyboard").await;
    cleos.expect_element("[data-testid=asks]").await;
    beas.expect_text("Cleo Dale asks for the keyboard.").await;
    beas.portraits("presence-asked").await;
    cleos.portraits("presence-asks").await;
    beas.click("button: Not now").await;
    beas.expect("it is over", "document.querySelector('[data-testid=asked]') === null").await;
    cleos.click("button: Ask for the keyboard").await;
    beas.click("button: Give it").await;
    cleos.expect_element(CONTROLS).await;
    beas.expect_element(WATCHES).await;
    assert_eq!(handoff(&world, session).await["adopted_by"]["name"], "Cleo Dale");
    assert_eq!(
        chip(&beas, "Cleo Dale").await,
        json!([as_bea_sees[0], as_bea_sees[1], true]),
        "the same colour, typing"
    );

    // The owner asks too, from a page of her own; given to her, it is given back.
    let ask = json!({});
    world.http.clone().post(&format!("/api/v1/sessions/{session}/ask"), &ask).await.ok();
    cleos.expect_text("Ada asks for the keyboard.").await;
    cleos.click("button: Give it").await;
    poll("it is given back", async || (handoff(&world, session).await["phase"] == "returned").then_some(())).await;
    let log = world.http.clone().get("/api/v1/audit?limit=100").await.ok().json();
    let actions: Vec<&str> = log["entries"].as_array().unwrap().iter().filter_map(|it| it["action"].as_str()).collect();
    for (action, times) in [("session.ask", 3), ("session.refuse_ask", 1), ("session.adopt", 2), ("session.return", 1)]
    {
        assert_eq!(actions.iter().filter(|it| **it == action).count(), times, "{action}: {actions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_offers_a_session_to_one_person_who_watches() {
    let Some(chrome) = Chrome::start().await else { return };
    let second = chrome.another().await;
    let world = World::start().await;
    let bea = member(&world, "Bea", "member").await;
    let session = world.bash().await;
    share(&world, session).await;
    let owners = open_session(&chrome, &world, session).await;
    let beas = open_as(&second, &world, &bea, &format!("/sessions/{session}?renderer=dom")).await;
    beas.expect_element(WATCHES).await;
    chip(&owners, "Bea").await;
    owners.click("button: More").await;
    owners.click("button: Offer to Bea").await;
    owners.expect_text("Offered to Bea, and to nobody else.").await;
    poll("it is for her alone", async || (handoff(&world, session).await["to"]["name"] == "Bea").then_some(())).await;
    beas.click("button: Adopt").await;
    beas.expect_element(CONTROLS).await;
}

/// A phone: its size, and a finger.
async fn be_a_phone(tab: &Tab) {
    tab.resize(SIZES[0]).await;
    tab.call("Emulation.setTouchEmulationEnabled", json!({"enabled": true})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_never_shrinks_a_desktop_also_when_it_types_and_fits_itself_only_when_asked() {
    let Some(chrome) = Chrome::start().await else { return };
    let second = chrome.another().await;
    let world = World::start().await;
    let session = world.bash().await;
    let desktop = open_session(&chrome, &world, session).await;
    desktop.expect_shell_fits().await;
    let size = async || {
        let info = world.http.clone().get(&format!("/api/v1/sessions/{session}")).await.ok().json();
        (info["cols"].clone(), info["rows"].clone())
    };
    let wide = size().await;
    let phone = second.open("about:blank").await;
    be_a_phone(&phone).await;
    super::support::page::sign_in_silently(&phone, &world).await;
    phone.navigate(&url(&world, &format!("/sessions/{session}?renderer=dom"))).await;
    phone.expect("it is a finger", "matchMedia('(pointer: coarse)').matches").await;
    phone.expect_element(WATCHES).await;
    phone.click("button: Take control").await;
    phone.expect_element(CONTROLS).await;
    // A key that came through: whatever size came with the keyboard, came before it.
    phone.type_text("echo phone-$((40+2))\n").await;
    desktop.expect_terminal_text("phone-42").await;
    assert_eq!(size().await, wide, "the session keeps the desktop's size");
    let fits = "(() => { const e = document.querySelector('.screen-area'); return [e.scrollWidth <= e.clientWidth + 1, \
                parseFloat(getComputedStyle(document.querySelector('.xterm-rows')).fontSize)] })()";
    let shown = phone.evaluate(fits).await;
    assert!(shown[0] == true || shown[1] == 9.0, "it is scaled, or as small as can be read and panned: {shown}");
    phone.screenshot("phone-scaled").await;

    desktop.click("button: Take control").await;
    desktop.expect_element(CONTROLS).await;
    phone.expect_element(WATCHES).await;
    phone.click("button: More").await;
    phone.click("button: Fit to this window").await;
    phone.expect_element(CONTROLS).await;
    let narrow = poll("the session fits the phone", async || Some(size().await).filter(|now| *now != wide)).await;
    assert!(narrow.0.as_u64().unwrap() < wide.0.as_u64().unwrap(), "{narrow:?} {wide:?}");
    desktop.expect_element(WATCHES).await;
    phone.screenshot("phone-fitted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_the_link_signs_in_and_is_at_the_session_with_adopt() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    member(&world, "Bea", "member").await;
    let session = world.bash().await;
    share(&world, session).await;
    let tab = chrome.open(&url(&world, &format!("/sessions/{session}"))).await;
    tab.fill("field: E-mail", "bea@example.org").await;
    tab.fill("field: Password", PASSWORD).await;
    tab.click("button: Sign in").await;
    tab.expect_element(WATCHES).await;
    assert_eq!(tab.evaluate("location.pathname").await, json!(format!("/sessions/{session}")));
    tab.click("button: Adopt").await;
    tab.expect_element(CONTROLS).await;
}
