//! The page as a person uses it: signed in, with a session open, looking at the terminal.

use serde_json::json;
use sessionforge::base::id::SessionId;

use super::chrome::Chrome;
use super::tab::Tab;
use super::wait::{WAIT_MAX, poll, poll_within};
use super::world::World;

/// Where xterm.js puts its rows when it draws with elements; `?renderer=dom` asks for that.
const ROWS: &str = ".xterm-rows > div";

/// A tab of a person who is signed in already, at `path`.
pub async fn open(chrome: &Chrome, world: &World, path: &str) -> Tab {
    let tab = chrome.open("about:blank").await;
    sign_in_silently(&tab, world).await;
    tab.navigate(&url(world, path)).await;
    tab
}

/// Gives the browser the cookie that signing in would.
pub async fn sign_in_silently(tab: &Tab, world: &World) {
    let cookie = world.http.cookie.clone().expect("the owner is signed in");
    let (name, value) = cookie.split_once('=').expect("a cookie");
    let cookie = json!({"name": name, "value": value, "url": url(world, "/"), "httpOnly": true, "sameSite": "Strict"});
    tab.call("Network.setCookie", cookie).await;
}

/// A tab with `session` on it, ready to type.
pub async fn open_session(chrome: &Chrome, world: &World, session: SessionId) -> Tab {
    let tab = open(chrome, world, &format!("/sessions/{session}?renderer=dom")).await;
    tab.focus_terminal().await;
    tab
}

/// The address of `path` in this world.
pub fn url(world: &World, path: &str) -> String {
    format!("http://{}{path}", world.http.address)
}

impl Tab {
    /// The visible rows of the terminal, without trailing blanks.
    pub async fn terminal_text(&self) -> String {
        let script = format!(
            "[...document.querySelectorAll('{ROWS}')].map(r => r.textContent.replaceAll('\\u00a0', ' ').trimEnd()).join('\\n')"
        );
        self.evaluate(&script).await.as_str().unwrap_or_default().trim_end().to_owned()
    }

    /// Waits until the terminal is as wanted.
    pub async fn expect_terminal(&self, why: &str, look: impl Fn(&str) -> bool) {
        let found = poll_within(WAIT_MAX, async || look(&self.terminal_text().await).then_some(())).await;
        if found.is_none() {
            self.screenshot("failure").await;
            panic!("waited {WAIT_MAX:?} in vain: {why}\nthe terminal shows:\n{}", self.terminal_text().await);
        }
    }

    /// Waits until the terminal holds `text`.
    pub async fn expect_terminal_text(&self, text: &str) {
        self.expect_terminal(&format!("the terminal shows {text:?}"), |screen| screen.contains(text)).await;
    }

    /// Waits until the shell in the terminal has the page's size, which is told a moment after the terminal is live.
    pub async fn expect_shell_fits(&self) {
        poll("the shell has the page's size", async || {
            self.type_text("clear; stty size\n").await;
            let rows = self.evaluate(&format!("document.querySelectorAll('{ROWS}').length")).await;
            self.terminal_text().await.contains(&format!("{rows} ")).then_some(())
        })
        .await;
    }

    /// Waits until the terminal is live, and clicks into it.
    pub async fn focus_terminal(&self) {
        self.expect_element("[data-testid=stage][data-line=live]").await;
        self.click(".xterm-screen").await;
        self.expect("the terminal has the focus", "document.activeElement?.closest('.xterm') != null").await;
    }
}
