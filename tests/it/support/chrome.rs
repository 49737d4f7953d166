//! A real Chromium, driven over its DevTools protocol: what a person would do, and what a person would see.
//!
//! No driver and no Node: the protocol is JSON over a WebSocket, and a test needs a dozen of its methods.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::process::{Process, end_all_at_home};
use super::wait::{WAIT_MAX, poll, poll_within};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Browsers at a time: each is half a dozen processes, and two cores serve no more than two of them well.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// Size of a window, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// The widths at which the page is looked at.
pub const SIZES: [Size; 3] =
    [Size { width: 390, height: 844 }, Size { width: 1024, height: 768 }, Size { width: 1600, height: 1000 }];

/// One browser with a fresh profile.
pub struct Chrome {
    _process: Process,
    profile: tempfile::TempDir,
    link: Arc<Link>,
    _turn: SemaphorePermit<'static>,
}

/// One tab.
pub struct Tab {
    link: Arc<Link>,
    session: String,
    target: String,
}

/// The DevTools connection.
struct Link {
    send: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// Errors that pages reported: uncaught exceptions, console errors, refused resources.
    complaints: Mutex<Vec<String>>,
}

/// Where a Chromium may be found.
fn executable() -> Option<PathBuf> {
    let named = std::env::var_os("SESSIONFORGE_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .flat_map(|dir| ["chromium", "chromium-browser", "google-chrome"].map(|name| dir.join(name)));
    named.into_iter().chain(on_path).find(|candidate| candidate.is_file())
}

impl Chrome {
    /// Starts one. Without a Chromium the test is skipped loudly, or fails where browsers are required (CI).
    pub async fn start() -> Option<Self> {
        let Some(executable) = executable() else {
            assert!(
                std::env::var_os("SESSIONFORGE_REQUIRE_BROWSER").is_none(),
                "SESSIONFORGE_REQUIRE_BROWSER is set, but there is no Chromium"
            );
            eprintln!(
                "\n!!! SKIPPED: no Chromium on the PATH. Install one (Debian: apt install chromium) to run this test.\n"
            );
            return None;
        };
        let turn = BROWSERS.acquire().await.expect("never closed");
        let profile = tempfile::Builder::new().prefix("sf-chrome-").tempdir().unwrap();
        let mut command = Command::new(executable);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--disable-default-apps", "--mute-audio", "--hide-scrollbars"])
            .args(["--disable-background-timer-throttling", "--disable-renderer-backgrounding"])
            .args(["--disable-backgrounding-occluded-windows", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .env("LANG", "C.UTF-8");
        let mut process = Process::start("chromium", command);
        let line = process.expect_line("DevTools listening on ").await;
        let url = line.split("listening on ").nth(1).expect("checked by expect_line").trim().to_owned();
        // A screenshot comes as one message of some megabytes.
        let config = WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
        let (socket, _) = connect_async_with_config(url, Some(config), true).await.expect("the browser listens");
        let (send, receive) = socket.split();
        let link = Arc::new(Link {
            send: tokio::sync::Mutex::new(send),
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            complaints: Mutex::default(),
        });
        tokio::spawn(dispatch(Arc::clone(&link), receive));
        Some(Self { _process: process, profile, link, _turn: turn })
    }

    /// Opens a tab at `url` and waits until it has loaded.
    pub async fn open(&self, url: &str) -> Tab {
        let made = self.link.call(None, "Target.createTarget", json!({"url": "about:blank"})).await;
        let target = made["targetId"].as_str().expect("a target id").to_owned();
        let attached =
            self.link.call(None, "Target.attachToTarget", json!({"targetId": target, "flatten": true})).await;
        let session = attached["sessionId"].as_str().expect("a session id").to_owned();
        let tab = Tab { link: Arc::clone(&self.link), session, target };
        for domain in ["Page", "Runtime", "Log"] {
            tab.call(&format!("{domain}.enable"), json!({})).await;
        }
        tab.resize(SIZES[1]).await;
        tab.navigate(url).await;
        tab
    }

    /// Errors that pages reported so far, emptied.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.link.complaints.lock().unwrap())
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the pages complained:\n{}\n----", self.take_complaints().join("\n"));
        }
        // Its helpers are processes of their own; they must be gone before the profile is removed.
        end_all_at_home(self.profile.path());
    }
}

async fn dispatch(link: Arc<Link>, mut receive: SplitStream<Socket>) {
    while let Some(Ok(message)) = receive.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else { continue };
        if let Some(id) = value["id"].as_u64() {
            if let Some(waiting) = link.waiting.lock().unwrap().remove(&id) {
                let _ = waiting.send(value.take());
            }
            continue;
        }
        let params = &value["params"];
        let complaint = match value["method"].as_str() {
            Some("Runtime.exceptionThrown") => {
                let details = &params["exceptionDetails"];
                Some(format!("exception: {} {}", details["text"], details["exception"]["description"]))
            }
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => {
                Some(format!("console: {}", params["args"]))
            }
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                Some(format!("log: {} {}", params["entry"]["text"], params["entry"]["url"]))
            }
            _ => None,
        };
        link.complaints.lock().unwrap().extend(complaint);
    }
    link.waiting.lock().unwrap().clear();
}

