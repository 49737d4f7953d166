//! A session of the real Claude Code, its owner's terminal on it, and everything that the owner's page is told of it.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;
use sessionforge::wire::frame::Frame;
use sessionforge::wire::hello::Role;
use tokio::time::Instant;

use super::super::messages_api::{StandIn, stand_in};
use super::super::socket::Socket;
use super::super::viewer::{Manners, VIEWER_PATH, Viewer};
use super::super::wait::{Changes, WAIT_MAX, poll};
use super::super::world::World;

/// Wide enough for Claude Code's widest notices.
pub const SIZE: (u16, u16) = (110, 36);

/// The first choice of each of Claude Code's dialogs, pointed at.
const DIALOG: &str = "❯ 1. ";

/// One Claude Code.
pub struct Scene {
    /// Where it is.
    pub world: World,
    /// Its session.
    pub session: SessionId,
    /// Its owner's terminal.
    pub viewer: Viewer,
    /// What it talks to.
    pub api: StandIn,
    /// What the owner's page was told.
    pub told: Told,
}

impl Scene {
    /// Claude Code at its first prompt, with `args`.
    pub async fn start(args: &[&str]) -> Option<Self> {
        Self::prepared(args, |_| {}).await
    }

    /// The same, with something done to its home directory before it starts.
    pub async fn prepared(args: &[&str], prepare: impl FnOnce(&World)) -> Option<Self> {
        let program = super::installed().await?;
        let world = World::start().await;
        let (home, folder) = (world.place().path("home"), world.place().path("home/project"));
        fs::create_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join(".git/HEAD"), "ref: refs/heads/topic\n").unwrap();
        let api = stand_in().await;
        super::write_wrapper(&program, api.address, &world.place().path("bin"), &home, &folder);
        prepare(&world);
        let launch = json!({"command": "claude", "args": args, "workdir": folder, "cols": SIZE.0, "rows": SIZE.1});
        let session = world.try_start_session(&launch).await.unwrap();
        let told = Told::listen(&world, session).await;
        let viewer = world.viewer(session, Manners { cols: SIZE.0, rows: SIZE.1, ..Manners::default() }).await;
        viewer.expect_text("Claude Code").await;
        Some(Self { world, session, viewer, api, told })
    }

    /// What the API says of it.
    pub async fn info(&self) -> Value {
        self.world.http.clone().get(&format!("/api/v1/sessions/{}", self.session)).await.ok().json()
    }

    /// Waits until it is at this, and says what is known then.
    pub async fn expect(&self, activity: &str) -> Value {
        poll(&format!("it is {activity}"), async || Some(self.info().await).filter(|info| info["activity"] == activity))
            .await
    }

    /// Types a prompt as a person does: the text, a look at it, Enter.
    pub async fn prompt(&self, text: &str) {
        self.viewer.type_text(text).await;
        self.viewer.expect_text(text).await;
        self.viewer.type_text("\r").await;
    }

    /// Waits until a dialog is on the screen.
    pub async fn expect_dialog(&self) {
        self.viewer.expect_text(DIALOG).await;
    }

    /// Waits until a dialog is gone from the screen.
    pub async fn expect_no_dialog(&self) {
        self.viewer.expect_screen("the dialog is gone", |screen| !screen.contains(DIALOG)).await;
    }

    /// Has it ask for leave to make the file `made`.
    pub async fn ask(&self, made: &str) -> Value {
        self.prompt(&format!("RUN: echo by-claude | tee {made} END")).await;
        let asked = self.expect("needs_you").await["needs"].clone();
        assert_eq!((&asked["reason"], &asked["tool"]), (&json!("permission"), &json!("Bash")), "{asked}");
        assert_eq!(asked["text"], format!("echo by-claude | tee {made}"));
        assert_eq!(asked["answerable"], true);
        asked
    }

    /// Answers by the API.
    pub async fn answer(&self, body: &Value) -> u16 {
        self.world.http.clone().post(&format!("/api/v1/sessions/{}/answer", self.session), body).await.status
    }

    /// Whether a file was made in the project.
    pub fn made(&self, name: &str) -> bool {
        self.world.place().path("home/project").join(name).exists()
    }
}

