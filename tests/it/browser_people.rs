//! Settings in Chromium: members and invitations, the second factor, browsers, keys, organisations; each used, each looked at.

use serde_json::json;

use super::browser_pages::look;
use super::http_members::code;
use super::support::chrome::Chrome;
use super::support::http::Http;
use super::support::page::{open, sign_in_silently, url};
use super::support::tab::Tab;
use super::support::world::{EMAIL, PASSWORD, World};

const BEA: &str = "bea@example.org";

async fn world() -> World {
    let mut world = World::server_only().await;
    world.set_up().await;
    world
}

/// Bea, by the API.
async fn join(world: &World, role: &str) -> Http {
    let made = world.http.clone().post("/api/v1/invitations", &json!({ "role": role })).await.ok().json();
    let token = made["url"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let mut http = Http::new(world.http.address);
    let form = json!({ "token": token, "name": "Bea", "email": BEA, "password": PASSWORD });
    http.post("/api/v1/invitations/accept", &form).await.ok();
    http
}

async fn shown_link(tab: &Tab) -> String {
    tab.expect_element(".panel-accent code").await;
    tab.evaluate("document.querySelector('.panel-accent code').innerText").await.as_str().unwrap().to_owned()
}

async fn choose(tab: &Tab, select: &str, value: &str) {
    tab.expect_element(select).await;
    let script = format!(
        "(() => {{ const e = document.querySelector('{select}'); e.value = '{value}'; e.dispatchEvent(new Event('change', {{ bubbles: true }})) }})()"
    );
    tab.evaluate(&script).await;
}

#[tokio::test]
async fn somebody_is_invited_joins_is_promoted_and_deactivated() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let tab = open(&chrome, &world, "/settings/members").await;
    tab.expect_text("Invite somebody").await;
    tab.click("button: Make the link").await;
    let link = shown_link(&tab).await;
    tab.expect_text("Open invitations").await;
    tab.portraits("members-invited").await;

    let guests = chrome.another().await;
    let guest = guests.open(&link).await;
    guest.expect_text("Ada invites you as member").await;
    guest.portraits("invitation").await;
    guest.fill("field: Your name", "Bea").await;
    guest.fill("field: E-mail", BEA).await;
    guest.fill("field: Password", PASSWORD).await;
    guest.click("button: Make the account and join").await;
    guest.expect_text("Connect your first machine").await;

    tab.reload().await;
    tab.expect_text(BEA).await;
    choose(&tab, "select[aria-label=\"Role of Bea\"]", "viewer").await;
    tab.expect_text("Bea has the role viewer now").await;
    guest.navigate(&url(&world, "/settings/members")).await;
    guest
        .expect("a viewer has no such page", "!document.querySelector('.page-tabs')?.innerText.includes('Members')")
        .await;
    tab.click("button: More about Bea").await;
    tab.click("button: Link to reset the password").await;
    let reset = shown_link(&tab).await;
    tab.click("button: Done").await;
    tab.click("button: More about Bea").await;
    tab.screenshot("members-menu").await;
    tab.click("button: Deactivate…").await;
    tab.click("button: Deactivate").await;
    tab.expect_text("deactivated").await;
    tab.portraits("members").await;
    guest.expect_element("field: Password").await;

    guest.navigate(&reset).await;
    guest.expect_text("Choose a new password").await;
    guest.portraits("reset-password").await;
    guest.fill("field: New password", "another long password").await;
    guest.click("button: Set the password").await;
    guest.expect_text("Your password is new").await;
    let used = guests.open(&reset).await;
    used.expect_text("The link does not work").await;
    used.portraits("reset-password-used").await;
}

