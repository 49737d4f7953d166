//! The page as a person uses it: signed in, with a session open, looking at the terminal.

use serde_json::json;
use sessionforge::base::id::SessionId;

use super::chrome::Chrome;
use super::http::Http;
use super::tab::Tab;
use super::wait::{WAIT_MAX, poll, poll_within};
use super::world::{PASSWORD, World};

/// Where xterm.js puts its rows when it draws with elements; `?renderer=dom` asks for that.
const ROWS: &str = ".xterm-rows > div";

/// A tab of a person who is signed in already, at `path`.
pub async fn open(chrome: &Chrome, world: &World, path: &str) -> Tab {
    open_as(chrome, world, &world.http, path).await
}

/// The same for `who`.
pub async fn open_as(chrome: &Chrome, world: &World, who: &Http, path: &str) -> Tab {
    let tab = chrome.open("about:blank").await;
    give_cookie(&tab, world, who).await;
    tab.navigate(&url(world, path)).await;
    tab
}

/// Somebody who accepted an invitation, by the API.
pub async fn member(world: &World, name: &str, role: &str) -> Http {
    let made = world.http.clone().post("/api/v1/invitations", &json!({ "role": role })).await.ok().json();
    let token = made["url"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let mut http = Http::new(world.http.address);
    let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
    let form = json!({ "token": token, "name": name, "email": email, "password": PASSWORD });
    http.post("/api/v1/invitations/accept", &form).await.ok();
    http
}

/// Gives the browser the cookie that signing in would.
pub async fn sign_in_silently(tab: &Tab, world: &World) {
    give_cookie(tab, world, &world.http).await;
}

async fn give_cookie(tab: &Tab, world: &World, who: &Http) {
    let cookie = who.cookie.clone().expect("signed in");
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