/// A state that a page was told, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `working`, `needs_you`, `done`, `idle`; or `exited`, `lost`.
    pub word: String,
    /// The reason of what it needs.
    pub needs: Option<String>,
    /// When it was told.
    pub at: Instant,
}

/// Everything a page is told of one session, from when it listens.
pub struct Told {
    shared: Arc<(Mutex<Vec<State>>, Changes)>,
    task: tokio::task::JoinHandle<()>,
}

impl Told {
    async fn listen(world: &World, session: SessionId) -> Self {
        let shared = Arc::new((Mutex::new(Vec::new()), Changes::default()));
        let mut socket = Socket::open(&world.http, VIEWER_PATH, None).await.expect("the server listens");
        socket.greet(Role::Viewer).await.expect("a hello");
        let told = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok(frame) = socket.next().await {
                let Frame::Control(json) = frame else { continue };
                let message: Value = serde_json::from_slice(&json).expect("JSON");
                let sessions = message["sessions"].as_array().into_iter().flatten().chain([&message["session"]]);
                for about in sessions.filter(|about| about["id"] == session.to_string()) {
                    let state = about["state"].as_str().filter(|state| *state != "running");
                    let word = state.or(about["activity"].as_str()).unwrap_or_default().to_owned();
                    let needs = about["needs"]["reason"].as_str().map(str::to_owned);
                    let mut states = told.0.lock().unwrap();
                    if states.last().is_none_or(|last: &State| (&last.word, &last.needs) != (&word, &needs)) {
                        states.push(State { word, needs, at: Instant::now() });
                    }
                }
                told.1.raise();
            }
        });
        Self { shared, task }
    }

    /// Waits until it is at rest behind its start, where a first path begins.
    pub async fn begins(&self) {
        let idle = self.shared.1.wait(WAIT_MAX, || {
            let mut states = self.shared.0.lock().unwrap();
            let last = states.pop_if(|last| last.word == "idle")?;
            *states = vec![last];
            Some(())
        });
        idle.await.expect("it starts, and is idle");
    }

    /// Waits until the newest state is the last of `path`, and says when that was told. The path begins with what it was at;
    /// everything told since then must stand in it, in its order. A state that was over within a moment may not have been
    /// told.
    pub async fn follows(&self, path: &[&str]) -> Result<Instant, String> {
        let end = path.last().expect("a path leads somewhere");
        let arrived = self.shared.1.wait(WAIT_MAX, || {
            let states = self.shared.0.lock().unwrap();
            let news = states.get(1..)?;
            news.last().filter(|state| word_of(state) == *end).map(|state| state.at)
        });
        let arrived = arrived.await;
        let mut states = self.shared.0.lock().unwrap();
        let words: Vec<String> = states.iter().map(word_of).collect();
        let at = arrived.ok_or_else(|| format!("wanted {path:?}, and after {WAIT_MAX:?} it was told {words:?}"))?;
        let mut expected = path.iter();
        if !words.iter().all(|word| expected.any(|wanted| wanted == word)) {
            return Err(format!("wanted {path:?}, told {words:?}"));
        }
        states.drain(..words.len() - 1);
        Ok(at)
    }

    /// Whether nothing else is told for a while.
    pub async fn stays(&self, word: &str, time: Duration) -> Result<(), String> {
        let other =
            self.shared.1.wait(time, || self.shared.0.lock().unwrap().iter().map(word_of).find(|told| told != word));
        other.await.map_or(Ok(()), |told| Err(format!("it was {word}, and became {told} by itself")))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `needs_you:permission`, or the state alone.
fn word_of(state: &State) -> String {
    match &state.needs {
        Some(reason) => format!("{}:{reason}", state.word),
        None => state.word.clone(),
    }
}