#[tokio::test]
async fn a_second_factor_from_the_qr_code_to_signing_in() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let tab = open(&chrome, &world, "/settings/security").await;
    tab.click("button: Set one up…").await;
    tab.fill("field: Your password", PASSWORD).await;
    tab.click("button: Continue").await;
    tab.expect_element(".qr path").await;
    tab.portraits("second-factor").await;
    let secret = tab.evaluate("document.querySelector('.second-factor code').innerText").await;
    let secret = secret.as_str().unwrap().to_owned();
    tab.fill("field: Code the app shows", &code(&secret, 0)).await;
    tab.click("button: Switch it on").await;
    tab.expect_text("Keep these recovery codes").await;
    let recovery = tab.evaluate("document.querySelector('.recovery code').innerText").await;
    tab.screenshot("recovery-codes").await;
    tab.click("button: I have kept them").await;
    tab.expect_text("10 recovery codes are left").await;
    tab.portraits("security").await;

    let elsewhere = chrome.another().await;
    let other = elsewhere.open(&url(&world, "/")).await;
    other.fill("field: E-mail", EMAIL).await;
    other.fill("field: Password", PASSWORD).await;
    other.click("button: Sign in").await;
    other.expect_element("field: Code of your authenticator app").await;
    other.portraits("sign-in-code").await;
    other.fill("field: Code of your authenticator app", recovery.as_str().unwrap()).await;
    other.click("button: Sign in").await;
    other.expect_text("Connect your first machine").await;

    tab.reload().await;
    tab.expect_text("9 recovery codes are left").await;
    tab.click("button: Sign out").await;
    other.expect_element("field: Password").await;
    tab.click("button: Switch it off…").await;
    tab.fill("field: Your password", PASSWORD).await;
    tab.click("button: Switch it off").await;
    tab.expect_element("button: Set one up…").await;
}

#[tokio::test]
async fn an_organisation_is_renamed_founded_switched_and_left() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let tab = open(&chrome, &world, "/settings/organisation").await;
    tab.fill("field: Name", "Engines").await;
    tab.click("button: Rename").await;
    tab.expect("the rail says so", "document.querySelector('.rail-name').innerText === 'Engines'").await;
    tab.portraits("organisation").await;
    tab.click("button: Leave Engines…").await;
    tab.click("button: Leave").await;
    tab.expect_text("an organisation needs an owner").await;
    tab.click("button: Cancel").await;
    tab.fill("field: Name of a new one", "Looms").await;
    tab.click("button: Create").await;
    tab.expect("one works there", "document.querySelector('.rail-name').innerText === 'Looms'").await;
    tab.click("button: Switch organisation").await;
    tab.expect_text("Engines").await;
    tab.screenshot("switcher").await;
    tab.click("[role=menuitemcheckbox][aria-checked=false]").await;
    tab.expect("and back again", "document.querySelector('.rail-name').innerText === 'Engines'").await;
}

#[tokio::test]
async fn a_key_has_scopes_an_end_and_a_successor() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let tab = open(&chrome, &world, "/settings/keys").await;
    tab.fill("field: Name of a new key", "Night build").await;
    choose(&tab, "#key-end", "30").await;
    tab.evaluate("[...document.querySelectorAll('.scopes input')].find(e => e.closest('label').innerText.includes('sessions:read')).click()").await;
    tab.portraits("keys-new").await;
    tab.click("button: New key").await;
    let key = shown_link(&tab).await;
    tab.expect_text("agent, sessions:read").await;
    let mut program = Http { bearer: Some(key.clone()), ..Http::new(world.http.address) };
    program.get("/api/v1/sessions").await.ok();
    assert_eq!(program.get("/api/v1/machines").await.status, 403, "a scope that was not given");
    tab.click("button: Replace Night build").await;
    tab.click("dialog .button-danger").await;
    tab.expect("another key is shown", &format!("document.querySelector('.panel-accent code')?.innerText.startsWith('sf_live_') && document.querySelector('.panel-accent code').innerText !== {}", json!(key))).await;
    tab.portraits("keys-used").await;
}

