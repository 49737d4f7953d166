//! What people wait for: the badge, the keyboard, the call; from the command or the click to the page that shows it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;
use sessionforge::wire::message::Take;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::all_within;
use super::hook::{command_of, played_claude, start};
use super::probe::{Line, Probe};
use super::support::chrome::Chrome;
use super::support::http::Http;
use super::support::page;
use super::support::process::run;
use super::support::tab::Tab;
use super::support::world::World;
use super::table::Table;

/// Rounds of each.
const ROUNDS: usize = 50;

/// The bar of everything that a person looks at.
const SEEN_WITHIN: Duration = Duration::from_millis(300);

/// A page that is looked at in between is at rest for this long first.
const REST: Duration = Duration::from_millis(300);

/// An owner with a page, and Bea, a member, with another.
pub struct Scene {
    world: World,
    bea: Http,
    owners: Tab,
    beas: Tab,
    _browsers: [Chrome; 2],
}

impl Scene {
    /// Without a Chromium there is none.
    pub async fn start() -> Option<Self> {
        let chrome = Chrome::start().await?;
        let another = chrome.another().await;
        let world = World::start().await;
        let bea = page::member(&world, "Bea", "member").await;
        let owners = page::open(&chrome, &world, "/").await;
        let beas = page::open_as(&another, &world, &bea, "/?renderer=dom").await;
        Some(Self { world, bea, owners, beas, _browsers: [chrome, another] })
    }

    /// From the start of `sessionforge pause`, as Claude Code runs it, to the badge on another member's page.
    pub async fn pause(&self, table: &mut Table) {
        let session = self.world.bash().await;
        let (id, data_dir) = (session.to_string(), self.world.place().path("agent"));
        let handing = |what| run(self.world.place().command(&[what, "--data-dir", data_dir.to_str().unwrap(), &id]));
        let mut by_command = Vec::new();
        let mut by_page = Vec::new();
        for _ in 0..ROUNDS {
            let badge = "document.querySelector('[data-testid=shared]') !== null";
            by_command.push(shown(&self.beas, badge, async || assert_eq!(handing("pause").await.code, 0)).await);
            assert_eq!(handing("resume").await.code, 0);
            let none = "document.querySelector('[data-testid=shared]') === null";
            self.beas.expect("the badge is gone", none).await;
            by_page.push(shown(&self.beas, badge, async || self.share(session, "organisation").await).await);
            self.share(session, "private").await;
            self.beas.expect("the badge is gone", none).await;
        }
        self.world.stop_session(session).await;
        all_within(table, "`sessionforge pause` to the badge on a member's page", &mut by_command, SEEN_WITHIN);
        all_within(table, "share by the API to the badge on a member's page", &mut by_page, SEEN_WITHIN);
    }

