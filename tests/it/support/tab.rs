//! One tab of a browser: a person's hands and eyes.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Value, json};

use super::chrome::Link;
use super::wait::{WAIT_MAX, poll, poll_within};

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

/// Pictures that README.md shows. `SESSIONFORGE_BLESS_PICTURES=1` at a test run writes them to `docs/images`; nothing compares
/// them, because no two machines draw letters alike.
pub const PICTURES: [&str; 3] = ["needs-you", "editor", "fleet"];

/// One tab.
pub struct Tab {
    link: Arc<Link>,
    session: String,
    target: String,
}

impl Tab {
    /// A blank one, in a window of its own: what is behind another tab is not drawn.
    pub(super) async fn new(link: Arc<Link>) -> Self {
        let made = link.call(None, "Target.createTarget", json!({"url": "about:blank", "newWindow": true})).await;
        let target = made["targetId"].as_str().expect("a target id").to_owned();
        let attached = link.call(None, "Target.attachToTarget", json!({"targetId": target, "flatten": true})).await;
        let session = attached["sessionId"].as_str().expect("a session id").to_owned();
        let tab = Self { link, session, target };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.call(&format!("{domain}.enable"), json!({})).await;
        }
        tab.resize(SIZES[1]).await;
        tab
    }

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
        let middle = self.middle_of(selector).await;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            self.mouse(kind, &middle[0], &middle[1]).await;
        }
    }

    /// Where a person would click: once the element stands still and nothing lies over its middle.
    async fn middle_of(&self, selector: &str) -> Value {
        self.expect_element(selector).await;
        let script = format!(
            "(async () => {{ {} e.scrollIntoView({{block: 'nearest'}}); const was = e.getBoundingClientRect(); \
             await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))); \
             b = e.getBoundingClientRect(); const at = [b.x + b.width / 2, b.y + b.height / 2]; \
             const top = document.elementFromPoint(...at); \
             const still = b.x === was.x && b.y === was.y && b.width === was.width; \
             return still && top && (e.contains(top) || top.contains(e)) ? at : null }})()",
            rectangle(selector)
        );
        poll(&format!("{selector} can be clicked"), async || Some(self.evaluate(&script).await).filter(Value::is_array))
            .await
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
        self.evaluate(&format!("(() => {{ {} e?.select?.() }})()", rectangle(selector))).await;
        self.insert(text).await;
    }

    /// Turns the mouse wheel over the middle of an element, by so many pixels; upwards is negative.
    pub async fn wheel(&self, selector: &str, pixels: i32) {
        let middle = self.middle_of(selector).await;
        let event = json!({"type": "mouseWheel", "x": middle[0], "y": middle[1], "deltaX": 0, "deltaY": pixels});
        self.call("Input.dispatchMouseEvent", event).await;
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
        let conditions = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.call("Network.emulateNetworkConditions", conditions).await;
    }

    /// The number of the service worker's registration, as DevTools calls it.
    pub async fn service_worker(&self) -> String {
        self.call("ServiceWorker.enable", json!({})).await;
        poll("DevTools tells of the service worker", async || {
            let known = self.link.registrations.lock().unwrap().last()?["registrationId"].clone();
            known.as_str().map(str::to_owned)
        })
        .await
    }

    /// Writes what is on the screen to `target/screenshots/NAME.png`.
    pub async fn screenshot(&self, name: &str) {
        self.picture(&Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots"), name).await;
    }

    async fn picture(&self, dir: &Path, name: &str) {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        let png = base64::engine::general_purpose::STANDARD
            .decode(answer["data"].as_str().expect("a picture"))
            .expect("base64");
        std::fs::create_dir_all(dir).unwrap();
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

    /// One of [`PICTURES`], as the page is now, light and dark: for README.md if somebody asked for it, else nothing.
    pub async fn picture_for_readme(&self, name: &str) {
        assert!(PICTURES.contains(&name), "{name} is not in PICTURES");
        if std::env::var_os("SESSIONFORGE_BLESS_PICTURES").is_none() {
            return;
        }
        for (dark, shade) in [(true, "dark"), (false, "light")] {
            self.prefer_dark(dark).await;
            self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))").await;
            let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
            self.picture(&images, &format!("{name}-{shade}")).await;
        }
    }

    /// Closes the tab.
    pub async fn close(self) {
        self.link.call(None, "Target.closeTarget", json!({"targetId": self.target})).await;
    }
}

/// JavaScript that binds `e` to the first visible match and `b` to its box.
///
/// A selector is CSS, or what a person reads: `button: Sign in` (also a link, or a name for screen readers),
/// `field: E-mail` (by its label).
fn rectangle(selector: &str) -> String {
    let said = |text: &str| json!(text.trim());
    let candidates = if let Some(name) = selector.strip_prefix("button:") {
        format!(
            "[...document.querySelectorAll('button, a, [role=button], [role=menuitem], summary')].filter(e => \
             [e.innerText?.trim(), e.getAttribute('aria-label'), e.title].includes({}))",
            said(name)
        )
    } else if let Some(label) = selector.strip_prefix("field:") {
        format!(
            "[...document.querySelectorAll('label')].filter(l => l.innerText.trim().startsWith({0})).map(l => l.control)\
             .concat([...document.querySelectorAll('input, textarea, select')].filter(e => e.ariaLabel === {0}))\
             .filter(Boolean)",
            said(label)
        )
    } else {
        format!("[...document.querySelectorAll({})]", said(selector))
    };
    format!(
        "let e = {candidates}.find(e => e.checkVisibility() && e.getBoundingClientRect().width > 0); \
         let b = e?.getBoundingClientRect();"
    )
}