#[tokio::test]
async fn a_machine_is_renamed_and_an_admin_watches_visibly() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open(&chrome, &world, &format!("/machines/{}", world.machine())).await;
    tab.click("button: More").await;
    tab.click("button: Name, tags, sharing…").await;
    tab.fill("field: Name", "the big one").await;
    tab.fill("field: Tags", "build, lab").await;
    tab.screenshot("machine-edit").await;
    tab.click("button: Save").await;
    tab.expect_text("the big one").await;
    tab.expect_text("build, lab").await;
    tab.portraits("machine-tagged").await;

    let session = world.bash().await;
    tab.navigate(&url(&world, &format!("/sessions/{session}?renderer=dom"))).await;
    tab.focus_terminal().await;
    let bea = join(&world, "admin").await;
    let elsewhere = chrome.another().await;
    let other = elsewhere.open("about:blank").await;
    let cookie = bea.cookie.clone().unwrap();
    let (name, value) = cookie.split_once('=').unwrap();
    let cookie = json!({"name": name, "value": value, "url": url(&world, "/"), "httpOnly": true, "sameSite": "Strict"});
    other.call("Network.setCookie", cookie).await;
    other.navigate(&url(&world, &format!("/sessions/{session}?renderer=dom"))).await;
    other.focus_terminal().await;
    tab.expect("the owner sees who watches", "document.querySelector('[data-testid=presence]')?.title.includes('Bea')")
        .await;
    tab.portraits("session-watched").await;
    other.type_text("x").await;
    other.expect_text("you may watch this session, not type").await;
    other.portraits("session-may-not-type").await;
    tab.click("button: More").await;
    tab.click("button: Share with the organisation").await;
    other.expect_element("button: Adopt").await;
    let signed_in = open(&chrome, &world, "/settings/security").await;
    sign_in_silently(&signed_in, &world).await;
}

#[tokio::test]
async fn the_audit_log_is_read_filtered_and_kept_as_long_as_is_set() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let mut guest = Http::new(world.http.address);
    guest.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": "not the password" })).await;
    world.http.clone().post("/api/v1/keys", &json!({ "name": "Night build" })).await.ok();
    let tab = open(&chrome, &world, "/settings/audit").await;
    tab.expect_text("made a key").await;
    tab.expect_text("could not sign in").await;
    tab.expect_text("from 127.0.0.1").await;
    look(&tab, "audit").await;
    choose(&tab, "#audit-action", "key").await;
    tab.expect(
        "keys alone",
        "!document.body.innerText.includes('set the server up') && document.body.innerText.includes('made a key')",
    )
    .await;
    choose(&tab, "#audit-action", "").await;
    choose(&tab, "#audit-outcome", "refused").await;
    tab.expect(
        "refusals alone",
        "document.querySelectorAll('.audit .row').length === 1 && document.body.innerText.includes('wrong password')",
    )
    .await;
    choose(&tab, "#audit-action", "session").await;
    tab.expect_text("Nothing fits").await;
    look(&tab, "audit-empty").await;
    let lines = tab.evaluate("fetch(document.querySelector('a[href*=jsonl]').href).then((it) => it.text())").await;
    assert!(lines.as_str().unwrap().lines().all(|line| line.starts_with("{\"seq\":")), "{lines}");
    tab.fill("field: Days", "90").await;
    tab.click("button: Keep that long").await;
    tab.expect_text("Entries are kept for 90 days now").await;
    let kept = world.http.clone().get("/api/v1/audit/settings").await.ok().json();
    assert_eq!(kept["keep_days"], 90);
}