impl Link {
    async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, answer);
        self.send.lock().await.send(Message::text(message.to_string())).await.expect("the browser lives");
        let mut answer = tokio::time::timeout(WAIT_MAX, answered)
            .await
            .unwrap_or_else(|_| panic!("{method}: no answer from the browser within {WAIT_MAX:?}"))
            .unwrap_or_else(|_| panic!("{method}: the browser has gone"));
        assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
        answer["result"].take()
    }
}

impl Tab {
    /// Any DevTools method on this tab.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        self.link.call(Some(&self.session), method, params).await
    }

    /// Goes to `url` and waits until it has loaded.
    pub async fn navigate(&self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url})).await;
        assert!(gone.get("errorText").is_none(), "{url}: {}", gone["errorText"]);
        self.expect_loaded().await;
    }

    /// Reloads, as F5 does, and waits until the new document has loaded.
    pub async fn reload(&self) {
        // Nothing else tells the old document from the new one.
        self.evaluate("window.__before_reload = true").await;
        self.call("Page.reload", json!({})).await;
        poll("the page reloads", async || {
            (self.evaluate("!window.__before_reload && document.readyState === 'complete'").await == true).then_some(())
        })
        .await;
    }

    async fn expect_loaded(&self) {
        poll("the page loads", async || {
            (self.evaluate("document.readyState === 'complete'").await == true).then_some(())
        })
        .await;
    }

    /// The value of a JavaScript expression; `null` when it throws because the document is just being replaced.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", params).await;
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true.
    pub async fn expect(&self, why: &str, expression: &str) {
        let asked = format!("!!({expression})");
        if poll_within(WAIT_MAX, async || (self.evaluate(&asked).await == true).then_some(())).await.is_none() {
            let text = self.evaluate("location.href + '\\n' + document.body.innerText").await;
            self.screenshot("failure").await;
            panic!("waited in vain: {why} ({expression})\nthe page shows:\n{}", text.as_str().unwrap_or_default());
        }
    }

    /// Waits until the page shows `text` anywhere.
    pub async fn expect_text(&self, text: &str) {
        self.expect(&format!("the page shows {text:?}"), &format!("document.body.innerText.includes({})", json!(text)))
            .await;
    }

    /// Waits until an element matches `selector` and is visible.
    pub async fn expect_element(&self, selector: &str) {
        self.expect(&format!("{selector} is visible"), &format!("(() => {{ {} return b }})()", rectangle(selector)))
            .await;
    }

    /// Clicks the middle of the first element that matches, once it is there, as a mouse does.
    pub async fn click(&self, selector: &str) {
        self.expect_element(selector).await;
        let middle = self
            .evaluate(&format!(
                "(() => {{ {} e.scrollIntoView({{block: 'nearest'}}); b = e.getBoundingClientRect(); \
                 return [b.x + b.width / 2, b.y + b.height / 2] }})()",
                rectangle(selector)
            ))
            .await;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            self.mouse(kind, &middle[0], &middle[1]).await;
        }
    }

    /// One mouse event with the left button.
    pub async fn mouse(&self, kind: &str, x: &Value, y: &Value) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        self.call("Input.dispatchMouseEvent", json!({"type": kind, "x": x, "y": y, "button": button, "clickCount": 1}))
            .await;
    }

    /// Replaces what an input field holds, as typing would.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.evaluate(&format!("document.querySelector({}).select?.()", json!(selector))).await;
        self.insert(text).await;
    }

    /// Text as an input method commits it: whole.
    pub async fn insert(&self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// Types text key by key; a newline is the Enter key.
    pub async fn type_text(&self, text: &str) {
        for character in text.chars() {
            if character == '\n' {
                self.key("Enter", 13, Some("\r"), 0).await;
            } else {
                let text = character.to_string();
                self.call("Input.dispatchKeyEvent", json!({"type": "keyDown", "key": text, "text": text})).await;
                self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": text})).await;
            }
        }
    }

    /// Presses one key: its DOM name, its virtual code, the text it makes, modifiers (1 Alt, 2 Ctrl, 4 Meta, 8 Shift).
    pub async fn key(&self, name: &str, code: u32, text: Option<&str>, modifiers: u32) {
        let mut down = json!({
            "type": if text.is_some() { "keyDown" } else { "rawKeyDown" }, "key": name,
            "windowsVirtualKeyCode": code, "modifiers": modifiers,
        });
        if let Some(text) = text {
            down["text"] = json!(text);
        } else if name.len() == 1 {
            down["code"] = json!(format!("Key{}", name.to_uppercase()));
        }
        self.call("Input.dispatchKeyEvent", down).await;
        let up = json!({"type": "keyUp", "key": name, "windowsVirtualKeyCode": code, "modifiers": modifiers});
        self.call("Input.dispatchKeyEvent", up).await;
    }

    /// Ctrl and a letter.
    pub async fn ctrl(&self, letter: char) {
        self.key(&letter.to_string(), u32::from(letter.to_ascii_uppercase()), None, 2).await;
    }

    /// Sets the window's size.
    pub async fn resize(&self, size: Size) {
        let metrics =
            json!({"width": size.width, "height": size.height, "deviceScaleFactor": 1, "mobile": size.width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Says that the person's system is dark or light.
    pub async fn prefer_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Cuts the page off the network, or mends it.
    pub async fn offline(&self, offline: bool) {
        self.call("Network.enable", json!({})).await;
        let conditions = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.call("Network.emulateNetworkConditions", conditions).await;
    }

    /// Writes what is on the screen to `target/screenshots/NAME.png`.
    pub async fn screenshot(&self, name: &str) {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        let png = base64::engine::general_purpose::STANDARD
            .decode(answer["data"].as_str().expect("a picture"))
            .expect("base64");
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(format!("{name}.png")), png).unwrap();
    }

    /// A picture of the page at every size, light and dark: `NAME-390-light.png` and so on.
    pub async fn portraits(&self, name: &str) {
        for size in SIZES {
            self.resize(size).await;
            for dark in [false, true] {
                self.prefer_dark(dark).await;
                // Two frames: one to lay out, one to paint.
                self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))").await;
                let shade = if dark { "dark" } else { "light" };
                self.screenshot(&format!("{name}-{}-{shade}", size.width)).await;
            }
        }
        self.resize(SIZES[1]).await;
        self.prefer_dark(false).await;
    }

    /// Closes the tab.
    pub async fn close(self) {
        self.link.call(None, "Target.closeTarget", json!({"targetId": self.target})).await;
    }
}

/// JavaScript that binds `e` to the first match and `b` to its box if it is visible, else to nothing.
fn rectangle(selector: &str) -> String {
    format!(
        "let e = [...document.querySelectorAll({})].find(e => e.checkVisibility() && e.getBoundingClientRect().width > 0); \
         let b = e?.getBoundingClientRect();",
        json!(selector)
    )
}
