//! Every page and every state of it, at three widths, light and dark: pictures for people in `target/screenshots`, and
//! what can be checked without eyes: nothing overflows sideways, everything that can be pressed has a name.

use super::support::chrome::Chrome;
use super::support::page::{open, url};
use super::support::tab::Tab;
use super::support::viewer::Manners;
use super::support::world::World;

/// Pictures, and the checks at the narrowest width.
pub(super) async fn look(tab: &Tab, name: &str) {
    tab.portraits(name).await;
    tab.resize(super::support::tab::SIZES[0]).await;
    let wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
    assert_eq!(wide, 0, "{name} is wider than a phone");
    let nameless = tab
        .evaluate(
            "[...document.querySelectorAll('button, a[href], input, select, textarea')].filter(e => e.checkVisibility() && \
             !(e.innerText?.trim() || e.ariaLabel || e.title || e.labels?.length || e.getAttribute('aria-labelledby')))\
             .map(e => e.outerHTML.slice(0, 120)).join('\\n')",
        )
        .await;
    assert_eq!(nameless, "", "{name}: controls without a name");
    tab.resize(super::support::tab::SIZES[1]).await;
}

#[tokio::test]
async fn every_page_of_a_small_fleet() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open(&chrome, &world, "/").await;
    tab.expect_text("Nothing runs yet").await;
    look(&tab, "home-empty").await;

    let busy = world.bash().await;
    let viewer = world.viewer(busy, Manners::default()).await;
    // Something to look at, and nothing of the machine it runs on.
    viewer.type_text("mkdir -p forge/src forge/tests && cd forge && touch Cargo.toml README.md src/main.rs\r").await;
    let colours = "for i in 31 32 33 34 35 36; do printf \"\\e[${i}mcolour $i\\e[0m  \"; done";
    viewer.type_text(&format!("clear; {colours}; echo; ls -F --color\r")).await;
    viewer.expect_text("README.md").await;
    let ended = world.start_session("sh", &["-c", "echo it is done; exit 3"]).await;
    world.viewer(ended, Manners::default()).await.expect("it ends", |seen| seen.ended).await;

    for (path, words, name) in [
        ("/".to_owned(), "1 running", "home"),
        ("/machines".to_owned(), "workbench", "machines"),
        (format!("/machines/{}", world.machine()), "workbench", "machine"),
        (format!("/sessions/{ended}"), "Start again", "session-ended"),
        ("/settings".to_owned(), "", "settings"),
        ("/settings/keys".to_owned(), "workbench", "keys"),
        ("/settings/account".to_owned(), "Sign out", "account"),
        ("/sessions/ses_000000000000".to_owned(), "No such session", "session-not-found"),
        ("/no/such/page".to_owned(), "No such page", "page-not-found"),
    ] {
        tab.navigate(&url(&world, &path)).await;
        tab.expect_text(words).await;
        look(&tab, name).await;
    }

    tab.navigate(&url(&world, &format!("/sessions/{busy}?renderer=dom"))).await;
    tab.expect_terminal_text("README.md").await;
    tab.expect_text("Watching").await;
    look(&tab, "session-watching").await;
    drop(viewer);
    tab.click("button: Take control").await;
    tab.expect_element("[data-testid=stage][data-control=true]").await;
    look(&tab, "session").await;
    let unasked: Vec<String> =
        chrome.take_complaints().into_iter().filter(|it| !it.contains("/no/such/page")).collect();
    assert_eq!(unasked, Vec::<String>::new());
}

#[tokio::test]
async fn every_layer_over_a_page() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open(&chrome, &world, "/").await;
    tab.expect_text("Nothing runs yet").await;
    tab.click("button: New session").await;
    tab.expect_element("[role=dialog], dialog[open]").await;
    look(&tab, "new-session").await;
    tab.fill("field: Command", "no-such-program").await;
    tab.click("button: Start").await;
    tab.expect(
        "it says what is wrong where it went wrong",
        "/no-such-program/.test(document.querySelector('dialog, [role=dialog]').innerText)",
    )
    .await;
    look(&tab, "new-session-refused").await;
    tab.key("Escape", 27, None, 0).await;
    tab.expect("the dialog is gone", "!document.querySelector('dialog[open], [role=dialog]')?.checkVisibility()").await;
    tab.ctrl('k').await;
    tab.expect("the palette is open and ready to type in", "document.activeElement?.tagName === 'INPUT'").await;
    tab.insert("mach").await;
    tab.expect_text("Machines").await;
    look(&tab, "palette").await;
    tab.key("Escape", 27, None, 0).await;
    tab.type_text("?").await;
    tab.expect_text("Keyboard").await;
    look(&tab, "help").await;
}

#[tokio::test]
async fn a_page_whose_machine_or_server_is_away() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::start().await;
    let session = world.bash().await;
    let tab = super::support::page::open_session(&chrome, &world, session).await;
    tab.type_text("echo the last scr''een\n").await;
    tab.expect_terminal_text("the last screen").await;
    world.kill_agent();
    tab.expect_text("is offline").await;
    look(&tab, "session-machine-offline").await;
    assert!(tab.terminal_text().await.contains("the last screen"), "the last screen stays");
    tab.navigate(&url(&world, "/")).await;
    tab.expect("the fleet says so", "/offline|0 of 1/i.test(document.body.innerText)").await;
    look(&tab, "home-machine-offline").await;
    world.kill_server();
    tab.expect_element("[data-testid=connection]:not([data-state=live])").await;
    look(&tab, "home-server-away").await;
}