#[tokio::test]
async fn addresses_are_set_and_nobody_is_locked_out_unasked() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let tab = open(&chrome, &world, "/settings/organisation").await;
    tab.expect_text("You are at 127.0.0.1").await;
    tab.fill("#addresses", "the office").await;
    tab.click("button: Set the addresses").await;
    tab.expect_text("is no address and no network").await;
    tab.fill("#addresses", "127.0.0.0/8").await;
    tab.click("button: Set the addresses").await;
    tab.expect_text("from these addresses alone now").await;
    look(&tab, "addresses").await;
    tab.fill("#addresses", "10.0.0.0/8").await;
    tab.click("button: Set the addresses").await;
    tab.expect_text("Lock yourself out?").await;
    tab.portraits("addresses-lock-out").await;
    tab.click("button: Lock me out").await;
    tab.expect_text("Not from here").await;
    tab.portraits("not-from-here").await;
    let data_dir = world.place().path("server");
    let freed = world
        .place()
        .command(&["server", "allow-any-address", "--data-dir", data_dir.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(freed.status.success(), "{}", String::from_utf8_lossy(&freed.stderr));
    tab.click("button: Try again").await;
    tab.expect_element("#addresses").await;
}

#[tokio::test]
async fn a_password_is_changed_and_a_device_looks_as_its_person_wants() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let mut elsewhere = Http { cookie: None, ..world.http.clone() };
    elsewhere.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    let tab = open(&chrome, &world, "/settings/account").await;
    tab.fill("field: Current password", "not the password").await;
    tab.fill("field: New password", "another long password").await;
    tab.click("button: Change password").await;
    tab.expect_text("The password is as it was").await;
    look(&tab, "account-password-refused").await;
    tab.fill("field: Current password", PASSWORD).await;
    tab.click("button: Change password").await;
    tab.expect_text("Your password was changed.").await;
    assert_eq!(elsewhere.get("/api/v1/me").await.status, 401, "the other browsers are signed out");
    let form = json!({ "email": EMAIL, "password": "another long password" });
    elsewhere.post("/api/v1/sign-in", &form).await.ok();

    tab.click("button: Dark").await;
    choose(&tab, "#font-size", "18").await;
    tab.fill("field: Terminal font", "Fira Code").await;
    tab.click(".check input").await;
    tab.reload().await;
    tab.expect_element("button: Dark").await;
    let kept = "[document.querySelector('[aria-labelledby=theme] [aria-pressed=true]').innerText, \
        document.querySelector('#font-size').value, document.querySelector('.check input').checked, \
        [...document.querySelectorAll('input')].some(e => e.value === 'Fira Code')].join(' ')";
    assert_eq!(tab.evaluate(kept).await, "Dark 18 true true", "all of it is kept on this device");
    let ground = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor").await;
    tab.click("button: Light").await;
    tab.expect(
        "the page is light",
        &format!("getComputedStyle(document.documentElement).backgroundColor !== {ground}"),
    )
    .await;
    look(&tab, "account-chosen").await;
}

#[tokio::test]
async fn where_one_is_signed_in_is_listed_and_ended_from_afar() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let mut elsewhere = Http { cookie: None, ..world.http.clone() };
    elsewhere.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    let tab = open(&chrome, &world, "/settings/security").await;
    tab.expect_text("(this one)").await;
    look(&tab, "security-browsers").await;
    tab.click("button: Sign out A browser").await;
    tab.expect_text("That browser is signed out.").await;
    tab.expect("one is left", "document.querySelectorAll('.rows .row').length === 1").await;
    assert_eq!(elsewhere.get("/api/v1/me").await.status, 401);
    world.http.clone().get("/api/v1/me").await.ok();
}

#[tokio::test]
async fn what_was_given_is_taken_back_and_the_organisation_is_handed_over() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = world().await;
    let bea = join(&world, "admin").await;
    let tab = open(&chrome, &world, "/settings/members").await;
    tab.click("button: Make the link").await;
    tab.expect_text("Open invitations").await;
    tab.click("button: Take back").await;
    tab.click("dialog .button-danger").await;
    tab.expect("it is taken back", "!document.body.innerText.includes('Open invitations')").await;
    let open_ones = world.http.clone().get("/api/v1/invitations").await.ok().json();
    assert_eq!(open_ones, json!({ "invitations": [] }));

    for (item, button, then) in [("Deactivate…", "Deactivate", "deactivated"), ("Let back in", "", "may sign in again")]
    {
        tab.click("button: More about Bea").await;
        tab.click(&format!("button: {item}")).await;
        if !button.is_empty() {
            tab.click("dialog .button-danger").await;
        }
        tab.expect_text(then).await;
    }
    tab.click("button: More about Bea").await;
    tab.click("button: Hand the organisation over…").await;
    tab.expect_text("Make Bea the owner?").await;
    tab.portraits("hand-over").await;
    tab.click("dialog .button-danger").await;
    tab.expect("the dialog is gone", "!document.querySelector('dialog[open]')").await;
    assert_eq!(world.http.clone().get("/api/v1/me").await.ok().json()["role"], "admin");
    drop(bea);

    tab.navigate(&url(&world, "/settings/keys")).await;
    tab.click("button: Revoke workbench").await;
    tab.expect_text("are disconnected at once").await;
    tab.click("dialog .button-danger").await;
    tab.expect_text("No keys yet").await;
    assert_eq!(world.http.clone().get("/api/v1/keys").await.ok().json(), json!({ "keys": [] }));
}