    /// From the adoption to the first key that the program sends back; and from the click to a page with the keyboard.
    pub async fn adopt(&self, table: &mut Table) {
        let session = self.world.start_session("sh", &["-c", "stty raw -echo; echo ready; exec cat"]).await;
        let mut owner = Probe::attach(&self.world.http, session, Take::Always, Line::default()).await;
        owner.until("ready").await;
        let owner = tokio::spawn(async move { while owner.turn().await.is_ok() {} });
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            self.share(session, "organisation").await;
            let mut viewer = Probe::attach(&self.bea, session, Take::IfFree, Line::default()).await;
            viewer.read_for(REST).await;
            let before = viewer.output;
            let started = Instant::now();
            self.bea.clone().post(&format!("/api/v1/sessions/{session}/adopt"), &json!({})).await.ok();
            viewer.type_text("x").await;
            while viewer.output == before {
                viewer.turn().await.expect("attached");
            }
            times.push(started.elapsed());
            self.share(session, "private").await;
        }
        all_within(table, "adopt to the first key sent back", &mut times, SEEN_WITHIN);

        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            self.share(session, "organisation").await;
            self.beas.navigate(&page::url(&self.world, &format!("/sessions/{session}?renderer=dom"))).await;
            self.beas.expect_element("[data-testid=stage][data-line=live][data-control=false]").await;
            tokio::time::sleep(REST).await;
            let controls = "document.querySelector('[data-testid=stage]')?.dataset.control === 'true'";
            let click = "document.querySelector('button.adopt').click()";
            times.push(shown(&self.beas, controls, async || drop(self.beas.evaluate(click).await)).await);
            self.share(session, "private").await;
        }
        owner.abort();
        self.beas.navigate(&page::url(&self.world, "/")).await;
        self.world.stop_session(session).await;
        all_within(table, "click on Adopt to a page with the keyboard", &mut times, SEEN_WITHIN);
    }

    /// From the start of the hook to whatever says that Claude Code needs somebody.
    pub async fn needs(&self, table: &mut Table) {
        let session = played_claude(&self.world).await;
        let command = command_of(&self.world, session, "PermissionRequest").await;
        let said = json!({"hook_event_name": "PermissionRequest", "session_id": "b1946ac9-2b1c-4d6e-8f3a-000000000001",
            "cwd": self.world.place().path("home"), "tool_name": "Bash", "tool_input": {"command": "make release"}});
        let mut events = Events::open(&self.world.http).await;
        let (mut by_page, mut by_events) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (mut hook, mut told) = (None, Duration::ZERO);
            let begin = async || {
                let started = Instant::now();
                hook = Some(start(&command, &said));
                events.until("\"needs_you\"").await;
                told = started.elapsed();
            };
            let asks = "document.querySelector('.need-text')?.textContent.includes('make release')";
            by_page.push(shown(&self.owners, asks, begin).await);
            by_events.push(told);
            self.answer(session).await;
            assert!(hook.expect("started").wait().unwrap().success());
            self.owners.expect("it is answered", "document.querySelector('.need') === null").await;
        }
        self.world.stop_session(session).await;
        all_within(table, "a request for leave to the page that asks", &mut by_page, SEEN_WITHIN);
        all_within(table, "the same to `GET /events`", &mut by_events, SEEN_WITHIN);
        // Each further channel that tells of it (push, webhooks) has its row here, to when it is handed off: ≤ 500 ms.
    }

    async fn share(&self, session: SessionId, with: &str) {
        let path = format!("/api/v1/sessions/{session}/sharing");
        self.world.http.clone().send("PUT", &path, Some(&json!({ "with": with }))).await.ok();
    }

    async fn answer(&self, session: SessionId) {
        let path = format!("/api/v1/sessions/{session}");
        let need = self.world.http.clone().get(&path).await.ok().json()["needs"]["id"].clone();
        let deny = json!({"need": need, "answer": "deny"});
        self.world.http.clone().post(&format!("{path}/answer"), &deny).await.ok();
    }
}

/// Does it, and says how long after its beginning `condition` held on the page and was drawn.
async fn shown(tab: &Tab, condition: &str, act: impl AsyncFnOnce()) -> Duration {
    let watch = format!(
        "new Promise(done => {{ const look = () => {{ if (!({condition})) return; observer.disconnect(); \
         requestAnimationFrame(() => done(Date.now())); }}; const observer = new MutationObserver(look); \
         observer.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}}); \
         look(); }})"
    );
    let acting = async {
        // Until the page watches, and what was before is over.
        tokio::time::sleep(REST).await;
        let started = unix_millis();
        act().await;
        started
    };
    let (at, started): (Value, f64) = tokio::join!(tab.evaluate(&watch), acting);
    Duration::from_secs_f64((at.as_f64().expect("it was shown") - started).max(0.0) / 1e3)
}

/// The clock that `Date.now()` reads.
fn unix_millis() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1e3
}

/// The stream of `GET /events`.
struct Events(TcpStream);

impl Events {
    async fn open(who: &Http) -> Self {
        let mut stream = TcpStream::connect(who.address).await.unwrap();
        let cookie = who.cookie.as_deref().unwrap();
        let head = format!("GET /api/v1/events HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n", who.address);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut events = Self(stream);
        events.until("event: fleet").await;
        events
    }

    async fn until(&mut self, mark: &str) {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(mark) {
            assert!(self.0.read_buf(&mut seen).await.unwrap() > 0, "the stream has ended");
        }
    }
}
