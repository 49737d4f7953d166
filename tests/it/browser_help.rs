//! Help in Chromium: found from the page, searched, read, followed, copied; also by whoever cannot sign in.

use super::browser_pages::look;
use super::support::chrome::Chrome;
use super::support::page::{open, url};
use super::support::world::World;

#[tokio::test]
async fn help_is_a_click_away_and_says_what_mends_it() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open(&chrome, &world, "/").await;
    tab.expect_text("Nothing runs yet").await;
    tab.click("button: Help").await;
    tab.expect_text("Troubleshooting").await;
    tab.expect("every page has its sentence", "document.querySelectorAll('.help-list .row .muted').length > 10").await;
    look(&tab, "help-list").await;

    tab.fill("field: Search in Help", "hangs clos").await;
    tab.expect_text("A session hangs and never closes").await;
    look(&tab, "help-found").await;
    tab.fill("field: Search in Help", "no such word anywhere").await;
    tab.expect_text("Nothing found").await;
    tab.fill("field: Search in Help", "hangs never").await;
    tab.key("Enter", 13, Some("\r"), 0).await;
    let heading = "document.getElementById('doc-a-session-hangs-and-never-closes')";
    tab.expect(
        "the page is open at the place, which has the focus",
        &format!(
            "location.pathname === '/help/troubleshooting' && document.activeElement === {heading} && \
             {heading}.getBoundingClientRect().top < innerHeight"
        ),
    )
    .await;
    look(&tab, "help-page").await;

    tab.click(".help-text a[href='/help/service#without-systemd']").await;
    tab.expect(
        "a link leads to the other page",
        "document.querySelector('.help-text h1')?.innerText === 'The agent as a service'",
    )
    .await;
    tab.evaluate("history.back()").await;
    tab.expect("and back", "document.querySelector('.help-text h1')?.innerText === 'Troubleshooting'").await;

    tab.evaluate("navigator.clipboard.writeText = async (text) => { window.__copied = text; }").await;
    tab.click("button: Copy").await;
    tab.expect("the first block is copied", "window.__copied === 'sessionforge doctor'").await;
    tab.expect_text("Copied").await;

    tab.navigate(&url(&world, "/help/no-such-page")).await;
    tab.expect_text("No such page in Help").await;
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn every_page_of_help_fits_and_leads_nowhere_else() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let tab = open(&chrome, &world, "/help").await;
    tab.expect_element(".help-list .row").await;
    let pages =
        tab.evaluate("[...document.querySelectorAll('.help-list a.row')].map(a => a.getAttribute('href'))").await;
    for page in pages.as_array().unwrap().iter().map(|it| it.as_str().unwrap()) {
        tab.resize(super::support::tab::SIZES[0]).await;
        tab.navigate(&url(&world, page)).await;
        tab.expect_element(".help-text h1").await;
        let wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(wide, 0, "{page} is wider than a phone");
        let astray = tab
            .evaluate(
                "[...document.querySelectorAll('.help-text a')].map(a => a.getAttribute('href')).filter(it => \
                 !it.startsWith('/help/') && !it.startsWith('https://')).join(' ')",
            )
            .await;
        assert_eq!(astray, "", "{page}");
    }
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_cannot_sign_in_can_read_it_also_when_the_server_went_away_since() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::start().await;
    let tab = chrome.open(&url(&world, "/sign-in")).await;
    tab.click("button: Help").await;
    tab.expect_text("Authentication failed").await;
    look(&tab, "help-signed-out").await;
    world.kill_server();
    tab.click("button: All pages").await;
    tab.click(".row[href='/help/self-hosting']").await;
    tab.expect(
        "it is there without the server",
        "document.querySelector('.help-text h1')?.innerText === 'Running a server'",
    )
    .await;
}
