//! The harness itself: a browser that cannot type, or a stand-in that cannot answer, would make every other test lie.

use std::process::Command;

use super::support::chrome::Chrome;
use super::support::{claude, messages_api, process};

#[tokio::test]
async fn the_browser_types_clicks_and_reads() {
    let Some(chrome) = Chrome::start().await else { return };
    let page = "data:text/html,<input id=i><button id=b onclick=\"document.title=i.value\">go</button><p id=p></p>\
                <script>i.onkeydown=e=>p.textContent%2B=(e.ctrlKey?'^':'')%2Be.key</script>";
    let tab = chrome.open(page).await;
    tab.fill("#i", "né").await;
    tab.type_text("x").await;
    tab.ctrl('c').await;
    tab.click("#b").await;
    tab.expect("the button was clicked", "document.title === 'néx'").await;
    tab.expect("keys arrived", "document.querySelector('#p').textContent === 'x^c'").await;
    tab.screenshot("harness").await;
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn the_real_claude_talks_to_the_stand_in() {
    let Some(program) = claude::installed().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let api = messages_api::serve().await;
    claude::write_wrapper(&program, api, dir.path(), dir.path(), dir.path());
    let mut command = Command::new(dir.path().join("claude"));
    command
        .args(["--print", "hello"])
        .current_dir(dir.path())
        .env("TERM", "xterm-256color")
        .env("COLORTERM", "truecolor");
    let ran = process::run(command).await;
    assert_eq!(ran.out.trim(), messages_api::GREETING, "{ran:?}");
}
