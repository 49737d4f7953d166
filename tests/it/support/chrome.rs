//! A real Chromium, driven over its DevTools protocol: what a person would do, and what a person would see.
//!
//! No driver and no Node: the protocol is JSON over a WebSocket, and a test needs a dozen of its methods.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::process::{Process, end_all_at_home};
use super::tab::Tab;
use super::wait::WAIT_MAX;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Tests with a browser at a time: each is half a dozen processes, and two cores serve no more than two of them well.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// One browser with a fresh profile.
pub struct Chrome {
    _process: Process,
    profile: tempfile::TempDir,
    link: Arc<Link>,
    _turn: Option<SemaphorePermit<'static>>,
}

/// The DevTools connection.
pub(super) struct Link {
    send: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// Errors that pages reported: uncaught exceptions, console errors, refused resources.
    complaints: Mutex<Vec<String>>,
    /// Service workers that DevTools told of.
    pub(super) registrations: Mutex<Vec<Value>>,
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
        Some(Self::launch(&executable, Some(turn)).await)
    }

    /// One for somebody else, with a fresh profile too. It takes no turn of its own: two tests that each held one and
    /// waited for another would wait for ever.
    pub async fn another(&self) -> Self {
        Self::launch(&executable().expect("this one is running"), None).await
    }

    async fn launch(executable: &Path, turn: Option<SemaphorePermit<'static>>) -> Self {
        let profile = tempfile::Builder::new().prefix("sf-chrome-").tempdir().unwrap();
        let mut command = Command::new(executable);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--disable-default-apps", "--mute-audio", "--hide-scrollbars"])
            .args(["--disable-background-timer-throttling", "--disable-renderer-backgrounding"])
            .args(["--disable-backgrounding-occluded-windows", "--log-level=3", "--remote-debugging-port=0"])
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
            registrations: Mutex::default(),
        });
        tokio::spawn(dispatch(Arc::clone(&link), receive));
        Self { _process: process, profile, link, _turn: turn }
    }

    /// Opens a tab at `url` and waits until it has loaded.
    pub async fn open(&self, url: &str) -> Tab {
        let tab = Tab::new(Arc::clone(&self.link)).await;
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
        if value["method"] == "ServiceWorker.workerRegistrationUpdated" {
            link.registrations
                .lock()
                .unwrap()
                .extend(params["registrations"].as_array().into_iter().flatten().cloned());
        }
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
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
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
