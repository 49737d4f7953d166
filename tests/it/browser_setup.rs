//! The first minutes of a person with SessionForge: the link, the account, the first machine, the first session.

use super::support::chrome::Chrome;
use super::support::page::url;
use super::support::world::{EMAIL, PASSWORD, World};

#[tokio::test]
async fn from_the_set_up_link_to_a_shell() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::server_only().await;
    let link = world.setup_link().await;
    let tab = chrome.open(&link).await;
    tab.expect_element("field: Password").await;
    tab.portraits("set-up").await;
    tab.fill("field: Organisation", "Acme").await;
    tab.fill("field: Your name", "Ada").await;
    tab.fill("field: E-mail", EMAIL).await;
    tab.fill("field: Password", PASSWORD).await;
    tab.click("button: Create the owner’s account").await;
    tab.expect_text("Connect your first machine").await;
    tab.expect("the used link is not in the address any more", "location.pathname + location.hash === '/'").await;
    tab.portraits("no-machines").await;

    // The person's own account, made on the page; the agent gets a key made there too.
    world.sign_in().await;
    world.key_for_agent().await;
    world.start_agent().await;
    tab.expect_text("workbench").await;
    tab.portraits("no-sessions").await;

    tab.navigate(&url(&world, "/?renderer=dom")).await;
    tab.click("button: New session").await;
    tab.fill("field: Command", "bash").await;
    tab.screenshot("new-session").await;
    tab.click("button: Start").await;
    tab.expect("the session opens", "/^.sessions.ses_/.test(location.pathname)").await;
    tab.navigate(&format!(
        "{}?renderer=dom",
        tab.evaluate("location.origin + location.pathname").await.as_str().unwrap()
    ))
    .await;
    tab.focus_terminal().await;
    tab.type_text("echo hel''lo\n").await;
    tab.expect_terminal_text("\nhello\n").await;
    assert_eq!(chrome.take_complaints().iter().filter(|it| !it.contains("401")).count(), 0, "no errors on the way");
}

#[tokio::test]
async fn signing_in_and_out() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = chrome.open(&url(&world, "/")).await;
    tab.expect_element("field: Password").await;
    tab.portraits("sign-in").await;
    tab.fill("field: E-mail", EMAIL).await;
    tab.fill("field: Password", "not the password").await;
    tab.click("button: Sign in").await;
    tab.expect("a wrong password is refused", "/password/i.test(document.querySelector('[role=alert]')?.innerText)")
        .await;
    tab.screenshot("sign-in-wrong").await;
    tab.fill("field: Password", PASSWORD).await;
    tab.click("button: Sign in").await;
    tab.expect_text("workbench").await;

    tab.navigate(&url(&world, "/settings/account")).await;
    tab.click("button: Sign out").await;
    tab.expect_element("field: Password").await;
    tab.reload().await;
    tab.expect_element("field: Password").await;
}

#[tokio::test]
async fn a_used_or_invented_link_says_what_to_do() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::server_only().await;
    let link = world.setup_link().await;
    world.set_up().await;
    let tab = chrome.open(&link).await;
    tab.expect("it says that it is done", "/already|sign in|does not work any more/i.test(document.body.innerText)")
        .await;
    tab.portraits("set-up-done").await;
    let invented = chrome.open(&url(&world, "/sign-in#token=invented")).await;
    invented.expect_text("The link did not work").await;
    invented.portraits("bad-link").await;
}
